"""The linter of single statements: the only user of its program."""
