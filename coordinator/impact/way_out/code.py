"""The text of revisions to paste: two functions with their SQL, names quoted where they must be. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_RESERVED = frozenset(
    {
        *(
            "all",
            "analyse",
            "analyze",
            "and",
            "any",
            "array",
            "as",
            "asc",
            "asymmetric",
            "authorization",
            "between",
        ),
        *(
            "binary",
            "both",
            "case",
            "cast",
            "check",
            "collate",
            "collation",
            "column",
            "concurrently",
            "constraint",
        ),
        *(
            "create",
            "cross",
            "current_date",
            "current_role",
            "current_time",
            "current_timestamp",
            "current_user",
        ),
        *(
            "default",
            "deferrable",
            "desc",
            "distinct",
            "do",
            "else",
            "end",
            "except",
            "false",
            "fetch",
            "for",
        ),
        *(
            "foreign",
            "freeze",
            "from",
            "full",
            "grant",
            "group",
            "having",
            "ilike",
            "in",
            "initially",
            "inner",
        ),
        *(
            "intersect",
            "into",
            "is",
            "isnull",
            "join",
            "lateral",
            "leading",
            "left",
            "like",
            "limit",
            "localtime",
        ),
        *(
            "localtimestamp",
            "natural",
            "not",
            "notnull",
            "null",
            "offset",
            "on",
            "only",
            "or",
            "order",
            "outer",
        ),
        *(
            "overlaps",
            "placing",
            "primary",
            "references",
            "returning",
            "right",
            "select",
            "session_user",
            "similar",
        ),
        *(
            "some",
            "symmetric",
            "table",
            "tablesample",
            "then",
            "to",
            "trailing",
            "true",
            "union",
            "unique",
            "user",
        ),
        *("using", "variadic", "verbose", "when", "where", "window", "with"),
    }
)


def name(*words: str) -> str:
    """A dotted SQL name, each word quoted where PostgreSQL would not take it bare."""
    return ".".join(
        word if _PLAIN.fullmatch(word) and word not in _RESERVED else '"' + word.replace('"', '""') + '"'
        for word in words
    )


def literal(text: str) -> str:
    """A quoted SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def revision(upgrade: Sequence[str], downgrade: Sequence[str], *, requires: Sequence[str] = ()) -> str:
    """The part of a revision file below its header. `requires` are what it waits for, as far as it has a name yet."""
    lines = []
    if requires:
        lines += [f"requires = [{', '.join(repr(each) for each in requires)}]", "", ""]
    lines += [
        "def upgrade() -> None:",
        *_body(upgrade),
        "",
        "",
        "def downgrade() -> None:",
        *_body(downgrade),
    ]
    return "\n".join(lines)


def update(relation: str, column: str, value: str, *, where: str = "") -> str:
    """Gives a column of every row a value."""
    return " ".join(filter(None, ("UPDATE", relation, "SET", column, "=", value, where and f"WHERE {where}")))


def plain_view(view: str, relation: str) -> str:
    """A view that is nothing but another name, and can be written through."""
    return " ".join(("CREATE VIEW", view, "AS SELECT * FROM", relation))


def _body(statements: Sequence[str]) -> list[str]:
    lines = [line for each in statements for line in _execute(each)]
    # Python wants something between comments.
    return lines if any(not line.lstrip().startswith("#") for line in lines) else [*lines, "    pass"]


def _execute(statement: str) -> list[str]:
    if statement.startswith("#"):
        return [f"    {line}" for line in statement.splitlines()]
    if "\n" not in statement:
        return [f"    op.execute({_python(statement)})"]
    quote = '"""' if '"""' not in statement else "'''"
    text = statement.replace("\\", "\\\\")
    return [
        f"    op.execute({quote}",
        *(f"        {line}".rstrip() for line in text.splitlines()),
        f"    {quote})",
    ]


def _python(statement: str) -> str:
    if '"' in statement or "\\" in statement:
        return repr(statement)
    return f'"{statement}"'


def twin_trigger(
    schema: str, table: str, old: str, new: str, *, to_new: str = "", to_old: str = ""
) -> list[str]:
    """A function and a trigger that keep two columns equal, whichever of them is written.

    `to_new` and `to_old` are casts (`::text`) where their types differ. They are compared as texts: not every type has
    an operator for it.
    """
    function = name(schema, f"{table}_{new}_twin")
    one, two = name(old), name(new)
    body = f"""CREATE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.{two} IS NULL THEN
            NEW.{two} := NEW.{one}{to_new};
        ELSE
            NEW.{one} := NEW.{two}{to_old};
        END IF;
    ELSIF NEW.{two}::text IS DISTINCT FROM OLD.{two}::text THEN
        NEW.{one} := NEW.{two}{to_old};
    ELSIF NEW.{one}::text IS DISTINCT FROM OLD.{one}::text THEN
        NEW.{two} := NEW.{one}{to_new};
    END IF;
    RETURN NEW;
END
$$"""
    trigger = f"CREATE TRIGGER {name(f'{new}_twin')}\nBEFORE INSERT OR UPDATE ON {name(schema, table)}"
    return [body, f"{trigger}\nFOR EACH ROW EXECUTE FUNCTION {function}()"]


def drop_twin(schema: str, table: str, new: str) -> list[str]:
    """Takes the trigger and the function away."""
    return [
        f"DROP TRIGGER {name(f'{new}_twin')} ON {name(schema, table)}",
        f"DROP FUNCTION {name(schema, f'{table}_{new}_twin')}()",
    ]
