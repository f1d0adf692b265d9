"""An existing document brought up to date with a map, its prose kept where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.mapfile.document import finish, read_draft
from coordinator.mapfile.edits import Edits
from coordinator.mapfile.rendering import known_names, module_blocks, open_line, render_map
from coordinator.mapfile.updating_module import Update, drop_module, end_of_module, update_module
from coordinator.mapfile.words import ENGLISH, PORTUGUESE
from coordinator.model.database_map import folded

if TYPE_CHECKING:
    from coordinator.mapfile.drafts import MapDraft, Span
    from coordinator.model.database_map import DatabaseMap


def update_map(text: str, database_map: DatabaseMap) -> str:
    """The document with the facts of `database_map`, in the canonical form.

    Lines of prose, and rows and items whose facts have not changed, stay as they are; what the map no longer
    holds goes, what is new comes at the end of its part. A sketch gives way to the canonical form.
    Doing it twice changes nothing. Raises MapError when the document cannot be read as a map, except that a
    document without any module gets them at its end.
    """
    draft = read_draft(text, file=database_map.file or "database_map.md")
    if any(each.rule == "map-no-modules" for each in draft.findings):
        return _appended(text, database_map)
    before = finish(draft)
    update = Update(
        edits=Edits(lines=draft.lines, items=_item_lines(draft)),
        draft=draft,
        words=PORTUGUESE if draft.portuguese else ENGLISH,
        known_before=known_names(before),
        known=known_names(database_map),
    )
    _modules(update, database_map)
    _open(update, database_map)
    if not update.edits:
        return text
    return update.edits.apply().replace("\n", "\r\n" if "\r\n" in text else "\n")


def _item_lines(draft: MapDraft) -> set[int]:
    """The lines of every list that holds facts."""
    spans: list[Span] = []
    for module in draft.modules:
        lists = (*module.used_by, *module.depends_on)
        spans.extend((*module.schema_lines, *module.owner_lines))
        spans.extend(item.span for listed in lists for item in listed.items)
        spans.extend(listed.label for listed in lists)
    return {line for span in spans for line in range(*span)}


def _appended(text: str, database_map: DatabaseMap) -> str:
    rendered = render_map(database_map)
    if not text.strip():
        return rendered
    _, _, without_title = rendered.partition("\n\n")
    return text.rstrip("\n") + "\n\n" + without_title


def _modules(update: Update, database_map: DatabaseMap) -> None:
    wanted = {folded(each.name): each for each in database_map.modules}
    kept: set[str] = set()
    for module in update.draft.modules:
        new = wanted.get(folded(module.name))
        if module.heading is None or new is None:
            drop_module(update, module)
        else:
            kept.add(folded(module.name))
            update_module(update, module, new)
    level = next((each.level for each in update.draft.modules if each.heading is not None), 2)
    blocks = [
        block
        for each in database_map.modules
        if folded(each.name) not in kept
        for block in module_blocks(each, update.known, update.words, level=level)
    ]
    if blocks:
        update.edits.insert(_end_of_modules(update), blocks)


def _end_of_modules(update: Update) -> int:
    """Where new modules go: after the last section of a module, or where a sketch begins."""
    sections = [each for each in update.draft.modules if each.heading is not None]
    if sections:
        return end_of_module(update, sections[-1])
    outlines = [span[0] for each in update.draft.modules for span in each.lines]
    fences = [start for start, end in update.draft.fences if start < min(outlines) < end]
    return min((*outlines, *fences))


def _open(update: Update, database_map: DatabaseMap) -> None:
    edits, draft = update.edits, update.draft
    if not database_map.open:
        for span in draft.open_lines:
            edits.drop(span)
    elif not draft.open_lines:
        edits.insert(len(draft.lines), [[open_line(update.words)]])
    for span in draft.outline_lines if draft.sketched else ():
        edits.drop(span)
    for start, end in draft.fences:
        inside = range(start + 1, end - 1)
        if all(line in edits.dropped or not draft.lines[line].strip() for line in inside):
            edits.drop((start, end))
