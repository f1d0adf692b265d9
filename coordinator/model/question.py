"""What is asked of rows that are there now, about what a revision will demand of them. No SQL of the server's yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnThen:
    """A column as the revision will find it: `today` is its name now, or `fill` the value that it will have.

    `fill` is an expression of an author's, taken from the parsed statement.
    """

    name: str
    today: str | None = None
    fill: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsThen:
    """The rows of a table of today, under the names that they will have when the revision comes to them.

    `alias` is the table's name then. Without `columns` these are called as they are now. `only`: no rows of
    tables that inherit from it.
    """

    schema: str
    table: str
    alias: str
    only: bool = False
    columns: tuple[ColumnThen, ...] = ()

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def relation(self) -> tuple[str, str]:
        """Schema and name today."""
        return self.schema, self.table


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A column, or an expression over the columns; `collation` is what the author wrote behind it."""

    column: str = ""
    expression: str = ""
    collation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyRow:
    """There is a row at all."""

    rows: RowsThen


@dataclass(frozen=True, slots=True, kw_only=True)
class NullIn:
    """A row has no value in one of the columns; `exactly`: a row type whose parts are all null is a value."""

    rows: RowsThen
    columns: tuple[str, ...]
    exactly: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaking:
    """A row for which the condition is false; `strictly`: or for which nobody can say whether it is true."""

    rows: RowsThen
    condition: str
    strictly: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A row for which the condition is true."""

    rows: RowsThen
    condition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """Several rows with the same values, of those for which `where` is true."""

    rows: RowsThen
    terms: tuple[Term, ...]
    where: str = ""
    nulls_distinct: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphans:
    """A row that points at no row of the other table; without one (`parent` is None) every row that points.

    `full`: MATCH FULL, so a row with some of the values is one too.
    """

    rows: RowsThen
    columns: tuple[str, ...]
    parent: RowsThen | None
    parent_columns: tuple[str, ...]
    full: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlapping:
    """Two rows for which all the operators say yes; `operators` stand to the terms one by one."""

    rows: RowsThen
    terms: tuple[Term, ...]
    operators: tuple[tuple[str, ...], ...]
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Referenced:
    """A row of `child` that points at one of the rows (those that meet `condition`, where there is one)."""

    rows: RowsThen
    columns: tuple[str, ...]
    child: RowsThen
    child_columns: tuple[str, ...]
    condition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLong:
    """More characters than `length`, blanks at the end aside."""

    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfRange:
    """A number that, rounded, is none of those from `low` to `high`."""

    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overflows:
    """A number that, rounded to `scale` digits, has more than `precision` digits."""

    precision: int
    scale: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoInput:
    """A text that is no way of writing a value of the type (of PostgreSQL's, as it prints it)."""

    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoLabel:
    """A text that is none of an enum's labels."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailsCast:
    """The server cannot make a value of that type of it; `length`: or it has more characters than this."""

    type: str
    length: int | None = None


Test: TypeAlias = TooLong | OutOfRange | Overflows | NoInput | NoLabel | FailsCast


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """A row whose value does not pass into the new type."""

    rows: RowsThen
    term: Term
    test: Test


Question: TypeAlias = (
    AnyRow | NullIn | Breaking | Meeting | Duplicates | Orphans | Overlapping | Referenced | Unfit
)


def tables_of(question: Question) -> tuple[RowsThen, ...]:
    """The tables whose rows are read to answer."""
    others = {"parent", "child"} & set(question.__slots__)
    return (
        question.rows,
        *(found for name in sorted(others) if (found := getattr(question, name)) is not None),
    )
