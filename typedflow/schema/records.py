"""The fields of a record, resolved on first use, so that records can be recursive."""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Mapping
from typing import Any, assert_never, cast, get_args, get_origin

import msgspec
import typing_extensions

from typedflow.schema.deferred import Unevaluated, closure_of, own_annotations
from typedflow.schema.parsing import Scope, Unresolved, parse_in
from typedflow.schema.types import (
    ANY,
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
    TupleOf,
    UnionOf,
)


class Field(msgspec.Struct, frozen=True):
    """One field of a record, with its type."""

    name: str
    kind: Kind
    required: bool
    """The field has no default; for a TypedDict: the key is required."""
    encoded: str
    """The name in the encoding."""
    read_only: bool = False
    """Declared `ReadOnly[…]`, in a TypedDict."""


_fields: dict[RecordOf, tuple[Field, ...]] = {}


def fields_of(record: RecordOf) -> tuple[Field, ...]:
    """Return the fields of a record in order of definition.

    Annotations that are text resolve by msgspec's own rule, module globals and then the class; `Unresolved` else.
    Cached for the life of the process.
    """
    found = _fields.get(record)
    if found is None:
        found = _fields[record] = tuple(_READERS[record.flavour](record, _Hints(record)))
    return found


def children(kind: Kind) -> tuple[Kind, ...]:
    """Return the kinds of a value's direct parts, or the members, base or target of the kind; empty if it has none.

    A recursive type leads back to itself: the caller keeps the kinds that it has visited.
    """
    match kind:
        case CollectionOf(item=inner) | NewTypeOf(base=inner):
            return (inner,)
        case MappingOf(key=key, value=value):
            return (key, value)
        case TupleOf(items=several) | UnionOf(members=several):
            return several
        case AliasOf():
            return (kind.target,)
        case RecordOf():
            return tuple(field.kind for field in fields_of(kind))
        case Anything() | Nothing() | Scalar() | EnumOf() | LiteralOf() | FunctionOf() | Opaque():
            return ()
        case _:
            assert_never(kind)


def stored_in(kind: Kind) -> tuple[Opaque, ...]:
    """Return every class in a kind, at any depth, that is saved as a value of another type."""
    found: dict[Opaque, None] = {}
    waiting, seen = [kind], set[Kind]()
    while waiting:
        part = waiting.pop()
        if part in seen:
            continue
        seen.add(part)
        if isinstance(part, Opaque) and part.stored is not None:
            found[part] = None
        waiting += children(part)
    return tuple(found)


def is_frozen(record: RecordOf) -> bool:
    """Return whether the fields of an instance cannot be assigned."""
    cls = cast("Any", record.cls)
    match record.flavour:
        case "struct":
            return bool(cls.__struct_config__.frozen)
        case "dataclass":
            return bool(cls.__dataclass_params__.frozen)
        case "namedtuple":
            return True
        case "attrs":
            return "__setattr__" in vars(cls) and vars(cls)["__setattr__"].__name__.startswith("_frozen")
        case _:
            return False


