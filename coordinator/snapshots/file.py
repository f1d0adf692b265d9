"""Snapshot files: written whole or not at all, read only when nobody has changed a byte of what they say."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from coordinator.errors import UsageError
from coordinator.model.snapshot import SNAPSHOT_FORMAT
from coordinator.snapshots.document import KIND, snapshot_as_json, snapshot_from_json
from coordinator.whole_file import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.model.snapshot import Snapshot

LARGEST: Final = 1_000_000_000  # bytes; 2,000 tables take 12 million
_MAKE_ANEW = "Make it anew with `migrate snapshot --output FILE` where the database can be reached."


class SnapshotError(UsageError):
    """A file that is no snapshot, or one that cannot be trusted or understood."""


def snapshot_text(snapshot: Snapshot) -> str:
    """The whole file; the same snapshot always gives the same text."""
    body = {"kind": KIND, "format": SNAPSHOT_FORMAT, **snapshot_as_json(snapshot)}
    document = {"kind": KIND, "format": SNAPSHOT_FORMAT, "digest": digest_of(body), **body}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def digest_of(document: dict[str, Any]) -> str:
    """SHA-256 over what the document says, whatever its layout: all keys but `digest`, sorted, without white space."""
    body = {name: value for name, value in document.items() if name != "digest"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(text.encode('ascii')).hexdigest()}"


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Write the file so that at every moment there is the old one or the whole new one. Raises SnapshotError."""
    try:
        write_whole(path, snapshot_text(snapshot).encode())
    except OSError as error:
        raise SnapshotError(
            f"The snapshot '{path}' cannot be written: {error.strerror or error}.",
            help="Name another file with --output.",
        ) from error


def read_snapshot(path: Path) -> Snapshot:
    """The snapshot in a file. Raises SnapshotError: what is wrong with it, what was wanted, what to do."""
    document = _document(path)
    _refuse_other(path, document)
    if document["digest"] != digest_of(document):
        raise SnapshotError(
            f"The snapshot '{path}' was changed after it was made: its digest is another one.",
            help=f"Nobody edits a snapshot. {_MAKE_ANEW}",
        )
    try:
        return snapshot_from_json(document)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise SnapshotError(
            f"The snapshot '{path}' is not as format {SNAPSHOT_FORMAT} is described in docs/snapshot.md: {what}.",
            help=_MAKE_ANEW,
        ) from error


def _document(path: Path) -> dict[str, Any]:
    text = _text(path)
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        cut = "is cut off" if error.pos >= len(text.rstrip()) else f"is no JSON at line {error.lineno}"
        raise SnapshotError(
            f"'{path}' is no whole snapshot: it {cut}.", help=f"Fetch it again. {_MAKE_ANEW}"
        ) from error
    except (RecursionError, ValueError) as error:  # nested without end; a number of a million digits
        raise SnapshotError(f"'{path}' is no snapshot: {error}.", help=_MAKE_ANEW) from error
    if not isinstance(document, dict):
        raise SnapshotError(f"'{path}' is no snapshot: it is JSON, and no object.", help=_MAKE_ANEW)
    return document


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise SnapshotError(
                f"'{path}' is no snapshot: it has {size:,} bytes, and none has more than {LARGEST:,}.",
                help=_MAKE_ANEW,
            )
        content = path.read_bytes() if path.is_file() else None
    except FileNotFoundError as error:
        raise SnapshotError(f"There is no file '{path}'.", help=_MAKE_ANEW) from error
    except OSError as error:
        raise SnapshotError(
            f"The snapshot '{path}' cannot be read: {error.strerror or error}.", help=_MAKE_ANEW
        ) from error
    if content is None:
        raise SnapshotError(f"'{path}' is no file, so it is no snapshot.", help=_MAKE_ANEW)
    if not content.strip():
        raise SnapshotError(f"'{path}' is empty.", help=_MAKE_ANEW)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SnapshotError(
            f"'{path}' is no snapshot: a snapshot is a text in UTF-8, and byte {error.start} is none.",
            help=_MAKE_ANEW,
        ) from error


def _refuse_other(path: Path, document: dict[str, Any]) -> None:
    """Refuse a document that is something else, or of a newer program."""
    if document.get("kind") != KIND:
        raise SnapshotError(
            f'\'{path}\' is no snapshot: its "kind" is not "{KIND}".',
            help=f"Name a file that `migrate snapshot` wrote. {_MAKE_ANEW}",
        )
    number = document.get("format")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise SnapshotError(f"The snapshot '{path}' does not say its format.", help=_MAKE_ANEW)
    if number > SNAPSHOT_FORMAT:
        raise SnapshotError(
            f"The snapshot '{path}' has format {number}, written by coordinator {document.get('program', 'unknown')};"
            f" this one knows {SNAPSHOT_FORMAT}.",
            help="Use that coordinator here too, or make the snapshot with this one.",
        )
    if not isinstance(document.get("digest"), str):
        raise SnapshotError(f"The snapshot '{path}' has no digest.", help=_MAKE_ANEW)
