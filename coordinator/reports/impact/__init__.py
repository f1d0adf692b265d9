"""The impact report in its forms."""
