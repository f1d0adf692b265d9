"""What one Python file holds that may concern a database: SQL texts, SQLAlchemy tables and their uses, and words."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.sources.texts import HOLE, looks_like_sql

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = re.compile(r"[A-Za-z_]\w*")
_COLUMN_CALLS = frozenset({"Column", "mapped_column"})
_STATEMENT_CALLS = frozenset({"insert", "update"})


@dataclass(frozen=True, slots=True)
class SqlText:
    """A text that reads like SQL, the line that it begins on, and the function around it. HOLE stands for a part that
    is only known when the program runs."""

    text: str
    line: int
    scope: str
    exact_lines: bool  # its line breaks are those of the file

    def line_of(self, place: int) -> int:
        """The line of the file on which that character of the text stands, as well as can be told."""
        return self.line + (self.text.count("\n", 0, place) if self.exact_lines else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A class with `__tablename__`, or a variable that holds a `Table`. `schema` is "" where it names none.

    `columns` maps the attribute to the column and its line. `bases` are names of classes that it builds on.
    """

    name: str
    table: str
    schema: str
    line: int
    columns: dict[str, tuple[str, int]]
    bases: tuple[str, ...] = ()
    is_table: bool = False  # a `Table`: its columns are behind `.c`


@dataclass(frozen=True, slots=True)
class Touch:
    """Code that names a class, or one of its attributes (None: the class itself), and what it does with it.

    `writes`: `update(X).values(…)`; `inserts`: `X(…)` or `insert(X).values(…)`; `given` are then the attributes that
    it gives, None when not known.
    """

    name: str
    attribute: str | None
    line: int
    scope: str
    writes: bool = False
    inserts: bool = False
    given: tuple[str, ...] | None = None


@dataclass(slots=True)
class PythonCode:
    """Everything found in a file. `imports` maps a name to the dotted module that it comes from."""

    texts: list[SqlText] = field(default_factory=list)
    models: list[Model] = field(default_factory=list)
    mixins: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)
    keys: list[tuple[str, int, str]] = field(default_factory=list)  # targets of ForeignKey("…"), line, scope
    touches: list[Touch] = field(default_factory=list)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)  # name here -> (module, name there)
    words: dict[str, list[int]] = field(default_factory=dict)


