"""Convert mappings to records, as `set` does for a Struct, and a start with `state={…}`.

Only mappings where a record is declared are converted, at any depth; other values are unchanged, for the check that
follows. Python field names are used. TypedDicts stay dicts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

from typedflow.rules.writes import undeclared_field_problem
from typedflow.schema.check import Mismatch, compile_check
from typedflow.schema.mismatch import MISSING
from typedflow.schema.parsing import parse
from typedflow.schema.proofs import LARGE, is_proven
from typedflow.schema.records import Field, fields_of
from typedflow.schema.render import render
from typedflow.schema.types import (
    AliasOf,
    CollectionOf,
    Kind,
    MappingOf,
    NewTypeOf,
    RecordOf,
    TupleOf,
    UnionOf,
    see_through,
)

_MEMBERWISE: Final = (list, set, frozenset, tuple)
_CONTAINERS: Final = (*_MEMBERWISE, dict)


class UndeclaredKey(Mismatch):
    """A mapping has a key that its record does not declare."""

    def __init__(self, record: RecordOf, key: object) -> None:
        super().__init__((), render(record), key)
        self.problem = undeclared_field_problem(str(key), render(record), field_table(record))


def construct(tp: Any, value: Any) -> Any:
    """Return the value with its mappings converted to records; the same object if there are none.

    Raises `Mismatch` for a mapping with an undeclared key, or without a required one.
    """
    return _construct(parse(tp), value)


@functools.lru_cache(maxsize=1024)
def field_table(record: RecordOf) -> Mapping[str, Field]:
    """Return the fields of a record by name."""
    return {field.name: field for field in fields_of(record)}


def _construct(kind: Kind, value: Any) -> Any:
    if type(value) in _CONTAINERS and len(value) >= LARGE and is_proven(kind, value):
        return value  # a valid value has no mapping in the place of a record
    kind = see_through(kind)
    match kind:
        case RecordOf(flavour="typeddict") if isinstance(value, dict):
            return _same_or(value, {key: _child(field_table(kind).get(key), key, part) for key, part in value.items()})
        case RecordOf() if isinstance(value, Mapping) and kind.flavour != "typeddict":
            return _record(kind, value)
        case UnionOf(members=members):
            return _member(members, value)
        case CollectionOf(item=item) if type(value) in _MEMBERWISE:
            return _items(value, lambda _: item)
        case TupleOf(items=items) if type(value) is tuple and len(value) == len(items):
            return _items(value, items.__getitem__)
        case MappingOf(value=of) if type(value) is dict:
            return _same_or(value, {key: _under(of, key, part) for key, part in value.items()})
        case _:
            return value


def _record(record: RecordOf, given: Mapping[Any, Any]) -> Any:
    fields = field_table(record)
    for key in given:
        if key not in fields:
            raise UndeclaredKey(record, key)
    for field in fields.values():
        if field.required and field.name not in given:
            raise Mismatch((field.name,), render(field.kind), MISSING)
    # checked here, because the making of a record may run what its class defines (`__post_init__`)
    values = {key: _child(fields[key], key, part) for key, part in given.items()}
    for key, part in values.items():
        try:
            values[key] = compile_check(fields[key].kind)(part)
        except Mismatch as mismatch:
            raise mismatch.under(key) from None
    return record.cls(**values)


def _member(members: tuple[Kind, ...], value: Any) -> Any:
    """Convert for the member of a union that fits; if none does, for the only record in it.

    A value of which several members make something different (a mapping without the tag of any, or a list of such) is
    left as it is: which one was meant is not guessed.
    """
    if isinstance(value, Mapping):
        records = [kind for member in members if _takes_mapping(kind := see_through(member))]
        tagged = [record for record in records if isinstance(record, RecordOf) and _has_tag(record, value)]
        if tagged:
            return _construct(tagged[0], _without_tag(tagged[0], value))
        members = tuple(records)
        if len(members) == 1:
            return _construct(members[0], value)
    fitting = []
    for member in members:
        try:
            made = _construct(member, value)
            compile_check(member)(made)
        except Mismatch:
            continue
        fitting.append(made)
    is_clear = fitting and all(made == fitting[0] for made in fitting)
    return fitting[0] if is_clear else value


def _takes_mapping(kind: Kind) -> bool:
    return isinstance(kind, (RecordOf, MappingOf))


def _has_tag(record: RecordOf, value: Mapping[Any, Any]) -> bool:
    config = getattr(record.cls, "__struct_config__", None)
    return config is not None and config.tag is not None and value.get(config.tag_field, MISSING) == config.tag


def _without_tag(record: RecordOf, value: Mapping[Any, Any]) -> dict[Any, Any]:
    field: str = record.cls.__struct_config__.tag_field  # type: ignore[attr-defined]  # a tagged record is a Struct
    return {key: part for key, part in value.items() if key != field}


def tags_of(kind: Kind) -> tuple[str, tuple[str, ...]]:
    """Return the key that tells the tagged Structs of a union apart, and its values; empty for any other kind."""
    kind = see_through(kind)
    members = [see_through(member) for member in (kind.members if isinstance(kind, UnionOf) else (kind,))]
    configs = [getattr(member.cls, "__struct_config__", None) for member in members if isinstance(member, RecordOf)]
    tagged = [config for config in configs if config is not None and config.tag is not None]
    return (tagged[0].tag_field, tuple(str(config.tag) for config in tagged)) if tagged else ("", ())


def require_declared(made: Any, given: Any) -> None:
    """Raise `Mismatch` for a key in plain data that the value made of it dropped, at any depth outside of sets."""
    waiting: list[tuple[Any, Any]] = [(made, given)]
    while waiting:
        made, given = waiting.pop()
        if isinstance(made, list | tuple) and isinstance(given, list | tuple):
            waiting += zip(made, given, strict=False)
        elif isinstance(made, dict) and isinstance(given, Mapping):
            for key in given.keys() - made.keys() if len(given) > len(made) else ():
                raise Mismatch((key,), "no such key", given[key])
            waiting += zip(made.values(), given.values(), strict=False)
        elif isinstance(given, Mapping) and isinstance(record := parse(type(made)), RecordOf):
            names = {field.encoded: field.name for field in fields_of(record)}
            tag = getattr(getattr(type(made), "__struct_config__", None), "tag_field", None)
            for key, part in given.items():
                if key in names:
                    waiting.append((getattr(made, names[key]), part))
                elif key != tag:
                    raise UndeclaredKey(record, key)


def _items(value: Any, kind_at: Callable[[int], Kind]) -> Any:
    made = [_under(kind_at(index), index, part) for index, part in enumerate(value)]
    changed = any(new is not old for new, old in zip(made, value, strict=True))
    return type(value)(made) if changed else value


def _same_or(value: dict[Any, Any], made: dict[Any, Any]) -> dict[Any, Any]:
    return made if any(made[key] is not part for key, part in value.items()) else value


def _child(field: Field | None, key: Any, value: Any) -> Any:
    return value if field is None else _under(field.kind, key, value)


def _under(kind: Kind, segment: Any, value: Any) -> Any:
    try:
        return _construct(kind, value)
    except Mismatch as mismatch:
        raise mismatch.under(segment) from None


def may_construct(tp: Any) -> bool:
    """Return whether a type contains a record, outside of other records, to which a mapping can be converted."""
    return _may_construct(parse(tp), frozenset())


def _may_construct(kind: Kind, open_: frozenset[Kind]) -> bool:
    match kind:
        case RecordOf():
            return True
        case CollectionOf(item=inner) | MappingOf(value=inner) | NewTypeOf(base=inner):
            return _may_construct(inner, open_)
        case TupleOf(items=several) | UnionOf(members=several):
            return any(_may_construct(part, open_) for part in several)
        case AliasOf() if kind not in open_:
            return _may_construct(kind.target, open_ | {kind})
        case _:
            return False
