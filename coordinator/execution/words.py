"""Which words of a failure may be kept: the server's and the revision's own, never those that a row brought in."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError
from coordinator.execution.failure import StepFailedError
from coordinator.postgres.failure import StatementError
from coordinator.sql.shown import without_values

if TYPE_CHECKING:
    from coordinator.execution.failure import StepFailure
    from coordinator.model.incident import Notice

# SQLSTATE classes whose messages quote values, like: invalid input syntax for type integer: "123-45-6789"
_DATA_EXCEPTION = "22"
# Messages about constraints name only what the catalog holds; their values stand in DETAIL.
_CONSTRAINT = "23"
LEFT_OUT = "…"
_QUOTED = re.compile(r'"(?P<word>[^"]*)"')
_ALL_QUOTED = re.compile('".*"', re.DOTALL)
_BYTES = re.compile(r"0x[0-9a-fA-F]{2}")
_WORDS = re.compile(r"\S+")
_MANY = re.compile(rf"{LEFT_OUT}(?:\s+{LEFT_OUT})+")
_ASKED_FOR = re.compile(r"\W*\b(\w+(?:Error|Exception|Warning|Exit|Interrupt))\b\W*")


def recorded(error: BaseException, source: str = "") -> str:
    """What failed, in words for the ledger. `source` is the text of the revision that failed, as far as it is known."""
    if isinstance(error, StepFailedError):
        return replace(error.failure, message=kept_message(error.failure, source)).sentence
    if isinstance(error, StatementError):
        code = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
        return f"{_of_server(error.message, error.sqlstate or '', error.raised_in, None)}{code}"
    if isinstance(error, KeyboardInterrupt):
        return interrupted(error)
    return str(error) if isinstance(error, CoordinatorError) else type(error).__name__


def interrupted(error: KeyboardInterrupt) -> str:
    """That the run was stopped, and by whom where `error` says so."""
    who = str(error)
    return f"the run was interrupted: {who} asked it to stop" if who else "the run was interrupted"


def kept_message(failure: StepFailure, source: str = "") -> str:
    """The message of a failed step without values of rows."""
    if failure.sqlstate:
        # Without a statement of the revision's it was one of ours, which holds names only.
        known = f"{without_values(failure.sql, limit=10_000)}\n{source}" if failure.sql else None
        return _of_server(failure.message, failure.sqlstate, failure.raised_in, known)
    if failure.traceback:
        return _own_words(failure.message, source)
    return failure.message


def kept_notice(notice: Notice, source: str = "") -> Notice:
    """The notice without values of rows."""
    if notice.raised:
        return replace(notice, message=_own_words(notice.message, source))
    return replace(notice, message=_of_server(notice.message, notice.sqlstate, None, None))


def _of_server(message: str, sqlstate: str, raised_in: str | None, known: str | None) -> str:
    if raised_in is not None:
        return f"{_own_words(message, known or '')} (raised in {raised_in})"
    if sqlstate.startswith(_DATA_EXCEPTION):
        return _BYTES.sub(f"0x{LEFT_OUT}", _ALL_QUOTED.sub(f'"{LEFT_OUT}"', message))
    if sqlstate.startswith(_CONSTRAINT) or known is None:
        return message
    return _QUOTED.sub(
        lambda match: match[0] if _stands_in(match["word"], known) else f'"{LEFT_OUT}"', message
    )


def _own_words(message: str, source: str) -> str:
    """An author's message with only the words that stand in the revision itself: the rest came from somewhere else."""
    kept = _WORDS.sub(
        lambda match: (
            match[0] if _stands_in(match[0], source) or _ASKED_FOR.fullmatch(match[0]) else LEFT_OUT
        ),
        message,
    )
    return _MANY.sub(LEFT_OUT, kept)


def _stands_in(word: str, text: str) -> bool:
    """Whether the word stands in the text by itself; a quoted name also by its parts."""
    bare = word.strip(".,:;!?()[]{}'\"")
    parts = [part for part in bare.split(".") if part] or [bare]
    return all(re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text, re.IGNORECASE) for part in parts if part)
