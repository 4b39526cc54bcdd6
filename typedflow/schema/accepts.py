"""Decide whether every value of one type is valid where another is declared.

The relation is that of the runtime check, and mypy's where both apply: a source is accepted when its values pass the
check of the target *and* mypy would let them. So mutable containers are invariant, a NewType is not entered from its
base, `Meta` limits have to be implied by the source's, a subclass of a record does not pass for its base, and a
TypedDict has exactly the target's keys. Two points follow mypy although a value may still fail: Any, and int into
float, where an int past 2**53 may have no equal. What cannot be known (arguments of user generics) is accepted.

Pure and terminating: a recursive pair is assumed to hold while it is being compared. A name that cannot be resolved is
accepted here; compiling the check reports it.
"""

from __future__ import annotations

import collections.abc as abc
import enum
from typing import Any, Final

import typing_extensions

from typedflow.schema.check import Mismatch, compile_check
from typedflow.schema.deferred import own_annotations
from typedflow.schema.limits import implies, length_limits
from typedflow.schema.parsing import Unresolved, parse
from typedflow.schema.persistable import check_persistable as check_persistable
from typedflow.schema.records import Field, fields_of, is_frozen
from typedflow.schema.types import (
    ANY,
    NO_LIMITS,
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
    see_through,
    union_of,
)


def accepts(target: Any, source: Any, *, subclasses: bool = False) -> bool:
    """Return whether every value of `source` is valid for `target`; both are typing forms or kinds.

    With `subclasses`, an instance of a subclass is valid for its base, as in mypy: for a value that is passed to the
    next step and not written to a layer.
    """
    try:
        wanted, given = parse(target), parse(source)
        return wanted is given or _Relation(subclasses).holds(wanted, given)
    except Unresolved:
        return True


