"""Mail: searching, drafting, sending."""
