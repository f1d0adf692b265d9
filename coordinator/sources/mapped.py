"""SQLAlchemy's classes and tables over all files, and the code that uses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.model.impact import ConsumerKind, Consumption, Usage
from coordinator.model.known_objects import BARE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from coordinator.model.known_objects import Key, KnownObjects
    from coordinator.sources.python_code import Model, PythonCode, Touch
    from coordinator.sources.walk import SourceFile


@dataclass(frozen=True, slots=True)
class MappedTable:
    """One class or `Table`, the relation that it stands for, and the file that it is written in."""

    model: Model
    relation: ObjectName
    file: SourceFile
    columns: Mapping[str, str]  # attribute -> column, those of its bases too

    def column(self, attribute: str) -> ObjectName | None:
        """The column behind an attribute."""
        name = self.columns.get(attribute)
        return None if name is None else _column(self.relation, name)


@dataclass(frozen=True, slots=True)
class Mapped:
    """Everything mapped that was found, by the name of the class or variable."""

    by_name: Mapping[str, tuple[MappedTable, ...]]
    known: KnownObjects
    paths: Mapping[str, tuple[str, ...]]

    @property
    def classes(self) -> dict[Key, frozenset[str]]:
        """The names under which each relation is known in code."""
        found: dict[Key, set[str]] = {}
        for name, tables in self.by_name.items():
            for each in tables:
                found.setdefault((each.relation.schema, each.relation.name), set()).add(name)
        return {key: frozenset(names) for key, names in found.items()}

    def names_for(self, relations: Iterable[Key]) -> tuple[bytes, ...]:
        """The names of classes that stand for one of these relations."""
        classes = self.classes
        return tuple(sorted(name.encode() for key in relations for name in classes.get(key, frozenset())))

    def consumptions(self, file: SourceFile, code: PythonCode) -> Iterator[Consumption]:
        """What the file's own classes map, and what its code does with classes, its own or imported."""
        for tables in self.by_name.values():
            for each in tables:
                if each.file == file:
                    yield from _of_model(each)
        path = self.paths[file.module]
        for target, line, scope in code.keys:
            used = self._target(target, path)
            if used is not None:
                yield _consumption(file, scope or "ForeignKey", line, (Usage(object=used, computed=False),))
        for touch in code.touches:
            table = self._meant(touch.name, file, code)
            if table is not None and (usages := _of_touch(touch, table)):
                yield _consumption(file, touch.scope or touch.name, touch.line, usages)

    def _target(self, text: str, path: tuple[str, ...]) -> ObjectName | None:
        """The column that ForeignKey("schema.table.column") means."""
        words = text.split(".")
        if len(words) not in (2, 3):
            return None
        schema = words[0] if len(words) == 3 else BARE
        relation = self.known.home(ObjectName(ObjectKind.RELATION, schema, words[-2]), path)
        return None if relation is None else _column(relation, words[-1])

    def _meant(self, name: str, file: SourceFile, code: PythonCode) -> MappedTable | None:
        """The class or table that a name means in that file: its own, or the imported one."""
        own = next((each for each in self.by_name.get(name, ()) if each.file == file), None)
        if own is not None:
            return own
        if name not in code.imports:
            return None
        module, there = code.imports[name]
        found = self.by_name.get(there, ())
        tail = module.replace(".", "/")
        best = [each for each in found if _stands_for(each.file.path, tail)]
        if best or not found:
            return best[0] if best else None
        # Through a package that hands it on: clear when there is one such class, or one in the same module.
        near = [each for each in found if each.file.module == file.module]
        return found[0] if len(found) == 1 else (near[0] if len(near) == 1 else None)


def _stands_for(path: str, tail: str) -> bool:
    return path.endswith((f"/{tail}.py", f"/{tail}/__init__.py"))


def mapped_in(
    files: Iterable[tuple[SourceFile, PythonCode]],
    known: KnownObjects,
    paths: Mapping[str, tuple[str, ...]],
) -> Mapped:
    """Every class and table of these files that stands for a known relation."""
    read = tuple(files)
    mixins: dict[str, Mapping[str, tuple[str, int]]] = {}
    for _, code in read:
        mixins.update(code.mixins)
    found: dict[str, list[MappedTable]] = {}
    for file, code in read:
        for model in code.models:
            named = ObjectName(ObjectKind.RELATION, model.schema or BARE, model.table)
            relation = known.home(named, paths[file.module])
            if relation is None:
                continue
            columns = {
                name: column for base in model.bases for name, (column, _) in mixins.get(base, {}).items()
            }
            columns |= {name: column for name, (column, _) in model.columns.items()}
            found.setdefault(model.name, []).append(MappedTable(model, relation, file, columns))
    return Mapped({name: tuple(tables) for name, tables in found.items()}, known, paths)


def _of_model(table: MappedTable) -> Iterator[Consumption]:
    model = table.model
    yield _consumption(table.file, model.name, model.line, (Usage(object=table.relation, computed=False),))
    for attribute, (column, line) in model.columns.items():
        used = Usage(object=_column(table.relation, column), computed=False)
        yield _consumption(table.file, f"{model.name}.{attribute}", line, (used,))


def _of_touch(touch: Touch, table: MappedTable) -> tuple[Usage, ...]:
    if touch.attribute is not None:
        column = table.column(touch.attribute)
        return () if column is None else (Usage(object=column),)
    if not (touch.writes or touch.inserts) or (table.model.is_table and touch.given == ()):
        return ()
    given = [column for name in touch.given or () if (column := table.column(name)) is not None]
    # What a class maps may be given later, or by a default of its own.
    columns = tuple(dict.fromkeys(table.columns.values())) if touch.inserts else tuple(c.part for c in given)
    wrote = Usage(
        object=table.relation,
        writes=True,
        inserts=touch.inserts,
        columns=columns if touch.inserts or touch.given is not None else None,
        forces=tuple(each.part for each in given),
    )
    return (wrote, *(Usage(object=each, computed=False) for each in given))


def _column(relation: ObjectName, name: str) -> ObjectName:
    return ObjectName(ObjectKind.COLUMN, relation.schema, relation.name, name)


def _consumption(file: SourceFile, name: str, line: int, usages: tuple[Usage, ...]) -> Consumption:
    return Consumption(
        kind=ConsumerKind.CODE,
        name=name,
        module=file.module,
        place=f"{file.path}:{line}",
        usages=usages,
        file=file.path,
    )
