"""The modules' own code, searched for uses of tables and columns."""
