"""What squawk said of single statements, as findings about revisions, with what is known of the whole run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from coordinator.checks.lint.required_column import RequiredColumn, added_as_required
from coordinator.checks.preflight.facts import about
from coordinator.model.capture import Capture, Direction
from coordinator.model.effect import ObjectKind, ObjectName, Verb
from coordinator.model.finding import Severity
from coordinator.model.squawk_rules import UNREAD, squawk_rule
from coordinator.revisions.effects import effects_of
from coordinator.sql.parser import parse
from coordinator.sql.shown import without_values
from coordinator.squawk.run import SYNTAX_ERROR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coordinator.checks.lint.facts import LintFacts, SquawkSaid
    from coordinator.model.effect import Effect
    from coordinator.model.finding import Finding
    from coordinator.model.lint_rule import LintRule
    from coordinator.squawk.run import Violation

_SMALL: Final = 10_000  # rows: what reads or rewrites so few is over before anybody notices
_GRAVEST_FIRST: Final = tuple(Severity)
# Two rules say the same of one statement; the one that says more is told.
_TOLD_BY: Final[dict[str, frozenset[str]]] = {
    "constraint-missing-not-valid": frozenset(
        {"adding-foreign-key-constraint", "disallowed-unique-constraint"}
    ),
    "prefer-bigint-over-int": frozenset({"prefer-identity"}),
}
_ENDS: Final = frozenset({Verb.DROP, Verb.RENAME, Verb.RETYPE})


class SquawkFindings:
    """Squawk sees one text; that a table is made by this run, by whichever module, and how large it is, we know."""

    name = "squawk"

    def run(self, facts: LintFacts) -> tuple[Finding, ...]:
        together: dict[int, list[tuple[Violation, Finding]]] = {}
        for each in facts.said:
            finding = _finding(each, facts)
            if finding is not None:
                together.setdefault(each.violation.statement, []).append((each.violation, finding))
        return tuple(
            finding
            for found in together.values()
            for violation, finding in found
            if not _is_told_by_others(violation, finding, found)
        )


def _is_told_by_others(
    violation: Violation, finding: Finding, found: Sequence[tuple[Violation, Finding]]
) -> bool:
    """Whether others that are told say as much of the same statement, as often, and count no less."""
    others = _TOLD_BY.get(violation.rule, frozenset())
    times = sum(
        each.times
        for each, told in found
        if each.rule in others and not _is_graver(finding.severity, told.severity)
    )
    return times >= violation.times


def _is_graver(one: Severity, other: Severity) -> bool:
    return _GRAVEST_FIRST.index(one) < _GRAVEST_FIRST.index(other)


def _finding(said: SquawkSaid, facts: LintFacts) -> Finding | None:
    violation, revision = said.violation, said.revision
    if violation.rule == SYNTAX_ERROR:
        return about(
            revision,
            UNREAD,
            "sends a statement that squawk cannot read, so its rules were not asked about it.",
            severity=Severity.NOTE,
            line=said.statement.line,
        )
    rule = squawk_rule(violation.rule)
    severity = weighed(rule.severity, violation.rule, facts)
    if severity is None:
        return None
    subjects = _subjects(said, facts)
    if subjects and all(facts.is_new(each) for each in subjects):
        return None  # nobody reads what this run makes, and it is empty
    if _told_with_rows(said, severity, facts):
        return None
    rows = _rows(subjects, facts) if rule.by_size else None
    small = rows is not None and rows <= _SMALL
    times = f" ({violation.times} times)" if violation.times > 1 else ""
    return about(
        revision,
        violation.rule,
        f"{_what(subjects, said)}: {_sentence(violation.message)}{times}{_size(rows)}",
        severity=Severity.NOTE if small and severity is Severity.WARNING else severity,
        line=said.statement.line,
        help=_remedy(rule, violation.help),
    )


def weighed(severity: Severity | None, rule: str, facts: LintFacts) -> Severity | None:
    """How much the rule counts in this project; None: it is off."""
    if rule in facts.choices.exclude:
        return None
    if rule in facts.choices.errors:
        return Severity.ERROR
    return Severity.WARNING if rule in facts.choices.warnings else severity


def _subjects(said: SquawkSaid, facts: LintFacts) -> tuple[ObjectName, ...]:
    """What the commands of the statement are about: what they end, else the relation or other object that they change.

    () when that is not known. Making something is about nothing that was there, and may be a mistake all the same.
    """
    schema = facts.situation.trees[said.revision.key.module].module.schema
    found: dict[ObjectName, None] = {}
    for tree in parse(said.statement.sql):  # squawk gets no text that this grammar refuses
        alone = replace(said.statement, sql=tree.sql)
        capture = Capture(key=said.revision.key, direction=Direction.UPGRADE, statements=(alone,))
        found.update(dict.fromkeys(_subject(effects_of(capture, schema=schema).effects, facts)))
    return tuple(found)


def _subject(effects: tuple[Effect, ...], facts: LintFacts) -> tuple[ObjectName, ...]:
    if any(each.verb is Verb.CREATE and each.object.kind in _WHOLE for each in effects):
        return ()
    ended = tuple(each.object for each in effects if each.verb in _ENDS)
    if ended:
        return tuple(_table_of(each, facts) for each in ended)
    plain = [each for each in effects if each.verb is not Verb.HOLD]
    return (plain[0].object.relation,) if plain else ()


_WHOLE: Final = frozenset({ObjectKind.RELATION, ObjectKind.TYPE, ObjectKind.FUNCTION, ObjectKind.SCHEMA})


def _table_of(name: ObjectName, facts: LintFacts) -> ObjectName:
    """The table of an index, where a revision says which; other objects themselves."""
    if name.kind is not ObjectKind.INDEX:
        return name
    made = _index_tables(facts)
    return made.get(name, name)


def _index_tables(facts: LintFacts) -> Mapping[ObjectName, ObjectName]:
    return {
        effect.object: effect.to
        for known in facts.situation.effects.values()
        for effect in known.of(Verb.CREATE)
        if effect.object.kind is ObjectKind.INDEX and effect.to is not None
    }


def _told_with_rows(said: SquawkSaid, severity: Severity, facts: LintFacts) -> bool:
    """Whether our own rule has said the same with the number of rows, and counts no less."""
    ours = weighed(Severity.ERROR, RequiredColumn.name, facts)
    if said.violation.rule != "adding-required-field" or ours is None or _is_graver(severity, ours):
        return False
    return any(
        effect.line == said.statement.line and facts.rows(effect.object)
        for effect in added_as_required(facts.effects(said.revision))
    )


def _rows(subjects: tuple[ObjectName, ...], facts: LintFacts) -> int | None:
    known = [facts.rows(each.relation) for each in subjects]
    counted = [each for each in known if each is not None]
    return max(counted) if counted and len(counted) == len(known) else None


def _what(subjects: tuple[ObjectName, ...], said: SquawkSaid) -> str:
    if subjects:
        return f"touches {', '.join(each.shown for each in subjects[:3])}"
    return f"sends `{without_values(said.statement.sql, limit=50)}`"


def _sentence(message: str) -> str:
    text = " ".join(message.split())
    return text if text.endswith(".") else f"{text}."


def _size(rows: int | None) -> str:
    return "" if rows is None else f" The table has about {rows:,} rows."


def _remedy(rule: LintRule, said: str | None) -> str | None:
    remedy = rule.remedy or said
    return None if remedy is None else _sentence(remedy)
