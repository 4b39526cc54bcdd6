"""Which values are valid for a type, and what becomes of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from typedflow.schema.check import Mismatch, compile_check, exact_class


class Node(msgspec.Struct):
    label: str
    size: int = 0
    next: Node | None = None
    tags: list[str] = []


def fault(tp: Any, value: Any) -> str:
    with pytest.raises(Mismatch) as caught:
        compile_check(tp)(value)
    return str(caught.value)


def test_a_struct_is_checked_inside_at_every_depth() -> None:
    assert fault(Node, Node("a", next=Node("b", tags=["x", 3]))) == "next.tags[1]: expected str, given 3 (int)"


def test_a_value_that_holds_itself_is_a_mismatch() -> None:
    node = Node("a")
    node.next = node
    assert "it is nested too deep, or holds itself" in fault(Node, node)


def test_a_container_keeps_its_identity_when_its_parts_are_normalised() -> None:
    node = Node("a", size=True)
    assert compile_check(Node)(node) is node
    assert type(node.size) is int


@pytest.mark.parametrize(
    "tp, expected", [(int, int), (None, type(None)), (int | None, None), (Node, None), (list[int], None)]
)
def test_exact_class_names_the_class_that_proves_validity(tp: Any, expected: type | None) -> None:
    assert exact_class(tp) is expected
