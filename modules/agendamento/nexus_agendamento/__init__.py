"""Appointments: who, with whom, when."""
