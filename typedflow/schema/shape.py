"""`TypeShape`: the interface of the rules to a type (`rules.shape.Shape`), for runtime types."""

from __future__ import annotations

import collections.abc as abc
from collections.abc import Mapping
from typing import Any, Self

import msgspec

from typedflow.rules.shape import FieldInfo
from typedflow.schema.accepts import accepts
from typedflow.schema.check import Mismatch, compile_check
from typedflow.schema.parsing import Unresolved, parse
from typedflow.schema.records import Field, fields_of, is_frozen
from typedflow.schema.render import render
from typedflow.schema.types import (
    NONE,
    AliasOf,
    Anything,
    CollectionOf,
    Kind,
    MappingOf,
    RecordOf,
    Scalar,
    UnionOf,
    see_through,
    union_of,
)

_ABSENT = (NONE, Scalar(msgspec.UnsetType))


class TypeShape(msgspec.Struct, frozen=True):
    """A `rules.shape.Shape` over a runtime type.

    Never raises: a record whose annotations cannot be resolved has no fields; compiling its check reports the name.
    """

    kind: Kind

    @classmethod
    def of(cls, tp: Any) -> Self:
        """Return the shape of a typing form, or of a kind."""
        return cls(parse(tp))

    def fields(self) -> Mapping[str, FieldInfo] | None:
        """Return the fields that every member of the type has; a field is required if one member requires it."""
        found: dict[str, FieldInfo] | None = None
        for member in self._members():
            if not isinstance(member, RecordOf):
                return None
            own = _infos(member)
            if own is None:
                return None
            found = (
                own if found is None else {name: _both(info, own[name]) for name, info in found.items() if name in own}
            )
        return found

    def is_open(self) -> bool:
        """Return whether any segment is a child."""
        members = self._members()
        return bool(members) and all(map(_is_open, members))

    def child(self, name: str) -> Self | None:
        """Return the type behind one segment: the union over the members, None if one of them has none."""
        children = [_child(member, name) for member in self._members()]
        found = [child for child in children if child is not None]
        return type(self)(union_of(found)) if found and len(found) == len(children) else None

    def item(self) -> Self | None:
        """Return the type of one item: the union over the members, None if one of them is no list or set."""
        items = [_item(member) for member in self._members()]
        found = [item for item in items if item is not None]
        return type(self)(union_of(found)) if found and len(found) == len(items) else None

    def accepts(self, other: Self) -> bool:
        """Return whether every value of `other` is valid here."""
        return accepts(self.kind, other.kind)

    def is_choice(self) -> bool:
        """Return whether a value may be of one of several types, None and UNSET aside."""
        return len(self._members()) > 1

    def is_optional(self) -> bool:
        """Return whether None is one of several possible values."""
        kind = _seen(self.kind)
        return isinstance(kind, UnionOf) and NONE in kind.members

    def without_none(self) -> Self:
        """Return the type without None; NoneType is unchanged."""
        kind = _seen(self.kind)
        if not self.is_optional() or not isinstance(kind, UnionOf):
            return self
        return type(self)(union_of(member for member in kind.members if member != NONE))

    def with_none(self) -> Self:
        """Return the union of the type and None."""
        if _seen(self.kind) == NONE or self.is_optional():
            return self
        return type(self)(union_of((self.kind, NONE)))

    def render(self) -> str:
        """Return the type as its user would write it."""
        return render(self.kind)

    def _members(self) -> list[Kind]:
        """Return the members of the type, without None and UNSET."""
        kind = _seen(self.kind)
        members = kind.members if isinstance(kind, UnionOf) else (kind,)
        return [_seen(member) for member in members if member not in _ABSENT]


def _seen(kind: Kind) -> Kind:
    try:
        return see_through(kind)
    except Unresolved:
        return kind


def _fields(record: RecordOf) -> tuple[Field, ...] | None:
    try:
        return fields_of(record)
    except Unresolved:
        return None


def _infos(record: RecordOf) -> dict[str, FieldInfo] | None:
    fields = _fields(record)
    if fields is None:
        return None
    writable = not is_frozen(record)
    return {
        field.name: FieldInfo(
            field.name, field.required, writable, field.encoded if field.encoded != field.name else "", field.read_only
        )
        for field in fields
    }


def _both(one: FieldInfo, other: FieldInfo) -> FieldInfo:
    encoded = one.encoded if one.encoded == other.encoded else ""
    required, writable = one.required or other.required, one.writable and other.writable
    return FieldInfo(one.name, required, writable, encoded, one.read_only or other.read_only)


def _is_open(kind: Kind) -> bool:
    match kind:
        case Anything(dynamic=dynamic):
            return dynamic
        case MappingOf(key=key):
            return accepts(key, str)
        case AliasOf():  # it cannot be resolved: nothing is known
            return True
        case _:
            return False


def _child(kind: Kind, name: str) -> Kind | None:
    match kind:
        case Anything(dynamic=True) | AliasOf():
            return Anything()
        case MappingOf(key=key, value=value):
            return value if _is_key(key, name) else None
        case RecordOf():
            return next((field.kind for field in _fields(kind) or () if field.name == name), None)
        case _:
            return None


def _item(kind: Kind) -> Kind | None:
    match kind:
        case Anything(dynamic=True) | AliasOf():
            return Anything()
        case CollectionOf(cls=cls, item=item) if issubclass(cls, (abc.MutableSequence, abc.MutableSet)):
            return item
        case _:
            return None


def _is_key(key: Kind, name: str) -> bool:
    try:
        return bool(compile_check(key)(name) == name)
    except (Mismatch, Unresolved):
        return False
