"""What kinds of starting points a rehearsal, a plan or a gate can have."""

from __future__ import annotations

import enum


class BaselineKind(enum.Enum):
    """Where pending revisions start from."""

    TARGET = "target"  #: a live database
    SNAPSHOT = "snapshot"  #: a file that `migrate snapshot` wrote of one
    REPLAY = "replay"  #: revisions that are taken for applied, run on an empty database
