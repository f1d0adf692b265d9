"""Revisions and modules as graphs; the only owner of networkx."""
