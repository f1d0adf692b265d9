"""What an analysis says and how far a decision reaches, from values alone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.errors import RefusedError, UsageError
from coordinator.model.capture import Direction
from coordinator.model.effect import RevisionEffects
from coordinator.model.plan import Guarantee
from coordinator.model.rollback import Dragged, ErrorType, Integration, Risk, RollbackAction, Scope, Stake
from coordinator.planning.rolling_back.analysis import RollbackFacts, analyse
from coordinator.planning.rolling_back.decision import Doubts, decide, widened
from coordinator.planning.rolling_back.target import above
from tests.planning_builders import Rev, key, tree

if TYPE_CHECKING:
    from coordinator.model.rollback import RollbackAnalysis, RollbackDecision

CHAIN = tree("crm", [Rev("c1"), Rev("c2"), Rev("c3")])
ALONE = Scope(keys=(key("crm:c3"),), named=frozenset({key("crm:c3")}))
ALONG = Scope(
    keys=(key("billing:b2"), key("crm:c3")),
    named=frozenset({key("crm:c3")}),
    dragged=(Dragged(key=key("billing:b2"), needs=key("crm:c3"), why="requires crm:c3"),),
)
NO_DOUBTS = Doubts(upgrades={}, downgrades={})


def analysed(scope: Scope = ALONE, **details: object) -> RollbackAnalysis:
    facts = {
        "module": "crm",
        "scope": scope,
        "trees": {"crm": CHAIN, "billing": tree("billing", [Rev("b1"), Rev("b2")])},
        "heads": {"crm": frozenset({"c3"}), "billing": frozenset({"b2"})},
        "downgrades": {},
        "seconds": {},
        **details,
    }
    return analyse(RollbackFacts(**facts))  # type: ignore[arg-type] # the fields' types differ


def decided(scope: Scope, error: ErrorType | None, **details: object) -> RollbackDecision:
    given = {
        "named": scope.named,
        "systems": frozenset({"crm", "billing", "stock"}),
        "integrations": (),
        "failures": (),
        "doubts": NO_DOUBTS,
        **details,
    }
    return decide(scope, error, **given)  # type: ignore[arg-type] # the fields' types differ


def test_the_last_stable_version_is_the_head_after_it() -> None:
    found = analysed()
    assert (found.failed_module, found.current_version, found.last_stable_version) == ("crm", "c3", "c2")
    whole = Scope(keys=tuple(key(f"crm:c{n}") for n in (3, 2, 1)), named=frozenset({key("crm:c1")}))
    assert analysed(whole).last_stable_version == "base"


def test_the_downtime_takes_the_last_downgrade_else_the_upgrade_else_the_average() -> None:
    back, there = (key("crm:c3"), Direction.DOWNGRADE), (key("crm:c2"), Direction.UPGRADE)
    three = Scope(keys=tuple(key(f"crm:c{n}") for n in (3, 2, 1)), named=frozenset({key("crm:c1")}))
    found = analysed(three, seconds={back: 4.0, there: 2.0})
    assert found.estimated_downtime == 9.0
    assert found.downtime_evidence == (
        "from the ledger's times: 1 by the last downgrade, 1 by the upgrade, 1 as the average of these"
    )
    assert analysed().downtime_evidence == "the ledger has no times of these steps"


def test_the_risk_is_low_only_when_nothing_is_at_stake_and_nobody_else_goes() -> None:
    assert analysed().risk is Risk.LOW
    stake = Stake(key=key("crm:c3"), table="crm.t", column="c", rows=3)
    lost = Stake(
        key=key("crm:c3"), table="crm.t", column=None, rows=None, about=2_000_000, not_kept="keep is off"
    )
    assert analysed(stakes=(Stake(key=key("crm:c3"), table="crm.t", column="c", rows=0),)).risk is Risk.LOW
    assert analysed(stakes=(stake,)).risk is Risk.MEDIUM
    assert analysed(ALONG).risk is Risk.MEDIUM
    assert analysed(guarantee=Guarantee.SEGMENTS).risk is Risk.MEDIUM
    assert analysed(unproved=frozenset({key("crm:c3")})).risk is Risk.MEDIUM
    found = analysed(stakes=(stake, lost))
    assert found.risk is Risk.HIGH
    assert found.risk_reasons[0] == "lost: about 2,000,000 rows of crm.t, since keep is off"
    written = Stake(key=key("crm:c3"), table="crm.t", column=None, rows=1, at_most=True)
    assert written.shown == "up to 1 row of crm.t"
    assert analysed(from_ledger=frozenset({key("crm:c3")})).risk is Risk.HIGH


@pytest.mark.parametrize(
    ("scope", "error", "failures", "action"),
    [
        (ALONE, None, (), RollbackAction.MODULE_ONLY),
        (ALONE, ErrorType.UI_BUG, (), RollbackAction.MODULE_ONLY),
        (ALONE, ErrorType.API_BREAKING, (), RollbackAction.MODULE_ONLY),
        (ALONG, None, (), RollbackAction.DEPENDENCY_CHAIN),
        (ALONG, ErrorType.UI_BUG, (), RollbackAction.DEPENDENCY_CHAIN),
        (ALONG, ErrorType.API_BREAKING, ("a key fails",), RollbackAction.DEPENDENCY_CHAIN),
        (ALONE, ErrorType.DATABASE_CORRUPTION, (), RollbackAction.FULL_SYSTEM),
    ],
)
def test_how_far_a_rollback_reaches(
    scope: Scope, error: ErrorType | None, failures: tuple[str, ...], action: RollbackAction
) -> None:
    found = decided(scope, error, failures=failures)
    assert found.action is action
    assert found.modules == scope.modules
    assert found.reason.startswith(f"{error.value}: " if error else found.reason)


def test_what_was_named_in_every_module_is_the_whole_system() -> None:
    both = Scope(keys=ALONG.keys, named=frozenset(ALONG.keys))
    assert decided(both, None, systems=frozenset({"crm", "billing"})).action is RollbackAction.FULL_SYSTEM
    assert decided(both, None).action is RollbackAction.DEPENDENCY_CHAIN


def test_the_kind_of_error_widens_what_was_named() -> None:
    order = [key(each) for each in ("crm:c1", "billing:b1", "crm:c2", "stock:s1", "billing:b2")]
    partner = Integration(name="billing.v", what="view, reads crm.t", module="billing")

    def wide(error: ErrorType | None, *failures: str) -> list[str]:
        found = widened(
            frozenset({key("crm:c2")}), error, order=order, integrations=(partner,), failures=failures
        )
        return sorted(str(each) for each in found)

    assert wide(None) == wide(ErrorType.UI_BUG, "a key fails") == ["crm:c2"]
    assert wide(ErrorType.API_BREAKING) == ["crm:c2"]
    assert wide(ErrorType.API_BREAKING, "a key fails") == ["billing:b2", "crm:c2"]
    assert wide(ErrorType.DATABASE_CORRUPTION) == ["billing:b2", "crm:c2", "stock:s1"]


def test_each_doubt_takes_from_the_confidence_and_says_so() -> None:
    assert decided(ALONE, None).confidence == 1.0
    vague = RevisionEffects(
        key=key("crm:c3"), direction=Direction.DOWNGRADE, unknown=("it asks the database",)
    )
    doubts = Doubts(
        upgrades={},
        downgrades={key("crm:c3"): vague},
        unrecorded=frozenset({key("crm:c3")}),
        edited=frozenset({key("crm:c3")}),
        from_ledger=frozenset({key("crm:c3")}),
        blind=("reports",),
    )
    found = decided(ALONE, None, doubts=doubts)
    assert found.confidence == pytest.approx(0.15)
    assert found.evidence[1:] == (
        "what the downgrade of crm:c3 does is not fully known",
        "when crm:c3 came in is not known: plain Alembic applied it",
        "the file of crm:c3 is not what was applied",
        "crm:c3 is known from the ledger's copy only",
        "what reports uses is not known: not in this checkout",
    )


def down_to(
    wanted: str, *, revisions: tuple[Rev, ...] = (Rev("c1"), Rev("c2"), Rev("c3")), applied: str = ""
) -> str:
    chain = tree("crm", revisions)
    present = frozenset(applied.split()) or chain.ids
    return " ".join(sorted(each.revision for each in above(chain, present, wanted)))


BRANCHES = (Rev("c1"), Rev("c2a", after=("c1",)), Rev("c2b", after=("c1",)), Rev("c3", after=("c2a", "c2b")))


@pytest.mark.parametrize(
    ("wanted", "gone"),
    [
        ("c1", "c2 c3"),
        ("crm:c2", "c3"),
        ("-1", "c3"),
        ("-3", "c1 c2 c3"),
        ("c3-2", "c2 c3"),
        ("c1+1", "c3"),
        ("base", "c1 c2 c3"),
        ("head", ""),
    ],
)
def test_a_place_in_a_tree_has_alembics_names(wanted: str, gone: str) -> None:
    assert down_to(wanted) == gone


def test_down_to_a_branch_takes_only_what_stands_on_it() -> None:
    assert down_to("c2a", revisions=BRANCHES) == "c3"
    assert down_to("c2a", revisions=BRANCHES[:3]) == ""
    assert down_to("c1", revisions=BRANCHES) == "c2a c2b c3"


@pytest.mark.parametrize(
    ("wanted", "revisions", "said"),
    [
        ("-4", BRANCHES[:1], "goes below the first revision"),
        ("-1", BRANCHES[:3], "has 2 heads"),
        ("-1", BRANCHES, "merges c2a and c2b"),
        ("c1+1", BRANCHES, "2 revisions follow crm:c1"),
    ],
)
def test_steps_that_may_mean_several_things_are_refused(
    wanted: str, revisions: tuple[Rev, ...], said: str
) -> None:
    with pytest.raises(RefusedError, match=said.replace("+", r"\+")):
        down_to(wanted, revisions=revisions)


def test_names_that_name_nothing_or_what_is_not_in() -> None:
    with pytest.raises(UsageError, match="There is no revision 'd1'") as unknown:
        down_to("d1")
    assert unknown.value.help == "Did you mean 'c1'?"
    with pytest.raises(UsageError, match="may mean c1 or c2 or c3"):
        down_to("c")
    with pytest.raises(RefusedError, match="crm:c3 is not in the database"):
        down_to("c3", applied="c1 c2")
