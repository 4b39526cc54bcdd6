"""Convert plain data, as in JSON, to typed values: answers from people and other programs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from typedflow.schema.check import Mismatch, compile_check
from typedflow.schema.construction import UndeclaredKey, construct, require_declared
from typedflow.schema.crowding import REASON, find_crowd
from typedflow.schema.forms import Formless, form_of
from typedflow.schema.parsing import parse
from typedflow.schema.persistable import check_persistable
from typedflow.schema.records import stored_in
from typedflow.schema.render import render
from typedflow.schema.types import ANY, Kind


def from_plain(tp: Any, value: Any) -> Any:
    """Return the typed value of plain data, checked; raises `Mismatch`.

    Strict, as msgspec is: a str is not converted to a number, except for the keys of a dict, which are str in JSON. A
    key that a record does not declare is refused.
    Mutable parts of the data are copied.
    """
    kind = parse(tp)
    if check_persistable(kind):  # msgspec does not read it; some such types even crash it
        raise Mismatch((), render(kind), value)
    crowd = find_crowd(kind, value)
    if crowd is not None:
        raise Mismatch(crowd, render(kind), value, REASON)
    try:
        made = msgspec.convert(value, form_of(kind), strict=True, str_keys=True, dec_hook=_reader(kind))
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, _Unread):
            raise error.__cause__.mismatch(str(error)) from None
        raise Mismatch((), render(kind), value, str(error)) from None
    except (Formless, TypeError, ValueError, RecursionError) as error:
        raise Mismatch((), render(kind), value, str(error)) from None
    require_declared(made, value)
    return compile_check(kind)(made)


class UnfitStored(Mismatch):
    """Plain data of which a class that is stored as another type makes no instance; `hint` is the reason."""


class _Unread(ValueError):
    """Raised inside of msgspec, which adds where the data stands."""

    def __init__(self, cls: type, plain: Any, reason: str) -> None:
        super().__init__(reason)
        self._cls = cls
        self._plain = plain

    def mismatch(self, text: str) -> UnfitStored:
        """Return the mismatch; the message of msgspec ends with the path: "… - at `$.people[0].name`"."""
        _, at, place = text.rpartition(" - at `$")
        steps = _STEP.findall(place) if at else []
        path = tuple(int(index) if index else name for name, index in steps)
        return UnfitStored(path, self._cls.__name__, self._plain, str(self))


_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]")


def _reader(kind: Kind) -> Callable[[type, Any], Any] | None:
    """Return the hook by which msgspec reads the classes in a kind that are stored as another type."""
    ways = {part.cls: part.stored for part in stored_in(kind) if part.stored is not None}
    if not ways:
        return None

    def read(cls: type, plain: Any) -> Any:
        if isinstance(plain, cls):
            return plain
        stored = ways[cls]
        try:
            return stored.of(from_plain(stored.kind, plain) if stored.kind != ANY else plain)
        except Mismatch as mismatch:
            raise _Unread(cls, plain, mismatch.reason) from None
        except Exception as error:
            raise _Unread(cls, plain, f"{type(error).__name__}: {error}") from error

    return read


def as_it_is(tp: Any, value: Any) -> Any:
    """Return a value that is of the type already, checked; raises `Mismatch`."""
    return compile_check(tp)(value)


def by_field_names(tp: Any, value: Any) -> Any:
    """Return the value with its mappings made to records by Python's field names, checked; raises `Mismatch`."""
    return compile_check(tp)(construct(tp, value))


READERS: Final[tuple[Callable[[Any, Any], Any], ...]] = (as_it_is, by_field_names, from_plain)
"""How a value from outside is read, in order: the first that does not raise decides."""


def from_outside(tp: Any, value: Any) -> Any:
    """Return the typed value of plain data from outside, by the one of `READERS` that fits.

    Raises the `Mismatch` with the longest path, the one that came closest; of equals one that names an unknown key.
    """
    fault: Mismatch | None = None
    for read in READERS:
        try:
            return read(tp, value)
        except Mismatch as mismatch:
            if fault is None or _rank(mismatch) > _rank(fault):
                fault = mismatch
    assert fault is not None
    raise fault


def _rank(mismatch: Mismatch) -> tuple[int, bool]:
    return len(mismatch.path), isinstance(mismatch, UndeclaredKey)