def read_python(content: bytes) -> PythonCode | None:
    """The file's code; None when it is no Python that can be parsed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in somebody's text is nobody's business here
            tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    reader = _Reader()
    try:
        reader.read(tree)
    except RecursionError:
        return None
    return reader.code


class _Reader:
    """Walks one file; `scope` is the dotted name of the function or class around."""

    def __init__(self) -> None:
        self.code = PythonCode()
        self._schemas: dict[str, str] = {}  # of a MetaData, or of a class that has one

    def read(self, tree: ast.Module) -> None:
        for statement in tree.body:
            self._visit(statement, "")

    def _visit(self, node: ast.AST, scope: str) -> None:
        if isinstance(node, ast.ClassDef):
            self._class(node)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            self._assignment(node)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return  # a docstring, or a text that nothing is done with
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            scope = f"{scope}.{node.name}" if scope else node.name
        elif not scope and isinstance(node, (ast.Assign, ast.AnnAssign)):
            scope = _assigned(node)[0]  # a text is known by the name that it is given
        text = _text_of(node)
        if text is not None and isinstance(node, ast.expr):
            self._text(text, node, scope)
            return
        self._leaf(node, scope)
        for child in ast.iter_child_nodes(node):
            self._visit(child, scope)

    def _leaf(self, node: ast.AST, scope: str) -> None:
        if isinstance(node, ast.Attribute):
            self._word(node.attr, node.end_lineno or node.lineno)
            self._attribute(node, scope)
        elif isinstance(node, ast.Name):
            self._word(node.id, node.lineno)
        elif isinstance(node, ast.keyword) and node.arg:
            self._word(node.arg, node.lineno)
        elif isinstance(node, ast.Call):
            self._call(node, scope)

    def _word(self, word: str, line: int) -> None:
        self.code.words.setdefault(word, []).append(line)

    def _text(self, text: str, node: ast.expr, scope: str) -> None:
        lines = (node.end_lineno or node.lineno) - node.lineno
        exact = lines == text.count("\n")
        if looks_like_sql(text) and " " in text.strip():
            self.code.texts.append(SqlText(text, node.lineno, scope, exact))
        for number, part in enumerate(text.split("\n")):
            for word in _WORD.findall(part):
                self._word(word, node.lineno + (number if exact else 0))
        if isinstance(node, (ast.JoinedStr, ast.BinOp)):
            for inner in ast.walk(node):
                if isinstance(inner, (ast.Name, ast.Attribute)):
                    self._leaf(inner, scope)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for each in node.names:
            if isinstance(node, ast.ImportFrom):
                self.code.imports[each.asname or each.name] = (node.module or "", each.name)

    # -- SQLAlchemy --

    def _assignment(self, node: ast.Assign | ast.AnnAssign) -> None:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if not isinstance(target, ast.Name) or not isinstance(node.value, ast.Call):
            return
        called = _called(node.value)
        if called == "MetaData":
            self._schemas[target.id] = _keyword_text(node.value, "schema") or ""
        elif called == "Table":
            self._table(target.id, node.value)
        elif called in {"declarative_base", "automap_base"}:
            metadata = _keyword(node.value, "metadata")
            if isinstance(metadata, ast.Name):
                self._schemas[target.id] = self._schemas.get(metadata.id, "")

    def _table(self, name: str, call: ast.Call) -> None:
        texts = [each.value for each in call.args if isinstance(each, ast.Constant)]
        if not texts or not isinstance(texts[0], str):
            return
        metadata = next((each.id for each in call.args if isinstance(each, ast.Name)), "")
        columns = {}
        for each in call.args:
            if isinstance(each, ast.Call) and _called(each) == "Column":
                column = _first_text(each)
                if column:
                    columns[column] = (column, each.lineno)
        self.code.models.append(
            Model(
                name=name,
                table=texts[0],
                schema=_keyword_text(call, "schema") or self._schemas.get(metadata, ""),
                line=call.lineno,
                columns=columns,
                is_table=True,
            )
        )

    def _class(self, node: ast.ClassDef) -> None:
        table, schema = "", ""
        columns: dict[str, tuple[str, int]] = {}
        for statement in node.body:
            name, value = _assigned(statement)
            if name == "__tablename__" and isinstance(value, ast.Constant):
                table = str(value.value)
            elif name == "__table_args__" and value is not None:
                schema = _schema_in(value) or schema
            elif name == "metadata" and value is not None:
                self._schemas[node.name] = self._metadata_schema(value)
            elif name and (column := _mapped(statement, name, value)):
                columns[name] = (column, statement.lineno)
        bases = tuple(each.id for each in node.bases if isinstance(each, ast.Name))
        for base in bases:
            self._schemas.setdefault(node.name, self._schemas.get(base, ""))
        schema = schema or self._schemas.get(node.name, "")
        if table:
            self.code.models.append(
                Model(
                    name=node.name, table=table, schema=schema, line=node.lineno, columns=columns, bases=bases
                )
            )
        elif columns:
            self.code.mixins[node.name] = columns

    def _metadata_schema(self, value: ast.expr) -> str:
        if isinstance(value, ast.Call):
            return _keyword_text(value, "schema") or ""
        return self._schemas.get(value.id, "") if isinstance(value, ast.Name) else ""

    def _attribute(self, node: ast.Attribute, scope: str) -> None:
        value = node.value
        if isinstance(value, ast.Attribute) and value.attr in {"c", "columns"}:
            value = value.value
        if isinstance(value, ast.Name):
            self.code.touches.append(Touch(value.id, node.attr, node.end_lineno or node.lineno, scope))

    def _call(self, node: ast.Call, scope: str) -> None:
        called = _called(node)
        if called == "ForeignKey" and (target := _first_text(node)):
            self.code.keys.append((target, node.lineno, scope))
        elif called == "values" and isinstance(node.func, ast.Attribute):
            self._values(node, node.func.value, scope)
        elif isinstance(node.func, ast.Name):
            given = _given(node)
            self.code.touches.append(
                Touch(node.func.id, None, node.lineno, scope, writes=True, inserts=True, given=given)
            )

    def _values(self, node: ast.Call, inner: ast.expr, scope: str) -> None:
        """`insert(X).values(…)`, `update(X).where(…).values(…)`, and `X.insert().values(…)` of a Table."""
        while isinstance(inner, ast.Call):
            called = _called(inner)
            if called in _STATEMENT_CALLS:
                owner = inner.args[0] if inner.args else None
                if isinstance(inner.func, ast.Attribute) and owner is None:
                    owner = inner.func.value
                if isinstance(owner, ast.Name):
                    self.code.touches.append(
                        Touch(
                            owner.id, None, node.lineno, scope,
                            writes=True, inserts=called == "insert", given=_given(node),
                        )
                    )  # fmt: skip
                return
            if not isinstance(inner.func, ast.Attribute):
                return
            inner = inner.func.value


def _text_of(node: ast.AST) -> str | None:
    """A text that stands in the code, with HOLE for each part that does not; None when it is no text."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(str(each.value) if isinstance(each, ast.Constant) else HOLE for each in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text_of(node.left), _text_of(node.right)
        if left is None and right is None:
            return None
        return (left if left is not None else HOLE) + (right if right is not None else HOLE)
    return None


