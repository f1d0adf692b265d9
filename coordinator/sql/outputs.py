"""How PostgreSQL names a result column that was given no name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.sql.nodes import name_of, strings, unwrap, word

if TYPE_CHECKING:
    from coordinator.sql.tree import Node

NAMELESS = "?column?"
_BY_NODE = {
    "CaseExpr": "case",
    "CoalesceExpr": "coalesce",
    "RowExpr": "row",
    "A_ArrayExpr": "array",
    "GroupingFunc": "grouping",
}
_BY_WORD = {
    "EXISTS_SUBLINK": "exists",
    "ARRAY_SUBLINK": "array",
    "AEXPR_NULLIF": "nullif",
    "IS_GREATEST": "greatest",
    "IS_LEAST": "least",
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
        return inner if inner not in (None, NAMELESS) else strings(node.type_name.names)[-1]
    if kind in ("A_Indirection", "CollateClause"):
        return output_name(unwrap(node.arg))
    if kind == "SQLValueFunction":
        return word(node, "op").removeprefix("SVFOP_").removesuffix("_N").lower()
    if kind == "SubLink":
        return _BY_WORD.get(word(node, "sub_link_type")) or _of_subselect(node)
    if kind in ("A_Expr", "MinMaxExpr"):
        return _BY_WORD.get(word(node, "kind" if kind == "A_Expr" else "op"), NAMELESS)
    return _BY_NODE.get(kind, NAMELESS)


def _of_subselect(node: Node) -> str | None:
    """A scalar subselect gives its only column's name."""
    inner = unwrap(node.subselect)
    if word(node, "sub_link_type") == "EXPR_SUBLINK" and name_of(inner) == "SelectStmt":
        for item in inner.target_list:
            return item.res_target.name or output_name(unwrap(item.res_target.val))
    return NAMELESS
