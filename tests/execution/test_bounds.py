"""B22, B48: the bound of a block holds while its items pause, are answered, saved, loaded and retried."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

from tests.budget import examples
from typedflow import Contract, Data, Execution, Flow, Snapshot, Status
from typedflow.stores import MemoryStore


class Items(Contract):
    input: list[int]
    result: list[int]


class Item(Contract):
    input: int
    result: int


class Gauge:
    """Count how many handlers run at once, and let a test act while one does."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0
        self.ran: list[int] = []
        self.meanwhile: Any = None

    async def __call__(self, value: int) -> int:
        self.now += 1
        self.most = max(self.most, self.now)
        self.ran.append(value)
        try:
            for _ in range(3):
                await asyncio.sleep(0)
            if self.meanwhile is not None:
                act, self.meanwhile = self.meanwhile, None
                act()
        finally:
            self.now -= 1
        return value


def steps(flow: Any, gauge: Gauge) -> Any:
    """Make a value ask, be worked on, ask again and be worked on again."""

    def ask(data: Data[Any, int]) -> int:
        data.pause_for(data.value)

    async def work(data: Data[Any, int]) -> int:
        return await gauge(data.value)

    return flow.to(ask).to(work).to(ask).to(work)


STYLES = ("steps", "children", "grandchildren")


def build(style: str, gauge: Gauge, concurrency: int = 1) -> Any:
    """Build a flow whose items ask twice, in steps of its own or in a child flow, or in the child of a child."""
    flow: Any = Flow(Items)
    items = flow.for_each(concurrency=concurrency)
    if style == "steps":
        steps(items, gauge).end_for_each().end()
        return flow
    child: Any = Flow(Item, name="child")
    steps(child, gauge).end()
    if style == "grandchildren":
        middle: Any = Flow(Item, name="middle")
        middle.to_sub_flow(child).end()
        child = middle
    items.to_sub_flow(child).end_for_each().end()
    return flow


async def answer_all(execution: Execution[Any]) -> None:
    """Answer all that is asked at once, each with its own payload, until nothing is asked."""
    while execution.interrupts:
        asked = dict(execution.interrupts)
        await asyncio.gather(
            *(execution.async_continue_with(id_, interrupt.payload) for id_, interrupt in asked.items())
        )


@pytest.mark.parametrize("concurrency", [1, 2])
@pytest.mark.parametrize("style", STYLES)
async def test_b48_answers_that_come_at_once_exceed_no_bound(style: str, concurrency: int) -> None:
    gauge = Gauge()
    execution = build(style, gauge, concurrency).create_execution()
    assert await execution.async_start([1, 2, 3, 4]) is Status.WAITING
    assert len(execution.interrupts) == 4, "what waits for an answer keeps no place"
    await answer_all(execution)
    assert (execution.status, execution.result) == (Status.COMPLETED, [1, 2, 3, 4])
    assert (gauge.most, sorted(gauge.ran)) == (concurrency, [1, 1, 2, 2, 3, 3, 4, 4])


@pytest.mark.parametrize("style", STYLES)
async def test_b48_what_waits_for_a_place_is_saved_and_waits_again(style: str) -> None:
    saved: list[Snapshot] = []
    gauge = Gauge()
    execution = build(style, gauge).create_execution()
    await execution.async_start([1, 2, 3])
    gauge.meanwhile = lambda: saved.append(execution.save())
    await answer_all(execution)
    gauge = Gauge()
    again = build(style, gauge).create_execution().load(saved[0].to_json())
    assert again.save().tokens == saved[0].tokens
    assert (again.status, dict(again.interrupts)) == (Status.RUNNING, {})
    assert await again.async_retry() is Status.WAITING
    await answer_all(again)
    assert (again.result, gauge.most, sorted(gauge.ran)) == ([1, 2, 3], 1, [1, 1, 2, 2, 3, 3])


@pytest.mark.parametrize("style", STYLES)
async def test_b48_what_waits_for_a_place_goes_on_after_a_failure(style: str) -> None:
    gauge = Gauge()
    execution = build(style, gauge).create_execution()
    await execution.async_start([1, 2, 3])

    def fail() -> None:
        raise ValueError("once")

    gauge.meanwhile = fail
    answers = (execution.async_continue_with(id_, each.payload) for id_, each in execution.interrupts.items())
    outcomes = await asyncio.gather(*answers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ValueError] * 3
    assert await execution.async_retry() is Status.WAITING
    await answer_all(execution)
    assert (execution.result, gauge.most, sorted(gauge.ran)) == ([1, 2, 3], 1, [1, 1, 1, 2, 2, 3, 3])


