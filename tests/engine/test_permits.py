"""B22, B48: the bound of a block holds at any time, and no place is kept by what waits for an answer."""

from __future__ import annotations

from collections import defaultdict
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.runs import START, Drive, Wiring, event
from typedflow.engine.status import Status
from typedflow.engine.tokens import BlockInstance, Interrupt, Token
from typedflow.errors import ContractError


def pause(drive: Drive, name: str, id_: str = "q") -> list[object]:
    return pause_token(drive, drive.token(name), id_)


def pause_token(drive: Drive, token: Token, id_: str) -> list[object]:
    interrupt = Interrupt(id_, "human", None, None, drive.show(token)[0])
    return [drive.show(each) for each in drive.run.paused(token, interrupt)]


def answer(drive: Drive, value: object, id_: str = "q") -> list[object]:
    return [drive.show(token) for token in drive.run.resumed(id_, value)]


def expire(drive: Drive, id_: str) -> list[object]:
    return [drive.show(token) for token in drive.run.expired(id_)]


def queued(drive: Drive) -> list[object]:
    return [drive.show(token) for token in drive.run.queued]


def each_of(concurrency: int, *names: str) -> Drive:
    wiring = Wiring()
    wiring.to(wiring.each(START, *names, concurrency=concurrency), "after")
    return Drive(wiring, [1, 2, 3])


def test_all_items_under_a_bound_of_one_may_ask_before_the_first_is_answered() -> None:
    drive = each_of(1, "ask")
    assert pause(drive, "ask", "1") == [("ask", 2)]
    assert pause(drive, "ask", "2") == [("ask", 3)]
    assert pause(drive, "ask", "3") == []
    assert drive.run.settle() is Status.WAITING
    assert [answer(drive, value, value) for value in ("3", "1")] == [[], []]
    assert answer(drive, "2", "2") == [("after", ["1", "2", "3"])]


def test_what_an_answer_wakes_waits_for_a_place() -> None:
    drive = each_of(1, "ask", "check")
    assert pause(drive, "ask") == [("ask", 2)]
    assert answer(drive, "a") == []
    assert (drive.live, queued(drive)) == ([("ask", 2)], [("check", "a")])
    assert drive.finish("ask", "b") == [("check", "b")]
    assert drive.finish("check", "B") == [("check", "a")]
    assert drive.finish("check", "A") == [("ask", 3)]


def test_an_answer_takes_a_free_place_at_once() -> None:
    drive = each_of(2, "ask", "check")
    pause(drive, "ask", "1")
    pause(drive, "ask", "2")
    assert drive.live == [("ask", 3)]
    assert answer(drive, "b", "2") == [("check", "b")]
    assert answer(drive, "a", "1") == []


def test_a_pause_lets_in_what_was_answered_before_further_items() -> None:
    drive = each_of(1, "ask", "check")
    pause(drive, "ask", "1")
    answer(drive, "a", "1")
    assert pause(drive, "ask", "2") == [("check", "a")]
    answer(drive, "b", "2")
    assert pause(drive, "check", "again") == [("check", "b")]
    assert drive.finish("check", "B") == [("ask", 3)]


def test_an_answer_that_ends_its_item_needs_no_place() -> None:
    drive = each_of(1, "ask")
    pause(drive, "ask")
    assert answer(drive, "a") == []
    assert not drive.run.queued
    drive.finish("ask", "b")
    assert drive.finish("ask", "c") == [("after", ["a", "b", "c"])]


def test_an_item_keeps_its_place_while_another_branch_of_it_runs() -> None:
    wiring = Wiring()
    item = wiring.builder.open_each(START, 1)
    wiring.to(wiring.builder.close_each(wiring.batch(item, "ask", "work")), "after")
    drive = Drive(wiring, [1, 2])
    assert pause(drive, "ask") == []
    assert drive.finish("work", "w") == [("ask", 2), ("work", 2)]


def test_an_item_keeps_its_place_while_a_side_branch_of_it_runs() -> None:
    wiring = Wiring()
    item = wiring.builder.open_each(START, 1)
    wiring.to(item, "aside")
    wiring.to(wiring.builder.close_each(wiring.to(item, "work")), "after")
    drive = Drive(wiring, [1, 2])
    assert drive.finish("work", "w") == []
    assert drive.finish("aside", None) == [("aside", 2), ("work", 2)]


def test_all_branches_of_an_item_come_in_together() -> None:
    wiring = Wiring()
    block = wiring.builder.open_match(wiring.builder.open_each(START, 1), "hit_all")
    for name in ("one", "two"):
        wiring.builder.finish_branch(wiring.to(wiring.builder.case(block, name), name, f"{name} more"), "case")
    wiring.to(wiring.builder.close_each(wiring.builder.close_match(block)), "after")
    drive = Drive(wiring, ["a", "b"])
    drive.choose("match", [0, 1])
    pause(drive, "one", "1")
    assert pause(drive, "two", "2") == [("match", "b")]
    assert [answer(drive, value, value) for value in ("2", "1")] == [[], []]
    drive.choose("match", [0])
    drive.finish("one", "x")
    assert drive.finish("one more", "x") == [("two more", "2"), ("one more", "1")]


