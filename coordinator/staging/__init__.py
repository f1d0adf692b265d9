"""Throw-away databases to rehearse in."""
