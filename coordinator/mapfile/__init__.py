"""database_map.md: Markdown to DatabaseMap and back."""
