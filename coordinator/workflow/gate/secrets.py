"""What no output of a command may show, and which variables no command is given."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from coordinator.errors import SettingsError
from coordinator.model.plain_secrets import LEFT_OUT
from coordinator.postgres.url import parse_url
from coordinator.snapshots.redacting import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HIDDEN = LEFT_OUT
# Names by which this program and libpq find a database; a command's own are set anew. And the key that signs
# certificates: whoever runs commands of authors must not have it, but may not know.
_TARGET_NAMES = re.compile(
    r"(MIGRATE_)?DATABASE_URL(_FILE)?|PG[A-Z]+|MIGRATE_(ENV|STAGING|GATE_.*)|MIGRATE_CERTIFICATE_KEY(_.*)?"
)
_LOOKS_SECRET = re.compile(r"PASS|SECRET|TOKEN|PWD|KEY", re.IGNORECASE)
_PASSWORD_KEYS = ("password", "sslpassword")


@dataclass(slots=True)
class Secrets:
    """Texts that are never shown. More may become known while the gate runs."""

    _texts: set[str] = field(default_factory=set, repr=False)

    def add_url(self, text: str) -> None:
        """A database's address: the text itself when it holds a password, and the password in its spellings."""
        try:
            parameters = parse_url(text).parameters
        except SettingsError:
            self.add(text.strip())  # whoever cannot read it does not know what of it is secret
            return
        passwords = [parameters[key] for key in _PASSWORD_KEYS if parameters.get(key)]
        if passwords:
            self.add(text.strip(), *passwords)

    def add(self, *texts: str) -> None:
        """Secrets as they are, and as URLs and a command's output spell them."""
        for each in texts:
            if each:
                data = each.encode(errors="surrogateescape")  # a variable need not be UTF-8
                self._texts |= {each, data.decode(errors="replace"), quote_plus(data)}
                self._texts.update(quote(data, safe=safe) for safe in ("/", "", " +"))  # " +": SQLAlchemy

    @property
    def longest(self) -> int:
        """Characters of the longest one."""
        return max((len(each) for each in self._texts), default=0)

    def hide(self, text: str) -> str:
        """The text without them, and without what is plainly a password of something else.

        The longest first, so that no rest of one is left.
        """
        for each in sorted(self._texts, key=len, reverse=True):
            text = text.replace(each, HIDDEN)
        return without_passwords(text)

    def found_in(self, name: str, value: str) -> bool:
        """Whether a variable gives one of them away.

        A password may be a common word, such as the user's name: then only a variable that is named like a secret, or
        a URL with it, is taken for one.
        """
        return any(
            (value == each and (_LOOKS_SECRET.search(name) or "://" in value)) or f":{each}@" in value
            for each in self._texts
        )


def without_passwords(text: str) -> str:
    """The text without what can be nothing else than a password, as in a URL, whichever server it is for."""
    return Redactor().definition(text)


def without_targets(environment: Mapping[str, str], names: Iterable[str], secrets: Secrets) -> dict[str, str]:
    """The variables that a command is given: none by which a configured database is found.

    `names` are those that the settings name (`url_env`).
    """
    kept_out = frozenset(names)
    return {
        name: value
        for name, value in environment.items()
        if name not in kept_out and not _TARGET_NAMES.fullmatch(name) and not secrets.found_in(name, value)
    }
