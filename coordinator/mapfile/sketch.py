"""The sketch: outlines of modules, tables and needs, read into the draft of a map."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.mapfile.columns import read_definition, read_definitions
from coordinator.mapfile.drafts import (
    ModuleDraft,
    ReferenceItem,
    ReferenceList,
    TableDraft,
    add_column,
    add_table,
)
from coordinator.mapfile.nearest import nearest_name
from coordinator.mapfile.quoting import read_dotted_name, read_name, split_top_level, without_emoji
from coordinator.mapfile.references import WANTED, module_reference, read_raw_references
from coordinator.mapfile.words import LABELS, SPELLINGS, Label, is_nothing, is_undecided, says_open
from coordinator.model.database_map import folded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.mapfile.drafts import MapDraft, Span
    from coordinator.mapfile.outline import Node
    from coordinator.model.names import Place

WANTED_IN_MODULE = "write 'table: NAME (columns)', 'used by: MODULE.TABLE' or 'depends on: MODULE.TABLE'"
_MODULE = re.compile(r"m[oó]dul[eo]\b\s*(?:[:：]\s*)?(?P<rest>.+)", re.IGNORECASE | re.DOTALL)
_LABEL = re.compile(r"(?P<word>[^:：]{1,40}?)\s*[:：]\s*(?P<rest>.*)", re.DOTALL)
_TABLE = re.compile(r"(?P<name>(?:\"(?:[^\"]|\"\")+\"|[^(\"])+?)\s*(?:\((?P<columns>.*)\))?\s*", re.DOTALL)
_LETTERS = {each: frozenset(folded(each)) for each in SPELLINGS}
_FACT = re.compile(r"(?P<word>\w+)\s*[:=]?\s+(?P<rest>.+)|(?P<word2>\w+)\s*[:=]\s*(?P<rest2>.+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """A labelled line: what the label means, the word itself, and what follows it."""

    label: Label
    word: str
    rest: str


def read_statement(text: str) -> Statement | None:
    """`tabela: customers` as a statement; a lone `Used by` is one with nothing behind it."""
    bare = without_emoji(text).strip()
    match = _LABEL.fullmatch(bare)
    word, rest = (match["word"], match["rest"]) if match else (bare, "")
    label = LABELS.get(folded(word.strip(" *`"))) if len(word) < 40 else None
    if label is None or (match is None and label is Label.MODULE):
        return None
    return Statement(label, word, rest.strip())


def module_name(text: str) -> tuple[str, str] | None:
    """The name in `🏠 Módulo CRM (…)`, and what follows it; None when the text begins no module."""
    match = _MODULE.fullmatch(without_emoji(text).strip())
    if match is None:
        return None
    name, remark = read_name(match["rest"])
    return (name, remark) if name else None


def has_modules(nodes: Sequence[Node]) -> bool:
    """Whether an outline describes modules, and not folders or ideas."""
    return any(module_name(each.text) or has_modules(each.children) for each in nodes)


def has_statements(nodes: Sequence[Node]) -> bool:
    """Whether some line of a list is a statement of a map, or nearly one."""
    return any(read_statement(each.text) or says_open(each.text) or near_label(each.text) for each in nodes)


def near_label(text: str) -> str | None:
    """The label that `dependecias: CRM` must have meant, or None."""
    match = _LABEL.fullmatch(without_emoji(text).strip())
    return _nearest_label(folded(match["word"])) if match else None


@functools.lru_cache(maxsize=1024)
def _nearest_label(word: str) -> str | None:
    # Words with other letters cannot come near, and comparing letters first is what makes a long text quick.
    letters = frozenset(word)
    near = [
        each for each, own in _LETTERS.items() if len(letters & own) * 5 >= max(len(letters), len(own)) * 3
    ]
    return nearest_name(word, near, cutoff=0.8) if near else None


def read_modules(draft: MapDraft, nodes: Sequence[Node]) -> None:
    """Read an outline whose upper levels are modules."""
    for node in nodes:
        if says_open(node.text):
            draft.open_lines.append((node.line, node.end))
        elif named := module_name(node.text):
            _module(draft, node, *named)
        elif node.children and has_modules(node.children):
            draft.outline_lines.append((node.line, node.end))  # a title over the modules
            read_modules(draft, node.children)
        else:
            place = draft.place(node.line, node.column)
            if not _is_title(node):
                draft.not_understood(
                    f"'{node.text}' is no module", place, "write 'Module NAME', statements below it"
                )
            else:
                draft.outline_lines.append((node.line, node.end))


def _is_title(node: Node) -> bool:
    return not node.children and node.text.rstrip("`*").endswith(".md")


def _module(draft: MapDraft, node: Node, name: str, remark: str) -> None:
    place = draft.place(node.line, node.column)
    module = draft.add_module(ModuleDraft(name=name, place=place, lines=[(node.line, node.end)]))
    draft.sketched = True
    draft.heard([without_emoji(node.text).split()[0]])
    facts = remark.strip("() ")
    for fact in split_top_level(facts) if remark.startswith("(") else ():
        match = _FACT.fullmatch(fact.strip())
        word, rest = (match["word"] or match["word2"], match["rest"] or match["rest2"]) if match else ("", "")
        label = LABELS.get(folded(word))
        if label in (Label.SCHEMA, Label.OWNER):
            read_facts(draft, module, Statement(label, word, rest), place, (node.line, node.end))
        else:
            draft.not_understood(f"'{fact.strip()}' is no fact of a module", place, "write '(schema: NAME)'")
    read_module_statements(draft, module, node.children)


def read_module_statements(draft: MapDraft, module: ModuleDraft, nodes: Sequence[Node]) -> None:
    """Read the statements below a module; what is none is reported with the label that comes near."""
    for node in nodes:
        place = draft.place(node.line, node.column)
        statement = read_statement(node.text)
        if says_open(node.text):
            draft.open_lines.append((node.line, node.end))
        elif statement is None or statement.label in (Label.MODULE, Label.COLUMNS):
            near = near_label(node.text)
            wanted = f"did you mean '{near}:'?" if near else WANTED_IN_MODULE
            draft.not_understood(f"'{node.text}' under module '{module.name}' is no statement", place, wanted)
        else:
            draft.heard([statement.word.strip(" *")])
            _statement(draft, module, statement, node)


def _statement(draft: MapDraft, module: ModuleDraft, statement: Statement, node: Node) -> None:
    place = draft.place(node.line, node.column)
    span = (node.line, node.end)
    if statement.label is Label.TABLE:
        draft.sketched = True
        if statement.rest:
            _tables(draft, module, statement.rest, node)
        for child in node.children if not statement.rest else ():
            _tables(draft, module, child.text, child)
        module.lines.extend([span] if not statement.rest else [])
    elif statement.label in (Label.USED_BY, Label.DEPENDS_ON):
        listed = ReferenceList(label=span, inline=bool(statement.rest))
        if statement.rest:
            read_references(draft, listed, statement.rest, place, span)
        for child in node.children:
            read_references(
                draft, listed, child.text, draft.place(child.line, child.column), (child.line, child.end)
            )
        (module.used_by if statement.label is Label.USED_BY else module.depends_on).append(listed)
    else:
        values = statement.rest or ", ".join(child.text for child in node.children)
        end = max((child.end for child in node.children), default=node.end)
        read_facts(draft, module, Statement(statement.label, statement.word, values), place, (node.line, end))


def read_facts(draft: MapDraft, module: ModuleDraft, statement: Statement, place: Place, span: Span) -> None:
    """A module's schemas or owner."""
    names = [read_name(each)[0] for each in split_top_level(statement.rest) if not is_nothing(each)]
    if is_undecided(statement.rest):
        draft.not_understood(f"'{statement.rest}' is no name yet", place, f"write '{statement.word}: NAME'")
    elif statement.label is Label.SCHEMA:
        module.schemas.extend(names)
        module.schema_lines.append(span)
    else:
        if len(names) > 1 or (names and module.owner):
            draft.not_understood(f"module '{module.name}' has more than one owner", place, "keep one of them")
        module.owner = module.owner or (names[0] if names else None)
        module.owner_lines.append(span)


