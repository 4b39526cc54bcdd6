"""What the saved types of a contract look like, as plain data that is saved with them, and what a change of it means.

A shape is JSON: `{"state": type, "flow_state": type, "types": {name: record or enum}}`. Types are texts ("int"), or
objects of one key (`{"list": "int"}`); records and enums stand once in the table and are referred to by name
(`{"ref": "Request"}`), so that recursive types end. What does not change a document is not in a shape: the module of a
class, the Python name of a renamed field, whether a record is a Struct or a dataclass.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec

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
    RecordOf,
    Scalar,
    TupleOf,
    UnionOf,
)
from typedflow.snapshot.strictness import may_be_unset

Json: TypeAlias = Any
Shape: TypeAlias = dict[str, Any]

LAYERS: Final = ("state", "flow_state")


def shape_of(state: type[State] | None, flow_state: type[FlowState] | None) -> Shape:
    """Describe what a contract saves: its state and its flow_state, None where it has none."""
    table = _Table()
    layers = zip(LAYERS, (state, flow_state), strict=True)
    described = {name: None if cls is None else table.type_of(parse(cls)) for name, cls in layers}
    return {**described, "types": table.types}


def describe_type(tp: Any) -> Shape:
    """Describe one type: `{"type": …, "types": …}`."""
    table = _Table()
    return {"type": table.type_of(parse(tp)), "types": table.types}


def fingerprint(description: Json) -> str:
    """Give the SHA-256 of plain data, in hex: the same in every process and on every Python."""
    text = json.dumps(description, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


class _Table:
    """The records, enums and aliases of one shape, by name; two classes of one name are told apart by a number."""

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
                return {"union": sorted(map(self.type_of, members), key=_text)}
            case NewTypeOf(base=base):
                return self.type_of(base)
            case Anything():
                return "Any"
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
            return {"enum": sorted(repr(_bare(member.value)) for member in kind.cls)}
        if isinstance(kind, AliasOf):
            return {"alias": self.type_of(kind.target)}
        fields = [self._field(kind, field) for field in fields_of(kind)]
        made: dict[str, Json] = {"fields": dict(fields)}
        config: Any = getattr(kind.cls, "__struct_config__", None)
        if kind.flavour == "namedtuple" or (config is not None and config.array_like):
            made["order"] = [name for name, _ in fields]
        if config is not None and config.tag is not None:
            made["tag"] = [config.tag_field, config.tag]
        return made

    def _field(self, kind: RecordOf, field: Field) -> tuple[str, Json]:
        made: dict[str, Json] = {"type": self.type_of(field.kind), "required": field.required}
        config: Any = getattr(kind.cls, "__struct_config__", None)
        if config is not None and config.omit_defaults and not field.required:
            made["omitted"] = _default_text(kind, field)
        elif _is_unset_by_default(kind, field):
            made["omitted"] = "UNSET"
        return field.encoded, made


def _bare(value: Any) -> Any:
    """Give the value of an enum member as it is written."""
    return str.__str__(value) if isinstance(value, str) else value


def _default_text(kind: RecordOf, field: Field) -> str:
    """Show a default that stands for a field left out: a load after its change would give another value."""
    info = next(info for info in msgspec.structs.fields(kind.cls) if info.name == field.name)
    if info.default is not msgspec.NODEFAULT:
        return msgspec.json.encode(info.default, enc_hook=lambda value: type(value).__name__).decode()
    return getattr(info.default_factory, "__name__", "?")


def _is_unset_by_default(kind: RecordOf, field: Field) -> bool:
    """Say whether a field left out stands for UNSET, which is never written."""
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


# -- comparison


@dataclass(frozen=True, slots=True)
class Verdict:
    """Say what has become of a shape: the same, the same with more fields that have defaults, or changed."""

    differences: Mapping[str, tuple[str, ...]]
    """By layer, what has changed, for people; empty where saved data can be read as it is."""
    added: frozenset[str] = frozenset()
    """The fields ("Record.field") that old documents lack and that have defaults."""

    @property
    def accepted(self) -> bool:
        """Say whether saved data can be decoded into the new types without a migration."""
        return not self.differences


def compare(old: Shape, new: Shape) -> Verdict:
    """Compare the shape that was saved with the one of today. `old` comes from a document: it may be anything.

    Records are compared where they are used, so that a class may be renamed (but for its tag).
    """
    differences: dict[str, tuple[str, ...]] = {}
    added: set[str] = set()
    for layer in LAYERS:
        walk = _Comparison(old, new)
        found = tuple(dict.fromkeys(walk.types(_at(old, layer), _at(new, layer), layer)))
        fresh = [f"{place} is new" for place in walk.added.values()]
        if found:
            differences[layer] = (*found, *fresh)
        added |= walk.added.keys()
    return Verdict(differences, frozenset(added))


def _at(tree: Json, key: str) -> Json:
    return tree.get(key) if isinstance(tree, dict) else None


class _Comparison:
    def __init__(self, old: Shape, new: Shape) -> None:
        self._old = _at(old, "types")
        self._new = _at(new, "types")
        self._seen: set[tuple[str, str]] = set()
        self.added: dict[str, str] = {}

    def types(self, old: Json, new: Json, place: str) -> Iterator[str]:
        """Give the differences between two types; `place` names where they stand."""
        old_record, new_record = self._named(old, self._old), self._named(new, self._new)
        if old_record is not None and new_record is not None:
            if (old["ref"], new["ref"]) not in self._seen:
                self._seen.add((old["ref"], new["ref"]))
                yield from self._definitions(old_record, new_record, new["ref"], place)
        elif isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys() and "ref" not in new:
            yield from self._parts(old, new, place)
        elif old != new or _at(new, "ref") is not None:  # a name that the saved shape does not explain
            yield self._retyped(old, new, place)

    def _named(self, tree: Json, table: Json) -> Json:
        name = _at(tree, "ref")
        found = _at(table, name) if isinstance(name, str) else None
        return found if isinstance(found, dict) else None

    def _parts(self, old: dict[str, Json], new: dict[str, Json], place: str) -> Iterator[str]:
        """Compare what two compound types are made of, part by part where they are made alike."""
        for key, part in new.items():
            if not isinstance(part, list):
                is_type = key not in ("limits", "class")
                changed = self.types(old[key], part, place) if is_type else iter(())
                yield from changed if is_type or old[key] == part else (self._retyped(old, new, place),)
            elif not isinstance(old[key], list) or len(old[key]) != len(part) or key == "literal":
                if old[key] != part:
                    yield self._retyped(old, new, place)
            else:
                for before, after in zip(old[key], part, strict=True):
                    yield from self.types(before, after, place)

    def _definitions(self, old: Json, new: Json, name: str, place: str) -> Iterator[str]:
        if "fields" not in new or not isinstance(_at(old, "fields"), dict):
            if "alias" in new and "alias" in old:
                yield from self.types(old["alias"], new["alias"], place)
            elif old != new:
                yield f"the members of {name} are others" if "enum" in old and "enum" in new else self._odd(name, place)
            return
        if old.get("tag") != new.get("tag"):
            yield f"the tag of {name} was {_tag_text(old)} and is {_tag_text(new)}"
        if "order" in old or "order" in new:
            before, after = old.get("order"), new.get("order")
            if not isinstance(before, list) or not isinstance(after, list) or after[: len(before)] != before:
                yield f"the order of the fields of {name} is another"
        yield from self._fields(old["fields"], new["fields"], name, place)

    def _odd(self, name: str, place: str) -> str:
        return f"{place} is {name}, which was something else"

    def _fields(self, old: dict[str, Json], new: dict[str, Json], record: str, place: str) -> Iterator[str]:
        of = "" if place in LAYERS else f" of {record}"
        for name in old:
            if name not in new:
                yield f"field '{name}'{of} is gone"
        for name, field in new.items():
            here = f"field '{name}'{of}"
            if name not in old:
                if field["required"]:
                    yield f"{here} is new and has no default"
                else:
                    self.added[f"{record}.{name}"] = here
                continue
            yield from self.types(_at(old[name], "type"), field["type"], here)
            omitted = _at(old[name], "omitted")
            if omitted is not None and omitted != field.get("omitted"):
                yield f"{here} is left out of documents where it has its default, which is another now"

    def _retyped(self, old: Json, new: Json, place: str) -> str:
        return f"{place} was {show(old)} and is {show(new)}"


def _tag_text(record: Json) -> str:
    tag = _at(record, "tag")
    return repr(tag[1]) if isinstance(tag, list) and len(tag) == 2 else "none"


def show(description: Json) -> str:
    """Show a type of a shape as its user would write it."""
    if not isinstance(description, dict) or len(description) not in (1, 2):
        return "nothing" if description is None else str(description)
    if "limited" in description:
        limits = _at(description, "limits")
        shown = ", ".join(f"{key}={value!r}" for key, value in limits.items()) if isinstance(limits, dict) else "?"
        return f"{show(description['limited'])} ({shown})"
    ((key, inner),) = description.items() if len(description) == 1 else (("?", None),)
    match key:
        case "ref" | "class":
            return str(inner)
        case "union" if isinstance(inner, list):
            return " | ".join(map(show, inner))
        case "literal" if isinstance(inner, list):
            return f"Literal[{', '.join(map(str, inner))}]"
        case "items" if isinstance(inner, list):
            return f"tuple[{', '.join(map(show, inner)) or '()'}]"
        case "tuple":
            return f"tuple[{show(inner)}, ...]"
        case _:
            parts = inner if isinstance(inner, list) else [inner]
            return f"{key}[{', '.join(map(show, parts))}]"
