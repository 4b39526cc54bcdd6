"""W6: what a load costs of dicts and sets whose hashes the author of a document can choose: UUIDs, Decimals, tuples.

They are searched for colliding keys before they are decoded (`typedflow.snapshot.crowds`). The floor decodes alone.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from typedflow.snapshot.codecs import compile_codec

MILLI = 1e3


class Row(msgspec.Struct):
    x: int
    name: str


def values(size: int) -> dict[Any, Any]:
    """Return a value of each type, by the type."""
    number = random.Random(1).getrandbits
    return {
        dict[UUID, Row]: {UUID(int=number(128)): Row(index, "name") for index in range(size)},
        dict[Decimal, int]: {Decimal(number(40)) / 100: index for index in range(size)},
        set[tuple[int, int]]: {(index, number(20)) for index in range(size)},
    }


def median_of(work: Callable[[], object]) -> float:
    """Return the median of ms of CPU of a call."""
    times = []
    for _ in range(9):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return sorted(times)[4] * MILLI


def load(size: int, tp: Any) -> float:
    raw = msgspec.Raw(msgspec.json.encode(values(size)[tp]))
    codec = compile_codec(tp)
    return median_of(lambda: codec.decode(raw, "it", verified=True))  # as the marked state of a document is read


def raw_load(size: int, tp: Any) -> float:
    raw = msgspec.json.encode(values(size)[tp])
    decode = msgspec.json.Decoder(tp).decode
    return median_of(lambda: decode(raw))


def uuids(size: int) -> float:
    """Return ms per load of a dict by UUID."""
    return load(size, dict[UUID, Row])


def raw_uuids(size: int) -> float:
    """Return ms per decode of it."""
    return raw_load(size, dict[UUID, Row])


def decimals(size: int) -> float:
    """Return ms per load of a dict by Decimal."""
    return load(size, dict[Decimal, int])


def raw_decimals(size: int) -> float:
    """Return ms per decode of it."""
    return raw_load(size, dict[Decimal, int])


def tuples(size: int) -> float:
    """Return ms per load of a set of tuples."""
    return load(size, set[tuple[int, int]])


def raw_tuples(size: int) -> float:
    """Return ms per decode of it."""
    return raw_load(size, set[tuple[int, int]])
