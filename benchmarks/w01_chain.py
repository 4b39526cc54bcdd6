"""W1: a chain of N steps, and what it costs to build one."""

from __future__ import annotations

import gc
import time

from benchmarks.shared import Bare, bare_add, chain, repeats_for, seconds

MICRO = 1e6


def typedflow(size: int) -> float:
    """Return µs per step."""
    flow = chain(size)
    return seconds(lambda: flow.async_start(0), repeats_for(size)) / size * MICRO


def floor(size: int) -> float:
    async def work() -> int:
        state, value = Bare(), 0
        for _ in range(size):
            value = await bare_add(state, value)
        return value

    return seconds(work, repeats_for(size)) / size * MICRO


def build(size: int) -> float:
    """Return µs per node: the builder's calls, the validation and the plan."""
    times = []
    for _ in range(3):
        gc.collect()
        begin = time.perf_counter()
        chain(size).create_execution()
        times.append(time.perf_counter() - begin)
    return sorted(times)[1] / size * MICRO
