"""The user's own commands of the gate: `[tool.migrate.gate.stages]`, and `--exec STAGE=CMD`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import UsageError
from coordinator.model.gate import GateStage
from coordinator.settings import forms
from coordinator.settings.forms import read_table
from coordinator.settings.values import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from coordinator.settings.forms import Problems

_STAGES = [each.value for each in GateStage]
_WANTED = 'a command such as "pytest tests/contract", or a list of commands'


def _commands(value: object) -> tuple[str, ...]:
    if isinstance(value, str) and value.strip():
        return (value,)
    if not isinstance(value, list) or not value:
        raise forms.WrongFormError(_WANTED)
    try:
        return forms.texts(value)
    except forms.WrongFormError as error:
        raise forms.WrongFormError(_WANTED) from error


def read_gate(raw: Mapping[str, Any], problems: Problems) -> dict[GateStage, tuple[str, ...]]:
    """The commands of each stage in the settings' file."""
    table = read_table(raw, {"stages": forms.any_table}, ("gate",), problems)
    stages = read_table(
        table.get("stages", {}), dict.fromkeys(_STAGES, _commands), ("gate", "stages"), problems
    )
    return {GateStage(name): commands for name, commands in stages.items()}


def with_typed(
    commands: Mapping[GateStage, tuple[str, ...]], typed: Sequence[str]
) -> dict[GateStage, tuple[str, ...]]:
    """The same with what was typed as `--exec`, which stands in the place of the settings' for its stage.

    Raises UsageError for a stage that does not exist, and for what is not of the form STAGE=CMD.
    """
    found: dict[GateStage, tuple[str, ...]] = {}
    for each in typed:
        name, equals, command = each.partition("=")
        if not equals or not command.strip():
            raise UsageError(
                f"--exec {each!r} is not of the form STAGE=CMD.",
                help='Write it like --exec cross-module="pytest tests/contract".',
            )
        if name.strip() not in _STAGES:
            raise UsageError(f"The gate has no stage {name.strip()!r}.", help=suggest(name.strip(), _STAGES))
        stage = GateStage(name.strip())
        found[stage] = (*found.get(stage, ()), command.strip())
    return {**commands, **found}
