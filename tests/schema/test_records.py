"""The fields of records, and the direct parts of any kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NewType

import msgspec
import pytest

from typedflow.schema.parsing import parse
from typedflow.schema.records import children

UserId = NewType("UserId", int)


class Node(msgspec.Struct):
    name: str
    below: list[Node]


@pytest.mark.parametrize(
    "tp, parts",
    [
        (int, []),
        (Any, []),
        (Callable[[int], str], []),
        (list[int], [int]),
        (dict[str, int], [str, int]),
        (tuple[int, str], [int, str]),
        (int | str, [int, str]),
        (UserId, [int]),
        (Node, [str, list[Node]]),
    ],
    ids=repr,
)
def test_the_children_of_a_kind_are_the_kinds_of_its_direct_parts(tp: Any, parts: list[Any]) -> None:
    assert children(parse(tp)) == tuple(map(parse, parts))
