"""W4: an isolated child flow of two steps, called in a loop."""

from __future__ import annotations

from benchmarks.shared import Bare, Work, bare_add, chain, seconds
from typedflow import Data, Flow

MICRO = 1e6


def typedflow(size: int) -> float:
    """Return µs per call of the child, the step that calls it again included."""

    async def again(data: Data[Work, int]) -> int:
        if data.value < 2 * size:
            data.emit("again", data.value)
        else:
            data.set_result(data.value)
        return data.value

    flow = Flow(Work)
    flow.to(again)
    flow.when("again").to_sub_flow(chain(2)).to(again)
    return seconds(lambda: flow.async_start(0), 3) / size * MICRO


def floor(size: int) -> float:
    """Two awaits over an object of their own."""

    async def child(value: int) -> int:
        state = Bare()
        return await bare_add(state, await bare_add(state, value))

    async def work() -> int:
        value = 0
        while value < 2 * size:
            value = await child(value)
        return value

    return seconds(work, 3) / size * MICRO
