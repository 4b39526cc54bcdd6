"""G3: a for_each over items of 1 ms, ten at a time, saved into SQLite after every step; CPU time per item."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from benchmarks.shared import Many
from typedflow import Data, Flow
from typedflow.stores import SQLiteStore

MICRO = 1e6


async def wait(data: Data[Many, int]) -> int:
    await asyncio.sleep(0.001)
    return data.value + 1


def typedflow(size: int) -> float:
    """Return µs of CPU per item."""
    flow = Flow(Many)
    flow.for_each(concurrency=10).to(wait).end_for_each().end()

    async def measure(folder: str) -> float:
        async with SQLiteStore(Path(folder) / "store.db") as store:
            execution = flow.create_execution(store=store, checkpoint="step")
            begin = time.process_time()
            await execution.async_start(list(range(size)))
            return (time.process_time() - begin) / size * MICRO

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(measure(folder))
