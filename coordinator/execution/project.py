"""The modules of a run, looked up by name: what the executor needs to know of them and no more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.certificate import CertifiedStep
    from coordinator.model.check import MapReference
    from coordinator.model.module import Module
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import ModuleTree, Revision
    from coordinator.model.touched import Touched


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """All modules with their trees.

    `absent` are modules that only the ledger knows. `touched`: in a rollback, what its revisions changed in the
    catalog when they came in. `certified`: in a run by a certificate, what its steps did when they were rehearsed.
    """

    trees: tuple[ModuleTree, ...]
    absent: tuple[Module, ...] = ()
    map_references: tuple[MapReference, ...] = ()
    touched: Mapping[RevisionKey, Touched] = field(default_factory=dict)
    certified: Mapping[RevisionKey, CertifiedStep] = field(default_factory=dict)
    _by_name: Mapping[str, ModuleTree] = field(init=False, repr=False, compare=False, default_factory=dict)
    _by_key: Mapping[RevisionKey, Revision] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {tree.module.name: tree for tree in self.trees})
        object.__setattr__(
            self, "_by_key", {each.key: each for tree in self.trees for each in tree.revisions}
        )

    @property
    def modules(self) -> tuple[Module, ...]:
        return tuple(tree.module for tree in self.trees)

    @property
    def revisions(self) -> tuple[Revision, ...]:
        """Every revision that has a file, tree by tree."""
        return tuple(self._by_key.values())

    @property
    def owners(self) -> Mapping[str, str]:
        """Schema -> name of the module that owns it, absent ones too."""
        return {schema: module.name for module in (*self.absent, *self.modules) for schema in module.schemas}

    @property
    def all_modules(self) -> tuple[Module, ...]:
        """The modules of this checkout, then the absent ones."""
        return (*self.modules, *self.absent)

    @property
    def version_tables(self) -> frozenset[tuple[str, str]]:
        """Schema and name of every version table."""
        return frozenset(module.qualified_version_table for module in self.modules)

    def tree(self, module: str) -> ModuleTree:
        """The tree of a module. Raises KeyError when there is no such module."""
        return self._by_name[module]

    def module(self, name: str) -> Module:
        """A module by name. Raises KeyError when there is no such module."""
        return self._by_name[name].module

    def revision(self, key: RevisionKey) -> Revision:
        """A revision by key. Raises KeyError when no file holds it."""
        return self._by_key[key]
