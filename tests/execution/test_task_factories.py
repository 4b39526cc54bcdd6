"""Loops whose task factory starts tasks eagerly, or makes tasks of a class of its own: everything runs side by side."""

from __future__ import annotations

import asyncio
import contextvars
import random
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest

from tests.execution.faulty import FaultyStore
from tests.execution.running import Gauge, Here, Plain, VirtualTimeLoop, now, passing
from typedflow import ConflictError, Flow, Status
from typedflow.stores import MemoryStore

Factory = Callable[..., Any]


class OwnTask(asyncio.Task[Any]):
    """The task of an application."""


def own_factory(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any) -> Any:
    return OwnTask(work, loop=loop, **options)


class Begun:
    """A coroutine that has been begun, as an awaitable: it goes on from where it waits."""

    def __init__(self, work: Coroutine[Any, Any, Any], first: Any) -> None:
        self.work = work
        self.first = first

    def __await__(self) -> Any:
        waits = self.first
        while True:
            try:
                given = yield waits
            except BaseException as error:
                step: Any = lambda error=error: self.work.throw(error)  # noqa: E731  # one of two
            else:
                step = lambda given=given: self.work.send(given)  # noqa: E731  # one of two
            try:
                waits = step()
            except StopIteration as stop:
                return stop.value


def begun_factory(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any) -> Any:
    """Begin a coroutine at once in the caller's task, and make a task of what is left of it, as Python 3.11 could."""
    if asyncio.current_task(loop) is None:
        return asyncio.Task(work, loop=loop, **options)
    try:
        first = contextvars.copy_context().run(work.send, None)
    except StopIteration as stop:
        done = loop.create_future()
        done.set_result(stop.value)
        return asyncio.Task(_waiting(done), loop=loop)
    except Exception as error:
        failed = loop.create_future()
        failed.set_exception(error)
        return asyncio.Task(_waiting(failed), loop=loop)
    return asyncio.Task(_waiting(Begun(work, first)), loop=loop)


async def _waiting(what: Any) -> Any:
    return await what


FACTORIES: dict[str, Factory | None] = {"default": None, "own": own_factory, "begun": begun_factory}
if sys.version_info >= (3, 12):
    FACTORIES["eager"] = asyncio.eager_task_factory
    FACTORIES["own eager"] = asyncio.create_eager_task_factory(OwnTask)
EVERY = pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES)


