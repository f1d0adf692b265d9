"""The words of a map in English and Portuguese: labels, heads of columns, yes and no."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from coordinator.model.database_map import folded


class Label(enum.Enum):
    """What stands before a colon, or over a list."""

    MODULE = enum.auto()
    TABLE = enum.auto()
    COLUMNS = enum.auto()
    SCHEMA = enum.auto()
    OWNER = enum.auto()
    USED_BY = enum.auto()
    DEPENDS_ON = enum.auto()


class Head(enum.Enum):
    """What a column of a table of columns holds."""

    NAME = enum.auto()
    TYPE = enum.auto()
    REFERENCES = enum.auto()
    NULLABLE = enum.auto()
    REQUIRED = enum.auto()
    PERSONAL = enum.auto()
    NOTES = enum.auto()
    EXTRA = enum.auto()  # known, but no fact of its own: kept in the notes


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The words that are written into a map of one language."""

    title: str
    module: str
    schema: str
    owner: str
    used_by: str
    depends_on: str
    heads: dict[Head, str]
    yes: str
    no: str
    open: str


ENGLISH = Vocabulary(
    title="Database map",
    module="Module",
    schema="Schema",
    owner="Owner",
    used_by="Used by",
    depends_on="Depends on",
    heads={
        Head.NAME: "Column",
        Head.TYPE: "Type",
        Head.NULLABLE: "Nullable",
        Head.REFERENCES: "References",
        Head.PERSONAL: "Personal data",
        Head.NOTES: "Notes",
    },
    yes="yes",
    no="no",
    open="[other modules...]",
)
PORTUGUESE = Vocabulary(
    title="Mapa do banco de dados",
    module="Módulo",
    schema="Schema",
    owner="Dono",
    used_by="Usado por",
    depends_on="Depende de",
    heads={
        Head.NAME: "Coluna",
        Head.TYPE: "Tipo",
        Head.NULLABLE: "Nulo",
        Head.REFERENCES: "Referências",
        Head.PERSONAL: "Dado pessoal",
        Head.NOTES: "Notas",
    },
    yes="sim",
    no="não",
    open="[outros módulos...]",
)

_LABELS = {
    Label.MODULE: "module|módulo",
    Label.TABLE: "table|tables|tabela|tabelas",
    Label.COLUMNS: "columns|column|colunas|campos|fields",
    Label.SCHEMA: "schema|schemas|esquema|esquemas",
    Label.OWNER: "owner|owned by|dono|dona|proprietário|papel",
    Label.USED_BY: "used by|consumers|consumed by|usado por|usada por|utilizado por|consumido por|consumidores",
    Label.DEPENDS_ON: (
        "depends on|dependencies|dependency|needs|depende de|depende|dependências|dependência|precisa de"
    ),
}
_HEADS = {
    Head.NAME: "campo|campos|coluna|colunas|column|columns|column name|name|nome|field|atributo|attribute",
    Head.TYPE: "tipo|type|data type|tipo de dado|tipo de dados",
    Head.REFERENCES: "references|reference|referências|referência|ref|fk|foreign key|chave estrangeira|parents",
    Head.NULLABLE: "nullable|null|nulo|nulável|aceita nulo|permite nulo",
    Head.REQUIRED: "required|not null|obrigatório|obrigatória|mandatory",
    Head.PERSONAL: "personal data|personal|pii|dado pessoal|dados pessoais|pessoal|lgpd|gdpr",
    Head.NOTES: (
        "notes|note|notas|nota|observação|observações|obs|descrição|description|comment|comments|comentário|remarks"
    ),
    Head.EXTRA: "key|chave|pk|primary key|chave primária|default|padrão|unique|único|index|índice|constraints",
}
LABELS: dict[str, Label] = {
    folded(word): label for label, words in _LABELS.items() for word in words.split("|")
}
HEADS: dict[str, Head] = {folded(word): head for head, words in _HEADS.items() for word in words.split("|")}
SPELLINGS = tuple(
    word
    for label, words in _LABELS.items()
    for word in words.split("|")
    if label not in (Label.MODULE, Label.COLUMNS)
)

_PORTUGUESE = (
    "módulo|tabela|tabelas|colunas|campos|campo|coluna|nome|tipo|esquema|esquemas|dono|dona|proprietário|papel|"
    "usado por|usada por|utilizado por|consumido por|consumidores|depende de|depende|dependências|dependência|"
    "precisa de|referências|referência|nulo|obrigatório|dado pessoal|notas|observação|descrição"
)
_PORTUGUESE_ONLY = frozenset(folded(word) for word in _PORTUGUESE.split("|"))
_YES = frozenset({"yes", "y", "true", "sim", "s", "x", "✅", "✓", "✔", "☑", "🔑", "🔒"})
_NO = frozenset({"no", "n", "false", "nao", "—", "–", "", "✗", "✘", "❌", "✖"})
# Compared as they stand, not folded: `_` is a name, and folding would make `_ — _` a dash.
_NOTHING = frozenset({"", "-", "—", "–", "none", "nothing", "nenhum", "nenhuma", "nada", "n/a", "na"})
_UNDECIDED = frozenset({"tbd", "por definir", "a definir", "to be defined", "...", "…", "?"})
_OPEN = re.compile(r"\[\s*(?:outros|outras|demais|other|more)\b.*\]|\[\s*(?:\.\.\.|…)\s*\]", re.IGNORECASE)


def is_portuguese(word: str) -> bool:
    """Whether the word occurs in Portuguese maps only."""
    return folded(word) in _PORTUGUESE_ONLY


def read_yes_or_no(text: str) -> bool | None:
    """True, False, or None when it is neither."""
    word = folded(text.replace("\ufe0f", "").strip())
    if word in _YES:
        return True
    return False if word in _NO or text.strip() == "-" else None


def is_nothing(text: str) -> bool:
    """Whether a list says that it is empty (`none`, `nenhum`, a dash)."""
    return text.strip().casefold() in _NOTHING


def is_undecided(text: str) -> bool:
    """Whether the author has left the decision for later (`por definir`, `TBD`)."""
    return text.strip().casefold() in _UNDECIDED


def says_open(text: str) -> bool:
    """Whether this is `[other modules...]`, in either language."""
    return _OPEN.fullmatch(text.strip()) is not None
