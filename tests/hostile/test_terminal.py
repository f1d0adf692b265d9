"""What authors and servers write must not act on the terminal that shows it."""

from __future__ import annotations

import io

import pytest

from coordinator.cli.failure import show_error
from coordinator.cli.main import run
from coordinator.cli.terminal import Terminal
from coordinator.errors import RefusedError
from coordinator.model.finding import Finding

EVIL = "a\x1b]0;title\x07b\x1b[2Jc\x9b31md\rreplaced\x00\x7f \u202egnirts\u2066 é 表 \U0001f600"
KEPT = "é 表 \U0001f600"


def written(text: str, *, colour: bool, styled: bool = False) -> str:
    stream = io.StringIO()
    out = Terminal(stream=stream, interactive=colour, colour=colour, width=80)
    out.line(out.styled("error:", "red", bold=True) + f" {text}" if styled else text)
    return stream.getvalue()


@pytest.mark.parametrize("colour", [True, False])
def test_no_line_holds_what_acts_on_the_terminal(colour: bool) -> None:
    shown = written(EVIL, colour=colour)
    assert not set(shown) & set("\x1b\x07\x9b\r\x00\x7f\u202e\u2066")
    assert KEPT in shown


def test_our_own_colours_stay_where_there_are_any() -> None:
    assert written("text", colour=True, styled=True).startswith("\x1b[31m\x1b[1merror:\x1b[0m text")
    assert "\x1b" not in written("\x1b[31mred\x1b[0m", colour=False)


def test_an_error_is_shown_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    finding = Finding(rule="odd", message=f"{EVIL} first", help=EVIL)
    show_error(RefusedError(f"{EVIL} second", (finding,), help=EVIL), verbose=False)
    shown = capsys.readouterr().err
    assert "first" in shown
    assert "second" in shown
    assert not set(shown) & set("\x1b\x07\x9b\r\x00\x7f\u202e\u2066")


def test_a_mistyped_command_is_shown_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stat\x1b]0;title\x07us"]) == 2
    shown = capsys.readouterr().err
    assert "there is no command" in shown
    assert not set(shown) & set("\x1b\x07")
