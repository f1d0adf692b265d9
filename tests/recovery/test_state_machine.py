"""Walks each arrow of the drawings in docs/state-machine.md on a real server."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from coordinator.ledger.lock import KEY
from tests.failures.site import REPOSITORY
from tests.recovery.proxy import Cut, CuttingProxy, Seen
from tests.recovery.test_lone_steps import UNREHEARSED, execute, write

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.failures.site import Ended, Site

PAGE = REPOSITORY / "docs" / "state-machine.md"
START = "[*]"
_ARROW = re.compile(r"^\s+(\S+) --> (\S+): (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Arrow:
    """One line of a drawing."""

    machine: str  # "run" or "segment"
    before: str
    after: str
    why: str


def drawn() -> frozenset[Arrow]:
    """The arrows on the page: the first drawing is a run's, the second a segment's."""
    drawings = re.findall(
        r"```mermaid\nstateDiagram-v2\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(drawings) == 2
    arrows = [
        Arrow(machine, *found)
        for machine, text in zip(("run", "segment"), drawings, strict=True)
        for found in _ARROW.findall(text)
    ]
    assert len(arrows) == len(set(arrows)) == sum(text.count("-->") for text in drawings)
    return frozenset(arrows)


def run_state(site: Site, number: int) -> str:
    """The state of a run, by the ledger and the lock alone."""
    if not site.has_ledger():
        return START
    status = site.value(f"SELECT status FROM migrate.run WHERE number = {number}")
    if status == "running":
        held = site.value(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND database ="
            f" (SELECT oid FROM pg_database WHERE datname = current_database()) AND objid = {KEY & 0xFFFFFFFF})"
        )
        return "running" if held else "cut_off"
    return str(status) if status else START


def segment_state(site: Site, run: int, sequence: int = 1) -> str:
    """The state of a segment, by the ledger, the server's processes, and what is there of crm.t."""
    if not site.has_ledger():
        return START
    rows = site.rows(f"SELECT token, steps FROM migrate.intent WHERE run = {run} AND sequence = {sequence}")
    if not rows:
        return START
    token, steps = rows[0]
    if site.value(f"SELECT true FROM migrate.outcome WHERE token = '{token}'"):
        return "committed"
    module, _, revision = steps[0].partition(":")
    if site.value(f"SELECT true FROM migrate.applied WHERE module = '{module}' AND revision = '{revision}'"):
        return "committed"
    parts = site.value(f"SELECT count(*) FROM migrate.checkpoint WHERE token = '{token}' AND number > 0")
    main = site.value(
        "SELECT state FROM pg_stat_activity WHERE datname = current_database()"
        f" AND application_name LIKE 'migrate:{run} % main'"
    )
    if parts:
        if main is not None:
            return "partly_in"
        return "half_done" if site.value(LEFT) else "rolled_back"
    if main is None:
        return "rolled_back"
    fence = site.value("SELECT EXISTS (SELECT FROM migrate.fence FOR UPDATE SKIP LOCKED)")
    return "intended" if fence else "open"


# Whether something of the revisions below is there.
LEFT = (
    "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'crm.t'::regclass AND attname = 'c' AND NOT attisdropped)"
    " OR EXISTS (SELECT FROM pg_index WHERE indrelid = 'crm.t'::regclass)"
)


@dataclass(slots=True)
class Walk:
    """What a walk saw: states one after the other, and the arrows between them."""

    site: Site
    walked: set[Arrow] = field(default_factory=set)
    _latest: dict[tuple[str, int, int], str] = field(default_factory=dict)  # what it saw last of each

    def run(self, number: int, before: str, after: str, why: str) -> None:
        """The run was in `before`, as far as the walk has seen it, and is in `after` now."""
        assert run_state(self.site, number) == after
        self._goes(Arrow("run", before, after, why), number)

    def segment(self, run: int, before: str, after: str, why: str, *, sequence: int = 1) -> None:
        """The segment was in `before`, as far as the walk has seen it, and is in `after` now."""
        assert segment_state(self.site, run, sequence) == after
        self._goes(Arrow("segment", before, after, why), run, sequence)

    def _goes(self, arrow: Arrow, run: int, sequence: int = 0) -> None:
        assert self._latest.get((arrow.machine, run, sequence), arrow.before) == arrow.before
        self._latest[arrow.machine, run, sequence] = arrow.after
        self.walked.add(arrow)


COLUMN = "ALTER TABLE t ADD COLUMN c int"
NO_COLUMN = "ALTER TABLE t DROP COLUMN c"
INDEX = "CREATE INDEX CONCURRENTLY ix ON t (b)"
NO_INDEX = "DROP INDEX CONCURRENTLY crm.ix"
FAILS = "SELECT 1 / 0"
BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
STEP = (*UNREHEARSED, "--atomic", "step")


