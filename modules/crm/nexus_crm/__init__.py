"""Customers and deals."""
