"""Plans to be killed: few steps, each over tables with rows, and between them every way in which a run can go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = """
CREATE SCHEMA crm; CREATE SCHEMA billing;
CREATE TABLE crm.customers (id int PRIMARY KEY, email text, nick text);
CREATE TABLE billing.invoices (id int PRIMARY KEY, customer int REFERENCES crm.customers, total numeric, archived bool);
CREATE TABLE crm.alembic_version (version_num varchar(32) PRIMARY KEY);
CREATE TABLE billing.alembic_version (version_num varchar(32) PRIMARY KEY);
INSERT INTO crm.alembic_version VALUES ('c1');
INSERT INTO billing.alembic_version VALUES ('b1');
INSERT INTO crm.customers SELECT n, 'user' || n || '@example.org', 'nick' || n FROM generate_series(1, 20) AS n;
INSERT INTO billing.invoices SELECT n, n, n * 10, false FROM generate_series(1, 20) AS n;
"""
# Makes the last step fail on the target, never in a rehearsal, and mends that.
SPOIL = "UPDATE crm.customers SET email = 'user1@example.org' WHERE id = 7"
REPAIR = "UPDATE crm.customers SET email = 'user7@example.org' WHERE id = 7"

_INVOICES = "id int PRIMARY KEY, customer int REFERENCES crm.customers, total numeric, archived bool"
_UNIQUE = "CREATE UNIQUE INDEX customers_email ON crm.customers (email)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A project, what is struck, and what may be true afterwards.

    `lead` are the commands that bring the target to where `command` begins; each is a command and the point (its
    text begins so, counted from the end) at which it is killed, or "" when it runs to its end.
    """

    name: str
    command: tuple[str, ...]
    steps: tuple[str, ...]  # as module:revision, in order
    concurrent: bool = False
    fails: bool = False  # on the rows of the target, in its last step, until they are repaired
    lead: tuple[tuple[tuple[str, ...], str], ...] = ()
    rolls_back: bool = False  # all is in at the start; the command takes it back
    one_transaction: bool = False

    def build(self, root: Path) -> Path:
        """Write the project; its folder."""
        project(root, modules=("crm", "billing", "agenda"))
        _base(root)
        for step, before in zip(self.steps, (None, *self.steps), strict=False):
            self._write_step(root, step, requires=[before] if before else [])
        return root

    def _write_step(self, root: Path, step: str, *, requires: list[str]) -> None:
        match step:
            case "crm:c2":
                _write(
                    root, "crm", "c2",
                    ("ALTER TABLE crm.customers ADD COLUMN phone text", "UPDATE crm.customers SET phone = '+1' || id"),
                    ("ALTER TABLE crm.customers DROP COLUMN phone",),
                    after="c1", requires=requires,
                )  # fmt: skip
            case "billing:b2" if self.concurrent:
                _write_concurrent(root, requires)
            case "billing:b2":
                _write(
                    root, "billing", "b2",
                    ("CREATE TABLE billing.archive (id int PRIMARY KEY, total numeric)",
                     "INSERT INTO billing.archive SELECT id, total FROM billing.invoices"),
                    ("DROP TABLE billing.archive",),
                    after="b1", requires=requires,
                )  # fmt: skip
            case "agenda:a1":
                _write(
                    root, "agenda", "a1",
                    ("CREATE TABLE agenda.appointments (id int PRIMARY KEY, customer int REFERENCES crm.customers)",
                     "INSERT INTO agenda.appointments SELECT id, id FROM crm.customers"),
                    ("DROP TABLE agenda.appointments",),
                    requires=requires,
                )  # fmt: skip
            case "crm:c3":
                _write(
                    root, "crm", "c3",
                    ("ALTER TABLE crm.customers DROP COLUMN nick", *((_UNIQUE,) if self.fails else ())),
                    (*(("DROP INDEX crm.customers_email",) if self.fails else ()),
                     "ALTER TABLE crm.customers ADD COLUMN nick text"),
                    after="c2" if "crm:c2" in self.steps else "c1", requires=requires,
                )  # fmt: skip


def _base(root: Path) -> None:
    """The first revisions, which plain Alembic has applied."""
    _write(
        root, "crm", "c1",
        ("CREATE TABLE crm.customers (id int PRIMARY KEY, email text, nick text)",),
        ("DROP TABLE crm.customers",),
    )  # fmt: skip
    _write(
        root, "billing", "b1",
        (f"CREATE TABLE billing.invoices ({_INVOICES})",),
        ("DROP TABLE billing.invoices",),
        requires=["crm:c1"],
    )  # fmt: skip


