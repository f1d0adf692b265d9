"""Preflight findings and integrity checks, one file each."""
