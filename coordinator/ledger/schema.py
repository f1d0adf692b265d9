"""The ledger's tables, in schema `migrate` of the target: their versions, and how to get from one to the next.

A version only adds to the one before it, or loosens it, so that an older program can read what a newer one wrote. One
that a program has written into a database is not changed any more: what comes later is the next.

Who may write what, so that the program cannot wait for itself (the server sees no deadlock between two connections of
one process): the main connection writes only rows that it alone touches inside its transactions; the ledger connection
never touches a row or key that an open main transaction may have written.
"""

from __future__ import annotations

import re

from coordinator.ledger import version_1, version_2, version_3, version_4
from coordinator.model.locks import LockMode, TableLock, in_order

SCHEMA = "migrate"
_SCRIPTS = (version_1.SCRIPT, version_2.SCRIPT, version_3.SCRIPT, version_4.SCRIPT)
VERSION = len(_SCRIPTS)
_ALTERED = re.compile(rf"^ALTER TABLE {SCHEMA}\.(\w+)", re.MULTILINE)


def scripts_from(version: int) -> tuple[str, ...]:
    """What brings tables of that version (0: none yet) to `VERSION`, in order."""
    return _SCRIPTS[version:]


def locks_of(scripts: tuple[str, ...]) -> tuple[TableLock, ...]:
    """The locks that these take on tables which may be there before them, in the order to take them."""
    altered = {table for script in scripts for table in _ALTERED.findall(script)}
    return in_order(
        tuple(TableLock(schema=SCHEMA, table=each, mode=LockMode.ACCESS_EXCLUSIVE) for each in altered)
    )
