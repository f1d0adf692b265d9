"""The file of an applied revision says something else than what was applied."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import PreflightFacts, about
from coordinator.model.finding import Severity
from coordinator.model.names import RevisionKey

if TYPE_CHECKING:
    from coordinator.model.finding import Finding
    from coordinator.model.revision import Revision
    from coordinator.model.run import AppliedRevision

_SHOWN_LINES = 20


class EditedRevision:
    """An applied revision's code is the code that ran; comments, docstrings and layout do not count.

    A deploy is warned and goes on, since what is in is in; it is stopped when a pending revision stands on
    the edited one, and a gate always is.
    """

    name = "edited-revision"

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        edited = [
            (applied, revision)
            for applied in facts.applied
            if (revision := facts.revision(applied.key)) is not None
            and applied.digest
            and applied.digest != revision.digest
        ]
        standing = _standing(facts) if edited else {}
        return tuple(
            self._finding(applied, revision, standing.get(revision.key), gate=facts.gate)
            for applied, revision in edited
        )

    def _finding(
        self, applied: AppliedRevision, revision: Revision, needed_by: Revision | None, *, gate: bool
    ) -> Finding:
        needed = f", and pending {needed_by.key} stands on it" if needed_by else ""
        return about(
            revision,
            self.name,
            f"was edited after run {applied.run} applied it{needed}.",
            severity=Severity.ERROR if gate or needed_by else Severity.WARNING,
            line=_first_changed_line(applied, revision),
            help="Put the file back and write a new revision; or, if the edit is right, write in the file:"
            f' waive = {{"edited-revision": ("reason", "date until when")}}.\n{difference(applied, revision)}'.rstrip(),
        )


def difference(applied: AppliedRevision, revision: Revision) -> str:
    """What changed, from what was applied to what the file says now, as a unified diff of some lines."""
    lines = difflib.unified_diff(
        applied.source.splitlines(),
        revision.source.splitlines(),
        fromfile=f"applied by run {applied.run}",
        tofile=revision.place.file,
        lineterm="",
        n=1,
    )
    shown = list(lines)
    rest = len(shown) - _SHOWN_LINES
    return "\n".join([*shown[:_SHOWN_LINES], *([f"… {rest} lines more"] if rest > 0 else [])])


def _first_changed_line(applied: AppliedRevision, revision: Revision) -> int:
    matcher = difflib.SequenceMatcher(
        None, applied.source.splitlines(), revision.source.splitlines(), autojunk=False
    )
    return next((new + 1 for tag, _, _, new, _ in matcher.get_opcodes() if tag != "equal"), 0)


def _standing(facts: PreflightFacts) -> dict[RevisionKey, Revision]:
    """For each revision that a pending one follows or requires, however far, the first that does."""
    standing: dict[RevisionKey, Revision] = {}
    for pending in facts.all_pending:
        own = [RevisionKey(pending.key.module, parent) for parent in pending.parents]
        waiting = [key for key in (*own, *pending.requires) if key not in standing]
        while waiting:
            key = waiting.pop()
            standing[key] = pending
            below = facts.revision(key)
            if below is not None:
                parents = [RevisionKey(key.module, parent) for parent in below.parents]
                waiting.extend(each for each in parents if each not in standing)
    return standing
