"""Thousands of open questions, in one run and in child flows: found at a cost of one, whatever the others are."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.execution.running import calls_of
from typedflow import (
    Contract,
    ContractError,
    Data,
    Execution,
    FinishedError,
    Flow,
    InterruptError,
    ResourceError,
    Resources,
    State,
    Status,
)


class Tools(Resources):
    tool: object


class Many(Contract):
    input: int
    result: list[int]
    resources: Tools


class One(Contract):
    input: int
    result: int
    resources: Tools


def numbers(data: Data[Many, int]) -> list[int]:
    return list(range(data.value))


def ask(data: Data[Any, int]) -> int:
    data.pause_for({"item": data.value}, interrupt_id=f"q{data.value}")


def plain() -> Flow[Many]:
    flow = Flow(Many, name="many")
    flow.to(numbers).for_each().to(ask).end_for_each().end()
    return flow


def with_children(concurrency: int | None = None) -> Flow[Many]:
    child = Flow(One, name="one")
    child.to(ask).end()
    flow = Flow(Many, name="many")
    process = flow.to(numbers).for_each(concurrency=concurrency)
    process.to_sub_flow(
        child, capture={"input": "value", "resources": {"tool": "resources.tool"}}, write_back={"value": "result"}
    ).end_for_each().end()
    return flow


BOTH = pytest.mark.parametrize("make", [plain, with_children])


async def waiting(make: Callable[[], Flow[Many]], count: int) -> Execution[Many]:
    execution = make().create_execution(runtime_resources={"tool": "hammer"})
    assert await execution.async_start(count) is Status.WAITING
    return execution


@BOTH
async def test_an_answer_costs_the_same_however_many_are_pending(make: Callable[[], Flow[Many]]) -> None:
    costs = []
    for pending in (10, 200):
        execution = await waiting(make, pending)
        await execution.async_continue_with("q0", 1)
        costs.append(await calls_of(execution.async_continue_with("q5", 1)))
    assert costs[1] < costs[0] * 1.5


@BOTH
async def test_a_pause_costs_the_same_however_many_are_pending(make: Callable[[], Flow[Many]]) -> None:
    costs = []
    for pending in (20, 200):
        execution = make().create_execution(runtime_resources={"tool": "hammer"})
        costs.append(await calls_of(execution.async_start(pending)) / pending)
    assert costs[1] < costs[0] * 1.5


@BOTH
async def test_all_questions_are_answered_one_by_one_in_any_order(make: Callable[[], Flow[Many]]) -> None:
    execution = await waiting(make, 40)
    order = [number * 7 % 40 for number in range(40)]
    for number in order:
        assert f"q{number}" in execution.interrupts
        status = await execution.async_continue_with(f"q{number}", number * 2)
        with pytest.raises(InterruptError if status is Status.WAITING else FinishedError):
            await execution.async_continue_with(f"q{number}", 0)
    assert status is Status.COMPLETED
    assert execution.result == [number * 2 for number in range(40)]


@BOTH
async def test_questions_are_found_after_a_load_and_a_second_one(make: Callable[[], Flow[Many]]) -> None:
    flow = make()
    execution = flow.create_execution(runtime_resources={"tool": "hammer"})
    await execution.async_start(4)
    for number in range(3):
        again = flow.create_execution()
        with pytest.raises(InterruptError):  # it has looked, and the load comes after
            await again.async_continue_with(f"q{number}", number)
        again.load(execution.save(), runtime_resources={"tool": "hammer"})
        assert await again.async_continue_with(f"q{number}", number) is Status.WAITING
        execution = again
    assert await execution.async_continue_with("q3", 3) is Status.COMPLETED
    assert execution.result == [0, 1, 2, 3]


async def test_an_id_that_is_pending_is_refused_and_free_again_after_its_answer() -> None:
    class Turns(Contract):
        input: int
        result: int

    asked: list[int] = []

    def same(data: Data[Any, int]) -> int:
        asked.append(data.value)
        data.pause_for(interrupt_id="same")

    flow = Flow(Turns)
    flow.to(same, name="first").to(same, name="second").end()
    execution = flow.create_execution()
    await execution.async_start(1)
    await execution.async_continue_with("same", 2)
    assert await execution.async_continue_with("same", 3) is Status.COMPLETED
    assert asked == [1, 2]

    class Twice(Contract):
        input: list[int]
        result: list[int]

    every = Flow(Twice)
    every.for_each().to(same).end_for_each().end()
    with pytest.raises(ContractError, match="same"):
        await every.create_execution().async_start([1, 2])


async def test_a_cancelled_execution_has_no_question_left() -> None:
    execution = await waiting(with_children, 3)
    await execution.async_cancel()
    with pytest.raises(FinishedError):
        await execution.async_continue_with("q1", 1)


@pytest.mark.parametrize("concurrency", [1, 2, None])
async def test_answers_with_a_limit_on_the_block(concurrency: int | None) -> None:
    execution = await waiting(lambda: with_children(concurrency), 6)
    for number in reversed(range(6)):
        status = await execution.async_continue_with(f"q{number}", number)
    assert status is Status.COMPLETED
    assert execution.result == list(range(6))


@pytest.mark.parametrize("level", ["execution", "flow"])
async def test_a_resource_that_is_removed_while_children_wait_is_missed_at_the_next_answer(level: str) -> None:
    flow = with_children()
    flow.update_runtime_resources(tool="hammer")
    given = {"tool": "saw"} if level == "execution" else None
    execution = flow.create_execution(runtime_resources=given)
    await execution.async_start(3)
    await execution.async_continue_with("q0", 0)
    if level == "execution":
        execution.del_runtime_resource("tool")
    flow.del_runtime_resource("tool")
    with pytest.raises(ResourceError, match="tool"):
        await execution.async_continue_with("q1", 1)
    assert "q1" in execution.interrupts
    execution.update_runtime_resources(tool="axe")
    await execution.async_continue_with("q1", 1)
    assert await execution.async_continue_with("q2", 2) is Status.COMPLETED


async def test_an_answered_child_sees_the_resources_of_its_parent_as_they_are_now() -> None:
    seen: list[object] = []

    def use(data: Data[One, int]) -> int:
        seen.append(data.require_resource("tool"))
        return data.value

    child = Flow(One, name="one")
    child.to(ask).to(use).end()
    flow = Flow(Many, name="many")
    flow.to(numbers).for_each().to_sub_flow(
        child, capture={"input": "value", "resources": {"tool": "resources.tool"}}, write_back={"value": "result"}
    ).end_for_each().end()
    execution = flow.create_execution(runtime_resources={"tool": "hammer"})
    await execution.async_start(3)
    await execution.async_continue_with("q0", 0)
    execution.update_runtime_resources(tool="saw")
    await execution.async_continue_with("q1", 0)
    await execution.async_continue_with("q2", 0)
    assert seen == ["hammer", "saw", "saw"]


class Mark(msgspec.Struct, weakref=True):
    number: int = 0


class Marked(State):
    mark: Mark = msgspec.field(default_factory=Mark)


async def test_answered_children_are_let_go() -> None:
    made: list[weakref.ref[Mark]] = []

    class Kept(Contract):
        input: int
        result: int
        state: Marked

    def ask_and_mark(data: Data[Kept, int]) -> int:
        made.append(weakref.ref(data.state.mark))
        data.pause_for(interrupt_id=f"q{data.value}")

    child = Flow(Kept, name="kept")
    child.to(ask_and_mark).end()
    flow = Flow(Many, name="many")
    process = flow.to(numbers).for_each()
    process.to_sub_flow(child, capture={"input": "value"}, write_back={"value": "result"}).end_for_each().end()
    execution = flow.create_execution(runtime_resources={"tool": "hammer"})
    await execution.async_start(20)
    for number in range(19):
        await execution.async_continue_with(f"q{number}", number)
    gc.collect()
    assert sum(mark() is not None for mark in made) == 1
    await execution.async_cancel()
    gc.collect()
    assert sum(mark() is not None for mark in made) == 0
