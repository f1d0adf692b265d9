"""Certificates: what they bind when they are made, and what stands against them when they are used. Pure."""
