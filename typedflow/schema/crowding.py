"""Detect keys and set members with equal hashes: building a dict or set of them takes quadratic time.

Python hashes str and bytes with a random key per process, but not numbers: all multiples of 2**61 - 1 have the hash 0,
and 20,000 of them in one dict take ten seconds. A document, or an answer from outside, may contain such keys on
purpose; so they are counted before msgspec builds the dict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

import msgspec

from typedflow.schema.forms import Formless, form_of
from typedflow.schema.mismatch import Segment
from typedflow.schema.records import children, fields_of
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


def find_crowd(kind: Kind, tree: Any) -> tuple[Segment, ...] | None:
    """Return the path of the first dict or set with too many equal hashes, in plain data of the kind; None if none."""
    kind = see_through(kind)
    if not watch_of(kind):
        return None
    for segment, inner, part in _inside(kind, tree):  # first what is inside: members are made of it
        found = find_crowd(inner, part)
        if found is not None:
            return (*segment, *found)
    hashed: Kind | None = None
    if isinstance(kind, MappingOf) and isinstance(tree, dict):
        hashed = kind.key
    elif isinstance(kind, CollectionOf) and issubclass(kind.cls, (set, frozenset)) and isinstance(tree, list):
        hashed = kind.item
    crowded = hashed is not None and len(tree) > MOST_ALIKE and is_crowded(map(hash, _made(hashed, tree)))
    return () if crowded else None


def _made(kind: Kind, items: Iterable[Any]) -> list[Any]:
    """Make keys or members of plain data, without a dict or set; those that cannot be made are left out."""
    plain = list(items)
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
            in_order = not issubclass(kind.cls, (set, frozenset))
            yield from (((index,) if in_order else (), item, part) for index, part in enumerate(tree))
        case TupleOf(items=items) if isinstance(tree, (list, tuple)):
            yield from (((index,), item, part) for index, (item, part) in enumerate(zip(items, tree, strict=False)))
        case MappingOf(value=item) if watch_of(item) and isinstance(tree, dict):
            yield from (((str(name),), item, part) for name, part in tree.items())
        case RecordOf() if isinstance(tree, dict):
            for field in fields_of(kind):
                if field.encoded in tree:
                    yield (field.name,), field.kind, tree[field.encoded]
        case RecordOf() if isinstance(tree, (list, tuple)):
            fields = fields_of(kind)
            tagged = len(tree) - len(fields) if len(tree) > len(fields) else 0
            for field, part in zip(fields, tree[tagged:], strict=False):
                yield (field.name,), field.kind, part
        case _:
            return