def run(factory: Factory | None, main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run in virtual time; nothing may be left behind."""

    async def watched() -> Any:
        asyncio.get_running_loop().set_task_factory(factory)
        try:
            async with asyncio.timeout(1_000):
                return await main()
        finally:
            asyncio.get_running_loop().set_task_factory(None)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"left behind: {left}"

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(watched())


async def slow(data: Here) -> Any:
    await asyncio.sleep(1)
    return data.value


async def quick(data: Here) -> Any:
    return data.value


def behind_a_quick_branch(flow: Flow[Any]) -> Any:
    """Open a flow with what ended the concurrency of an execution: a branch that waits beside one that does not."""
    return flow.batch().branch(slow).branch(quick).end_batch()


@EVERY
def test_branches_meet(factory: Factory | None) -> None:
    async def main() -> Any:
        barrier = asyncio.Barrier(3)

        async def meet(data: Here) -> Any:
            await barrier.wait()
            return 1

        flow = Flow(Plain)
        batch: Any = behind_a_quick_branch(flow).batch()
        for number in range(3):
            batch = batch.branch(meet, name=f"meet {number}")
        batch.end_batch().end()
        return await flow.async_start(1)

    assert run(factory, main) == (1, 1, 1)


@EVERY
@pytest.mark.parametrize("concurrency, seconds", [(None, 2), (3, 5)])
def test_items_run_side_by_side(factory: Factory | None, concurrency: int | None, seconds: int) -> None:
    gauge = Gauge()

    async def main() -> float:
        flow = Flow(Plain)
        made = behind_a_quick_branch(flow).to(lambda data: list(range(10)))
        made.for_each(concurrency=concurrency).to(gauge.holding("item")).end_for_each().end()
        assert await flow.async_start(1) == list(range(10))
        return now()

    assert run(factory, main) == seconds
    assert gauge.most == (concurrency or 10)


@EVERY
def test_thousands_of_items_do_not_nest(factory: Factory | None) -> None:
    """Each worker starts the next one: begun at once, they would stand on one another's stacks."""

    async def main() -> Any:
        flow = Flow(Plain)
        flow.to(lambda data: list(range(5_000))).for_each().to(slow).end_for_each().to(
            lambda data: len(data.value)
        ).end()
        return await flow.async_start(1)

    assert run(factory, main) == 5_000


@EVERY
def test_items_that_never_wait_all_end(factory: Factory | None) -> None:
    async def main() -> Any:
        flow = Flow(Plain)
        flow.to(lambda data: list(range(3_000))).for_each().to(quick).to(passing).end_for_each().to(
            lambda data: len(data.value)
        ).end()
        return await flow.async_start(1)

    assert run(factory, main) == 3_000


@EVERY
def test_events_and_answers_are_taken_while_a_step_runs(factory: Factory | None) -> None:
    async def main() -> list[Any]:
        heard: list[Any] = []

        async def long(data: Here) -> Any:
            await asyncio.sleep(100)

        async def listening(data: Here) -> None:
            heard.append((data.value, now()))

        def asking(data: Here) -> Any:
            data.pause_for("?", interrupt_id="ask")

        flow = Flow(Plain)
        behind_a_quick_branch(flow).batch().branch(long).branch(asking).end_batch().end()
        flow.when("rung").to(listening)
        execution = flow.create_execution()
        running = asyncio.create_task(execution.async_start(1))
        await asyncio.sleep(5)
        execution.emit("rung", 1)
        await asyncio.sleep(5)
        answered = asyncio.create_task(execution.async_continue_with("ask", "yes"))
        await running
        assert await answered is Status.COMPLETED
        assert execution.result == (None, "yes")
        return heard

    assert run(factory, main) == [(1, 5)]


@EVERY
def test_a_step_pauses_in_any_worker(factory: Factory | None) -> None:
    async def main() -> Any:
        async def asking(data: Here) -> Any:
            await asyncio.sleep(1)
            data.pause_for("?", interrupt_id=f"ask-{data.value}")

        flow = Flow(Plain)
        flow.to(lambda data: [1, 2, 3]).for_each().to(asking).end_for_each().end()
        execution = flow.create_execution()
        assert await execution.async_start(1) is Status.WAITING
        for number in (2, 1, 3):
            await execution.async_continue_with(f"ask-{number}", number * 10)
        return execution.result

    assert run(factory, main) == [10, 20, 30]


@EVERY
def test_a_stream_gives_items_as_they_come(factory: Factory | None) -> None:
    async def main() -> Any:
        async def putting(data: Here) -> Any:
            for item in range(3):
                data.put(item)
                await asyncio.sleep(1)

        flow = Flow(Plain)
        behind_a_quick_branch(flow).to(putting).end()
        return [(item, now()) async for item in flow.create_execution().stream(1)]

    assert run(factory, main) == [(0, 1), (1, 2), (2, 3)]


@EVERY
@pytest.mark.parametrize("waits", [True, False])
def test_a_stream_raises_a_failure(factory: Factory | None, waits: bool) -> None:
    async def main() -> list[int]:
        async def failing(data: Here) -> Any:
            data.put(1)
            if waits:
                await asyncio.sleep(1)
            raise KeyError

        flow = Flow(Plain)
        flow.to(failing).end()
        items: list[int] = []

        async def listen() -> None:
            async for item in flow.create_execution().stream(1):
                items.append(item)  # noqa: PERF401  # kept where it raises

        with pytest.raises(KeyError):
            await listen()
        return items

    assert run(factory, main) == [1]


@EVERY
def test_a_step_of_a_stream_pauses(factory: Factory | None) -> None:
    async def main() -> Status:
        async def asking(data: Here) -> Any:
            await asyncio.sleep(1)
            data.pause_for("?")

        flow = Flow(Plain)
        flow.to(asking).end()
        execution = flow.create_execution()
        assert [item async for item in execution.stream(1)] == []
        return execution.status

    assert run(factory, main) is Status.WAITING


@EVERY
def test_children_and_threads_run_side_by_side(factory: Factory | None) -> None:
    async def main() -> Any:
        child = Flow(Plain)
        child.to(slow).to(lambda data: data.value * 2, thread=True).end()
        flow = Flow(Plain)
        behind_a_quick_branch(flow).to(lambda data: [1, 2, 3]).for_each().to_sub_flow(child).end_for_each().end()
        return await flow.async_start(1), now()

    assert run(factory, main) == ([2, 4, 6], 2)


@EVERY
def test_time_outs_end_steps_and_executions(factory: Factory | None) -> None:
    async def main() -> float:
        async def long(data: Here) -> Any:
            await asyncio.sleep(100)

        flow = Flow(Plain)
        behind_a_quick_branch(flow).batch().branch(slow).branch(long, timeout=2).end_batch().end()
        with pytest.raises(TimeoutError, match="step 'long' was not over after 2 s"):
            await flow.async_start(1)
        whole = Flow(Plain)
        behind_a_quick_branch(whole).batch().branch(slow).branch(long).end_batch().end()
        with pytest.raises(TimeoutError, match="was not over after 4 s"):
            await whole.async_start(1, timeout=4)
        return now()

    assert run(factory, main) == 7


@EVERY
@pytest.mark.parametrize("waits", [True, False])
def test_a_failure_stops_the_others(factory: Factory | None, waits: bool) -> None:
    stopped: list[str] = []

    async def main() -> float:
        async def failing(data: Here) -> Any:
            if waits:
                await asyncio.sleep(1)
            raise KeyError

        async def long(data: Here) -> Any:
            try:
                await asyncio.sleep(100)
            finally:
                stopped.append("long")

        flow = Flow(Plain)
        flow.batch().branch(long).branch(failing).branch(slow).end_batch().end()
        execution = flow.create_execution()
        with pytest.raises(KeyError):
            await execution.async_start(1)
        assert execution.status is Status.FAILED
        return now()

    assert run(factory, main) == (1 if waits else 0)
    assert stopped == ["long"]


@pytest.mark.parametrize("factory", [each for each in FACTORIES.values() if each is not begun_factory])
def test_a_cancel_stops_everything(factory: Factory | None) -> None:
    async def main() -> float:
        async def long(data: Here) -> Any:
            await asyncio.sleep(100)

        flow = Flow(Plain)
        behind_a_quick_branch(flow).batch().branch(long).branch(slow).end_batch().end()
        execution = flow.create_execution()
        running = asyncio.create_task(execution.async_start(1))
        await asyncio.sleep(5)
        assert await execution.async_cancel() is Status.CANCELLED
        with suppress(asyncio.CancelledError):
            await running
        return now()

    assert run(factory, main) == 5


# -- with a store, whose saves are tasks too


@EVERY
@pytest.mark.parametrize("make", [MemoryStore, lambda: FaultyStore(random.Random(3))], ids=["memory", "slow"])
def test_every_step_is_saved(factory: Factory | None, make: Callable[[], Any]) -> None:
    async def main() -> Any:
        store = make()
        flow = Flow(Plain)
        made = behind_a_quick_branch(flow).to(lambda data: list(range(10)))
        made.for_each().to(slow).end_for_each().to(lambda data: sum(data.value)).end()
        execution = flow.create_execution(store=store, execution_id="e", checkpoint="step")
        await execution.async_start(1)
        record = await store.get("e")
        return record.status, execution.result

    assert run(factory, main) == ("completed", 45)


@EVERY
def test_a_conflict_of_a_store_that_never_waits_is_raised_once(factory: Factory | None) -> None:
    async def main() -> Status:
        store = MemoryStore()
        flow = Flow(Plain)
        flow.to(quick).end()
        await flow.create_execution(store=store, execution_id="e").async_start(1)
        second = flow.create_execution(store=store, execution_id="e")
        with pytest.raises(ConflictError):
            await second.async_start(1)
        return second.status

    assert run(factory, main) is Status.FAILED
