"""W2: a loop of two nodes that emits back to itself, and what its memory does meanwhile."""

from __future__ import annotations

import asyncio
import tracemalloc

from benchmarks.shared import Bare, Work, add, bare_add, seconds
from typedflow import Data, Flow

MICRO = 1e6


def loop_of(size: int) -> Flow[Work]:
    async def again(data: Data[Work, int]) -> int:
        data.state.count = data.value
        if data.value < size:
            data.emit("again", data.value)
        else:
            data.set_result(data.value)
        return data.value

    flow = Flow(Work)
    flow.to(again)
    flow.when("again").to(add).to(again)
    return flow


def typedflow(size: int) -> float:
    """Return µs per iteration."""
    flow = loop_of(size)
    return seconds(lambda: flow.async_start(0), 3) / size * MICRO


def floor(size: int) -> float:
    """A queue that a worker takes from and puts back to."""

    async def work() -> int:
        state, queue = Bare(), asyncio.Queue[int]()
        queue.put_nowait(0)
        while True:
            value = await bare_add(state, await queue.get())
            state.count = value
            if value >= size:
                return value
            await asyncio.sleep(0)
            queue.put_nowait(value)

    return seconds(work, 3) / size * MICRO


def growth(size: int) -> float:
    """Return by how many KiB the peak of ten times as many iterations is higher."""

    def peak(iterations: int) -> int:
        flow = loop_of(iterations)
        flow.start(0)
        tracemalloc.start()
        flow.start(0)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    return max(0, peak(size) - peak(size // 10)) / 1024