class _Relation:
    """One comparison, with the pairs that are assumed to hold while they are being compared."""

    def __init__(self, subclasses: bool, *, limits: bool = True) -> None:
        self.subclasses = subclasses
        self.limits = limits
        self.assumed: set[tuple[Kind, Kind]] = set()
        self.unlimited = _Relation(subclasses, limits=False) if limits else self

    def holds(self, target: Kind, source: Kind) -> bool:
        if target in (source, ANY) or source == ANY or isinstance(source, Nothing):
            return True
        if isinstance(target, Anything):
            return True
        if isinstance(source, Anything) or isinstance(target, Nothing):
            return False
        if isinstance(target, (AliasOf, RecordOf)) or isinstance(source, (AliasOf, RecordOf)):
            if (target, source) in self.assumed:
                return True
            self.assumed.add((target, source))
        if isinstance(target, AliasOf):
            return self.holds(target.target, source)
        if isinstance(source, AliasOf):
            return self.holds(target, source.target)
        return self._holds(target, source)

    def same(self, target: Kind, source: Kind) -> bool:
        """Return whether two kinds are interchangeable inside a mutable container; limits are compared one way only."""
        return self.holds(target, source) and self.unlimited.holds(source, target)

    def _holds(self, target: Kind, source: Kind) -> bool:
        if isinstance(source, UnionOf):
            return all(self.holds(target, member) for member in source.members)
        if isinstance(target, UnionOf):
            if any(self.holds(member, source) for member in target.members):
                return True
            values = finite(source)
            return len(values) > 1 and all(self.holds(target, LiteralOf((value,))) for value in values)
        if isinstance(target, NewTypeOf):
            return self._newtype(target, source)
        if isinstance(source, NewTypeOf):
            return self.holds(target, source.base)
        if values := finite(source):
            return all(_passes(target, value) for _, value in values)
        match target:
            case Scalar():
                return isinstance(source, (Scalar, EnumOf)) and self._scalar(target, source)
            case CollectionOf():
                return self._collection(target, source)
            case TupleOf(items=items):
                return isinstance(source, TupleOf) and self._memberwise(items, source.items)
            case MappingOf():
                return self._mapping(target, source)
            case RecordOf():
                return self._record(target, source)
            case FunctionOf():
                return self._function(target, source)
            case Opaque():
                return self._opaque(target, source)
            case _:
                return False

    def _newtype(self, target: NewTypeOf, source: Kind) -> bool:
        if not isinstance(source, NewTypeOf):
            return False
        if source.newtype is target.newtype:
            return self.holds(target.base, source.base)
        return self.holds(target, source.base)

    def _memberwise(self, targets: tuple[Kind, ...], sources: tuple[Kind, ...]) -> bool:
        return len(targets) == len(sources) and all(map(self.holds, targets, sources))

    def _scalar(self, target: Scalar, source: Scalar | EnumOf) -> bool:
        if isinstance(source, EnumOf):  # a Flag: its values cannot be listed
            return issubclass(source.cls, target.cls) and self._within(target, Scalar(source.cls))
        widened = (target.cls, source.cls) == (float, int)
        return (source.cls is target.cls or widened or self._is_base(target.cls, source.cls)) and self._within(
            target, source
        )

    def _is_base(self, target: type, source: type) -> bool:
        return self.subclasses and issubclass(source, target)

    def _within(self, target: Scalar | CollectionOf | MappingOf, source: Kind) -> bool:
        if not self.limits or target.limits == NO_LIMITS:
            return True
        given = getattr(source, "limits", NO_LIMITS)
        if isinstance(source, TupleOf):
            given = length_limits(len(source.items))
        return implies(given, target.limits, integers=getattr(source, "cls", None) is int)

    def _collection(self, target: CollectionOf, source: Kind) -> bool:
        if not self._within(target, source):
            return False
        if isinstance(source, TupleOf):
            return issubclass(tuple, target.cls) and all(self.holds(target.item, item) for item in source.items)
        if isinstance(source, CollectionOf):
            fits = issubclass(source.cls, target.cls)
            related = self.same if target.cls in _INVARIANT else self.holds
            return fits and related(target.item, source.item)
        if target.cls in _CONCRETE:
            return False
        items = _items(target.cls, source)
        return items is not None and self.holds(target.item, items)

    def _mapping(self, target: MappingOf, source: Kind) -> bool:
        if isinstance(source, MappingOf):
            related = self.holds if target.cls is abc.Mapping else self.same
            return (
                issubclass(source.cls, target.cls)
                and self.same(target.key, source.key)
                and related(target.value, source.value)
                and self._within(target, source)
            )
        if target.cls is dict:
            return False
        if isinstance(source, RecordOf) and source.flavour == "typeddict":
            read_only = target.cls is abc.Mapping and self.same(target.key, Scalar(str))
            return read_only and isinstance(see_through(target.value), Anything)
        if isinstance(source, Opaque) and issubclass(source.cls, target.cls):
            return len(source.args) != 2 or self._memberwise((target.key, target.value), source.args)
        return False

    def _record(self, target: RecordOf, source: Kind) -> bool:
        if not isinstance(source, RecordOf):
            return False
        if target.flavour == "typeddict":
            return source.flavour == "typeddict" and self._typeddict(target, source)
        if source.cls is not target.cls:
            return self._is_base(target.cls, source.cls)
        variables = getattr(target.cls, "__parameters__", ())
        return all(map(self._argument, variables, target.args, source.args, [is_frozen(target)] * len(variables)))

    def _argument(self, variable: Any, target: Kind, source: Kind, frozen: bool) -> bool:
        if getattr(variable, "__covariant__", False) or (frozen and getattr(variable, "__infer_variance__", False)):
            return self.holds(target, source)
        if getattr(variable, "__contravariant__", False):
            return self.holds(source, target)
        return self.same(target, source)

    def _typeddict(self, target: RecordOf, source: RecordOf) -> bool:
        wanted = {field.name: field for field in fields_of(target)}
        given = {field.name: field for field in fields_of(source)}
        return wanted.keys() == given.keys() and all(self._key(field, given[name]) for name, field in wanted.items())

    def _key(self, target: Field, source: Field) -> bool:
        """Return whether one key of a TypedDict fits; if it is ReadOnly in the target, only reads have to fit."""
        if target.read_only:
            return (source.required or not target.required) and self.holds(target.kind, source.kind)
        is_alike = target.required == source.required and not source.read_only
        return is_alike and self.same(target.kind, source.kind)

    def _function(self, target: FunctionOf, source: Kind) -> bool:
        if isinstance(source, Opaque):
            return "__call__" in dir(source.cls)
        if not isinstance(source, FunctionOf):
            return False
        params = target.params is None or source.params is None or self._memberwise(source.params, target.params)
        return params and self.holds(target.result, source.result)

    def _opaque(self, target: Opaque, source: Kind) -> bool:
        cls = _class_of(source)
        if target.is_protocol and target.cls not in _ABSTRACT_PROTOCOLS:
            return _has_members(target.cls, cls, source)
        if not issubclass(cls, target.cls):
            return False
        args = getattr(source, "args", ())
        return cls is not target.cls or len(args) != len(target.args) or self._memberwise(target.args, args)


