"""Taking back what is in already, with all that stands on it."""
