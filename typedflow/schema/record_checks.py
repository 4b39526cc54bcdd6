"""The checks of records: Structs, dataclasses, attrs classes, NamedTuples and TypedDicts, field by field."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from msgspec.structs import force_setattr

from typedflow.schema.containers import not_exactly
from typedflow.schema.mismatch import MISSING, Mismatch
from typedflow.schema.render import render
from typedflow.schema.scalars import Check
from typedflow.schema.types import RecordOf
from typedflow.schema.undeclared import undeclared_of


class Part(NamedTuple):
    """One field, ready to be checked."""

    name: str
    proven: frozenset[type]
    """The classes whose values need no further check."""
    check: Check
    required: bool


def record_check(kind: RecordOf, parts: Sequence[Part], in_place: bool) -> Check:
    """Compile the check of a record with attributes.

    Normal values are stored past `__setattr__`, in frozen records too: they equal what they replace.
    """
    cls, expected = kind.cls, render(kind)
    plan = [(part.name, part.proven, part.check) for part in parts]
    rebuild = _replace if kind.flavour == "namedtuple" else _setter(kind.flavour, in_place)
    undeclared = undeclared_of(kind)
    find = None if undeclared is None or undeclared.made_again else undeclared.find

    def check(value: Any) -> Any:
        if type(value) is not cls:
            raise _other_class(kind, expected, value)
        changes: dict[str, Any] | None = None
        name = ""
        try:
            for name, proven, item in plan:
                part = getattr(value, name)
                if type(part) in proven:
                    continue
                normal = item(part)
                if normal is not part:
                    changes = {} if changes is None else changes
                    changes[name] = normal
        except Mismatch as fault:
            raise fault.under(name) from None
        except AttributeError:
            if hasattr(value, name):  # not the field: something that its check called
                raise
            field = next(part for part in parts if part.name == name)
            raise Mismatch((name,), _wanted(field), MISSING) from None
        if find is not None and (extra := find(value)) is not None:
            raise _undeclared_attribute(expected, value, extra)
        return value if changes is None else rebuild(value, changes)

    return check


def typeddict_check(kind: RecordOf, parts: Sequence[Part], in_place: bool) -> Check:
    """Compile the check of a TypedDict; undeclared keys are refused, as a load would drop them silently."""
    expected = render(kind)
    names = frozenset(part.name for part in parts)

    def check(value: Any) -> Any:
        if type(value) is not dict:
            raise not_exactly(dict, expected, value)
        target, seen = value, 0
        for name, proven, item, required in parts:
            part = value.get(name, MISSING)
            if part is MISSING:
                if required:
                    raise Mismatch((name,), f"the key '{name}' of {expected}", MISSING)
                continue
            seen += 1
            if type(part) in proven:
                continue
            try:
                normal = item(part)
            except Mismatch as fault:
                raise fault.under(name) from None
            if normal is not part:
                target = dict(value) if target is value and not in_place else target
                target[name] = normal
        if seen != len(value):
            raise _undeclared_key(expected, value, names)
        return target

    return check


def _undeclared_key(expected: str, value: dict[Any, Any], names: frozenset[str]) -> Mismatch:
    key = next(key for key in value if key not in names)
    near = get_close_matches(key, names, 1) if isinstance(key, str) else []
    hint = f"did you mean '{near[0]}'?" if near else f"{expected} has no such key"
    return Mismatch((), f"the keys of {expected}", value[key], hint).under(key)


def _undeclared_attribute(expected: str, value: Any, name: str) -> Mismatch:
    hint = f"{expected} declares no field '{name}': a save would drop it"
    return Mismatch((name,), f"the fields of {expected}", getattr(value, name, MISSING), hint)


def _wanted(field: Part) -> str:
    return f"a value of field '{field.name}'"


def _other_class(kind: RecordOf, expected: str, value: Any) -> Mismatch:
    hint = ""
    if isinstance(value, kind.cls):
        hint = f"a save would cut this subclass of {kind.cls.__name__} short: use a tagged union"
    return Mismatch((), expected, value, hint)


def _setter(flavour: str, in_place: bool) -> Callable[[Any, dict[str, Any]], Any]:
    put: Callable[[Any, str, Any], None] = force_setattr if flavour == "struct" else object.__setattr__

    def rebuild(value: Any, changes: dict[str, Any]) -> Any:
        target = value if in_place else copy.copy(value)
        for name, normal in changes.items():
            put(target, name, normal)
        return target

    return rebuild


def _replace(value: Any, changes: dict[str, Any]) -> Any:
    return value._replace(**changes)
