"""Check that every value of a type is equal, and of the same type, after a save and a load.

msgspec builds decoders for types whose values it cannot encode, or decodes as another type; the rules here are
stricter, and the tests compare each with msgspec. Refused although msgspec decodes them: `Any` and `object` (they are
decoded as builtins), abstract collections (a tuple declared as `Sequence` is decoded as a list), `Raw` (bytes of one
format), dict keys that JSON cannot encode or distinguish.
"""

from __future__ import annotations

import builtins
import enum
import typing
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, assert_never
from uuid import UUID

import msgspec

from typedflow.rules import saving
from typedflow.schema.parsing import parse
from typedflow.schema.records import fields_of, is_frozen
from typedflow.schema.render import render
from typedflow.schema.resolving import RecursiveAlias
from typedflow.schema.types import (
    MAPPINGS,
    NO_LIMITS,
    NONE,
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
)
from typedflow.schema.undeclared import cached_names, slots_of

Fault = tuple[tuple[str | int, ...], str]

_JSON: Final = Anything()
"""What a pydantic model is saved as: its own JSON."""
_UNSET: Final = Scalar(msgspec.UnsetType)


def check_persistable(tp: Any, *, field: bool = False, form: Any = None) -> list[Fault]:
    """Return every part of a type that cannot be saved and loaded, with its path and the reason; empty if none.

    The path has field names, and positions of fixed tuples; the items of a collection have no segment. For a typing
    form, or a kind with its `form`, msgspec must build a decoder too. `field`: the type is that of a Struct field,
    which may be UNSET. Raises `Unresolved` if a name in an annotation is undefined.
    """
    kind = parse(tp)
    faults = list(dict.fromkeys(_Walk().faults(kind, (), field)))
    return faults or _refused_by_msgspec(tp if form is None else form, kind)


def _refused_by_msgspec(tp: Any, kind: Kind) -> list[Fault]:
    """Return the error of msgspec for a type that no rule here covers: misplaced limits, Literals over 64 bits."""
    if tp is kind:
        return []
    try:
        msgspec.json.Decoder(tp)
        msgspec.msgpack.Decoder(tp)
    except Exception as error:  # msgspec raises what the user's annotations raise
        return [((), f"msgspec refuses it: {str(error).splitlines()[0] if str(error) else type(error).__name__}")]
    return []


class _Walk:
    def __init__(self) -> None:
        self.seen: set[Kind] = set()
        self.open_aliases: set[Kind] = set()
        self.recursive: set[Kind] = set()

    def faults(self, kind: Kind, path: tuple[str | int, ...], field: bool = False) -> Iterator[Fault]:
        match kind:
            case Anything():
                yield path, saving.comes_back_plain(render(kind))
            case Nothing():
                yield path, saving.NEVER
            case Scalar(cls=cls) if cls is msgspec.Raw:
                yield path, saving.RAW
            case Scalar() if kind == _UNSET:
                yield path, saving.UNSET_OUTSIDE_STRUCT
            case Scalar(limits=limits) if limits != NO_LIMITS:
                yield from ((path, reason) for reason in _limit_faults(kind))
            case EnumOf(cls=enum_cls):
                yield from ((path, reason) for reason in _enum_faults(enum_cls))
            case LiteralOf(members=members):
                odd = [v for cls, v in members if cls not in _LITERAL_CLASSES or (cls is int and abs(v) >= 2**63)]
                yield from ((path, saving.odd_literal(value)) for value in odd)
            case CollectionOf() | MappingOf():
                yield from self._container(kind, path)
            case TupleOf(items=items):
                for index, item in enumerate(items):
                    yield from self.faults(item, (*path, index))
            case UnionOf(members=members):
                for member in members:
                    if not (field and member == _UNSET):
                        yield from self.faults(member, path)
                yield from ((path, reason) for reason in _union_faults(kind))
            case NewTypeOf(base=base):
                yield from self.faults(base, path, field)
            case AliasOf() | RecordOf():
                yield from self._named(kind, path)
            case Opaque(cls=cls) if cls is _FROZENDICT:
                yield path, saving.frozen_dict(render(kind))
            case Opaque(stored=stored) if stored is not None:
                if stored.kind != _JSON:
                    yield from self.faults(stored.kind, path)
            case FunctionOf() | Opaque():
                yield path, saving.not_encodable(render(kind))
            case Scalar():
                pass
            case _:
                assert_never(kind)

    def _named(self, kind: AliasOf | RecordOf, path: tuple[str | int, ...]) -> Iterator[Fault]:
        if kind in self.open_aliases:
            self.recursive.add(kind)
        if kind in self.seen:
            return
        self.seen.add(kind)
        if isinstance(kind, AliasOf):
            if isinstance(kind.alias, RecursiveAlias):
                yield path, saving.recursive_alias(render(kind))
                return
            if not isinstance(kind.alias, _NATIVE_ALIAS):
                yield path, f"msgspec cannot decode {render(kind)}, an alias of typing_extensions"
                return
            self.open_aliases.add(kind)
            yield from self.faults(kind.target, path)
            self.open_aliases.discard(kind)
            if kind in self.recursive:
                yield path, saving.recursive_alias(render(kind))
            return
        if kind.flavour == "attrs":
            yield from ((path, reason) for reason in _attrs_faults(kind))
        # what a record refers to is decoded on its own, an alias that leads to it too
        opened, self.open_aliases = self.open_aliases, set()
        may_be_unset = kind.flavour in ("struct", "dataclass", "attrs")
        if any(field.read_only for field in fields_of(kind)):
            yield path, saving.read_only_keys(render(kind))
        for field in fields_of(kind):
            yield from self.faults(field.kind, (*path, field.name), may_be_unset)
        self.open_aliases = opened

    def _container(self, kind: CollectionOf | MappingOf, path: tuple[str | int, ...]) -> Iterator[Fault]:
        if kind.cls not in _CONCRETE:
            better = "dict[…]" if kind.cls in MAPPINGS else "list[…] or tuple[…, ...]"
            yield path, saving.other_class(render(kind), better)
        if isinstance(kind, MappingOf):
            yield from ((path, reason) for reason in _key_faults(kind.key))
            yield from self.faults(kind.key, path)
            yield from self.faults(kind.value, path)
            return
        if kind.cls in (set, frozenset) and not _is_hashable(kind.item):
            yield path, saving.not_hashable(render(kind.item), kind.cls.__name__)
        yield from self.faults(kind.item, path)


