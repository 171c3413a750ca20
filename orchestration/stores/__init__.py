"""Where events, entries and projections are kept."""
