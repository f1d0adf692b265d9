"""The revision that a person means by MODULE:REVISION; its id may be shortened as long as it is the only one."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from coordinator.errors import UsageError

if TYPE_CHECKING:
    from coordinator.execution.project import Project
    from coordinator.model.names import RevisionKey


def named_revision(project: Project, wanted: str) -> RevisionKey:
    """The revision of this checkout that is meant. Raises UsageError with the nearest known name."""
    known = {str(revision.key): revision.key for tree in project.trees for revision in tree.revisions}
    fitting = (
        [wanted] if wanted in known else [name for name in known if name.startswith(wanted) and ":" in wanted]
    )
    if len(fitting) == 1:
        return known[fitting[0]]
    if fitting:
        raise UsageError(f"{wanted!r} may mean {' or '.join(sorted(fitting))}.", help="Write more of the id.")
    near = difflib.get_close_matches(wanted, known, n=1)
    raise UsageError(
        f"There is no revision {wanted!r} in this checkout; MODULE:REVISION is wanted.",
        help=f"Did you mean {near[0]!r}?" if near else "`migrate plan` lists the revisions.",
    )
