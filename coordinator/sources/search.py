"""Looks through the modules' own code for what uses certain objects: exactly where it can be parsed, else by words."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.model.impact import ConsumerKind, Consumption, Evidence, Usage
from coordinator.sources.mapped import Mapped, mapped_in
from coordinator.sources.python_code import read_python
from coordinator.sources.texts import HOLE, script_statements, statements
from coordinator.sources.usages import compared_in, usages_of
from coordinator.sources.walk import PYTHON, SQL, LeftOut, SourceFile, read_source, source_files
from coordinator.sources.words import near_tables, near_uses, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from coordinator.model.known_objects import KnownObjects
    from coordinator.model.module import Module
    from coordinator.sources.python_code import PythonCode
    from coordinator.sources.texts import Statement
    from coordinator.sources.wanted import Wanted

_SAME_PLACE = 10  # lines around an exact use in which words tell nothing new


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found, by file and line; `not_read` are sentences about what was left out. `files` is how many were."""

    consumptions: tuple[Consumption, ...]
    not_read: tuple[str, ...] = ()
    files: int = 0


@dataclass(slots=True)
class _Search:
    wanted: Wanted
    known: KnownObjects
    paths: Mapping[str, tuple[str, ...]]  # module -> its schemas
    left_out: LeftOut = field(default_factory=LeftOut)
    found: list[Consumption] = field(default_factory=list)
    unparsed: int = 0


def search_sources(modules: Sequence[Module], wanted: Wanted, known: KnownObjects) -> Found:
    """Every use of the wanted objects in the `sources` of these modules.

    `known` tells which relation an unqualified name means: the module's own schemas first, then the only one that has
    it. A file is parsed only when it holds one of the names, or a class that stands for one of the tables.
    """
    search = _Search(wanted, known, {each.name: each.schemas for each in modules})
    read: list[tuple[SourceFile, PythonCode]] = []
    texts: list[tuple[SourceFile, bytes]] = []
    silent: list[SourceFile] = []
    count = 0
    for file in source_files(modules, search.left_out):
        count += 1
        content = read_source(file, search.left_out)
        if content is None:
            continue
        if not _holds(content, wanted.names):
            if file.kind in PYTHON:
                silent.append(file)
        elif file.kind in PYTHON:
            _parse(search, file, content, read)
        else:
            texts.append((file, content))
    mapped = mapped_in(((file, code) for file, code in read), known, search.paths)
    names = mapped.names_for(wanted.relations)
    for file in silent if names else ():
        content = read_source(file, LeftOut())
        if content is not None and _holds(content, names, fold=False):
            _parse(search, file, content, read)
    for file, code in read:
        _python(search, file, code, mapped)
    for file, content in texts:
        _text(search, file, content.decode("utf-8-sig", "replace"), mapped)
    if search.unparsed:
        search.left_out.counts[
            "parts of .sql files are no SQL that can be parsed; there only words count"
        ] += search.unparsed
    return Found(
        consumptions=tuple(dict.fromkeys(search.found)), not_read=search.left_out.sentences(), files=count
    )


def _holds(content: bytes, names: Iterable[bytes], *, fold: bool = True) -> bool:
    text = content.lower() if fold else content
    return any(name in text for name in names)


def _parse(
    search: _Search, file: SourceFile, content: bytes, read: list[tuple[SourceFile, PythonCode]]
) -> None:
    code = read_python(content)
    if code is None:
        search.left_out.counts["they are no Python that can be parsed here"] += 1
    else:
        read.append((file, code))


def _python(search: _Search, file: SourceFile, code: PythonCode, mapped: Mapped) -> None:
    exact: list[Consumption] = []
    in_part: list[Consumption] = []  # a part of them is put in when the program runs: columns, perhaps
    for text in code.texts:
        found = statements(text.text)
        if found is None:
            continue
        some = _statements(search, file, text.scope, found, text.text, text.line_of)
        (in_part if HOLE in text.text else exact).extend(some)
    exact.extend(
        each for each in mapped.consumptions(file, code) if any(map(search.wanted.concerns, each.usages))
    )
    search.found.extend((*exact, *in_part))
    words = {word.lower(): lines for word, lines in code.words.items()}
    _by_words(search, file, words, exact, mapped, in_part=in_part)


def _text(search: _Search, file: SourceFile, text: str, mapped: Mapped) -> None:
    exact: list[Consumption] = []
    if file.kind in SQL:
        found, failed = script_statements(text)
        ends = [found.start() for found in re.finditer("\n", text)]
        exact.extend(_statements(search, file, "", found, text, lambda place: bisect_left(ends, place) + 1))
        search.found.extend(exact)
        search.unparsed += failed
        if not failed:
            return
    _by_words(search, file, words_of(text), exact, mapped)


def _statements(
    search: _Search,
    file: SourceFile,
    scope: str,
    found: Iterable[Statement],
    text: str,
    line_of: Callable[[int], int],
) -> list[Consumption]:
    path = search.paths[file.module]
    folded = text.lower()
    consumptions = []
    for each in found:
        usages = usages_of(each.body, search.known, path)
        if not any(map(search.wanted.concerns, usages)):
            continue
        consumptions.append(
            Consumption(
                kind=ConsumerKind.CODE,
                name=scope or each.sql.split(None, 1)[0].upper(),
                module=file.module,
                place=f"{file.path}:{line_of(_named_at(search.wanted, usages, folded, each))}",
                usages=usages,
                constants=each.body.constants,
                compared=compared_in(each.body, search.known, path),
                file=file.path,
            )
        )
    return consumptions


def _named_at(wanted: Wanted, usages: Iterable[Usage], folded: str, statement: Statement) -> int:
    """Where the statement first names a wanted column that it uses, else a wanted object; `folded` is the whole text."""
    used = {usage.object for usage in usages}
    names = [each.part for each in wanted.columns if each in used]
    names += [name for schema, name in sorted(wanted.relations)] + [each.name for each in wanted.others]
    for name in names:
        place = folded.find(name.lower(), statement.offset, statement.end)
        if place >= 0:
            return place
    own = folded[statement.offset : statement.end]
    return statement.offset + len(own) - len(own.lstrip())


def _by_words(
    search: _Search,
    file: SourceFile,
    words: Mapping[str, Sequence[int]],
    exact: Sequence[Consumption],
    mapped: Mapped,
    *,
    in_part: Sequence[Consumption] = (),
) -> None:
    """Names near each other, where nothing exact is known: of what is `in_part`, only of the objects that it names."""
    classes = mapped.classes
    near = list(near_uses(words, search.wanted, classes))
    near += [
        (ObjectName(ObjectKind.RELATION, *key), line)
        for key, line in near_tables(words, search.wanted, classes)
    ]
    told = [_line_of(each) for each in exact]
    named = [(usage.object, _line_of(each)) for each in in_part for usage in each.usages]
    last: dict[ObjectName, int] = {}
    for used, line in near:
        if any(abs(line - other) <= _SAME_PLACE for other in told):
            continue
        if any(used == other and abs(line - there) <= _SAME_PLACE for other, there in named):
            continue
        if line - last.get(used, -_SAME_PLACE) < _SAME_PLACE:
            continue
        last[used] = line
        search.found.append(
            Consumption(
                kind=ConsumerKind.CODE,
                name=str(used),
                module=file.module,
                place=f"{file.path}:{line}",
                usages=(Usage(object=used),),
                evidence=Evidence.NAME,
                file=file.path,
            )
        )


def _line_of(consumption: Consumption) -> int:
    return int(consumption.place.rpartition(":")[2])
