"""A certificate comes out of its file as it went in; whatever was edited in the file is seen."""

from __future__ import annotations

import copy
import json
import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from coordinator.certificates.canonical import canonical
from coordinator.certificates.file import read_certificate, sealed, write_certificate
from coordinator.certificates.signing import new_key, read_public_key, read_signing_key, verified_by
from coordinator.errors import RefusedError, UsageError
from tests.certificate.values import certificates

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "certificate-1.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
SLOWLY = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOWLY
@given(certificates())
def test_round_trip(certificate: Any) -> None:
    """The rehearsal too, whole: a run with a certificate knows what the rehearsal knew. The file is of the published form."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "certificate.json")
        file = sealed(certificate)
        write_certificate(path, file)
        assert read_certificate(path) == file
        VALIDATOR.validate(json.loads(path.read_text(encoding="utf-8")))
    assert file.certificate.rehearsal == certificate.rehearsal


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value in a document, but not to the document itself."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [*([at] if at else []), *(place for key, each in inner for place in _places(each, (*at, key)))]


def _edited(document: Any, place: tuple[Any, ...], how: str) -> Any:
    edited = copy.deepcopy(document)
    holder = edited
    for key in place[:-1]:
        holder = holder[key]
    if how == "removed":
        del holder[place[-1]]
    else:
        holder[place[-1]] = _another(holder[place[-1]], how)
    return edited


def _another(value: Any, how: str) -> Any:
    if how == "null":
        return "null" if value is None else None
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, list):
        return [*value, "x"]
    return {**value, "one more": 1} if isinstance(value, dict) else "x"


@SLOWLY
@given(st.data())
def test_any_edit_of_one_field_is_refused(data: Any) -> None:
    """Whichever field, whatever it becomes, and a field that no certificate has. Signed, so that signatures count too."""
    text, public = new_key(None)
    key = read_signing_key(text, origin="the test", passphrase=lambda: None)
    with TemporaryDirectory() as folder:
        path = Path(folder, "certificate.json")
        write_certificate(path, key.signed(sealed(data.draw(certificates()))))
        document = json.loads(path.read_text())
        assert verified_by(read_certificate(path), (public,)) == (public,)
        place = data.draw(st.sampled_from(_places(document)))
        how = data.draw(st.sampled_from(("other", "null", "removed")))
        edited = _edited(document, place, how)
        assert canonical(edited) != canonical(document)
        path.write_text(json.dumps(edited))
        try:
            found = verified_by(read_certificate(path), (public,))
        except (RefusedError, UsageError) as error:
            told = error.message
        else:
            told = "nobody's signature"
            assert found == (), place
        assert told.startswith(("the certificate", "nobody's", f"'{path}' is no certificate"))


@SLOWLY
@given(certificates(), st.binary(min_size=1, max_size=4), st.randoms())
def test_bytes_that_were_hit_never_end_in_a_traceback(certificate: Any, noise: bytes, chance: Any) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "certificate.json")
        write_certificate(path, sealed(certificate))
        content = bytearray(path.read_bytes())
        at = chance.randrange(len(content))
        content[at : at + len(noise)] = noise
        path.write_bytes(bytes(content))
        # Noise that is itself JSON of the same value is no harm; any other is told, and is no mistake of ours.
        with suppress(RefusedError, UsageError):
            assert read_certificate(path).certificate == certificate


@pytest.mark.parametrize(
    "signature",
    [
        {"key": "\ud800", "signature": ""},
        {"key": "A" * 16, "signature": ""},
        {"key": "a" * 16, "signature": "no base64"},
        {"key": "a" * 16, "signature": "ä"},
        {"key": "a" * 16, "signature": "", "more": 1},
        {"key": "a" * 16},
        {"key": 1, "signature": ""},
        "a word",
    ],
)
def test_what_stands_among_the_signatures_and_is_none(signature: Any, tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    write_certificate(path, sealed(find(certificates(), lambda _: True)))
    document = json.loads(path.read_text())
    document["signatures"] = [signature]
    path.write_text(json.dumps(document))
    with pytest.raises(RefusedError, match="what stands among its signatures is none"):
        read_certificate(path)


def test_writing_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    path, file = tmp_path / "certificate.json", sealed(find(certificates(), lambda _: True))
    write_certificate(path, file)
    text = path.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="cannot be written: No space left on device"):
        write_certificate(path, file)
    assert path.read_bytes() == text
    assert [each.name for each in tmp_path.iterdir()] == ["certificate.json"]


def test_the_published_schema_is_one_and_takes_nothing_else() -> None:
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)
    assert not VALIDATOR.is_valid({"format": 1, "certificate": {}, "digest": "", "signatures": []})


def test_a_key_is_read_in_both_forms() -> None:
    _, public = new_key(None)
    assert read_public_key(f" {public.text}\n", origin="here") == public
    with pytest.raises(UsageError, match="here holds what is no Ed25519 public key"):
        read_public_key(public.text[:-4], origin="here")


def test_a_key_is_in_no_representation() -> None:
    text, _ = new_key(None)
    key = read_signing_key(text, origin="here", passphrase=lambda: None)
    assert repr(key) == "SigningKey()"
