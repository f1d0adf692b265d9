"""What was read of a database: version tables and ledger, before anybody says what that means for which modules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.acceptance import Acceptance
    from coordinator.model.hold import Hold
    from coordinator.model.known_module import KnownModule
    from coordinator.model.lock_table import TableTree
    from coordinator.model.run import AppliedRevision, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRows:
    """A version table that is there: its rows (None: the role may not read them), and the longest text it can hold."""

    heads: frozenset[str] | None
    width: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`rows` are those of each version table (schema, name) that is there; all else is the ledger's, or the server's.

    `lock_capacity`, `lock_sessions` and `table_trees` are as in `LockTable`.
    """

    rows: Mapping[tuple[str, str], HeadRows]
    recorded: tuple[AppliedRevision, ...] = ()
    modules: tuple[KnownModule, ...] = ()
    open_runs: tuple[Run, ...] = ()
    holds: tuple[Hold, ...] = ()
    acceptances: tuple[Acceptance, ...] = ()
    ledger_version: int = 0
    server_version: int
    lock_capacity: int
    lock_sessions: int
    table_trees: Mapping[tuple[str, str], TableTree] = field(default_factory=dict)
