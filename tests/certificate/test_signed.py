"""Keys, signatures, and environments that apply nothing without one; the key itself is never told."""

from __future__ import annotations

import base64
import io
import json
import os
import stat
import subprocess
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from coordinator.certificates.file import read_certificate
from coordinator.certificates.signing import new_key
from coordinator.cli.main import run as run_command
from tests.certificate.release import EMBEDDED
from tests.certificate.test_refused import remade
from tests.failures.site import Ended
from tests.trees import project, versions_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.certificate.conftest import Release

REQUIRED = EMBEDDED + "require_certificate = true\n"


class Keys:
    """A key pair in files."""

    def __init__(self, folder: Path, name: str = "release") -> None:
        text, public = new_key(None)
        self.private = folder / f"{name}.pem"
        self.private.touch(mode=0o600)
        self.private.write_bytes(text)
        self.public = public
        self.secret = text.decode().splitlines()[1]


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


def run(release: Release, *arguments: str, environment: dict[str, str] | None = None) -> Ended:
    """A command of `migrate certificate`, in the project's folder; it takes no target."""
    out, err = io.StringIO(), io.StringIO()
    with ExitStack() as stack:
        stack.enter_context(chdir(release.desk.root))
        stack.enter_context(
            patch.dict(os.environ, {"PATH": os.environ["PATH"], **(environment or {})}, clear=True)
        )
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        code = run_command(["certificate", *arguments])
    return Ended(code=code, out=out.getvalue(), err=err.getvalue())


def sign(release: Release, keys: Keys, *more: str) -> Ended:
    return run(release, "sign", str(release.file), "--key", str(keys.private), *more)


def deploy(release: Release, *more: str, environment: dict[str, str] | None = None) -> Ended:
    """A dry run, which says whether it would be applied; the target is shared by these tests."""
    return release.desk.migrate(
        "all-modules", "--certificate", str(release.file), "--dry-run", *more, environment=environment
    )


def require(release: Release, *, keys: tuple[str, ...] = ()) -> None:
    listed = f"certificate_keys = {list(keys)!r}\n".replace("'", '"') if keys else ""
    project(release.desk.root, modules=("crm", "billing"), settings=REQUIRED + listed)


def test_a_signed_certificate_satisfies_an_environment_that_requires_one(
    release: Release, keys: Keys
) -> None:
    require(release, keys=(keys.public.text,))
    done = sign(release, keys)
    assert done.code == 0, done.err
    assert f"by key {keys.public.id}" in done.said
    assert keys.secret not in done.err + done.out + release.file.read_text()

    done = deploy(release)
    assert done.code == 0, done.err
    assert "would apply 3 steps" in done.said
    told = deploy(release, "--format", "json")
    assert told.code == 0
    assert f"signed by key {keys.public.id}" in told.out


def test_unsigned_never_satisfies_it(release: Release, keys: Keys) -> None:
    require(release, keys=(keys.public.text,))
    done = deploy(release)
    assert done.code == 1, done.err
    assert "is not signed, and it must be" in done.said
    assert "migrate certificate sign" in done.said


def test_nothing_is_applied_without_one(release: Release, keys: Keys) -> None:
    require(release, keys=(keys.public.text,))
    before = release.desk.picture()
    for more in ((), ("--staging", "off"), ("--staging", "embedded")):
        done = release.desk.migrate("all-modules", *more)
        assert done.code == 1, done.err
        assert "nothing is applied without a certificate (require_certificate)" in done.said
    done = deploy(release, "--staging", "off")
    assert done.code == 2, done.err
    assert release.desk.picture() == before


def test_required_without_any_key_is_a_mistake_of_the_settings(release: Release, keys: Keys) -> None:
    require(release)
    assert sign(release, keys).code == 0
    done = deploy(release)
    assert done.code == 2, done.err
    assert "no key is configured to verify it" in done.said
    assert "MIGRATE_CERTIFICATE_KEYS" in done.said


def test_the_flag_requires_it_too(release: Release, keys: Keys) -> None:
    done = deploy(
        release, "--require-certificate", environment={"MIGRATE_CERTIFICATE_KEYS": keys.public.text}
    )
    assert done.code == 1, done.err
    assert "is not signed, and it must be" in done.said


