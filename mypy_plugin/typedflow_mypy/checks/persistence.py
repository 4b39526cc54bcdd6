"""Whether msgspec gives every value of a type back: the rules of `typedflow.schema.persistable`, on mypy's types.

Asked while classes are being made, when mypy has not yet gathered their fields: they are read from the symbol tables.
What cannot be judged there is left to the runtime.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mypy.nodes import TypeInfo, Var
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    LiteralType,
    NoneType,
    ProperType,
    TupleType,
    Type,
    TypeAliasType,
    TypedDictType,
    TypeOfAny,
    TypeType,
    UninhabitedType,
    UnionType,
    UnpackType,
    get_proper_type,
)

from typedflow.rules import saving
from typedflow_mypy.reading.rendering import render
from typedflow_mypy.reading.shape import declares_self, flat, member_type
from typedflow_mypy.reading.structs import is_struct, stored_fields, struct_option
from typedflow_mypy.reading.trace import Trace

Fault = tuple[tuple[str | int, ...], str]

_TEXTS: Final = frozenset(
    {"builtins.str", "builtins.bytes", "builtins.bytearray", "datetime.datetime", "datetime.date", "datetime.time"}
    | {"datetime.timedelta", "uuid.UUID", "decimal.Decimal"}
)
_SCALARS: Final = _TEXTS | {"builtins.bool", "builtins.int", "builtins.float", "msgspec.UnsetType"}
_RAW: Final = frozenset({"msgspec.Raw", "msgspec._core.Raw"})
_CONTAINERS: Final = frozenset(
    {"builtins.list", "builtins.set", "builtins.frozenset", "builtins.tuple", "builtins.dict"}
)
_ABSTRACT: Final = frozenset(
    f"typing.{name}"
    for name in (
        *("Sequence", "MutableSequence", "AbstractSet", "MutableSet", "Collection", "Iterable"),
        *("Mapping", "MutableMapping"),
    )
)
_STORED: Final = frozenset(
    f"{module}.{name}"
    for module in ("pathlib", "pathlib._local")
    for name in ("PurePath", "PurePosixPath", "PureWindowsPath", "Path")
)
_MODEL: Final = "pydantic.main.BaseModel"
_KEYS: Final = (_TEXTS - {"builtins.bytearray"}) | {"builtins.int", "builtins.float"}


class Incomplete(Exception):
    """A class is not ready yet: ask again later."""


def faults(tp: Type, trace: Trace, *, is_of_self: bool = False, may_be_stored: bool = False) -> list[Fault]:
    """Return every part of a field's type that cannot be saved and loaded, with its path and the reason.

    `is_of_self`: the field is declared with Self, in whose place `tp` has the class. `may_be_stored`: the annotation
    has metadata that may be a StoredAs.
    """
    walk = _Walk(trace, may_be_stored)
    found = list(dict.fromkeys(walk.faults(tp, ())))
    return found or [((), saving.SELF)] * (walk.is_of_self or is_of_self)


def fields_of(info: TypeInfo) -> Iterator[str]:
    """Name the fields of a record class, also while it is being made; raises `Incomplete` for one without a type."""
    names: dict[str, None] = {}
    for base in reversed(info.mro):
        if base.fullname in ("builtins.object", "msgspec.Struct") or base.fullname.startswith("typedflow."):
            continue
        for name, sym in base.names.items():
            node = sym.node
            if isinstance(node, Var) and not node.is_classvar and not node.is_inferred and not name.startswith("__"):
                if node.type is None:
                    raise Incomplete
                names[name] = None
    return iter(names)


def is_record_class(info: TypeInfo) -> bool:
    """Return whether a class is one whose fields msgspec saves, also while it is being made."""
    return is_struct(info) or any(key in info.metadata for key in ("dataclass", "dataclass_tag", "attrs", "attrs_tag"))


class _Walk:
    def __init__(self, trace: Trace, may_be_stored: bool) -> None:
        self.trace = trace
        self.may_be_stored = may_be_stored
        """A StoredAs, which mypy drops, may say how the classes met here are saved."""
        self.seen: set[Type] = set()
        self.recursive: set[Type] = set()
        """Aliases that were found to refer to themselves."""
        self.aliases: frozenset[Type] = frozenset()
        """Those that are being walked, since the last record."""
        self.is_of_self = False
        """A field of a record is declared with Self, which msgspec refuses without naming the field."""

    def faults(self, tp: Type, path: tuple[str | int, ...]) -> Iterator[Fault]:
        proper = get_proper_type(tp)
        if isinstance(tp, TypeAliasType) and not _is_record(proper):
            if tp in self.aliases:
                self.recursive.add(tp)
                return
            outside, self.aliases = self.aliases, self.aliases | {tp}
            yield from self._parts(proper, path)
            self.aliases = outside
            if tp in self.recursive:
                yield path, saving.recursive_alias(render(tp))
        else:
            yield from self._parts(proper, path)

    def _parts(self, proper: ProperType, path: tuple[str | int, ...]) -> Iterator[Fault]:
        if isinstance(proper, UnionType):
            if proper in self.seen:
                return
            self.seen.add(proper)
            for member in flat(proper):
                yield from self.faults(member, path)
            yield from ((path, reason) for reason in _union_faults(proper))
        elif isinstance(proper, AnyType):
            if proper.type_of_any in (TypeOfAny.explicit, TypeOfAny.from_omitted_generics):
                yield path, saving.comes_back_plain(render(proper))
        elif isinstance(proper, UninhabitedType):
            yield path, saving.NEVER
        elif isinstance(proper, (CallableType, TypeType)):
            yield path, saving.not_encodable(render(proper))
        elif isinstance(proper, TypedDictType):
            if proper.readonly_keys and proper not in self.seen:
                yield path, saving.read_only_keys(render(proper))
            yield from self._record(proper, proper.fallback.type, dict(proper.items), path)
        elif isinstance(proper, TupleType):
            yield from self._tuple(proper, path)
        elif isinstance(proper, Instance):
            yield from self._instance(proper, path)

    def _tuple(self, tp: TupleType, path: tuple[str | int, ...]) -> Iterator[Fault]:
        info = tp.partial_fallback.type
        if info.is_named_tuple:
            names = info.metadata.get("namedtuple", {}).get("fields", [])
            yield from self._record(tp, info, dict(zip(names, tp.items, strict=False)), path)
            return
        for index, item in enumerate(tp.items):
            if not isinstance(get_proper_type(item), UnpackType):
                yield from self.faults(item, (*path, index))

    def _record(self, tp: Type, info: TypeInfo, items: dict[str, Type], path: tuple[str | int, ...]) -> Iterator[Fault]:
        if tp in self.seen:
            return
        self.seen.add(tp)
        self.trace.visit(info, *items)
        # what a record refers to is decoded on its own, an alias that leads to it too
        outside, self.aliases = self.aliases, frozenset()
        stored, annotated = self.may_be_stored, stored_fields(info)
        for name, item in items.items():
            self.may_be_stored = name in annotated
            yield from self.faults(item, (*path, name))
        self.aliases, self.may_be_stored = outside, stored

    def _instance(self, tp: Instance, path: tuple[str | int, ...]) -> Iterator[Fault]:
        name = tp.type.fullname
        self.trace.visit(tp.type)
        if tp.type.is_newtype:
            for base in tp.type.bases:
                yield from self.faults(base, path)
        elif name == "builtins.object":
            yield path, saving.comes_back_plain(render(tp))
        elif name in _RAW:
            yield path, saving.RAW
        elif tp.type.is_enum:
            yield from ((path, reason) for reason in _enum_faults(tp.type))
        elif name in _CONTAINERS or name in _ABSTRACT:
            yield from self._container(tp, path)
        elif is_record_class(tp.type):
            self.is_of_self |= any(declares_self(tp.type, field) for field in fields_of(tp.type))
            items = {field: member_type(tp, field) or AnyType(TypeOfAny.special_form) for field in fields_of(tp.type)}
            if "attrs" in tp.type.metadata or "attrs_tag" in tp.type.metadata:
                private = [field for field in items if field.startswith("_")]
                yield from ((path, saving.private_field(render(tp), field)) for field in private)
            yield from self._record(tp, tp.type, items, path)
        elif name not in _SCALARS and not _is_stored(tp.type) and not self.may_be_stored:
            yield path, saving.not_encodable(render(tp))

    def _container(self, tp: Instance, path: tuple[str | int, ...]) -> Iterator[Fault]:
        name = tp.type.name
        if tp.type.fullname in _ABSTRACT:
            better = "dict[…]" if name.endswith("Mapping") else "list[…] or tuple[…, ...]"
            yield path, saving.other_class(render(tp), better)
        if name in ("dict", "Mapping", "MutableMapping") and len(tp.args) == 2:
            yield from ((path, reason) for reason in _key_faults(tp.args[0]))
        if name in ("set", "frozenset") and not _is_hashable(tp.args[0]):
            yield path, saving.not_hashable(render(tp.args[0]), name)
        for arg in tp.args:
            yield from self.faults(arg, path)


def _enum_faults(info: TypeInfo) -> Iterator[str]:
    """Return the faults of an enum's members by their values; those that are computed are left to the runtime."""
    values: list[object] = []
    for sym in info.names.values():
        node = sym.node
        if isinstance(node, Var) and node.type is not None and not node.is_property:
            declared = get_proper_type(node.type)
            if isinstance(declared, Instance) and declared.last_known_value is not None:
                values.append(declared.last_known_value.value)
    if values and not (all(isinstance(v, str) for v in values) or all(type(v) is int for v in values)):
        yield saving.odd_enum(info.name)