def test_a_pause_deep_inside_frees_the_places_of_all_blocks_round_it() -> None:
    """An inner place goes to the next inner item, which keeps the outer place; the last one frees that too."""
    wiring = Wiring()
    item = wiring.builder.open_each(START, 1)
    wiring.to(wiring.builder.close_each(wiring.to(wiring.batch(item, "ask", "note", concurrency=1), "sum")), "after")
    drive = Drive(wiring, [1, 2])
    assert pause(drive, "ask", "1") == [("note", 1)]
    assert drive.finish("note", "n") == [("ask", 2)]
    assert answer(drive, "a", "1") == []
    assert queued(drive) == [("sum", ("a", "n"))]
    assert pause(drive, "ask", "2") == [("note", 2)]
    assert answer(drive, "b", "2") == []
    assert drive.finish("note", "n") == [("sum", ("b", "n"))]
    assert drive.finish("sum", 2) == [("sum", ("a", "n"))]
    assert drive.finish("sum", 1) == [("after", [1, 2])]


def test_what_has_an_inner_place_again_may_still_wait_for_the_outer_one() -> None:
    wiring = Wiring()
    outer = wiring.builder.open_each(START, 1)
    inner = wiring.to(wiring.builder.open_each(outer, 1), "ask", "check")
    wiring.to(wiring.builder.close_each(wiring.builder.close_each(inner)), "after")
    drive = Drive(wiring, [[1, 2], [3, 4]])
    assert pause(drive, "ask", "1") == [("ask", 2)]
    assert answer(drive, "a", "1") == []
    assert pause(drive, "ask", "2") == [("check", "a")]
    assert pause(drive, "check", "1 again") == [("ask", 3)]
    assert [answer(drive, value, value) for value in ("1 again", "2")] == [[], []]
    assert queued(drive) == [("check", "2")], "the answered item of the inner block is over"
    drive.finish("ask", "c")
    drive.finish("check", "C")
    drive.finish("ask", "d")
    assert drive.finish("check", "D") == [("check", "2")]
    assert drive.finish("check", "B") == [("after", [["1 again", "B"], ["C", "D"]])]


def test_items_with_nothing_to_run_pass_their_places_on() -> None:
    wiring = Wiring()
    block = wiring.builder.open_each(START, 1)
    wiring.to(wiring.builder.close_each(block), "after")
    assert Drive(wiring, range(5000)).live == [("after", list(range(5000)))]


def test_an_item_whose_collect_is_never_filled_frees_its_place() -> None:
    wiring = Wiring()
    item = wiring.builder.open_each(START, 1)
    first, second = wiring.to(item, "one"), wiring.to(item, "two")
    both = wiring.builder.collect(first, "both", "one", "filled_then_empty")
    wiring.builder.collect(second, "both", "two", "filled_then_empty")
    wiring.to(wiring.builder.close_each(both), "after")
    drive = Drive(wiring, [1, 2])
    drive.finish("one", "a")
    assert pause(drive, "two") == [("one", 2), ("two", 2)]


def test_a_child_that_waits_gives_its_place_away_and_waits_for_one_when_it_goes_on() -> None:
    """B43."""
    wiring = Wiring()
    wiring.to(wiring.each(START, "child", concurrency=1), "after")
    drive = Drive(wiring, [1, 2])
    first = drive.token("child")
    assert [drive.show(token) for token in drive.run.child_waits(first)] == [("child", 2)]
    second = drive.token("child")
    assert drive.run.child_resumes(first) is False
    assert drive.run.child_resumes(first) is False, "another answer for the same child"
    assert drive.run.child_waits(second) == [first]
    assert drive.run.child_resumes(second) is False
    assert drive.run.finished(first, "a") == [second]
    assert drive.run.child_resumes(second) is True
    assert [drive.show(token) for token in drive.run.finished(second, "b")] == [("after", ["a", "b"])]


def test_all_children_may_wait_and_the_first_that_goes_on_has_a_place() -> None:
    """B43."""
    wiring = Wiring()
    wiring.to(wiring.each(START, "child", concurrency=1), "after")
    drive = Drive(wiring, [1, 2])
    first = drive.token("child")
    drive.run.child_waits(first)
    drive.run.child_waits(drive.token("child"))
    assert drive.run.settle() is Status.WAITING
    assert drive.run.child_resumes(first) is True
    assert drive.run.status is Status.RUNNING