def test_signed_by_another_key(release: Release, keys: Keys, tmp_path: Path) -> None:
    other = Keys(tmp_path, "other")
    require(release, keys=(other.public.text,))
    assert sign(release, keys).code == 0
    done = deploy(release)
    assert done.code == 1, done.err
    assert f"is signed by key {keys.public.id}, and configured is {other.public.id}" in done.said
    # Also where none is required: a wrong signature is worse than none.
    done = deploy(
        release,
        environment={"MIGRATE_REQUIRE_CERTIFICATE": "no", "MIGRATE_CERTIFICATE_KEYS": other.public.text},
    )
    assert done.code == 1, done.err


def test_a_key_in_the_certificate_is_believed_by_nobody(release: Release, keys: Keys, tmp_path: Path) -> None:
    """Somebody signs with his own key and writes the known key's name to it."""
    other = Keys(tmp_path, "other")
    assert sign(release, other).code == 0
    release.file.write_text(release.file.read_text().replace(other.public.id, keys.public.id))
    done = deploy(release, environment={"MIGRATE_CERTIFICATE_KEYS": keys.public.text})
    assert done.code == 1, done.err
    assert f"the signature of key {keys.public.id} on the certificate" in done.said
    assert "is not right" in done.said


def test_a_signature_of_something_else_is_none(release: Release, keys: Keys) -> None:
    """Made with the right key over the very same bytes, but for another purpose."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    private = load_pem_private_key(keys.private.read_bytes(), None)
    body = read_certificate(release.file).body
    document = json.loads(release.file.read_text())
    value = base64.b64encode(private.sign(body)).decode()  # type: ignore[union-attr,call-arg]
    document["signatures"] = [{"key": keys.public.id, "signature": value}]
    release.file.write_text(json.dumps(document))
    done = deploy(release, environment={"MIGRATE_CERTIFICATE_KEYS": keys.public.text})
    assert done.code == 1, done.err


def test_without_keys_a_signature_is_told_as_not_verified(release: Release, keys: Keys) -> None:
    assert sign(release, keys).code == 0
    done = deploy(release)
    assert done.code == 0, done.err
    assert f"signed by {keys.public.id}, and no key is configured to verify that" in done.said


@pytest.mark.parametrize("form", ["base64", "pem", "file", "two of them"])
def test_the_forms_of_public_keys(release: Release, keys: Keys, tmp_path: Path, form: str) -> None:
    assert sign(release, keys).code == 0
    pem = subprocess.run(
        ["openssl", "pkey", "-in", str(keys.private), "-pubout"], capture_output=True, text=True, check=True
    ).stdout
    (tmp_path / "keys.txt").write_text(pem)
    another = Keys(tmp_path, "another").public.text
    environment = {
        "base64": {"MIGRATE_CERTIFICATE_KEYS": keys.public.text},
        "pem": {"MIGRATE_CERTIFICATE_KEYS": pem},
        "file": {"MIGRATE_CERTIFICATE_KEYS_FILE": str(tmp_path / "keys.txt")},
        "two of them": {"MIGRATE_CERTIFICATE_KEYS": f"{another}, {keys.public.text}"},
    }[form]
    done = deploy(release, "--require-certificate", environment=environment)
    assert done.code == 0, done.err
    assert run(release, "verify", str(release.file), environment=environment).code == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("c2hvcnQ=", "MIGRATE_CERTIFICATE_KEYS, key 1 holds what is no Ed25519 public key"),
        ("not base64!", "holds what is no Ed25519 public key"),
        ("schlüssel", "holds what is no Ed25519 public key"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "holds what is no Ed25519 public key"),
    ],
)
def test_what_is_no_public_key(release: Release, keys: Keys, text: str, words: str) -> None:
    assert sign(release, keys).code == 0
    done = deploy(release, environment={"MIGRATE_CERTIFICATE_KEYS": text})
    assert done.code == 2, done.err
    assert words in done.said


def test_a_private_key_among_the_public_ones_is_not_repeated(release: Release, keys: Keys) -> None:
    done = deploy(release, environment={"MIGRATE_CERTIFICATE_KEYS": keys.private.read_text()})
    assert done.code == 2, done.err
    assert "holds a private key, and wanted is the public one" in done.said
    assert keys.secret not in done.err


def test_the_file_of_keys_is_not_there(release: Release) -> None:
    done = deploy(release, environment={"MIGRATE_CERTIFICATE_KEYS_FILE": "/nowhere/keys"})
    assert done.code == 2, done.err
    assert "MIGRATE_CERTIFICATE_KEYS_FILE names the file '/nowhere/keys', which cannot be read" in done.said


def test_signing_refuses_what_the_checkout_does_not_hold(release: Release, keys: Keys) -> None:
    naming = release.desk.root / "modules/crm/crm_helpers/naming.py"
    naming.write_text('COLUMN = "fax"\n')
    text = release.file.read_text()
    done = sign(release, keys)
    assert done.code == 1, done.err
    assert "not signed: the certificate" in done.said
    assert "crm:c2 has other files here: ../crm_helpers/naming.py has other bytes" in done.said
    assert release.file.read_text() == text


def test_signing_refuses_a_file_that_is_another_revision(release: Release, keys: Keys) -> None:
    remade(release, r'"file": "versions/b3.py"', '"file": "versions/b2.py"')
    done = sign(release, keys)
    assert done.code == 1, done.err
    assert "billing:b3 has other files here" in done.said


def test_signing_runs_nothing(release: Release, keys: Keys, tmp_path: Path) -> None:
    """Files of the modules that would tell if they were run: beside the certificate's own, which must not change."""
    told = tmp_path / "it ran"
    for file in (
        release.desk.root / "modules" / "crm" / "migrations" / "env.py",
        release.desk.root / "modules" / "crm" / "__init__.py",
        versions_of(release.desk.root, "crm") / "c3.py",
    ):
        file.write_text(f"open({str(told)!r}, 'w')\nrevision = 'c3'\ndown_revision = 'c2'\n")
    elsewhere = tmp_path / "signed.json"
    done = sign(release, keys, "--output", str(elsewhere), "--checkout", str(release.desk.root))
    assert done.code == 0, done.err
    assert not told.exists()
    assert read_certificate(elsewhere).signatures
    assert not read_certificate(release.file).signatures


