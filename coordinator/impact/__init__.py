"""What a change means for those who use what it changes: pure decisions over values."""