async def test_b48_a_second_answer_in_a_child_that_waits_for_a_place_is_taken_with_it() -> None:
    gauge = Gauge()

    def ask(data: Data[Any, int]) -> int:
        data.pause_for(data.value, interrupt_id=f"{data.step}-{data.value}")

    async def work(data: Data[Any, int]) -> int:
        return await gauge(data.value)

    def add_up(data: Data[Any, tuple[int, int]]) -> int:
        return sum(data.value)

    child: Any = Flow(Item, name="child")
    child.batch().branch(ask).branch(ask, name="also").end_batch().to(add_up).to(work).end()
    flow: Any = Flow(Items)
    flow.for_each(concurrency=1).to_sub_flow(child).end_for_each().end()
    execution = flow.create_execution()
    await execution.async_start([1, 2])
    await asyncio.gather(*(execution.async_continue_with(f"{name}-2", 20) for name in ("ask", "also")))
    assert gauge.ran == [40]
    await asyncio.gather(*(execution.async_continue_with(f"{name}-1", 10) for name in ("ask", "also")))
    assert (execution.result, gauge.most) == ([20, 40], 1)


async def test_b48_a_loaded_run_with_more_inside_than_its_bound_comes_back_to_it() -> None:
    """The bound of the flow was lowered since."""
    saved: list[Snapshot] = []
    gauge = Gauge()
    execution = build("steps", gauge, 3).create_execution()
    await execution.async_start([1, 2, 3])
    gauge.meanwhile = lambda: saved.append(execution.save())
    await answer_all(execution)
    gauge = Gauge()
    again = build("steps", gauge, 1).create_execution().load(saved[0])
    assert await again.async_retry() is Status.WAITING
    assert gauge.most == 1
    await answer_all(again)
    assert again.result == [1, 2, 3]


async def test_b48_a_loaded_run_whose_bound_was_taken_away_lets_the_rest_in() -> None:
    saved: list[Snapshot] = []
    gauge = Gauge()

    async def work(data: Data[Any, int]) -> int:
        return await gauge(data.value)

    def bounded_by(concurrency: int | None) -> Any:
        flow: Any = Flow(Items)
        flow.for_each(concurrency=concurrency).to(work).end_for_each().end()
        return flow

    execution = bounded_by(1).create_execution()
    gauge.meanwhile = lambda: saved.append(execution.save())
    await execution.async_start([1, 2, 3, 4])
    again = bounded_by(None).create_execution().load(saved[0])
    gauge.most = 0
    assert await again.async_retry() is Status.COMPLETED
    assert (again.result, gauge.most) == ([1, 2, 3, 4], 3)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("checkpoint", [None, "pause", "step"])
@pytest.mark.thin(2)
@pytest.mark.long
async def test_b48_answers_at_any_time_with_loads_in_between_exceed_no_bound(style: str, checkpoint: Any) -> None:
    for seed in range(examples(24)):
        order = Random(f"{seed} {style} {checkpoint}")
        gauge, concurrency = Gauge(), order.choice([1, 2, 3])
        options: Any = {} if checkpoint is None else {"store": MemoryStore(), "checkpoint": checkpoint}
        execution = build(style, gauge, concurrency).create_execution(execution_id="e", **options)
        await execution.async_start(list(range(6)))
        saved = await answer_at_random(execution, order)
        assert (execution.status, execution.result) == (Status.COMPLETED, list(range(6)))
        assert gauge.most <= concurrency
        for snapshot in saved:
            gauge.most = 0
            again = build(style, gauge, concurrency).create_execution().load(snapshot)
            if again.status is Status.RUNNING:
                await again.async_retry()
            await answer_all(again)
            assert again.result == list(range(6))
            assert gauge.most <= concurrency


async def answer_at_random(execution: Execution[Any], order: Random) -> list[Snapshot]:
    """Answer some of what is asked, each at a turn of its own, until nothing is; gives what was saved meanwhile."""
    saved: list[Snapshot] = []

    async def answer(interrupt_id: str, value: object) -> None:
        for _ in range(order.randrange(12)):
            await asyncio.sleep(0)
        if order.random() < 0.3:
            saved.append(execution.save())
        await execution.async_continue_with(interrupt_id, value)

    while execution.interrupts:
        asked = order.sample(list(execution.interrupts.items()), k=order.randint(1, len(execution.interrupts)))
        await asyncio.gather(*(answer(interrupt_id, each.payload) for interrupt_id, each in asked))
    return saved