def test_signing_twice_leaves_one_signature_of_a_key(release: Release, keys: Keys, tmp_path: Path) -> None:
    other = Keys(tmp_path, "other")
    for each in (keys, keys, other):
        assert sign(release, each).code == 0
    assert [each.key for each in read_certificate(release.file).signatures] == [
        keys.public.id,
        other.public.id,
    ]
    assert run(release, "verify", str(release.file), "--key", other.public.text).code == 0


def test_the_key_comes_from_a_variable(release: Release, keys: Keys) -> None:
    done = run(
        release, "sign", str(release.file), environment={"MIGRATE_CERTIFICATE_KEY": keys.private.read_text()}
    )
    assert done.code == 0, done.err
    done = run(
        release, "sign", str(release.file), environment={"MIGRATE_CERTIFICATE_KEY_FILE": str(keys.private)}
    )
    assert done.code == 0, done.err


def test_no_key_to_sign_with(release: Release) -> None:
    done = run(release, "sign", str(release.file))
    assert done.code == 2
    assert "No key is named to sign with." in done.said


def test_a_key_that_others_may_read_is_told(release: Release, keys: Keys) -> None:
    keys.private.chmod(0o644)
    done = sign(release, keys)
    assert done.code == 0, done.err
    assert "others on this machine may read the key" in done.said
    assert f"chmod 600 {keys.private}" in done.said


def test_a_damaged_key_is_not_repeated(release: Release, keys: Keys) -> None:
    text = keys.private.read_text().splitlines()
    keys.private.write_text("\n".join([text[0], text[1][:20], text[2]]))
    done = sign(release, keys)
    assert done.code == 2, done.err
    assert "cannot be read: wanted is PKCS #8 in PEM" in done.said
    assert text[1][:20] not in done.err


def test_a_key_of_another_kind(release: Release, tmp_path: Path) -> None:
    path = tmp_path / "rsa.pem"
    subprocess.run(["openssl", "genrsa", "-out", str(path), "2048"], check=True, capture_output=True)
    done = run(release, "sign", str(release.file), "--key", str(path))
    assert done.code == 2, done.err
    assert "is no Ed25519 key" in done.said


