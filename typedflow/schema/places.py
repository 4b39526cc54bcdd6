"""Paths of layers, compiled: to patterns, which all paths share that differ in keys of dicts only."""

from __future__ import annotations

import functools
from typing import Any, Final

import msgspec

from typedflow.errors import PathError
from typedflow.rules.paths import Resolution, parse_path
from typedflow.rules.paths import resolve as resolve_path
from typedflow.rules.problems import Problem
from typedflow.rules.shape import FieldInfo
from typedflow.schema.check import Check, compile_check, exact_class
from typedflow.schema.construction import may_construct
from typedflow.schema.layer_fields import LayerField, layer_fields, placed
from typedflow.schema.parsing import parse
from typedflow.schema.shape import TypeShape
from typedflow.schema.types import NONE, Kind, MappingOf, Scalar, UnionOf, see_through

_ANY_TEXT: Final = Scalar(str)
PATHS_KEPT: Final = 4096
"""The size of each cache, over all classes: programs have few paths, but may build some at run time."""

KEY: Final = "*"
"""In a pattern: any key of a `dict[str, V]`. No path has such a segment."""


class Pattern(msgspec.Struct, frozen=True):
    """What a path was compiled to; paths that differ in keys of dicts only share it, so that a new key costs nothing.

    To set 5000 new keys takes 8 µs each (70 where each was compiled by itself).
    """

    top: LayerField
    field: FieldInfo | None
    """The last field; None for the key of a dict."""
    kinds: tuple[Kind, ...]
    """The declared type at each segment."""
    exact: type | None
    check: Check
    constructs: bool
    """A mapping can be converted to a record."""
    several: bool
    """The path goes through a union of records, so that the record in the data determines the check."""
    item: Check | None
    """The check of one item, of a list or a set."""


class Place(msgspec.Struct, frozen=True):
    """A path of the class of a layer."""

    cls: Any
    text: str
    segments: tuple[str, ...]
    pattern: Pattern

    def found(self) -> Resolution[TypeShape]:
        """Resolve the path again, for the message of an error."""
        found = resolve_path(TypeShape(parse(self.cls)), self.segments, root=self.cls.__typedflow_layer__)
        assert isinstance(found, Resolution), "its pattern was resolved"
        return found


def place_of(layer: Any, path: Any) -> Place:
    """Return a path of the class of a layer, compiled; raises `PathError` if the class has no such path."""
    cls: Any = type(layer)
    found = _compiled(cls, path) if isinstance(path, str) else _compile(cls, path)
    if isinstance(found, Problem):
        raise placed(found, error=PathError)
    return found


def _compile(cls: Any, path: object) -> Place | Problem:
    segments = parse_path(path)
    if isinstance(segments, Problem):
        return segments
    pattern = _compiled_pattern(cls, _pattern_of(cls, segments))
    if isinstance(pattern, Problem):  # which names the pattern
        found = resolve_path(TypeShape(parse(cls)), segments, root=cls.__typedflow_layer__)
        assert isinstance(found, Problem)
        return found
    return Place(cls, ".".join(segments), segments, pattern)


def _pattern_of(cls: Any, segments: tuple[str, ...]) -> tuple[str, ...]:
    """Return a path with `KEY` for each key of a `dict[str, V]`."""
    pattern = segments[:1]
    for segment in segments[1:]:
        pattern = (*pattern, KEY if _has_keys(cls, pattern) else segment)
    return pattern


@functools.lru_cache(maxsize=PATHS_KEPT)
def _has_keys(cls: Any, pattern: tuple[str, ...]) -> bool:
    """Return whether the values behind a pattern are dicts that take any str as a key."""
    found = resolve_path(TypeShape(parse(cls)), pattern)
    if isinstance(found, Problem):
        return False
    seen = see_through(found.declared.without_none().kind)
    members = seen.members if isinstance(seen, UnionOf) else (seen,)
    return all(isinstance(each, MappingOf) and each.key == _ANY_TEXT for each in map(see_through, members))


@functools.lru_cache(maxsize=PATHS_KEPT)
def _compiled_pattern(cls: Any, segments: tuple[str, ...]) -> Pattern | Problem:
    shape = TypeShape(parse(cls))
    found = resolve_path(shape, segments)
    if isinstance(found, Problem):
        return found
    steps = [resolve_path(shape, segments[: end + 1]) for end in range(len(segments))]
    kinds = tuple(step.declared.kind for step in steps if not isinstance(step, Problem))
    item_shape = found.declared.without_none().item()
    return Pattern(
        top=layer_fields(cls)[segments[0]],
        field=found.field,
        kinds=kinds,
        exact=exact_class(kinds[-1]),
        check=compile_check(kinds[-1]),
        constructs=may_construct(kinds[-1]),
        several=any(map(_is_several, kinds[:-1])),
        item=None if item_shape is None else compile_check(item_shape.kind),
    )


_compiled = functools.lru_cache(maxsize=PATHS_KEPT)(_compile)


def _is_several(kind: Kind) -> bool:
    seen = see_through(kind)
    return isinstance(seen, UnionOf) and len([member for member in seen.members if member != NONE]) > 1
