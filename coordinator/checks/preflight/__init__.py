"""What is wrong with a project before anything is touched, one file a check."""
