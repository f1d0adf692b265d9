"""The ledger's tables, in schema `migrate` of the target: their versions, and how to get from one to the next.

A version only adds to the one before it, so that an older program can read what a newer one wrote. Who may write
what, so that the program cannot wait for itself (the server sees no deadlock between two connections of one
process): the main connection writes only rows that it alone touches inside its transactions; the ledger connection
never touches a row or key that an open main transaction may have written.
"""

from __future__ import annotations

from coordinator.ledger import version_1, version_2, version_3

SCHEMA = "migrate"
_SCRIPTS = (version_1.SCRIPT, version_2.SCRIPT, version_3.SCRIPT)
VERSION = len(_SCRIPTS)


def scripts_from(version: int) -> tuple[str, ...]:
    """What brings tables of that version (0: none yet) to `VERSION`, in order."""
    return _SCRIPTS[version:]
