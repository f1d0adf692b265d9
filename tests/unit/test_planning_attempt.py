"""An attempt is the same as long as what is pending, where it starts and what was chosen are."""

from __future__ import annotations

from dataclasses import replace

from coordinator.model.names import Place, RevisionKey
from coordinator.model.revision import Revision
from coordinator.planning.attempt import attempt_of

ONE = Revision(key=RevisionKey("crm", "c2"), place=Place("c2.py"), message="", digest="abc")
TWO = Revision(key=RevisionKey("billing", "b1"), place=Place("b1.py"), message="", digest="def")
HEADS = {"crm": frozenset({"c1"}), "billing": frozenset[str]()}
FIRST = attempt_of((ONE, TWO), HEADS)


def test_the_order_and_an_empty_version_table_do_not_matter() -> None:
    assert attempt_of((TWO, ONE), {"crm": frozenset({"c1"})}) == FIRST
    assert attempt_of((replace(ONE, message="other", place=Place("x.py")), TWO), HEADS) == FIRST


def test_content_pending_revisions_heads_and_selection_do() -> None:
    others = (
        attempt_of((replace(ONE, digest="abd"), TWO), HEADS),
        attempt_of((ONE,), HEADS),
        attempt_of((ONE, TWO), {**HEADS, "crm": frozenset({"c0"})}),
        attempt_of((ONE, TWO), {**HEADS, "agenda": frozenset({"a1"})}),
        attempt_of((ONE, TWO), HEADS, "crm"),
    )
    assert len({FIRST, *others}) == 6
