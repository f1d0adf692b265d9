"""Ed25519 over a certificate's canonical form; the only user of `cryptography`, loaded when something is signed."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coordinator.errors import UsageError
from coordinator.model.certificate import CertificateFile, Signature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# Signed together with the content, so that a signature of something else with the same key means nothing here.
_DOMAIN = b"migration-coordinator certificate 1\0"
_RAW = 32  # bytes of a public key
_INSTALL = "install 'migration-coordinator[sign]'"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key, as its 32 bytes."""

    raw: bytes

    @property
    def id(self) -> str:
        """What the key is called: the beginning of its SHA-256."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    @property
    def text(self) -> str:
        """The key as the settings hold it."""
        return base64.b64encode(self.raw).decode()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 private key; nothing of it is in `repr`."""

    _key: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """The key that its signatures are verified by."""
        return PublicKey(self._key.public_key().public_bytes_raw())

    def signed(self, file: CertificateFile) -> CertificateFile:
        """The certificate with this key's signature in place of an earlier one of it."""
        value = base64.b64encode(self._key.sign(_message(file))).decode()
        public = self.public
        others = tuple(each for each in file.signatures if each.key != public.id)
        return replace(file, signatures=(*others, Signature(key=public.id, value=value)))


def _message(file: CertificateFile) -> bytes:
    return _DOMAIN + file.body


def read_signing_key(text: bytes, *, origin: str, passphrase: Callable[[], str | None]) -> SigningKey:
    """The key in a PEM text (PKCS #8). `origin` names where it came from; `passphrase` is asked when it needs one.

    Raises UsageError without a word of the key.
    """
    _need_library()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    encrypted = b"ENCRYPTED" in text
    word = passphrase() if encrypted else None
    if encrypted and not word:
        raise UsageError(
            f"The key in {origin} is protected by a passphrase.",
            help="Set MIGRATE_CERTIFICATE_KEY_PASSPHRASE.",
        )
    try:
        key = load_pem_private_key(text.strip() + b"\n", None if word is None else word.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):  # what the library says may quote what it was given
        why = "its passphrase is another one, or it is damaged" if encrypted else "wanted is PKCS #8 in PEM"
        raise UsageError(
            f"The key in {origin} cannot be read: {why}.",
            help="`migrate certificate keygen FILE` makes one; `openssl genpkey -algorithm ed25519` does too",
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(
            f"The key in {origin} is no Ed25519 key.", help="`migrate certificate keygen FILE` makes one"
        )
    return SigningKey(key)


def new_key(passphrase: str | None) -> tuple[bytes, PublicKey]:
    """A new private key as PEM, protected when there is a passphrase, and its public half."""
    _need_library()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        KeySerializationEncryption,
        NoEncryption,
        PrivateFormat,
    )

    key = Ed25519PrivateKey.generate()
    protection: KeySerializationEncryption = (
        BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection), SigningKey(key).public


def read_public_key(text: str, *, origin: str) -> PublicKey:
    """A public key as the settings hold it: its 32 bytes as base64, or PEM. Raises UsageError."""
    if "-----BEGIN" not in text:
        try:
            raw = base64.b64decode("".join(text.split()), validate=True)
        except ValueError:  # no base64, or not even ASCII
            raw = b""
        if len(raw) == _RAW:
            return PublicKey(raw)
        raise _no_public_key(origin)
    if "PRIVATE" in text:
        raise UsageError(
            f"{origin} holds a private key, and wanted is the public one.",
            help="take the private key out of there, and make another one if others could read it",
        )
    _need_library()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(text.strip().encode() + b"\n")
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _no_public_key(origin) from None
    if not isinstance(key, Ed25519PublicKey):
        raise _no_public_key(origin)
    return PublicKey(key.public_bytes_raw())


def _no_public_key(origin: str) -> UsageError:
    return UsageError(
        f"{origin} holds what is no Ed25519 public key.",
        help="Wanted are its 32 bytes as base64, or PEM; `migrate certificate keygen` prints it.",
    )


def verified_by(file: CertificateFile, keys: Iterable[PublicKey]) -> tuple[PublicKey, ...]:
    """Those of the keys whose signature the certificate bears."""
    _need_library()
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    found: list[PublicKey] = []
    for key in keys:
        for signature in file.signatures:
            if signature.key != key.id:
                continue
            try:
                value = base64.b64decode(signature.value, validate=True)
                Ed25519PublicKey.from_public_bytes(key.raw).verify(value, _message(file))
            except (InvalidSignature, ValueError):
                continue
            found.append(key)
            break
    return tuple(found)


def _need_library() -> None:
    try:
        import cryptography  # noqa: F401 - only whether it is there
    except ImportError:
        raise UsageError(
            "Signatures need the package `cryptography`, which is not installed.", help=_INSTALL
        ) from None
