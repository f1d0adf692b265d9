"""Carries out a plan; emits events and never prints."""
