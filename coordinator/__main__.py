"""`python -m coordinator` is `migrate`."""

from coordinator.cli.main import main

main()
