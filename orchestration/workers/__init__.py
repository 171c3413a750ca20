"""Workers that belong to no outside system."""
