"""The run as a pure state machine: no input or output, no clock, no randomness, no async."""
