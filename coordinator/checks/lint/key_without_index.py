"""A foreign key into another module's table, and no index on the columns that refer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from coordinator.checks.preflight.facts import about
from coordinator.model.effect import ObjectKind, Verb
from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.checks.lint.facts import LintFacts
    from coordinator.model.effect import Effect, ObjectName
    from coordinator.model.finding import Finding
    from coordinator.model.revision import Revision

_INDEXED: Final = frozenset({"pkey", "key"})


class KeyWithoutIndex:
    """Each DELETE of the other module, and each UPDATE of its key, reads this whole table when there is no index.

    The price is paid by the owner of the table that is referred to, who cannot see why.
    """

    name = "foreign-key-without-index"

    def run(self, facts: LintFacts) -> tuple[Finding, ...]:
        indexed = list(_indexed(facts))
        return tuple(
            self._finding(revision, key, target, facts.owner(target))
            for revision in facts.pending
            for key, target in _keys(revision, facts)
            if not _begins_an_index(key, indexed) and not _has_one_by_hand(key, facts)
        )

    def _finding(self, revision: Revision, key: Effect, target: ObjectName, owner: str | None) -> Finding:
        table, columns = key.object.relation, key.columns or ()
        return about(
            revision,
            self.name,
            f"refers from {table}({', '.join(columns)}) to {target.shown} of module {owner!r}, and no index begins"
            f" with {'it' if len(columns) == 1 else 'them'}: each DELETE there reads all of {table}.",
            severity=Severity.WARNING,
            line=key.line,
            help=f"op.create_index(…, {table.name!r}, {list(columns)!r}, schema={table.schema!r}) in this revision.",
        )


def _begins_an_index(key: Effect, indexed: list[tuple[ObjectName, tuple[str, ...]]]) -> bool:
    wanted = set(key.columns or ())
    return any(
        table == key.object.relation and set(columns[: len(wanted)]) == wanted for table, columns in indexed
    )


def _has_one_by_hand(key: Effect, facts: LintFacts) -> bool:
    """Whether the catalog has an index or a key over the columns; in which order they stand there it does not say."""
    columns: dict[ObjectName, set[str]] = {}
    for each in facts.lasting:
        if each.used.kind is ObjectKind.COLUMN and each.used.relation == key.object.relation:
            columns.setdefault(each.holder, set()).add(each.used.part)
    wanted = set(key.columns or ())
    return any(
        holder.kind in {ObjectKind.INDEX, ObjectKind.CONSTRAINT} and holder != key.object and wanted <= some
        for holder, some in columns.items()
    )


def _keys(revision: Revision, facts: LintFacts) -> Iterator[tuple[Effect, ObjectName]]:
    """The foreign keys of the module's own tables that lead to a table of another module."""
    targets = {
        effect.holder: effect.object
        for effect, _ in facts.abroad(revision)
        if effect.verb is Verb.HOLD and effect.object.kind is ObjectKind.RELATION
    }
    for effect in facts.effects(revision):
        if effect.verb is Verb.CREATE and effect.type == "fkey" and effect.object in targets:
            yield effect, targets[effect.object]


def _indexed(facts: LintFacts) -> Iterator[tuple[ObjectName, tuple[str, ...]]]:
    """Every index and every key that any revision makes, with its columns in their order."""
    for known in facts.situation.effects.values():
        for effect in known.of(Verb.CREATE):
            if effect.object.kind is ObjectKind.INDEX and effect.to is not None:
                yield effect.to, effect.columns or ()
            elif effect.object.kind is ObjectKind.CONSTRAINT and effect.type in _INDEXED:
                yield effect.object.relation, effect.columns or ()
