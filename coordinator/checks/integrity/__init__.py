"""Integrity checks: what must still hold right after a step, one file each."""
