"""The process in which authors' revisions run, and the pipe to it."""
