"""The SQL file that stands for a tree's first revisions, where these cannot be run from nothing any more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError, SettingsError
from coordinator.execution.versions import prepare_module, read_heads, write_heads
from coordinator.postgres.baseline import restore
from coordinator.postgres.failure import StatementError
from coordinator.sql.parser import parse
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coordinator.model.module import Module
    from coordinator.model.revision import ModuleTree
    from coordinator.postgres.session import Session

# Lines of pg_dump that are psql's and not the server's.
_OF_PSQL = re.compile(r"^\\(?:un)?restrict\b.*$\n?", re.MULTILINE)
_COPY = re.compile(r"^COPY\s.*\sFROM\s+stdin", re.MULTILINE | re.IGNORECASE)


def stood_for(trees: Sequence[ModuleTree]) -> Mapping[str, frozenset[str]]:
    """By module, the revisions that its SQL file stands for; only where the file's revision is among the tree's."""
    return {
        tree.module.name: tree.ancestors(frozenset({tree.module.baseline.revision}))
        for tree in trees
        if tree.module.baseline is not None and tree.module.baseline.revision in tree.ids
    }


def run_stand_ins(session: Session, trees: Sequence[ModuleTree]) -> None:
    """Run the files of these modules, each whole or not at all, and stamp what they stand for.

    Those that need another one's objects come after it. Raises SettingsError for a file that is not there or cannot
    be what it is named for, RefusedError with the server's words for one that does not run.
    """
    waiting = {tree.module.name: (tree, _text(tree.module)) for tree in trees}
    while waiting:
        failed: dict[str, StatementError] = {}
        before = len(waiting)
        for name, (tree, text) in list(waiting.items()):
            try:
                _run(session, tree, text)
                del waiting[name]
            except StatementError as error:
                failed[name] = error
        if len(waiting) == before:
            name, why = next(iter(failed.items()))
            raise _does_not_run(waiting[name][0].module, why) from why


def _does_not_run(module: Module, error: StatementError) -> RefusedError:
    assert module.baseline is not None
    return RefusedError(
        f"the baseline of module {module.name!r}, {module.baseline.sql}, does not run on an empty database: {error}",
        help="make it anew, such as with: pg_dump --schema-only --schema=SCHEMA; its version table may be in it",
    )


def _text(module: Module) -> str:
    baseline = module.baseline
    assert baseline is not None
    key = f"[tool.migrate.modules.{module.name}] baseline"
    try:
        text = baseline.sql.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise SettingsError(
            f"The file {baseline.sql}, which {key} names, cannot be read: {why}.",
            help="The path is relative to the settings file.",
        ) from error
    if found := _COPY.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise SettingsError(
            f"{baseline.sql}:{line} holds rows for psql, which a baseline cannot have.",
            help="Make it with pg_dump --schema-only, or write rows as INSERT (pg_dump --inserts).",
        )
    return _OF_PSQL.sub("", text)


def _run(session: Session, tree: ModuleTree, text: str) -> None:
    module = tree.module
    baseline = module.baseline
    assert baseline is not None
    made = _made_schemas(text)
    if not made.intersection(module.schemas):
        prepare_module(session, module)  # the file leaves that to whoever runs it
    restore(session, text)
    prepare_module(session, module)
    heads = read_heads(session, module) or frozenset()
    write_heads(session, module, heads & tree.ids, frozenset({baseline.revision}))


def _made_schemas(text: str) -> frozenset[str]:
    try:
        trees = parse(text)
    except SqlSyntaxError:  # of a newer server than our grammar: then the server decides
        return frozenset()
    return frozenset(str(each.node.schemaname) for each in trees if each.kind == "create_schema_stmt")
