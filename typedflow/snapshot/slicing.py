"""Which lists of a State can be saved slice by slice, and how a slice is compared with what was stored of it.

A slice is compared packed, with MessagePack: that is quicker than JSON, and says more. JSON writes NaN as null, and the
key 1 of a dict as "1". Two valid values of one of the types that are allowed here have the same bytes only if they are
equal and of the same classes. Moments are not allowed (MessagePack drops a zone), nor are abstract collections (a tuple
has the bytes of a list), nor classes whose instances hide something from `==`.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from typedflow.schema.records import fields_of
from typedflow.schema.types import (
    NO_LIMITS,
    CollectionOf,
    EnumOf,
    Kind,
    LiteralOf,
    MappingOf,
    RecordOf,
    Scalar,
    TupleOf,
    UnionOf,
    see_through,
)
from typedflow.snapshot.codecs import Codec, compile_codec
from typedflow.snapshot.exactness import hides_from_equality
from typedflow.snapshot.faults import has_plain_equality

_SCALARS: Final = frozenset(
    {type(None), bool, int, float, str, bytes, date, timedelta, UUID, Decimal, msgspec.UnsetType}
)
_COLLECTIONS: Final = frozenset({list, set, frozenset, tuple})
_RECORDS: Final = frozenset({"struct", "typeddict", "namedtuple"})
_PACK: Final = msgspec.msgpack.Encoder().encode


class SlicedType(NamedTuple):
    """A type of lists that can be saved slice by slice."""

    kind: Kind
    codec: Codec
    """Encodes and verifies a slice."""


@lru_cache(maxsize=1024)
def sliced_type(kind: Kind) -> SlicedType | None:
    """Return how the lists of a kind are sliced; None if their packed bytes do not prove them unchanged."""
    seen = see_through(kind)
    if not isinstance(seen, CollectionOf) or seen.cls is not list or seen.limits != NO_LIMITS:
        return None
    codec = compile_codec(seen)
    if not codec.is_native or not _is_told(seen, set()) or hides_from_equality(seen) or not has_plain_equality(seen):
        return None
    return SlicedType(seen, codec)


def pack(value: Any) -> bytes | None:
    """Return the bytes that a slice is compared by; None if it has none, such as one with a longer integer."""
    try:
        return _PACK(value)
    except Exception:  # encoding calls what users' classes define; the save of the slice reports what is wrong
        return None


def _is_told(kind: Kind, seen: set[Kind]) -> bool:
    """Return whether the packed bytes of a valid value determine the value, with its classes."""
    kind = see_through(kind)
    if kind in seen:
        return True
    seen.add(kind)
    match kind:
        case Scalar(cls=cls):
            return cls in _SCALARS
        case EnumOf() | LiteralOf():
            return True
        case CollectionOf(cls=cls, item=item):
            return cls in _COLLECTIONS and _is_told(item, seen)
        case MappingOf(cls=cls, key=key, value=value):
            return cls is dict and _is_told(key, seen) and _is_told(value, seen)
        case TupleOf(items=parts) | UnionOf(members=parts):
            return all(_is_told(part, seen) for part in parts)
        case RecordOf(flavour=flavour):
            return flavour in _RECORDS and all(_is_told(field.kind, seen) for field in fields_of(kind))
        case _:
            return False
