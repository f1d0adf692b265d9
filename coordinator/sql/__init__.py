"""PostgreSQL's own grammar: what a text of SQL contains."""
