"""Invoices, and what was paid."""
