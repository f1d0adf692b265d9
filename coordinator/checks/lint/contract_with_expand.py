"""The old is taken away in the same run that brings the new, while another module still uses the old."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coordinator.checks.preflight.facts import about
from coordinator.model.effect import ObjectKind, Verb
from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.checks.lint.facts import LintFacts
    from coordinator.model.effect import Effect, ObjectName
    from coordinator.model.finding import Finding
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import Revision

_CONTRACTS: Final = frozenset({Verb.DROP, Verb.RENAME, Verb.RETYPE})
_KINDS: Final = frozenset({ObjectKind.COLUMN, ObjectKind.RELATION, ObjectKind.FUNCTION, ObjectKind.TYPE})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Who of another module uses the old now; `moved`: the run itself moves it."""

    module: str
    what: str
    moved: RevisionKey | None = None


class ContractWithExpand:
    """Between bringing the new and taking the old away lies a release of everybody who uses it.

    In one run there is none: the programs that run while it is applied still know the old only.
    """

    name = "contract-with-expand"

    def run(self, facts: LintFacts) -> tuple[Finding, ...]:
        expands = {
            _family(each.object): revision
            for revision in reversed(facts.pending)
            for each in facts.effects(revision)
            if each.verb is Verb.CREATE and each.object.kind in _KINDS and facts.is_new(each.object)
        }
        findings = []
        for revision in facts.pending:
            for effect in facts.effects(revision):
                if not _is_contract(effect) or _is_made_again(effect, revision, facts):
                    continue
                expand = revision if effect.verb is not Verb.DROP else expands.get(_family(effect.object))
                if expand is None or facts.is_new(effect.object):
                    continue
                readers = tuple(_readers(effect.object, revision, facts))
                if readers:
                    findings.append(self._finding(revision, effect, expand, readers))
        return tuple(findings)

    def _finding(
        self, revision: Revision, effect: Effect, expand: Revision, readers: tuple[_Reader, ...]
    ) -> Finding:
        staying = [each for each in readers if each.moved is None]
        shown = ", ".join(f"{each.what} of module {each.module!r}" for each in (staying or readers)[:4])
        if effect.verb is Verb.DROP:
            new = f"in the run in which '{expand.key}' brings what stands for it"
        else:
            new = "in one step, so that old and new never stand side by side"
        use = "still uses it" if staying else "uses it until this run moves it"
        return about(
            revision,
            self.name,
            f"{effect.verb.value} {effect.object.shown} {new}, and {shown} {use}.",
            severity=Severity.ERROR if staying else Severity.WARNING,
            line=effect.line,
            help="Three runs: bring the new beside the old; release the readers; take the old away in a revision"
            " of a later run.",
        )


def _is_contract(effect: Effect) -> bool:
    """Whether it takes something away from its users; a type that only grows takes nothing."""
    if effect.verb is Verb.RETYPE and not effect.overwrites:
        return False
    return effect.verb in _CONTRACTS and effect.object.kind in _KINDS


def _is_made_again(effect: Effect, revision: Revision, facts: LintFacts) -> bool:
    """Whether the same revision makes it under the same name: it is replaced, and nothing is taken away."""
    return any(each.verb is Verb.CREATE and each.object == effect.object for each in facts.effects(revision))


def _family(name: ObjectName) -> tuple[ObjectKind, str, str]:
    """What old and new share: the table that both are columns of, or else the schema and what they are."""
    return (name.kind, name.schema, name.name if name.kind is ObjectKind.COLUMN else "")


def _readers(name: ObjectName, revision: Revision, facts: LintFacts) -> Iterator[_Reader]:
    told: set[str] = set()
    for holder in facts.holders_now(name):
        module = facts.owner(holder)
        if module is not None and module != revision.key.module and module not in told:
            told.add(module)
            yield _Reader(module=module, what=holder.shown, moved=facts.released_by(holder))
