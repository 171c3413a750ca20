"""Samples of every card, the check against the official schema, and pictures."""
