"""W3: a for_each over N items, and its join."""

from __future__ import annotations

import asyncio

from benchmarks.shared import Bare, Many, add_item, bare_add, repeats_for, seconds
from typedflow import Flow

MICRO = 1e6


def typedflow(size: int) -> float:
    """Return µs per item."""
    flow = Flow(Many)
    flow.for_each().to(add_item).end_for_each().end()
    items = list(range(size))
    return seconds(lambda: flow.async_start(items), repeats_for(size)) / size * MICRO


def floor(size: int) -> float:
    """A task for each item, gathered."""
    items = list(range(size))

    async def work() -> list[int]:
        state = Bare()
        return await asyncio.gather(*(bare_add(state, item) for item in items))

    return seconds(work, repeats_for(size)) / size * MICRO
