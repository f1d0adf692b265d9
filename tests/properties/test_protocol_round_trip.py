"""Whatever a revision may send or read crosses the pipe unchanged, and nothing else crosses at all."""

from __future__ import annotations

import datetime
import decimal
import ipaddress
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.worker.protocol import LIMIT, Channel, ProtocolError, pack, unpack

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.uuids(),
    st.dates(),
    st.datetimes(timezones=st.just(datetime.UTC) | st.none()),
    st.times(),
    st.timedeltas(),
    st.ip_addresses(),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=20,
)


@given(_VALUES)
def test_a_value_comes_out_of_the_pipe_as_it_went_in(value: Any) -> None:
    sent: list[bytes] = []
    Channel(lambda count: b"", sent.append).write({"value": pack(value)})
    stream = bytearray(b"".join(sent))

    def receive(count: int) -> bytes:
        taken, stream[:] = bytes(stream[: min(count, 3)]), stream[min(count, 3) :]
        return taken

    message = Channel(receive, lambda data: None).read()
    assert message is not None
    assert unpack(message["value"]) == value


def test_numbers_that_json_has_no_word_for_cross_too() -> None:
    assert math.isnan(unpack(pack(float("nan"))))
    assert unpack(pack(float("-inf"))) == float("-inf")
    assert unpack(pack(decimal.Decimal("NaN"))).is_nan()


def test_networks_and_interfaces_keep_their_kind() -> None:
    for text in (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_interface("10.1.2.3/8")):
        assert unpack(pack(text)) == text


def test_a_value_without_a_tag_is_refused_by_name() -> None:
    with pytest.raises(ProtocolError, match=r"a value of type builtins\.object cannot cross"):
        pack(object())


def test_an_unknown_tag_is_refused() -> None:
    with pytest.raises(ProtocolError, match="unknown tag 'pickle'"):
        unpack({"$": "pickle", "v": "gASV"})


def test_a_message_that_announces_more_than_the_limit_is_refused_before_it_is_read() -> None:
    header = (LIMIT + 1).to_bytes(4, "big")
    with pytest.raises(ProtocolError, match="longer than the limit"):
        Channel(lambda count: header[:count], lambda data: None).read()


def test_a_broken_off_message_is_the_end() -> None:
    parts = [b"\x00\x00\x00\x10", b"{", b""]
    assert Channel(lambda count: parts.pop(0), lambda data: None).read() is None
