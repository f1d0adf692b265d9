"""The checkpoints of a step that commits statement by statement, as a ledger on a real server keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from coordinator.ledger.checkpoints import read_checkpoints, write_commit, write_start
from coordinator.ledger.store import Ledger
from coordinator.model.recovery import Mark

if TYPE_CHECKING:
    from tests.failures.site import Site


def test_the_number_of_a_commit_that_failed_is_not_given_twice(site: Site) -> None:
    token = uuid4()
    with site.session() as session:
        ledger = Ledger(session)
        ledger.create(lock_wait=1.0)
        write_start(ledger, token, "as it was", ())
        for number, ends in ((1, "COMMIT"), (2, "ROLLBACK"), (3, "COMMIT")):
            session.execute("BEGIN")
            write_commit(session, token, number, Mark(number, "texts"))
            session.execute(ends)
        found = read_checkpoints(session, token)
    assert found is not None
    assert found.commits == 3
    assert found.done == Mark(3, "texts")
