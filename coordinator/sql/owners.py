"""Takes owners and grants out of a dump, for servers whose role may not give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.sql.parser import parse

if TYPE_CHECKING:
    from coordinator.sql.tree import Tree

_GIVING = frozenset({"alter_owner_stmt", "grant_stmt", "grant_role_stmt", "alter_default_privileges_stmt"})


def without_owners(sql: str) -> str:
    """The text without the commands that give owners and grants. Raises SqlSyntaxError where it cannot be parsed."""
    return ";\n".join((*(tree.sql for tree in parse(sql) if not _gives(tree)), ""))


def _gives(tree: Tree) -> bool:
    if tree.kind == "alter_table_stmt":
        name = tree.node.cmds[0].alter_table_cmd.DESCRIPTOR.fields_by_name["subtype"].enum_type
        return all(
            name.values_by_number[each.alter_table_cmd.subtype].name == "AT_ChangeOwner"
            for each in tree.node.cmds
        )
    return tree.kind in _GIVING
