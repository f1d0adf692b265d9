"""`migrate certificate`: show, verify and sign what `migrate gate --certificate` wrote, and make a key to sign with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coordinator.cli.options import read_settings

if TYPE_CHECKING:
    from coordinator.certificates.signing import PublicKey

file_argument = click.argument("file", metavar="FILE", type=click.Path(path_type=Path))


@click.group("certificate")
def command() -> None:
    """Show, verify or sign a certificate of what was rehearsed.

    `migrate gate --certificate FILE` makes one, `migrate all-modules --certificate FILE` applies what it covers.
    """


@command.command(short_help="Say what a certificate covers.")
@file_argument
def show(*, file: Path) -> int:
    """Say what a certificate covers, how long it is valid, and what it stands on. Its signature is not verified."""
    from coordinator.certificates.file import read_certificate
    from coordinator.cli.document import page, write_text
    from coordinator.reports.certificate_text import certificate_text

    write_text(certificate_text(read_certificate(file), page()))
    return 0


@command.command(short_help="Say whether it is whole, valid now and signed by a known key.")
@file_argument
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="KEY",
    help="A public key, as base64 or a file.  [default: certificate_keys of the environment]",
)
@click.option("--env", metavar="NAME", help="The environment in the settings (also: MIGRATE_ENV).")
def verify(*, file: Path, keys: tuple[str, ...], env: str | None) -> int:
    """Say whether a certificate is as it was made, valid now, and signed by a key that is known here.

    Exit code 1 when it is not. Nothing is said of the target: only a deploy can hold the certificate against that.
    """
    from coordinator.cli.findings import show_findings
    from coordinator.cli.terminal import terminal
    from coordinator.errors import SettingsError
    from coordinator.workflow.trusting import public_keys, verified

    known = tuple(_public_key(each) for each in keys) if keys else public_keys(read_settings(env=env))
    if not known:
        raise SettingsError(
            "No key is configured to verify a certificate.",
            help="Write --key KEY, or put it into certificate_keys or MIGRATE_CERTIFICATE_KEYS.",
        )
    trusted = verified(file, known)
    out = terminal()
    show_findings(trusted.findings, out)
    out.line(f"{out.styled('valid', 'green', bold=True)}: certificate {trusted.file.digest[:12]}")
    return 0


@command.command(short_help="Sign a certificate, without running anything of it.")
@file_argument
@click.option(
    "--key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The private key in PEM.  [default: MIGRATE_CERTIFICATE_KEY, or _FILE]",
)
@click.option(
    "--checkout",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="The project that it speaks of.  [default: the current directory]",
)
@click.option(
    "--output", metavar="FILE", type=click.Path(path_type=Path), help="Where to write it.  [default: FILE]"
)
def sign(*, file: Path, key: Path | None, checkout: Path | None, output: Path | None) -> int:
    """Sign a certificate whose files are those of the checkout.

    Every file that it lists is read again and compared; no revision is run, no module is imported, no database is
    needed. Let another job do this than the one that rehearsed: that one ran authors' code.
    """
    from coordinator.cli.findings import show_findings
    from coordinator.cli.terminal import terminal
    from coordinator.settings.load import load_settings
    from coordinator.settings.values import Flags
    from coordinator.workflow.signing import find_key, sign

    settings = load_settings(start=checkout or Path.cwd(), environment=os.environ, flags=Flags())
    private, warnings = find_key(key, os.environ)
    signed, more = sign(file, private, settings, output)
    out = terminal()
    show_findings((*warnings, *more), out)
    out.wrapped(
        f"{out.styled('signed', 'green', bold=True)}: certificate {signed.digest[:12]} by key {private.public.id}"
    )
    return 0


@command.command(short_help="Make a key to sign with.")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
def keygen(*, path: Path) -> int:
    """Write a new Ed25519 private key to FILE, and its public key to standard output, as certificate_keys takes it.

    With MIGRATE_CERTIFICATE_KEY_PASSPHRASE the file is encrypted.
    """
    from coordinator.cli.document import write_text
    from coordinator.cli.terminal import terminal
    from coordinator.workflow.signing import make_key

    public = make_key(path, os.environ)
    write_text(f"{public.text}\n")
    out = terminal()
    out.wrapped(
        f"key {public.id}: the private half is in {path}, the public one is on standard output",
        following="  ",
    )
    return 0


def _public_key(text: str) -> PublicKey:
    """A key as it is, or the file that holds it."""
    from coordinator.certificates.signing import read_public_key
    from coordinator.errors import UsageError

    path = Path(text)
    try:
        written = path.read_text(encoding="utf-8") if path.is_file() else text
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The key's file '{path}' cannot be read: {error}.") from error
    return read_public_key(written, origin=f"--key {text}" if path.is_file() else "--key")
