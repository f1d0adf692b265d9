"""How messages are broken into lines."""

from __future__ import annotations

import io

from coordinator.cli.terminal import Terminal


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
