"""Steps that never wait, and the others on their loop."""

from __future__ import annotations

import asyncio
import time

import pytest

from typedflow import Contract, Data, Flow
from typedflow.execution.checkpointer import MAXIMUM_BLOCKING_TIME
from typedflow.execution.driver import CLOCK_CHECK_INTERVAL, YIELD_INTERVAL


class Numbers(Contract):
    input: int
    result: int


def counting(length: int, seconds: float) -> tuple[Flow[Numbers], list[int]]:
    """Return a chain of synchronous steps that take so long each, and the list that they fill."""
    taken: list[int] = []

    def work(data: Data[Numbers, int]) -> int:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass
        taken.append(data.value)
        return data.value + 1

    flow = Flow(Numbers)
    chain = flow.to(work)
    for _ in range(length - 1):
        chain = chain.to(work)
    chain.end()
    return flow, taken


async def test_slow_steps_let_a_timeout_come_soon() -> None:
    flow, taken = counting(YIELD_INTERVAL, MAXIMUM_BLOCKING_TIME)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(MAXIMUM_BLOCKING_TIME):
            await flow.async_start(0)
    assert len(taken) < 2 * CLOCK_CHECK_INTERVAL


async def test_quick_steps_let_the_loop_turn_after_some_of_them() -> None:
    flow, taken = counting(3 * YIELD_INTERVAL, 0)
    seen: list[int] = []

    async def look() -> None:
        seen.append(len(taken))

    running = asyncio.ensure_future(flow.async_start(0))
    await asyncio.sleep(0)
    await look()
    await running
    assert 0 < seen[0] <= YIELD_INTERVAL
