"""mypy's answers to what the rules ask of a type (`typedflow.rules.shape.Shape`).

Every class that an answer depends on is remembered in the `Trace` that all shapes of one check share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Self, TypeAlias

from mypy.expandtype import expand_type, expand_type_by_instance
from mypy.maptype import map_instance_to_supertype
from mypy.nodes import FuncDef, TypeInfo, Var
from mypy.subtypes import find_member, is_subtype
from mypy.types import (
    AnyType,
    Instance,
    LiteralType,
    NoneType,
    ProperType,
    TupleType,
    Type,
    TypeAliasType,
    TypedDictType,
    TypeOfAny,
    TypeVarType,
    UnionType,
    get_proper_type,
)
from mypy.typevars import fill_typevars_with_any

from typedflow.rules.shape import FieldInfo
from typedflow_mypy.reading.dicts import MAPPINGS, is_key, made_dict, takes_made, takes_str
from typedflow_mypy.reading.rendering import render
from typedflow_mypy.reading.structs import encoded_names
from typedflow_mypy.reading.trace import Trace

_GROWING: Final = frozenset({"builtins.list", "builtins.set", "typing.MutableSequence", "typing.MutableSet"})
_UNSET: Final = "msgspec.UnsetType"
# A value of a subclass would be cut short, or come back as the base: the runtime refuses it where it is written.
_EXACT: Final = frozenset(
    {*(f"builtins.{name}" for name in ("tuple", "str", "bytes", "bytearray", "int", "float"))}
    | {*(f"datetime.{name}" for name in ("date", "time", "timedelta", "datetime")), "decimal.Decimal", "uuid.UUID"}
)
_WIDENED: Final = frozenset(
    {("builtins.float", "builtins.int"), ("builtins.float", "builtins.bool"), ("builtins.int", "builtins.bool")}
)


class MypyShape:
    """A type of mypy's, as the rules see it."""

    __slots__ = ("trace", "type")

    def __init__(self, tp: Type, trace: Trace) -> None:
        self.type = tp
        self.trace = trace

    def fields(self) -> Mapping[str, FieldInfo] | None:
        """Return the fields that every member has; a field is required if one member requires it."""
        found: Mapping[str, FieldInfo] | None = None
        for member in self._members():
            own = _fields(member, self.trace)
            if own is None:
                return None
            found = own if found is None else _shared(found, own)
        return found

    def is_open(self) -> bool:
        """Return whether any segment is a child."""
        members = self._members()
        return bool(members) and all(map(_is_open, members))

    def child(self, name: str) -> Self | None:
        """Return the type behind one segment: the union of what the members have."""
        return self._joined(lambda member: _child(member, name, self.trace))

    def item(self) -> Self | None:
        """Return the type of one item of a list or set."""
        return self._joined(_item)

    def accepts(self, other: Self) -> bool:
        """Return whether every value of `other` is valid here: for mypy, and as a write, which takes no subclass."""
        return _takes(other.type, self.type)

    def is_choice(self) -> bool:
        """Return whether a value may be of one of several types, None and UNSET aside."""
        return len(self._members()) > 1

    def is_optional(self) -> bool:
        """Return whether None is one of several possible values."""
        proper = get_proper_type(self.type)
        return isinstance(proper, UnionType) and any(map(_is_none, flat(proper)))

    def without_none(self) -> Self:
        """Return the type less its None; None alone stays."""
        if not self.is_optional():
            return self
        return self._of(union_of(item for item in flat(self.type) if not _is_none(item)))

    def with_none(self) -> Self:
        """Return the type or None."""
        if any(map(_is_none, flat(self.type))):
            return self
        return self._of(union_of([self.type, NoneType()]))

    def render(self) -> str:
        """Return the type as its user would write it."""
        return render(self.type)

    def may_lack(self, name: str) -> bool:
        """Return whether a value of this type may lack a segment: a dict key, or a key that is not required."""
        return any(_may_lack(member, name) for member in self._members())

    def _of(self, tp: Type) -> Self:
        return type(self)(tp, self.trace)

    def _joined(self, part: Callable[[ProperType], Type | None]) -> Self | None:
        members = self._members()
        found = [tp for member in members if (tp := part(member)) is not None]
        return self._of(union_of(found)) if found and len(found) == len(members) else None

    def _members(self) -> list[ProperType]:
        """Return what the value may be, less None and UNSET, which have no parts; of a type variable its bound."""
        members: list[ProperType] = []
        for item in flat(self.type):
            proper = _bounded(get_proper_type(item))
            members += [get_proper_type(part) for part in flat(proper)]
        return [member for member in members if not _is_none(member) and not _is_unset(member)]


def flat(tp: Type) -> list[Type]:
    """Return the members of a union, of aliases and nested ones too; a type that is no union is its only member."""
    proper = get_proper_type(tp)
    if not isinstance(proper, UnionType):
        return [tp]
    return [member for item in proper.items for member in flat(item)]


def through_classes(tp: Type, trace: Trace) -> None:
    """Remember all classes in a type: of a verdict that mypy gives of types that stand in no expression."""
    _through(tp, trace, set())


