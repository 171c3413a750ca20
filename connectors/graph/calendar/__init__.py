"""Calendars: when everybody is free, and meetings."""
