"""The checks of values without parts: the exact class, or a value that mypy accepts, converted to the declared class.

The result is of exactly the declared class, so that it is the same after a save and a load: True where int is declared
becomes 1, 3 where float is declared 3.0, a StrEnum member where str is declared its text. A subclass instance with
additional data, which a save would drop, is refused; so is an int that has no exact float.
"""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Callable, Sized
from datetime import date, datetime
from typing import Any, Final

from typedflow.schema.mismatch import Mismatch
from typedflow.schema.render import render
from typedflow.schema.types import NO_LIMITS, Limits, LiteralOf, Scalar

Check = Callable[[Any], Any]


def scalar_check(kind: Scalar) -> Check:
    """Compile the check of a scalar, limits included."""
    cls, expected = kind.cls, render(kind)
    convert = _CONVERSIONS.get(cls, _refuse)
    if kind.limits == NO_LIMITS:

        def check(value: Any) -> Any:
            if type(value) is cls:
                return value
            return convert(cls, expected, value)

        return check
    within = limit_check(kind.limits, expected)

    def check_limited(value: Any) -> Any:
        return within(value if type(value) is cls else convert(cls, expected, value))

    return check_limited


def literal_check(kind: LiteralOf) -> Check:
    """Compile the check of a Literal: by value and class, as `1 == True`."""
    expected = render(kind)
    members = kind.members  # a tuple: few, and not all of them hashable
    classes = frozenset(cls for cls, _ in members)

    def check(value: Any) -> Any:
        cls = type(value)
        if cls in classes and (cls, value) in members:
            return value
        raise Mismatch((), expected, value)

    return check


def limit_check(limits: Limits, expected: str) -> Check:
    """Compile the check of `Meta` limits; the class of the value is already checked."""
    tests = [_TESTS[name](bound) for name, bound in limits.given().items()]

    def check(value: Any) -> Any:
        for test in tests:
            if not test(value):
                raise Mismatch((), expected, value)
        return value

    return check


def _pattern(pattern: str) -> Callable[[Any], bool]:
    search = re.compile(pattern).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _multiple(step: Any) -> Callable[[Any], bool]:
    return lambda value: value % step == 0 if isinstance(value, int) else math.isfinite(value) and value % step == 0


_TESTS: Final[dict[str, Callable[[Any], Callable[[Any], bool]]]] = {
    "ge": lambda bound: lambda value: bool(value >= bound),
    "gt": lambda bound: lambda value: bool(value > bound),
    "le": lambda bound: lambda value: bool(value <= bound),
    "lt": lambda bound: lambda value: bool(value < bound),
    "multiple_of": _multiple,
    "pattern": _pattern,
    "min_length": lambda bound: lambda value: not isinstance(value, Sized) or len(value) >= bound,
    "max_length": lambda bound: lambda value: not isinstance(value, Sized) or len(value) <= bound,
    "tz": lambda aware: lambda value: not hasattr(value, "tzinfo") or (value.tzinfo is not None) is aware,
}


def _refuse(cls: type, expected: str, value: Any) -> Any:
    hint = ""
    if isinstance(value, datetime) and cls is date:
        hint = "give its .date()"
    elif isinstance(value, cls):
        hint = f"a save would cut this subclass of {cls.__name__} short"
    raise Mismatch((), expected, value, hint)


def _convert_int(cls: type, expected: str, value: Any) -> Any:
    if type(value) is bool or _is_only(int, value):
        return int.__int__(value)
    return _refuse(cls, expected, value)


def _convert_float(cls: type, expected: str, value: Any) -> Any:
    if type(value) is bool or _is_only(int, value):
        try:
            number = float(int.__int__(value))
        except OverflowError:
            number = math.inf
        if number == value:
            return number
        raise Mismatch((), expected, value, "no float holds it exactly")
    if _is_only(float, value):
        return float.__float__(value)
    return _refuse(cls, expected, value)


def _convert_str(cls: type, expected: str, value: Any) -> Any:
    return str.__str__(value) if _is_only(str, value) else _refuse(cls, expected, value)


def _convert_bytes(cls: type, expected: str, value: Any) -> Any:
    return b"".join((value,)) if _is_only(bytes, value) else _refuse(cls, expected, value)


_CONVERSIONS: Final[dict[type, Callable[[type, str, Any], Any]]] = {
    int: _convert_int,
    float: _convert_float,
    str: _convert_str,
    bytes: _convert_bytes,
}


def _is_only(cls: type, value: Any) -> bool:
    """Return whether a value is a `cls` without further data: an Enum member, or without attributes."""
    if not isinstance(value, cls):
        return False
    if type(value) is cls or isinstance(value, enum.Enum):
        return True
    slots = any(vars(base).get("__slots__") for base in type(value).__mro__)
    return not slots and not getattr(value, "__dict__", None)
