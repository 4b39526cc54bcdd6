"""G1: a save after every step that changes one int, beside a State field of so many bytes; CPU time.

Into SQLite, and into memory: there the floor is the same chain without a store.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

from typedflow import Contract, Data, Flow, State
from typedflow.stores import MemoryStore, SQLiteStore

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
    with tempfile.TemporaryDirectory() as folder:
        return measure(size, SQLiteStore(Path(folder) / "store.db"))


def in_memory(size: int) -> float:
    """Return the same for a MemoryStore."""
    return measure(size, MemoryStore())


def without_store(size: int) -> float:
    """Return the same where nothing is saved."""
    return measure(size, None)


def measure(size: int, store: SQLiteStore | MemoryStore | None) -> float:
    flow: Any = Flow(Counting)
    process = flow
    for _ in range(LENGTH):
        process = process.to(add)
    process.end()

    async def work() -> float:
        medians = []
        async with nullcontext() if store is None else store:
            for _ in range(ROUNDS):
                _ended.clear()
                state = Large(ballast=["x" * 97] * (size // 100))
                saved: Any = {} if store is None else {"store": store, "checkpoint": "step"}
                await flow.create_execution(state=state, **saved).async_start(0)
                gaps = sorted(after - before for before, after in pairwise(_ended))
                medians.append(gaps[len(gaps) // 2])
        return min(medians) * MICRO

    return asyncio.run(work())