def watched(site: Site, look: Callable[[Seen], Cut | None], *arguments: str) -> Ended:
    """Run a command through a proxy that shows each statement of its steps to `look`."""
    with CuttingProxy(site.url, look) as proxy:
        return site.migrate(*arguments, url=proxy.address)


def ended(done: Ended, code: int) -> None:
    """It ended with that code."""
    assert done.code == code, done.err


def killed(site: Site, text: str, count: int, *arguments: str) -> None:
    """Run a command and kill it where it sends that statement for the so-manieth time; the server does not get it.

    Its run is running until then, and cut off after it.
    """
    latest = "SELECT max(number) FROM migrate.run"
    started: list[subprocess.Popen[str]] = []

    def look(seen: Seen) -> Cut | None:
        if seen != Seen(text=text, count=count):
            return None
        assert run_state(site, site.value(latest)) == "running"
        started[0].kill()
        return Cut.BEFORE

    with CuttingProxy(site.url, look) as proxy:
        started.append(site.start(*arguments, url=proxy.address))
        assert site.end(started[0]).code == -9
    site.await_value(
        "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'migrate:%')"
    )
    assert run_state(site, site.value(latest)) == "cut_off"


def two_steps(site: Site, *, back: str = NO_COLUMN, second: str = "SELECT 1") -> None:
    """a1 adds a column, a2 does what `second` says; on a new target."""
    write(site, (execute(COLUMN),), (execute(back),))
    write(site, (execute(second),), (execute("SELECT 1"),), "a2", after="a1")


def walk_applied(site: Site, walk: Walk) -> None:
    """A run and its segment, watched from the intent to the last commit."""
    write(site, (execute(COLUMN),), (execute(NO_COLUMN),))
    assert run_state(site, 1) == segment_state(site, 1) == START

    def look(seen: Seen) -> None:
        if seen.text == BEGIN:
            walk.run(1, START, "running", "begins")
            walk.segment(1, START, "intended", "migrate.intent is committed")
        elif seen.text == "COMMIT":
            walk.segment(1, "intended", "open", "BEGIN, and the fence is ours")

    ended(watched(site, look, *UNREHEARSED), 0)
    walk.segment(1, "open", "committed", "COMMIT")
    walk.run(1, "running", "applied", "every segment is committed")


def walk_taken_back(site: Site, walk: Walk) -> None:
    """A step fails in the only transaction."""
    two_steps(site, second=FAILS)
    ended(site.migrate(*UNREHEARSED), 3)
    walk.segment(1, "open", "rolled_back", "a step failed")
    walk.run(1, "running", "reversed", "a step failed and all was taken back")


def walk_unasked(site: Site, walk: Walk) -> None:
    """The connection ends at the only COMMIT, and the server that answers then is not the one that it began on."""
    two_steps(site)

    def look(seen: Seen) -> Cut | None:
        if seen.text != "COMMIT":
            return None
        walk.run(1, START, "running", "begins")
        site.execute("UPDATE migrate.run SET system = '1234567890/1'")
        return Cut.BEFORE

    ended(watched(site, look, *UNREHEARSED), 4)
    walk.run(1, "running", "unsettled", "nobody could be asked whether its segment is in")


def walk_unsettled_and_aborted(site: Site, walk: Walk) -> None:
    """The way back fails as well, again in the first recovery, and works once it is mended."""
    two_steps(site, back=FAILS, second=FAILS)
    ended(site.migrate(*STEP), 4)
    walk.run(1, "running", "unsettled", "a step failed and so did its way back")
    ended(site.migrate(*STEP), 4)
    ended(site.migrate("recover", "--abort"), 4)
    walk.run(1, "unsettled", "unsettled", "recover --abort that fails")
    two_steps(site, second=FAILS)
    ended(site.migrate("recover", "--abort"), 0)
    walk.run(1, "unsettled", "reversed", "recover --abort")
    assert not site.value(LEFT)
    ended(site.migrate("recover", "--abort"), 0)


def walk_unsettled_and_kept(site: Site, walk: Walk) -> None:
    """What is in is kept."""
    two_steps(site, back=FAILS, second=FAILS)
    ended(site.migrate(*STEP), 4)
    ended(site.migrate("recover", "--resume"), 0)
    walk.run(1, "unsettled", "settled", "recover --resume")
    assert site.value(LEFT)


def walk_cut_off_with_nothing_in(site: Site, walk: Walk) -> None:
    """Killed in its only transaction."""
    two_steps(site)
    killed(site, "COMMIT", 1, *UNREHEARSED)
    walk.segment(1, "open", "rolled_back", "its process ended")
    walk.run(1, "running", "cut_off", "its process ended")
    ended(site.migrate("recover"), 4)
    ended(site.migrate(*UNREHEARSED), 0)
    walk.run(1, "cut_off", "reversed", "the next run, when nothing is in")


