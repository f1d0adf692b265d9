"""What forbids a rollback before anything is touched, and what is to be said of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import Verb
from coordinator.model.finding import Finding, Severity
from coordinator.model.names import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from coordinator.model.capture import Capture
    from coordinator.model.effect import RevisionEffects
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import Revision
    from coordinator.model.rollback import Integration, Scope


def absent_modules(scope: Scope, absent: frozenset[str]) -> Finding | None:
    """Revisions of modules that are not in this checkout stand in the scope; the finding names them and why."""
    keys = [key for key in scope.keys if key.module in absent]
    if not keys:
        return None
    first = next((each for each in scope.dragged if each.key == keys[-1]), None)
    why = f" ({first.key} {first.why})" if first is not None else ""
    modules = ", ".join(f"'{name}'" for name in sorted({key.module for key in keys}))
    return Finding(
        rule="module-not-here",
        message=f"{', '.join(str(key) for key in keys)} must go too, and this checkout has no files of {modules}{why}",
        module=keys[0].module,
        revision=keys[0],
        help="run `migrate rollback` in a checkout that has them, or roll those back there first",
    )


def cannot_go_back(
    revision: Revision, upgrade: RevisionEffects | None, downgrade: Capture | None
) -> Finding | None:
    """Why a revision of the scope cannot be reversed, if its file tells."""
    key = revision.key
    if revision.irreversible is not None:
        return _finding(
            revision,
            "irreversible",
            f"{key} says that it cannot be taken back: {revision.irreversible}",
            help="write a new revision that does what is wanted, and apply that",
        )
    if downgrade is None:
        return None
    if downgrade.error is not None:
        return _finding(
            revision,
            "downgrade-fails",
            f"{key} has a downgrade() that fails: {downgrade.error.rstrip('.')}",
            line=downgrade.error_line,
            # With an empty answer to its query it may fail where it would not on the target.
            severity=Severity.WARNING if downgrade.unknown else Severity.ERROR,
            help="mend its downgrade()",
        )
    if downgrade.empty and upgrade is not None and upgrade.effects:
        schema = any(effect.verb not in (Verb.WRITE, Verb.USE) for effect in upgrade.effects)
        return _finding(
            revision,
            "empty-downgrade",
            f"{key} has a downgrade() that does nothing, "
            + (
                "so what its upgrade() made would stay"
                if schema
                else "so the rows stay as its upgrade() left them"
            ),
            severity=Severity.ERROR if schema else Severity.WARNING,
            help="write its downgrade(); or, if nothing is to be taken back, say so in it with a statement of no effect",
        )
    return None


def edited(revision: Revision, run: int | None) -> Finding:
    """The file says something else than what was applied: what runs now is the file's downgrade."""
    return _finding(
        revision,
        "edited-revision",
        f"{revision.key} was edited after {f'run {run}' if run else 'plain Alembic'} applied it;"
        " the downgrade() that runs is the file's",
        severity=Severity.WARNING,
        help="look whether it still takes back what was applied; the rehearsal tries it",
    )


def held_by_strangers(integrations: Sequence[Integration]) -> Iterator[Finding]:
    """Views and keys of nobody stand on what goes away: they would stop the downgrade, or vanish with it."""
    for each in integrations:
        if each.breaks and each.module is None:
            yield Finding(
                rule="held-by-others",
                message=f"{each.name} ({each.what}) stands on what goes away, and no module owns it",
                help="drop it first, or let a module own its schema",
            )


def not_here(scope: Scope, files: Mapping[RevisionKey, Revision]) -> tuple[RevisionKey, ...]:
    """The revisions of the scope that have no file."""
    return tuple(key for key in scope.keys if key not in files)


def _finding(
    revision: Revision,
    rule: str,
    message: str,
    *,
    help: str,  # noqa: A002 - the name in Finding
    severity: Severity = Severity.ERROR,
    line: int = 0,
) -> Finding:
    return Finding(
        rule=rule,
        severity=severity,
        message=message,
        module=revision.key.module,
        revision=revision.key,
        place=Place(revision.place.file, line or revision.place.line),
        help=help,
    )
