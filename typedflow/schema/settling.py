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

import msgspec

from typedflow.schema.annotations import ALIASES, class_hints, written_in
from typedflow.schema.deferred import own_annotations
from typedflow.schema.parsing import parse
from typedflow.schema.resolving import UnresolvedName, has_text
from typedflow.schema.types import RecordOf

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
    seen: set[int] = set()
    unsettled: list[Unsettled] = []
    waiting = [tp]
    while waiting:
        here = waiting.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        if isinstance(here, type) and not isinstance(here, types.GenericAlias):
            for owner in here.__mro__ if _is_record(here) else ():
                hints, failures = settle_class(owner, frame, defining)
                unsettled += [Unsettled(owner, name, failure) for name, failure in failures.items()]
                waiting += hints.values()
        else:
            waiting += _inner_types(here)
    return unsettled


def settle_class(
    cls: type, frame: types.FrameType | None, defining: type | None = None
) -> tuple[dict[str, Any], dict[str, UnresolvedName]]:
    """Resolve what one class annotates itself; write back what needs the frame."""
    if cls in _LEAVES:
        return {}, {}
    hints, failures = class_hints(cls)
    if frame is not None and (failures or written_in(cls, frame)):
        hints, failures = class_hints(cls, frame, defining)
        _write_back(cls, hints, failures)
    return hints, failures


def _write_back(cls: Any, hints: dict[str, Any], failures: dict[str, UnresolvedName]) -> None:
    """Put types in the place of texts, or of what only the frame knows; the rest is left to Python to evaluate."""
    if "__annotations__" in vars(cls):
        cls.__annotations__.update(hints)
    elif not failures and any(map(has_text, own_annotations(cls).values())):
        cls.__annotations__ = hints


def _is_record(cls: type) -> bool:
    return isinstance(parse(cls), RecordOf)


def _inner_types(tp: Any) -> list[Any]:
    """Give what a type is made of: arguments, an alias's value, the class behind a generic alias, a NewType's base."""
    inner = [getattr(tp, name, None) for name in ("__origin__", "__supertype__")]
    if isinstance(tp, ALIASES):
        with suppress(NameError):  # who parses the alias says so
            inner.append(tp.__value__)
    return [*getattr(tp, "__args__", ()), *inner]