_FROZENDICT: Final = getattr(builtins, "frozendict", None)  # of Python 3.15
_NATIVE_ALIAS: Final = getattr(typing, "TypeAliasType", ())
_CONCRETE: Final = frozenset({list, set, frozenset, tuple, dict})
_LITERAL_CLASSES: Final = frozenset({type(None), bool, int, str})


def _attrs_faults(kind: RecordOf) -> Iterator[str]:
    """Yield where msgspec encodes an attrs class differently: it encodes all attributes without an underscore."""
    names = [field.name for field in fields_of(kind)]
    yield from (saving.private_field(render(kind), name) for name in names if name.startswith("_"))
    kept = dict.fromkeys((*cached_names(kind.cls), *slots_of(kind.cls)))
    beside = (name for name in kept if name not in names and not name.startswith("_"))
    yield from (saving.cached_attribute(render(kind), name) for name in beside)


def _enum_faults(cls: type[enum.Enum]) -> Iterator[str]:
    values = [member.value for member in cls]
    if not (all(isinstance(v, str) for v in values) or all(type(v) is int for v in values)):
        yield saving.odd_enum(cls.__name__)
    elif any(isinstance(v, int) and abs(v) >= 2**63 for v in values):
        yield f"the values of {cls.__name__} are past 64 bits"


def _limit_faults(kind: Scalar) -> Iterator[str]:
    for name, bound in kind.limits.given().items():
        if kind.cls not in _LIMITED[name]:
            yield f"msgspec cannot hold {kind.cls.__name__} to '{name}'"
        elif kind.cls is int and name in _NUMERIC and (type(bound) is not int or abs(bound) >= 2**63):
            yield f"the bound '{name}={bound!r}' of an int is no int of 64 bits"


_NUMERIC: Final = frozenset({"ge", "gt", "le", "lt", "multiple_of"})
_LIMITED: Final[dict[str, frozenset[type]]] = {
    **dict.fromkeys(_NUMERIC, frozenset({int, float})),
    **dict.fromkeys(("min_length", "max_length"), frozenset({str, bytes, bytearray})),
    "pattern": frozenset({str}),
    "tz": frozenset({datetime, time}),
}


def _is_hashable(kind: Kind) -> bool:
    match see_through(kind):
        case CollectionOf(cls=cls, item=item):
            return cls is frozenset or (cls is tuple and _is_hashable(item))
        case TupleOf(items=members) | UnionOf(members=members):
            return all(map(_is_hashable, members))
        case MappingOf():
            return False
        case Scalar(cls=cls):
            return cls is not bytearray
        case RecordOf(flavour=flavour) as record:
            if flavour == "namedtuple" or (flavour == "struct" and is_frozen(record)):
                return all(_is_hashable(field.kind) for field in fields_of(record))
            return flavour != "typeddict" and record.cls.__hash__ is not None and flavour != "struct"
        case _:
            return True