def _is_record(tp: ProperType) -> bool:
    """Return whether a type is a record to which mypy gives an alias of its own, as it refers to itself."""
    if isinstance(tp, TypedDictType):
        return not tp.is_anonymous()
    return isinstance(tp, TupleType) and tp.partial_fallback.type.is_named_tuple


def _is_hashable(tp: Type, within: tuple[Type, ...] = ()) -> bool:
    if isinstance(tp, TypeAliasType):
        if tp in within:
            return True
        within = (*within, tp)
    proper = get_proper_type(tp)
    if isinstance(proper, (UnionType, TupleType)):
        return all(_is_hashable(item, within) for item in proper.items)
    if isinstance(proper, TypedDictType):
        return False
    if isinstance(proper, Instance):
        return proper.type.fullname not in (
            {"builtins.list", "builtins.set", "builtins.dict", "builtins.bytearray"}
        ) and all(_is_hashable(arg, within) for arg in proper.args)
    return True


def _key_faults(key: Type) -> Iterator[str]:
    kinds: set[str] = set()
    for member in flat(key):
        kind = _key_kind(get_proper_type(member))
        if kind is None:
            yield saving.no_json_key(render(member))
            return
        kinds.add(kind)
    if len(kinds - {""}) > 1:
        yield saving.mixed_keys(render(key))


