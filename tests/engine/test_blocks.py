"""Blocks in a run: what a batch, a for_each and a match let in, and when they close."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.runs import START, Drive, Wiring, event
from typedflow.errors import ContractError

# -- batch


def test_a_batch_gives_every_branch_the_same_value_and_joins_in_their_order() -> None:
    """B21."""
    wiring = Wiring()
    wiring.to(wiring.batch(START, "a", "b", "c"), "after")
    drive = Drive(wiring, "in")
    assert drive.live == [("a", "in"), ("b", "in"), ("c", "in")]
    assert drive.finish("c", "C") == []
    assert drive.finish("a", "A") == []
    assert drive.finish("b", "B") == [("after", ("A", "B", "C"))]


def test_a_bounded_batch_lets_the_next_branch_in_when_one_comes_back() -> None:
    """B21."""
    wiring = Wiring()
    wiring.to(wiring.batch(START, "a", "b", "c", concurrency=2), "after")
    drive = Drive(wiring, "in")
    assert drive.live == [("a", "in"), ("b", "in")]
    assert drive.finish("b", "B") == [("c", "in")]
    assert drive.finish("c", "C") == []
    assert drive.finish("a", "A") == [("after", ("A", "B", "C"))]


def test_two_rounds_of_one_batch_join_their_own_values() -> None:
    """B24."""
    wiring = Wiring()
    wiring.to(wiring.batch(wiring.builder.when("rung", "simple_or"), "a", "b"), "after")
    drive = Drive(wiring)
    drive.emit(event("rung", 1), event("rung", 2))
    first_a, first_b, second_a, second_b = drive.run.live
    assert drive.run.finished(first_a, "A1") == []
    assert drive.run.finished(second_b, "B2") == []
    assert [drive.show(t) for t in drive.run.finished(second_a, "A2")] == [("after", ("A2", "B2"))]
    assert [drive.show(t) for t in drive.run.finished(first_b, "B1")] == [("after", ("A1", "B1"))]


# -- for_each


@pytest.mark.parametrize("items", [[1, 2, 3], (1, 2, 3), range(1, 4)], ids=lambda items: type(items).__name__)
def test_a_for_each_gives_a_list_in_input_order(items: Any) -> None:
    """B22."""
    wiring = Wiring()
    wiring.to(wiring.each(START, "item"), "after")
    drive = Drive(wiring, items)
    assert drive.live == [("item", 1), ("item", 2), ("item", 3)]
    first, second, third = drive.run.live
    drive.run.finished(third, 30)
    drive.run.finished(first, 10)
    assert [drive.show(t) for t in drive.run.finished(second, 20)] == [("after", [10, 20, 30])]


def test_a_for_each_over_nothing_gives_an_empty_list() -> None:
    """B22."""
    wiring = Wiring()
    wiring.to(wiring.each(START, "item"), "after")
    assert Drive(wiring, []).live == [("after", [])]


def test_the_items_are_those_at_the_start() -> None:
    """B22: changing the list while it is gone over changes nothing."""
    wiring = Wiring()
    wiring.each(START, "item", concurrency=1)
    items = [1, 2]
    drive = Drive(wiring, items)
    items.append(3)
    assert drive.finish("item", None) == [("item", 2)]
    assert drive.finish("item", None) == []


def test_nested_for_each_gives_nested_lists() -> None:
    """B22."""
    wiring = Wiring()
    inner = wiring.each(wiring.builder.open_each(START, None), "item")
    wiring.to(wiring.builder.close_each(inner), "after")
    drive = Drive(wiring, [[1, 2], [], [3]])
    assert [value for _, value in drive.live] == [1, 2, 3]
    for _, value in drive.live:
        drive.finish("item", value * 10)
    assert drive.live == [("after", [[10, 20], [], [30]])]


@pytest.mark.parametrize(
    "value, shown",
    [
        ("abc", "'abc' (str)"),
        (b"abc", "b'abc' (bytes)"),
        ({"a": 1}, "{'a': 1} (dict)"),
        ({1}, "{1} (set)"),
        (5, "5 (int)"),
        (None, "None"),
    ],
)
def test_a_for_each_refuses_what_is_no_sequence(value: Any, shown: str) -> None:
    """B22."""
    wiring = Wiring()
    wiring.each(wiring.to(START, "a"), "item")
    drive = Drive(wiring)
    with pytest.raises(ContractError) as failure:
        drive.finish("a", value)
    assert str(failure.value) == (
        f"TF709: 'for_each': for_each goes over a sequence (a list, tuple or range), not {shown} "
        "(put a step before it that returns a list)"
    )


def test_a_bounded_for_each_lets_the_next_item_in_when_one_comes_back() -> None:
    """B22."""
    wiring = Wiring()
    wiring.each(START, "item", concurrency=2)
    drive = Drive(wiring, range(4))
    most = 0
    while drive.run.live:
        most = max(most, len(drive.run.live))
        drive.finish("item", None)
    assert most == 2


def test_an_empty_body_gives_the_items() -> None:
    wiring = Wiring()
    wiring.to(wiring.each(START), "after")
    assert Drive(wiring, (1, 2)).live == [("after", [1, 2])]


def test_a_long_for_each_costs_the_same_per_item() -> None:
    """B22, B27: the engine follows as many edges as there are items, and lets one in per one that comes back."""
    wiring = Wiring()
    wiring.to(wiring.each(START, "item", concurrency=10), "after")
    drive = Drive(wiring, range(10_000))
    ready = len(drive.run.live)
    steps = 0
    while True:
        token = next(iter(drive.run.live))
        if drive.show(token)[0] == "after":
            break
        made = drive.run.finished(token, token.value)
        assert len(made) <= 1
        ready += len(made)
        steps += 1
    assert (steps, ready) == (10_000, 10_001)
    assert drive.live == [("after", list(range(10_000)))]


# -- match


def test_the_first_hit_gives_the_value() -> None:
    """B19."""
    wiring = Wiring()
    wiring.to(wiring.match(START, "hit_first", "x", "y", otherwise="z"), "after")
    drive = Drive(wiring, "in")
    assert drive.live == [("match", "in")]
    assert drive.choose("match", [1]) == [("y", "in")]
    assert drive.finish("y", "Y") == [("after", "Y")]


def test_no_hit_takes_the_else() -> None:
    """B19."""
    wiring = Wiring()
    wiring.match(START, "hit_first", "x", otherwise="z")
    assert Drive(wiring, "in").choose("match", []) == [("z", "in")]


def test_no_hit_and_no_else_lets_the_value_pass() -> None:
    """B19."""
    wiring = Wiring()
    wiring.to(wiring.match(START, "hit_first", "x"), "after")
    assert Drive(wiring, "in").choose("match", []) == [("after", "in")]


def test_an_empty_arm_lets_the_value_pass() -> None:
    """B19."""
    wiring = Wiring()
    block = wiring.builder.open_match(START, "hit_first")
    wiring.builder.finish_branch(wiring.builder.case(block, "x"), "end_match")
    wiring.to(wiring.builder.close_match(block), "after")
    assert Drive(wiring, "in").choose("match", [0]) == [("after", "in")]


def test_all_hits_give_a_list_in_case_order() -> None:
    """B20."""
    wiring = Wiring()
    wiring.to(wiring.match(START, "hit_all", "x", "y", "z"), "after")
    drive = Drive(wiring, "in")
    assert drive.choose("match", [0, 2]) == [("x", "in"), ("z", "in")]
    drive.finish("z", "Z")
    assert drive.finish("x", "X") == [("after", ["X", "Z"])]


@pytest.mark.parametrize("otherwise, ready", [(None, [("after", [])]), ("z", [("z", "in")])])
def test_no_hit_of_all(otherwise: str | None, ready: list[Any]) -> None:
    """B20."""
    wiring = Wiring()
    wiring.to(wiring.match(START, "hit_all", "x", otherwise=otherwise), "after")
    drive = Drive(wiring, "in")
    assert drive.choose("match", []) == ready
    if otherwise:
        assert drive.finish("z", "Z") == [("after", ["Z"])]


def test_conditions_may_fire_listeners() -> None:
    wiring = Wiring()
    wiring.match(START, "hit_first", "x")
    wiring.to(wiring.builder.when("rung", "simple_or"), "heard")
    assert Drive(wiring, "in").choose("match", [0], event("rung", 1)) == [("x", "in"), ("heard", 1)]


def test_a_match_in_a_for_each_in_a_match() -> None:
    """B23."""
    wiring = Wiring()
    outer = wiring.builder.open_match(START, "hit_all")
    each = wiring.builder.open_each(wiring.builder.case(outer, "list"), None)
    inside = wiring.builder.close_each(wiring.match(each, "hit_first", "x", otherwise="y"))
    wiring.builder.finish_branch(inside, "end_match")
    wiring.to(wiring.builder.close_match(outer), "after")
    drive = Drive(wiring, [1, 2])
    drive.choose("match", [0])
    assert drive.choose("match#2", [0]) == [("x", 1)]
    assert drive.choose("match#2", []) == [("y", 2)]
    drive.finish("y", "two")
    assert drive.finish("x", "one") == [("after", [["one", "two"]])]
