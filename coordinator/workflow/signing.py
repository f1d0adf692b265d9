"""`migrate certificate sign`: holds a certificate against a checkout and signs it. No revision is run, nothing is imported.

The job that rehearsed ran authors' code, and might have signed whatever that wanted. This one only reads files.
"""

from __future__ import annotations

import ast
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.certificates.file import read_certificate, write_certificate
from coordinator.certificates.signing import new_key, read_signing_key
from coordinator.errors import RefusedError, UsageError
from coordinator.model.finding import Finding, Severity
from coordinator.planning.certifying.finding import against
from coordinator.revisions.headers import read_header
from coordinator.revisions.inputs import file_digest
from coordinator.workflow.trusting import refuse_now

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from coordinator.certificates.signing import PublicKey, SigningKey
    from coordinator.model.certificate import Certificate, CertificateFile, CertifiedStep
    from coordinator.settings.values import Settings

KEY = "MIGRATE_CERTIFICATE_KEY"
_PASSPHRASE = f"{KEY}_PASSPHRASE"
_LARGEST = 64 * 1024  # bytes of a key's file


def sign(
    path: Path, key: SigningKey, settings: Settings, output: Path | None = None
) -> tuple[CertificateFile, tuple[Finding, ...]]:
    """Sign the certificate in that file, and write it there or to `output`.

    `settings` are those of the checkout that the certificate speaks of. Raises RefusedError when one of its files has
    other bytes there, when the certificate was edited, and when it is not valid now.
    """
    file = read_certificate(path)
    refuse_now(file)
    checked, warnings = checkout_findings(file.certificate, settings)
    if checked:
        raise RefusedError(
            f"not signed: the certificate '{path}' does not speak of the files in {settings.root}",
            checked,
            help="check out the commit that it was made of, and name its folder with --checkout",
        )
    signed = key.signed(file)
    write_certificate(output or path, signed)
    return signed, warnings


def checkout_findings(
    certificate: Certificate, settings: Settings
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """What of the certificate is otherwise in a checkout, and what is worth saying of where it was made."""
    folders = {module.name: module.path for module in settings.modules}
    wrong = tuple(
        finding for step in certificate.steps for finding in _step(step, folders.get(step.key.module))
    )
    changed = {step.key.module for step in certificate.steps}
    dirty = [
        each.name
        for each in certificate.modules
        if each.name in changed and each.origin is not None and each.origin.dirty
    ]
    warnings = tuple(
        Finding(
            rule="certificate-uncommitted",
            severity=Severity.WARNING,
            message=f"module {name!r} had changes that were not committed when the certificate was made",
            module=name,
        )
        for name in dirty
    )
    return wrong, warnings


def _step(step: CertifiedStep, folder: Path | None) -> Iterator[Finding]:
    if folder is None:
        yield against(
            "certificate-other-content",
            f"{step.key}: there is no module {step.key.module!r} here",
            key=step.key,
        )
        return
    lines = [
        f"{each.path} {_how(each.sha256, now)}"
        for each in step.inputs
        if (now := file_digest(folder / each.path)) != each.sha256
    ]
    lines.extend(_own_file(step, folder))
    if lines:
        yield against("certificate-other-content", f"{step.key} has other files here", lines, key=step.key)


def _own_file(step: CertifiedStep, folder: Path) -> Iterator[str]:
    """What a certificate calls a revision's file must be that revision's, and one of those whose bytes it lists."""
    if step.file not in {each.path for each in step.inputs}:
        yield f"{step.file} is the revision's own, and its bytes are not in the certificate"
        return
    try:
        tree = ast.parse((folder / step.file).read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        yield f"{step.file} cannot be read as a revision"
        return
    header = read_header(tree)
    named = header.values.get("revision", step.key.revision if "revision" in header.computed else None)
    if named != step.key.revision:
        yield f"{step.file} holds {'no revision' if named is None else f'revision {named}'}"


def _how(then: str, now: str) -> str:
    if not now:
        return "is not there"
    return "has other bytes" if then else "is there, and was not"


def find_key(named: Path | None, variables: Mapping[str, str]) -> tuple[SigningKey, tuple[Finding, ...]]:
    """The private key that `--key` or a variable names, and a warning when others may read its file. Raises UsageError."""

    def passphrase() -> str | None:
        return variables.get(_PASSPHRASE)

    if named is None and variables.get(KEY):
        return read_signing_key(variables[KEY].encode(), origin=KEY, passphrase=passphrase), ()
    path = named or (Path(variables[f"{KEY}_FILE"]) if variables.get(f"{KEY}_FILE") else None)
    if path is None:
        raise UsageError(
            "No key is named to sign with.", help=f"Write --key FILE, or set {KEY} or {KEY}_FILE."
        )
    text, mode = _read(path)
    warnings = (_open_to_others(path),) if mode & (stat.S_IRGRP | stat.S_IROTH) else ()
    return read_signing_key(text, origin=f"'{path}'", passphrase=passphrase), warnings


def _read(path: Path) -> tuple[bytes, int]:
    try:
        with path.open("rb") as stream:
            return stream.read(_LARGEST), os.fstat(stream.fileno()).st_mode
    except OSError as error:
        raise UsageError(f"The key's file '{path}' cannot be read: {error.strerror}.") from error


def _open_to_others(path: Path) -> Finding:
    return Finding(
        rule="key-open-to-others",
        severity=Severity.WARNING,
        message=f"others on this machine may read the key in '{path}'",
        help=f"chmod 600 {path}",
    )


def make_key(path: Path, variables: Mapping[str, str]) -> PublicKey:
    """Write a new private key to a new file that only its owner may read; the public one. Raises UsageError."""
    text, public = new_key(variables.get(_PASSPHRASE))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"The file '{path}' is there already; a key is never overwritten.") from None
    except OSError as error:
        raise UsageError(f"The key cannot be written to '{path}': {error.strerror}.") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text)
    except OSError as error:
        path.unlink()
        raise UsageError(f"The key cannot be written to '{path}': {error.strerror}.") from error
    return public
