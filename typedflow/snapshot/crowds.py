"""Whether a payload would make a crowded dict or set: asked before it is decoded, at next to no cost where it cannot.

Integers of a JSON document meet in one hash only where they have 20 digits and more. A scan of a few windows tells that
there are none: 0.2 ms of a document that takes 25 ms to decode. Of other keys the document is decoded to a skeleton:
dicts with their keys, and everything else left encoded, which takes a third of decoding, or less.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from typing_extensions import TypedDict

from typedflow.schema.crowding import Watch, find_crowd, watch_of
from typedflow.schema.mismatch import Segment
from typedflow.schema.records import fields_of
from typedflow.schema.types import NONE, CollectionOf, Kind, MappingOf, RecordOf, Scalar, UnionOf, see_through
from typedflow.snapshot.documents import PLAIN, Format

SMALL: Final = 4 * 1024
"""Bytes: what a smaller payload holds is built in a millisecond, whatever its hashes are."""
WHOLE: Final = 32 * 1024
"""Bytes up to which a payload is scanned as a whole."""
WINDOW: Final = 64
WINDOWS: Final = 512
"""Of a larger payload this many windows of so many bytes, anywhere.

3,000 keys that take 0.2 s are missed once in 5,000 times, more of them never.
"""
_DIGITS: Final = bytes(ord("0") if byte in b"0123456789" else ord(" ") for byte in range(256))
_LONG: Final = b"0" * 20
_UNSET: Final = Scalar(msgspec.UnsetType)
_DECODERS: Final[Mapping[str, Any]] = {"json": msgspec.json.Decoder, "msgpack": msgspec.msgpack.Decoder}
_random: Final = random.Random()
"""Of its own: a user's seeded sequence is left alone."""


def find_crowd_in(kind: Kind, watch: Watch, raw: Any, format: Format) -> tuple[Segment, ...] | None:
    """Return the path of a dict or set that would be crowded, None where there is none; raises what decoding raises."""
    size = memoryview(raw).nbytes
    if size < SMALL or (watch == "integers" and _LONG not in _sample(raw, size).translate(_DIGITS)):
        return None
    return find_crowd(kind, _outline(kind, raw, format), PLAIN[format])


def _outline(kind: Kind, raw: Any, format: Format) -> Any:
    """Decode what `find_crowd` looks at, or everything, where the document is not of the kind."""
    decode = _outline_decoder(kind, format)
    if decode is not None:
        try:
            return decode(raw)
        except msgspec.ValidationError:
            pass
    return PLAIN[format](raw)


@functools.lru_cache(maxsize=1024)
def _outline_decoder(kind: Kind, format: Format) -> Callable[[Any], Any] | None:
    """Return the decoder of a kind's outline; None if everything is to be decoded."""
    form = _outline_form(kind, frozenset())
    return None if form is Any else _DECODERS[format](form).decode


def _outline_form(kind: Kind, above: frozenset[Kind]) -> Any:
    """Return the form of a kind's dicts and sets with what leads to them; Any where it is decoded as a whole."""
    kind = see_through(kind)
    if kind in above:  # recursive
        return Any
    if not watch_of(kind):
        return Any if isinstance(kind, Scalar) else msgspec.Raw
    above |= {kind}
    match kind:
        case MappingOf(value=value):
            return dict[Any, _outline_form(value, above)]  # type: ignore[misc]  # forms are values here
        case CollectionOf(cls=cls, item=item) if issubclass(cls, (set, frozenset)):
            return Any if watch_of(item) else list[msgspec.Raw]
        case CollectionOf(item=item):
            return list[_outline_form(item, above)]  # type: ignore[misc]
        case RecordOf(cls=cls, flavour=flavour) if flavour in ("struct", "typeddict", "dataclass"):
            if getattr(getattr(cls, "__struct_config__", None), "array_like", False):
                return Any
            watched = [field for field in fields_of(kind) if watch_of(field.kind)]
            parts = {field.encoded: _outline_form(field.kind, above) for field in watched}
            return TypedDict("Outline", parts, total=False)  # type: ignore[operator]  # made at run time
        case UnionOf(members=members):
            rest = [member for member in members if member not in (NONE, _UNSET)]
            return _outline_form(rest[0], above) | None if len(rest) == 1 else Any
        case _:
            return Any


def _sample(raw: Any, size: int) -> bytes:
    view = memoryview(raw)
    if size <= WHOLE:
        return bytes(view)
    return b" ".join([view[start : start + WINDOW] for start in _random.choices(range(size - WINDOW), k=WINDOWS)])
