"""Plans, runs and what carries them out; knows no vendor."""
