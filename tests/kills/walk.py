"""Records the points of a shape, strikes at them one by one, and goes on with the next command until all is in."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.kills.ending import (
    Picture,
    await_nobody,
    differences,
    ledger_complaints,
    picture,
)
from tests.kills.points import REHEARSE
from tests.kills.shapes import BEFORE, REPAIR, SPOIL
from tests.kills.strikes import KILL, TERMINATE, UNANSWERED, UNSENT
from tests.kills.watch import ANSWER
from tests.kills.watched import KILLED

if TYPE_CHECKING:
    from tests.kills.ground import Ground
    from tests.kills.points import Point
    from tests.kills.shapes import Shape
    from tests.kills.watched import Ended

_COMMANDS_AT_MOST = 8
# Between the first connection after the one and the other, the main connection is open.
_LOCK, _UNLOCK = "SELECT pg_try_advisory_lock", "SELECT pg_advisory_unlock"
_RECOMMENDED = re.compile(r"next: +`migrate ([^`]+)`")
_DONE, _NO, _TAKEN_BACK, _UNSETTLED, _HELD, _NOT_REACHED = 0, 1, 3, 4, 5, 6


@dataclass(slots=True, kw_only=True)
class Story:
    """One strike: which commands ran after it, and what was not as it must be."""

    shape: Shape
    point: Point | None
    how: str = KILL
    commands: list[Ended] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"{self.shape.name}, {self.how} at point {self.point}",
            *self.complaints,
            *map(str, self.commands),
        ]
        return "\n".join(lines)


class Walk:
    """One shape on one ground. The first pass records, each `strike` is of the second."""

    def __init__(self, ground: Ground, shape: Shape) -> None:
        self.ground = ground
        self.shape = shape
        self.name = f"kill_{os.getpid()}_{shape.name.replace('-', '_')}"
        self._template = f"{self.name}_template"
        folder = ground.folder / shape.name
        shutil.rmtree(folder, ignore_errors=True)
        self._root = shape.build(folder)
        self.before, self.after = self._references()
        self.rolled_back = self.before
        self._make_template()
        self.points = self._recorded()

    def _references(self) -> tuple[Picture, Picture]:
        """What the target is before all of it and after all of it, when nobody is killed."""
        self.ground.database(self.name)
        with self.ground.session(self.name) as session:
            session.execute(BEFORE)
            before = picture(session)
        ended = self._run(*self._applying)
        assert ended.code == _DONE, str(ended)
        with self.ground.session(self.name) as session:
            return before, picture(session)

    @property
    def _applying(self) -> tuple[str, ...]:
        """The command that brings everything in."""
        return self.shape.lead[0][0] if self.shape.lead else self.shape.command

    def _forward(self, ended: Ended) -> tuple[str, ...]:
        """The command that a person would give next, when none is recommended."""
        if not self.shape.rolls_back:
            return self._applying
        if ended.code == _DONE and ended.arguments[0] == "rollback":
            return ("release", "--all")
        return self._applying if ended.arguments[0] == "release" else self.shape.command

    def _make_template(self) -> None:
        """The database from which each struck command begins."""
        self.ground.database(self._template)
        with self.ground.session(self._template) as session:
            session.execute(BEFORE)
            if self.shape.fails:
                session.execute(SPOIL)
                self.before = picture(session)
        for arguments, text in self.shape.lead:
            at = None
            if text:
                points = self._run(*arguments, database=self._template).points
                at = next(each.number for each in reversed(points) if each.what.startswith(text))
                self.ground.database(self._template)
                with self.ground.session(self._template) as session:
                    session.execute(BEFORE)
            ended = self._run(*arguments, database=self._template, at=at)
            assert ended.code == (KILLED if text else _DONE), str(ended)
        with self.ground.session(self._template) as session:
            assert not (left := await_nobody(session)), left

    def _restore(self) -> None:
        self.ground.database(self.name, template=self._template)

    def _run(
        self, *arguments: str, database: str | None = None, at: int | None = None, how: str = KILL
    ) -> Ended:
        return self.ground.migrate(
            *arguments, root=self._root, database=database or self.name, at=at, how=how
        )

    def _recorded(self) -> tuple[Point, ...]:
        """The points of the command that nobody strikes; two runs must pass the same ones."""
        self._restore()
        first = self._run(*self.shape.command)
        if self.shape.rolls_back:
            self._look_at_rolled_back(first)
        story = Story(shape=self.shape, point=None, commands=[first])
        self._go_on(story, first)
        assert not story.complaints, str(story)
        return first.points

    def _look_at_rolled_back(self, ended: Ended) -> None:
        """All is as before, besides the empty schema of a module that was new: it is known now."""
        assert ended.code == _DONE, str(ended)
        with self.ground.session(self.name) as session:
            self.rolled_back = picture(session)
        rows = {table: sum_ for table, sum_ in self.rolled_back.rows.items() if sum_ != (0, "0")}
        versions = {schema: heads for schema, heads in self.rolled_back.versions.items() if heads}
        assert (rows, versions) == (self.before.rows, self.before.versions), differences(
            self.before, self.rolled_back
        )

    def points_for(self, how: str) -> tuple[Point, ...]:
        """The points at which that strike means something."""
        if how in (UNSENT, UNANSWERED):
            return tuple(
                each
                for each, following in pairwise(self.points)
                if following.kind == ANSWER and following.phase != REHEARSE
            )
        if how == TERMINATE:
            lock = next(each.number for each in self.points if each.what.startswith(_LOCK))
            opened = next(
                each.number for each in self.points if each.number > lock and each.kind == "connect"
            )
            closed = max(each.number for each in self.points if each.what.startswith(_UNLOCK))
            return tuple(each for each in self.points[opened : closed - 1] if each.phase != REHEARSE)
        return self.points

    def strike(self, point: Point, how: str = KILL) -> Story:
        """Strike at that point of the command, and go on until all is in."""
        self.ground.sweep()  # what an earlier strike left is cleared away by the next rehearsal, with points of its own
        self._restore()
        struck = self._run(*self.shape.command, at=point.number, how=how)
        story = Story(shape=self.shape, point=point, how=how, commands=[struck])
        if how == KILL and struck.code != KILLED:
            story.complaints.append(f"it was not killed: it ended with {struck.code}")
        passed = self.points[: point.number]
        if struck.points[: point.number] != passed:
            story.complaints.append(_first_other(passed, struck.points))
        if self.shape.one_transaction:
            self._check_whole(story)
        self._go_on(story, struck)
        return story

    def _check_whole(self, story: Story) -> None:
        """A run in one transaction is all in or not at all, before anybody looks after it."""
        with self.ground.session(self.name) as session:
            if left := await_nobody(session):
                story.complaints.append(left)
            self._one_of_two(story, picture(session))

    def _one_of_two(self, story: Story, found: Picture) -> None:
        if found not in (self.before, self.after, self.rolled_back):
            story.complaints.append(
                f"neither as before ({differences(self.before, found)})"
                f" nor all in ({differences(self.after, found)})"
            )

    def _go_on(self, story: Story, last: Ended) -> None:
        """The next command, and the next, until one brings everything in."""
        ended = last
        while len(story.commands) <= _COMMANDS_AT_MOST:
            if not self._judge(story, ended):
                return
            if ended.code == _DONE and ended.arguments[0] == "all-modules":
                return
            ended = self._run(*self._next(ended))
            story.commands.append(ended)
        story.complaints.append(f"not all in after {_COMMANDS_AT_MOST} commands")

    def _next(self, ended: Ended) -> tuple[str, ...]:
        if ended.code == _UNSETTLED and ended.arguments != ("recover",):
            return ("recover",)
        if ended.arguments == ("recover",) and (found := _RECOMMENDED.search(ended.said)):
            words = tuple(found[1].split())
            return words if words[0] == "recover" else self._forward(ended)
        if self.shape.fails and ended.code == _TAKEN_BACK:
            with self.ground.session(self.name) as session:
                session.execute(REPAIR)
            # The program cannot see that its cause is mended.
            return (*self._applying, *(("--retry",) if "--retry" in ended.said else ()))
        return self._forward(ended)

    def _judge(self, story: Story, ended: Ended) -> bool:
        """Whether the command ended as a command may; what it left is looked at where it says what that is."""
        allowed = {_DONE, _UNSETTLED, KILLED} | ({_TAKEN_BACK} if self.shape.fails else set())
        if story.how != KILL and len(story.commands) == 1:
            allowed |= {_NO, _TAKEN_BACK, _NOT_REACHED}
        if ended.code not in allowed or "Traceback" in ended.err or "a mistake in the" in ended.said:
            story.complaints.append(f"{' '.join(ended.arguments)} ended with {ended.code}")
            return False
        match self._claimed(ended):
            case "before":
                wanted = self.rolled_back if ended.arguments[0] == "rollback" else self.before
                self._check(story, ended, wanted, frozenset())
            case "after":
                self._check(story, ended, self.after, frozenset(self.shape.steps))
        return True

    def _claimed(self, ended: Ended) -> str | None:
        """What its exit code says of the target: as before all of it, after all of it; None when it says neither."""
        refused = ended.code in (_NO, _TAKEN_BACK, _NOT_REACHED)
        match ended.arguments[0]:
            case "all-modules":
                return "after" if ended.code == _DONE else "before" if refused else None
            case "rollback":
                return "before" if ended.code == _DONE else "after" if refused else None
            case "recover" if ended.code == _DONE and "taken back" in ended.said:
                return "after" if self.shape.rolls_back else "before"
        return None

    def _check(self, story: Story, ended: Ended, wanted: Picture, applied: frozenset[str]) -> None:
        told = []
        with self.ground.session(self.name) as session:
            if left := await_nobody(session):
                told.append(left)
            if other := differences(wanted, picture(session)):
                told.append(other)
            told.extend(ledger_complaints(session, applied=applied))
        if ended.code in (_NO, _NOT_REACHED):  # the next command settles what a lost answer left open
            told = [each for each in told if not each.endswith("is running")]
        story.complaints.extend(f"after {' '.join(ended.arguments)}: {each}" for each in told)


def _first_other(recorded: tuple[Point, ...], passed: tuple[Point, ...]) -> str:
    for one, other in zip(recorded, passed, strict=False):
        if one != other:
            return f"the points differ: recorded was {one}, passed was {other}"
    return f"the points differ: {len(recorded)} recorded, {len(passed)} passed"
