"""How PostgreSQL names a result column that was given no name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.sql.nodes import name_of, strings, unwrap

if TYPE_CHECKING:
    from coordinator.sql.tree import Node

_BY_NODE = {
    "CaseExpr": "case",
    "CoalesceExpr": "coalesce",
    "MinMaxExpr": "greatest",
    "RowExpr": "row",
    "A_ArrayExpr": "array",
    "XmlExpr": "xmlparse",
}


def output_name(node: Node) -> str | None:
    """The name of an unnamed result column, or None when it is not one column (a star)."""
    kind = name_of(node)
    if kind == "ColumnRef":
        words = strings(node.fields)
        return words[-1] if len(words) == len(node.fields) else None
    if kind == "FuncCall":
        return strings(node.funcname)[-1]
    if kind == "TypeCast":
        inner = output_name(unwrap(node.arg))
        return inner if inner not in (None, "?column?") else strings(node.type_name.names)[-1]
    if kind == "SubLink":
        return _sublink_name(node)
    if kind in ("A_Indirection", "CollateClause"):
        return output_name(unwrap(node.arg))
    return _BY_NODE.get(kind, "?column?")


def _sublink_name(node: Node) -> str | None:
    kind = node.DESCRIPTOR.fields_by_name["sub_link_type"].enum_type.values_by_number[node.sub_link_type].name
    if kind == "EXISTS_SUBLINK":
        return "exists"
    if kind == "ARRAY_SUBLINK":
        return "array"
    inner = unwrap(node.subselect)
    if kind == "EXPR_SUBLINK" and name_of(inner) == "SelectStmt" and len(inner.target_list) == 1:
        target = inner.target_list[0].res_target
        return target.name or output_name(unwrap(target.val))
    return "?column?"
