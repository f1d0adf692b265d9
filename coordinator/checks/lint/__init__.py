"""What is wrong with pending revisions beyond their own module, one file a rule; and what squawk says of them."""
