"""A start beside a run at work, while another one was cut off: it waits only where its own revisions may go."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.ledger.lock import KEY
from tests.commands_site import apply, write_shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.commands_site import Desk
    from tests.failures.site import Ended

START = ("all-modules", "--yes", "--staging", "off", "--wait", "0s")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock: run 2, and what it is doing, unless its connection has no number yet."""

    kind: str
    planned: tuple[str, ...] = ()
    name: str = "migrate:2 host at work"


# Run 1 brought in all of this checkout.
MAY_TAKE_OUT = {
    "it goes on from the cut off run": Holder("apply", ("billing:b9",)),
    "a recovery": Holder("recover"),
    "nobody knows yet what it will do": Holder("apply", ("agenda:a1",), "migrate:waiting"),
    "a rollback of a revision that is still in": Holder("rollback", ("agenda:a1", "billing:b1")),
    "a rollback by a program that did not note its steps": Holder("rollback"),
}
TAKES_NOTHING_OUT = {
    "it brings in something else": Holder("apply", ("agenda:a1",)),
    "a rollback of something else": Holder("rollback", ("agenda:a1",)),
}


@contextmanager
def at_work(desk: Desk, holder: Holder) -> Iterator[None]:
    """Run 1 was cut off before billing:b9, and that holder works meanwhile."""
    desk.execute(
        f"UPDATE migrate.run SET kind = '{holder.kind}', planned = '{{{','.join(holder.planned)}}}' WHERE number = 2"
    )
    with desk.session() as session:
        session.execute(f"SET application_name = '{holder.name}'; SELECT pg_advisory_lock({KEY})")
        yield


def test_it_waits_for_who_may_take_its_revisions_out_and_for_nobody_else(desk: Desk) -> None:
    write_shop(desk.root)
    apply(desk)
    desk.execute(
        "UPDATE migrate.run SET status = 'running', finished = NULL, planned = planned || '{billing:b9}'::text[],"
        " guarantee = 'steps'; INSERT INTO migrate.run (kind, status, plan, guarantee, environment, host, pid, program,"
        " rehearsal) VALUES ('apply', 'running', '', '', 'local', 'host', 1, '', '')"
    )

    def looked(holder: Holder) -> tuple[Ended, Ended]:
        with at_work(desk, holder):
            return desk.migrate(*START), desk.migrate("status", "--wait", "0s")

    for why, holder in MAY_TAKE_OUT.items():
        started, told = looked(holder)
        assert started.code == 5, f"{why}: {started.err}"
        assert told.code == 1, f"{why}: {told.out}"
    for why, holder in TAKES_NOTHING_OUT.items():
        started, told = looked(holder)
        assert started.code == 0, f"{why}: {started.err}"
        assert "run 2 is at work on this database" in started.said
        assert told.code == 0, f"{why}: {told.out}"


def test_a_rollback_that_is_about_to_take_a_revision_out_is_waited_for_without_a_cut_off_run_too(
    desk: Desk,
) -> None:
    write_shop(desk.root)
    apply(desk)
    desk.execute(
        "INSERT INTO migrate.run (kind, status, plan, guarantee, environment, host, pid, program, rehearsal)"
        " VALUES ('apply', 'running', '', '', 'local', 'host', 1, '', '')"
    )

    with at_work(desk, Holder("rollback", ("billing:b1",))):
        assert desk.migrate(*START).code == 5
        assert desk.migrate("status", "--wait", "0s").code == 1
    with at_work(desk, Holder("rollback", ("agenda:a1",))):
        assert desk.migrate(*START).code == 0
