"""Clients of outside systems, and the workers that belong to one system each."""
