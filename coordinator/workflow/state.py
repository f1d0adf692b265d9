"""What is in the target: heads, applied revisions, and what the ledger remembers.

Reading and understanding are apart: `read_found` asks a database, `interpret` says what the answers mean for the
modules of a checkout. A snapshot holds the answers, so what it says of a target is what the target says of itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.errors import UnreachableError
from coordinator.execution.versions import has_version_table, read_heads, readable_heads
from coordinator.ledger.acceptances import read_acceptances
from coordinator.ledger.holds import read_holds
from coordinator.ledger.lock import find_holder
from coordinator.ledger.modules import read_modules
from coordinator.ledger.store import LedgerReader
from coordinator.model.found import Found, HeadRows
from coordinator.model.lock_table import LockTable
from coordinator.model.run import RunStatus
from coordinator.postgres.table_trees import read_table_trees
from coordinator.workflow.absent import absent_modules, ledger_modules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from coordinator.execution.project import Project
    from coordinator.ledger.lock import Holder
    from coordinator.model.acceptance import Acceptance
    from coordinator.model.hold import Hold
    from coordinator.model.module import Module
    from coordinator.model.names import RevisionKey
    from coordinator.model.run import AppliedRevision, Run
    from coordinator.postgres.session import Session
    from coordinator.workflow.absent import AbsentModules

_LOCKS = (
    "SELECT current_setting('max_locks_per_transaction')::bigint * sessions, sessions FROM"
    " (SELECT current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint)"
    " AS of_server (sessions)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """The target as it was at one moment.

    `heads` are the rows of each module's version table that are this module's (no entry: no such table).
    `applied` are the revision ids that these heads imply, with those that only the ledger knows.
    """

    heads: Mapping[str, frozenset[str]]
    applied: Mapping[str, frozenset[str]]
    unknown: Mapping[str, frozenset[str]]  # heads that neither files nor ledger know
    ahead: Mapping[str, frozenset[str]]  # heads that only the ledger knows
    widths: Mapping[str, int]  # the longest text that each module's version table holds, where it has a limit
    recorded: tuple[AppliedRevision, ...]
    open_runs: tuple[Run, ...]
    holds: tuple[Hold, ...]
    acceptances: tuple[Acceptance, ...]
    absent: AbsentModules
    ledger_version: int
    server_version: int
    lock_table: LockTable  # its capacity is without the server's slack

    def pending(self, project: Project) -> tuple[RevisionKey, ...]:
        """Revisions in files that are not in the target, parents first in each module."""
        return tuple(
            each.key
            for tree in project.trees
            for each in tree.revisions
            if each.key.revision not in self.applied.get(tree.module.name, frozenset())
        )

    def is_in(self, key: RevisionKey) -> bool:
        """Whether a revision is in, whoever put it there.

        Its module's version table decides, since plain Alembic may have gone on or back; the ledger does where that
        table is not there or holds what nobody knows.
        """
        if key.revision in self.applied.get(key.module, frozenset()):
            return True
        is_told = key.module in self.applied and not self.unknown.get(key.module)
        return not is_told and any(each.key == key for each in self.recorded)

    def outside(self, project: Project) -> tuple[RevisionKey, ...]:
        """Revisions in files that are in and that the ledger does not know: plain Alembic applied them."""
        noted = {each.key for each in self.recorded}
        return tuple(
            each.key
            for tree in project.trees
            for each in tree.revisions
            if each.key.revision in self.applied.get(tree.module.name, frozenset()) and each.key not in noted
        )


def look(session: Session, project: Project, *, whole: bool = True) -> TargetState:
    """Read version tables and ledger in one unchanging, read-only view.

    Without `whole` what was applied comes without its sources and effects, and nothing is known of what inherits from
    tables; enough to see what is pending.
    """
    with session.snapshot():
        return interpret(project, read_found(session, project, whole=whole))


def look_beside(
    session: Session, project: Project, *, whole: bool = True
) -> tuple[TargetState, Holder | None]:
    """The same, and who holds the lock, asked before: one that is over since has done what the look shows.

    A run that has begun in between is not taken for one that nobody works on.
    """
    holder = find_holder(session)
    state = look(session, project, whole=whole)
    if holder is None and any(each.status is RunStatus.RUNNING for each in state.open_runs):
        holder = find_holder(session)
        state = look(session, project, whole=whole)
    return state, holder


def read_found(session: Session, project: Project, *, whole: bool = True) -> Found:
    """All that the state of these modules follows from; the caller gives the unchanging view.

    Version tables of modules that only the ledger knows are read where the role may.
    """
    ledger = LedgerReader(session)
    recorded = ledger.applied(whole=whole)
    modules = read_modules(session, ledger.version)
    capacity, sessions = session.rows(_LOCKS)[0]
    return Found(
        rows=_rows(session, project, ledger_modules(project, modules, recorded)),
        recorded=recorded,
        modules=modules,
        open_runs=ledger.open_runs(),
        holds=read_holds(session),
        acceptances=read_acceptances(session, ledger.version),
        ledger_version=ledger.version,
        server_version=session.server_version,
        lock_capacity=int(capacity),
        lock_sessions=int(sessions),
        table_trees=read_table_trees(session) if whole else {},
    )


def _rows(session: Session, project: Project, others: Iterable[Module]) -> Mapping[tuple[str, str], HeadRows]:
    """The version tables that are there; a module of this checkout must be readable, others need not be."""
    widths = _widths(session)
    found: dict[tuple[str, str], HeadRows] = {}
    for module in project.modules:
        table = module.qualified_version_table
        if table not in found and (heads := read_heads(session, module)) is not None:
            found[table] = HeadRows(heads=heads, width=widths.get(table))
    for module in others:
        table = module.qualified_version_table
        if table not in found and has_version_table(session, *table):
            found[table] = HeadRows(heads=readable_heads(session, *table), width=widths.get(table))
    return found


def _widths(session: Session) -> Mapping[tuple[str, str], int]:
    rows = session.rows(
        "SELECT table_schema, table_name, character_maximum_length FROM information_schema.columns"
        " WHERE column_name = 'version_num' AND character_maximum_length IS NOT NULL"
    )
    return {(schema, table): width for schema, table, width in rows}


def interpret(project: Project, found: Found) -> TargetState:
    """Say what was found in a database means for these modules. Pure.

    Raises UnreachableError when the heads of one of them were not readable.
    """
    rows: dict[str, frozenset[str]] = {}
    widths: dict[str, int] = {}
    for module in project.modules:
        table = found.rows.get(module.qualified_version_table)
        if table is None:
            continue
        if table.heads is None:
            schema, name = module.qualified_version_table
            raise UnreachableError(
                f"the role that looked may not read {schema}.{name}, so the heads of module {module.name!r} are not"
                " known",
                help="`migrate check --rights` prints the GRANT statements",
            )
        rows[module.name] = table.heads
        if table.width is not None:
            widths[module.name] = table.width
    return TargetState(
        **_heads(project, rows, found),
        widths=widths,
        recorded=found.recorded,
        open_runs=found.open_runs,
        holds=found.holds,
        acceptances=found.acceptances,
        absent=absent_modules(project, found),
        ledger_version=found.ledger_version,
        server_version=found.server_version,
        lock_table=LockTable(
            capacity=found.lock_capacity, sessions=found.lock_sessions, trees=found.table_trees
        ),
    )


def _heads(
    project: Project, rows: Mapping[str, frozenset[str]], found: Found
) -> dict[str, Mapping[str, frozenset[str]]]:
    """Say what each row of each version table means. Several modules may share one table, absent ones among them."""
    ids = {
        tree.module.name: frozenset(each.key.revision for each in tree.revisions) for tree in project.trees
    }
    remembered: dict[str, set[str]] = {}
    for each in found.recorded:
        remembered.setdefault(each.key.module, set()).add(each.key.revision)
    modules = (*project.modules, *ledger_modules(project, found.modules, found.recorded))
    heads, applied, unknown, ahead = {}, {}, {}, {}
    for tree in project.trees:
        name = tree.module.name
        if name not in rows:
            continue
        sharing = [
            each.name
            for each in modules
            if each.qualified_version_table == tree.module.qualified_version_table
        ]
        others = frozenset().union(
            *(
                ids.get(other, frozenset()) | remembered.get(other, set())
                for other in sharing
                if other != name
            )
        )
        mine = rows[name] & ids[name]
        foreign = rows[name] - ids[name] - others
        known = foreign & remembered.get(name, set())
        heads[name] = mine | foreign
        ahead[name], unknown[name] = known, foreign - known
        applied[name] = tree.ancestors(mine) | (frozenset(remembered.get(name, ())) if known else frozenset())
    return {"heads": heads, "applied": applied, "unknown": unknown, "ahead": ahead}
