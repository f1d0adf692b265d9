"""Reads and writes `migrate.personal`: the columns that a map has marked as personal data, this one or an earlier one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.model.kept import PersonalColumn, PersonalMarks
    from coordinator.postgres.session import Session


def read_personal(session: Session) -> frozenset[PersonalColumn]:
    """The columns that are remembered; none while the ledger has no such table, or for a role that may not read it.

    Such a role only plans: `note_personal` lets it begin no run.
    """
    if not session.value("SELECT has_table_privilege(to_regclass('migrate.personal'), 'SELECT')"):
        return frozenset()
    return _read(session)


def _read(session: Session) -> frozenset[PersonalColumn]:
    return frozenset(session.rows("SELECT table_schema, table_name, column_name FROM migrate.personal"))


def note_personal(session: Session, marks: PersonalMarks) -> None:
    """Bring what is remembered up to date with a map; on the ledger connection, when a run begins.

    Raises StatementError when it may not be read.
    """
    before = _read(session)
    now = marks.and_remembered(before)
    for each in sorted(before - now):
        session.execute(
            "DELETE FROM migrate.personal WHERE (table_schema, table_name, column_name) = (%s, %s, %s)", each
        )
    for each in sorted(now - before):
        session.execute("INSERT INTO migrate.personal VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", each)
