"""W5: N executions of five steps at once."""

from __future__ import annotations

import asyncio

from benchmarks.shared import Bare, bare_add, chain, seconds

STEPS = 5


def typedflow(size: int) -> float:
    """Return executions per second."""
    flow = chain(STEPS)

    async def work() -> list[int]:
        return await asyncio.gather(*(flow.async_start(value) for value in range(size)))

    return size / seconds(work, 9)


def floor(size: int) -> float:
    """A task of five awaits for each."""

    async def one(value: int) -> int:
        state = Bare()
        for _ in range(STEPS):
            value = await bare_add(state, value)
        return value

    async def work() -> list[int]:
        return await asyncio.gather(*(one(value) for value in range(size)))

    return size / seconds(work, 9)
