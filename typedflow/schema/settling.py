"""Evaluate the annotations of classes defined in a function, while its frame exists.

msgspec and other readers resolve a str annotation with the module's globals only, which do not have local classes.
`settle` evaluates such annotations with the frame and writes the types back into `__annotations__`. Classes whose
annotations resolve with the module's globals are not changed.
"""

from __future__ import annotations

import types
import typing
from contextlib import suppress
from typing import Any, Final
from weakref import WeakSet

import msgspec

from typedflow.schema.annotations import ALIASES, class_hints, home_of
from typedflow.schema.deferred import own_annotations
from typedflow.schema.parsing import flavour_of
from typedflow.schema.resolving import UnresolvedName, has_text
from typedflow.schema.types import SCALARS

_LEAVES: Final[frozenset[Any]] = frozenset({object, typing.Generic, typing.Protocol, msgspec.Struct})


class Unsettled(msgspec.Struct, frozen=True):
    """A field whose annotation cannot be resolved."""

    owner: type
    field: str
    failure: UnresolvedName


def settle(tp: Any, frame: types.FrameType | None, defining: type | None = None) -> list[Unsettled]:
    """Evaluate the annotations of every record class in a type; return the fields that cannot be resolved, once each.

    `defining` is the class whose class statement is running: its name is not bound yet.
    """
    if isinstance(tp, type) and tp in SCALARS:  # the usual values of steps
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
"""Records all of whose annotations, at any depth, could be resolved: they are not checked again."""


def settle_class(
    cls: type, frame: types.FrameType | None, defining: type | None = None
) -> tuple[dict[str, Any], dict[str, UnresolvedName]]:
    """Resolve the annotations of one class, without its bases; write back those that need the frame."""
    if cls in _LEAVES:
        return {}, {}
    hints, failures = class_hints(cls)
    if frame is not None and (failures or home_of(cls, frame) is not None):
        hints, failures = class_hints(cls, frame, defining)
        _write_back(cls, hints, failures)
    return hints, failures


def _write_back(cls: Any, hints: dict[str, Any], failures: dict[str, UnresolvedName]) -> None:
    """Replace str annotations, and those that only the frame resolves, by types; Python evaluates the others."""
    if "__annotations__" in vars(cls):
        cls.__annotations__.update(hints)
    elif not failures and any(map(has_text, own_annotations(cls).values())):
        cls.__annotations__ = hints


def _inner_types(tp: Any) -> list[Any]:
    """Return the parts of a type: arguments, an alias's value, the class of a generic alias, a NewType's base."""
    inner = [getattr(tp, name, None) for name in ("__origin__", "__supertype__")]
    if isinstance(tp, ALIASES):
        with suppress(Exception):  # parsing the alias reports it
            inner.append(tp.__value__)
    return [*getattr(tp, "__args__", ()), *inner]
