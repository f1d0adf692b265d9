"""Messages to customers and users."""
