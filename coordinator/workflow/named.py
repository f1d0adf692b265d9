"""What a person means by MODULE:REVISION, whose id may be shortened while it is the only one, or by a run's number."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from coordinator.errors import UsageError

if TYPE_CHECKING:
    from coordinator.execution.project import Project
    from coordinator.ledger.store import LedgerReader
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


def no_such_run(ledger: LedgerReader, number: int) -> UsageError:
    """What to say of the number of a run that the ledger does not have."""
    latest = ledger.runs(limit=1)
    known = f"the latest is run {latest[0].number}" if latest else "there has been no run yet"
    return UsageError(f"There is no run {number}: {known}.", help="`migrate history` lists the runs.")