def walk_cut_off_with_segments_in(site: Site, walk: Walk) -> None:
    """Killed in its second transaction; the next run goes on."""
    two_steps(site)
    killed(site, "COMMIT", 2, *STEP)
    ended(site.migrate(*STEP), 0)
    walk.run(1, "cut_off", "settled", "the next run, when whole segments are in")
    assert site.value("SELECT version_num FROM crm.alembic_version") == "a2"


def walk_cut_off_and_an_older_checkout(site: Site, walk: Walk) -> None:
    """Killed in its second transaction; a checkout without that step starts, and then the first one goes on."""
    two_steps(site)
    killed(site, "COMMIT", 2, *STEP)
    second = site.root / site.file("crm", "a2")
    text = second.read_text(encoding="utf-8")
    second.unlink()
    ended(site.migrate(*STEP), 0)
    walk.run(1, "cut_off", "cut_off", "a run that does not do its rest, when not all of it is in")
    second.write_text(text, encoding="utf-8")
    ended(site.migrate(*STEP), 0)
    assert run_state(site, 1) == "settled"


def walk_cut_off_on_the_way_back(site: Site, walk: Walk) -> None:
    """The second step fails, and the run is killed while it takes the first one back."""
    two_steps(site, second=FAILS)
    killed(site, "COMMIT", 2, *STEP)
    explained = site.migrate("recover")
    assert "next: `migrate recover --abort` takes back what is in" in " ".join(explained.out.split())
    ended(site.migrate(*STEP), 4)
    walk.run(1, "cut_off", "unsettled", "the next run, when it was cut off on its way back")


def walk_cut_off_and_next_fails(site: Site, walk: Walk) -> None:
    """Killed in its second transaction; the run that goes on from there fails."""
    two_steps(site)
    killed(site, "COMMIT", 2, *STEP)
    two_steps(site, second=FAILS)
    ended(site.migrate(*STEP), 4)
    walk.run(1, "cut_off", "unsettled", "the next run, when that fails and is taken back")


def walk_cut_off_and_aborted(site: Site, walk: Walk) -> None:
    """The same, taken back; the version table that the run had made goes too."""
    two_steps(site)
    killed(site, "COMMIT", 2, *STEP)
    ended(site.migrate("recover", "--abort"), 0)
    walk.run(1, "cut_off", "reversed", "recover --abort")
    assert not site.value(LEFT)
    assert site.value("SELECT to_regclass('crm.alembic_version')") is None


def walk_cut_off_and_abort_fails(site: Site, walk: Walk) -> None:
    """Killed in its third transaction; the second step goes back, the first one cannot, and no next run goes on."""
    two_steps(site, back=FAILS)
    write(site, (execute("SELECT 1"),), (execute("SELECT 1"),), "a3", after="a2")
    killed(site, "COMMIT", 3, *STEP)
    ended(site.migrate("recover", "--abort"), 4)
    walk.run(1, "cut_off", "unsettled", "recover --abort that fails")
    refused = site.migrate(*STEP)
    ended(refused, 4)
    assert "run 1 failed and was not taken back whole: cut off; run 2 could not take it back" in refused.said
    assert site.value("SELECT version_num FROM crm.alembic_version") == "a1"
    two_steps(site)
    ended(site.migrate("recover", "--abort"), 0)
    assert not site.value(LEFT)


def walk_cut_off_and_kept(site: Site, walk: Walk) -> None:
    """The same, kept."""
    two_steps(site)
    killed(site, "COMMIT", 2, *STEP)
    ended(site.migrate("recover", "--resume"), 0)
    walk.run(1, "cut_off", "settled", "recover --resume")
    assert site.value(LEFT)


def walk_half_done(site: Site, walk: Walk) -> None:
    """Killed after a part was committed; the next run refuses, and the recovery takes it away."""
    write(
        site,
        (execute(COLUMN), execute(INDEX, alone=True)),
        (execute(NO_INDEX, alone=True), execute(NO_COLUMN)),
    )
    killed(site, INDEX, 1, *UNREHEARSED)
    walk.segment(1, "partly_in", "half_done", "its process ended")
    ended(site.migrate(*UNREHEARSED), 4)
    walk.run(1, "cut_off", "unsettled", "the next run, when something is half done")
    ended(site.migrate("recover", "--abort"), 0)
    walk.segment(1, "half_done", "rolled_back", "recover --abort")


