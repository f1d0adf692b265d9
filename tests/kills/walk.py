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
_MAIN = "SELECT pg_try_advisory_lock"  # the main connection is opened after it
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
        lines = [f"{self.shape.name}, {self.how} at point {self.point}", *self.complaints, *map(str, self.commands)]
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
        self._make_template()
        self.points = self._recorded()

    def _references(self) -> tuple[Picture, Picture]:
        """What the target is before all of it and after all of it, when nobody is killed."""
        self.ground.database(self.name)
        with self.ground.session(self.name) as session:
            session.execute(BEFORE)
            before = picture(session)
        ended = self._run(*self._forward)
        assert ended.code == _DONE, str(ended)
        with self.ground.session(self.name) as session:
            return before, picture(session)

    @property
    def _forward(self) -> tuple[str, ...]:
        """The command that brings everything in."""
        if self.shape.command[0] == "all-modules":
            return self.shape.command
        return self.shape.lead[0][0]

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
        story = Story(shape=self.shape, point=None, commands=[first])
        self._go_on(story, first)
        assert not story.complaints, str(story)
        return first.points

    def points_for(self, how: str) -> tuple[Point, ...]:
        """The points at which that strike means something."""
        if how in (UNSENT, UNANSWERED):
            return tuple(
                each
                for each, following in pairwise(self.points)
                if following.kind == ANSWER and following.phase != REHEARSE
            )
        if how == TERMINATE:
            first = next(each.number for each in self.points if each.what.startswith(_MAIN))
            return tuple(each for each in self.points if each.number > first and each.phase != REHEARSE)
        return self.points

    def strike(self, point: Point, how: str = KILL) -> Story:
        """Strike at that point of the command, and go on until all is in."""
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
        if found not in (self.before, self.after):
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
                self._check_all_in(story)
                return
            ended = self._run(*self._next(story, ended))
            story.commands.append(ended)
        story.complaints.append(f"not all in after {_COMMANDS_AT_MOST} commands")

    def _next(self, story: Story, ended: Ended) -> tuple[str, ...]:
        if ended.code == _UNSETTLED and ended.arguments != ("recover",):
            return ("recover",)
        if ended.arguments == ("recover",) and (found := _RECOMMENDED.search(ended.said)):
            words = tuple(found[1].split())
            return self._forward if words[0] == "all-modules" else words
        if self.shape.fails and ended.code == _TAKEN_BACK:
            with self.ground.session(self.name) as session:
                session.execute(REPAIR)
            return self._retrying(ended)
        return self._forward

    def _retrying(self, ended: Ended) -> tuple[str, ...]:
        """The repair is one that the program cannot see."""
        return (*self._forward, "--retry") if "--retry" in ended.said else self._forward

    def _judge(self, story: Story, ended: Ended) -> bool:
        """Whether the command ended as a command may; what it left is looked at where it says what that is."""
        allowed = {_DONE, _UNSETTLED, KILLED} | ({_TAKEN_BACK} if self.shape.fails else set())
        if story.how != KILL and len(story.commands) == 1:
            allowed |= {_NO, _TAKEN_BACK, _NOT_REACHED}
        if ended.code not in allowed or "Traceback" in ended.err or "a mistake in the" in ended.said:
            story.complaints.append(f"{' '.join(ended.arguments)} ended with {ended.code}")
            return False
        if self._says_as_before(ended) or (ended.arguments == ("recover", "--abort") and ended.code == _DONE):
            with self.ground.session(self.name) as session:
                if left := await_nobody(session):
                    story.complaints.append(left)
                if told := differences(self.before, picture(session)):
                    story.complaints.append(f"after {' '.join(ended.arguments)} not as before: {told}")
                complaints = ledger_complaints(session, applied=frozenset())
                if ended.code in (_NO, _NOT_REACHED):  # the next command settles what a lost answer left open
                    complaints = [each for each in complaints if not each.endswith("is running")]
                story.complaints.extend(complaints)
        return True

    def _says_as_before(self, ended: Ended) -> bool:
        """What a forward run says of all; from a recovery the same codes say it of its own part."""
        return ended.arguments[0] == "all-modules" and ended.code in (_NO, _TAKEN_BACK, _NOT_REACHED)

    def _check_all_in(self, story: Story) -> None:
        with self.ground.session(self.name) as session:
            if left := await_nobody(session):
                story.complaints.append(left)
            if told := differences(self.after, picture(session)):
                story.complaints.append(f"at the end not all in: {told}")
            story.complaints.extend(ledger_complaints(session, applied=frozenset(self.shape.steps)))


def _first_other(recorded: tuple[Point, ...], passed: tuple[Point, ...]) -> str:
    for one, other in zip(recorded, passed, strict=False):
        if one != other:
            return f"the points differ: recorded was {one}, passed was {other}"
    return f"the points differ: {len(recorded)} recorded, {len(passed)} passed"