def test_a_value_that_a_block_cannot_take_stays_in_its_item_until_a_retry() -> None:
    wiring = Wiring()
    outer = wiring.builder.open_each(START, 1)
    inner = wiring.to(wiring.builder.open_each(wiring.to(outer, "list"), None), "work")
    wiring.to(wiring.builder.close_each(wiring.builder.close_each(inner)), "after")
    drive = Drive(wiring, [1, 2])
    with pytest.raises(ContractError, match="for_each"):
        drive.finish("list", 5)
    assert drive.live == [("for_each#2", 5)]
    with pytest.raises(ContractError, match="for_each"):
        drive.run.retried()
    assert drive.live == [("for_each#2", 5)]


def test_a_value_that_a_block_cannot_take_stays_in_its_item_of_a_failed_run_too() -> None:
    """A step that ends beside the one that fails: without its value the item would never end."""
    wiring = Wiring()
    outer = wiring.builder.open_each(START, None)
    inner = wiring.to(wiring.builder.open_each(wiring.to(outer, "list"), None), "work")
    wiring.to(wiring.builder.close_each(wiring.builder.close_each(inner)), "after")
    drive = Drive(wiring, [1, 2])
    drive.run.failed(ConnectionError("the first item"))
    with pytest.raises(ContractError, match="for_each"):
        drive.finish("list", 5)
    assert sorted(drive.live) == [("for_each#2", 5), ("list", 2)]


def test_an_event_from_outside_that_its_listener_cannot_take_changes_no_place() -> None:
    wiring = Wiring()
    wiring.to(wiring.each(START, "ask", "check", concurrency=1), "after")
    heard = wiring.builder.open_each(wiring.builder.when("rung", "simple_or"), None)
    wiring.to(wiring.builder.close_each(wiring.to(heard, "hear")), "heard")
    drive = Drive(wiring, [1, 2])
    pause(drive, "ask", "1")
    pause(drive, "ask", "2")
    drive.run.settle()
    with pytest.raises(ContractError):
        drive.emit(event("rung", 5))
    assert answer(drive, "a", "1") == [("check", "a")]
    assert answer(drive, "b", "2") == []


def test_a_cancelled_run_holds_nothing() -> None:
    drive = each_of(1, "ask", "check")
    pause(drive, "ask")
    answer(drive, "a")
    drive.run.cancelled()
    assert (list(drive.run.queued), drive.run.in_flight()) == ([], [])


@given(
    seed=st.integers(0, 2**32),
    outer=st.sampled_from([None, 1, 2]),
    middle=st.sampled_from([None, 1, 2]),
    inner=st.sampled_from([None, 1, 2]),
)
def test_any_order_of_pauses_answers_and_ends_keeps_every_bound_and_comes_to_the_end(
    seed: int, outer: int | None, middle: int | None, inner: int | None
) -> None:
    wiring = Wiring()
    item = wiring.to(wiring.builder.open_each(START, outer), "first")
    wiring.to(item, "aside", "far aside")
    pair = wiring.builder.open_each(wiring.to(wiring.batch(item, "left", "right", "third", concurrency=middle)), inner)
    done = wiring.builder.close_each(wiring.builder.close_each(wiring.to(pair, "step", "other")))
    wiring.to(done, "after")
    drive, order = Drive(wiring, [1, 2, 3, 4]), Random(seed)
    asked = 0
    while drive.run.status is not Status.COMPLETED:
        require_bounds(drive)
        waiting = list(drive.run.interrupts or ())
        if waiting and (not drive.run.live or order.random() < 0.3):
            drive.run.resumed(order.choice(waiting), 0)
        elif order.random() < 0.3 and asked < 40:
            asked += 1
            pause_token(drive, order.choice(list(drive.run.live)), str(asked))
        else:
            drive.run.finished(order.choice(list(drive.run.live)), 0)
        if not drive.run.live:
            assert not drive.run.queued
        drive.run.settle()


def require_bounds(drive: Drive) -> None:
    """Count anew what the run counts step by step: who is inside, and that no permit is free while an item waits."""
    nodes = drive.run.plan.nodes
    inside: dict[BlockInstance, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    rounds: set[BlockInstance] = set(drive.run.blocks or ())
    for token in [*drive.run.live, *drive.run.queued]:
        scope = token.scope
        while scope is not None:
            rounds.add(scope.block)
            if token in drive.run.live:
                inside[scope.block][scope.item] += 1
            scope = scope.block.scope
    for join in rounds:
        if join.holders is None:
            assert not 0 < nodes[join.node].limit < len(join.slots)
            continue
        assert join.holders == inside[join]
        assert len(join.holders) <= nodes[join.node].limit
        if len(join.holders) < join.limit:
            assert join.launched == len(join.slots)


def test_a_step_that_nobody_answered_in_time_is_ready_again_when_it_has_a_permit() -> None:
    drive = each_of(1, "ask")
    pause(drive, "ask", "1")
    assert expire(drive, "1") == []  # the second item has the only permit
    assert queued(drive) == [("ask", 1)]
    assert pause(drive, "ask", "2") == [("ask", 1)]
    drive.run.settle()
    assert drive.live == [("ask", 1)]
    assert drive.run.status is Status.RUNNING