def _through(tp: Type, trace: Trace, seen: set[Type]) -> None:
    if isinstance(tp, TypeAliasType):
        if tp in seen:
            return
        seen.add(tp)
    for item in flat(tp):
        proper = get_proper_type(item)
        if isinstance(proper, Instance):
            trace.visit(proper.type)
            inner: Sequence[Type] = proper.args
        elif isinstance(proper, TupleType):
            trace.visit(proper.partial_fallback.type)
            inner = proper.items
        elif isinstance(proper, TypedDictType):
            trace.visit(proper.fallback.type, *proper.items)
            inner = list(proper.items.values())
        else:
            continue
        for part in inner:
            _through(part, trace, seen)


def union_of(members: Iterable[Type]) -> Type:
    """Join types, in order, each once."""
    found: list[Type] = []
    for tp in members:
        found += [member for member in flat(tp) if member not in found]
    return UnionType.make_union(found)


def member_type(tp: Instance, name: str) -> Type | None:
    """Return the type of a field of an instance, its type variables and Self filled in; a property's for a protocol."""
    sym = tp.type.get(name)
    node = sym.node if sym is not None else None
    if isinstance(node, Var):
        if node.type is None:
            return AnyType(TypeOfAny.special_form)
        own = expand_type_by_instance(node.type, map_instance_to_supertype(tp, node.info))
        declared = _with_self(own, node.info, tp)
        return _enum_member(node, declared)
    return find_member(name, tp, tp) if node is not None else None


def _with_self(declared: Type, info: TypeInfo, owner: Type) -> Type:
    """Replace the Self of a class by the class that a field is read from; mypy's own skips those of a frozen one."""
    return declared if info.self_type is None else expand_type(declared, {info.self_type.id: owner})


def declares_self(info: TypeInfo, name: str) -> bool:
    """Return whether a field is declared with Self, at any depth."""
    sym = info.get(name)
    node = sym.node if sym is not None else None
    if not isinstance(node, Var) or node.type is None:
        return False
    return _with_self(node.type, node.info, fill_typevars_with_any(node.info)) != node.type


def _enum_member(node: Var, declared: Type) -> Type:
    proper = get_proper_type(declared)
    if isinstance(proper, Instance) and proper.last_known_value is not None and not node.is_final:
        return proper.copy_modified(last_known_value=None)
    return declared


def field_attributes(info: TypeInfo) -> list[dict[str, Any]] | None:
    """Return mypy's record of a Struct's, or another dataclass's, fields; it survives the cache."""
    data = info.metadata.get("dataclass")
    found: list[dict[str, Any]] | None = data.get("attributes") if data is not None else None
    return found


def is_record(info: TypeInfo) -> bool:
    """Return whether a class is a Struct, dataclass, attrs class or NamedTuple."""
    return "dataclass" in info.metadata or "attrs" in info.metadata or info.is_named_tuple


Pairs: TypeAlias = tuple[tuple[Type, Type], ...]


def _takes(given: Type, target: Type) -> bool:
    made = made_dict(given)
    if made is not None:
        return takes_made(target, made, _takes)
    return is_subtype(given, target) and not is_cut_short(target, given)


def is_cut_short(target: Type, source: Type, assumed: Pairs = ()) -> bool:
    """Return whether a value would be written where only its base is declared.

    `assumed` are the pairs with a recursive alias that the question comes from, which are taken for fitting.
    """
    if isinstance(source, TypeAliasType):
        if (target, source) in assumed:
            return False
        assumed = (*assumed, (target, source))
    for given in flat(source):
        here = get_proper_type(given)
        if not any(_takes_whole(get_proper_type(wanted), here, assumed) for wanted in flat(target)):
            return True
    return False


def _takes_whole(target: ProperType, source: ProperType, assumed: Pairs = ()) -> bool:
    if not is_subtype(source, target):
        return False
    if isinstance(source, LiteralType):
        source = source.fallback
    if isinstance(source, TupleType) and source.partial_fallback.type.is_named_tuple:
        if isinstance(target, TupleType) and not target.partial_fallback.type.is_named_tuple:
            return False
        source = source.partial_fallback
    if isinstance(target, TypedDictType) and isinstance(source, TypedDictType):
        return target.items.keys() == source.items.keys() and not any(
            is_cut_short(target.items[name], source.items[name], assumed) for name in target.readonly_keys
        )
    if isinstance(target, TupleType) and target.partial_fallback.type.is_named_tuple:
        target = target.partial_fallback
    if isinstance(target, TupleType) and isinstance(source, TupleType):
        pairs = zip(target.items, source.items, strict=False)
        return not any(is_cut_short(wanted, given, assumed) for wanted, given in pairs)
    if not isinstance(target, Instance) or not isinstance(source, Instance):
        return True
    if target.type is source.type:
        pairs = zip(target.args, source.args, strict=False)
        return not any(is_cut_short(wanted, given, assumed) for wanted, given in pairs)
    if source.type.is_newtype:
        return any(_takes_whole(target, base, assumed) for base in source.type.bases)
    wanted, given = target.type.fullname, source.type.fullname
    return not (is_record(target.type) or wanted in _EXACT) or (wanted, given) in _WIDENED


