"""What `migrate gate` was asked for, besides the settings."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.certificate import LONGEST

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from coordinator.model.gate import GateStage


class FromEmpty(enum.Enum):
    """How much of the pass from an empty database is taken back and run again."""

    PENDING = "pending"  #: the pending revisions; those that are in already only run forwards
    ALL = "all"  #: every revision


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRequest:
    """`commands` are the user's own, of each stage in their order; `limit` is for each of them, in seconds.

    `environment` are the variables of this process, from which the commands' are made.
    """

    environment: Mapping[str, str]
    commands: Mapping[GateStage, tuple[str, ...]]
    limit: float = 600.0
    snapshot: Path | None = None
    since: str | None = None
    from_empty: FromEmpty = FromEmpty.PENDING
    certificate: Path | None = None
    valid_for: float = LONGEST  # seconds that it is valid for
    live: bool = False  # ask which statements are sent to the target
