"""Cancellation at every place where a run can be: it leaves no task, runs nothing more, and raises CancelledError."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from tests.execution.running import Here, Plain, passing, run
from typedflow import Contract, Data, ExecutionError, Flow, Retry, Status
from typedflow.schema.writing import current_step


class Boom(Exception):
    """What handlers raise here."""


class Kid(Contract):
    input: Any
    result: Any


class Inside:
    """Steps that let the loop run some times each, and note who is inside of one."""

    def __init__(self, seed: int, fails: bool = False) -> None:
        self.random = random.Random(seed)
        self.count = 0
        self.begun = 0
        self.fails = fails

    async def __call__(self, data: Any) -> Any:
        self.count += 1
        self.begun += 1
        try:
            for _ in range(self.random.randrange(4)):
                await asyncio.sleep(0)
            if self.fails and self.random.random() < 0.1:
                raise Boom
            return data.value
        finally:
            try:
                if self.random.random() < 0.5:
                    await asyncio.sleep(0)  # a cleanup that takes its time
            finally:
                self.count -= 1


def everything(inside: Inside) -> Flow[Plain]:
    """Wire a flow with a step of every kind."""
    kid = Flow(Kid)
    kid.to(inside).batch().branch(inside, name="one").branch(inside, name="two").end_batch().end()
    flow = Flow(Plain)
    body = flow.to(inside).to(lambda data: [1, 2, 3]).for_each(concurrency=2).to(inside, retry=Retry(2), timeout=100)
    body = body.if_condition(inside).to(inside).else_condition().to_sub_flow(kid).end_condition().side_branch(inside)
    body.to(lambda data: data.emit("rung", 1)).end_for_each().to(inside).end()
    flow.when("rung").batch().branch(inside, name="left").branch(inside, name="right").end_batch().to(inside)
    return flow


async def ticks(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def cancelled_after(count: int, way: str, seed: int, concurrency: int | None, fails: bool = False) -> bool:
    """Cancel a run after some turns of the loop; says whether it was still running then."""
    inside = Inside(seed, fails)
    execution = everything(inside).create_execution(concurrency=concurrency)
    running = asyncio.create_task(execution.async_start(1))
    await ticks(count)
    was_running = not running.done()
    if way == "task":
        running.cancel()
    else:
        assert await execution.async_cancel() in (Status.CANCELLED, Status.COMPLETED)
    try:
        await running
    except asyncio.CancelledError:
        assert execution.status is Status.CANCELLED
    except Boom:
        assert fails
    assert running.done()
    assert inside.count == 0
    begun = inside.begun
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert current_step.get() is None
    await ticks(20)
    assert inside.begun == begun
    return was_running


@pytest.mark.parametrize("way", ["task", "async_cancel"])
@pytest.mark.parametrize("concurrency", [None, 1, 2])
@pytest.mark.thin(5)
def test_a_run_can_be_cancelled_at_every_turn_of_the_loop(way: str, concurrency: int | None) -> None:
    async def main() -> None:
        for seed in range(3):
            count = 1
            while await cancelled_after(count, way, seed, concurrency):
                count += 1
            assert count > 20

    run(main())


def test_a_run_that_fails_here_and_there_can_be_cancelled_at_every_turn_of_the_loop() -> None:
    async def main() -> None:
        for seed in range(8):
            count = 1
            while await cancelled_after(count, "task", seed, None, fails=True):
                count += 1

    run(main())


@pytest.mark.parametrize("seed", range(20))
def test_every_order_of_completion_gives_the_same_result(seed: int) -> None:
    """B21, B22: joins do not depend on who comes first."""

    async def step(data: Here) -> Any:
        for _ in range(order.randrange(5)):
            await asyncio.sleep(0)
        return data.value

    order = random.Random(seed)
    flow = Flow(Plain)
    body = flow.for_each(concurrency=order.choice([None, 1, 3])).to(step)
    body.batch(concurrency=order.choice([None, 1])).branch(step).branch(step, name="b").end_batch().end_for_each().end()
    result = run(flow.async_start(range(6), concurrency=order.choice([None, 1, 2, 5])))
    assert result == [(number, number) for number in range(6)]


def test_the_caller_is_cancelled_while_a_batch_runs_and_all_branches_are_awaited() -> None:
    log: list[str] = []

    def branch(name: str) -> Any:
        async def handler(data: Here) -> None:
            try:
                await asyncio.sleep(10)
            finally:
                await asyncio.sleep(1)
                log.append(name)

        return handler

    flow = Flow(Plain)
    flow.batch().branch(branch("a"), name="a").branch(branch("b"), name="b").end_batch().end()

    async def main() -> None:
        running = asyncio.create_task(flow.async_start(1))
        await asyncio.sleep(1)
        running.cancel("stop it")
        with pytest.raises(asyncio.CancelledError):
            await running
        assert sorted(log) == ["a", "b"]

    run(main())


def test_a_timeout_around_a_run_is_the_callers_own() -> None:
    flow = Flow(Plain)
    flow.batch().branch(lambda data: asyncio.sleep(10), name="a").branch(passing).end_batch().end()

    async def main() -> None:
        execution = flow.create_execution()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await execution.async_start(1)
        assert execution.status is Status.CANCELLED
        assert execution.errors == ()

    run(main())


def test_a_run_in_a_task_group_that_fails_is_cancelled_with_it() -> None:
    flow = Flow(Plain)
    flow.to(lambda data: asyncio.sleep(10)).end()
    execution = flow.create_execution()

    async def main() -> None:
        async def broken() -> None:
            await asyncio.sleep(1)
            raise Boom

        async with asyncio.TaskGroup() as group:
            group.create_task(execution.async_start(1))
            group.create_task(broken())

    with pytest.raises(ExceptionGroup) as failure:
        run(main())
    assert [type(error) for error in failure.value.exceptions] == [Boom]
    assert execution.status is Status.CANCELLED


# -- async_cancel


def test_cancelling_waits_until_everything_has_stopped() -> None:
    log: list[str] = []

    async def step(data: Here) -> None:
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(1)
            log.append("stopped")

    flow = Flow(Plain)
    flow.to(step).end()

    async def main() -> None:
        execution = flow.create_execution()
        running = asyncio.create_task(execution.async_start(1))
        await asyncio.sleep(1)
        async with asyncio.TaskGroup() as group:
            first, second = (group.create_task(execution.async_cancel()) for _ in range(2))
            await asyncio.sleep(0.5)
            assert await execution.async_cancel() is Status.CANCELLED
        assert first.result() is second.result() is Status.CANCELLED
        assert log == ["stopped"]
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not running.cancelling()
        assert await execution.async_cancel() is Status.CANCELLED

    run(main())


@pytest.mark.parametrize("first, second", [(5, 5), (0, 5), (5, 0)])
def test_cancelling_a_cancelled_run_that_is_still_stopping(first: int, second: int) -> None:
    """The caller was cancelled, a handler takes its time to stop, and another task cancels and emits meanwhile."""

    def step(cleanup: int) -> Any:
        async def handler(data: Here) -> None:
            try:
                await asyncio.sleep(10)
            finally:
                await asyncio.sleep(cleanup)

        return handler

    flow = Flow(Plain)
    flow.batch().branch(step(first), name="first").branch(step(second), name="second").end_batch().end()
    flow.when("rung").to(passing)

    async def main() -> None:
        execution = flow.create_execution()
        running = asyncio.create_task(execution.async_start(1))
        await asyncio.sleep(1)
        running.cancel()
        await asyncio.sleep(1)
        execution.emit("rung", 1)
        assert await execution.async_cancel() is Status.CANCELLED
        with pytest.raises(asyncio.CancelledError):
            await running

    run(main())


def test_cancelling_from_inside_a_handler_cancels_the_handler_too() -> None:
    log: list[str] = []
    executions: list[Any] = []

    async def step(data: Here) -> None:
        try:
            await executions[0].async_cancel()
            log.append("never")
        except asyncio.CancelledError:
            log.append("cancelled")
            raise

    flow = Flow(Plain)
    flow.to(step).end()
    executions.append(flow.create_execution())
    with pytest.raises(asyncio.CancelledError):
        run(executions[0].async_start(1))
    assert log == ["cancelled"]
    assert executions[0].status is Status.CANCELLED


@pytest.mark.parametrize("status", ["created", "failed", "completed"])
def test_cancelling_what_does_not_run(status: str) -> None:
    def step(data: Here) -> Any:
        if status == "failed":
            raise Boom
        return 1

    flow = Flow(Plain)
    flow.to(step).end()
    execution = flow.create_execution()
    if status == "failed":
        with pytest.raises(Boom):
            run(execution.async_start(1))
    elif status == "completed":
        run(execution.async_start(1))
    expected = Status.COMPLETED if status == "completed" else Status.CANCELLED
    assert run(execution.async_cancel()) is expected
    assert execution.status is expected


@pytest.mark.parametrize("place", ["first", "worker"])
@pytest.mark.parametrize("way", ["task", "async_cancel", "timeout"])
def test_a_step_that_swallows_its_cancellation_does_not_keep_the_run_going(place: str, way: str) -> None:
    log: list[str] = []

    async def stubborn(data: Here) -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            log.append("swallowed")

    flow = Flow(Plain)
    if place == "worker":
        flow.to(lambda data: asyncio.sleep(10), name="other")
    flow.to(stubborn).to(lambda data: log.append("next")).end()

    async def main() -> None:
        execution = flow.create_execution()
        running = asyncio.create_task(execution.async_start(1, timeout=1 if way == "timeout" else None))
        await asyncio.sleep(0.5)
        if way == "task":
            running.cancel()
        elif way == "async_cancel":
            assert await execution.async_cancel() is Status.CANCELLED
        with pytest.raises(TimeoutError if way == "timeout" else asyncio.CancelledError):
            await running
        assert log == ["swallowed"]
        assert execution.status is (Status.FAILED if way == "timeout" else Status.CANCELLED)

    run(main())


def test_a_step_that_swallows_its_cancellation_last_of_all() -> None:
    """Nothing is left to be stopped: the run is over, as it is when a cancellation comes too late."""

    async def stubborn(data: Here) -> str:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            return "swallowed"
        return "slept"

    flow = Flow(Plain)
    flow.to(stubborn).end()

    async def main() -> None:
        execution = flow.create_execution()
        running = asyncio.create_task(execution.async_start(1))
        await asyncio.sleep(1)
        running.cancel()
        assert await running is Status.COMPLETED
        assert execution.result == "swallowed"

    run(main())


@pytest.mark.parametrize("sound", [True, False])
def test_a_cancelled_task_may_run_a_flow_in_its_cleanup(sound: bool) -> None:
    """That the task was cancelled before says nothing of the steps of this run."""

    async def lost(data: Here) -> None:
        raise asyncio.CancelledError

    flow = Flow(Plain)
    if sound:
        flow.batch().branch(lambda data: asyncio.sleep(1), name="a").branch(passing).end_batch().to(passing).end()
    else:
        flow.to(lost).end()

    async def work() -> Any:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            return await flow.async_start(1)

    async def main() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(1)
        task.cancel()
        if sound:
            assert await task == (None, 1)
        else:
            with pytest.raises(ExecutionError, match="TF820"):
                await task

    run(main())


# -- KeyboardInterrupt and its kin


@pytest.mark.parametrize("place", ["first", "worker"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_of_the_program_goes_straight_through(place: str, error: type[BaseException]) -> None:
    log: list[str] = []

    async def interrupted(data: Here) -> None:
        await asyncio.sleep(1)
        raise error

    async def sibling(data: Here) -> None:
        try:
            await asyncio.sleep(10)
        finally:
            log.append("stopped")

    flow = Flow(Plain)
    first, second = (interrupted, sibling) if place == "first" else (sibling, interrupted)
    flow.batch().branch(first).branch(second).end_batch().end()
    execution = flow.create_execution()
    with pytest.raises(error):
        run(execution.async_start(1))
    assert execution.status is Status.CANCELLED
    assert log == ["stopped"]


def test_a_kid_is_cancelled_with_its_parent() -> None:
    log: list[str] = []

    async def step(data: Data[Kid, Any]) -> None:
        try:
            await asyncio.sleep(10)
        finally:
            log.append("stopped")

    kid = Flow(Kid)
    kid.to(step).end()
    flow = Flow(Plain)
    flow.to_sub_flow(kid).end()

    async def main() -> None:
        execution = flow.create_execution()
        running = asyncio.create_task(execution.async_start(1))
        await asyncio.sleep(1)
        await execution.async_cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    run(main())
    assert log == ["stopped"]
