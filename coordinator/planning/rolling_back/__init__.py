"""How far a rollback reaches, what it costs, and whether it may be."""