_INVARIANT: Final = frozenset({list, set, abc.MutableSequence, abc.MutableSet})
_CONCRETE: Final = frozenset({list, set, frozenset, tuple})
_ABSTRACT_PROTOCOLS: Final = frozenset({abc.Hashable, abc.Sized, abc.Iterable, abc.Iterator, abc.Container})


def finite(kind: Kind) -> tuple[tuple[type, Any], ...]:
    """Return all values of a kind with their classes, if the kind is a Literal, bool or similar; empty otherwise."""
    match kind:
        case LiteralOf(members=members):
            return members
        case Scalar(cls=cls) if cls is bool:
            return ((bool, False), (bool, True))
        case Scalar(cls=cls) if cls is type(None):
            return ((cls, None),)
        case EnumOf(cls=enum_cls) if not issubclass(enum_cls, enum.Flag):
            return tuple((enum_cls, member) for member in enum_cls)
        case _:
            return ()


def _passes(target: Kind, value: Any) -> bool:
    try:
        compile_check(target)(value)
    except Mismatch:
        return False
    return True


def _items(cls: type, source: Kind) -> Kind | None:
    """Return the item kind of a source of another kind; None if it is not an instance of the abstract class `cls`."""
    found: Kind | None = None
    match source:
        case Scalar(cls=source_cls) if source_cls is str:
            found = Scalar(str)
        case Scalar(cls=source_cls) if source_cls in (bytes, bytearray):
            found = Scalar(int)
        case MappingOf(cls=source_cls, key=key):
            found = key
        case RecordOf(cls=source_cls, flavour="namedtuple"):
            found = union_of(field.kind for field in fields_of(source))
        case RecordOf(cls=source_cls, flavour="typeddict"):
            source_cls, found = dict, Scalar(str)
        case Opaque(cls=source_cls, args=args):
            found = args[0] if args else ANY
        case _:
            return None
    return found if issubclass(source_cls, cls) else None


def _class_of(kind: Kind) -> type:
    match kind:
        case Scalar(cls=cls) | CollectionOf(cls=cls) | MappingOf(cls=cls) | Opaque(cls=cls):
            return cls
        case RecordOf(cls=cls, flavour=flavour):
            return dict if flavour == "typeddict" else cls
        case EnumOf(cls=cls):
            return cls
        case TupleOf():
            return tuple
        case FunctionOf():
            return type(_class_of)
        case _:
            return object


def _has_members(protocol: type, cls: type, source: Kind) -> bool:
    """Return whether a class has all members of a protocol; by name only, as mypy checks the signatures."""
    fields = {field.name for field in fields_of(source)} if isinstance(source, RecordOf) else set()
    annotated = {name for base in cls.__mro__ for name in own_annotations(base)}
    if cls is type(_has_members):
        annotated |= {"__call__"}
    members = typing_extensions.get_protocol_members(protocol)
    return all(name in fields or name in annotated or hasattr(cls, name) for name in members)