def _called(node: ast.Call) -> str:
    """The last word of what is called: `Column` of `sa.Column(…)`."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _first_text(node: ast.Call) -> str:
    first = node.args[0] if node.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def _keyword(node: ast.Call, name: str) -> ast.expr | None:
    return next((each.value for each in node.keywords if each.arg == name), None)


def _keyword_text(node: ast.Call, name: str) -> str | None:
    value = _keyword(node, name)
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def _given(node: ast.Call) -> tuple[str, ...] | None:
    """The names of what a call gives: its keywords, or the keys of one dictionary."""
    names = [each.arg for each in node.keywords]
    if len(node.args) == 1 and isinstance(node.args[0], ast.Dict):
        names.extend(_key(each) for each in node.args[0].keys)
    elif node.args:
        return None
    given = tuple(each for each in names if each is not None)
    return given if len(given) == len(names) else None


def _key(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _assigned(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id, statement.value
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id, statement.value
    return "", None


def _mapped(statement: ast.stmt, name: str, value: ast.expr | None) -> str:
    """The column behind an attribute of a class; "" when it is none."""
    inner = value
    while isinstance(inner, ast.Call) and _called(inner) in {"deferred", "column_property"} and inner.args:
        inner = inner.args[0]
    if isinstance(inner, ast.Call) and _called(inner) in _COLUMN_CALLS:
        return _first_text(inner) or _keyword_text(inner, "name") or name
    if value is None and isinstance(statement, ast.AnnAssign):
        return name if any(_is_mapped(each) for each in ast.walk(statement.annotation)) else ""
    return ""


def _is_mapped(node: ast.AST) -> bool:
    return (isinstance(node, ast.Name) and node.id == "Mapped") or (
        isinstance(node, ast.Attribute) and node.attr == "Mapped"
    )


def _schema_in(value: ast.expr) -> str:
    """The schema that `__table_args__` names: a dictionary, or the last item of a tuple."""
    for each in _dictionaries(value):
        for key, item in zip(each.keys, each.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "schema" and isinstance(item, ast.Constant):
                return str(item.value)
    return ""


def _dictionaries(value: ast.expr) -> Iterator[ast.Dict]:
    if isinstance(value, ast.Dict):
        yield value
    elif isinstance(value, ast.Tuple):
        for each in value.elts:
            yield from _dictionaries(each)
