"""The certificate's file: written so that it can be compared, read so that any edit of it is seen."""

from __future__ import annotations

import base64
import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from coordinator.certificates.canonical import NotCanonicalError, canonical, digest_of
from coordinator.certificates.encoding import certificate_as_json, certificate_from_json
from coordinator.errors import RefusedError, UsageError
from coordinator.model.certificate import FORMAT, Certificate, CertificateFile, Signature
from coordinator.whole_file import write_whole

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 256 * 1024 * 1024  # bytes; a certificate of 5,000 revisions has a few
_PARTS = frozenset({"format", "certificate", "digest", "signatures"})
_KEY = re.compile(r"[0-9a-f]{16}")
_MAKE = "`migrate gate --certificate FILE` makes one"


def sealed(certificate: Certificate) -> CertificateFile:
    """A certificate ready to be written, with the digest of its content and no signature."""
    value = certificate_as_json(certificate)
    return CertificateFile(certificate=certificate, digest=digest_of(value), body=canonical(value))


def write_certificate(path: Path, file: CertificateFile) -> None:
    """Write it whole or not at all. Raises UsageError when the place cannot be written."""
    document = {
        "format": FORMAT,
        "certificate": json.loads(file.body),
        "digest": file.digest,
        "signatures": [{"key": each.key, "signature": each.value} for each in file.signatures],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True)
    try:
        write_whole(path, f"{text}\n".encode())
    except OSError as error:
        raise UsageError(f"The certificate '{path}' cannot be written: {error.strerror}.") from error


def read_certificate(path: Path) -> CertificateFile:
    """Read it; its digest is checked, its signatures are not.

    Raises UsageError for what is no certificate, RefusedError for one that was edited after it was made.
    """
    try:
        return _read(path)
    except RecursionError as error:
        raise UsageError(f"'{path}' is no certificate: it is nested too deep.", help=_MAKE) from error


def _read(path: Path) -> CertificateFile:
    document = _document(path)
    body = document.get("certificate")
    if document.get("format") != FORMAT or not isinstance(body, dict):
        raise UsageError(
            f"'{path}' is no certificate of a form that this program knows: its format is"
            f" {json.dumps(document.get('format'))}, and wanted is {FORMAT}.",
            help=_MAKE,
        )
    _refuse_more(document, path)
    try:
        found, written = digest_of(body), canonical(body)
        whole = found == document.get("digest")
    except NotCanonicalError:
        whole = False
    if not whole:
        raise RefusedError(
            f"the certificate '{path}' was edited after it was made: its content does not have the digest that it names",
            help=f"take the file as it was made; {_MAKE}",
        )
    try:
        return CertificateFile(
            certificate=certificate_from_json(body),
            digest=found,
            body=written,
            signatures=tuple(_signature(each, path) for each in document.get("signatures", ())),
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise UsageError(
            f"'{path}' is no certificate that this program can read: {type(error).__name__} at {error}.",
            help=_MAKE,
        ) from error


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(
                f"'{path}' is no certificate: it has more than {_LARGEST >> 20} MiB.", help=_MAKE
            )
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The certificate '{path}' cannot be read: {error.strerror}.", help=_MAKE) from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"'{path}' is no certificate: byte {error.start} is no UTF-8.", help=_MAKE
        ) from error
    try:
        document = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{path}:{error.lineno}:{error.colno} is no JSON: {error.msg}.",
            help=f"take the whole file; {_MAKE}",
        ) from error
    except ValueError as error:
        raise UsageError(f"'{path}' is no certificate: {error}.", help=_MAKE) from error
    if not isinstance(document, dict):
        raise UsageError(f"'{path}' is no certificate: wanted is a JSON object.", help=_MAKE)
    return document


def _refuse_more(document: dict[str, Any], path: Path) -> None:
    """What is beside the content is in no digest, so there is nothing beside it but what has a meaning."""
    for name in document:
        if name not in _PARTS:
            raise RefusedError(
                f"the certificate '{path}' was edited after it was made: {name!r} is no part of it"
            )


def _signature(value: Any, path: Path) -> Signature:
    """A signature stands beside the content too, so nothing but a signature may be in it."""
    if (
        isinstance(value, dict)
        and value.keys() == {"key", "signature"}
        and all(isinstance(each, str) for each in value.values())
    ):
        found = Signature(key=value["key"], value=value["signature"])
        with suppress(ValueError):
            base64.b64decode(found.value, validate=True)
            if _KEY.fullmatch(found.key):
                return found
    raise RefusedError(
        f"the certificate '{path}' was edited after it was made: what stands among its signatures is none",
        help=f"take the file as it was made; {_MAKE}",
    )


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are there once: of two, one reader would take the first and another the last."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the key {name!r} stands twice in one object")
        found[name] = value
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
