"""Copy values by declared type: immutable parts are shared, mutable ones are copied, others raise `Uncopyable`.

Faster than `copy.deepcopy`, which dispatches per value, and than a round trip through msgspec. A mutable part is never
shared. Two references to one list inside a value become two lists, as they do in a save. Custom `__copy__` and
`__init__` methods are not called; of a dataclass the declared fields are copied, and nothing else.
"""

from __future__ import annotations

import enum
import fractions
import ipaddress
import pathlib
import re
import types
import zoneinfo
from collections.abc import Callable
from datetime import tzinfo
from typing import Any, Final, assert_never, cast

import msgspec
from msgspec.structs import force_setattr

from typedflow.rules.saving import TOO_DEEP
from typedflow.schema.mismatch import MISSING, Segment, render_path
from typedflow.schema.parsing import Unresolved, parse
from typedflow.schema.proofs import exact_classes
from typedflow.schema.records import fields_of, is_frozen
from typedflow.schema.recursion import Recursion
from typedflow.schema.render import describe, render
from typedflow.schema.types import (
    ANY,
    SCALARS,
    AliasOf,
    Anything,
    CollectionOf,
    EnumOf,
    FunctionOf,
    Kind,
    LiteralOf,
    MappingOf,
    NewTypeOf,
    Nothing,
    Opaque,
    RecordOf,
    Scalar,
    Storing,
    TupleOf,
    UnionOf,
    see_through,
)

Copy = Callable[[Any], Any]

IMMUTABLE: Final = (
    *(SCALARS - {bytearray}),
    *(enum.Enum, type, re.Pattern, pathlib.PurePath, tzinfo, zoneinfo.ZoneInfo, complex, range, slice),
    *(fractions.Fraction, types.FunctionType, types.BuiltinFunctionType, types.EllipsisType),
    *(ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network, ipaddress.IPv6Network),
)
"""Classes with immutable instances; subclasses are assumed to be immutable too."""


