"""B33: steps in threads, which are not waited for once they are cancelled or late."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import pytest

from tests.execution.running import Here, Plain, outcome, run
from typedflow import Contract, Data, FinishedError, Flow, Retry, State, Status


class Boom(Exception):
    """What handlers raise here."""


def test_b33_a_thread_keeps_the_loop_free() -> None:
    released = threading.Event()
    threads: list[threading.Thread] = []

    def blocking(data: Here) -> Any:
        threads.append(threading.current_thread())
        assert released.wait(5)
        return data.value

    async def releasing(data: Here) -> Any:
        released.set()
        return data.value

    flow = Flow(Plain)
    flow.batch().branch(blocking, thread=True).branch(releasing).end_batch().end()
    assert run(flow.async_start(1)) == (1, 1)
    assert threads[0] is not threading.current_thread()
    assert threads[0].daemon


def test_b33_a_step_in_a_thread_writes_state_and_fails_like_any_other() -> None:
    def step(data: Here) -> Any:
        data.state.topic = "written"
        data.emit("rung", 1)
        if data.attempt == 1:
            raise Boom
        return data.value

    heard: list[int] = []
    flow = Flow(Plain)
    flow.to(step, thread=True, retry=Retry(2)).end()
    flow.when("rung").to(lambda data: heard.append(data.value))
    execution = flow.create_execution()
    run(execution.async_start(1))
    assert (execution.result, execution.state.topic, heard) == (1, "written", [1])


def test_b33_a_thread_is_not_awaited_and_its_data_is_revoked() -> None:
    released, over = threading.Event(), threading.Event()
    refused: list[Exception] = []

    def stuck(data: Here) -> Any:
        assert released.wait(5)
        late_calls: list[Callable[[], object]] = [
            lambda: data.emit("rung", 1),
            lambda: data.set_result(1),
            lambda: data.set_resource("tool", 1),
            lambda: data.del_resource("tool"),
            lambda: setattr(data.state, "topic", "late"),
        ]
        for late in late_calls:
            try:
                late()
            except FinishedError as error:
                refused.append(error)
        over.set()
        return "dropped"

    flow = Flow(Plain)
    flow.to(stuck, thread=True, timeout=0.1).end()
    execution = flow.create_execution()
    with pytest.raises(TimeoutError):
        run(execution.async_start(1))
    released.set()
    assert over.wait(5)
    assert execution.state.topic == ""
    texts = [str(error).partition(": ")[2].partition(" can")[0] for error in refused]
    assert texts == [
        "step 'stuck' is over: emit",
        "step 'stuck' is over: set_result",
        "step 'stuck' is over: set_resource",
        "step 'stuck' is over: del_resource",
        "step 'stuck' of flow 'Plain' is over: write to 'topic' of state",
    ]


def test_b33_what_a_late_thread_returns_or_puts_is_dropped() -> None:
    released = threading.Event()
    threads: list[threading.Thread] = []

    def stuck(data: Here) -> str:
        threads.append(threading.current_thread())
        assert released.wait(5)
        data.put(1)
        return "late"

    async def fast(data: Here) -> str:
        return "in time"

    flow = Flow(Plain)
    flow.to(stuck, thread=True, timeout=0.1).end()
    quick = Flow(Plain)
    quick.to(fast).end()

    async def main() -> None:
        execution = flow.create_execution()
        with pytest.raises(TimeoutError):
            await execution.async_start(1)
        released.set()
        threads[0].join(5)
        assert await quick.async_start(1) == "in time"
        await asyncio.sleep(1)
        assert execution.status is Status.FAILED
        assert len(execution.errors) == 1

    run(main())


def test_b35_items_of_a_thread_are_handed_on_while_the_thread_still_works() -> None:
    taken = threading.Semaphore(0)

    def put(data: Here) -> bool:
        for item in range(20):
            data.put(item)
            if not taken.acquire(timeout=10):
                return False
        return True

    flow = Flow(Plain)
    flow.to(put, thread=True).end()
    execution = flow.create_execution()

    async def main() -> None:
        async for _ in execution.stream(1):
            taken.release()

    run(main())
    assert execution.result is True


def test_b33_a_thread_may_raise_anything() -> None:
    def stop(data: Here) -> Any:
        raise StopIteration(5)

    flow = Flow(Plain)
    flow.to(stop, thread=True).end()
    with pytest.raises(RuntimeError, match="'stop' raised StopIteration"):
        outcome(flow, 1)


def test_b33_a_thread_that_outlives_its_loop_ends_quietly() -> None:
    released, over = threading.Event(), threading.Event()

    def stuck(data: Here) -> Any:
        assert released.wait(5)
        return None

    def watch(thread: threading.Thread) -> None:
        thread.join(5)
        over.set()

    flow = Flow(Plain)
    flow.to(stuck, thread=True).end()
    before = set(threading.enumerate())
    with pytest.raises(TimeoutError):
        flow.start(1, timeout=0.02)
    (thread,) = set(threading.enumerate()) - before
    released.set()
    watch(thread)
    assert over.is_set()
    assert not thread.is_alive()


class Lists(State):
    a: list[int] = []
    b: list[int] = []
    c: list[int] = []
    d: list[int] = []


class Reading(Contract):
    input: int
    result: Any
    state: Lists


@contextmanager
def stirred() -> Iterator[None]:
    """Run the other threads before each instruction of this package that this thread comes to."""

    def stir(frame: FrameType, event: str, arg: object) -> Any:
        if not frame.f_globals.get("__name__", "").startswith("typedflow."):
            return None
        frame.f_trace_opcodes = True
        time.sleep(0)
        return stir

    before = sys.gettrace()
    sys.settrace(stir)
    try:
        yield
    finally:
        sys.settrace(before)


def read_all(data: Data[Reading, int]) -> int:
    with stirred():
        return len([*data.state.a, *data.state.b, *data.state.c, *data.state.d])


def test_steps_in_threads_read_the_state_at_once() -> None:
    start = threading.Barrier(4)

    async def four(data: Data[Reading, int]) -> list[int]:
        return [1, 2, 3, 4]

    def read(data: Data[Reading, int]) -> int:
        start.wait(5)
        return read_all(data)

    flow = Flow(Reading)
    flow.to(four).for_each().to(read, thread=True).end_for_each().end()
    execution = flow.create_execution()
    run(execution.async_start(1))
    assert execution.result == [0, 0, 0, 0]
    assert not execution._runtime.lent


def test_a_thread_that_is_left_behind_may_be_reading_as_its_step_ends() -> None:
    async def main() -> None:
        for tenths in range(2, 42, 4):
            flow = Flow(Reading)
            flow.to(read_all, thread=True, timeout=tenths / 10_000).end()
            execution = flow.create_execution()
            with stirred(), suppress(TimeoutError):
                await execution.async_start(1)

    asyncio.run(main())