class _Hints:
    """The annotations of a class and its bases, each with the scope it was written in."""

    def __init__(self, record: RecordOf) -> None:
        self.record = record
        self.bound: dict[type, Mapping[Any, Kind]] = {}
        parameters = getattr(record.cls, "__parameters__", ())
        self._bind(record.cls, dict(zip(parameters, record.args, strict=False)))
        self.found: dict[str, tuple[Any, Scope]] = {}
        order = record.cls.__mro__ if record.flavour != "typeddict" else tuple(reversed(self.bound))
        for cls in order:
            if cls in (object, dict, tuple, typing.Generic, msgspec.Struct):
                continue
            scope = self._scope(cls)
            for name, annotation in _annotations_of(cls).items():
                self._find(name, annotation, scope)

    def _find(self, name: str, annotation: Any, scope: Scope) -> None:
        """Record an annotation with the scope of its class; a TypedDict repeats those of its bases."""
        known = self.found.get(name)
        if known is None or (self.record.flavour == "typeddict" and known[0] != annotation):
            self.found[name] = (annotation, scope)

    def _bind(self, cls: type, variables: Mapping[Any, Kind]) -> None:
        if cls in self.bound:
            return
        self.bound[cls] = variables
        for base in cls.__dict__.get("__orig_bases__", cls.__bases__):
            origin = get_origin(base) or base
            if not isinstance(origin, type) or origin in (object, dict, typing.Generic):
                continue
            args = (parse_in(arg, self._scope(cls)) for arg in get_args(base))
            self._bind(origin, dict(zip(getattr(origin, "__parameters__", ()), args, strict=False)))

    def _scope(self, cls: type) -> Scope:
        module = vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}
        bound, unbound = closure_of(cls)
        names = bound | dict(vars(cls)) | {p.__name__: p for p in getattr(cls, "__type_params__", ())}
        return Scope(self.bound.get(cls, {}), module, names, unbound, self.record, f"class '{cls.__qualname__}'")

    def form(self, name: str) -> Any:
        """Return the annotation of a field; a str is evaluated once."""
        annotation, scope = self.found[name]
        return scope.evaluate(annotation) if isinstance(annotation, str | typing.ForwardRef) else annotation

    def kind(self, name: str) -> Kind:
        """Return the kind of a field; that of Any if it has no annotation."""
        if name not in self.found:
            return ANY
        return parse_in(self.form(name), self.found[name][1])


def _annotations_of(cls: type) -> dict[str, Any]:
    try:
        return own_annotations(cls)
    except Unevaluated as failure:
        raise Unresolved(f"the annotations of {cls.__qualname__}: {failure}") from failure


def _struct_fields(record: RecordOf, hints: _Hints) -> typing.Iterator[Field]:
    cls = cast("type[msgspec.Struct]", record.cls)
    names, defaults = cls.__struct_fields__, cls.__struct_defaults__
    first = len(names) - len(defaults)
    for index, (name, encoded) in enumerate(zip(names, cls.__struct_encode_fields__, strict=True)):
        required = index < first or defaults[index - first] is msgspec.NODEFAULT
        yield Field(name, hints.kind(name), required, encoded)


def _typeddict_fields(record: RecordOf, hints: _Hints) -> typing.Iterator[Field]:
    for name in own_annotations(record.cls):
        required, read_only = name in cast("Any", record.cls).__required_keys__, False
        form = hints.form(name)
        # text hides Required, NotRequired and ReadOnly from the TypedDict itself
        while (origin := get_origin(form)) is not None:
            if origin in (typing.Required, typing_extensions.Required):
                required = True
            elif origin in (typing.NotRequired, typing_extensions.NotRequired):
                required = False
            elif origin is typing_extensions.ReadOnly:
                read_only = True
            elif origin is not typing.Annotated:
                break
            form = get_args(form)[0]
        yield Field(name, hints.kind(name), required, name, read_only)


def _namedtuple_fields(record: RecordOf, hints: _Hints) -> typing.Iterator[Field]:
    cls = cast("Any", record.cls)
    for name in cls._fields:
        yield Field(name, hints.kind(name), name not in cls._field_defaults, name)


def _dataclass_fields(record: RecordOf, hints: _Hints) -> typing.Iterator[Field]:
    for item in dataclasses.fields(cast("Any", record.cls)):
        required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        yield Field(item.name, hints.kind(item.name), required, item.name)


def _attrs_fields(record: RecordOf, hints: _Hints) -> typing.Iterator[Field]:
    for item in cast("Any", record.cls).__attrs_attrs__:
        has_default = type(item.default).__name__ != "_Nothing" and item.default is not _attrs_nothing()
        yield Field(item.name, hints.kind(item.name), not has_default, item.name)


def _attrs_nothing() -> Any:
    return getattr(sys.modules.get("attr"), "NOTHING", None)


_READERS: typing.Final = {
    "struct": _struct_fields,
    "typeddict": _typeddict_fields,
    "namedtuple": _namedtuple_fields,
    "dataclass": _dataclass_fields,
    "attrs": _attrs_fields,
}
