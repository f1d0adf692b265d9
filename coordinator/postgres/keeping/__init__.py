"""Copies of rows: made, measured, and put back."""
