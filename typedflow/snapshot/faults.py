"""Where exactly a value cannot be saved: asked only when it is known that it cannot, so it may take its time.

Also the comparison, part by part, of a value with what a save gave back, for classes whose own `==` cannot be trusted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime, time
from math import isinf
from typing import Any, Final, NamedTuple

import msgspec

from typedflow.schema.check import compile_check, exact_classes
from typedflow.schema.layer_fields import layer_fields
from typedflow.schema.layers import FlowState, State
from typedflow.schema.mismatch import MISSING, Mismatch, Segment
from typedflow.schema.records import fields_of
from typedflow.schema.render import describe, render
from typedflow.schema.types import (
    CollectionOf,
    EnumOf,
    Kind,
    LiteralOf,
    MappingOf,
    RecordOf,
    Scalar,
    TupleOf,
    UnionOf,
    see_through,
)
from typedflow.schema.undeclared import undeclared_of
from typedflow.snapshot.documents import Format, scalar_fault
from typedflow.snapshot.moments import find_zone_fault, is_same_moment
from typedflow.snapshot.zones import holds_moments


class Fault(NamedTuple):
    """One part of a value that a save would not give back."""

    path: tuple[Segment, ...]
    reason: str


def find_fault(kind: Kind, value: Any, format: Format, back: Any = MISSING) -> Fault | None:
    """Return the first part of a value that is not exactly of its declared type, or cannot be encoded.

    With `back`, what a save gave back, also the first part that differs from it. Raises RecursionError for a value that
    is nested too deep, or holds itself.
    """
    kind = see_through(kind)
    if isinstance(kind, UnionOf):
        return _member_fault(kind, value, format, back)
    fault = _own_fault(kind, value, format)
    if fault:
        return Fault((), fault)
    if isinstance(kind, (Scalar, EnumOf, LiteralOf)):
        return None if back is MISSING or _is_same(value, back) else _different(value, back)
    if back is not MISSING and (type(back) is not type(value) or _size(back) != _size(value)):
        return _different(value, back)
    if isinstance(value, (set, frozenset)) and back is not MISSING and back != value:
        return _different(value, back)
    if isinstance(kind, RecordOf) and (name := _lost_attribute(kind, value, back)) is not None:
        return Fault((name,), f"{render(kind)} declares no field '{name}', and a save would drop it")
    for segment, item, part, other in _parts(kind, value, back):
        inner = find_fault(item, part, format, other)
        if inner is not None:
            return Fault((*segment, *inner.path), inner.reason)
    return None


def _is_same(value: Any, back: Any) -> bool:
    if isinstance(value, (datetime, time)):
        return is_same_moment(value, back)
    return type(back) is type(value) and bool(back == value)


def _lost_attribute(kind: RecordOf, value: Any, back: Any) -> str | None:
    undeclared = undeclared_of(kind)
    return None if undeclared is None else undeclared.find_lost(value, back)


def _different(value: Any, back: Any) -> Fault:
    return Fault((), f"{describe(value)} would come back as {describe(back)}")


def _member_fault(kind: UnionOf, value: Any, format: Format, back: Any) -> Fault | None:
    """Return the fault by the member whose class the value has; none if another member has none."""
    members = [member for member in kind.members if type(value) in exact_classes(member)]
    faults = [find_fault(member, value, format, back) for member in members]
    if not faults:
        return Fault((), f"expected {render(kind)}, given {describe(value)}")
    return None if None in faults else faults[0]


def _own_fault(kind: Kind, value: Any, format: Format) -> str:
    """Return the fault of the value without its parts."""
    if type(value) not in exact_classes(kind):
        return _wrong_class(kind, value)
    if isinstance(kind, (Scalar, LiteralOf)):
        try:
            compile_check(kind)(value)
        except Mismatch as mismatch:
            return mismatch.reason
    if isinstance(value, (datetime, time)):
        return find_zone_fault(value)
    if isinstance(kind, RecordOf) and (absent := [name for name in _names(kind) if not hasattr(value, name)]):
        return f"its field '{absent[0]}' was never set"
    if isinstance(kind, TupleOf) and len(value) != len(kind.items):
        return f"expected {render(kind)}, given {describe(value)}"
    return "" if isinstance(kind, EnumOf) else scalar_fault(value, format) or ""


def _names(kind: RecordOf) -> list[str]:
    return [] if kind.flavour in ("typeddict", "namedtuple") else [field.name for field in fields_of(kind)]


def _wrong_class(kind: Kind, value: Any) -> str:
    """Return what was expected; the runtime's check knows why a class that looks right is not."""
    try:
        compile_check(kind)(value) if isinstance(kind, (Scalar, EnumOf, LiteralOf)) else None
    except Mismatch as mismatch:
        return mismatch.reason
    cut = "; a save would cut it short" if isinstance(value, tuple(exact_classes(kind))) else ""
    return f"expected exactly {render(kind)}, given {describe(value)}{cut}"


