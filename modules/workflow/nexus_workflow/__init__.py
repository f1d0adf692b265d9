"""Jobs that survive a deploy."""
