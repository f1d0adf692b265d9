"""Which certificate is used, and by which keys it must be signed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coordinator.settings.modules import below
from coordinator.settings.values import Certificate, Flags, KeyText, NoTarget

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VARIABLE = "MIGRATE_CERTIFICATE"
_KEYS = "MIGRATE_CERTIFICATE_KEYS"
_PEM = re.compile(r"-----BEGIN [^-]+-----.*?-----END [^-]+-----", re.DOTALL)


def choose_certificate(
    *,
    flags: Flags,
    variables: Mapping[str, str],
    table: Mapping[str, Any],
    file: Mapping[str, Any],
    environment: str | None,
    root: Path,
    start: Path,
) -> Certificate:
    """The first place that names a file, and the first that names keys. A variable that is empty names none."""
    typed, said = flags.certificate, variables.get(_VARIABLE, "").strip()
    path, origin = None, ""
    if typed is not None:
        path, origin = below(start.absolute(), typed), "--certificate"
    elif said:
        path, origin = below(start.absolute(), said), _VARIABLE
    elif written := table.get("certificate", file.get("certificate")):
        path, origin = below(root, written), "certificate in the settings"
    return Certificate(
        path=path,
        origin=origin,
        typed=typed is not None,
        chosen_keys=_keys(variables, table, file, environment),
    )


def _keys(
    variables: Mapping[str, str], table: Mapping[str, Any], file: Mapping[str, Any], environment: str | None
) -> tuple[KeyText, ...] | NoTarget:
    if _KEYS in variables:
        return tuple(_separate(variables[_KEYS], _KEYS))
    if f"{_KEYS}_FILE" in variables:
        return _from_file(Path(variables[f"{_KEYS}_FILE"]))
    whose = f"environment {environment!r}" if "certificate_keys" in table else "the settings"
    written = table.get("certificate_keys", file.get("certificate_keys", ()))
    return tuple(
        KeyText(text=text, origin=f"certificate_keys of {whose} (number {number})")
        for number, text in enumerate(written, start=1)
    )


def _from_file(path: Path) -> tuple[KeyText, ...] | NoTarget:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        return NoTarget(
            message=f"{_KEYS}_FILE names the file '{path}', which cannot be read: {reason}.",
            help="Name the file that holds the public keys, one a line as base64, or as PEM.",
        )
    return tuple(_separate(text, f"{path} ({_KEYS}_FILE)"))


def _separate(text: str, origin: str) -> Iterator[KeyText]:
    """Several keys in one text: blocks of PEM, and base64 with blanks or commas between."""
    found = [*_PEM.findall(text), *re.split(r"[\s,]+", _PEM.sub(" ", text))]
    for number, each in enumerate(filter(None, found), start=1):
        yield KeyText(text=each, origin=f"{origin}, key {number}")