def _write_concurrent(root: Path, requires: list[str]) -> None:
    """billing:b2 with an index that cannot be built inside a transaction, and work before and after it.

    It can be run a second time, as the docs ask of such a revision: what a kill left of it stands already.
    """
    up = (
        f"op.execute({'ALTER TABLE billing.invoices ADD COLUMN IF NOT EXISTS note text'!r})",
        "with op.get_context().autocommit_block():",
        f"    op.execute({'CREATE INDEX CONCURRENTLY IF NOT EXISTS invoice_of ON billing.invoices (customer)'!r})",
        f"op.execute({'UPDATE billing.invoices SET note = total'!r})",
    )
    down = (
        "with op.get_context().autocommit_block():",
        f"    op.execute({'DROP INDEX CONCURRENTLY IF EXISTS billing.invoice_of'!r})",
        f"op.execute({'ALTER TABLE billing.invoices DROP COLUMN IF EXISTS note'!r})",
    )
    write_revision(
        versions_of(root, "billing"), "b2", after="b1", requires=requires,
        upgrade="\n".join(up), downgrade="\n".join(down),
    )  # fmt: skip


def _write(
    root: Path, module: str, revision: str, up: tuple[str, ...], down: tuple[str, ...], **names: object
) -> None:
    write_revision(
        versions_of(root, module),
        revision,
        upgrade="\n".join(f"op.execute({each!r})" for each in up),
        downgrade="\n".join(f"op.execute({each!r})" for each in down),
        **names,  # type: ignore[arg-type] # after and requires, as write_revision takes them
    )


BASE = ("crm:c1", "billing:b1")
STEPS = ("crm:c2", "billing:b2", "agenda:a1", "crm:c3")
_THREE = ("crm:c2", "agenda:a1", "crm:c3")
_THREE_CONCURRENT = ("billing:b2", "agenda:a1", "crm:c3")
_OFF = ("--staging", "off")
_EMBEDDED = ("--staging", "embedded")
_NOT_ASKED = ("--check-budget", "off")  # what is planted in the rows is for the run itself to meet
_BY_STEP = ("all-modules", "--atomic", "step", *_OFF)
_CONCURRENT = ("all-modules", *_OFF)
_ROLLBACK = ("rollback", "--run", "1", "--yes", *_OFF)

SHAPES: dict[str, Shape] = {
    each.name: each
    for each in (
        Shape(
            name="run",
            command=("all-modules", "--atomic", "run", *_EMBEDDED),
            steps=STEPS,
            one_transaction=True,
        ),
        Shape(name="step", command=_BY_STEP, steps=_THREE),
        Shape(name="concurrent", command=_CONCURRENT, steps=_THREE_CONCURRENT, concurrent=True),
        Shape(
            name="rehearsed-concurrent",
            command=("all-modules", *_EMBEDDED),
            steps=("crm:c2", "billing:b2"),
            concurrent=True,
        ),
        Shape(
            name="failing-run",
            command=("all-modules", "--atomic", "run", *_OFF, *_NOT_ASKED),
            steps=_THREE,
            fails=True,
            one_transaction=True,
        ),
        Shape(name="failing-step", command=(*_BY_STEP, *_NOT_ASKED), steps=_THREE, fails=True),
        Shape(
            name="failing-concurrent",
            command=(*_CONCURRENT, *_NOT_ASKED),
            steps=_THREE_CONCURRENT,
            fails=True,
            concurrent=True,
        ),
        Shape(
            name="abort-step",
            command=("recover", "--abort"),
            steps=_THREE,
            lead=((_BY_STEP, "ALTER TABLE crm.customers DROP COLUMN nick"),),
        ),
        Shape(
            name="abort-concurrent",
            command=("recover", "--abort"),
            steps=_THREE_CONCURRENT,
            concurrent=True,
            lead=((_CONCURRENT, "UPDATE billing.invoices SET note"),),
        ),
        Shape(
            name="resume-step",
            command=("recover", "--resume"),
            steps=_THREE,
            lead=((_BY_STEP, "ALTER TABLE crm.customers DROP COLUMN nick"),),
        ),
        Shape(
            name="resume-concurrent",
            command=("recover", "--resume"),
            steps=_THREE_CONCURRENT,
            concurrent=True,
            lead=((_CONCURRENT, "UPDATE billing.invoices SET note"),),
        ),
        Shape(
            name="rollback-run",
            command=(*_ROLLBACK, "--atomic", "run"),
            steps=_THREE,
            lead=((_BY_STEP, ""),),
            rolls_back=True,
            one_transaction=True,
        ),
        Shape(
            name="rollback-step",
            command=(*_ROLLBACK, "--atomic", "step"),
            steps=_THREE,
            lead=((_BY_STEP, ""),),
            rolls_back=True,
        ),
        Shape(
            name="rollback-concurrent",
            command=_ROLLBACK,
            steps=_THREE_CONCURRENT,
            concurrent=True,
            lead=((_CONCURRENT, ""),),
            rolls_back=True,
        ),
    )
}
