"""Detect keys and set members with equal hashes: building a dict or set of them takes quadratic time.

Python hashes str and bytes with a random key per process, but not numbers: all multiples of 2**61 - 1 have the hash 0,
and 20,000 of them in one dict take ten seconds. A document, or an answer from outside, may contain such keys on
purpose; so they are counted before msgspec builds the dict.
"""

from __future__ import annotations

import functools
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

import msgspec

from typedflow.schema.forms import Formless, form_of
from typedflow.schema.mismatch import Segment
from typedflow.schema.records import Field, children, fields_of
from typedflow.schema.types import (
    CollectionOf,
    Kind,
    MappingOf,
    RecordOf,
    Scalar,
    TupleOf,
    UnionOf,
    see_through,
)

MOST_ALIKE: Final = 64
"""Keys of one dict, or members of one set, that may share a hash. In 64 bits no more than 16 integers do."""

COUNTED: Final = 1024
"""Keys or members up to which all are counted; of more, five times the square root of their number at first."""
LEAST: Final = 256
_random: Final = random.Random()
"""Of its own: a user's seeded sequence is left alone, and which keys are looked at cannot be known."""

REASON: Final = f"more than {MOST_ALIKE} of its keys or members have the same hash"


Watch: TypeAlias = Literal["", "integers", "all"]
"""Which hashes in the values of a type the author of a document can choose: none, those of integers of more than 64
bits only, or also those of UUIDs, Decimals, and tuples and records with numbers in them."""

_watches: Final[dict[Kind, Watch]] = {}


def watch_of(kind: Kind) -> Watch:
    """Return which hashes must be counted in values of a type. Cached for the life of the process."""
    found = _watches.get(kind)
    if found is None:
        needs = {need for hashed in _hashed(kind, set()) for need in _needs(hashed, set(), inside=False)}
        found = _watches[kind] = "all" if "all" in needs else "integers" if needs else ""
    return found


def _hashed(kind: Kind, seen: set[Kind]) -> Iterator[Kind]:
    """Yield the kinds of keys and set members in a type, at any depth."""
    kind = see_through(kind)
    if kind in seen:
        return
    seen.add(kind)
    if isinstance(kind, MappingOf):
        yield kind.key
    elif isinstance(kind, CollectionOf) and issubclass(kind.cls, (set, frozenset)):
        yield kind.item
    for part in children(kind):
        yield from _hashed(part, seen)


def _needs(kind: Kind, seen: set[Kind], *, inside: bool) -> Iterator[Watch]:
    """Yield which hashes of a kind must be counted; with `inside` (part of a hashed value), those of any number."""
    kind = see_through(kind)
    if kind in seen:
        return
    seen.add(kind)
    if isinstance(kind, Scalar):
        if inside and kind.cls not in _SECRET:
            yield "all"
        elif not inside and kind.cls in _CHOSEN:
            yield _CHOSEN[kind.cls]
        return
    for part in children(kind):
        yield from _needs(part, seen, inside=inside or not isinstance(kind, UnionOf))


_CHOSEN: Final[Mapping[type, Watch]] = {int: "integers", Decimal: "all", UUID: "all"}
_SECRET: Final = frozenset({str, bytes, type(None)})


def is_crowded(hashes: Iterable[int]) -> bool:
    """Return True if too many hashes are the same."""
    counted = list(hashes)
    if len(counted) - len(set(counted)) < MOST_ALIKE:
        return False
    return max(Counter(counted).values()) > MOST_ALIKE


