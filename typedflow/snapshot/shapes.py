"""What the saved types of a contract and of a plan look like, as plain data that is saved with them.

A shape is JSON: `{"state": type, "flow_state": type, "types": {name: record or enum}}`. Types are texts ("int"), or
objects of one key (`{"list": "int"}`); records and enums stand once in the table and are referred to by name
(`{"ref": "Request"}`), so that recursive types end. What does not change a document is not in a shape: the module of a
class, the Python name of a renamed field, whether a record is a Struct or a dataclass.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from typedflow.definition.edges import Parts
from typedflow.schema.annotations import NEVER, UNKNOWN
from typedflow.schema.defaults import defaults_of
from typedflow.schema.layers import FlowState, State
from typedflow.schema.parsing import parse
from typedflow.schema.records import Field, fields_of
from typedflow.schema.render import render
from typedflow.schema.types import (
    NO_LIMITS,
    AliasOf,
    Anything,
    CollectionOf,
    EnumOf,
    Kind,
    Limits,
    LiteralOf,
    MappingOf,
    NewTypeOf,
    Opaque,
    RecordOf,
    Scalar,
    TupleOf,
    UnionOf,
)
from typedflow.snapshot.coding import Fields, Members, compile_coder
from typedflow.snapshot.parts import Taken
from typedflow.snapshot.strictness import may_be_unset

Json: TypeAlias = Any
Shape: TypeAlias = dict[str, Any]

LAYERS: Final = ("state", "flow_state")
ABSENT: Final = "absent"
"""Stands for the default of a TypedDict's key that may be missing."""


def shape_of(state: type[State] | None, flow_state: type[FlowState] | None) -> Shape:
    """Describe what a contract saves: its state and its flow_state, None where it has none."""
    return _layers(_Table(), state, flow_state)


def _layers(table: _Table, state: type[State] | None, flow_state: type[FlowState] | None) -> Shape:
    layers = zip(LAYERS, (state, flow_state), strict=True)
    described = {name: None if cls is None else table.type_of(parse(cls)) for name, cls in layers}
    return {**described, "types": table.types}


def describe_type(tp: Any) -> Shape:
    """Describe one type: `{"type": …, "types": …}`."""
    table = _Table()
    return {"type": table.type_of(parse(tp)), "types": table.types}


def describe_code(code: Any) -> Shape:
    """Describe by what values are saved, `{"type": …, "types": …}`: a type, or `Parts`; null for an undeclared one."""
    return describe_codes({"type": code})


def describe_codes(codes: Mapping[str, Any]) -> Shape:
    """Describe by what several values are saved, each under its name, with one table of "types" for all."""
    table = _Table()
    described = {name: _code_of(code, table) for name, code in codes.items()}
    return {**described, "types": table.types}


def describe_fired(mode: str, names: Sequence[str], codes: Sequence[Any]) -> Shape:
    """Describe the value of a listener with several triggers, by the type of each."""
    table = _Table()
    parts = [_code_of(code, table) for code in codes]
    return {"type": {f"fired {mode}": parts, "named": list(names)}, "types": table.types}


def _code_of(code: Any, table: _Table) -> Json:
    """Describe a code; a value that a block has put together by its parts."""
    if code is UNKNOWN or code is NEVER:
        return None
    if isinstance(code, Parts):
        parts = [_code_of(part, table) for part in code.codes]
        return {f"parts of {code.cls.__name__}": parts, "named": list(code.names)}
    return table.type_of(parse(code.kind if isinstance(code, Taken) else code))


def legacy_type(tp: Any) -> Shape:
    """Describe one type as the first format did: by which a document of it knows an unchanged plan."""
    table = _LegacyTable()
    return {"type": table.type_of(parse(tp)), "types": table.types}


def legacy_shape(state: type[State] | None, flow_state: type[FlowState] | None) -> Shape:
    """Describe what a contract saves as the first format did."""
    return _layers(_LegacyTable(), state, flow_state)


