"""How far a step is in that commits statement by statement, counted in the texts that its function sends."""

from __future__ import annotations

import hashlib
from typing import Final

from coordinator.errors import UnsettledError
from coordinator.execution.unseen import Writing, writing_of
from coordinator.model.recovery import Mark
from coordinator.sql.command import CommandKind
from coordinator.sql.parser import commands
from coordinator.sql.tree import SqlSyntaxError

_OTHERS: Final = "it does not send the statements that it had sent before"
_AGAIN: Final = "finish it by hand from there, and keep what is in then with `migrate recover --resume`"


class Progress:
    """Counts what one function sends; of one that was cut off, it passes over what is in already.

    Which texts had been committed when it was cut off is known to the checkpoint; of those that it sent after that
    outside of a transaction, nobody knows whether the last of them are in. They are sent again where doing it twice
    can change nothing, and refused where it could.
    """

    def __init__(
        self, *, again: bool = False, done: Mark | None = None, unseen: Writing | None = None
    ) -> None:
        """`again`: an earlier try was cut off, and `done` of it is in; None: how much of it is not known.

        `unseen` gets the writing of what is sent outside of a transaction.
        """
        self._unseen = Writing() if unseen is None else unseen
        self._again = again
        self._done = done or Mark()
        self._known = done is not None
        self._sent = 0
        self._digest = ""
        # Rows changed, one for each text that is in or was counted.
        self._counts = list(self._done.counts) or [0] * self._done.sent
        self._beyond = False  # a commit of our own says that nothing that comes now was sent before
        self._refusal: UnsettledError | None = None

    @property
    def is_known(self) -> bool:
        """Whether it is known how far the function is in; of one that begins anew it is."""
        return self._known or not self._again

    @property
    def mark(self) -> Mark | None:
        """What is in once the transaction commits that is open now; None when that is not known."""
        if not self.is_known:
            return None
        if self._sent < self._done.sent:
            return self._done
        return Mark(self._sent, self._digest, tuple(self._counts[: self._sent]))

    def committed(self) -> None:
        """What was sent so far is about to be committed."""
        self._beyond = self._beyond or (self._known and self._sent > self._done.sent)

    def passes(self, text: str, schema: str, *, written: str, outside: bool) -> int | None:
        """Count the text; when it must not be sent, since it is in already, how many rows it changed then.

        `schema` is where unqualified names go; `outside`: no transaction is open; `written` is the text as its author
        wrote it, without the values, which is what is shown of it. Raises UnsettledError when the
        function does not send what it sent before, or when sending the text twice could change rows twice.
        """
        if self._refusal is not None:  # the author's code went on in spite of it
            raise self._refusal
        self._sent += 1
        self._digest = hashlib.sha256(f"{self._digest}\n{text}".encode()).hexdigest()
        if self._sent > len(self._counts):
            self._counts.append(0)
        if outside:
            self._unseen.add(writing_of(text, schema))
        if not self._again or self._beyond:
            return None
        if self._sent <= self._done.sent:
            if self._sent == self._done.sent and self._digest != self._done.digest:
                raise self._refused(_OTHERS, f"at: {_shown(written)}")
            return None if _is_for_session(text) else self._counts[self._sent - 1]
        # Twice it may change rows otherwise than once. DDL that stands is an error.
        if (outside or not self._known) and writing_of(text, schema):
            raise self._refused(
                "nobody knows whether this statement is in, and twice it could do harm",
                f"at: {_shown(written)}",
            )
        return None

    def changed(self, rows: int) -> None:
        """So many rows were changed by the text that was counted last, and sent."""
        if self._sent > self._done.sent:
            self._counts[self._sent - 1] = rows

    def ended(self) -> None:
        """The function has ended. Raises UnsettledError when it never came to where it had been before.

        Its statements may depend on what it reads, or on how many rows an earlier one has changed.
        """
        if self._refusal is not None:
            raise self._refusal
        if self._again and self._sent < self._done.sent:
            raise self._refused(_OTHERS, f"it ended after {self._sent} of {self._done.sent} that are in")

    def _refused(self, why: str, where: str) -> UnsettledError:
        self._refusal = UnsettledError(why, help=_AGAIN, details=(where,))
        return self._refusal


def _shown(text: str) -> str:
    shown = " ".join(text.split())
    return f"{shown[:200]}{'…' if len(shown) > 200 else ''}"


def _is_for_session(text: str) -> bool:
    """Whether it only sets what holds in the session, where the earlier try's settings have ended with it."""
    try:
        found = commands(text)
    except SqlSyntaxError:
        return False
    return bool(found) and all(each.kind is CommandKind.SESSION for each in found)
