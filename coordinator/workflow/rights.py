"""`migrate check --rights`: what a role may and lacks for each command. Only reads catalogs that anyone may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import UsageError
from coordinator.execution.events import TargetNamed
from coordinator.ledger.modules import may_read_modules, read_modules
from coordinator.ledger.store import LedgerReader
from coordinator.model.rights import NeededRights, RightKind, RightsReport
from coordinator.planning.rights import schemas_of, wanted_rights
from coordinator.postgres.rights import grants, holds, read_existing
from coordinator.settings.values import suggest
from coordinator.workflow.reading import reader
from coordinator.workflow.target import open_target

if TYPE_CHECKING:
    from coordinator.execution.events import Listener
    from coordinator.model.known_module import KnownModule
    from coordinator.model.rights import Existing, Need, Right
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings


def read_rights(settings: Settings, tell: Listener, *, role: str | None = None) -> RightsReport:
    """Judge a role, by default the one that connects. Raises UsageError when the server has no such role."""
    with open_target(settings) as target:
        tell(TargetNamed(target=target.shown, environment=target.environment))
        with reader(target, "rights") as session, session.snapshot():
            judged = role or str(session.value("SELECT current_user"))
            absent = _absent(session, settings)
            existing = read_existing(session, schemas_of(settings.modules, absent))
            if judged not in existing.roles:
                raise UsageError(
                    f"The server has no role {judged!r}.", help=suggest(judged, sorted(existing.roles))
                )
            wanted = wanted_rights(settings.modules, existing, judged, absent=absent)
            needs = tuple(_judge(session, existing, need, rights) for need, rights in wanted.items())
            return RightsReport(
                target=target.shown,
                environment=target.environment,
                role=judged,
                superuser=judged in existing.superusers,
                needs=needs,
            )


def _absent(session: Session, settings: Settings) -> tuple[KnownModule, ...]:
    """The modules that this checkout does not have; none while whoever asks may not read the ledger."""
    if not may_read_modules(session):
        return ()
    here = {module.name for module in settings.modules}
    known = read_modules(session, LedgerReader(session).version)
    return tuple(each for each in known if each.name not in here)


def _judge(session: Session, existing: Existing, need: Need, wanted: tuple[Right, ...]) -> NeededRights:
    missing = tuple(each for each in wanted if not _holds(session, existing, each))
    # Nobody should become a member of a superuser to migrate: that is told and not offered.
    given = (
        each for each in missing if each.kind is not RightKind.ROLE or each.name[0] not in existing.superusers
    )
    return NeededRights(need=need, wanted=wanted, missing=missing, statements=grants(given))


def _holds(session: Session, existing: Existing, right: Right) -> bool:
    """A role that the settings name and the server does not know holds nothing, and nobody is its member."""
    named = (right.holder, *(right.name if right.kind is RightKind.ROLE else ()))
    return all(each in existing.roles for each in named) and holds(session, right)