def read_references(draft: MapDraft, listed: ReferenceList, text: str, place: Place, span: Span) -> None:
    """One line of *Used by* or *Depends on*."""
    if is_nothing(text):
        listed.items.append(ReferenceItem(references=(), span=span))
        return
    raw = None if is_undecided(text) else read_raw_references(text)
    if raw is None:
        draft.report("map-reference-form", f"'{text}' names no module", place, WANTED)
        return
    references = tuple(module_reference(each, place) for each in raw)
    listed.items.append(ReferenceItem(references=references, span=span))


def _tables(draft: MapDraft, module: ModuleDraft, text: str, node: Node) -> None:
    """`customers (id, name)`, or several of them; columns may also stand one a line below."""
    place = draft.place(node.line, node.column)
    for piece in split_top_level(text):
        match = _TABLE.fullmatch(without_emoji(piece).strip())
        if match is None or is_undecided(piece):
            draft.not_understood(f"'{piece.strip()}' names no table", place, "write 'table: NAME (columns)'")
            continue
        parts, _ = read_dotted_name(match["name"])
        *schema, table_name = parts
        table = TableDraft(
            name=table_name, schema=schema[0] if schema else None, place=place, lines=[(node.line, node.end)]
        )
        add_table(draft, module, table)
        for column in read_definitions(draft, match["columns"] or "", place, node.line):
            add_column(draft, table, column)
        _columns_below(draft, table, node.children)


def _columns_below(draft: MapDraft, table: TableDraft, nodes: Sequence[Node]) -> None:
    for node in nodes:
        place = draft.place(node.line, node.column)
        table.lines.append((node.line, node.end))
        statement = read_statement(node.text)
        if statement is not None and statement.label is Label.COLUMNS:
            for column in read_definitions(draft, statement.rest, place, node.line):
                add_column(draft, table, column)
            _columns_below(draft, table, node.children)
        elif column_draft := read_definition(draft, node.text, place, node.line):
            add_column(draft, table, column_draft)
