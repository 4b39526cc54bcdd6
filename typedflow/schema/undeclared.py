"""Find attributes of an instance that its class does not declare, and that a save would therefore drop.

A `functools.cached_property` is derived from the fields and is computed again; so is what `__post_init__` sets, which
runs again when the instance is decoded.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from typedflow.schema.mismatch import MISSING
from typedflow.schema.records import fields_of
from typedflow.schema.types import RecordOf

Find = Callable[[Any], str | None]

_OWN: Final = frozenset({"__orig_class__"})
"""Attributes that Python sets on an instance: `Box[int](…)` of a generic class."""
_SLOTS_OF_PYTHON: Final = frozenset({"__dict__", "__weakref__"})
_PLAIN: Final = (type(None), bool, int, float, str, bytes, list, tuple, dict, set, frozenset)


class Undeclared(msgspec.Struct, frozen=True):
    """Finds undeclared attributes of the instances of one class."""

    allowed: frozenset[str]
    """The fields, and attributes derived from them."""
    find: Find
    """Returns the name of the first undeclared attribute, None if there is none."""
    made_again: bool
    """The class has a `__post_init__` that may set attributes: only the decoded instance shows whether one is lost."""

    def find_lost(self, value: Any, back: Any = MISSING) -> str | None:
        """Return the name of an attribute that a save would drop, or None; `back` is the decoded value, if any."""
        if not self.made_again:
            return self.find(value)
        if back is MISSING:
            return None
        given, made = vars(value), vars(back)
        undeclared = (name for name in given if name not in self.allowed)
        return next((name for name in undeclared if name not in made or not _is_alike(given[name], made[name])), None)


def undeclared_of(kind: RecordOf) -> Undeclared | None:
    """Compile the search for undeclared attributes; None if instances can have no other attributes than the fields."""
    cls: Any = kind.cls
    if kind.flavour == "typeddict":
        return None
    fields = frozenset(field.name for field in fields_of(kind))
    cached = frozenset(cached_names(cls)) if kind.flavour != "attrs" else frozenset[str]()
    allowed = fields | cached | _OWN
    slots = tuple(name for name in slots_of(cls) if name not in allowed)
    if not cls.__dictoffset__ and not slots:
        return None
    made_again = kind.flavour in ("struct", "dataclass") and hasattr(cls, "__post_init__") and not slots
    return Undeclared(allowed, _finder(allowed, slots), made_again)


def _finder(allowed: frozenset[str], slots: tuple[str, ...]) -> Find:
    def find(value: Any) -> str | None:
        attributes = value.__dict__
        return None if attributes.keys() <= allowed else next(name for name in attributes if name not in allowed)

    def find_with_slots(value: Any) -> str | None:
        found = find(value) if hasattr(value, "__dict__") else None
        return found or next((name for name in slots if hasattr(value, name)), None)

    return find_with_slots if slots else find


def cached_names(cls: type) -> Iterator[str]:
    """Yield the names of the `functools.cached_property` attributes of a class."""
    for base in cls.__mro__:
        yield from (name for name, value in vars(base).items() if isinstance(value, functools.cached_property))


def slots_of(cls: type) -> Iterator[str]:
    """Yield the slots of a class, except those of Struct bases, which are its fields."""
    for base in cls.__mro__:
        if isinstance(base, msgspec.StructMeta):
            continue
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in _SLOTS_OF_PYTHON:
                mangled = name.startswith("__") and not name.endswith("__")
                yield f"_{base.__name__.lstrip('_')}{name}" if mangled else name


def _is_alike(value: object, made: object) -> bool:
    """Return True if an attribute set again by `__post_init__` is equal; for other than builtins, of the same class."""
    if type(value) is not type(made):
        return False
    try:
        return type(value) not in _PLAIN or bool(value == made)
    except Exception:  # what is inside may refuse to be compared
        return False
