"""The coordinator's own tables in the target: what ran, and when."""
