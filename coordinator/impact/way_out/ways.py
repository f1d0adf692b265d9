"""The ways out, one for each kind of change: what to write in which module, and in which order. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.impact.types import same_type
from coordinator.impact.way_out.code import (
    drop_twin,
    literal,
    name,
    plain_view,
    revision,
    twin_trigger,
    update,
)
from coordinator.impact.way_out.moving import Renaming, move_readers
from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.model.impact import Stage, Verdict, WayOutStep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from coordinator.impact.branch import Branch
    from coordinator.impact.way_out.around import Around
    from coordinator.impact.world import Alteration
    from coordinator.model.impact import ChangeImpact, Consumer


def _waits(steps: Sequence[WayOutStep], own: str) -> list[str]:
    """What the last revision requires: those of other modules that move, which have no ids yet."""
    return [
        f"{each.module}:<its revision of step {number}>"
        for number, each in enumerate(steps, start=1)
        if each.code and each.module != own
    ]


def _expand(alteration: Alteration, what: str, code: str) -> WayOutStep:
    return WayOutStep(stage=Stage.EXPAND, module=alteration.key.module, what=what, code=code)


def _first(alteration: Alteration) -> str:
    return f"{alteration.key.module}:<its revision of step 1>"


def drop(a: Alteration, impact: ChangeImpact, branch: Branch, around: Around) -> list[WayOutStep]:
    """Nothing to expand: readers move away first, then this revision may come."""
    moves = move_readers(impact, f"stop using {a.object}", around)
    waits = _waits(moves, a.key.module)
    told = f"{a.key} as it is, once nobody uses it"
    code = f"requires = [{', '.join(repr(each) for each in waits)}]" if waits else ""
    return [*moves, WayOutStep(stage=Stage.CONTRACT, module=a.key.module, what=told, code=code)]


def rename_column(a: Alteration, impact: ChangeImpact, branch: Branch, around: Around) -> list[WayOutStep]:
    """Both names side by side, kept equal by a trigger, until nobody asks for the old one."""
    assert a.effect is not None
    assert a.effect.to is not None
    schema, table, old, new = a.object.schema, a.object.name, a.object.part, a.effect.to.part
    relation, kind = name(schema, table), _type(branch, a.object)
    return _side_by_side(
        a, impact, branch, around,
        old=old,
        new=new,
        kind=kind,
        fill=[update(relation, name(new), name(old))],
        casts=("", ""),
        back=f"ALTER TABLE {relation} ADD COLUMN {name(old)} {kind}",
        moves=lambda each: each.verdict is not Verdict.SAFE or each.kind.in_database,
    )  # fmt: skip


def retype(a: Alteration, impact: ChangeImpact, branch: Branch, around: Around) -> list[WayOutStep]:
    """A column of the new type beside the old one, under a name of its own."""
    assert a.effect is not None
    schema, table, old = a.object.schema, a.object.name, a.object.part
    before = a.before.type if a.before and a.before.type else "<the old type>"
    after = a.after.type if a.after and a.after.type else "<the new type>"
    new = f"{old}_{after.split('(')[0].rpartition('.')[2].replace(' ', '_').replace('[]', 's')}"
    relation = name(schema, table)
    using = ["# what USING says belongs here, and into the trigger, where it is more than a cast"]
    return _side_by_side(
        a, impact, branch, around,
        old=old,
        new=new,
        kind=after,
        fill=[*(using if a.effect.overwrites else []), update(relation, name(new), f"{name(old)}::{after}")],
        casts=(f"::{after}", f"::{before}"),
        back=f"ALTER TABLE {relation} ADD COLUMN {name(old)} {before}",
        moves=lambda each: True,
    )  # fmt: skip


def _side_by_side(
    a: Alteration,
    impact: ChangeImpact,
    branch: Branch,
    around: Around,
    *,
    old: str,
    new: str,
    kind: str,
    fill: list[str],
    casts: tuple[str, str],
    back: str,
    moves: Callable[[Consumer], bool],
) -> list[WayOutStep]:
    schema, table = a.object.schema, a.object.name
    relation = name(schema, table)
    shape = branch.start.column(a.object)
    mandatory = shape is not None and shape.mandatory
    bound = [f"# make for {new} too: {each}" for each in around.bound_to(a.object)]
    filled = [f"# give {new} the default of {old}"] if shape is not None and shape.filled else []
    twin = twin_trigger(schema, table, old, new, to_new=casts[0], to_old=casts[1])
    add = f"ALTER TABLE {relation} ADD COLUMN {name(new)} {kind}"
    expand = _expand(
        a,
        f"add {new} beside {old}; a trigger keeps both equal",
        revision(
            [add, *fill, *bound, *twin],
            [*drop_twin(schema, table, new), f"ALTER TABLE {relation} DROP COLUMN {name(new)}"],
        ),
    )
    moving = move_readers(
        impact,
        f"use {new} in the place of {old}",
        around,
        renaming=Renaming(old=old, new=new, column=a.object),
        expand=_first(a),
        moves=moves,
    )
    contract = WayOutStep(
        stage=Stage.CONTRACT,
        module=a.key.module,
        what=f"drop {old} once nobody uses it",
        code=revision(
            [
                *filled,
                *([_set_not_null(relation, new)] if mandatory else []),
                *drop_twin(schema, table, new),
                f"ALTER TABLE {relation} DROP COLUMN {name(old)}",
            ],
            [
                back,
                update(relation, name(old), f"{name(new)}{casts[1]}"),
                *([_set_not_null(relation, old), _drop_not_null(relation, new)] if mandatory else []),
                *twin,
            ],
            requires=_waits([expand, *moving], a.key.module),
        ),
    )
    return [expand, *moving, contract]


def rename_relation(a: Alteration, impact: ChangeImpact, branch: Branch, around: Around) -> list[WayOutStep]:
    """A view keeps the old name; as plain as it is it can be written through, too."""
    assert a.effect is not None
    assert a.effect.to is not None
    old, new = name(a.object.schema, a.object.name), name(a.effect.to.schema, a.effect.to.name)
    there, back = _renaming(a.object, a.effect.to), _renaming(a.effect.to, a.object)
    expand = _expand(
        a,
        f"give the table its new name, and the old one to a view of it; grant on {old} what was granted before",
        revision([*there, plain_view(old, new)], [f"DROP VIEW {old}", *back]),
    )
    moves = move_readers(
        impact, f"ask for {new}", around, renaming=Renaming(old=old, new=new), expand=_first(a)
    )
    contract = WayOutStep(
        stage=Stage.CONTRACT,
        module=a.key.module,
        what=f"drop the view {old} once nobody uses it",
        code=revision(
            [f"DROP VIEW {old}"],
            [plain_view(old, new)],
            requires=_waits([expand, *moves], a.key.module),
        ),
    )
    return [expand, *moves, contract]


def _renaming(old: ObjectName, new: ObjectName) -> list[str]:
    found = []
    if old.schema != new.schema:
        found.append(f"ALTER TABLE {name(old.schema, old.name)} SET SCHEMA {name(new.schema)}")
    if old.name != new.name:
        found.append(f"ALTER TABLE {name(new.schema, old.name)} RENAME TO {name(new.name)}")
    return found


def rename_label(a: Alteration, impact: ChangeImpact, branch: Branch, around: Around) -> list[WayOutStep]:
    """The new value beside the old one; rows move when everybody knows both."""
    assert a.effect is not None
    assert a.effect.to is not None
    enum, old, new = name(a.object.schema, a.object.name), a.object.part, a.effect.to.part
    expand = _expand(
        a,
        f"add the value {new!r} beside {old!r}",
        'irreversible = "an enum value cannot be taken away"\n\n\n'
        + revision([f"ALTER TYPE {enum} ADD VALUE {literal(new)}"], []),
    )
    moves = move_readers(impact, f"know {new!r} as well as {old!r}", around, expand=_first(a))
    updates = [
        update(name(schema, table), name(column), literal(new), where=f"{name(column)} = {literal(old)}")
        for schema, table, column in _columns_of(branch, a.object)
    ]
    contract = WayOutStep(
        stage=Stage.CONTRACT,
        module=a.key.module,
        what=f"let rows have {new!r}; {old!r} stays in the type, unused",
        code=revision(
            updates or ["# no column of this type is known"],
            ["# rows cannot be told apart any more"],
            requires=_waits([expand, *moves], a.key.module),
        ),
    )
    return [expand, *moves, contract]


def _columns_of(branch: Branch, enum: ObjectName) -> list[tuple[str, str, str]]:
    return [
        (schema, table, column)
        for (schema, table), columns in sorted(branch.start.columns.items())
        for column, shape in columns.items()
        if shape.type
        and same_type(shape.type, f"{enum.schema}.{enum.name}")
        and (schema, table) not in branch.start.views
    ]


def tighten(a: Alteration, impact: ChangeImpact, branch: Branch, around: Around) -> list[WayOutStep]:
    """Optional first; writers give the value; then what was missing is filled, and only then it is mandatory."""
    assert a.effect is not None
    relation = name(a.object.schema, a.object.name)
    steps: list[WayOutStep] = []
    columns = a.effect.columns or ()
    fresh = [each for each in columns if branch.start.column(_column(a.object, each)) is None]
    if fresh:
        added = [
            f"ALTER TABLE {relation} ADD COLUMN {name(each)} {_type_after(branch, _column(a.object, each))}"
            for each in fresh
        ]
        gone = [f"ALTER TABLE {relation} DROP COLUMN {name(each)}" for each in fresh]
        steps.append(_expand(a, f"add {', '.join(fresh)} without NOT NULL", revision(added, gone)))
    given = ", ".join(columns) or "what is asked for"
    steps += move_readers(
        impact, f"give {given} a value in every row", around, expand=_first(a) if fresh else ""
    )
    upgrade, downgrade = [], []
    for each in columns:
        check = name(f"{a.object.name}_{each}_given")
        upgrade += [
            "# " + update(relation, name(each), "<a value>", where=f"{name(each)} IS NULL"),
            f"ALTER TABLE {relation} ADD CONSTRAINT {check} CHECK ({name(each)} IS NOT NULL) NOT VALID",
            f"ALTER TABLE {relation} VALIDATE CONSTRAINT {check}",
            _set_not_null(relation, each),
            f"ALTER TABLE {relation} DROP CONSTRAINT {check}",
        ]
        downgrade.append(_drop_not_null(relation, each))
    contract = WayOutStep(
        stage=Stage.CONTRACT,
        module=a.key.module,
        what=f"make {given} mandatory once every writer gives it",
        code=revision(upgrade, downgrade, requires=_waits(steps, a.key.module)),
    )
    return [*steps, contract]


def drop_default(a: Alteration, impact: ChangeImpact, branch: Branch, around: Around) -> list[WayOutStep]:
    """Writers give the value first, then the default may go."""
    moves = move_readers(impact, f"give {a.object.part} a value in every row", around)
    told = f"{a.key} as it is, once every writer gives {a.object.part}"
    waits = _waits(moves, a.key.module)
    code = f"requires = [{', '.join(repr(each) for each in waits)}]" if waits else ""
    return [*moves, WayOutStep(stage=Stage.CONTRACT, module=a.key.module, what=told, code=code)]


def _set_not_null(relation: str, column: str) -> str:
    return f"ALTER TABLE {relation} ALTER COLUMN {name(column)} SET NOT NULL"


def _drop_not_null(relation: str, column: str) -> str:
    return f"ALTER TABLE {relation} ALTER COLUMN {name(column)} DROP NOT NULL"


def _column(relation: ObjectName, column: str) -> ObjectName:
    return ObjectName(ObjectKind.COLUMN, relation.schema, relation.name, column)


def _type(branch: Branch, column: ObjectName) -> str:
    shape = branch.start.column(column)
    return shape.type if shape is not None and shape.type else "<its type>"


def _type_after(branch: Branch, column: ObjectName) -> str:
    shape = branch.final.column(column)
    return shape.type if shape is not None and shape.type else "<its type>"
