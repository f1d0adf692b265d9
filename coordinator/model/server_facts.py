"""What a server is, apart from what its databases hold: all that the same SQL may mean something else by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledExtension:
    """An extension as `pg_extension` knows it."""

    name: str
    version: str
    schema: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """A server and one database of it, as a session of the deploying role meets them.

    `version` is PostgreSQL's number (150018). `collation_provider` is libc, icu or builtin, `locale` the name that
    the provider knows it by where that is neither `collate` nor `ctype`. `collation_version` is the one that the
    database was made with, `provider_version` the one that the provider has now; both empty where it has none.
    `settings` are those that SQL means something else by, by name. `roles` are names alone.
    """

    version: int
    encoding: str
    collation_provider: str
    collate: str
    ctype: str
    locale: str = ""
    collation_version: str = ""
    provider_version: str = ""
    settings: Mapping[str, str]
    extensions: tuple[InstalledExtension, ...] = ()
    roles: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The facts as JSON values; `from_json` reads them again."""
        return {
            "version": self.version,
            "encoding": self.encoding,
            "collationProvider": self.collation_provider,
            "collate": self.collate,
            "ctype": self.ctype,
            "locale": self.locale,
            "collationVersion": self.collation_version,
            "providerVersion": self.provider_version,
            "settings": dict(sorted(self.settings.items())),
            "extensions": [
                {"name": each.name, "version": each.version, "schema": each.schema}
                for each in self.extensions
            ],
            "roles": list(self.roles),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ServerFacts:
        """The facts of `as_json`. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            version=int(value["version"]),
            encoding=str(value["encoding"]),
            collation_provider=str(value["collationProvider"]),
            collate=str(value["collate"]),
            ctype=str(value["ctype"]),
            locale=str(value["locale"]),
            collation_version=str(value["collationVersion"]),
            provider_version=str(value["providerVersion"]),
            settings={str(name): str(setting) for name, setting in value["settings"].items()},
            extensions=tuple(
                InstalledExtension(
                    name=str(each["name"]), version=str(each["version"]), schema=str(each["schema"])
                )
                for each in value["extensions"]
            ),
            roles=tuple(str(each) for each in value["roles"]),
        )
