"""What CREATE TABLE and its relatives do: relations, columns, constraints, and all that these hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName, Verb
from coordinator.sql.constraints import read_constraint
from coordinator.sql.namespace import TEMPORARY, column, type_words, within
from coordinator.sql.nodes import children, given, name_of, strings, unwrap, word
from coordinator.sql.queries import QueryReader

if TYPE_CHECKING:
    from coordinator.sql.reading import Reading
    from coordinator.sql.tree import Node


def create_table(reading: Reading, node: Node) -> None:
    """CREATE TABLE, with its columns, constraints, parents and LIKE clauses."""
    relation = reading.names.relation(node.relation)
    if relation.schema == TEMPORARY:
        reading.names.make_temporary(relation)
    reading.add(Verb.CREATE, relation, conditional=bool(node.if_not_exists))
    for parent in node.inh_relations:
        reading.use(reading.names.relation(parent.range_var), holder=relation)
    types: dict[str, str] = {}
    for element in (unwrap(item) for item in node.table_elts):
        kind = name_of(element)
        if kind == "ColumnDef":
            types[element.colname] = add_column(
                reading, relation, element, conditional=bool(node.if_not_exists)
            )
        elif kind == "TableLikeClause":
            copied = reading.names.relation(element.relation)
            reading.use(copied)
            reading.use(copied, every=True)
    for element in (unwrap(item) for item in node.table_elts):
        if name_of(element) == "Constraint":
            read_constraint(reading, relation, element, types)


def add_column(reading: Reading, relation: ObjectName, node: Node, *, conditional: bool = False) -> str:
    """One column as a table or ALTER TABLE defines it. Returns its type's bare name."""
    name = column(relation, node.colname)
    words = type_words(node.type_name)
    type_name = words[-1] if words else ""
    reading.add(Verb.CREATE, name, type=type_name, conditional=conditional, fills=_fills(node))
    reading.use_type(node.type_name, holder=name)
    for item in node.constraints:
        read_column_constraint(reading, relation, name, item.constraint, type_name)
    if node.HasField("raw_default"):
        QueryReader(reading, within(relation, ObjectKind.DEFAULT, node.colname)).expression(
            unwrap(node.raw_default)
        )
    return type_name


def read_column_constraint(
    reading: Reading, relation: ObjectName, name: ObjectName, node: Node, type_name: str
) -> None:
    """A constraint, default or generation rule that stands behind a column."""
    kind = word(node, "contype")
    if kind == "CONSTR_DEFAULT":
        holder = within(relation, ObjectKind.DEFAULT, name.part)
        QueryReader(reading, holder).expression(unwrap(node.raw_expr))
    elif kind == "CONSTR_GENERATED":
        QueryReader(reading, name).expression(unwrap(node.raw_expr), relation)
    else:
        read_constraint(reading, relation, node, {name.part: type_name}, columns=(name.part,))


def create_table_as(reading: Reading, node: Node) -> None:
    """CREATE TABLE AS and CREATE MATERIALIZED VIEW."""
    relation = reading.names.relation(node.into.rel)
    holder = relation if word(node, "objtype") == "OBJECT_MATVIEW" else None
    made = "view" if holder else None if node.into.skip_data else "query"
    names = strings(node.into.col_names)
    _from_query(reading, relation, node.query, names, holder, made, conditional=bool(node.if_not_exists))


def create_view(reading: Reading, node: Node) -> None:
    """CREATE VIEW and CREATE OR REPLACE VIEW."""
    relation = reading.names.relation(node.view)
    if node.replace:
        reading.add(Verb.REPLACE, relation, type="view")
    names = strings(node.aliases)
    _from_query(reading, relation, node.query, names, relation, "view", conditional=bool(node.replace))


def select_into(reading: Reading, node: Node) -> None:
    """A SELECT; with INTO it makes a table."""
    if node.HasField("into_clause"):
        relation = reading.names.relation(node.into_clause.rel)
        _from_query(reading, relation, node, (), None, "query", conditional=False)
    else:
        QueryReader(reading).query(node)


