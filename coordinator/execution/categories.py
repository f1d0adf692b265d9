"""What kind of failure something was, by SQLSTATE or by what we know of it ourselves; and how much it matters."""

from __future__ import annotations

import re

from coordinator.errors import CoordinatorError, LockHeldError, UnreachableError, UnsettledError
from coordinator.execution.failure import StepFailedError
from coordinator.execution.patience import sqlstate_of
from coordinator.execution.versions import HeadsChangedError
from coordinator.ledger.lock import LockLostError
from coordinator.ledger.system import OtherServerError
from coordinator.model.incident import Category, IncidentSeverity
from coordinator.model.run import RunStatus
from coordinator.postgres.failure import ConnectionLostError, StatementError

# The longest prefix that fits wins.
_BY_SQLSTATE: dict[str, Category] = {
    "08": Category.CONNECTION,
    "21": Category.DATA,
    "22": Category.DATA,
    "23": Category.DATA,
    "25006": Category.PERMISSION,  # the session or the server may only read
    "28": Category.PERMISSION,
    "40": Category.LOCK,
    "42501": Category.PERMISSION,
    "44": Category.DATA,
    "53": Category.RESOURCE,
    "55P03": Category.LOCK,
    "57": Category.CONNECTION,
    "57014": Category.INTERRUPTION,
    "58": Category.RESOURCE,
    "72": Category.RESOURCE,
    "F0": Category.RESOURCE,
    "HV00N": Category.CONNECTION,
    "P0001": Category.DATA,  # an author's own guard said no to what it found
    "P0002": Category.DATA,
    "P0003": Category.DATA,
    "P0004": Category.DATA,
    "XX": Category.RESOURCE,  # the server's own trouble, "tuple concurrently updated" among it
    "XX001": Category.DATA,
    "XX002": Category.DATA,
}
# 57014 is sent for a time limit too; its words are the only difference, in the language of the server.
_TIME_LIMIT = re.compile(
    "timeout|Zeitüberschreitung|délai|tiempo de espera|tempo de espera|тайм-аут|タイムアウト|시간 ?초과|超时"
)

# By their class of what ran short, and yet what the code itself brings about wherever it runs: a file that the server
# lacks, such as an extension's; a limit of its own or of the server's settings; what extensions say to bad input.
_OF_THE_CODE = frozenset({"53400", "57014", "58P01", "XX000"})
_PASSING = frozenset({Category.LOCK, Category.CONNECTION, Category.INTERRUPTION})

_SEVERITY = {
    Category.LOCK: IncidentSeverity.MEDIUM,
    Category.DATA: IncidentSeverity.HIGH,
    Category.PERMISSION: IncidentSeverity.MEDIUM,
    Category.CONNECTION: IncidentSeverity.MEDIUM,
    Category.RESOURCE: IncidentSeverity.HIGH,
    Category.CODE: IncidentSeverity.HIGH,
    Category.INTERRUPTION: IncidentSeverity.LOW,
}


def category_of(sqlstate: str, message: str = "") -> Category:
    """The kind of failure that the server means by a SQLSTATE; what is not named is for the code to mend."""
    if sqlstate == "57014" and _TIME_LIMIT.search(message):
        return Category.RESOURCE
    for length in (5, 2):
        if (found := _BY_SQLSTATE.get(sqlstate[:length])) is not None:
            return found
    return Category.CODE


def categorize(error: BaseException) -> Category:
    """The kind of failure that stopped a run."""
    if isinstance(error, StepFailedError):
        failure = error.failure
        if failure.category is not None:
            return failure.category
        if failure.sqlstate:
            return category_of(failure.sqlstate, failure.message)
        return Category.DATA if failure.part.startswith("the integrity check") else Category.CODE
    if isinstance(error, StatementError):
        return category_of(error.sqlstate or "", error.message)
    if isinstance(error, ConnectionLostError | UnreachableError | OtherServerError):
        return Category.CONNECTION
    if isinstance(
        error, LockHeldError | LockLostError | HeadsChangedError
    ):  # somebody else was at work, and has been heard of
        return Category.LOCK
    if isinstance(error, UnsettledError) and error.__cause__ is not None:
        # It only says that what began there could not be brought to an end.
        return categorize(error.__cause__)
    if isinstance(error, OSError | MemoryError):
        return Category.RESOURCE
    if isinstance(error, CoordinatorError | Exception):
        return Category.CODE
    return Category.INTERRUPTION


def may_pass(error: BaseException) -> bool:
    """Whether it may be over by itself a while later: who held a lock, a connection, an interruption, a full disk."""
    if isinstance(error, HeadsChangedError):
        return False  # what a version table holds stays there
    if categorize(error) in _PASSING or (sqlstate_of(error) or "").startswith("53"):
        return True
    return isinstance(error, UnsettledError) and error.__cause__ is not None and may_pass(error.__cause__)


def is_of_surroundings(error: BaseException) -> bool:
    """Whether it says nothing about the code: the connection or the worker was lost, or something ran short."""
    if categorize(error) not in (Category.CONNECTION, Category.RESOURCE):
        return False
    return sqlstate_of(error) not in _OF_THE_CODE


def severity_of(category: Category, status: RunStatus) -> IncidentSeverity:
    """How much it matters that a run failed that way and came to that."""
    if status is RunStatus.UNSETTLED:
        return IncidentSeverity.CRITICAL
    if status is RunStatus.SETTLED and _SEVERITY[category] in (IncidentSeverity.LOW, IncidentSeverity.MEDIUM):
        return IncidentSeverity.HIGH  # something of it is in, and something is not
    return _SEVERITY[category]