def _key_kind(tp: ProperType) -> str | None:
    if isinstance(tp, LiteralType):
        return "text" if isinstance(tp.value, str) else "number" if type(tp.value) is int else None
    if isinstance(tp, Instance):
        if tp.type.is_newtype:
            return _key_kind(tp.type.bases[0])
        if tp.type.is_enum:
            return ""
        if tp.type.fullname in _KEYS:
            return "text" if tp.type.fullname in _TEXTS else "number"
    return "" if isinstance(tp, AnyType) else None


def _union_faults(union: UnionType) -> Iterator[str]:
    """Find the members that msgspec cannot tell apart: at most one of each make, but for tagged Structs."""
    makes: dict[str, list[Type]] = {}
    for member in flat(union):
        for make in _makes(get_proper_type(member)):
            makes.setdefault(make, []).append(member)
    for make, members in makes.items():
        if len(members) > 1 and not _told_apart(make, members):
            structs = all(_is_struct(member) for member in members)
            yield saving.not_told_apart([render(member) for member in members], structs=structs)
    seen = [get_proper_type(member) for member in flat(union)]
    stored = [member for member in seen if isinstance(member, Instance) and _is_stored(member.type)]
    others = [member for member in seen if not isinstance(member, NoneType) and member not in stored[:1]]
    if stored and others:
        yield saving.stored_beside(render(stored[0]), render(others[0]))


