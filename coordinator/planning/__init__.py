"""Pure decisions: which order, which segments, which way back."""
