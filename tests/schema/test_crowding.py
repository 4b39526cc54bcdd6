"""Which hashes can be chosen by who writes a document, and which plain data would make a crowded dict or set."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, TypedDict
from uuid import UUID

import msgspec
import pytest

from typedflow.schema.check import Mismatch
from typedflow.schema.crowding import MOST_ALIKE, find_crowd, is_crowded, watch_of
from typedflow.schema.parsing import parse
from typedflow.schema.plain import from_plain

PRIME = 2**61 - 1
"""What CPython's hashes of numbers are reduced by."""
ALIKE = [k * PRIME for k in range(1, MOST_ALIKE + 2)]
KEYS = {str(k): 0 for k in ALIKE}


class Frozen(msgspec.Struct, frozen=True):
    number: int
    text: str = ""


class Named(msgspec.Struct, frozen=True):
    text: str


class Pair(NamedTuple):
    a: int
    b: str


class Node(msgspec.Struct):
    table: dict[int, int] = {}
    below: list[Node] = []


class Row(msgspec.Struct, array_like=True, tag=True):
    name: str
    table: dict[int, int]


class Keys(TypedDict):
    table: dict[int, int]


@dataclass
class Holder:
    table: dict[int, int]


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    "tp, watch",
    [
        (int, ""),
        (list[int], ""),
        (dict[str, int], ""),
        (dict[bytes, int], ""),
        (dict[float, int], ""),
        (dict[Colour, int], ""),
        (dict[Literal[1, 2], int], ""),
        (set[datetime], ""),
        (set[str | None], ""),
        (set[tuple[str, str]], ""),
        (set[Named], ""),
        (dict[int, str], "integers"),
        (dict[int | float, str], "integers"),
        (Mapping[int, str], "integers"),
        (dict[Annotated[int, msgspec.Meta(ge=0)], str], "integers"),
        (frozenset[int], "integers"),
        (list[tuple[int, set[int]]], "integers"),
        (Node, "integers"),
        (Holder | None, "integers"),
        (dict[UUID, int], "all"),
        (dict[Decimal, int], "all"),
        (set[tuple[int, int]], "all"),
        (set[tuple[str, float]], "all"),
        (set[Frozen], "all"),
        (set[Pair], "all"),
        (set[frozenset[int]], "all"),
        (dict[int, set[UUID]], "all"),
    ],
)
def test_what_is_watched(tp: Any, watch: str) -> None:
    assert watch_of(parse(tp)) == watch


@pytest.mark.parametrize(
    "tp, tree, path",
    [
        (dict[int, int], KEYS, ()),
        (dict[int, int], {"a": 1, **KEYS}, ()),
        (dict[int | float, int], KEYS, ()),
        (list[dict[int, int]], [{}, KEYS], (1,)),
        (tuple[str, dict[int, int]], ["a", KEYS], (1,)),
        (dict[str, dict[int, int]], {"k": KEYS}, ("k",)),
        (Node, {"below": [{"table": KEYS}]}, ("below", 0, "table")),
        (Keys, {"table": KEYS}, ("table",)),
        (Holder, {"table": KEYS}, ("table",)),
        (Row, ["Row", "a", KEYS], ("table",)),
        (dict[int, int] | None, KEYS, ()),
        (set[int], ALIKE, ()),
        (set[tuple[int, int]], [[k, 1] for k in ALIKE], ()),
        (set[frozenset[int]], [ALIKE], ()),
        (set[Frozen], [{"number": k} for k in ALIKE], ()),
        (set[Frozen], [{"number": "no"}, *({"number": k} for k in ALIKE)], ()),
        (set[Pair], [[k, "b"] for k in ALIKE], ()),
        (dict[Decimal, int], KEYS, ()),
        (dict[UUID, int], {str(UUID(int=k)): 0 for k in ALIKE}, ()),
    ],
)
def test_a_crowd_is_found_at_its_place(tp: Any, tree: Any, path: tuple[str | int, ...]) -> None:
    assert find_crowd(parse(tp), tree) == path
    with pytest.raises(Mismatch) as caught:
        from_plain(tp, tree)
    assert caught.value.path == path
    assert "have the same hash" in str(caught.value)


@pytest.mark.parametrize(
    "tp, tree",
    [
        (dict[int, int], {str(k): 0 for k in range(1000)}),
        (dict[int, int], {str(k): 0 for k in ALIKE[1:]}),
        (dict[str, int], KEYS),
        (set[int], [*range(1, 1000), *ALIKE[1:]]),
        (set[tuple[int, int]], [[k, k] for k in range(1000)]),
        (dict[int, int], 5),
        (set[int], "text"),
        (Node, 5),
        (list[dict[int, int]], 5),
        (tuple[dict[int, int], int], 5),
    ],
)
def test_what_is_no_crowd_is_left_alone(tp: Any, tree: Any) -> None:
    assert find_crowd(parse(tp), tree) is None


def test_the_limit_counts_what_is_alike() -> None:
    assert not is_crowded([1] * MOST_ALIKE)
    assert is_crowded([1] * (MOST_ALIKE + 1))
    assert not is_crowded([*range(1000)] * 2)
