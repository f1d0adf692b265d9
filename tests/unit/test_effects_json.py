"""What the ledger keeps of a revision's effects is exactly what it was given, and nothing breaks what it cannot read."""

from __future__ import annotations

import json
from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from coordinator.ledger.effects_json import KnownEffects, effects_from_text, effects_text
from coordinator.model.capture import Direction
from coordinator.model.change import ChangeType, DatabaseChange
from coordinator.model.effect import Effect, Holding, ObjectKind, ObjectName, RevisionEffects, Verb
from coordinator.model.names import RevisionKey

KEY = RevisionKey("crm", "c1")
# jsonb holds no NUL and no half of a surrogate pair; PostgreSQL's own texts hold neither.
words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
names = st.builds(ObjectName, st.sampled_from(ObjectKind), words, words, words)
effects = st.builds(
    Effect,
    verb=st.sampled_from(Verb),
    object=names,
    line=st.integers(0, 500),
    holder=st.none() | names,
    holding=st.sampled_from(Holding),
    to=st.none() | names,
    type=st.none() | words,
    columns=st.none() | st.lists(words, max_size=3).map(tuple),
    alternatives=st.lists(names, max_size=2).map(tuple),
    **{each.name: st.booleans() for each in fields(Effect) if each.default is False},
)
changes = st.builds(
    DatabaseChange,
    type=st.sampled_from(ChangeType),
    table=words,
    schema=words,
    description=words,
    impact_analysis=st.lists(words, max_size=2).map(tuple),
    column=st.none() | words,
    loses_data=st.booleans(),
    line=st.integers(0, 500),
)


def of(direction: Direction) -> st.SearchStrategy[RevisionEffects]:
    return st.builds(
        RevisionEffects,
        key=st.just(KEY),
        direction=st.just(direction),
        effects=st.lists(effects, max_size=4).map(tuple),
        changes=st.lists(changes, max_size=3).map(tuple),
        unknown=st.lists(words, max_size=2).map(tuple),
        alone=st.lists(st.integers(1, 500), max_size=2).map(tuple),
        added_labels=st.lists(names, max_size=2).map(tuple),
        temporary=st.booleans(),
    )


known = st.builds(
    KnownEffects,
    upgrade=st.none() | of(Direction.UPGRADE),
    downgrade=st.none() | of(Direction.DOWNGRADE),
)


@given(known)
def test_what_was_written_is_read_again_exactly(given_effects: KnownEffects) -> None:
    assert effects_from_text(effects_text(given_effects), KEY) == given_effects


@given(
    st.builds(RevisionEffects, key=st.just(KEY), unknown=st.lists(st.text(max_size=5), min_size=1).map(tuple))
)
def test_what_jsonb_cannot_hold_never_reaches_it(given_effects: RevisionEffects) -> None:
    text = effects_text(KnownEffects(upgrade=given_effects))
    assert text is not None
    found = "".join(json.loads(text)["upgrade"]["unknown"])
    assert "\x00" not in found
    found.encode("utf-8")  # raises for half of a surrogate pair


def test_nothing_known_is_nothing_written() -> None:
    assert effects_text(KnownEffects()) is None
    assert effects_from_text(None, KEY) == KnownEffects()


def test_what_a_newer_program_wrote_counts_as_unknown() -> None:
    text = effects_text(KnownEffects(upgrade=RevisionEffects(key=KEY)))
    assert text is not None
    newer = {**json.loads(text), "form": 2}
    strange = json.loads(text)
    strange["upgrade"]["effects"] = [{"verb": "dreams", "object": ["relation", "crm", "t", ""]}]
    assert effects_from_text(json.dumps(newer), KEY) == KnownEffects()
    assert effects_from_text(json.dumps(strange), KEY) == KnownEffects()
    assert effects_from_text("[]", KEY) == KnownEffects()
