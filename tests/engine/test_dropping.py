"""Failures as values in a run: what a failed step, child flow or item leaves, and what is dropped with it."""

from __future__ import annotations

import sys
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.runs import START, Drive, Wiring, handler
from tests.engine.test_pauses import answer, pause
from tests.engine.test_permits import pause_token, require_bounds
from typedflow.definition.blocks import Cursor
from typedflow.definition.failed import Failed
from typedflow.engine.dropping import is_inside, source_of
from typedflow.engine.status import Status
from typedflow.engine.tokens import UNSET, Scope, Token


def failed(value: Any) -> Failed[Any]:
    return Failed(value, "ValueError", "no", 1)


def item(wiring: Wiring, at: Cursor = START, concurrency: int | None = None, *, collects: bool = True) -> Cursor:
    return wiring.builder.open_each(at, concurrency, on_error="collect" if collects else "fail")


def fail_item(drive: Drive, name: str) -> list[tuple[str, Any]]:
    """Fail the innermost item that collects around the oldest live token of a step."""
    scope = collecting(drive, drive.token(name))
    assert scope is not None
    value = source_of(scope.block, scope.item)
    return [drive.show(token) for token in drive.run.item_failed(scope, failed(value))]


def collecting(drive: Drive, token: Token) -> Scope | None:
    scope = token.scope
    while scope is not None and not drive.run.plan.nodes[scope.block.node].collects:
        scope = scope.block.scope
    return scope


def test_a_failure_that_is_caught_goes_to_the_handler_and_on_behind_the_step() -> None:
    wiring = Wiring()
    at = wiring.builder.step(START, handler("work"), sys._getframe(), on_error=handler("handle"))
    wiring.to(at, "after")
    drive = Drive(wiring, "in")
    [token] = drive.run.caught(drive.token("work"), failed("in"))
    assert (drive.show(token), drive.run.key(token)) == (("handle", failed("in")), "handle@0")
    assert drive.finish("handle", "out") == [("after", "out")]
    drive = Drive(wiring, "in")
    assert drive.finish("work", "out") == [("after", "out")]


def test_a_failed_item_has_its_failure_as_result() -> None:
    wiring = Wiring()
    inside = wiring.to(item(wiring), "work")
    wiring.to(wiring.builder.close_each(inside), "after")
    drive = Drive(wiring, ["a", "b"])
    assert fail_item(drive, "work") == []
    assert drive.finish("work", 2) == [("after", [failed("a"), 2])]


@pytest.mark.parametrize("concurrency", [None, 1])
def test_a_failed_item_takes_everything_inside_along(concurrency: int | None) -> None:
    """Running and paused steps, an inner for_each that has not started all items, and what a collect has gathered."""
    wiring = Wiring()
    each = item(wiring, concurrency=concurrency)
    wiring.builder.collect(wiring.to(each, "gathered"), "both", "left", "filled_then_empty")
    wiring.builder.collect(wiring.to(each, "never"), "both", "right", "filled_then_empty")
    wiring.to(each, "ask")
    inner = wiring.to(item(wiring, each, 1, collects=False), "inner")
    wiring.builder.close_each(inner)
    wiring.to(wiring.builder.close_each(wiring.to(each, "work")), "after")
    drive = Drive(wiring, [["a", "b"], ["c"]])
    pause(drive, "ask")
    drive.finish("gathered", 1)
    drive.finish("inner", 1)
    fail_item(drive, "work")
    if concurrency is None:
        assert {name for name, _ in drive.live} == {"gathered", "never", "ask", "inner", "work"}
    assert not drive.run.interrupts
    assert not drive.run.pools
    assert [block.slots for block in drive.run.blocks or ()] == [[failed(["a", "b"]), UNSET], [UNSET]]
    assert drive.finish("work", 2) == [("after", [failed(["a", "b"]), 2])]


def test_a_token_that_waits_for_a_permit_is_dropped_with_its_item() -> None:
    wiring = Wiring()
    outer = item(wiring)
    inner = wiring.builder.open_each(outer, 1)
    wiring.builder.close_each(wiring.to(inner, "ask", "check"))
    wiring.to(wiring.builder.close_each(wiring.to(outer, "work")), "after")
    drive = Drive(wiring, [[1, 2, 3]])
    pause(drive, "ask")
    answer(drive, "a")  # the second item has the permit
    assert len(drive.run.queued) == 1
    assert fail_item(drive, "work") == [("after", [failed([1, 2, 3])])]
    assert (drive.run.in_flight()[1:], list(drive.run.blocks or ())) == ([], [])


def test_a_child_that_waits_is_dropped_with_its_item() -> None:
    wiring = Wiring()
    each = item(wiring)
    wiring.to(each, "child")
    wiring.to(wiring.builder.close_each(wiring.to(each, "work")), "after")
    drive = Drive(wiring, ["a"])
    drive.run.child_waits(drive.token("child"))
    assert fail_item(drive, "work") == [("after", [failed("a")])]
    assert not drive.run.awaiting_child


def test_a_scope_of_another_block_is_not_inside() -> None:
    wiring = Wiring()
    wiring.to(wiring.builder.close_each(wiring.to(item(wiring), "work")), "after")
    drive = Drive(wiring, ["a", "b"])
    first, second = drive.run.live
    assert first.scope is not None
    assert second.scope is not None
    assert is_inside(first.scope, first.scope.block, 0)
    assert not is_inside(second.scope, first.scope.block, 0)
    assert not is_inside(None, first.scope.block, 0)
    assert source_of(first.scope.block, 5) is UNSET


@given(
    seed=st.integers(0, 2**32),
    outer=st.sampled_from([None, 1, 2]),
    inner=st.sampled_from([None, 1, 2]),
    collects=st.booleans(),
)
def test_any_order_of_pauses_answers_ends_and_failures_keeps_every_limit_and_comes_to_the_end(
    seed: int, outer: int | None, inner: int | None, collects: bool
) -> None:
    wiring = Wiring()
    each = wiring.to(item(wiring, concurrency=outer), "first")
    wiring.to(each, "aside")
    pair = item(wiring, wiring.to(wiring.batch(each, "left", "right", concurrency=1)), inner, collects=collects)
    done = wiring.builder.close_each(wiring.builder.close_each(wiring.to(pair, "step", "other")))
    wiring.to(done, "after")
    drive, order, asked = Drive(wiring, [1, 2, 3, 4]), Random(seed), 0
    while drive.run.status is not Status.COMPLETED:
        require_bounds(drive)
        waiting = list(drive.run.interrupts or ())
        if waiting and (not drive.run.live or order.random() < 0.3):
            drive.run.resumed(order.choice(waiting), 0)
        elif order.random() < 0.2 and asked < 40:
            asked += 1
            pause_token(drive, order.choice(list(drive.run.live)), str(asked))
        else:
            token = order.choice(list(drive.run.live))
            scope = collecting(drive, token)
            if scope is not None and scope.block.slots[scope.item] is UNSET and order.random() < 0.3:
                drive.run.item_failed(scope, failed(0))
                assert not [left for left in drive.run.in_flight() if is_inside(left.scope, scope.block, scope.item)]
            else:
                drive.run.finished(token, 0)
        if not drive.run.live:
            assert not drive.run.queued
        drive.run.settle()
