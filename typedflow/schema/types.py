"""Types as trees: `Kind`, a closed union of frozen nodes, and operations on all of them.

Each analysis of a type (validity, copies, saving, assignability) is a recursive function over kinds, in a module of its
own. Kinds keep what `msgspec.inspect` drops: `Sequence` is not `list`, a NewType is not its base, protocols and
callables are kept. Records and aliases refer to their class only; the fields are resolved on demand
(`records.fields_of`, `AliasOf.target`), so that recursive types are finite trees. This module handles neither values
nor typing forms: `parsing` converts typing forms to kinds.
"""

from __future__ import annotations

import collections.abc as abc
import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias, get_args
from uuid import UUID

import msgspec
from msgspec.structs import replace


class Limits(msgspec.Struct, frozen=True):
    """The constraints of `msgspec.Meta` on a value; None is no constraint."""

    ge: Any = None
    gt: Any = None
    le: Any = None
    lt: Any = None
    multiple_of: Any = None
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    tz: bool | None = None

    def given(self) -> dict[str, Any]:
        """Return the limits that are set, by name."""
        return {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}


NO_LIMITS: Final = Limits()


class Anything(msgspec.Struct, frozen=True):
    """`Any` (`dynamic`: assignable both ways) or `object`."""

    dynamic: bool = True


class Nothing(msgspec.Struct, frozen=True):
    """`Never` and `NoReturn`: no value is valid."""


class Scalar(msgspec.Struct, frozen=True):
    """A class that msgspec itself reads and writes as one value: one of `SCALARS`.

    Any other class without fields is saved as a value of another type: see `stored.storing_of`.
    """

    cls: type
    limits: Limits = NO_LIMITS


class EnumOf(msgspec.Struct, frozen=True):
    """An Enum with members."""

    cls: type[enum.Enum]


class LiteralOf(msgspec.Struct, frozen=True):
    """`Literal[…]`; the values with their classes, because `1 == True`."""

    members: tuple[tuple[type, Any], ...]


class CollectionOf(msgspec.Struct, frozen=True):
    """Items of one kind: `cls` is list, set, frozenset, tuple (variadic) or an abstract class of `COLLECTIONS`."""

    cls: type
    item: Kind
    limits: Limits = NO_LIMITS


class TupleOf(msgspec.Struct, frozen=True):
    """A tuple of fixed length."""

    items: tuple[Kind, ...]


class MappingOf(msgspec.Struct, frozen=True):
    """Keys of one kind, values of one kind: `cls` is dict, Mapping or MutableMapping."""

    cls: type
    key: Kind
    value: Kind
    limits: Limits = NO_LIMITS


class UnionOf(msgspec.Struct, frozen=True):
    """At least two members, in the order written; none of them is a union or an alias of one."""

    members: tuple[Kind, ...]


class NewTypeOf(msgspec.Struct, frozen=True):
    """A NewType: its own type to a checker, its base to the runtime."""

    newtype: Any
    base: Kind


@dataclass(frozen=True, slots=True)
class AliasOf:
    """A `type X = …`, which may be recursive; made by `parsing.alias_of`."""

    alias: Any
    args: tuple[Kind, ...]
    expand: Callable[[AliasOf], Kind] = field(compare=False, repr=False)
    """Resolves the value of the alias in its scope."""

    @property
    def target(self) -> Kind:
        """The value of the alias, never an alias itself; raises `Unresolved` if it cannot be resolved."""
        return self.expand(self)


@dataclass(frozen=True, slots=True)
class RecordOf:
    """A class with named, typed fields; `records.fields_of` returns them."""

    cls: type
    args: tuple[Kind, ...] = ()
    flavour: str = field(default="struct", compare=False)
    """struct, typeddict, namedtuple, dataclass or attrs."""


class FunctionOf(msgspec.Struct, frozen=True):
    """A Callable; `params` is None for `...` and equivalent forms."""

    params: tuple[Kind, ...] | None
    result: Kind