def test_a_key_with_a_passphrase(release: Release, tmp_path: Path) -> None:
    path = tmp_path / "closed.pem"
    variables = {"MIGRATE_CERTIFICATE_KEY_PASSPHRASE": "open sesame"}
    made = run(release, "keygen", str(path), environment=variables)
    assert made.code == 0, made.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "ENCRYPTED" in path.read_text()
    done = run(release, "sign", str(release.file), "--key", str(path))
    assert done.code == 2
    assert "Set MIGRATE_CERTIFICATE_KEY_PASSPHRASE" in done.said
    wrong = {"MIGRATE_CERTIFICATE_KEY_PASSPHRASE": "open barley"}
    done = run(release, "sign", str(release.file), "--key", str(path), environment=wrong)
    assert done.code == 2
    assert "its passphrase is another one" in done.said
    assert "barley" not in done.err
    done = run(release, "sign", str(release.file), "--key", str(path), environment=variables)
    assert done.code == 0, done.err
    assert run(release, "verify", str(release.file), "--key", made.out.strip()).code == 0


def test_a_key_is_never_overwritten(release: Release, keys: Keys) -> None:
    before = keys.private.read_bytes()
    done = run(release, "keygen", str(keys.private))
    assert done.code == 2
    assert "a key is never overwritten" in done.said
    assert keys.private.read_bytes() == before


def test_a_key_that_the_disk_does_not_take_leaves_nothing(
    release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, mode: str) -> None:
        os.close(descriptor)
        raise OSError(28, "No space left on device")

    path = tmp_path / "new.pem"
    monkeypatch.setattr(os, "fdopen", full)
    done = run(release, "keygen", str(path))
    assert done.code == 2, done.err
    assert "cannot be written" in done.said
    assert "No space left on device" in done.said
    assert not path.exists()


def test_what_says_to_be_valid_for_longer_is_neither_signed_nor_used(release: Release, keys: Keys) -> None:
    remade(release, r'"expires": "[^"]+"', '"expires": "2100-01-02T03:04:05Z"')
    for done in (sign(release, keys), deploy(release)):
        assert done.code == 1, done.err
        assert (
            "says that it is valid until 2100-01-02 03:04 UTC, and none is for more than 7 days" in done.said
        )
    assert not read_certificate(release.file).signatures


def test_what_says_to_be_made_later_is_not_valid_yet(release: Release) -> None:
    remade(release, r'"made": "[^"]+"', '"made": "2100-01-02T03:09:05Z"')
    remade(release, r'"expires": "[^"]+"', '"expires": "2100-01-03T03:04:05Z"')
    done = deploy(release)
    assert done.code == 1, done.err
    assert "valid from 2100-01-02 03:04 UTC" in done.said


def test_openssl_makes_keys_too(release: Release, tmp_path: Path) -> None:
    path = tmp_path / "openssl.pem"
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path)], check=True, capture_output=True
    )
    assert run(release, "sign", str(release.file), "--key", str(path)).code == 0


def test_verify_says_what_is_wrong(release: Release, keys: Keys, tmp_path: Path) -> None:
    done = run(release, "verify", str(release.file), "--key", keys.public.text)
    assert done.code == 1
    assert "is not signed, and it must be" in done.said
    done = run(release, "verify", str(release.file))
    assert done.code == 2
    assert "No key is configured to verify a certificate." in done.said
    assert sign(release, keys).code == 0
    (tmp_path / "public").write_text(keys.public.text)
    done = run(release, "verify", str(release.file), "--key", str(tmp_path / "public"))
    assert done.code == 0, done.err
    assert "valid: certificate" in done.said


def test_show(release: Release, keys: Keys) -> None:
    assert sign(release, keys).code == 0
    done = run(release, "show", str(release.file))
    assert done.code == 0, done.err
    for words in (
        "certificate ",
        "3 steps in 1 transaction",
        "crm:c2: reversible",
        f"key {keys.public.id}",
        "modules",
    ):
        assert words in done.out, done.out
    assert max(len(line) for line in done.out.splitlines()) <= 80