def _from_query(
    reading: Reading,
    relation: ObjectName,
    query: Node,
    names: tuple[str, ...],
    holder: ObjectName | None,
    made: str | None,
    *,
    conditional: bool,
) -> None:
    node = unwrap(query)
    columns = QueryReader(reading, holder).query(node)
    if relation.schema == TEMPORARY:
        reading.names.make_temporary(relation)
    reading.add(Verb.CREATE, relation, type=made, conditional=conditional)
    for name in names or columns or ():
        reading.add(Verb.CREATE, column(relation, name), conditional=conditional)


def create_index(reading: Reading, node: Node) -> None:
    """CREATE INDEX: it stands on its table's columns, and holds the functions that it calls."""
    relation = reading.names.relation(node.relation)
    columns = [item.index_elem.name for item in (*node.index_params, *node.index_including_params)]
    plain = tuple(name for name in columns if name)
    index = ObjectName(ObjectKind.INDEX, relation.schema, index_name(relation, node))
    reading.use(relation)
    for each in plain:
        reading.use(column(relation, each))
    reading.add(Verb.CREATE, index, columns=plain, to=relation, conditional=bool(node.if_not_exists))
    reader = QueryReader(reading, index)
    for item in node.index_params:
        expression = given(item.index_elem, "expr")
        if expression is not None:
            reader.expression(expression, relation)
    if node.HasField("where_clause"):
        reader.expression(unwrap(node.where_clause), relation)
    if node.unique:
        reading.add(Verb.TIGHTEN, relation, columns=plain)


def index_name(relation: ObjectName, node: Node) -> str:
    """The name of the index that a CREATE INDEX makes: its own, or what PostgreSQL calls it."""
    items = (*node.index_params, *node.index_including_params)
    plain = [item.index_elem.name for item in items if item.index_elem.name]
    return node.idxname or "_".join((relation.name, *(plain or ("expr",)), "idx"))


def computes_default(node: Node) -> bool:
    """Whether the server gives each row of a new column a value that its definition alone does not tell."""
    kinds = {word(item.constraint, "contype"): item.constraint for item in node.constraints}
    default = kinds.get("CONSTR_DEFAULT")
    called = default is not None and _calls(unwrap(default.raw_expr))
    return called or "CONSTR_IDENTITY" in kinds or _is_serial(node)


def _calls(node: Node) -> bool:
    return name_of(node) == "FuncCall" or any(_calls(each) for each in children(node))


def _is_serial(node: Node) -> bool:
    words = strings(node.type_name.names)
    return bool(words) and words[-1].endswith(("serial", "serial2", "serial4", "serial8"))


def is_always(node: Node) -> bool | None:
    """Whether GENERATED in a constraint, or among the options of SET, says ALWAYS; None: it does not say."""
    if name_of(node) == "Constraint":
        return bool(node.generated_when == "a")
    said = [item.def_elem.arg.integer.ival for item in node.items if item.def_elem.defname == "generated"]
    return said[0] == ord("a") if said else None


def _fills(node: Node) -> bool:
    """Whether rows that are there get a value in a new column."""
    kinds = {word(item.constraint, "contype"): item.constraint for item in node.constraints}
    default = kinds.get("CONSTR_DEFAULT")
    if default is not None:
        return not _is_null(unwrap(default.raw_expr))
    return bool(kinds.keys() & {"CONSTR_GENERATED", "CONSTR_IDENTITY"}) or _is_serial(node)


def _is_null(node: Node) -> bool:
    if name_of(node) == "TypeCast":
        return _is_null(unwrap(node.arg))
    return name_of(node) == "A_Const" and bool(node.isnull)


def tightens_new_column(node: Node) -> bool:
    """Whether rows of the old shape are refused once this column exists: NOT NULL without a default."""
    kinds = {word(item.constraint, "contype") for item in node.constraints}
    filled = {"CONSTR_DEFAULT", "CONSTR_GENERATED", "CONSTR_IDENTITY"}
    required = kinds & {"CONSTR_NOTNULL", "CONSTR_PRIMARY"}
    return bool(required) and not kinds & filled and not _is_serial(node) and not node.HasField("raw_default")
