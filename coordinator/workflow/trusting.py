"""Whether a certificate's file may be trusted: whole, of this time, and signed by one of the keys that are configured."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.certificates.file import read_certificate
from coordinator.certificates.signing import read_public_key, verified_by
from coordinator.errors import RefusedError, SettingsError
from coordinator.model.finding import Finding, Severity
from coordinator.planning.certifying.finding import ANEW
from coordinator.planning.certifying.validity import time_findings

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.certificates.signing import PublicKey
    from coordinator.model.certificate import CertificateFile
    from coordinator.settings.values import Settings

_SIGN = "`migrate certificate sign FILE --key KEY` signs it, in a job that runs no revision"
_KEYS = "certificate_keys in the environment's table, or MIGRATE_CERTIFICATE_KEYS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """A certificate that may be used, and what is worth saying of its signature."""

    file: CertificateFile
    findings: tuple[Finding, ...]


def trusted(settings: Settings, path: Path) -> Trusted:
    """The certificate in that file.

    Raises RefusedError for one that was edited, is not valid now, or bears no signature of a configured key where it
    has one or must have one; SettingsError when one is required and no key is configured; UsageError for no certificate.
    """
    if settings.require_certificate and not settings.certificate.keys:
        raise SettingsError(
            "A signed certificate is required here (require_certificate), and no key is configured to verify it.",
            help=f"Put the public key into {_KEYS}; `migrate certificate keygen FILE` prints it.",
        )
    file = read_certificate(path)
    refuse_now(file)
    return Trusted(file=file, findings=signature_findings(settings, file, path))


def refuse_now(file: CertificateFile) -> None:
    """Raises RefusedError for a certificate that is not valid at this moment."""
    found = time_findings(file.certificate, datetime.datetime.now(datetime.UTC))
    for each in found:
        raise RefusedError(each.message, (each,), help=each.help or ANEW)


def public_keys(settings: Settings) -> tuple[PublicKey, ...]:
    """The keys that are configured. Raises UsageError for what is none."""
    return tuple(read_public_key(each.text, origin=each.origin) for each in settings.certificate.keys)


def verified(path: Path, keys: tuple[PublicKey, ...]) -> Trusted:
    """The certificate in that file, which must bear the signature of one of these keys. Raises RefusedError, UsageError."""
    file = read_certificate(path)
    refuse_now(file)
    return Trusted(file=file, findings=_signature_findings(keys, file, path, required=True))


def signature_findings(settings: Settings, file: CertificateFile, path: Path) -> tuple[Finding, ...]:
    """A note on who signed it, or a warning that nothing could be verified. Raises RefusedError, see `trusted`."""
    return _signature_findings(public_keys(settings), file, path, required=settings.require_certificate)


def _signature_findings(
    keys: tuple[PublicKey, ...], file: CertificateFile, path: Path, *, required: bool
) -> tuple[Finding, ...]:
    if not file.signatures:
        if required:
            raise RefusedError(f"the certificate '{path}' is not signed, and it must be", help=_SIGN)
        return (
            _said(Severity.WARNING, "certificate-unsigned", f"the certificate '{path}' is not signed", _SIGN),
        )
    named = ", ".join(each.key for each in file.signatures)
    if not keys:
        message = f"the certificate is signed by {named}, and no key is configured to verify that"
        return (
            _said(Severity.WARNING, "certificate-not-verified", message, f"put the public key into {_KEYS}"),
        )
    valid = verified_by(file, keys)
    if not valid:
        known = ", ".join(each.id for each in keys)
        wrong = any(each.key in {key.id for key in keys} for each in file.signatures)
        why = (
            f"the signature of key {named} on the certificate '{path}' is not right"
            if wrong
            else f"the certificate '{path}' is signed by key {named}, and configured is {known}"
        )
        raise RefusedError(why, help=_SIGN)
    message = f"the certificate is signed by key {', '.join(each.id for each in valid)}"
    return (_said(Severity.NOTE, "certificate-signed", message, None),)


def _said(severity: Severity, rule: str, message: str, remedy: str | None) -> Finding:
    return Finding(rule=rule, severity=severity, message=message, help=remedy)
