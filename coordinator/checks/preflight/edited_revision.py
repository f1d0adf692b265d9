"""The file of an applied revision says something else than what was applied."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import PreflightFacts, about
from coordinator.ledger.effects_json import effects_from_text
from coordinator.model.effect import ObjectKind, ObjectName, Verb
from coordinator.model.finding import Severity
from coordinator.model.names import RevisionKey

if TYPE_CHECKING:
    from coordinator.model.effect import Effect, RevisionEffects
    from coordinator.model.finding import Finding
    from coordinator.model.revision import Revision
    from coordinator.model.run import AppliedRevision

_SHOWN_LINES = 20
_MAKES = (Verb.CREATE, Verb.RENAME, Verb.RETYPE)


class EditedRevision:
    """An applied revision's code is the code that ran; comments, docstrings and layout do not count.

    A deploy is warned and goes on, since what is in is in; it is stopped when a pending revision stands on
    the edited one, and a gate always is. An edit that was accepted is silent, as long as the file says just that.
    """

    name = "edited-revision"

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        edited = edited_revisions(facts)
        standing = _standing(facts) if edited else {}
        return tuple(
            self._finding(
                applied,
                revision,
                standing.get(revision.key) or _user(applied, revision, facts),
                gate=facts.gate,
            )
            for applied, revision in edited
        )

    def _finding(
        self, applied: AppliedRevision, revision: Revision, needed_by: Revision | None, *, gate: bool
    ) -> Finding:
        when = f"run {applied.run} applied it" if applied.run is not None else "plain Alembic applied it"
        needed = f", and pending {needed_by.key} stands on it" if needed_by else ""
        return about(
            revision,
            self.name,
            f"was edited after {when}{needed}.",
            severity=Severity.ERROR if gate or needed_by else Severity.WARNING,
            line=_first_changed_line(applied, revision),
            help="Put the file back and write a new revision; or, if the edit is right:"
            f" `migrate accept {revision.key} --reason TEXT`.\n{difference(applied, revision)}".rstrip(),
        )


def edited_revisions(facts: PreflightFacts) -> tuple[tuple[AppliedRevision, Revision], ...]:
    """The applied revisions whose file says something else than what was applied or accepted."""
    return tuple(
        (applied, revision)
        for applied in facts.applied
        if (revision := facts.revision(applied.key)) is not None
        and applied.digest
        and applied.digest != revision.digest
        and (applied.key, revision.digest) not in facts.accepted
    )


def difference(applied: AppliedRevision, revision: Revision) -> str:
    """What changed, from what was applied to what the file says now, as a unified diff of some lines."""
    lines = difflib.unified_diff(
        applied.source.splitlines(),
        revision.source.splitlines(),
        fromfile=f"applied by run {applied.run}" if applied.run is not None else "applied before",
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
    """For each revision that one of the run follows or requires, however far, the first that does."""
    standing: dict[RevisionKey, Revision] = {}
    for pending in facts.wanted:
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


def _user(applied: AppliedRevision, revision: Revision, facts: PreflightFacts) -> Revision | None:
    """The first revision of the run that uses what the edited one makes, by what was applied or by what it says now."""
    was = effects_from_text(applied.effects, applied.key).upgrade
    made = {name for each in (was, facts.effects.get(revision.key)) if each for name in _made(each)}
    return next(
        (
            pending
            for pending in facts.wanted
            if pending.key in facts.effects and _uses(facts.effects[pending.key], made)
        ),
        None,
    )


def _made(effects: RevisionEffects) -> set[ObjectName]:
    return {each.to if each.verb is Verb.RENAME and each.to else each.object for each in effects.of(*_MAKES)}


def _uses(effects: RevisionEffects, made: set[ObjectName]) -> bool:
    relations = {(each.schema, each.name) for each in made if each.kind is ObjectKind.COLUMN}
    return any(
        not made.isdisjoint((each.object, *each.alternatives, *_written(each)))
        or (each.every and (each.object.schema, each.object.name) in relations)
        for each in effects.effects
        if each.verb is not Verb.CREATE
    )


def _written(effect: Effect) -> tuple[ObjectName, ...]:
    """The columns of a table that rows are given values for, or that they must satisfy from then on."""
    return tuple(
        ObjectName(ObjectKind.COLUMN, effect.object.schema, effect.object.name, column)
        for column in (effect.columns or ())
        if effect.verb in (Verb.WRITE, Verb.TIGHTEN)
    )
