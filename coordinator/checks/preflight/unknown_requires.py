"""`requires` names a revision that nobody knows."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import PreflightFacts, about

if TYPE_CHECKING:
    from coordinator.model.finding import Finding
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import Revision


class UnknownRequires:
    """What a pending revision requires is a file of this checkout, or in already."""

    name = "unknown-requires"

    def run(self, facts: PreflightFacts) -> tuple[Finding, ...]:
        remembered = {each.key for each in facts.applied}
        return tuple(
            self._finding(revision, key, facts)
            for revision in facts.all_pending
            for key in revision.requires
            if key.module == revision.key.module or (key not in remembered and facts.revision(key) is None)
        )

    def _finding(self, revision: Revision, key: RevisionKey, facts: PreflightFacts) -> Finding:
        if key.module == revision.key.module:
            return about(
                revision,
                self.name,
                f"requires '{key}', a revision of its own module.",
                help=f"Inside one tree Alembic's own word is depends_on = {key.revision!r}.",
            )
        tree = facts.tree(key.module)
        known = {each.key.module for each in facts.applied} | {each.module.name for each in facts.trees}
        if key.module not in known:
            return about(
                revision,
                self.name,
                f"requires '{key}', and there is no module {key.module!r}.",
                help=_nearest(key.module, sorted(known)),
            )
        if tree is None:
            return about(
                revision,
                self.name,
                f"requires '{key}', which is not in; module {key.module!r} is not in this checkout.",
                help=f"Apply module {key.module!r} first, from a checkout that has it.",
            )
        return about(
            revision,
            self.name,
            f"requires '{key}', and module {key.module!r} has no such revision.",
            help=_nearest(key.revision, [each.key.revision for each in tree.revisions]),
        )


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known[-8:]) or 'none'}."