def _shared(one: Mapping[str, FieldInfo], other: Mapping[str, FieldInfo]) -> dict[str, FieldInfo]:
    return {name: _both(info, other[name]) for name, info in one.items() if name in other}


def _both(one: FieldInfo, other: FieldInfo) -> FieldInfo:
    encoded = one.encoded if one.encoded == other.encoded else ""
    required, writable = one.required or other.required, one.writable and other.writable
    return FieldInfo(one.name, required, writable, encoded, one.read_only or other.read_only)


def _bounded(tp: ProperType) -> ProperType:
    if not isinstance(tp, TypeVarType):
        return tp
    return get_proper_type(UnionType.make_union(tp.values)) if tp.values else get_proper_type(tp.upper_bound)


def _is_none(tp: Type) -> bool:
    return isinstance(get_proper_type(tp), NoneType)


def _is_unset(tp: ProperType) -> bool:
    if isinstance(tp, LiteralType):
        tp = tp.fallback
    return isinstance(tp, Instance) and tp.type.fullname == _UNSET


def _is_open(tp: ProperType) -> bool:
    if isinstance(tp, AnyType):
        return True
    return isinstance(tp, Instance) and tp.type.fullname in MAPPINGS and takes_str(tp.args[0])


def _fields(tp: ProperType, trace: Trace) -> Mapping[str, FieldInfo] | None:
    if isinstance(tp, TypedDictType):
        trace.visit(tp.fallback.type, *tp.items)
        return {
            name: FieldInfo(name, name in tp.required_keys, read_only=name in tp.readonly_keys) for name in tp.items
        }
    if isinstance(tp, TupleType):
        tp = tp.partial_fallback
    if not isinstance(tp, Instance):
        return None
    info = tp.type
    found = _named_tuple_fields(info) if info.is_named_tuple else _instance_fields(info)
    trace.visit(info, *(found or ()))
    return found


def _instance_fields(info: TypeInfo) -> Mapping[str, FieldInfo] | None:
    if "attrs" in info.metadata:
        rows, frozen = info.metadata["attrs"]["attributes"], bool(info.metadata["attrs"].get("frozen"))
        return {row["name"]: FieldInfo(row["name"], not row["has_default"], not frozen) for row in rows}
    attributes = field_attributes(info)
    if attributes is not None:
        frozen = bool(info.metadata["dataclass"].get("frozen"))
        encoded = encoded_names(info)
        return {
            row["name"]: FieldInfo(row["name"], not row["has_default"], not frozen, encoded.get(row["name"], ""))
            for row in attributes
            if not row["is_init_var"]
        }
    if info.is_protocol:
        return {name: FieldInfo(name, required=True) for name in info.protocol_members}
    return None


def _named_tuple_fields(info: TypeInfo) -> Mapping[str, FieldInfo] | None:
    names = info.metadata.get("namedtuple", {}).get("fields", [])
    make = info.get_method("__new__")
    kinds = make.arg_kinds[1:] if isinstance(make, FuncDef) else []
    optional = [kind.is_optional() for kind in kinds] or [False] * len(names)
    return {
        name: FieldInfo(name, not has_default, writable=False)
        for name, has_default in zip(names, optional, strict=False)
    }


def _child(tp: ProperType, name: str, trace: Trace) -> Type | None:
    if isinstance(tp, AnyType):
        return tp
    if isinstance(tp, TypedDictType):
        trace.visit(tp.fallback.type, name)
        return tp.items.get(name)
    if isinstance(tp, TupleType):
        return _tuple_child(tp, name, trace)
    if not isinstance(tp, Instance):
        return None
    trace.visit(tp.type, name)
    if tp.type.fullname in MAPPINGS:
        return tp.args[1] if is_key(tp.args[0], name) else None
    if tp.type.is_named_tuple and tp.type.tuple_type is not None:
        return _tuple_child(tp.type.tuple_type, name, trace)
    fields = _instance_fields(tp.type)
    return member_type(tp, name) if fields is not None and name in fields else None


def _tuple_child(tp: TupleType, name: str, trace: Trace) -> Type | None:
    info = tp.partial_fallback.type
    trace.visit(info, name)
    names = info.metadata.get("namedtuple", {}).get("fields", [])
    return tp.items[names.index(name)] if name in names and len(tp.items) == len(names) else None


def _item(tp: ProperType) -> Type | None:
    if isinstance(tp, AnyType):
        return tp
    return tp.args[0] if isinstance(tp, Instance) and tp.type.fullname in _GROWING else None


def _may_lack(tp: ProperType, name: str) -> bool:
    if isinstance(tp, TypedDictType):
        return name not in tp.required_keys
    return isinstance(tp, AnyType) or (isinstance(tp, Instance) and tp.type.fullname in MAPPINGS)
