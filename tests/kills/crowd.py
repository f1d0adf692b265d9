"""Many processes started at once on one database, as replicas are; one of them may be killed."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.kills.ending import await_nobody, differences, ledger_complaints, picture
from tests.kills.shapes import BASE, BEFORE, SHAPES, STEPS
from tests.kills.watched import KILLED

if TYPE_CHECKING:
    import random

    from tests.kills.ending import Picture
    from tests.kills.ground import Ground
    from tests.kills.watched import Ended

MANY = 20
_COMMAND = ("all-modules", "--staging", "off")
_LATEST = 1.5  # seconds after the last start at which one of them is killed


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """How all of them ended; `killed` is the index of the one that was to be killed, which may have ended before."""

    ended: tuple[Ended, ...]
    killed: int | None
    complaints: tuple[str, ...]

    @property
    def was_killed(self) -> bool:
        return self.killed is not None and self.ended[self.killed].code == KILLED

    def __str__(self) -> str:
        told = (str(each) for number, each in enumerate(self.ended) if each.code and number != self.killed)
        return "\n".join((f"killed was {self.killed}", *self.complaints, *told))


class Crowd:
    """Rounds on one ground; each begins from the same database."""

    def __init__(self, ground: Ground, *, empty: bool) -> None:
        """`empty`: nothing is in the database, not even what plain Alembic made; else the steps are pending."""
        self.ground = ground
        self.name = f"crowd_{'empty' if empty else 'pending'}"
        self._template = f"{self.name}_template"
        folder = ground.folder / self.name
        shutil.rmtree(folder, ignore_errors=True)
        self._root = SHAPES["run"].build(folder)
        self._steps = (*BASE, *STEPS) if empty else STEPS
        ground.database(self._template)
        if not empty:
            with ground.session(self._template) as session:
                session.execute(BEFORE)
        self._after, self._points = self._reference()

    def _reference(self) -> tuple[Picture, int]:
        """What one alone makes of it, and how many points it passes."""
        self.ground.database(self.name, template=self._template)
        alone = self.ground.migrate(*_COMMAND, root=self._root, database=self.name)
        assert alone.code == 0, str(alone)
        with self.ground.session(self.name) as session:
            return picture(session), len(alone.points)

    def round(self, dice: random.Random | None = None) -> Round:
        """Start all of them; with dice, one is killed: at a moment, or at a point of the first, who works then."""
        self.ground.database(self.name, template=self._template)
        killed, at, moment = None, None, 0.0
        if dice is not None:
            if dice.random() < 0.5:
                killed, at = 0, dice.randint(1, self._points)
            else:
                killed, moment = dice.randrange(MANY), dice.uniform(0.0, _LATEST)
        started = [
            self.ground.start(
                *_COMMAND, root=self._root, database=self.name, at=at if number == killed else None
            )
            for number in range(MANY)
        ]
        if killed is not None and at is None:
            time.sleep(moment)
            started[killed].kill()
        ended = tuple(self.ground.runner.end(each) for each in started)
        return Round(ended=ended, killed=killed, complaints=tuple(self._complaints(ended, killed)))

    def _complaints(self, ended: tuple[Ended, ...], killed: int | None) -> list[str]:
        told = [
            f"number {number} ended with {each.code}"
            for number, each in enumerate(ended)
            if each.code and number != killed
        ]
        with self.ground.session(self.name) as session:
            if left := await_nobody(session):
                told.append(left)
            if other := differences(self._after, picture(session)):
                told.append(f"at the end not all in: {other}")
            told.extend(ledger_complaints(session, applied=frozenset(self._steps)))
            told.extend(
                f"{step} was applied {count} times"
                for step, count in session.rows(
                    "SELECT module || ':' || revision, count(*) FROM migrate.step"
                    " WHERE status = 'applied' GROUP BY 1 HAVING count(*) <> 1"
                )
            )
        return told
