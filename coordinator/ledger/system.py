"""Which server a run was begun on: its system identifier and timeline.

After a failover to a standby that had not yet received everything, the ledger there is consistent with the data there;
but what it says about the last segments of a run is not what the run was told. So nobody settles such a run unasked.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from coordinator.errors import UnsettledError
from coordinator.postgres.failure import StatementError

if TYPE_CHECKING:
    from coordinator.postgres.session import Session

# The timeline that is written now; the one in the control file is that of the last checkpoint, and a standby that
# was just promoted still has the old one there.
_SYSTEM = (
    "SELECT (SELECT system_identifier FROM pg_control_system())::text || '/' ||"
    " ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int"
)


class OtherServerError(UnsettledError):
    """What this server holds of a run is not known to be what the run was told."""


def read_system(session: Session) -> str:
    """System identifier and timeline, such as "7412390523/1"; empty where the role may not ask."""
    with suppress(StatementError):
        return str(session.value(_SYSTEM))
    return ""


def note_system(session: Session, run: int) -> None:
    """Write down where a run began; on the ledger connection, before anything of the run is in."""
    session.execute("UPDATE migrate.run SET system = %s WHERE number = %s", (read_system(session), run))


def is_elsewhere(session: Session, run: int) -> bool:
    """Whether this is another server, or another timeline of it, than the one that the run began on.

    False where it is not known: a role that may not ask, or a run of a program that did not write it down.
    """
    if not session.value(
        "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('migrate.run') AND attname = 'system'"
    ):
        return False
    rows = session.rows("SELECT system FROM migrate.run WHERE number = %s", (run,))
    if not rows:
        return True  # the run had written itself down, so this server has lost the end of what was told
    began, now = rows[0][0], read_system(session)
    return bool(began and now and began != now)


def refuse_elsewhere(session: Session, run: int) -> None:
    """Raise OtherServerError when `is_elsewhere`: a person must look before anybody goes on."""
    if is_elsewhere(session, run):
        raise OtherServerError(
            f"this is another server than the one that run {run} began on, or it was promoted since:"
            " what it holds of the run is not known to be what the run was told",
            help="`migrate recover` says what is in here; then --abort or --resume, as you decide",
        )
