"""The canonical form: RFC 8785's own examples, and that equal values, and only these, have the same one."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.certificates.canonical import NotCanonicalError, canonical, digest_of

# Appendix B of RFC 8785: the bits of a double, and how it is written.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8")),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(st.characters(codec="utf-8")), inner)),
    max_leaves=20,
)


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_numbers(bits: str, text: str) -> None:
    assert canonical(struct.unpack(">d", bytes.fromhex(bits))[0]) == text.encode()


def test_the_example_of_the_rfc() -> None:
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '€$\x0f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    assert canonical(value) == (
        b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        b'"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_keys_are_sorted_by_their_utf_16_units() -> None:
    keys = ("€", "\r", "\ufb33", "1", "\U0001f600", "\x80", "ö")
    found = json.loads(
        canonical(dict.fromkeys(keys, 0)), object_pairs_hook=lambda pairs: [key for key, _ in pairs]
    )
    assert found == ["\r", "1", "\x80", "ö", "€", "\U0001f600", "\ufb33"]


def _double(text: str) -> int | float:
    """A whole number as RFC 8785 understands it: beyond 53 bits, digits stand for the nearest double."""
    return int(text) if abs(int(text)) < 2**53 else float(text)


@given(VALUES)
def test_it_is_json_of_the_same_value_and_does_not_change_again(value: Any) -> None:
    written = canonical(value)
    again = json.loads(written, parse_int=_double)
    assert again == value
    assert canonical(again) == written


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), SCALARS, max_size=6), st.randoms())
def test_the_order_of_keys_does_not_count(value: dict[str, Any], chance: Any) -> None:
    items = list(value.items())
    chance.shuffle(items)
    assert canonical(dict(items)) == canonical(value)


@given(VALUES, VALUES)
def test_other_values_have_another_form(one: Any, other: Any) -> None:
    assert (canonical(one) == canonical(other)) == _same(one, other)


def _same(one: Any, other: Any) -> bool:
    """Equality of JSON: true is not 1, but 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(type(one) is type(other) or {type(one), type(other)} == {int, float}) and bool(one == other)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "no JSON number"),
        (float("inf"), "no JSON number"),
        (2**53, "write it as a text"),
        (10**400, "write it as a text"),
        ({1: 2}, "no text"),
        (b"bytes", "no JSON value"),
        ("\ud800", "surrogate"),
        ({"\udfff": 1}, "surrogate"),
        (object(), "no JSON value"),
    ],
)
def test_what_has_no_canonical_form(value: object, words: str) -> None:
    with pytest.raises(NotCanonicalError, match=words):
        canonical([value])


def test_the_digest_is_that_of_the_form() -> None:
    assert digest_of({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
