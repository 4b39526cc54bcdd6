"""Signals in a run: what `when` and `collect` wait for, and what they start."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.runs import START, Drive, Wiring, event
from typedflow.engine.run import Run
from typedflow.engine.tokens import Signal, Token
from typedflow.errors import ContractError

BOTH = {"event": ["rung", "knocked"]}


def listening(triggers: Any, mode: Any = "simple_or") -> Wiring:
    wiring = Wiring()
    wiring.to(START, "main")
    wiring.to(wiring.builder.when(triggers, mode), "heard")
    return wiring


def test_a_signal_starts_its_listener_together_with_the_output() -> None:
    """B25."""
    wiring = listening("rung")
    wiring.to(wiring.to(START, "first"), "next")
    drive = Drive(wiring)
    assert drive.finish("first", 1, event("rung", 7)) == [("next", 1), ("heard", 7)]


def test_a_signal_that_nobody_waits_for_starts_nothing() -> None:
    """B25."""
    drive = Drive(listening("rung"))
    assert drive.emit(event("knocked", 1)) == []
    assert drive.emit(Signal("state", "rung", 1)) == []


def test_a_path_fires_for_exactly_that_path() -> None:
    """B25."""
    drive = Drive(listening({"state": "request.topic", "flow_state": "runs"}))
    assert drive.emit(Signal("state", "request", 1)) == []
    assert drive.emit(Signal("state", "request.topic", "a")) == [("heard", "a")]
    assert drive.emit(Signal("flow_state", "runs", 2)) == [("heard", 2)]


def test_several_steps_follow_one_listener_and_several_listeners_one_event() -> None:
    """B25."""
    wiring = Wiring()
    first = wiring.builder.when("rung", "simple_or")
    wiring.to(first, "a")
    wiring.to(first, "b")
    wiring.to(wiring.builder.when(BOTH, "simple_or"), "c")
    assert Drive(wiring).emit(event("rung", 1)) == [("a", 1), ("b", 1), ("c", 1)]


def test_or_says_what_has_fired() -> None:
    """B25."""
    drive = Drive(listening(BOTH, "or"))
    assert drive.emit(event("knocked", 3)) == [("heard", ("event", "knocked", 3))]


def test_and_waits_for_all_takes_the_last_value_and_is_empty_after_firing() -> None:
    """B25."""
    drive = Drive(listening({"event": ["rung", "knocked"], "state": "request.topic"}, "and"))
    assert drive.emit(event("rung", 1), event("rung", 2), Signal("state", "request.topic", "x")) == []
    assert drive.run.unfilled() == {"when": ["knocked"]}
    value = {"event": {"rung": 2, "knocked": 3}, "state": {"request.topic": "x"}}
    assert drive.emit(event("knocked", 3)) == [("heard", value)]
    assert drive.emit(event("knocked", 4)) == []
    assert drive.run.unfilled() == {"when": ["rung", "request.topic"]}


def test_runs_of_one_plan_do_not_see_each_other() -> None:
    """B25."""
    wiring = listening(BOTH, "and")
    one, other = Drive(wiring), Drive(wiring)
    one.emit(event("rung", 1))
    assert other.emit(event("knocked", 1)) == []


# -- collect


def collecting(mode: Any) -> Wiring:
    wiring = Wiring()
    wiring.builder.collect(wiring.builder.when("rung", "simple_or"), "votes", "r", mode)
    joined = wiring.builder.collect(wiring.builder.when("knocked", "simple_or"), "votes", "k", mode)
    wiring.to(joined, "count")
    return wiring


def test_a_collect_joins_two_events_and_starts_over() -> None:
    """B26."""
    drive = Drive(collecting("filled_then_empty"))
    assert drive.emit(event("rung", 1), event("rung", 2)) == []
    assert drive.run.unfilled() == {"votes": ["k"]}
    assert drive.emit(event("knocked", 3)) == [("count", {"r": 2, "k": 3})]
    assert drive.run.unfilled() == {}
    assert drive.emit(event("knocked", 4)) == []
    assert drive.emit(event("rung", 5)) == [("count", {"r": 5, "k": 4})]
    first, second = (drive.run.key(token) for token in drive.run.live)
    assert first != second


def test_a_collect_that_keeps_its_values_fires_with_each_new_one() -> None:
    """B26."""
    drive = Drive(collecting("filled_and_update"))
    drive.emit(event("rung", 1))
    assert drive.emit(event("knocked", 2)) == [("count", {"r": 1, "k": 2})]
    assert drive.emit(event("rung", 3)) == [("count", {"r": 3, "k": 2})]
    assert drive.run.unfilled() == {}


def forked_in_each(mode: Any) -> Wiring:
    """Fork the body of a for_each, and collect both forks in there."""
    wiring = Wiring()
    inside = wiring.builder.open_each(START, None)
    wiring.builder.collect(wiring.to(inside, "a"), "pair", "a", mode)
    both = wiring.builder.collect(wiring.to(inside, "b"), "pair", "b", mode)
    wiring.to(wiring.builder.close_each(both), "after")
    return wiring


def test_a_collect_inside_a_block_gathers_by_item() -> None:
    drive = Drive(forked_in_each("filled_then_empty"), [1, 2])
    first_a, first_b, second_a, second_b = drive.run.live
    drive.run.finished(first_a, "a1")
    drive.run.finished(second_b, "b2")
    assert drive.run.unfilled() == {"for_each": ["item 0", "item 1"], "pair": ["b", "a"]}
    drive.run.finished(first_b, "b1")
    drive.run.finished(second_a, "a2")
    assert drive.live == [("after", [{"a": "a1", "b": "b1"}, {"a": "a2", "b": "b2"}])]
    assert not drive.run.pools


def test_the_pool_of_an_item_goes_with_its_round() -> None:
    """A collect that keeps its values keeps them no longer than the block that it hangs in."""
    drive = Drive(forked_in_each("filled_and_update"), [1, 2])
    for name in "abab":
        drive.finish(name, name)
    assert drive.live == [("after", [{"a": "a", "b": "b"}, {"a": "a", "b": "b"}])]
    assert not drive.run.pools


def test_a_block_instance_that_closes_leaves_the_pools_of_others_alone() -> None:
    wiring = Wiring()
    inside = wiring.builder.open_each(wiring.builder.open_each(START, None), None)
    waits = wiring.builder.collect(wiring.to(inside, "a"), "pair", "a", "filled_then_empty")
    wiring.builder.collect(wiring.to(inside, "b"), "pair", "b", "filled_then_empty")
    wiring.to(waits, "aside")
    inner = wiring.builder.close_each(wiring.to(inside, "c"))
    wiring.to(wiring.builder.close_each(inner), "after")
    drive = Drive(wiring, [[1], [2], [3]])
    for name in "aaac":
        drive.finish(name, name)
    assert len(drive.run.pools or ()) == 2
    drive.finish("b", "late")
    assert [shown for shown in drive.live if shown[0] == "aside"] == []
    assert drive.finish("b", "b") == [("aside", {"a": "a", "b": "b"})]
    drive.finish("c", "c")
    drive.finish("c", "c")
    left = [{slot: each.value for slot, each in pool.items()} for pool in (drive.run.pools or {}).values()]
    assert left == [{1: "late"}]  # it came after its block instance was closed


def test_an_item_that_comes_back_twice_counts_once() -> None:
    """A saved run may hold whatever its file was made to hold: one item in two places, say."""
    wiring = Wiring()
    wiring.to(wiring.each(START, "item"), "after")
    drive = Drive(wiring, [1, 2])
    first, second = drive.run.live
    twin = Token(first.node, first.scope, "twin", first.producer, first.cause)
    drive.run.live[twin] = None
    drive.run.finished(first, "first")
    assert drive.run.finished(twin, "twin") == []
    drive.run.finished(second, "second")
    assert drive.live == [("after", ["first", "second"])]


@pytest.mark.parametrize("standing", ["created", "failed"])
def test_a_run_that_stands_still_leaves_out_a_listener_that_cannot_take_the_event(standing: str) -> None:
    wiring = Wiring()
    wiring.to(START, "main")
    wiring.each(wiring.builder.when({"event": ["rung", "knocked"]}, "or"), "item")
    wiring.each(wiring.builder.when({"event": ["rung", "knocked"]}, "and"), "item")
    wiring.to(wiring.builder.when("knocked", "simple_or"), "heard")
    run = Run(wiring.plan())
    if standing == "failed":
        run.started(None)
        run.failed(ValueError("boom"))
    live, errors = list(run.live), list(run.errors or ())
    assert [run.plan.nodes[token.node].name for token in run.emitted([event("rung", 1)])] == ["item"] * 3
    with pytest.raises(ContractError, match="TF709"):
        run.emitted([event("knocked", 1)])
    assert run.status == standing
    assert list(run.errors or ()) == errors
    assert list(run.live)[: len(live)] == live
