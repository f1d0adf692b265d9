"""What git knows of the checkout: the only user of its program."""
