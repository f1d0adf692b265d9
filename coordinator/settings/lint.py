"""What a project chose about the linter's rules: `[tool.migrate.lint]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from coordinator.model.lint_rule import LintChoices, SquawkUse
from coordinator.model.module_rules import MODULE_RULES
from coordinator.model.squawk_rules import SQUAWK_RULES
from coordinator.settings import forms
from coordinator.settings.forms import read_table
from coordinator.settings.values import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.settings.forms import Problems

_LISTS: Final = ("exclude", "errors", "warnings")


def _use(value: object) -> SquawkUse:
    for each in SquawkUse:
        if each.value == value:
            return each
    raise forms.WrongFormError("one of " + ", ".join(f'"{each.value}"' for each in SquawkUse))


def read_lint(raw: Mapping[str, Any], problems: Problems) -> LintChoices:
    """The table's values. A rule that nobody knows, and one that two lists name, are problems with their line."""
    table = read_table(raw, {"squawk": _use, **dict.fromkeys(_LISTS, forms.texts)}, ("lint",), problems)
    lists = {name: frozenset(table.get(name, ())) for name in _LISTS}
    known = [*MODULE_RULES, *SQUAWK_RULES]
    seen: dict[str, str] = {}
    for name in _LISTS:
        for rule in sorted(lists[name]):
            if rule not in known:
                problems.add(("lint", name), f"There is no rule {rule!r}. {suggest(rule, known)}")
            elif rule in seen:
                problems.add(("lint", name), f"Rule {rule!r} stands in {seen[rule]!r} and in {name!r}.")
            seen[rule] = name
    return LintChoices(squawk=table.get("squawk", SquawkUse.AUTO), **lists)