_NUMBERS: Final = frozenset({int, float})
_TEXTS: Final = frozenset({str, bytes, bytearray, datetime, date, time, timedelta, UUID, Decimal})


def _key_faults(key: Kind) -> Iterator[str]:
    members = _flat(key)
    classes = {label for member in members for label in _labels(member)}
    if odd := [member for member in members if not _labels(member) <= {"number", "text", "number enum", "text enum"}]:
        yield saving.no_json_key(render(odd[0]))
    elif len({label.split()[0] for label in classes}) > 1:
        yield saving.mixed_keys(render(key))


def _labels(kind: Kind) -> frozenset[str]:
    """Return the JSON forms of a dict key: number, text, an enum of one, or other; a Literal may have several."""
    match see_through(kind):
        case Scalar(cls=cls) if cls in _NUMBERS:
            return frozenset({"number"})
        case Scalar(cls=cls) if cls in _TEXTS and cls is not bytearray:
            return frozenset({"text"})
        case EnumOf(cls=enum_cls):
            texts = all(isinstance(member.value, str) for member in enum_cls)
            return frozenset({"text enum" if texts else "number enum"})
        case LiteralOf(members=members):
            return frozenset({int: "number", str: "text"}.get(cls, "other") for cls, _ in members)
        case _:
            return frozenset({"other"})


def _flat(kind: Kind) -> tuple[Kind, ...]:
    seen = see_through(kind)
    return seen.members if isinstance(seen, UnionOf) else (seen,)


def _union_faults(kind: UnionOf) -> Iterator[str]:
    """Yield the members that msgspec cannot distinguish: only tagged Structs may share a JSON form."""
    makes: dict[str, list[Kind]] = {}
    for member in kind.members:
        for make in _makes(see_through(member)):
            makes.setdefault(make, []).append(member)
    for make, members in makes.items():
        if len(members) > 1 and not _told_apart(make, members):
            yield saving.not_told_apart([render(member) for member in members], structs=_are_structs(members))
    seen = [see_through(member) for member in kind.members]
    stored = [member for member in seen if isinstance(member, Opaque) and member.stored is not None]
    others = [member for member in seen if member not in (*stored[:1], NONE)]
    if stored and others:
        yield saving.stored_beside(render(stored[0]), render(others[0]))
    limited = [member for member in seen if getattr(member, "limits", NO_LIMITS) != NO_LIMITS]
    if limited and any(isinstance(member, TupleOf) for member in seen):
        # msgspec 0.22.0 builds such a decoder wrongly, and the process dies of it
        yield f"msgspec cannot read {render(limited[0])} beside a tuple of fixed length"


def _makes(kind: Kind) -> set[str]:
    match kind:
        case Scalar(cls=cls) if cls in _TEXTS:
            return {"text"}
        case Scalar(cls=cls) if cls is int:
            return {"integer"}
        case EnumOf(cls=enum_cls):
            return {"text" if all(isinstance(member.value, str) for member in enum_cls) else "integer"}
        case LiteralOf(members=members):
            return {"text" if cls is str else "integer" for cls, _ in members if cls in (str, int)}
        case CollectionOf() | TupleOf() | RecordOf(flavour="namedtuple"):
            return {"array"}
        case RecordOf(cls=cls, flavour="struct"):
            return {"array" if _config(cls).array_like else "mapping", "struct"}
        case MappingOf() | RecordOf():
            return {"mapping"}
        case _:
            return set()


def _told_apart(make: str, members: list[Kind]) -> bool:
    if make in ("text", "integer"):
        plain = str if make == "text" else int
        literals = [m for m in members if isinstance(see_through(m), LiteralOf)]
        others = [see_through(m) for m in members if m not in literals]
        return not others or (len(others) == 1 and isinstance(others[0], Scalar) and others[0].cls is plain)
    if not _are_structs(members):
        return False
    configs = [_config(see_through(member).cls) for member in members]  # type: ignore[union-attr]  # Structs, all
    tags = [config.tag for config in configs]
    shapes = {(config.tag_field, config.array_like, type(config.tag)) for config in configs}
    return None not in tags and len(set(tags)) == len(tags) and len(shapes) == 1


def _are_structs(members: list[Kind]) -> bool:
    return all(isinstance(kind := see_through(m), RecordOf) and kind.flavour == "struct" for m in members)


def _config(cls: Any) -> Any:
    return cls.__struct_config__
