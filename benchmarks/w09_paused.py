"""W9: what an execution weighs that waits for an answer."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc

from benchmarks.shared import Progress, Work, add
from typedflow import Data, Flow


async def ask(data: Data[Work, int]) -> int:
    data.state.count = data.value
    data.pause_for("go on?")


def typedflow(size: int) -> float:
    """Return bytes per paused execution, its state and its interrupt included."""
    flow = Flow(Work)
    flow.to(add).to(ask).end()

    async def paused(count: int) -> list[object]:
        executions = [flow.create_execution() for _ in range(count)]
        for execution in executions:
            await execution.async_start(0)
        return list(executions)

    async def measure() -> float:
        await paused(10)
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        executions = await paused(size)
        gc.collect()
        weight = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert len(executions) == size
        return weight / size

    return asyncio.run(measure())


def floor(size: int) -> float:
    """The states alone."""
    Progress()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    states = [Progress() for _ in range(size)]
    weight = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return weight / len(states)
