"""What a revision's two functions do to which objects, as JSON for the ledger and back again, exactly."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from coordinator.model.capture import Direction
from coordinator.model.change import ChangeType, DatabaseChange
from coordinator.model.effect import Effect, Holding, ObjectKind, ObjectName, RevisionEffects, Verb

if TYPE_CHECKING:
    from coordinator.model.names import RevisionKey

# Of this layout. A reader that does not know the number takes the effects for unknown.
_FORM: Final = 1
_FLAGS: Final = tuple(each.name for each in fields(Effect) if each.default is False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEffects:
    """Both directions of one revision; None: not known."""

    upgrade: RevisionEffects | None = None
    downgrade: RevisionEffects | None = None


def effects_text(known: KnownEffects) -> str | None:
    """The effects as one JSON text; None when neither direction is known."""
    if known.upgrade is None and known.downgrade is None:
        return None
    document: dict[str, Any] = {"form": _FORM}
    for direction, effects in ((Direction.UPGRADE, known.upgrade), (Direction.DOWNGRADE, known.downgrade)):
        if effects is not None:
            document[direction.value] = _of_revision(effects)
    return json.dumps(_storable(document), separators=(",", ":"))


def effects_from_text(text: str | None, key: RevisionKey) -> KnownEffects:
    """The effects of the revision `key`; not known when there are none, or when a newer program wrote them."""
    document = json.loads(text) if text else None
    if not isinstance(document, dict) or document.get("form") != _FORM:
        return KnownEffects()
    try:
        found = {
            each: _revision(document[each.value], key, each) for each in Direction if each.value in document
        }
    except (KeyError, TypeError, ValueError):  # a word that a newer program added without a new form
        return KnownEffects()
    return KnownEffects(upgrade=found.get(Direction.UPGRADE), downgrade=found.get(Direction.DOWNGRADE))


def _of_revision(effects: RevisionEffects) -> dict[str, Any]:
    return {
        "effects": [_of_effect(each) for each in effects.effects],
        "changes": [_of_change(each) for each in effects.changes],
        "unknown": list(effects.unknown),
        "alone": list(effects.alone),
        "labels": [_of_name(each) for each in effects.added_labels],
        **({"temporary": True} if effects.temporary else {}),
    }


def _revision(value: dict[str, Any], key: RevisionKey, direction: Direction) -> RevisionEffects:
    return RevisionEffects(
        key=key,
        direction=direction,
        effects=tuple(_effect(each) for each in value["effects"]),
        changes=tuple(_change(each) for each in value["changes"]),
        unknown=tuple(value["unknown"]),
        alone=tuple(value["alone"]),
        added_labels=tuple(_name(each) for each in value["labels"]),
        temporary=value.get("temporary", False),
    )


def _of_name(name: ObjectName) -> list[str]:
    return [name.kind.value, name.schema, name.name, name.part]


def _name(value: list[str]) -> ObjectName:
    return ObjectName(ObjectKind(value[0]), value[1], value[2], value[3])


def _of_effect(effect: Effect) -> dict[str, Any]:
    """What differs from an effect without any particulars; most have few, and a ledger holds thousands."""
    told: dict[str, Any] = {"verb": effect.verb.value, "object": _of_name(effect.object)}
    if effect.line:
        told["line"] = effect.line
    if effect.holder is not None:
        told["holder"] = _of_name(effect.holder)
    if effect.holding is not Holding.FIRM:
        told["holding"] = effect.holding.value
    if effect.to is not None:
        told["to"] = _of_name(effect.to)
    if effect.type is not None:
        told["type"] = effect.type
    if effect.columns is not None:
        told["columns"] = list(effect.columns)
    if effect.alternatives:
        told["alternatives"] = [_of_name(each) for each in effect.alternatives]
    told.update({name: True for name in _FLAGS if getattr(effect, name)})
    return told


def _effect(value: dict[str, Any]) -> Effect:
    return Effect(
        verb=Verb(value["verb"]),
        object=_name(value["object"]),
        line=value.get("line", 0),
        holder=_name(value["holder"]) if "holder" in value else None,
        holding=Holding(value["holding"]) if "holding" in value else Holding.FIRM,
        to=_name(value["to"]) if "to" in value else None,
        type=value.get("type"),
        columns=tuple(value["columns"]) if "columns" in value else None,
        alternatives=tuple(_name(each) for each in value.get("alternatives", ())),
        **{name: True for name in _FLAGS if value.get(name)},
    )


def _of_change(change: DatabaseChange) -> dict[str, Any]:
    return {
        **change.as_json(),
        "column": change.column,
        "losesData": change.loses_data,
        "line": change.line,
    }


def _change(value: dict[str, Any]) -> DatabaseChange:
    return DatabaseChange(
        type=ChangeType(value["type"]),
        table=value["table"],
        schema=value["schema"],
        description=value["description"],
        impact_analysis=tuple(value["impactAnalysis"]),
        column=value["column"],
        loses_data=value["losesData"],
        line=value["line"],
    )


def _storable(value: Any) -> Any:
    """The same without what jsonb cannot hold: NUL, and halves of surrogate pairs in an author's words."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_storable(each) for each in value]
    if isinstance(value, dict):
        return {name: _storable(each) for name, each in value.items()}
    return value
