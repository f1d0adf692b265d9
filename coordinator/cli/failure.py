"""An error as people read it: the sentence, the facts below it, and what to do next."""

from __future__ import annotations

import re
import sys
import traceback
from typing import TYPE_CHECKING

import click

from coordinator.cli.findings import show_findings, with_place
from coordinator.cli.streams import quiet_when_unread
from coordinator.cli.terminal import terminal
from coordinator.errors import CoordinatorError, FindingsError, UnsettledError

if TYPE_CHECKING:
    from coordinator.cli.terminal import Terminal
    from coordinator.model.finding import Finding


_LABEL = re.compile(r"((?:[A-Za-z][a-z -]*:)?)(\s*)(.*)", re.DOTALL)

_SEVERITY = re.compile(r"\b(FATAL|ERROR|PANIC):  ")  # the server writes two blanks, which are no column


def show_error(error: CoordinatorError, *, verbose: bool) -> None:
    """Write an error to standard error. With `verbose`, the chain of causes and authors' tracebacks too."""
    out = terminal()
    same = _told_by_the_message(error)
    message = error.message if same is None else with_place(same)
    out.wrapped(f"{out.styled('error:', 'red', bold=True)} {message}", following="       ")
    for detail in error.details:
        for line in detail.splitlines():
            _show_detail(line, out)
    if isinstance(error, FindingsError) and same is None:
        show_findings(error.findings, out)
    remedy = error.help or (same.help if same is not None else None)
    if remedy:
        out.wrapped(f"{out.styled('next:', 'cyan', bold=True)}  {remedy}", following="       ")
    if verbose:
        _show_causes(error, out)


def show_usage_error(error: click.ClickException) -> None:
    """Tell of arguments that cannot be meant, in the same form as any other error."""
    out = terminal()
    message = error.format_message()
    if "\n" in message:  # no command was named: the message is the whole help
        with quiet_when_unread(sys.stderr):
            error.show()
        return
    out.wrapped(f"{out.styled('error:', 'red', bold=True)} {message}", following="       ")
    command = (
        getattr(error.ctx, "command_path", "migrate") if isinstance(error, click.UsageError) else "migrate"
    )
    out.wrapped(
        f"{out.styled('next:', 'cyan', bold=True)}  `{command} --help` shows how it is called",
        following="       ",
    )


def show_mistake(error: Exception, *, verbose: bool) -> int:
    """Tell of a mistake in this program itself; the exit code that asks a person to look."""
    out = terminal()
    where = traceback.extract_tb(error.__traceback__)[-1]
    out.wrapped(
        f"{out.styled('error:', 'red', bold=True)} a mistake in the coordinator itself, {type(error).__name__} at"
        f" {where.filename}:{where.lineno}: {error}",
        following="       ",
    )
    out.wrapped(
        "next:  `migrate status` tells what is in; please report this, with what -v shows",
        following="       ",
    )
    if verbose:
        for line in traceback.format_exception(error):
            out.line(line.rstrip())
    return UnsettledError.exit_code


def _show_detail(line: str, out: Terminal) -> None:
    """A sentence is broken at the width of the stream; SQL and what else stands in columns stays as it is."""
    line = _SEVERITY.sub(r"\1: ", line)
    found = _LABEL.match(line)
    assert found is not None, "it matches every text"
    label, blanks, text = found.groups()
    if line.startswith(("SQL:", " ")) or "  " in text:
        out.line(f"  {line}")
    else:
        out.wrapped(line, indent="  ", following="  " + " " * len(label + blanks))


def _told_by_the_message(error: CoordinatorError) -> Finding | None:
    """The only finding of an error that says the same as its message; it is not said twice."""
    findings = error.findings if isinstance(error, FindingsError) else ()
    return findings[0] if len(findings) == 1 and findings[0].message == error.message else None


def _show_causes(error: BaseException, out: Terminal) -> None:
    cause = error.__cause__
    while cause is not None:
        out.line(f"cause: {cause}")
        failure = getattr(cause, "failure", None)
        shown = getattr(cause, "traceback", "") or getattr(failure, "traceback", "")
        for line in str(shown).splitlines():
            out.line(f"  {line}")
        cause = cause.__cause__
