"""How messages are broken into lines."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from coordinator.cli import progress
from coordinator.cli.gate_progress import GateProgress
from coordinator.cli.terminal import Terminal
from coordinator.execution.events import CheckStarted, Working
from coordinator.model.gate import GateStage

if TYPE_CHECKING:
    import pytest


def test_a_command_in_a_message_stays_on_one_line_so_that_it_can_be_copied() -> None:
    out = io.StringIO()
    terminal = Terminal(stream=out, interactive=False, colour=False, width=44)

    terminal.wrapped(
        "next:  mend the cause, then `migrate all-modules --retry` tries it", following="       "
    )

    assert out.getvalue().splitlines() == [
        "next:  mend the cause, then",
        "       `migrate all-modules --retry` tries",
        "       it",
    ]


def test_the_bar_shows_square_brackets_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    shown = Terminal(stream=out, interactive=True, colour=False, width=80)
    monkeypatch.setattr(progress, "terminal", lambda: shown)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")

    with GateProgress(verbose=False) as tell:
        tell(CheckStarted(stage=GateStage.SETUP, check="setup command 1"))
        tell(Working(what="setup: sed -i 's/[/]/-/' [red]x a[/b]"))

    assert "setup: sed -i 's/[/]/-/' [red]x a[/b]" in out.getvalue()
