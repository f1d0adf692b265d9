"""Revisions whose file is gone, made files again from the text that the ledger kept; only where a person trusts it."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError, RevisionError
from coordinator.revisions.digest import digest_of
from coordinator.revisions.reader import read_revision
from coordinator.temporary import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from coordinator.execution.project import Project
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import Revision
    from coordinator.model.run import AppliedRevision


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSource:
    """The text of an applied revision that has no file here, as the ledger has it."""

    key: RevisionKey
    file: str
    run: int | None
    source: str


def kept_sources(keys: Sequence[RevisionKey], recorded: Sequence[AppliedRevision]) -> tuple[KeptSource, ...]:
    """The texts of these revisions. Raises RefusedError when one has no text, or another one than was applied."""
    known = {each.key: each for each in recorded}
    return tuple(_kept(known[key]) for key in keys)


def _kept(applied: AppliedRevision) -> KeptSource:
    key = applied.key
    if not applied.source:
        raise RefusedError(
            f"{key} has no file here, and the ledger has no text of it either",
            help="run `migrate rollback` in a checkout that has its file",
        )
    try:
        same = digest_of(applied.source) == applied.digest
    except SyntaxError:
        same = False
    if not same:
        raise RefusedError(
            f"the ledger's text of {key} is not what was applied: its digest is another one",
            help="run `migrate rollback` in a checkout that has its file",
        )
    return KeptSource(key=key, file=applied.file, run=applied.run, source=applied.source)


@contextmanager
def source_folder() -> Iterator[Path]:
    """A folder for texts from the ledger; gone after the block."""
    with tempfile.TemporaryDirectory(prefix="migrate-ledger-source-", dir=temporary_directory()) as name:
        yield Path(name)


def with_sources(
    project: Project, sources: Sequence[KeptSource], later: Sequence[Revision], folder: Path
) -> Project:
    """The project with these revisions as files again. Their place in the tree is the ledger's, not the text's."""
    added: dict[str, list[Revision]] = {}
    places = {each.key: each for each in later}
    for each in sources:
        module = project.module(each.key.module)
        home = folder / module.name
        home.mkdir(exist_ok=True)
        file = home / Path(each.file).name
        file.write_text(each.source, encoding="utf-8")
        try:
            revision = read_revision(module, file)
        except RevisionError as error:
            raise RefusedError(
                f"the ledger's text of {each.key} cannot be read: {error.message}",
                error.findings,
                help="run `migrate rollback` in a checkout that has its file",
            ) from error
        kept = places[each.key]
        revision = replace(
            revision,
            key=each.key,
            down_revisions=kept.down_revisions,
            depends_on=(),
            requires=kept.requires,
        )
        added.setdefault(module.name, []).append(revision)
    trees = tuple(
        replace(tree, revisions=(*tree.revisions, *_in_order(added.get(tree.module.name, ()), later)))
        for tree in project.trees
    )
    return replace(project, trees=trees)


def _in_order(revisions: Sequence[Revision], later: Sequence[Revision]) -> tuple[Revision, ...]:
    places = {each.key: place for place, each in enumerate(later)}
    return tuple(sorted(revisions, key=lambda each: places[each.key]))
