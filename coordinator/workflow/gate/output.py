"""What a command prints, bounded while it comes: its beginning and its end, without secrets and control characters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.workflow.gate.secrets import Secrets

_HEAD = 16_000  # bytes
_TAIL = 48_000
# Colours, cursor movements, titles and character sets, as ECMA-48 writes them; a title without an end has its line's.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\r\n]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")


class Output:
    """Takes what comes, and forgets the middle of what is too long."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._lost = 0

    def add(self, data: bytes) -> None:
        """The next bytes."""
        room = _HEAD - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if len(self._tail) > 2 * _TAIL:  # not at each piece: taking away from the front moves the rest
            self._trim()

    def _trim(self) -> None:
        gone = max(len(self._tail) - _TAIL, 0)
        del self._tail[:gone]
        self._lost += gone

    @property
    def cut(self) -> bool:
        """Whether the middle is missing."""
        return self._lost > 0 or len(self._tail) > _TAIL

    def text(self, secrets: Secrets) -> str:
        """What can be shown of it."""
        self._trim()
        if not self.cut:
            return secrets.hide(_readable(bytes(self._head + self._tail)))
        # A secret that the cut has divided is not found any more: as much as it may be long goes on either side.
        margin = max(secrets.longest - 1, 0)
        before, after = secrets.hide(_readable(bytes(self._head))), secrets.hide(_readable(bytes(self._tail)))
        lost = self._lost + 2 * margin
        return f"{before[: len(before) - margin]}\n[… about {lost} bytes are left out …]\n{after[margin:]}"


def _readable(data: bytes) -> str:
    """Lines of printable characters; of a line that was written over and over the last version."""
    text = _ESCAPES.sub("", data.decode("utf-8", errors="replace")).replace("\r\n", "\n")
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    shown = "\n".join(
        "".join(each for each in line.expandtabs(8) if each.isprintable()).rstrip() for line in lines
    )
    return shown.strip("\n")
