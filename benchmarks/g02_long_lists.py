"""G2: a step that appends one item to a list of 5 MB in the state, saved into SQLite when it ends; CPU time.

The floor of an append by attribute is one msgspec encode of the list and a loop over the classes in it, as of G7: what
was read may have changed anywhere. An append by path is checked and saved without a look at the rest of the list.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import msgspec

from benchmarks.g07_containers import Row, Shelf, Use, are_rows, rows
from typedflow import Data, Flow
from typedflow.stores import SQLiteStore

LENGTH = 30
MICRO = 1e6

_ended: list[float] = []


def append_by_path(data: Data[Use, int]) -> int:
    data.state.append("items", Row(data.value, "new", 1.0))
    _ended.append(time.process_time())
    return data.value + 1


def append_by_attribute(data: Data[Use, int]) -> int:
    data.state.items.append(Row(data.value, "new", 1.0))
    _ended.append(time.process_time())
    return data.value + 1


def measure(handler: Callable[[Data[Use, int]], int], size: int) -> float:
    """Return µs of CPU from one step to the next, each of them stored before the next begins: the median of a chain."""
    flow = Flow(Use)
    process = flow.to(handler)
    for _ in range(LENGTH - 1):
        process = process.to(handler)
    process.end()

    async def work(folder: str) -> float:
        async with SQLiteStore(Path(folder) / "store.db") as store:
            _ended.clear()
            execution = flow.create_execution(state=Shelf(items=rows(size)), store=store, checkpoint="step")
            await execution.async_start(0)
        gaps = sorted(after - before for before, after in pairwise(_ended))
        return gaps[len(gaps) // 2] * MICRO

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(work(folder))


def by_path(size: int) -> float:
    """Return µs per saved step that calls `data.state.append("items", x)`."""
    return measure(append_by_path, size)


def by_attribute(size: int) -> float:
    """Return µs per saved step that calls `data.state.items.append(x)`."""
    return measure(append_by_attribute, size)


def floor(size: int) -> float:
    """Return µs of CPU of one encode of the list, and the classes in it."""
    items, times = rows(size), []
    for _ in range(9):
        begin = time.process_time()
        assert msgspec.msgpack.encode(items)
        assert are_rows(items)
        times.append(time.process_time() - begin)
    return sorted(times)[len(times) // 2] * MICRO
