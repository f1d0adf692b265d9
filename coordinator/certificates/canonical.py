"""JSON in the one form that equal values share (RFC 8785), so that a digest or a signature speaks of the value."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence

_LARGEST = 2**53 - 1  # beyond it, readers that keep numbers as doubles see another one


class NotCanonicalError(ValueError):
    """A value that has no canonical form; the argument says which and why."""


def canonical(value: object) -> bytes:
    """The value's only form, in UTF-8. Raises NotCanonicalError for what JSON, or every reader of it, cannot hold."""
    return _written(value).encode("utf-8")


def digest_of(value: object) -> str:
    """SHA-256 of the canonical form, in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _written(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return _whole(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return "[" + ",".join(_written(each) for each in value) + "]"
    raise NotCanonicalError(f"{type(value).__name__} is no JSON value")


def _object(value: Mapping[object, object]) -> str:
    for key in value:
        if not isinstance(key, str):
            raise NotCanonicalError(f"the key {key!r} is no text")
    members = sorted(value.items(), key=lambda item: _units(str(item[0])))
    return "{" + ",".join(f"{_text(str(key))}:{_written(each)}" for key, each in members) + "}"


def _units(key: str) -> bytes:
    """What keys are sorted by: their UTF-16 code units, which is not the order of code points."""
    try:
        return key.encode("utf-16-be")
    except UnicodeEncodeError as error:
        raise NotCanonicalError("half of a surrogate pair in a key") from error


def _text(value: str) -> str:
    if any("\ud800" <= each <= "\udfff" for each in value):
        raise NotCanonicalError("half of a surrogate pair in a text")
    # Python escapes what the RFC wants escaped, and in the same way; DEL stays as it is in both.
    return json.dumps(value, ensure_ascii=False)


def _whole(value: int) -> str:
    if abs(value) > _LARGEST:
        raise NotCanonicalError(
            f"{value} is too large for a number that every reader keeps; write it as a text"
        )
    return str(int(value))


def _number(value: float) -> str:
    """As ECMAScript writes it: the shortest digits that mean the same double, in its own notation."""
    if not math.isfinite(value):
        raise NotCanonicalError(f"{value} is no JSON number")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" and not exponent else fraction
    digits = (whole + fraction).lstrip("0")
    # The number is 0.DIGITS × 10 ** place.
    place = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    return sign + _notation(digits.rstrip("0"), place)


def _notation(digits: str, place: int) -> str:
    count = len(digits)
    if count <= place <= 21:
        return digits + "0" * (place - count)
    if 0 < place <= 21:
        return f"{digits[:place]}.{digits[place:]}"
    if -6 < place <= 0:
        return f"0.{'0' * -place}{digits}"
    exponent = f"{place - 1:+d}"
    return f"{digits[0]}{'.' if count > 1 else ''}{digits[1:]}e{exponent}"
