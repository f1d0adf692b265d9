"""Values to text, Markdown, mermaid and JSON."""