def _size(value: Any) -> int:
    return len(value) if isinstance(value, (list, tuple, set, frozenset, dict)) else 0


Part = tuple[tuple[Segment, ...], Kind, Any, Any]
"""Where a part is, its type, itself, and what a save gave back in its place."""


def _parts(kind: Kind, value: Any, back: Any) -> Iterator[Part]:
    pairs = back is not MISSING
    match kind:
        case CollectionOf(item=item) if isinstance(value, (set, frozenset)):
            twins = _twins(item, back)
            yield from (((), item, part, twins.get(part, _GONE) if twins else MISSING) for part in value)
        case CollectionOf(item=item):
            for index, part in enumerate(value):
                yield (index,), item, part, back[index] if pairs else MISSING
        case TupleOf(items=items):
            for index, (item, part) in enumerate(zip(items, value, strict=True)):
                yield (index,), item, part, back[index] if pairs else MISSING
        case MappingOf(key=key, value=item):
            twins = _twins(key, back)
            for name, part in value.items():
                if not (type(name) is float and isinf(name)):  # as a key JSON has it as text
                    yield (_segment(name),), key, name, twins.get(name, _GONE) if twins else MISSING
                yield (_segment(name),), item, part, back.get(name, _GONE) if pairs else MISSING
        case RecordOf():
            for field in fields_of(kind):
                part = read_field(kind, field.name, value)
                if part is not MISSING:
                    yield (field.name,), field.kind, part, read_field(kind, field.name, back) if pairs else MISSING
        case _:
            return


_GONE: Final = object()


def _twins(kind: Kind, back: Any) -> dict[Any, Any]:
    """Return keys or members by what equals them, if moments in them may be equal and of other zones."""
    return {each: each for each in back} if back is not MISSING and holds_moments(kind) else {}


def _segment(key: object) -> Segment:
    return key if isinstance(key, (str, int)) else describe(key)


def read_field(kind: RecordOf, name: str, value: Any) -> Any:
    """Read a field, MISSING where a TypedDict lacks it; of a layer past the descriptor that notes reads."""
    if kind.flavour == "typeddict":
        return value.get(name, MISSING)
    if issubclass(kind.cls, State | FlowState):
        return layer_fields(kind.cls)[name].read(value)
    return getattr(value, name)


def has_plain_equality(kind: Kind) -> bool:
    """Return whether `==` compares every field of every record in the type: no class defines one of its own."""
    return _is_plain(kind, set())


def _is_plain(kind: Kind, seen: set[Kind]) -> bool:
    kind = see_through(kind)
    if kind in seen:
        return True
    seen.add(kind)
    match kind:
        case CollectionOf(item=item):
            return _is_plain(item, seen)
        case MappingOf(key=key, value=value):
            return _is_plain(key, seen) and _is_plain(value, seen)
        case TupleOf(items=several) | UnionOf(members=several):
            return all(_is_plain(part, seen) for part in several)
        case EnumOf(cls=cls):
            return cls.__eq__ in (object.__eq__, str.__eq__, int.__eq__)
        case RecordOf():
            return _compares_all(kind) and all(_is_plain(field.kind, seen) for field in fields_of(kind))
        case _:
            return True


def _compares_all(kind: RecordOf) -> bool:
    cls: Any = kind.cls
    undeclared = undeclared_of(kind)
    if undeclared is not None and undeclared.made_again:
        return False
    match kind.flavour:
        case "struct":
            return bool(cls.__eq__ is msgspec.Struct.__eq__ and cls.__struct_config__.eq)
        case "namedtuple":
            return cls.__eq__ is tuple.__eq__
        case "dataclass":
            written = cls.__dataclass_params__.eq and "__eq__" in vars(cls)
            return written and _is_generated(cls.__eq__) and all(f.compare for f in dataclasses.fields(cls))
        case flavour:
            return flavour == "typeddict"


def _is_generated(method: Any) -> bool:
    """Return whether dataclasses made the method: it has no source file."""
    return bool(method.__code__.co_filename == "<string>")
