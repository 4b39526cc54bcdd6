"""Access to a layer by paths: `get`, `set`, `append`, `delete`, `in`, `[...]` and `to_dict`.

A path is resolved against the declared types once per class and path (`typedflow.rules.paths`), and against the data
at each access. A path through a value that may be None can be written while the value is not None.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from msgspec.structs import force_setattr

from typedflow.errors import ContractError, PathError
from typedflow.rules.paths import check_append, check_resettable, check_writable
from typedflow.rules.problems import Problem
from typedflow.rules.shape import FieldInfo
from typedflow.rules.wording import quoted
from typedflow.rules.writes import path_not_there_problem
from typedflow.schema.check import Mismatch, compile_check
from typedflow.schema.construction import construct, field_table
from typedflow.schema.defaults import defaults_of
from typedflow.schema.layer_fields import layer_fields, placed, refused_value
from typedflow.schema.parsing import parse
from typedflow.schema.places import PATHS_KEPT, Place, place_of
from typedflow.schema.records import Field
from typedflow.schema.render import render
from typedflow.schema.shape import TypeShape
from typedflow.schema.types import Kind, MappingOf, RecordOf, see_through
from typedflow.schema.writing import FLAT, current_step, outside, step_is_over

_ABSENT: Final[Any] = object()


def get(layer: Any, path: str, default: Any) -> Any:
    """Return the value at a path, or `default` if it is absent."""
    value = _read(layer, place_of(layer, path))
    return default if value is _ABSENT else value


def item(layer: Any, path: str) -> Any:
    """Return the value at a path; raises `PathError` if it is absent."""
    place = place_of(layer, path)
    value = _read(layer, place)
    if value is _ABSENT:
        raise _not_there(place, len(place.segments))
    return value


def contains(layer: Any, path: str) -> bool:
    """Return whether a path is present."""
    place = place_of(layer, path)
    return _walk(place.pattern.top.read(layer), place.segments[1:]) is not _ABSENT


def set_(layer: Any, path: str, value: Any, *, emit: bool) -> None:
    """Replace the value at a path; nothing changes if it raises."""
    place = _place_to_write(layer, path)
    if type(value) is not place.pattern.exact:
        try:
            value = place.pattern.check(
                construct(place.pattern.kinds[-1], value) if place.pattern.constructs else value
            )
        except Mismatch as mismatch:
            raise refused_value(layer, place.text, mismatch) from None
    if len(place.segments) == 1:
        force_setattr(layer, place.text, value)
    else:
        _assign(layer, place, value)
    _tell(layer, place, value, emit)


def append(layer: Any, path: str, value: Any, *, emit: bool) -> None:
    """Append to the list, or add to the set, at a path; existing items are not checked."""
    place = _place_to_write(layer, path)
    container = place.pattern.top.read(layer)
    if len(place.segments) > 1:
        container = _member(_holder(layer, place), place.segments[-1])
    if container is _ABSENT:
        raise _not_there(place, len(place.segments))
    if place.pattern.item is None or container is None:
        refused = check_append(TypeShape.of(type(layer)), place.text, root=layer.__typedflow_layer__)
        raise placed(refused) if isinstance(refused, Problem) else _not_there(place, len(place.segments))
    try:
        value = place.pattern.item(value)
    except Mismatch as mismatch:
        raise refused_value(layer, f"{place.text}[...]", mismatch) from None
    if isinstance(container, set):
        container.add(value)
    else:
        container.append(value)
    _tell(layer, place, container, emit, appended=True)


def delete(layer: Any, path: str, *, emit: bool) -> None:
    """Reset a field to a new default; remove the key of a dict, if present."""
    place = _place_to_write(layer, path)
    name = place.segments[-1]
    value: Any = None
    if len(place.segments) == 1:
        value = _default(place, layer)
        force_setattr(layer, name, value)
    else:
        holder = _holder(layer, place)
        field = place.pattern.field
        if isinstance(holder, dict):
            _require_writable_key(layer, place)
            if field is not None and field.required:  # of a TypedDict
                raise _refusal(check_resettable(place.found()))
            holder.pop(name, None)
        elif field is not None and not field.writable:
            raise _read_only(layer, place, holder)
        else:
            value = _default(place, holder)
            _store(layer, place, holder, name, value)
    _tell(layer, place, value, emit)


def to_dict(layer: Any) -> dict[str, Any]:
    """Return a deep copy as dicts, by Python field names."""
    return {name: _plain(field.read(layer)) for name, field in layer_fields(type(layer)).items()}


def _place_to_write(layer: Any, path: Any) -> Place:
    place = place_of(layer, path)
    step = current_step.get()
    if step is not None and step.revoked:
        raise step_is_over(step, layer, place.text)
    return place


def _read(layer: Any, place: Place) -> Any:
    """Read a path; the step in progress notes the field unless the value is a scalar or absent.

    A scalar cannot be changed in place, so its container need not be checked again: the cost is the same at any size.
    """
    value = _walk(place.pattern.top.read(layer), place.segments[1:])
    if value is not _ABSENT and type(value) not in FLAT:
        getattr(layer, place.segments[0])  # the descriptor notes the read
    return value


def _walk(holder: Any, segments: tuple[str, ...]) -> Any:
    """Follow segments through the data; `_ABSENT` if one is absent. None is returned for the last segment only."""
    for segment in segments:
        holder = _member(holder, segment)
        if holder is _ABSENT:
            break
    return holder


def _member(holder: Any, name: str) -> Any:
    if isinstance(holder, Mapping):
        return holder.get(name, _ABSENT)
    return getattr(holder, name, _ABSENT) if name in _names(_class(holder)) else _ABSENT


@functools.lru_cache(maxsize=PATHS_KEPT)
def _names(cls: Any) -> Mapping[str, Any]:
    kind = parse(cls)
    return field_table(kind) if isinstance(kind, RecordOf) else {}


def _holder(layer: Any, place: Place) -> Any:
    """Return the value that contains the last segment of a longer path; raises if it is None or absent."""
    holder = place.pattern.top.read(layer)
    for position, segment in enumerate(place.segments[1:-1], 1):
        if holder is None:
            raise _through_none(layer, place, position)
        holder = _member(holder, segment)
        if holder is _ABSENT:
            raise _not_there(place, position + 1)
    if holder is None:
        raise _through_none(layer, place, len(place.segments) - 1)
    return holder


def _assign(layer: Any, place: Place, value: Any) -> None:
    """Store a checked value at a longer path; missing dicts on the path are created, all at once."""
    holder = place.pattern.top.read(layer)
    last = len(place.segments) - 1
    for position in range(1, last):
        if holder is None:
            raise _through_none(layer, place, position)
        inner = _member(holder, place.segments[position])
        if inner is _ABSENT:
            if not isinstance(holder, dict) or not all(map(_is_dict, place.pattern.kinds[position:last])):
                raise _not_there(place, position + 1)
            for segment in reversed(place.segments[position + 1 :]):
                value = {segment: value}
            return _store(layer, place, holder, place.segments[position], value)
        holder = inner
    if holder is None:
        raise _through_none(layer, place, last)
    return _store(layer, place, holder, place.segments[last], value)


def _store(layer: Any, place: Place, holder: Any, name: str, value: Any) -> None:
    if isinstance(holder, dict):
        _require_writable_key(layer, place)
        holder[name] = value
        return
    if _member(holder, name) is _ABSENT:
        raise _not_there(place, len(place.segments))
    own = _own_field(type(holder), name) if place.pattern.several else None
    try:
        setattr(holder, name, value if own is None else compile_check(own.kind)(value))
    except Mismatch as mismatch:
        raise refused_value(layer, place.text, mismatch) from None
    except (AttributeError, TypeError):
        raise _read_only(layer, place, holder) from None


def _default(place: Place, holder: Any) -> Any:
    """Return a new default for the field at the end of a path; raises if it has none."""
    name = place.segments[-1]
    make = defaults_of(_class(holder)).get(name)
    if make is None:
        if _member(holder, name) is _ABSENT:
            raise _not_there(place, len(place.segments))
        field = FieldInfo(name, required=True)
        raise _refusal(check_resettable(replace(place.found(), owner=render(type(holder)), field=field)))
    return make()


def _not_there(place: Place, reached: int) -> ContractError:
    return placed(path_not_there_problem(place.text, ".".join(place.segments[:reached])), error=PathError)


def _through_none(layer: Any, place: Place, reached: int) -> ContractError:
    """Return the error of a write through a value that is None, with the message of the rule TF204."""
    found = replace(place.found(), maybe_none=quoted(".".join(place.segments[:reached])))
    return _refusal(check_writable(found, root=layer.__typedflow_layer__))


def _read_only(layer: Any, place: Place, holder: Any) -> ContractError:
    field = FieldInfo(place.segments[-1], required=False, writable=False)
    found = replace(place.found(), maybe_none="", owner=render(type(holder)), field=field)
    return _refusal(check_writable(found, root=layer.__typedflow_layer__))


def _require_writable_key(layer: Any, place: Place) -> None:
    """Raise for a key of a TypedDict that is declared ReadOnly."""
    field = place.pattern.field
    if field is not None and field.read_only:
        found = replace(place.found(), maybe_none="")
        raise _refusal(check_writable(found, root=layer.__typedflow_layer__))


def _refusal(problem: Problem | None) -> ContractError:
    assert problem is not None, "the rule was given what it refuses"
    return placed(problem)


def _class(value: Any) -> Any:
    return type(value)  # as Any: mypy takes type[Any] for unhashable


def _own_field(cls: type, name: str) -> Field | None:
    kind = parse(cls)
    return field_table(kind).get(name) if isinstance(kind, RecordOf) and not kind.args else None


def _tell(layer: Any, place: Place, value: Any, emit: bool, *, appended: bool = False) -> None:
    step = current_step.get()
    if step is not None:
        step.wrote(layer, place.text, value, emit=emit, appended=appended)
    elif type(value) not in FLAT:
        outside.note_read()
    elif len(place.segments) > 1:
        outside.note_write()


def _is_dict(kind: Kind) -> bool:
    seen = see_through(kind)
    return isinstance(seen, MappingOf) and seen.cls is dict


def _plain(value: Any) -> Any:
    cls = _class(value)
    if cls is dict:
        return {key: _plain(part) for key, part in value.items()}
    if cls is list or cls is tuple:
        return cls(map(_plain, value))
    if cls is set:
        return set(value)
    names = _names(cls)
    if names and not issubclass(cls, tuple):
        return {name: _plain(getattr(value, name)) for name in names}
    return cls(*map(_plain, value)) if names else value
