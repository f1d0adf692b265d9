"""The use cases: the only place where the packages are joined."""
