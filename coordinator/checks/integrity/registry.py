"""The integrity checks, in the order in which they speak; the only list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from coordinator.checks.integrity.bookkeeping_untouched import BookkeepingUntouched
from coordinator.checks.integrity.foreign_keys_hold import ForeignKeysHold
from coordinator.checks.integrity.functions_resolve import FunctionsResolve
from coordinator.checks.integrity.map_references import MapReferences
from coordinator.checks.integrity.no_rows_lost import NoRowsLost
from coordinator.checks.integrity.no_view_gone import NoViewGone
from coordinator.checks.integrity.nothing_not_valid import NothingNotValid
from coordinator.checks.integrity.only_own_schemas import OnlyOwnSchemas
from coordinator.checks.integrity.own_checks import OwnChecks
from coordinator.checks.integrity.owner_and_grants import OwnerAndGrants
from coordinator.checks.integrity.sequences_ahead import SequencesAhead

if TYPE_CHECKING:
    from coordinator.execution.checking import IntegrityCheck

INTEGRITY_CHECKS: Final[tuple[IntegrityCheck, ...]] = (
    BookkeepingUntouched(),
    OnlyOwnSchemas(),
    NoViewGone(),
    FunctionsResolve(),
    ForeignKeysHold(),
    NothingNotValid(),
    SequencesAhead(),
    NoRowsLost(),
    OwnerAndGrants(),
    MapReferences(),
    OwnChecks(),
)
