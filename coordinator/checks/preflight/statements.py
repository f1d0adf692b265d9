"""The commands that captured revisions send, for the checks that look at each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.sql.parser import commands
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.checks.preflight.facts import PreflightFacts
    from coordinator.model.capture import Capture, Statement
    from coordinator.model.revision import Revision
    from coordinator.sql.command import Command


def sent(facts: PreflightFacts) -> Iterator[tuple[Revision, Capture, Statement, tuple[Command, ...]]]:
    """Each captured statement with its commands.

    A text that our grammar does not know is left out: it is that of one server version, and the target's
    may be another; the rehearsal tells.
    """
    for capture in facts.captures:
        revision = facts.revision(capture.key)
        if revision is None:
            continue
        for statement in capture.statements:
            try:
                found = commands(statement.sql)
            except SqlSyntaxError:
                continue
            yield revision, capture, statement, found
