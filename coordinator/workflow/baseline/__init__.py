"""Where pending revisions start from: a live target, a snapshot of one, or applied revisions run again."""
