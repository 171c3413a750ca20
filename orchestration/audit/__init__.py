"""Whether a log is what was written: a chain over each run's events, anchors outside the database, erasure."""
