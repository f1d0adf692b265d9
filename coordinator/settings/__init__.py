"""What the user chose: flags, variables, the environment's table, the file and the defaults, read once."""
