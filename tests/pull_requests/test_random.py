"""Random changes of random modules: what is said to break fails on a real server, and what is said to be safe does not.

MIGRATE_IMPACT_EXAMPLES sets how many are tried. A consumer that degrades may do either.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, event, given, note, settings

from coordinator.impact.branch import Running, run_branch, run_past
from coordinator.impact.facts import Facts
from coordinator.impact.from_catalog import known_in
from coordinator.impact.holders import holders_of
from coordinator.impact.judging import impacts_of
from coordinator.impact.wanted import looked_up, stands_on
from coordinator.model.capture import Capture, Direction, Statement
from coordinator.model.impact import ConsumerKind, Consumption, Verdict
from coordinator.model.names import Place, RevisionKey
from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.connect import connect
from coordinator.postgres.failure import StatementError
from coordinator.postgres.session import Session
from coordinator.revisions.commands import commands_of
from coordinator.sources.texts import statements
from coordinator.sources.usages import compared_in, usages_of
from coordinator.workflow.uses import read_uses
from tests.pull_requests.random_firms import Firm, firms

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from coordinator.impact.branch import Branch
    from coordinator.model.effect import LastingUse
    from coordinator.model.known_objects import KnownObjects
    from coordinator.model.target import DatabaseUrl

EXAMPLES = int(os.environ.get("MIGRATE_IMPACT_EXAMPLES", "40"))
KEY = RevisionKey("a", "a2")
# PostgreSQL refuses because something stands on what changes, and not for the rows that are there.
_STANDS_ON_IT = frozenset({"2BP01", "0A000"})
SEEN: Counter[str] = Counter()


@pytest.fixture(scope="module")
def url(server: object) -> Iterator[DatabaseUrl]:
    from coordinator.postgres.databases import create_database, drop_database
    from coordinator.staging.names import new_database_name, new_mark

    name = new_database_name()
    address = server.url()  # type: ignore[attr-defined]
    yield create_database(address, name, comment=new_mark())
    drop_database(address, name)


@pytest.mark.postgres
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    print_blob=True,
)
@given(firm=firms())
def test_what_is_said_to_break_fails_and_what_is_said_to_be_safe_does_not(
    url: DatabaseUrl, firm: Firm
) -> None:
    with Session(connect(url, application_name="test")) as session:
        session.execute("BEGIN")
        _try(session, firm)
        session.execute("ROLLBACK")


def _try(session: Session, firm: Firm) -> None:
    for line in firm.ddl:
        if _fails(session, line, keep=True) is not None:
            return event("the firm cannot be made")
    known, uses = known_in(read_catalog(session)), read_uses(session)
    branch = _branch(firm, known)
    proofs = {each.name: each.proof for each in firm.holders}
    running = [each for each in firm.statements if _fails(session, each) is None]
    holding = [each for each in firm.holders if _fails(session, each.proof) is None]
    verdicts = _verdicts(firm, branch, uses, running)
    note("\n".join(["change: " + "; ".join(firm.change), *(f"{name}: {v}" for name, v in verdicts.items())]))
    # The catalog names more that goes on as it is: defaults, with the type of what they give.
    assert _hurt(_without_a_database(firm, running)) == _hurt(verdicts), "the revisions alone tell otherwise"
    refused = _change(session, firm)
    if refused is not None:
        event(f"refused: {refused}")
        if refused in _STANDS_ON_IT and len(firm.change) == 1:
            in_database = [v for (kind, _), v in verdicts.items() if kind.in_database]
            assert Verdict.BREAKS in in_database, (
                f"PostgreSQL refuses ({refused}), and nothing was said to break"
            )
        return None
    for each in running:
        _compare(session, each, verdicts.get((ConsumerKind.STATEMENT, each), Verdict.SAFE))
    for holder in holding:
        if any(holder.name in line for line in firm.change):
            continue  # nobody is a consumer of what is done to himself
        told = [v for (kind, name), v in verdicts.items() if name == holder.name]
        _compare(session, proofs[holder.name], max(told, default=Verdict.SAFE), holder.ddl)
    return None


def _compare(session: Session, statement: str, verdict: Verdict, shown: str = "") -> None:
    failure = _fails(session, statement)
    SEEN[f"{verdict.value}, {'fails' if failure else 'runs'}"] += 1
    event(f"{verdict.value}, {'fails' if failure else 'runs'}")
    if verdict is Verdict.BREAKS:
        assert failure is not None, f"said to break, and runs: {statement} {shown}"
    if verdict is Verdict.SAFE:
        assert failure is None, f"said to be safe, and fails ({failure}): {statement} {shown}"


def _branch(firm: Firm, known: KnownObjects) -> Branch:
    running = _running(KEY, firm.change)
    return run_branch(known, [running], frozenset({KEY}), owners={"a": "a", "b": "b", "c": "c"})


def _running(key: RevisionKey, sql: Sequence[str]) -> Running:
    capture = Capture(
        key=key,
        direction=Direction.UPGRADE,
        statements=tuple(Statement(sql=each, line=number) for number, each in enumerate(sql, start=1)),
    )
    place = Place(f"{key.revision}.py")
    return Running(key=key, place=place, schema="a", commands=commands_of(capture, schema="a"))


def _without_a_database(firm: Firm, running: list[str]) -> dict[tuple[ConsumerKind, str], Verdict]:
    """The verdicts from what the applied revisions say alone; who calls something may have run before it was made."""
    early = sorted(firm.ddl, key=lambda each: "LANGUAGE" not in each)
    past = run_past([_running(RevisionKey("a", "a1"), early)])
    return _verdicts(firm, _branch(firm, past.known), past.uses, running)


def _hurt(verdicts: dict[tuple[ConsumerKind, str], Verdict]) -> dict[tuple[ConsumerKind, str], Verdict]:
    return {consumer: verdict for consumer, verdict in verdicts.items() if verdict is not Verdict.SAFE}


def _verdicts(
    firm: Firm, branch: Branch, uses: tuple[LastingUse, ...], running: list[str]
) -> dict[tuple[ConsumerKind, str], Verdict]:
    owners = {"a": "a", "b": "b", "c": "c"}
    consumptions = list(holders_of(uses, owners=owners, makers={}, views=branch.start.views))
    consumptions += branch.pending
    for sql in running:
        for statement in statements(sql) or ():
            consumptions.append(
                Consumption(
                    kind=ConsumerKind.STATEMENT,
                    name=sql,
                    module="b",
                    place="db",
                    usages=usages_of(statement.body, branch.reading, ()),
                    constants=statement.body.constants,
                    compared=compared_in(statement.body, branch.reading, ()),
                )
            )
    facts = Facts(
        start=branch.start,
        final=branch.final,
        steps={KEY: 1},
        releases=branch.releases,
        retyped=branch.retyped,
        stands_on=stands_on(uses),
        looked_up=looked_up(branch.alterations),
    )
    found: dict[tuple[ConsumerKind, str], Verdict] = {}
    for impact in impacts_of(branch.alterations, consumptions, facts):
        for each in impact.consumers:
            key = (each.kind, each.name)
            found[key] = max(each.verdict, found.get(key, Verdict.SAFE))
    return found


def _change(session: Session, firm: Firm) -> str | None:
    """Make the change; when PostgreSQL refuses it, why."""
    session.execute("SAVEPOINT before")
    for line in firm.change:
        try:
            session.execute(line)
        except StatementError as error:
            session.execute("ROLLBACK TO before")
            return error.sqlstate
    return None


def _fails(session: Session, sql: str, *, keep: bool = False) -> str | None:
    """Run a statement, and take back what it did unless it is to be kept; why it fails, None when it runs."""
    session.execute("SAVEPOINT tried")
    try:
        session.execute(sql)
    except StatementError as error:
        session.execute("ROLLBACK TO tried")
        return str(error)
    session.execute("RELEASE tried" if keep else "ROLLBACK TO tried")
    return None


def test_both_were_seen_breaking_and_staying_whole() -> None:
    """Run alone it has seen nothing, and says so."""
    if not SEEN:
        pytest.skip("the random changes were not tried in this process")
    assert SEEN["breaks, fails"] > 0
    assert SEEN["safe, runs"] > 0
