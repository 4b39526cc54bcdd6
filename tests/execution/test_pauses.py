"""B44 and B45: what a pause does to its step, to the run, and where it is refused."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from tests.execution.pausing import CASES, Leaf, Talk, ask, begin, chain, increment, show, three
from typedflow import (
    Contract,
    ContractError,
    Data,
    Events,
    ExecutionPaused,
    FinishedError,
    Flow,
    Interrupt,
    Retry,
    Status,
)

Handler = Callable[[Data[Talk, Any]], Any]


def _paused(handler: Handler, **options: Any) -> Any:
    """Return an execution of one step and what shows its output."""
    flow: Any = Flow(Talk)
    flow.to(handler, **options).to(show).end()
    return flow.create_execution(execution_id="one")


async def _answer(execution: Any, value: Any) -> Any:
    (interrupt_id,) = execution.interrupts
    return await execution.async_continue_with(interrupt_id, value)


# -- what is asked


async def test_b44_the_interrupt_holds_exactly_what_was_given() -> None:
    payload = {"a": [1, 2.5, None, True, "x"], "b": {}}

    def hand_over(data: Data[Talk, int]) -> int:
        data.pause_for(payload, type="human", interrupt_id="q-1")

    execution = _paused(hand_over)
    assert await execution.async_start(1) is Status.WAITING
    assert list(execution.interrupts) == ["q-1"]
    assert what_is_asked(execution.interrupts["q-1"]) == ("q-1", "human", payload, None, "hand_over", "pending", "int")


def what_is_asked(asked: Interrupt) -> tuple[object, ...]:
    return asked.id, asked.type, asked.payload, asked.resume_event, asked.step, asked.status, asked.answer


async def test_b44_an_interrupt_needs_nothing() -> None:
    def hand_over(data: Data[Talk, int]) -> int:
        data.pause_for()

    execution = _paused(hand_over)
    await execution.async_start(1)
    ((interrupt_id, interrupt),) = execution.interrupts.items()
    assert interrupt_id.startswith("hand_over-")
    assert what_is_asked(interrupt) == (interrupt_id, "pause", None, None, "hand_over", "pending", "int")


async def test_b44_a_lambda_pauses_under_a_valid_id() -> None:
    execution = _paused(lambda data: data.pause_for())
    await execution.async_start(1)
    (interrupt_id,) = execution.interrupts
    assert interrupt_id.startswith("lambda")


async def test_b44_what_stands_behind_a_pause_is_not_run_and_its_step_is_over() -> None:
    kept: list[Any] = []

    async def hand_over(data: Data[Talk, int]) -> int:
        kept.append(data)
        try:
            data.pause_for()
        finally:
            kept.append("left")
        kept.append("behind")

    execution = _paused(hand_over)
    await execution.async_start(1)
    assert kept[1:] == ["left"]
    with pytest.raises(FinishedError, match="step 'hand_over' is over: emit can have no effect"):
        kept[0].emit("rung", 1)
    with pytest.raises(FinishedError):
        kept[0].pause_for()


async def test_b44_writes_emits_and_the_result_set_before_a_pause_stand() -> None:
    heard: list[int] = []

    def hear(data: Data[Talk, int]) -> None:
        heard.append(data.value)

    def hand_over(data: Data[Talk, int]) -> str:
        data.state.note = "written"
        data.emit("rung", 5)
        data.set_result("early")
        data.pause_for()

    flow: Any = Flow(Talk)
    flow.to(hand_over).end()
    flow.when("rung").to(hear)
    execution = flow.create_execution()
    await execution.async_start(1)
    assert (heard, execution.state.note) == ([5], "written")
    await _answer(execution, "late")
    assert execution.result == "early"
    assert heard == [5]


async def test_b44_a_wrong_write_in_place_before_a_pause_fails_the_step() -> None:
    def hand_over(data: Data[Talk, int]) -> str:
        data.state.replies.append(5)  # type: ignore[arg-type]  # the wrong item is what is tried
        data.pause_for()

    execution = _paused(hand_over)
    with pytest.raises(ContractError, match="replies"):
        await execution.async_start(1)
    assert (execution.status, dict(execution.interrupts)) == (Status.FAILED, {})


def test_b44_a_direct_start_raises_with_the_execution_to_answer() -> None:
    flow = chain()
    with pytest.raises(ExecutionPaused) as paused:
        flow.start(1)
    execution = paused.value.execution
    (interrupt_id,) = execution.interrupts
    assert str(paused.value) == (
        f"TF815: flow 'Talk': the run is waiting for an answer to '{interrupt_id}' "
        "(error.execution is the one to answer: await error.execution.async_continue_with(id, value))"
    )
    assert execution.continue_with(interrupt_id, 4) is Status.COMPLETED
    assert execution.result == "5"


async def test_b44_interrupts_list_the_pending_ones_and_are_a_copy() -> None:
    execution = await begin(CASES["batch branch"])
    view: Any = execution.interrupts
    view.clear()
    assert len(execution.interrupts) == 2
    first, second = execution.interrupts
    assert await execution.async_continue_with(first, 10) is Status.WAITING
    assert list(execution.interrupts) == [second]


# -- how the step runs


def _thrice(data: Data[Talk, int]) -> int:
    if data.attempt < 3:
        data.emit("rung", data.attempt)
        raise ValueError("not yet")
    data.pause_for(data.attempt)


async def test_b44_a_pause_is_no_failure_to_a_retry() -> None:
    heard: list[int] = []
    flow: Any = Flow(Talk)
    flow.to(_thrice, retry=Retry(attempts=3)).to(show).end()
    flow.when("rung").to(lambda data: heard.append(data.value))
    execution = flow.create_execution()
    assert await execution.async_start(1) is Status.WAITING
    assert [each.payload for each in execution.interrupts.values()] == [3]
    assert heard == [], "a failed attempt emits nothing"
    await _answer(execution, 8)
    assert execution.result == "8"


async def test_b44_a_pause_within_a_timeout() -> None:
    async def hand_over(data: Data[Talk, int]) -> int:
        await asyncio.sleep(0)
        data.pause_for()

    execution = _paused(hand_over, timeout=60)
    assert await execution.async_start(1) is Status.WAITING
    await _answer(execution, 8)
    assert execution.result == "8"


async def test_b44_a_pause_in_a_thread() -> None:
    def hand_over(data: Data[Talk, int]) -> int:
        data.pause_for()

    execution = _paused(hand_over, thread=True, retry=Retry(attempts=2))
    assert await execution.async_start(1) is Status.WAITING
    await _answer(execution, 8)
    assert execution.result == "8"


async def test_b44_no_except_exception_of_the_handler_takes_a_pause_for_a_failure() -> None:
    async def hand_over(data: Data[Talk, int]) -> int:
        with contextlib.suppress(Exception):
            data.pause_for()
        return 1

    execution = _paused(hand_over)
    assert await execution.async_start(1) is Status.WAITING


async def test_b44_a_pause_takes_no_place_under_the_concurrency_of_the_execution() -> None:
    flow: Any = Flow(Talk)
    flow.to(three).for_each().to(ask).end_for_each().to(show).end()
    execution = flow.create_execution(concurrency=1)
    assert await execution.async_start(1) is Status.WAITING
    assert len(execution.interrupts) == 3


# -- where it is refused


async def test_b44_a_condition_cannot_pause() -> None:
    flow: Any = Flow(Talk)
    flow.if_condition(lambda data: data.pause_for()).to(increment).end_condition().to(show).end()
    execution = flow.create_execution()
    with pytest.raises(ContractError) as refused:
        await execution.async_start(1)
    assert refused.value.code == "TF724"
    assert (execution.status, dict(execution.interrupts)) == (Status.FAILED, {})


async def _in_a_group(data: Data[Talk, int]) -> int:
    async def inner() -> NoReturn:
        data.pause_for()

    async with asyncio.TaskGroup() as group:
        group.create_task(inner())
    return 1


async def _in_the_body_of_a_group(data: Data[Talk, int]) -> int:
    async with asyncio.TaskGroup():
        data.pause_for()


async def _in_a_task(data: Data[Talk, int]) -> int:
    async def inner() -> NoReturn:
        data.pause_for()

    return await asyncio.create_task(inner())


async def _in_a_gather(data: Data[Talk, int]) -> int:
    async def inner() -> NoReturn:
        data.pause_for()

    await asyncio.gather(inner(), asyncio.sleep(0))
    return 1


@pytest.mark.parametrize("handler", [_in_a_group, _in_the_body_of_a_group, _in_a_task, _in_a_gather])
@pytest.mark.parametrize("options", [{}, {"retry": Retry(attempts=1)}], ids=["plain", "with options"])
async def test_b44_a_task_of_the_handlers_own_cannot_pause(handler: Handler, options: dict[str, Any]) -> None:
    execution = _paused(handler, **options)
    with pytest.raises(ContractError) as refused:
        await execution.async_start(1)
    assert refused.value.code == "TF817"
    assert (execution.status, dict(execution.interrupts)) == (Status.FAILED, {})


async def test_b44_a_coroutine_that_the_handler_awaits_can_pause() -> None:
    async def inner(data: Data[Talk, int]) -> NoReturn:
        await asyncio.sleep(0)
        data.pause_for()

    async def hand_over(data: Data[Talk, int]) -> int:
        await inner(data)

    execution = _paused(hand_over)
    assert await execution.async_start(1) is Status.WAITING


def _leave(data: Data[Any, int]) -> NoReturn:
    data.pause_for(resume_event="replied")


def _from_batch() -> Any:
    flow: Any = Flow(Talk)
    flow.batch().branch(_leave).end_batch().to(show).end()
    return flow


def _from_each() -> Any:
    flow: Any = Flow(Talk)
    flow.to(three).for_each().to(_leave).end_for_each().to(show).end()
    return flow


def _from_match() -> Any:
    flow: Any = Flow(Talk)
    flow.match().case(1).to(_leave).end_match().to(show).end()
    return flow


def _from_if() -> Any:
    flow: Any = Flow(Talk)
    flow.if_condition(lambda data: True).to(_leave).end_condition().to(show).end()
    return flow


@pytest.mark.parametrize(
    "build, block", [(_from_batch, "batch"), (_from_each, "for_each"), (_from_match, "match"), (_from_if, "if")]
)
async def test_b44_a_pause_leaves_no_block_by_an_event(build: Callable[[], Any], block: str) -> None:
    execution = build().create_execution()
    with pytest.raises(ContractError) as refused:
        await execution.async_start(1)
    assert refused.value.code == "TF710"
    assert f"pause_for(resume_event='replied') inside a {block}" in str(refused.value).replace("an if", "a if")
    assert (execution.status, dict(execution.interrupts)) == (Status.FAILED, {})


async def test_b44_a_resume_event_is_a_declared_one() -> None:
    def hand_over(data: Data[Talk, int]) -> int:
        data.pause_for(resume_event="repleid")

    with pytest.raises(ContractError, match="did you mean 'replied'"):
        await _paused(hand_over).async_start(1)


class Thing:
    def __repr__(self) -> str:
        return "Thing()"


_CYCLE: list[Any] = []
_CYCLE.append(_CYCLE)


@pytest.mark.parametrize(
    "payload, given",
    [
        (Thing(), "not Thing() (Thing)"),
        ({"a": [1, {"b": Thing()}]}, "not Thing() (Thing) at 'a[1].b'"),
        ((1, 2), "not (1, 2) (tuple)"),
        ([{1}], "not {1} (set) at '[0]'"),
        ({1: "x"}, "not 1 (int)"),
        ({"a": b"x"}, "not b'x' (bytes) at 'a'"),
        (math.nan, "not nan (float)"),
        ({"a": [math.inf]}, "not inf (float) at 'a[0]'"),
        ({"a": "\ud800"}, "not '\\ud800' (str) at 'a'"),
        ({"\ud800": 1}, "not '\\ud800' (str)"),
        (Status.WAITING, "(Status)"),
        (_CYCLE, "(list) at '[0]'"),
    ],
    ids=str,
)
async def test_b44_a_payload_is_json_and_the_path_of_what_is_not_is_named(payload: Any, given: str) -> None:
    def hand_over(data: Data[Talk, int]) -> int:
        data.pause_for(payload)

    with pytest.raises(ContractError) as refused:
        await _paused(hand_over).async_start(1)
    assert refused.value.code == "TF818"
    assert given in str(refused.value)


async def test_b44_a_part_that_stands_twice_in_a_payload_is_no_cycle() -> None:
    part = [1]

    def hand_over(data: Data[Talk, int]) -> int:
        data.pause_for([part, part, {"again": part}])

    execution = _paused(hand_over)
    assert await execution.async_start(1) is Status.WAITING


@pytest.mark.parametrize("given", ["", "a b", "../x", "-a", "a\n", "x" * 129, "\x00", ["a"], 5], ids=repr)
async def test_b45_an_interrupt_id_is_an_id(given: Any) -> None:
    def hand_over(data: Data[Talk, int]) -> int:
        data.pause_for(interrupt_id=given)

    with pytest.raises(ContractError, match="is not an interrupt id") as refused:
        await _paused(hand_over).async_start(1)
    assert refused.value.code == "TF816"


def _always_q(data: Data[Any, int]) -> int:
    data.pause_for(interrupt_id="q")


async def test_b45_an_interrupt_id_in_use_is_refused() -> None:
    flow: Any = Flow(Talk)
    flow.batch().branch(_always_q, name="a").branch(_always_q, name="b").end_batch().to(show).end()
    execution = flow.create_execution()
    with pytest.raises(ContractError, match="interrupt id 'q' is in use in this execution") as refused:
        await execution.async_start(1)
    assert refused.value.code == "TF809"
    assert list(execution.interrupts) == ["q"]


async def test_b45_an_interrupt_id_of_a_child_is_in_use_in_the_parent() -> None:
    child: Any = Flow(Leaf, name="child")
    child.to(_always_q).end()
    flow: Any = Flow(Talk)
    flow.batch().branch(child).branch(_always_q).end_batch().to(show).end()
    with pytest.raises(ContractError, match="interrupt id 'q' is in use"):
        await flow.create_execution().async_start(1)


async def test_b45_an_interrupt_id_is_free_again_once_it_was_answered() -> None:
    flow: Any = Flow(Talk)
    flow.to(_always_q).to(_always_q).to(show).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    assert await execution.async_continue_with("q", 2) is Status.WAITING
    assert await execution.async_continue_with("q", 3) is Status.COMPLETED
    assert execution.result == "3"


async def test_b44_all_that_is_wrong_with_a_pause_is_told_at_once() -> None:
    def hand_over(data: Data[Talk, int]) -> int:
        data.pause_for(Thing(), resume_event="replied", interrupt_id="a b")

    flow: Any = Flow(Talk)
    flow.to(three).for_each().to(hand_over).end_for_each().to(show).end()
    with pytest.raises(ContractError) as refused:
        await flow.create_execution().async_start(1)
    assert [problem.number for problem in refused.value.problems] == ["TF710", "TF816", "TF818"]


# -- while it waits


async def test_b44_an_event_that_is_emitted_into_a_waiting_execution_runs_with_the_answer() -> None:
    heard: list[int] = []

    def hear(data: Data[Talk, int]) -> None:
        heard.append(data.value)

    def build() -> Any:
        flow: Any = Flow(Talk)
        flow.to(ask).to(show).end()
        flow.when("rung").to(hear)
        return flow

    execution = build().create_execution()
    await execution.async_start(1)
    execution.emit("rung", 7)
    assert (heard, execution.status) == ([], Status.WAITING)
    again = build().create_execution().load(execution.save().to_json())
    await _answer(again, 1)
    assert (heard, again.result) == ([7], "1")


async def test_b44_an_event_that_a_listener_cannot_take_leaves_a_waiting_execution_as_it_was() -> None:
    class Odd(Events):
        odd: Any

    class Listening(Contract):
        input: int
        result: int
        events: Odd

    flow: Any = Flow(Listening)
    flow.to(ask).end()
    flow.when("odd").for_each().to(increment).end_for_each()
    execution = flow.create_execution()
    await execution.async_start(1)
    with pytest.raises(ContractError, match="goes over a sequence"):
        execution.emit("odd", 5)
    assert execution.status is Status.WAITING
    await _answer(execution, 4)
    assert execution.result == 4


@pytest.mark.parametrize("name", ["chain", "child in child", "for_each by 1"])
async def test_b44_a_waiting_execution_that_is_cancelled_waits_no_more(name: str) -> None:
    execution = await begin(CASES[name])
    (interrupt_id, *_) = execution.interrupts
    assert await execution.async_cancel() is Status.CANCELLED
    assert dict(execution.interrupts) == {}
    with pytest.raises(FinishedError):
        await execution.async_continue_with(interrupt_id, 1)
    loaded = CASES[name].build().create_execution().load(execution.save())
    assert loaded.status is Status.CANCELLED


async def test_b45_a_sibling_that_fails_leaves_the_interrupt_pending() -> None:
    faults = [ValueError("once")]

    def fail_once(data: Data[Talk, int]) -> int:
        if faults:
            raise faults.pop()
        return 5

    flow: Any = Flow(Talk)
    flow.batch().branch(ask).branch(fail_once).end_batch().to(show).end()
    execution = flow.create_execution()
    with pytest.raises(ValueError, match="once"):
        await execution.async_start(1)
    (interrupt_id,) = execution.interrupts
    assert execution.status is Status.FAILED
    with pytest.raises(FinishedError, match="rerun what failed"):
        await execution.async_continue_with(interrupt_id, 1)
    assert await execution.async_retry() is Status.WAITING
    assert await execution.async_continue_with(interrupt_id, 1) is Status.COMPLETED
    assert execution.result == "(1, 5)"


@pytest.mark.parametrize("type_", [5, None, "\ud800"])
async def test_a_pause_type_that_cannot_be_saved_is_refused_at_the_call(type_: Any) -> None:
    def ask(data: Data[Talk, int]) -> int:
        data.pause_for(type=type_)

    with pytest.raises(ContractError, match="the type of a pause is text") as refused:
        await _paused(ask).async_start(1)
    assert refused.value.code == "TF822"


async def test_ids_that_are_derived_do_not_collide() -> None:
    def ask(data: Data[Talk, int]) -> int:
        data.pause_for()

    execution = _paused(ask)
    await execution.async_start(1)
    (given,) = execution.interrupts
    assert re.fullmatch(r"ask-[0-9a-f]{16}", given)


async def test_b48_nothing_is_started_twice_after_pauses_deep_inside_of_a_bound() -> None:
    started: list[int] = []

    def enter(data: Data[Any, int]) -> int:
        started.append(data.value)
        return data.value

    def add(data: Data[Any, tuple[int, int]]) -> int:
        return sum(data.value)

    def total(data: Data[Any, list[int]]) -> int:
        return sum(data.value)

    flow: Any = Flow(Leaf)
    item = flow.to(three).for_each(concurrency=1).to(enter)
    item.batch().branch(ask).branch(increment).end_batch().to(add).end_for_each().to(total).end()
    execution = flow.create_execution(execution_id="one")
    await execution.async_start(1)
    assert started == [1, 2, 3]
    while execution.interrupts:
        execution = flow.create_execution(execution_id="one").load(execution.save().to_json())
        await execution.async_continue_with(next(iter(execution.interrupts)), 10)
    assert (execution.status, started) == (Status.COMPLETED, [1, 2, 3])
    assert execution.result == 30 + 2 + 3 + 4