def find_crowd(kind: Kind, tree: Any, decode: Callable[[Any], Any] | None = None) -> tuple[Segment, ...] | None:
    """Return the path of the first dict or set with too many equal hashes, in plain data of the kind; None if none.

    Of more than `COUNTED` keys or members a random sample is made and compared, which costs a fraction of decoding:
    so many alike that the dict takes three times as long as one of other keys are missed once in 100,000 times.
    `decode` makes plain data of members that are still encoded (`msgspec.Raw`), for those that are compared.
    """
    kind = see_through(kind)
    if not watch_of(kind):
        return None
    for segment, inner, part in _inside(kind, tree):  # first what is inside: members are made of it
        found = find_crowd(inner, part, decode)
        if found is not None:
            return (*segment, *found)
    hashed: Kind | None = None
    if isinstance(kind, MappingOf) and isinstance(tree, dict):
        hashed = kind.key
    elif isinstance(kind, CollectionOf) and issubclass(kind.cls, (set, frozenset)) and isinstance(tree, list):
        hashed = kind.item
    if hashed is None or len(tree) <= MOST_ALIKE:
        return None
    items = list(tree)
    if len(items) > COUNTED:
        sample = _hashes(hashed, _random.sample(items, max(LEAST, 5 * math.isqrt(len(items)))), decode)
        if len(set(sample)) == len(sample):
            return None
    return () if is_crowded(_hashes(hashed, items, decode)) else None


def _hashes(kind: Kind, items: list[Any], decode: Callable[[Any], Any] | None) -> list[int]:
    """Return the hashes of keys or members."""
    if decode is not None and items and type(items[0]) is msgspec.Raw:
        items = [*map(decode, items)]
    return [*map(hash, _made(kind, items))]


def _made(kind: Kind, plain: list[Any]) -> list[Any]:
    """Make keys or members of plain data, without a dict or set; those that cannot be made are left out."""
    try:
        return msgspec.convert(plain, list[form_of(kind)], strict=False)  # type: ignore[no-any-return,misc]
    except (Formless, msgspec.ValidationError, TypeError, ValueError):
        return [made for item in plain if (made := _make(kind, item)) is not None]


def _make(kind: Kind, item: Any) -> Any:
    try:
        made = msgspec.convert(item, form_of(kind), strict=False)
        hash(made)
    except (Formless, msgspec.ValidationError, TypeError, ValueError):
        return None
    return made


Part = tuple[tuple[Segment, ...], Kind, Any]


def _inside(kind: Kind, tree: Any) -> Iterator[Part]:
    """Yield the parts of plain data with their kinds, as far as they are there."""
    match kind:
        case UnionOf(members=members):
            yield from (((), member, tree) for member in members)
        case CollectionOf(item=item) if watch_of(item) and isinstance(tree, (list, tuple, set, frozenset)):
            in_order, is_leaf = not issubclass(kind.cls, (set, frozenset)), _is_leaf(item)
            for index, part in enumerate(tree):
                if not is_leaf or _is_large(part):
                    yield ((index,) if in_order else ()), item, part
        case TupleOf(items=items) if isinstance(tree, (list, tuple)):
            yield from (((index,), item, part) for index, (item, part) in enumerate(zip(items, tree, strict=False)))
        case MappingOf(value=item) if watch_of(item) and isinstance(tree, dict):
            is_leaf = _is_leaf(item)
            for name, part in tree.items():
                if not is_leaf or _is_large(part):
                    yield (str(name),), item, part
        case RecordOf() if isinstance(tree, dict):
            for field, is_leaf in _watched_fields(kind):
                part = tree.get(field.encoded)
                if part is not None and (not is_leaf or _is_large(part)):
                    yield (field.name,), field.kind, part
        case RecordOf() if isinstance(tree, (list, tuple)):
            fields = fields_of(kind)
            tagged = len(tree) - len(fields) if len(tree) > len(fields) else 0
            for field, part in zip(fields, tree[tagged:], strict=False):
                yield (field.name,), field.kind, part
        case _:
            return


def _is_leaf(kind: Kind) -> bool:
    """Return whether only the keys or members themselves are to be counted, and nothing inside of the values."""
    kind = see_through(kind)
    if isinstance(kind, CollectionOf):
        return issubclass(kind.cls, (set, frozenset)) and not watch_of(kind.item)
    return isinstance(kind, MappingOf) and not watch_of(kind.value)


def _is_large(part: Any) -> bool:
    return isinstance(part, (dict, list)) and len(part) > MOST_ALIKE


@functools.lru_cache(maxsize=1024)
def _watched_fields(record: RecordOf) -> tuple[tuple[Field, bool], ...]:
    return tuple((field, _is_leaf(field.kind)) for field in fields_of(record) if watch_of(field.kind))
