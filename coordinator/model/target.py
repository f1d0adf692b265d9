"""Where a database is, without ever showing its password."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TARGET_DIRECTORY = "target"  # the embedded target, in the state directory


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUrl:
    """Connection parameters as libpq takes them. The password is neither in `repr` nor in `str`."""

    parameters: Mapping[str, str] = field(repr=False)
    shown: str = ""  # the URL without its password, for people
    password_command: tuple[
        str, ...
    ] = ()  # run for every new connection; its first output line is the password

    def __str__(self) -> str:
        return self.shown
