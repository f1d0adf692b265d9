"""What one function holds by its body: names resolved, `SELECT *` told apart, writes with their columns. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.model.effect import Holding, LastingUse, ObjectKind, ObjectName, Verb
from coordinator.sql.bodies import read_body
from coordinator.sql.calls import given_to

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from coordinator.model.effect import Effect
    from coordinator.model.known_objects import Key, KnownObjects
    from coordinator.sql.bodies import Body

# Stands for what a function may use besides: nobody can tell from its text.
ANYTHING = ObjectName(ObjectKind.FUNCTION, "", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function by its body; `path` are the schemas in which its unqualified names are looked for."""

    name: ObjectName
    body: Body
    path: tuple[str, ...]

    def uses(self, known: KnownObjects, fired_by: Sequence[Key] = ()) -> tuple[LastingUse, ...]:
        """Its lasting uses of what is known; `fired_by` are the tables (schema, name) of the triggers that call it.

        A use of `ANYTHING` says that there may be more: it runs dynamic SQL, or cannot be read.
        """
        return _uses(self.name, self.body, known, self.path, fired_by)


def read_function(schema: str, name: str, definition: str, path: Sequence[str]) -> Function:
    """The function `schema.name`, whose CREATE FUNCTION is `definition`."""
    return Function(
        name=ObjectName(ObjectKind.FUNCTION, schema, name), body=read_body(definition), path=tuple(path)
    )


def _uses(
    holder: ObjectName, body: Body, known: KnownObjects, path: Sequence[str], fired_by: Sequence[Key]
) -> tuple[LastingUse, ...]:
    given = given_to(body.calls, known, path)
    found: dict[LastingUse, None] = {}
    for effect in known.resolved(body.effects, path):
        for each in _of_effect(holder, effect, body.holding, known, given):
            forces = body.forces(each.used, known, path) if each.writes else ()
            found[replace(each, forces=forces)] = None
    for each in _of_inserts(holder, body, known, path):
        found[each] = None
    for table in fired_by:
        relation = ObjectName(ObjectKind.RELATION, *table)
        for column in body.row_fields:
            used = ObjectName(ObjectKind.COLUMN, *table, column)
            found[LastingUse(holder=holder, used=used, holding=Holding.LATE)] = None
        found[LastingUse(holder=holder, used=relation, holding=Holding.FIRM)] = None
    if body.unknown:
        found[LastingUse(holder=holder, used=ANYTHING, holding=Holding.LATE)] = None
    return tuple(each for each in found if each.used != holder)


def _of_effect(
    holder: ObjectName,
    effect: Effect,
    holding: Holding,
    known: KnownObjects,
    given: Mapping[ObjectName, tuple[tuple[str, ...] | None, ...]],
) -> Iterator[LastingUse]:
    used = effect.object
    if effect.verb is Verb.WRITE:
        yield LastingUse(holder=holder, used=used, holding=holding, writes=True, columns=effect.columns)
        return
    if effect.every:
        yield LastingUse(holder=holder, used=used, holding=holding, every=True)
        return
    if used.kind is ObjectKind.FUNCTION and (used.schema, used.name) not in known.functions:
        return  # PostgreSQL's own, or an extension's
    for arguments in given.get(used, (None,)):
        yield LastingUse(
            holder=holder, used=used, holding=holding, others=effect.alternatives, arguments=arguments
        )


def _of_inserts(
    holder: ObjectName, body: Body, known: KnownObjects, path: Sequence[str]
) -> Iterator[LastingUse]:
    for each in body.inserts:
        relation = known.home(each.relation, path)
        if relation is None:
            continue
        columns = each.columns
        if columns is None and each.width is not None:
            columns = tuple(column.part for column in known.all_columns(relation)[: each.width]) or None
        yield LastingUse(
            holder=holder,
            used=relation,
            holding=body.holding,
            writes=True,
            inserts=True,
            columns=columns,
            every=each.columns is None,
            conflict=each.conflict,
            forces=each.forces(columns),
        )
