"""Row level security is turned on or off, or a policy comes, changes or goes: who sees which rows?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.impact.facts import Ruling
from coordinator.model.effect import Verb
from coordinator.model.impact import ConsumerKind, Verdict

if TYPE_CHECKING:
    from coordinator.impact.facts import Facts
    from coordinator.impact.world import Alteration
    from coordinator.model.impact import Consumption, Usage

_CONCERNED = frozenset({ConsumerKind.CODE, ConsumerKind.STATEMENT, ConsumerKind.FUNCTION, ConsumerKind.VIEW})
_SECURITY = {
    "turns on": "row level security is on, and what it runs as may not be the owner",
    "forces": "row level security holds for the owner too",
    "turns off": "row level security is off",
    "no longer forces": "row level security does not hold for the owner any more",
}
_WIDER = frozenset({"turns off", "no longer forces"})
_POLICY = {Verb.CREATE: "comes", Verb.REPLACE: "changes", Verb.DROP: "goes"}


def change_rows(a: Alteration, usage: Usage, consumption: Consumption, facts: Facts) -> Ruling | None:
    """Whoever reads the table may see other rows; whoever writes it may be refused."""
    assert a.effect is not None
    key = (a.object.schema, a.object.name)
    if usage.relation != key or consumption.kind not in _CONCERNED:
        return None
    table, security = ".".join(key), a.effect.type
    because = _SECURITY[security] if security else f"policy {a.object.part} {_POLICY[a.effect.verb]}"
    if security in _WIDER:
        return Ruling(Verdict.DEGRADES, f"may see more rows of {table}: {because}", may_fail=False)
    rows = "fewer" if security else "other"
    if any(each.writes and each.relation == key for each in consumption.usages):
        return Ruling(
            Verdict.DEGRADES, f"may be refused what it writes to {table}, or see {rows} rows: {because}"
        )
    return Ruling(Verdict.DEGRADES, f"may see {rows} rows of {table}: {because}", may_fail=False)
