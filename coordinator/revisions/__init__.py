"""Modules' Alembic trees on disk, and what each revision does."""
