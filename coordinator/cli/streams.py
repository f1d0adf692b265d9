"""Standard streams as they may be: closed, full, left by their reader, or of an encoding that lacks a letter."""

from __future__ import annotations

import os
import select
import sys
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING

import click

from coordinator.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO


class UnwritableError(UsageError):
    """Standard output takes no document."""


def prepare_streams() -> None:
    """Put the null device in the place of closed streams, and let no letter of a name stop a sentence."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # Takes the lowest free descriptor, which is this one: else a connection would get it, and with it
            # whatever is written to standard output.
            os.open(os.devnull, os.O_RDWR)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - open until the end
        elif mode == "w" and isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write_line(text: str, stream: TextIO, *, colour: bool) -> None:
    """Write a line for people. When it cannot be written the work goes on, and nothing more is written there."""
    with quiet_when_unread(stream):
        click.echo(text, file=stream, color=colour)


@contextmanager
def quiet_when_unread(stream: TextIO) -> Iterator[None]:
    """The block writes to `stream`. Its reader has left, or the disk is full: no reason to take a run back."""
    try:
        yield
    except OSError:
        silence(stream)


def reader_has_left() -> bool:
    """Whether standard output or error is a pipe that nobody reads any more."""
    poll = select.poll()
    for stream in (sys.stdout, sys.stderr):
        poll.register(stream.fileno(), 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def write_document(text: str) -> None:
    """Write to standard output. A reader who has left has seen enough; UnwritableError for any other failure."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)
    except OSError as error:
        silence(sys.stdout)
        raise UnwritableError(
            f"Standard output cannot be written: {error.strerror}.", help="Send it somewhere else."
        ) from error


def silence(stream: TextIO) -> None:
    """Send what the stream still holds, and all that is yet to come, to nobody."""
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, stream.fileno())
    finally:
        os.close(null)