def _is_stored(info: TypeInfo) -> bool:
    """Return whether typedflow saves a class that msgspec does not know: paths and pydantic models."""
    return info.fullname in _STORED or (info.fullname != _MODEL and info.has_base(_MODEL))


def _makes(tp: ProperType) -> set[str]:
    if isinstance(tp, LiteralType):
        return {"text"} if isinstance(tp.value, str) else {"integer"} if type(tp.value) is int else set()
    if isinstance(tp, TupleType):
        return {"array"}
    if isinstance(tp, TypedDictType):
        return {"mapping"}
    if not isinstance(tp, Instance):
        return set()
    name = tp.type.fullname
    if tp.type.is_newtype:
        return _makes(tp.type.bases[0])
    if name in _TEXTS:
        return {"text"}
    if name == "builtins.int":
        return {"integer"}
    if is_struct(tp.type):
        return {"array" if struct_option(tp.type, "array_like") else "mapping", "struct"}
    if name in ("builtins.dict", "typing.Mapping", "typing.MutableMapping") or is_record_class(tp.type):
        return {"mapping"}
    return {"array"} if name in _CONTAINERS or name in _ABSTRACT else set()


def _told_apart(make: str, members: list[Type]) -> bool:
    if make in ("text", "integer"):
        plain = "builtins.str" if make == "text" else "builtins.int"
        others = [member for member in map(get_proper_type, members) if not isinstance(member, LiteralType)]
        return not others or (len(others) == 1 and isinstance(others[0], Instance) and others[0].type.fullname == plain)
    return all(_is_struct(member) and struct_option(_info(member), "tagged") for member in members)


def _is_struct(tp: Type) -> bool:
    proper = get_proper_type(tp)
    return isinstance(proper, Instance) and is_struct(proper.type)


def _info(tp: Type) -> TypeInfo:
    proper = get_proper_type(tp)
    assert isinstance(proper, Instance)
    return proper.type


def leads_to(tp: Type, *names: str) -> Instance | None:
    """Return the first class that a type leads to, at any depth, which has one of typedflow's own among its bases."""
    waiting, seen = [tp], set[Type]()
    while waiting:
        proper = get_proper_type(waiting.pop())
        if proper in seen:
            continue
        seen.add(proper)
        if isinstance(proper, (UnionType, TupleType)):
            waiting += proper.items
        elif isinstance(proper, TypedDictType):
            waiting += proper.items.values()
        elif isinstance(proper, Instance):
            if any(base.name in names and base.fullname.startswith("typedflow.") for base in proper.type.mro):
                return proper
            waiting += proper.args
            if is_record_class(proper.type):
                waiting += [member_type(proper, name) or proper for name in fields_of(proper.type)]
    return None


def can_grow(tp: Type) -> bool:
    """Return whether a type is a record that holds, at any depth, a collection without a bound."""
    waiting, seen, in_record = [tp], set[Type](), set[Type]()
    while waiting:
        proper = get_proper_type(waiting.pop())
        if proper in seen:
            continue
        seen.add(proper)
        if isinstance(proper, UnionType):
            waiting += proper.items
        elif isinstance(proper, Instance):
            if proper.type.fullname in _CONTAINERS and proper in in_record:
                return True
            if is_record_class(proper.type):
                inner = [get_proper_type(member_type(proper, name) or proper) for name in fields_of(proper.type)]
                waiting += inner
                in_record.update(part for tp in inner for part in map(get_proper_type, flat(tp)))
    return False