class Uncopyable(Exception):
    """A part of a type, or of a value, cannot be copied; with its path and the reason."""

    path: tuple[Segment, ...]
    reason: str

    def __init__(self, path: tuple[Segment, ...], reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def under(self, segment: object) -> Uncopyable:
        """Prepend a segment to the path, and return the exception."""
        self.path = (segment if isinstance(segment, (str, int)) else describe(segment), *self.path)
        return self

    def __str__(self) -> str:
        return f"{render_path(self.path)}: {self.reason}" if self.path else self.reason


_compiled: dict[Kind, Copy] = {}


def compile_copy(tp: Any) -> Copy:
    """Compile the copy function of a type; it assumes valid values.

    Raises `Uncopyable` if no value of the type can be copied; the function raises it if a single value cannot. Raises
    `Unresolved` for undefined names. Cached for the life of the process.
    """
    kind = parse(tp)
    try:
        found = _compiled.get(kind)
    except TypeError:  # an unhashable part: a Literal of a list, which is immutable to its user
        return _share
    if found is None:
        found = _compiled[kind] = _compile(kind)
    return found


def is_immutable(tp: Any) -> bool:
    """Return whether all valid values are immutable, at any depth, so that they need no copy."""
    return _immutable(parse(tp), set())


def _compile(kind: Kind) -> Copy:
    compiler = _Compiler()
    copy = compiler.copy(kind)
    if not compiler.recursion.met:
        return copy

    def guarded(value: Any) -> Any:
        try:
            return copy(value)
        except RecursionError:
            raise Uncopyable((), f"{describe(value)} {TOO_DEEP}") from None

    return guarded


def _immutable(kind: Kind, assumed: set[Kind]) -> bool:
    match kind:
        case Scalar(cls=cls):
            return cls is not bytearray
        case EnumOf() | LiteralOf() | Nothing():
            return True
        case CollectionOf(cls=cls, item=item):
            return cls in (tuple, frozenset) and _immutable(item, assumed)
        case TupleOf(items=parts) | UnionOf(members=parts):
            return all(_immutable(part, assumed) for part in parts)
        case NewTypeOf(base=base):
            return _immutable(base, assumed)
        case AliasOf():
            return kind in assumed or _immutable(kind.target, assumed | {kind})
        case RecordOf():
            if kind in assumed:
                return True
            assumed = assumed | {kind}
            return is_frozen(kind) and all(_immutable(field.kind, assumed) for field in fields_of(kind))
        case Opaque(cls=cls, stored=stored):
            return issubclass(cls, IMMUTABLE) or (stored is not None and stored.immutable)
        case MappingOf() | Anything() | FunctionOf():
            return False
        case _:
            assert_never(kind)


class _Compiler:
    def __init__(self) -> None:
        self.recursion = Recursion()

    def copy(self, kind: Kind) -> Copy:
        if is_immutable(kind):
            return _share
        match kind:
            case Scalar():
                return bytearray
            case Anything() | FunctionOf():
                return copy_value
            case CollectionOf(item=item):
                return _collection_copy(None if is_immutable(item) else self.copy(item))
            case TupleOf(items=items):
                return _tuple_copy([self.part(item, index) for index, item in enumerate(items)])
            case MappingOf(key=key, value=value):
                return _mapping_copy(self.copy(key), None if is_immutable(value) else self.copy(value))
            case UnionOf():
                return self._union(kind)
            case NewTypeOf(base=base):
                return self.copy(base)
            case AliasOf():
                return self.recursion.once(kind, lambda: self.copy(kind.target))
            case RecordOf():
                return self.recursion.once(kind, lambda: self._record(kind))
            case Opaque(stored=stored) if stored is not None:
                return stored.copy or _copy_by(stored)
            case Opaque():
                raise Uncopyable((), f"nothing is known of how to copy {render(kind)}")
            case _:
                raise AssertionError(kind)  # the others are immutable

    def part(self, kind: Kind, segment: Segment) -> Copy:
        try:
            return self.copy(kind)
        except Uncopyable as fault:
            raise fault.under(segment) from None

    def _union(self, kind: UnionOf) -> Copy:
        by_class: dict[type, list[Copy]] = {}
        stored: tuple[type, Copy] | None = None  # a union has one such class at the most
        for member in kind.members:
            copy = self.copy(member)
            if isinstance(member, Opaque) and member.stored is not None:
                stored = (member.cls, copy)
            for cls in exact_classes(member):
                by_class.setdefault(cls, []).append(copy)
        only = {cls: found[0] for cls, found in by_class.items() if len(found) == 1}
        if stored is None:
            return lambda value: only.get(type(value), copy_value)(value)
        cls, copy = stored
        return lambda value: only.get(type(value), copy if isinstance(value, cls) else copy_value)(value)

    def _record(self, kind: RecordOf) -> Copy:
        cls = cast("Any", kind.cls)
        parts = {
            field.name: _share if is_immutable(field.kind) else self.part(field.kind, field.name)
            for field in fields_of(kind)
        }
        if kind.flavour == "typeddict":
            return _keys_copy(parts)
        if kind.flavour == "namedtuple":
            copies = list(parts.items())
            return lambda value: tuple.__new__(cls, [_part(name, copy, getattr(value, name)) for name, copy in copies])
        if kind.flavour == "struct":
            return _struct_copy([(name, copy) for name, copy in parts.items() if copy is not _share])
        return _attributes_copy(cls, list(parts.items()))


def _share(value: Any) -> Any:
    return value


def _part(segment: object, copy: Copy, value: Any) -> Any:
    try:
        return copy(value)
    except Uncopyable as fault:
        raise fault.under(segment) from None


def _collection_copy(item: Copy | None) -> Copy:
    def copy(value: Any) -> Any:
        make = type(value)
        if make not in _MADE_OF_ITEMS:
            return copy_value(value)
        if item is None:
            return value if make in (tuple, frozenset) else make(value)
        if item is _COPY_STRUCT:
            return make(map(_COPY_STRUCT, value))
        parts: list[Any] = []
        try:
            for part in value:
                parts.append(item(part))  # noqa: PERF401  # its length is the index of the part at fault
        except Uncopyable as fault:
            raise fault.under(len(parts)) from None
        return parts if make is list else make(parts)

    return copy


_MADE_OF_ITEMS: Final = frozenset({list, tuple, set, frozenset})


def _tuple_copy(items: list[Copy]) -> Copy:
    return lambda value: tuple(
        _part(index, copy, part) for index, (copy, part) in enumerate(zip(items, value, strict=True))
    )


def _mapping_copy(key: Copy, value: Copy | None) -> Copy:
    def copy(given: Any) -> Any:
        if type(given) is not dict:
            return copy_value(given)
        if value is None and key is _share:
            return given.copy()
        if value is _COPY_STRUCT and key is _share:
            return dict(zip(given, map(_COPY_STRUCT, given.values()), strict=True))
        item = value or _share
        name = None
        copied = {}
        try:
            for name, part in given.items():
                copied[key(name)] = item(part)
        except Uncopyable as fault:
            raise fault.under(name) from None
        return copied

    return copy


def _keys_copy(parts: dict[str, Copy]) -> Copy:
    return lambda value: {name: _part(name, parts.get(name, copy_value), part) for name, part in value.items()}


_COPY_STRUCT: Final[Copy] = msgspec.Struct.__copy__  # type: ignore[attr-defined]  # not in its stubs
"""Copies a Struct without its parts; past a `__copy__` of its class."""


def _struct_copy(changing: list[tuple[str, Copy]]) -> Copy:
    if not changing:  # 100,000 of them take 10 ms, which is what it takes to make as many objects
        return _COPY_STRUCT

    def copy(value: Any) -> Any:
        copied = _COPY_STRUCT(value)
        name = ""
        try:
            for name, part in changing:
                force_setattr(copied, name, part(getattr(value, name)))
        except Uncopyable as fault:
            raise fault.under(name) from None
        return copied

    return copy


def _attributes_copy(cls: Any, parts: list[tuple[str, Copy]]) -> Copy:
    put = object.__setattr__

    def copy(value: Any) -> Any:
        copied = cls.__new__(cls)
        for name, part in parts:
            given = getattr(value, name, MISSING)
            if given is not MISSING:
                put(copied, name, _part(name, part, given))
        return copied

    return copy


def copy_value(value: Any) -> Any:
    """Copy a value by its class, as its type is unknown: builtins and records; raises `Uncopyable` for others."""
    cls = type(value)
    if isinstance(value, IMMUTABLE):
        return value
    kind = _DYNAMIC.get(cls) or see_through(parse(cls))
    try:
        if kind in _DYNAMIC.values() or isinstance(kind, RecordOf):
            return compile_copy(kind)(value)
    except RecursionError:
        raise Uncopyable((), f"{describe(value)} {TOO_DEEP}") from None
    except Unresolved as error:
        raise Uncopyable((), str(error)) from error
    raise Uncopyable((), f"nothing is known of how to copy {describe(value)}")


_DYNAMIC: Final[dict[type, Kind]] = {
    list: CollectionOf(list, ANY),
    tuple: CollectionOf(tuple, ANY),
    set: CollectionOf(set, ANY),
    frozenset: CollectionOf(frozenset, ANY),
    dict: MappingOf(dict, ANY, ANY),
    bytearray: Scalar(bytearray),
}


def _copy_by(stored: Storing) -> Copy:
    """Return the copy by way of the stored value, which is copied too."""
    inner = compile_copy(stored.kind)

    def copy(value: Any) -> Any:
        try:
            return stored.of(inner(stored.to(value)))
        except Uncopyable:
            raise
        except Exception as error:
            raise Uncopyable((), f"its StoredAs raises {type(error).__name__}: {error}") from error

    return copy
