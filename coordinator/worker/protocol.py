"""The language on the pipe: typed, bounded, and nothing in it can be executed.

A message is four bytes of length and that many bytes of JSON. JSON's own scalars stand for themselves; every
other value is `{"$": tag, "v": …}`. This file runs on both sides, so it must work on every Python that a
module's own interpreter may be (3.8 and newer) and import nothing but the standard library.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import ipaddress
import json
import math
import struct
import uuid
from typing import Any, Callable, Dict, List, Optional, Tuple

LIMIT = 64 * 1024 * 1024  # bytes of one message
_HEADER = struct.Struct(">I")


class ProtocolError(Exception):
    """The other side said something this language has no word for, or too much of it."""


_TO_TEXT: List[Tuple[type, str, Callable[[Any], str]]] = [
    (bytes, "bytes", lambda value: base64.b64encode(value).decode("ascii")),
    (bytearray, "bytes", lambda value: base64.b64encode(value).decode("ascii")),
    (memoryview, "bytes", lambda value: base64.b64encode(value).decode("ascii")),
    (decimal.Decimal, "decimal", str),
    (uuid.UUID, "uuid", str),
    (datetime.datetime, "datetime", lambda value: value.isoformat()),  # before date: it is one too
    (datetime.date, "date", lambda value: value.isoformat()),
    (datetime.time, "time", lambda value: value.isoformat()),
    (ipaddress.IPv4Interface, "ipinterface", str),  # before addresses: it is one too
    (ipaddress.IPv6Interface, "ipinterface", str),
    (ipaddress.IPv4Address, "ip", str),
    (ipaddress.IPv6Address, "ip", str),
    (ipaddress.IPv4Network, "ipnetwork", str),
    (ipaddress.IPv6Network, "ipnetwork", str),
]

_FROM_TEXT: Dict[str, Callable[[str], Any]] = {
    "bytes": base64.b64decode,
    "decimal": decimal.Decimal,
    "uuid": uuid.UUID,
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "ip": ipaddress.ip_address,
    "ipinterface": ipaddress.ip_interface,
    "ipnetwork": ipaddress.ip_network,
    "float": float,
}


def pack(value: Any) -> Any:
    """A value in the form that JSON can carry. Raises ProtocolError for a type that has no tag."""
    if value is None or isinstance(value, bool):
        return value
    # A subclass of int or str may be anything (an enum, a psycopg number): only its plain value crosses.
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$": "float", "v": repr(float(value))}
    if isinstance(value, datetime.timedelta):
        return {"$": "interval", "v": [value.days, value.seconds, value.microseconds]}
    if isinstance(value, (list, set, frozenset)):
        return {"$": "list", "v": [pack(each) for each in value]}
    if isinstance(value, tuple):
        return {"$": "tuple", "v": [pack(each) for each in value]}
    if isinstance(value, dict):
        return {"$": "dict", "v": [[pack(key), pack(each)] for key, each in value.items()]}
    for kind, tag, to_text in _TO_TEXT:
        if isinstance(value, kind):
            return {"$": tag, "v": to_text(value)}
    if all(hasattr(value, name) for name in ("lower", "upper", "bounds")):
        return _range_text(value)
    raise ProtocolError(
        "a value of type {}.{} cannot cross to the database".format(
            type(value).__module__, type(value).__qualname__
        )
    )


def _range_text(value: Any) -> str:
    """A range of psycopg or SQLAlchemy as PostgreSQL writes it."""
    if getattr(value, "isempty", False) is True or getattr(value, "empty", False) is True:
        return "empty"
    bounds = value.bounds or "[)"
    lower, upper = ("" if each is None else '"{}"'.format(each) for each in (value.lower, value.upper))
    return "{}{},{}{}".format(bounds[0], lower, upper, bounds[1])


def unpack(value: Any) -> Any:
    """The reverse of `pack`. Raises ProtocolError for an unknown tag."""
    if not isinstance(value, dict):
        return value
    tag: Any = value.get("$")
    content: Any = value.get("v")
    if tag == "list":
        return [unpack(each) for each in content]
    if tag == "tuple":
        return tuple(unpack(each) for each in content)
    if tag == "dict":
        return {unpack(key): unpack(each) for key, each in content}
    if tag == "interval":
        return datetime.timedelta(*content)
    if tag in _FROM_TEXT:
        return _FROM_TEXT[tag](content)
    raise ProtocolError("unknown tag {!r}".format(tag))


class Channel:
    """One end of the pipe: whole messages in, whole messages out."""

    def __init__(self, receive: Callable[[int], bytes], send: Callable[[bytes], Any]) -> None:
        self._receive = receive
        self._send = send

    def write(self, message: Dict[str, Any]) -> None:
        """Send one message. Raises ProtocolError when it is longer than LIMIT bytes."""
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        if len(body) > LIMIT:
            raise ProtocolError(
                "a message of {} bytes is longer than the limit of {}".format(len(body), LIMIT)
            )
        self._send(_HEADER.pack(len(body)) + body)

    def read(self) -> Optional[Dict[str, Any]]:
        """The next message, or None when the other side is gone."""
        header = self._exactly(_HEADER.size)
        if header is None:
            return None
        (length,) = _HEADER.unpack(header)
        if length > LIMIT:
            raise ProtocolError("a message of {} bytes is longer than the limit of {}".format(length, LIMIT))
        body = self._exactly(length)
        if body is None:
            return None
        message = json.loads(body.decode("utf-8", "surrogatepass"))
        if not isinstance(message, dict):
            raise ProtocolError("a message must be an object")
        return message

    def _exactly(self, count: int) -> Optional[bytes]:
        parts = []
        while count:
            part = self._receive(min(count, 1 << 20))
            if not part:
                return None
            parts.append(part)
            count -= len(part)
        return b"".join(parts)
