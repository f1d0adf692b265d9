"""A deterministic project of M modules × R revisions, as Alembic trees and as one plain SQL file for psql."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = 6  # a table, a column, an index, a key to another module, a backfill, a constraint


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One revision's SQL, both ways."""

    module: str
    revision: str
    up: str
    down: str


def changes(modules: int, revisions: int) -> tuple[Change, ...]:
    """All revisions in an order that runs: acyclic between revisions, cyclic between modules."""
    names = [f"m{number:02}" for number in range(modules)]
    return tuple(_change(names, position, step) for step in range(revisions) for position in range(modules))


def _change(names: list[str], position: int, step: int) -> Change:
    module = names[position]
    # The module named by a key is another one each time, so that modules come to need each other in turn.
    other = names[(position + 1 + step) % len(names)]
    table = f"{module}.t{step - step % _KINDS}"
    needed = f"{other}.t{step - step % _KINDS}"
    up, down = {
        0: (f"CREATE TABLE {table} (id bigserial PRIMARY KEY, name text NOT NULL)", f"DROP TABLE {table}"),
        1: (f"ALTER TABLE {table} ADD COLUMN amount integer", f"ALTER TABLE {table} DROP COLUMN amount"),
        2: (f"CREATE INDEX t{step}_name ON {table} (name)", f"DROP INDEX {module}.t{step}_name"),
        3: (
            f"ALTER TABLE {table} ADD COLUMN other bigint CONSTRAINT t{step}_key REFERENCES {needed} (id)",
            f"ALTER TABLE {table} DROP COLUMN other",
        ),
        4: (f"UPDATE {table} SET amount = 0 WHERE amount IS NULL", "SELECT 1"),
        5: (
            f"ALTER TABLE {table} ADD CONSTRAINT t{step}_amount CHECK (amount >= 0)",
            f"ALTER TABLE {table} DROP CONSTRAINT t{step}_amount",
        ),
    }[step % _KINDS]
    return Change(module=module, revision=f"r{step:04}", up=up, down=down)


def write_project(root: Path, all_changes: tuple[Change, ...]) -> None:
    """The Alembic trees, one a module, with settings beside them."""
    (root / "migrate.toml").write_text('environment = "bench"\n[environments.bench]\ntarget = "embedded"\n')
    for change in all_changes:
        versions = root / "modules" / change.module / "migrations" / "versions"
        versions.mkdir(parents=True, exist_ok=True)
        step = int(change.revision[1:])
        before = f"r{step - 1:04}" if step else None
        (versions / f"{change.revision}.py").write_text(
            textwrap.dedent(f'''\
                """{change.revision} of {change.module}"""
                from alembic import op

                revision = {change.revision!r}
                down_revision = {before!r}


                def upgrade():
                    op.execute({change.up!r})


                def downgrade():
                    op.execute({change.down!r})
                ''')
        )


def write_sql(file: Path, all_changes: tuple[Change, ...]) -> None:
    """The same work for `psql -f`."""
    modules = dict.fromkeys(change.module for change in all_changes)
    lines = [f"CREATE SCHEMA {module};" for module in modules]
    file.write_text("\n".join([*lines, *(f"{change.up};" for change in all_changes)]) + "\n")
