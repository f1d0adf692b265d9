"""The schemas and version tables that a run made for new modules, so that they go again with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.postgres.session import Session


def write_made(session: Session, run: int, module: str, made: tuple[str, ...]) -> None:
    """Note what `prepare_module` made; on the main connection, in the transaction that made it."""
    for what in made:
        session.execute(
            "INSERT INTO migrate.made (run, module, what) VALUES (%s, %s, %s)", (run, module, what)
        )


def read_made(session: Session, run: int) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Module and what was made for it, in the order in which it was made; () in an older ledger."""
    if not session.value("SELECT to_regclass('migrate.made') IS NOT NULL"):
        return ()
    found: dict[str, list[str]] = {}
    for module, what in session.rows(
        "SELECT module, what FROM migrate.made WHERE run = %s ORDER BY number", (run,)
    ):
        found.setdefault(module, []).append(what)
    return tuple((module, tuple(what)) for module, what in found.items())


def erase_made(session: Session, run: int, module: str) -> None:
    """Forget what was made for a module: it is dropped in this transaction."""
    session.execute("DELETE FROM migrate.made WHERE run = %s AND module = %s", (run, module))
