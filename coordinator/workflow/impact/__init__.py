"""Who uses what a branch changes: gathers from git, trees, database or snapshot, map and code, and has it judged."""
