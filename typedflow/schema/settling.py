"""Classes written inside a function, made readable to everybody: their annotations are evaluated while it is there.

msgspec, and every later reader, resolves a text annotation by the module's globals alone, where a local class is not to
be found. `settle` evaluates such annotations with the frame at hand and writes the types back into `__annotations__`.
Classes that their module's globals explain are left as they are.
"""

from __future__ import annotations

import types
import typing
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakSet

import msgspec

from typedflow.schema.annotations import ALIASES, class_hints, home_of
from typedflow.schema.deferred import own_annotations
from typedflow.schema.parsing import flavour_of
from typedflow.schema.resolving import UnresolvedName, has_text
from typedflow.schema.types import SCALARS

_LEAVES: Final[frozenset[Any]] = frozenset({object, typing.Generic, typing.Protocol, msgspec.Struct})


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Name a field whose annotation nobody can resolve."""

    owner: type
    field: str
    failure: UnresolvedName


def settle(tp: Any, frame: types.FrameType | None, defining: type | None = None) -> list[Unsettled]:
    """Settle every record class that a type leads to; give the fields that cannot be resolved, none twice.

    `defining` is the class whose statement this happens in: its name means nothing else yet.
    """
    if isinstance(tp, type) and tp in SCALARS:  # most of what steps hand on
        return []
    seen: set[int] = set()
    records: list[type] = []
    unsettled: list[Unsettled] = []
    waiting = [tp]
    while waiting:
        here = waiting.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        if isinstance(here, type) and not isinstance(here, types.GenericAlias):
            if here in _settled or flavour_of(here) is None:
                continue
            records.append(here)
            for owner in here.__mro__:
                hints, failures = settle_class(owner, frame, defining)
                unsettled += [Unsettled(owner, name, failure) for name, failure in failures.items()]
                waiting += hints.values()
        else:
            waiting += _inner_types(here)
    if not unsettled:
        _settled.update(records)
    return unsettled


_settled: WeakSet[type] = WeakSet()
"""Records all of whose annotations, at any depth, could be resolved: they are not looked at again."""


def settle_class(
    cls: type, frame: types.FrameType | None, defining: type | None = None
) -> tuple[dict[str, Any], dict[str, UnresolvedName]]:
    """Resolve what one class annotates itself; write back what needs the frame."""
    if cls in _LEAVES:
        return {}, {}
    hints, failures = class_hints(cls)
    if frame is not None and (failures or home_of(cls, frame) is not None):
        hints, failures = class_hints(cls, frame, defining)
        _write_back(cls, hints, failures)
    return hints, failures


def _write_back(cls: Any, hints: dict[str, Any], failures: dict[str, UnresolvedName]) -> None:
    """Put types in the place of texts, or of what only the frame knows; the rest is left to Python to evaluate."""
    if "__annotations__" in vars(cls):
        cls.__annotations__.update(hints)
    elif not failures and any(map(has_text, own_annotations(cls).values())):
        cls.__annotations__ = hints


def _inner_types(tp: Any) -> list[Any]:
    """Give what a type is made of: arguments, an alias's value, the class behind a generic alias, a NewType's base."""
    inner = [getattr(tp, name, None) for name in ("__origin__", "__supertype__")]
    if isinstance(tp, ALIASES):
        with suppress(Exception):  # who parses the alias says so
            inner.append(tp.__value__)
    return [*getattr(tp, "__args__", ()), *inner]