def walk_only_proof_missing(site: Site, walk: Walk) -> None:
    """Killed when the index was built and nothing written down."""
    write(site, (execute(INDEX, alone=True),), (execute(NO_INDEX, alone=True),))
    killed(site, "COMMIT", 2, *UNREHEARSED)
    assert segment_state(site, 1) == "half_done"
    ended(site.migrate("recover", "--resume"), 0)
    walk.segment(1, "half_done", "committed", "recover --resume, when only its proof was missing")


def walk_parts(site: Site, walk: Walk) -> None:
    """A segment that commits in its middle and ends well."""
    write(
        site,
        (execute(COLUMN), execute(INDEX, alone=True)),
        (execute(NO_INDEX, alone=True), execute(NO_COLUMN)),
    )

    def look(seen: Seen) -> None:
        if seen.text == INDEX:
            walk.segment(1, "open", "partly_in", "it leaves its transaction for an autocommit block")

    ended(watched(site, look, *UNREHEARSED), 0)
    walk.segment(1, "partly_in", "committed", "COMMIT of its last part")


def walk_parts_taken_away(site: Site, walk: Walk) -> None:
    """It fails in its middle, and its downgrade takes away the rest."""
    up = (execute(COLUMN), execute(INDEX, alone=True), execute(FAILS))
    write(site, up, (execute(NO_INDEX, alone=True), execute(NO_COLUMN)))
    ended(site.migrate(*UNREHEARSED), 3)
    walk.segment(1, "partly_in", "rolled_back", "it failed and what it left was taken away")


def walk_parts_that_stay(site: Site, walk: Walk) -> None:
    """It fails in its middle and has no downgrade."""
    write(site, (execute(COLUMN), execute(INDEX, alone=True), execute(FAILS)), ())
    ended(site.migrate(*UNREHEARSED), 4)
    walk.segment(1, "partly_in", "half_done", "it failed and something of it stays")


def walk_unanswered(site: Site, walk: Walk, *, cut: Cut) -> None:
    """The connection ends between COMMIT and its answer."""
    two_steps(site)

    def look(seen: Seen) -> Cut | None:
        if seen.text != "COMMIT" or seen.count != 1:
            return None
        assert segment_state(site, 1) == "open"
        walk.walked.add(Arrow("segment", "open", "unanswered", "COMMIT was sent and the connection lost"))
        return cut

    ended(watched(site, look, *UNREHEARSED), (0 if cut is Cut.AFTER else 3))
    if cut is Cut.AFTER:
        walk.segment(1, "unanswered", "committed", "its proof is there")
    else:
        walk.segment(1, "unanswered", "rolled_back", "its proof is not there")


def walk_answer_lost(site: Site, walk: Walk) -> None:
    """The server has committed."""
    walk_unanswered(site, walk, cut=Cut.AFTER)


def walk_commit_lost(site: Site, walk: Walk) -> None:
    """The server has not."""
    walk_unanswered(site, walk, cut=Cut.BEFORE)


# What each walk must have walked, so that a drawing can be held to them without a server.
WALKS: dict[Callable[[Site, Walk], None], int] = {
    walk_applied: 5,
    walk_taken_back: 2,
    walk_unsettled_and_aborted: 3,
    walk_unsettled_and_kept: 1,
    walk_cut_off_with_nothing_in: 3,
    walk_cut_off_with_segments_in: 1,
    walk_cut_off_and_an_older_checkout: 1,
    walk_cut_off_on_the_way_back: 1,
    walk_cut_off_and_next_fails: 1,
    walk_cut_off_and_aborted: 1,
    walk_cut_off_and_abort_fails: 1,
    walk_cut_off_and_kept: 1,
    walk_half_done: 3,
    walk_only_proof_missing: 1,
    walk_parts: 2,
    walk_parts_taken_away: 1,
    walk_parts_that_stay: 1,
    walk_answer_lost: 2,
    walk_commit_lost: 2,
}


@pytest.mark.parametrize("way", WALKS, ids=lambda way: way.__name__)
def test_each_arrow_of_the_drawings_is_walked_on_a_server(
    site: Site, way: Callable[[Site, Walk], None]
) -> None:
    walk = Walk(site)
    way(site, walk)
    assert walk.walked <= drawn(), "a walk went along no arrow"
    assert len(walk.walked) == WALKS[way]


def test_no_arrow_is_without_a_walk() -> None:
    """By the source of the walks, so that an arrow cannot be drawn that none of them names."""
    source = inspect.getsource(sys.modules[__name__])
    unwalked = [
        each
        for each in drawn()
        if not re.search(rf'{_end(each.before)},\s*"{each.after}",\s*"{re.escape(each.why)}"', source)
    ]
    assert unwalked == []


def _end(state: str) -> str:
    return "START" if state == START else f'"{state}"'
