"""Which words of a failure may be kept: the server's and the revision's own, never those that a row brought in."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError
from coordinator.execution.failure import StepFailedError
from coordinator.postgres.failure import StatementError
from coordinator.sql.parser import identifiers
from coordinator.sql.shown import without_values

if TYPE_CHECKING:
    from coordinator.execution.failure import StepFailure
    from coordinator.model.incident import Notice

# SQLSTATE classes whose messages quote values, like: invalid input syntax for type integer: "123-45-6789"
_DATA_EXCEPTION = "22"
# Messages about constraints name only what the catalog holds; their values stand in DETAIL.
_CONSTRAINT = "23"
# Syntax, access and names: what its messages name stands in quotes, a function or a qualified column without.
_ACCESS = "42"
LEFT_OUT = "…"
_LENGTH = 1000  # characters of a message
_QUOTE = '["«»„“”‟‹›「」『』]'  # as the languages write it that PostgreSQL speaks
_ALL_QUOTED = re.compile(f"{_QUOTE}(?:.*{_QUOTE}|.*)", re.DOTALL)
_QUALIFIED = re.compile(r"[\w$]+(?:\.[\w$]+)+")
_FUNCTION = re.compile(rf"{_QUALIFIED.pattern}|[\w$]+(?=\()")
_FUNCTION_STATES = frozenset({"42725", "42809", "42883"})
_NAMES = re.compile(
    r"""%(?:\(\w+\))?s | "(?P<quoted>(?:[^"]|"")*)(?:"|\Z) | (?P<bare>[^\W\d][\w$]*)""", re.VERBOSE
)
_BYTES = re.compile(r"(?<=0x)[0-9a-fA-F]+")
_NUMBER = re.compile(r"(?<![\w(])[+-]?\d[\d.:,/+-]*\b(?!x)")
_WORDS = re.compile(r"\S+")
_MANY = re.compile(rf"{LEFT_OUT}(?:\s+{LEFT_OUT})+")
_ASKED_FOR = re.compile(r"\W*\b(\w+(?:Error|Exception|Warning|Exit|Interrupt))\b\W*")


def recorded(error: BaseException, source: str = "") -> str:
    """What failed, in words for the ledger. `source` is the text whose words may be kept: the revision's that failed."""
    if isinstance(error, StepFailedError):
        return replace(error.failure, message=kept_message(error.failure, source)).sentence
    if isinstance(error, StatementError):
        code = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
        return f"{_of_server(error.message, error.sqlstate or '', error.raised_in, None)}{code}"
    if isinstance(error, KeyboardInterrupt):
        return interrupted(error)
    return _short(str(error)) if isinstance(error, CoordinatorError) else type(error).__name__


def interrupted(error: KeyboardInterrupt) -> str:
    """That the run was stopped, and by whom where `error` says so."""
    who = str(error)
    return f"the run was interrupted: {who} asked it to stop" if who else "the run was interrupted"


def kept_message(failure: StepFailure, source: str = "") -> str:
    """The message of a failed step without values of rows."""
    if failure.sqlstate:
        # Without a statement of the revision's it was one of ours, which holds names only.
        known = source if failure.sql else None
        return _of_server(failure.message, failure.sqlstate, failure.raised_in, known)
    if failure.traceback:
        return _own_words(failure.message, source)
    return _short(failure.message)


def kept_statement(sql: str, source: str, *, limit: int) -> str:
    """The statement without literals and without names that do not stand in the source, at most `limit` characters.

    A revision may have put a row's value where a name belongs.
    """
    shown = without_values(sql, limit=limit)
    names = frozenset(
        identifiers(" ".join(found["bare"] for found in _NAMES.finditer(shown) if found["bare"]))
    )
    known = source.lower()

    def kept(found: re.Match[str]) -> bool:
        if found["quoted"] is None and found["bare"] not in names:
            return True
        return _stands_in(found["bare"] or found["quoted"], known)

    return _NAMES.sub(lambda found: found[0] if kept(found) else LEFT_OUT, shown)


def kept_notice(notice: Notice, source: str = "") -> Notice:
    """The notice without values of rows."""
    if notice.raised:
        return replace(notice, message=_own_words(notice.message, source))
    return replace(notice, message=_of_server(notice.message, notice.sqlstate, None, source))


def _of_server(message: str, sqlstate: str, raised_in: str | None, known: str | None) -> str:
    if raised_in is not None:
        return f"{_own_words(message, known or '')} (raised in {raised_in})"
    if sqlstate.startswith(_DATA_EXCEPTION):
        return _short(_NUMBER.sub(LEFT_OUT, _BYTES.sub(LEFT_OUT, _without_quoted(message))))
    if sqlstate.startswith(_CONSTRAINT) or known is None:
        return _short(message)
    return _short(_with_known_names(message, sqlstate, known.lower()))


def _without_quoted(message: str) -> str:
    return _ALL_QUOTED.sub(f'"{LEFT_OUT}"', message)


def _with_known_names(message: str, sqlstate: str, known: str) -> str:
    """A message of the server whose names stand in `known`. A name may hold quotes, so all or none of them is kept."""
    parts = re.split(_QUOTE, message)
    if sqlstate.startswith(_ACCESS):
        pattern = _FUNCTION if sqlstate in _FUNCTION_STATES else _QUALIFIED
        # Where such a name begins cannot be told: it may hold blanks.
        if not all(_stands_in(each, known) for each in pattern.findall(" ".join(parts[::2]))):
            return LEFT_OUT
    paired = len(parts) % 2 == 1
    return (
        message
        if paired and all(_stands_in(each, known) for each in parts[1::2])
        else _without_quoted(message)
    )


def _own_words(message: str, source: str) -> str:
    """An author's message with only the words that stand in the revision itself: the rest came from somewhere else."""
    known = source.lower()
    kept = _WORDS.sub(
        lambda match: match[0] if _stands_in(match[0], known) or _ASKED_FOR.fullmatch(match[0]) else LEFT_OUT,
        _short(message),
    )
    return _MANY.sub(LEFT_OUT, kept)


def _stands_in(word: str, known: str) -> bool:
    """Whether the word stands by itself in the text, which is in small letters; a qualified name also by its parts."""
    bare = word.lower().strip(".,:;!?()[]{}'\" ")
    return all(
        # Looked for plainly first: a pattern is expensive to make, and most of a long message stands nowhere.
        part in known and re.search(rf"(?<!\w){re.escape(part)}(?!\w)", known)
        for part in bare.split(".")
        if part
    )


def _short(message: str) -> str:
    """At most so much of a message, up to the end of a word: a row can make it as long as it likes."""
    if len(message) <= _LENGTH:
        return message
    return f"{message[:_LENGTH].rpartition(' ')[0]} {LEFT_OUT}".lstrip()
