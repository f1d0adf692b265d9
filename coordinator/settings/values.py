"""The settings as values: what was chosen, typed, with every secret hidden from `repr` and `str`."""

from __future__ import annotations

import difflib
import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from coordinator.errors import SettingsError, UsageError
from coordinator.model.check_budget import USUAL_BUDGET, CheckBudget
from coordinator.model.forecast import USUAL_THROUGHPUT, Throughput
from coordinator.model.lint_rule import LintChoices
from coordinator.model.plan import Atomicity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from coordinator.model.gate import GateStage
    from coordinator.model.module import Module


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What was typed on the command line, as text; None: not typed."""

    env: str | None = None
    database_url: str | None = field(default=None, repr=False)
    map: str | None = None
    staging: str | None = field(default=None, repr=False)  # may be a URL
    atomic: str | None = None
    when_ahead: str | None = None
    certificate: str | None = None
    require_certificate: str | None = None
    lock_wait: str | None = None
    lock_patience: str | None = None
    max_hold: str | None = None
    keep: str | None = None
    keep_limit: str | None = None
    keep_hold: str | None = None
    keep_for: str | None = None
    check_budget: str | None = None
    throughput: str | None = None
    wait: str | None = None
    wait_server: str | None = None
    worker_timeout: str | None = None
    exec_timeout: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedTarget:
    """The embedded database of this project, kept in `directory`. It is a target only when named."""

    directory: Path
    origin: str

    def __str__(self) -> str:
        return "the embedded database"


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlTarget:
    """A database named by a URL or a libpq connection string, not yet parsed. `origin` says who named it."""

    text: str = field(repr=False)
    origin: str

    def __str__(self) -> str:
        return f"the database named by {self.origin}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTarget:
    """Nothing usable was named: why, and the ways out. Only commands that need a database, or a folder, are told."""

    message: str
    help: str


Target: TypeAlias = EmbeddedTarget | UrlTarget


class StagingKind(enum.Enum):
    """Where a run is rehearsed."""

    AUTO = "auto"
    CONTAINER = "container"
    EMBEDDED = "embedded"
    SERVER = "server"
    CERTIFICATE = "certificate"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """The rehearsal's database: which kind, the container's image, the server for kind SERVER."""

    kind: StagingKind = StagingKind.AUTO
    image: str | None = None
    chosen_server: UrlTarget | NoTarget | None = None

    @property
    def server(self) -> UrlTarget | None:
        """The server of kind SERVER. Raises SettingsError when the variable that names it is empty."""
        if isinstance(self.chosen_server, NoTarget):
            raise SettingsError(self.chosen_server.message, help=self.chosen_server.help)
        return self.chosen_server


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyText:
    """A public key as it is written, not yet read; `origin` says where it stands."""

    text: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The certificate's file, who named it, and the keys that it must be signed by."""

    path: Path | None = None
    origin: str = ""
    typed: bool = False  # on the command line
    chosen_keys: tuple[KeyText, ...] | NoTarget = ()

    @property
    def keys(self) -> tuple[KeyText, ...]:
        """The keys. Raises SettingsError when the file that holds them cannot be read."""
        if isinstance(self.chosen_keys, NoTarget):
            raise SettingsError(self.chosen_keys.message, help=self.chosen_keys.help)
        return self.chosen_keys


class WhenAhead(enum.Enum):
    """What to do when the database has revisions that the ledger knows and this checkout does not."""

    CONTINUE = "continue"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a command needs to know before it looks at a module or a database.

    Durations are seconds, sizes bytes.
    """

    file: Path
    root: Path  # the folder of `file`; relative paths in it start here
    map: Path
    map_named: bool  # by an option, a variable or the file; else it is where a map usually lies
    environment: str | None
    chosen_target: Target | NoTarget
    chosen_state: Path | NoTarget
    modules: tuple[Module, ...] = ()  # by name
    password_command: tuple[str, ...] = ()
    staging: Staging = Staging()
    atomic: Atomicity = Atomicity.AUTO
    when_ahead: WhenAhead = WhenAhead.CONTINUE
    certificate: Certificate = Certificate()
    require_certificate: bool = False
    lock_wait: float = 3.0
    lock_patience: float = 300.0
    max_hold: float = 30.0
    keep: bool = True
    keep_limit: int = 100_000_000
    keep_hold: float = 5.0
    keep_for: float = 30 * 86_400.0
    check_budget: CheckBudget = USUAL_BUDGET
    throughput: Throughput = USUAL_THROUGHPUT
    wait: float = 600.0
    wait_server: float = 0.0
    worker_timeout: float = 300.0
    exec_timeout: float = 600.0
    lint: LintChoices = field(default_factory=LintChoices)
    gate_commands: Mapping[GateStage, tuple[str, ...]] = field(default_factory=dict)  # of the user's own
    url_variables: frozenset[str] = frozenset()  # those that the settings name as holding a database's URL

    @property
    def target(self) -> Target:
        """The database to act upon. Raises SettingsError when none was named."""
        if isinstance(self.chosen_target, NoTarget):
            raise SettingsError(self.chosen_target.message, help=self.chosen_target.help)
        return self.chosen_target

    @property
    def state_directory(self) -> Path:
        """The folder for the embedded database and caches; it may not exist yet. Raises SettingsError when there is none."""
        if isinstance(self.chosen_state, NoTarget):
            raise SettingsError(self.chosen_state.message, help=self.chosen_state.help)
        return self.chosen_state

    def module(self, name: str) -> Module:
        """The module of that name. Raises UsageError with the nearest known name."""
        for each in self.modules:
            if each.name == name:
                return each
        known = [each.name for each in self.modules]
        raise UsageError(f"There is no module {name!r}.", help=suggest(name, known))


def suggest(name: str, known: list[str]) -> str:
    """A help sentence: the nearest known name, or all of them."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    return "Known: " + (", ".join(sorted(known)) or "none") + "."
