"""What becomes of a consumer, one file for each kind of change."""
