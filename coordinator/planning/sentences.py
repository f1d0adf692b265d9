"""Why one revision goes before another, in one sentence, with the file and line where it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import Verb
from coordinator.model.names import Place
from coordinator.model.plan import Dependency, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import Revision
    from coordinator.planning.versions import Point, Use, Version


_BEGINS = {Verb.CREATE: "creates", Verb.RENAME: "gives that name", Verb.RETYPE: "gives its type"}


class Sentences:
    """Makes dependencies with their reasons; it knows the file of every revision."""

    def __init__(self, revisions: Mapping[RevisionKey, Revision]) -> None:
        self._revisions = revisions

    def place(self, point: Point) -> Place:
        """Where that effect is written."""
        return self.at(point.key, point.line)

    def at(self, key: RevisionKey, line: int = 0) -> Place:
        """That line of a revision's file; without a line, where the revision begins."""
        revision = self._revisions.get(key)
        if revision is None:
            return Place(str(key))
        return Place(revision.place.file, line) if line else revision.place

    def follows(self, before: RevisionKey, after: RevisionKey, *, depends: bool) -> Dependency:
        """Alembic's own edge inside a tree."""
        word = "depends on" if depends else "follows"
        return Dependency(
            before=before,
            after=after,
            reason=Reason.FOLLOWS,
            why=f"'{after}' {word} '{before}' in its own tree",
            place=self.at(after),
        )

    def requires(self, before: RevisionKey, after: RevisionKey) -> Dependency:
        """What the author has declared."""
        return Dependency(
            before=before,
            after=after,
            reason=Reason.REQUIRES,
            why=f"'{after}' requires '{before}'",
            place=self.at(after),
        )

    def uses(self, use: Use, version: Version) -> Dependency:
        """The version begins before it is used."""
        assert version.begin is not None
        return Dependency(
            before=version.begin.key,
            after=use.point.key,
            reason=Reason.USES,
            why=f"{self._who(use)} uses {version.object.shown}, which '{version.begin.key}' {_BEGINS[version.begun_by]}"
            f" ({self.place(version.begin)})",
            place=self.place(use.point),
        )

    def ends(self, use: Use, version: Version) -> Dependency:
        """The version is used before it ends."""
        return self._ending(use, version, f"which {self._who(use)} uses", use.point.key, Reason.ENDS)

    def releases(self, use: Use, version: Version) -> Dependency:
        """The version is released before it ends."""
        assert use.release is not None
        assert use.holder is not None
        told = f"which {use.holder.shown} holds until '{use.release.key}' lets go ({self.place(use.release)})"
        return self._ending(use, version, told, use.release.key, Reason.RELEASES)

    def _ending(
        self, use: Use, version: Version, told: str, before: RevisionKey, reason: Reason
    ) -> Dependency:
        assert version.end is not None
        verb = (version.ended_by or Verb.DROP).value
        where = f" ({self.place(use.point)})" if reason is Reason.ENDS else ""
        return Dependency(
            before=before,
            after=version.end.key,
            reason=reason,
            why=f"'{version.end.key}' {verb} {version.object.shown}, {told}{where}",
            place=self.place(version.end),
        )

    def writes_before(self, use: Use, point: Point, columns: tuple[str, ...]) -> Dependency:
        """Rows of the old shape are written before the table refuses them."""
        told = f" ({', '.join(columns)})" if columns else ""
        return Dependency(
            before=use.point.key,
            after=point.key,
            reason=Reason.TIGHTENS,
            why=f"'{point.key}' tightens {use.object.shown}{told}, whose rows '{use.point.key}' changes"
            f" ({self.place(use.point)})",
            place=self.place(point),
        )

    def writes_after(self, use: Use, point: Point, columns: tuple[str, ...]) -> Dependency:
        """Rows are written as the tightened table wants them."""
        told = f" ({', '.join(columns)})" if columns else ""
        return Dependency(
            before=point.key,
            after=use.point.key,
            reason=Reason.TIGHTENS,
            why=f"'{use.point.key}' changes rows of {use.object.shown} as '{point.key}' wants them{told}"
            f" ({self.place(point)})",
            place=self.place(use.point),
        )

    def whole_shape(self, use: Use, point: Point, version: Version, *, after: bool) -> Dependency:
        """`SELECT *` sees the columns that the relation has at that moment."""
        before, later = (point.key, use.point.key) if after else (use.point.key, point.key)
        word = "after" if after else "before"
        return Dependency(
            before=before,
            after=later,
            reason=Reason.USES if after else Reason.ENDS,
            why=f"'{use.point.key}' takes all columns of {use.object.shown} ({self.place(use.point)}) as they are"
            f" {word} '{point.key}' changes {version.object.shown}",
            place=self.place(point if not after else use.point),
        )

    def holder(self, use: Use) -> str:
        """The holder and who made it, with the place."""
        assert use.holder is not None
        if use.point.key not in self._revisions:
            return f"{use.holder.shown} of the database"
        return f"{use.holder.shown} of '{use.point.key}' ({self.place(use.point)})"

    def _who(self, use: Use) -> str:
        return f"{use.holder.shown} of '{use.point.key}'" if use.holder is not None else f"'{use.point.key}'"
