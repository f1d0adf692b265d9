"""Modules that the ledger knows and this checkout does not have: absent, not missing, and still to be reckoned with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.ledger.effects_json import effects_from_text
from coordinator.model.module import Module
from coordinator.model.names import Place, RevisionKey
from coordinator.model.revision import ModuleTree, Revision
from coordinator.revisions.order import assemble

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from coordinator.execution.project import Project
    from coordinator.model.effect import RevisionEffects
    from coordinator.model.found import Found
    from coordinator.model.known_module import KnownModule
    from coordinator.model.run import AppliedRevision


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsentModules:
    """The applied revisions that have no file here, as trees that the ledger remembers.

    `trees` are those of absent modules, which hold nothing but what is in. `later` are revisions of modules that are
    here, applied by a newer checkout.
    """

    trees: tuple[ModuleTree, ...] = ()
    later: tuple[Revision, ...] = ()
    upgrades: Mapping[RevisionKey, RevisionEffects]
    downgrades: Mapping[RevisionKey, RevisionEffects]

    @property
    def modules(self) -> tuple[Module, ...]:
        """The absent modules, by name."""
        return tuple(tree.module for tree in self.trees)

    @property
    def applied(self) -> Mapping[str, frozenset[str]]:
        """Ids of the revisions that are in, by absent module."""
        return {tree.module.name: tree.ids for tree in self.trees}

    def all_trees(self, project: Project) -> tuple[ModuleTree, ...]:
        """Every tree of the database: those in files, longer by what only the ledger has of them, and the absent ones."""
        later: dict[str, list[Revision]] = {}
        for each in self.later:
            later.setdefault(each.key.module, []).append(each)
        return (
            *(
                replace(tree, revisions=(*tree.revisions, *later.get(tree.module.name, ())))
                for tree in project.trees
            ),
            *self.trees,
        )


def ledger_modules(
    project: Project, known: Iterable[KnownModule], recorded: Iterable[AppliedRevision]
) -> tuple[Module, ...]:
    """The modules that a ledger names and this checkout does not have, by name."""
    here = {module.name for module in project.modules}
    by_name = {each.name: each for each in known}
    names = sorted((by_name.keys() | {each.key.module for each in recorded}) - here)
    return tuple(_module(name, by_name.get(name)) for name in names)


def absent_modules(project: Project, found: Found) -> AbsentModules:
    """What a ledger remembers of what is not here. Pure."""
    here = {module.name for module in project.modules}
    noted = {each.name for each in found.modules}
    files = {revision.key for tree in project.trees for revision in tree.revisions}
    missing = [each for each in found.recorded if each.key not in files]
    effects = {each.key: effects_from_text(each.effects, each.key) for each in missing}
    return AbsentModules(
        trees=tuple(
            _tree(module, found, missing, is_noted=module.name in noted)
            for module in ledger_modules(project, found.modules, found.recorded)
        ),
        later=_revisions(each for each in missing if each.key.module in here),
        upgrades={key: each.upgrade for key, each in effects.items() if each.upgrade is not None},
        downgrades={key: each.downgrade for key, each in effects.items() if each.downgrade is not None},
    )


def _module(name: str, known: KnownModule | None) -> Module:
    """An older ledger does not say what its schemas are; the usual one has the module's name."""
    if known is None:
        return Module(name=name, path=Path(), schemas=(name,))
    return Module(
        name=name, path=Path(), schemas=known.schemas, version_table=known.version_table, owner=known.owner
    )


def _tree(module: Module, found: Found, missing: Iterable[AppliedRevision], *, is_noted: bool) -> ModuleTree:
    """What of the module is in. Its version table decides where it may be read: plain Alembic may have gone back.

    `is_noted`: the ledger itself says where that table is.
    """
    whole = ModuleTree(
        module=module, revisions=_revisions(each for each in missing if each.key.module == module.name)
    )
    table = found.rows.get(module.qualified_version_table)
    if table is None and is_noted:
        return replace(whole, revisions=())  # somebody has dropped it, and the schema with it
    if table is None or table.heads is None:
        return whole
    present = whole.ancestors(table.heads)
    return replace(whole, revisions=tuple(each for each in whole.revisions if each.key.revision in present))


def _revisions(recorded: Iterable[AppliedRevision]) -> tuple[Revision, ...]:
    """Parents before children; what they follow and the ledger does not know is left out."""
    found = [
        Revision(
            key=each.key,
            place=Place(f"{each.file}, which is not in this checkout"),
            message="",
            down_revisions=each.parents,
            requires=each.requires,
            source=each.source,
            digest=each.digest,
        )
        for each in recorded
    ]
    return tuple(
        revision
        for module in dict.fromkeys(each.key.module for each in found)
        for revision in assemble(module, [each for each in found if each.key.module == module])[0]
    )