class Storing(msgspec.Struct, frozen=True):
    """How the instances of a class are saved as values of another type."""

    kind: Kind
    """The type of the stored value."""
    to: Callable[[Any], Any]
    of: Callable[[Any], Any]
    copy: Callable[[Any], Any] | None = None
    """How to copy an instance; by its stored value if None."""
    schema: Callable[[str], dict[str, Any]] | None = None
    """The JSON Schema of the stored value, by a template of references; that of `kind` if None."""
    immutable: bool = False
    exact: bool = False
    """An instance of a subclass is refused, and `==` has to hold after a save."""


class Opaque(msgspec.Struct, frozen=True):
    """Any other class or protocol; its attributes are unknown."""

    cls: type
    args: tuple[Kind, ...] = ()
    stored: Storing | None = None
    """How it is saved; None if it cannot be."""

    @property
    def is_protocol(self) -> bool:
        """Return whether the class is a Protocol."""
        return bool(getattr(self.cls, "_is_protocol", False))

    @property
    def is_checkable(self) -> bool:
        """Return whether `isinstance` works for the class."""
        return not self.is_protocol or bool(getattr(self.cls, "_is_runtime_protocol", False))


Kind: TypeAlias = (
    Anything
    | Nothing
    | Scalar
    | EnumOf
    | LiteralOf
    | CollectionOf
    | TupleOf
    | MappingOf
    | UnionOf
    | NewTypeOf
    | AliasOf
    | RecordOf
    | FunctionOf
    | Opaque
)

KINDS: Final = frozenset(get_args(Kind))
ANY: Final = Anything()
NONE: Final = Scalar(type(None))
SCALARS: Final = frozenset(
    {type(None), bool, int, float, str, bytes, bytearray, datetime, date, time, timedelta, UUID, Decimal}
    | {msgspec.Raw, msgspec.UnsetType}
)
COLLECTIONS: Final = frozenset(
    {list, set, frozenset, abc.Sequence, abc.MutableSequence, abc.Set, abc.MutableSet, abc.Collection, abc.Iterable}
)
MAPPINGS: Final = frozenset({dict, abc.Mapping, abc.MutableMapping})


def union_of(members: abc.Iterable[Kind]) -> Kind:
    """Return the union of kinds: flattened, without duplicates; a single member is returned itself."""
    flat: dict[Kind, None] = {}
    for member in members:
        seen = member.target if isinstance(member, AliasOf) else member
        if isinstance(seen, UnionOf):
            flat.update(dict.fromkeys(seen.members))
        else:
            flat[member] = None
    if not flat:
        return Nothing()
    return next(iter(flat)) if len(flat) == 1 else UnionOf(tuple(flat))


def see_through(kind: Kind) -> Kind:
    """Return the kind with outer aliases and NewTypes resolved, as the runtime treats it."""
    while True:
        if isinstance(kind, AliasOf):
            kind = kind.target
        elif isinstance(kind, NewTypeOf):
            kind = kind.base
        else:
            return kind


def constrain(kind: Kind, limits: Limits) -> Kind:
    """Return the kind with limits added to those it has; in a union, to every member."""
    if isinstance(kind, (Scalar, CollectionOf, MappingOf)):
        return replace(kind, limits=replace(kind.limits, **limits.given()))
    if isinstance(kind, NewTypeOf):
        return replace(kind, base=constrain(kind.base, limits))
    if isinstance(kind, AliasOf):
        return constrain(kind.target, limits)
    if isinstance(kind, UnionOf):
        members = (member if member == NONE else constrain(member, limits) for member in kind.members)
        return union_of(members)
    return kind


def depth_of(kind: Kind) -> int:
    """Return the nesting depth of a kind; the fields of records do not count."""
    match kind:
        case CollectionOf(item=item):
            inner: tuple[Kind, ...] = (item,)
        case MappingOf(key=key, value=value):
            inner = (key, value)
        case TupleOf(items=inner) | UnionOf(members=inner) | RecordOf(args=inner):
            pass
        case AliasOf(args=inner) | Opaque(args=inner):
            pass
        case NewTypeOf(base=base):
            inner = (base,)
        case FunctionOf(params=params, result=result):
            inner = (*(params or ()), result)
        case _:
            inner = ()
    return 1 + max(map(depth_of, inner), default=0)
