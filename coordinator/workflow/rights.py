"""`migrate check --rights`: what a role may and lacks for each command. Only reads catalogs that anyone may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import UsageError
from coordinator.execution.events import TargetNamed
from coordinator.model.rights import NeededRights, RightKind, RightsReport
from coordinator.planning.rights import schemas_of, wanted_rights
from coordinator.postgres.rights import grants, holds, is_superuser, read_existing
from coordinator.settings.values import suggest
from coordinator.workflow.reading import reader
from coordinator.workflow.target import open_target

if TYPE_CHECKING:
    from coordinator.execution.events import Listener
    from coordinator.model.rights import Existing, Right
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings


def read_rights(settings: Settings, tell: Listener, *, role: str | None = None) -> RightsReport:
    """Judge a role, by default the one that connects. Raises UsageError when the server has no such role."""
    with open_target(settings) as target:
        tell(TargetNamed(target=target.shown, environment=target.environment))
        with reader(target, "rights") as session, session.snapshot():
            judged = role or str(session.value("SELECT current_user"))
            existing = read_existing(session, schemas_of(settings.modules))
            if judged not in existing.roles:
                raise UsageError(
                    f"The server has no role {judged!r}.", help=suggest(judged, sorted(existing.roles))
                )
            wanted = wanted_rights(settings.modules, existing, judged)
            needs = tuple(
                NeededRights(
                    need=need,
                    wanted=rights,
                    missing=tuple(each for each in rights if not _holds(session, existing, each)),
                )
                for need, rights in wanted.items()
            )
            return RightsReport(
                target=target.shown,
                environment=target.environment,
                role=judged,
                superuser=is_superuser(session, judged),
                needs=needs,
                statements=grants(right for needed in needs for right in needed.missing),
            )


def _holds(session: Session, existing: Existing, right: Right) -> bool:
    """A role that the settings name and the server does not know holds nothing, and nobody is its member."""
    named = (right.holder, *(right.name if right.kind is RightKind.ROLE else ()))
    return all(each in existing.roles for each in named) and holds(session, right)
