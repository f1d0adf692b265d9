"""Writes documents to standard output, with paths as short as they can be."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.cli.streams import UnwritableError, write_document
from coordinator.cli.terminal import terminal
from coordinator.reports.page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.settings.values import Settings


def page() -> Page:
    """The page that standard output is: its width, its colours, paths from the current directory."""
    out = terminal(sys.stdout)
    return Page(width=out.width, paint=out.styled, folder=str(Path.cwd()))


@contextmanager
def telling(*, done: bool) -> Iterator[None]:
    """The block writes a document. Where the command has `done` what it tells of, it is no failure that it cannot."""
    try:
        yield
    except UnwritableError as error:
        if not done:
            raise
        terminal().wrapped(f"warning: {error.message} What it would have told is done.", following="  ")


def write_text(text: str) -> None:
    """Write a document that is ready."""
    write_document(text)


def write_file(path: Path, text: str) -> None:
    """Write a document to a file that was asked for. Raises UsageError when it cannot be written."""
    from coordinator.errors import UsageError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"The file '{path}' cannot be written: {error.strerror}.", help="Name another one with --output."
        ) from error
    terminal().line(f"written: {path}")


def write_json(document: object, settings: Settings) -> None:
    """Write a JSON document; files are named from the project's folder, wherever the command was started."""
    write_text(from_root(json.dumps(document, indent=2, ensure_ascii=False), settings) + "\n")


def from_root(text: str, settings: Settings) -> str:
    """The text with files of the project named from its folder."""
    return text.replace(f"{settings.root}/", "")
