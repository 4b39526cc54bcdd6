"""G1: a save after every step that changes one int, beside a State field of so many bytes; CPU time."""

from __future__ import annotations

import asyncio
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from typedflow import Contract, Data, Flow, State
from typedflow.stores import SQLiteStore

LENGTH = 60
ROUNDS = 4
MICRO = 1e6


class Large(State):
    count: int = 0
    ballast: list[str] = []


class Counting(Contract):
    input: int
    result: int
    state: Large


_ended: list[float] = []


def add(data: Data[Counting, int]) -> int:
    data.state.count = data.value
    _ended.append(time.process_time())
    return data.value + 1


def typedflow(size: int) -> float:
    """Return µs of CPU from one step to the next, each of them stored before the next begins: the median of a chain."""
    flow: Any = Flow(Counting)
    process = flow
    for _ in range(LENGTH):
        process = process.to(add)
    process.end()

    async def measure(folder: str) -> float:
        medians = []
        async with SQLiteStore(Path(folder) / "store.db") as store:
            for _ in range(ROUNDS):
                _ended.clear()
                state = Large(ballast=["x" * 97] * (size // 100))
                await flow.create_execution(state=state, store=store, checkpoint="step").async_start(0)
                gaps = sorted(after - before for before, after in pairwise(_ended))
                medians.append(gaps[len(gaps) // 2])
        return min(medians) * MICRO

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(measure(folder))
