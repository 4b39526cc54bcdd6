"""B55: a token's key comes from its cause: the same in every order of arrival, unique in a run, of bounded length."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.runs import START, Drive, Wiring, event
from typedflow.engine.causes import derive, merge
from typedflow.engine.tokens import Interrupt, Token


def keys(drive: Drive) -> list[str]:
    return [drive.run.key(token) for token in drive.run.live]


def test_the_main_chain_has_one_cause() -> None:
    wiring = Wiring()
    wiring.batch(wiring.to(START, "a"), "b", "c")
    drive = Drive(wiring)
    drive.finish("a", 1)
    assert keys(drive) == ["b@0", "c@0"]


def test_items_have_keys_of_their_own_by_index() -> None:
    wiring = Wiring()
    outer = wiring.builder.open_each(START, None)
    wiring.builder.close_each(wiring.each(outer, "a"))
    first, second = (keys(Drive(wiring, [["x", "y"], ["z"]])) for _ in range(2))
    assert first == second
    assert len(set(first)) == 3
    assert all(key.startswith("a@") for key in first)


def test_a_step_behind_a_block_has_the_cause_of_what_opened_it() -> None:
    wiring = Wiring()
    wiring.to(wiring.each(START, "item"), "after")
    drive = Drive(wiring, [1, 2])
    drive.finish("item", 1)
    drive.finish("item", 2)
    assert keys(drive) == ["after@0"]


@pytest.mark.parametrize("mode", ["simple_or", "or"])
def test_two_signals_of_one_sender_are_told_apart(mode: Any) -> None:
    wiring = Wiring()
    wiring.to(START, "a")
    wiring.to(wiring.builder.when({"event": ["rung", "knocked"]}, mode), "heard")
    drive = Drive(wiring)
    drive.finish("a", 1, event("rung", 1), event("knocked", 1), event("rung", 1))
    assert len(set(keys(drive))) == 3


def test_a_signal_that_nobody_heard_before_changes_no_key_of_another_name() -> None:
    """The ordinal is counted by name: a step that emits one event more keeps the keys of the others."""
    wiring = Wiring()
    wiring.to(START, "a")
    wiring.to(wiring.builder.when("rung", "simple_or"), "heard")
    alone, behind = Drive(wiring), Drive(wiring)
    alone.finish("a", 1, event("rung", 1))
    behind.finish("a", 1, event("knocked", 1), event("rung", 1))
    assert keys(alone) == keys(behind)


def test_each_message_from_outside_is_a_cause_of_its_own() -> None:
    wiring = Wiring()
    wiring.to(wiring.builder.when("rung", "simple_or"), "heard")
    drive = Drive(wiring)
    drive.emit(event("rung", 1))
    drive.emit(event("rung", 1))
    assert drive.run.received == 2
    assert len(set(keys(drive))) == 2


def test_an_answer_and_what_its_step_emitted_are_told_apart() -> None:
    wiring = Wiring()
    wiring.to(START, "ask")
    wiring.to(wiring.builder.when("rung", "simple_or"), "heard")
    drive = Drive(wiring)
    drive.run.paused(drive.token("ask"), Interrupt("q", "human", None, "rung", "ask"), [event("rung", 1)])
    drive.run.resumed("q", 1)
    assert len(set(keys(drive))) == 2


@pytest.mark.parametrize("first", ["rung", "knocked"])
def test_contributors_count_in_the_order_of_their_names(first: str) -> None:
    wiring = Wiring()
    wiring.to(START, "a", "b")
    wiring.to(wiring.builder.when({"event": ["rung", "knocked"]}, "and"), "heard")
    ring, knock = wiring.builder.when("rung", "simple_or"), wiring.builder.when("knocked", "simple_or")
    wiring.builder.collect(ring, "votes", "r", "filled_then_empty")
    wiring.to(wiring.builder.collect(knock, "votes", "k", "filled_then_empty"), "count")
    drive = Drive(wiring)
    second = {"rung": "knocked", "knocked": "rung"}[first]
    drive.finish("a", 1, event(first, 1), event(second, 1))
    assert keys(drive)[:2] == ["b@0", keys(drive)[1]]
    expected = Drive(wiring)
    expected.finish("a", 1, event("rung", 1), event("knocked", 1))
    assert sorted(keys(drive)) == sorted(keys(expected))


def test_a_retry_and_a_second_run_have_the_same_keys() -> None:
    wiring = Wiring()
    wiring.batch(wiring.builder.when("rung", "simple_or"), "a", "b")
    drive = Drive(wiring)
    drive.emit(event("rung", 1))
    before = keys(drive)
    drive.run.failed(ValueError("boom"))
    assert [drive.run.key(token) for token in drive.run.retried()] == before


def test_a_token_with_a_key_of_its_own_keeps_it_and_hands_it_to_what_it_sends() -> None:
    wiring = Wiring()
    wiring.to(START, "renamed")
    wiring.to(wiring.builder.when("rung", "simple_or"), "heard")
    drive = Drive(wiring)
    (token,) = drive.run.live
    token.key = "before@0"
    assert keys(drive) == ["before@0"]
    drive.finish("renamed", 1, event("rung", 1))
    other = Drive(wiring)
    other.finish("renamed", 1, event("rung", 1))
    assert keys(drive) != keys(other)


def many_ways() -> Wiring:
    """Wire what the order of arrival could change: listeners, both joins, for_each and batch inside of each other."""
    wiring = Wiring()
    inside = wiring.builder.open_each(START, 2)
    wiring.builder.collect(wiring.to(inside, "left"), "pair", "left", "filled_then_empty")
    pair = wiring.builder.collect(wiring.to(inside, "right"), "pair", "right", "filled_then_empty")
    wiring.to(wiring.builder.close_each(wiring.batch(pair, "b1", "b2")), "after")
    heard = wiring.to(wiring.builder.when("rung", "simple_or"), "pay")
    wiring.each(wiring.to(heard, "split"), "part")
    wiring.to(wiring.builder.when("knocked", "simple_or"), "last")
    return wiring


SENDS = {
    "left": (event("rung", 1), event("rung", 2)),
    "right": (event("knocked", 1), event("rung", 3)),
    "part": (event("knocked", 2),),
}
GIVES = {"split": [1, 2]}


def keys_of_a_run(choose: Random) -> list[str]:
    """Finish the live tokens in an order at random; return the key of every step that ran."""
    drive = Drive(many_ways(), [1, 2, 3])
    seen: list[str] = []
    while drive.run.live:
        token: Token = choose.choice(list(drive.run.live))
        name = drive.show(token)[0]
        seen.append(drive.run.key(token))
        drive.run.finished(token, GIVES.get(name, name), SENDS.get(name))
    return seen


USUAL = keys_of_a_run(Random(0))


@given(st.randoms(use_true_random=False))
def test_every_order_of_arrival_has_the_same_keys(choose: Random) -> None:
    seen = keys_of_a_run(choose)
    assert len(set(seen)) == len(seen)
    assert sorted(seen) == sorted(USUAL)
    assert max(map(len, seen)) < 40


def test_keys_stay_short_in_a_loop() -> None:
    wiring = Wiring()
    wiring.to(START, "a")
    wiring.to(wiring.builder.when("rung", "simple_or"), "turn")
    drive = Drive(wiring)
    drive.finish("a", 1, event("rung", 0))
    seen = set()
    for turn in range(20_000):
        (key,) = keys(drive)
        seen.add(key)
        drive.finish("turn", turn, event("rung", turn))
    assert len(seen) == 20_000
    assert max(map(len, seen)) == len("turn@") + 20


@pytest.mark.parametrize("parts", [("a", "b\x00"), ("a\x00", "b"), ("a", "'b'"), ("\ud800", "b")])
def test_parts_are_told_apart_whatever_they_hold(parts: tuple[str, str]) -> None:
    others = {derive("a", "b"), derive("ab"), derive("b", "a"), merge([("a", "b")])}
    assert derive(*parts) not in others