def fingerprint(description: Json) -> str:
    """Return the SHA-256 of plain data, in hex: the same in every process and on every Python."""
    text = json.dumps(description, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


class _Table:
    """The records, enums and aliases of one shape, by name; two classes of one name are told apart by a number."""

    _knows_absent = True

    def __init__(self) -> None:
        self.types: dict[str, Json] = {}
        self._names: dict[Kind, str] = {}

    def type_of(self, kind: Kind) -> Json:
        match kind:
            case Scalar(cls=cls, limits=limits):
                return _limited("None" if cls is type(None) else cls.__name__, limits)
            case EnumOf() | RecordOf() | AliasOf():
                return {"ref": self._refer(kind)}
            case LiteralOf(members=members):
                return {"literal": sorted((repr(value) for _, value in members))}
            case CollectionOf(cls=cls, item=item, limits=limits):
                return _limited({cls.__name__: self.type_of(item)}, limits)
            case TupleOf(items=items):
                return {"items": [self.type_of(item) for item in items]}
            case MappingOf(cls=cls, key=key, value=value, limits=limits):
                return _limited({cls.__name__: [self.type_of(key), self.type_of(value)]}, limits)
            case UnionOf(members=members):
                return self._union(kind, [self.type_of(member) for member in members])
            case NewTypeOf(base=base):
                return self.type_of(base)
            case Anything():
                return "Any"
            case Opaque(stored=stored) if stored is not None and self._knows_absent:
                return {"class": render(kind), "stored": self.type_of(stored.kind)}
            case _:
                return {"class": render(kind)}

    def _refer(self, kind: EnumOf | RecordOf | AliasOf) -> str:
        name = self._names.get(kind)
        if name is None:
            plain, number = render(kind), 1
            name = plain
            while name in self.types:
                number += 1
                name = f"{plain}#{number}"
            self._names[kind] = name
            self.types[name] = None  # the name is taken, before what is inside asks for it
            self.types[name] = self._definition(kind)
        return name

    def _definition(self, kind: EnumOf | RecordOf | AliasOf) -> Json:
        if isinstance(kind, EnumOf):
            return {"enum": self._enum(kind)}
        if isinstance(kind, AliasOf):
            return {"alias": self.type_of(kind.target)}
        fields = [self._field(kind, field) for field in fields_of(kind)]
        made: dict[str, Json] = {"fields": dict(fields)}
        config: Any = getattr(kind.cls, "__struct_config__", None)
        if (kind.flavour == "namedtuple" or (config is not None and config.array_like)) and not self._is_apart(kind):
            made["order"] = [name for name, _ in fields]
        if config is not None and config.tag is not None:
            made["tag"] = [config.tag_field, config.tag]
        return made

    def _field(self, kind: RecordOf, field: Field) -> tuple[str, Json]:
        made: dict[str, Json] = {"type": self.type_of(field.kind), "required": field.required}
        config: Any = getattr(kind.cls, "__struct_config__", None)
        if config is not None and config.omit_defaults and not field.required and not self._is_apart(kind):
            made["omitted"] = _default_text(kind, field)
        elif _is_unset_by_default(kind, field):
            made["omitted"] = "UNSET"
        elif kind.flavour == "typeddict" and not field.required and self._knows_absent:
            made["omitted"] = ABSENT
        return field.name if self._is_apart(kind) else field.encoded, made

    def _union(self, kind: UnionOf, members: list[Json]) -> Json:
        """Describe a union; one that is saved as `[index, payload]` in the order of its members."""
        if isinstance(compile_coder(kind), Members):
            return {"members": members}
        return {"union": sorted(members, key=_text)}

    def _enum(self, kind: EnumOf) -> Json:
        return {member.name: _bare(member.value) for member in kind.cls}

    def _is_apart(self, kind: RecordOf) -> bool:
        """Return whether a record is saved field by field, by the names that it has in Python."""
        return isinstance(compile_coder(kind), Fields)


class _LegacyTable(_Table):
    """Describe types as the first format did: enums by their values, unions without an order."""

    _knows_absent = False

    def _union(self, kind: UnionOf, members: list[Json]) -> Json:
        return {"union": sorted(members, key=_text)}

    def _enum(self, kind: EnumOf) -> Json:
        return sorted(repr(_bare(member.value)) for member in kind.cls)

    def _is_apart(self, kind: RecordOf) -> bool:
        return False


def _bare(value: Any) -> Any:
    """Return the value of an enum member as it is written: a str or an int; the repr of what cannot be saved."""
    if isinstance(value, str):
        return str.__str__(value)
    return int(value) if isinstance(value, int) else repr(value)


def _default_text(kind: RecordOf, field: Field) -> str:
    """Show a default that stands for a field left out: a load after its change would give another value."""
    info = next(info for info in msgspec.structs.fields(kind.cls) if info.name == field.name)
    if info.default is not msgspec.NODEFAULT:
        return msgspec.json.encode(info.default, enc_hook=lambda value: type(value).__name__).decode()
    return getattr(info.default_factory, "__name__", "?")


def _is_unset_by_default(kind: RecordOf, field: Field) -> bool:
    """Return whether a field left out stands for UNSET, which is never written."""
    make = defaults_of(kind.cls).get(field.name) if may_be_unset(field.kind) else None
    return make is not None and make() is msgspec.UNSET


def _limited(description: Json, limits: Limits) -> Json:
    if limits == NO_LIMITS:
        return description
    return {"limited": description, "limits": {name: _plain(value) for name, value in limits.given().items()}}


def _plain(value: Any) -> Json:
    return value if type(value) in (bool, int, float, str) else repr(value)


def _text(description: Json) -> str:
    return json.dumps(description, sort_keys=True)
