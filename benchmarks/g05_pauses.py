"""G5 and G4: what a pause costs where thousands are pending in one run, and what an answer costs.

Plain, in the items of a for_each, and in a child flow for each item. Each must cost the same at any number.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from pathlib import Path
from typing import Any

from typedflow import Contract, Data, Flow
from typedflow.stores import SQLiteStore

MICRO = 1e6


class Many(Contract):
    input: list[int]
    result: list[int]


class One(Contract):
    input: int
    result: int


def ask(data: Data[Any, int]) -> int:
    data.pause_for({"item": data.value})


def plain_flow() -> Flow[Many]:
    flow = Flow(Many)
    flow.for_each().to(ask).end_for_each().end()
    return flow


def child_flow() -> Flow[Many]:
    child = Flow(One)
    child.to(ask).end()
    flow = Flow(Many)
    process = flow.for_each().to_sub_flow(child, capture={"input": "value"}, write_back={"value": "result"})
    process.end_for_each().end()
    return flow


def measure(flow: Flow[Many], size: int) -> tuple[float, float]:
    """Return µs of CPU per pause and per answer."""

    async def work() -> tuple[float, float]:
        execution = flow.create_execution()
        begin = time.process_time()
        await execution.async_start(list(range(size)))
        paused = time.process_time()
        interrupts = list(execution.interrupts)
        asked = time.process_time()
        for interrupt in interrupts:
            await execution.async_continue_with(interrupt, 1)
        return (paused - begin) / size * MICRO, (time.process_time() - asked) / size * MICRO

    asyncio.run(work())
    gc.collect()
    return asyncio.run(work())


def pauses(size: int) -> float:
    """Return µs per pause in the items of a for_each."""
    return measure(plain_flow(), size)[0]


def answers(size: int) -> float:
    """Return µs per answer to one of them."""
    return measure(plain_flow(), size)[1]


def pauses_in_children(size: int) -> float:
    """Return µs per child flow that pauses."""
    return measure(child_flow(), size)[0]


def answers_in_children(size: int) -> float:
    """Return µs per answer to one of them."""
    return measure(child_flow(), size)[1]


ANSWERED = 300
"""Answers that are timed where each of them is saved."""


def saved_answers(size: int) -> float:
    """Return µs of CPU per answer to one of them, each saved into SQLite twice: when it is taken, and at the end."""
    return measure_saved(plain_flow(), size)


def saved_answers_in_children(size: int) -> float:
    """Return µs of CPU per answer to a child, each saved three times: its end is saved as well."""
    return measure_saved(child_flow(), size)


def measure_saved(flow: Flow[Many], size: int) -> float:
    async def work(folder: str) -> float:
        async with SQLiteStore(Path(folder) / "store.db") as store:
            execution = flow.create_execution(store=store, checkpoint="step")
            await execution.async_start(list(range(size)))
            interrupts = list(execution.interrupts)[:ANSWERED]
            begin = time.process_time()
            for interrupt in interrupts:
                await execution.async_continue_with(interrupt, 1)
            return (time.process_time() - begin) / len(interrupts) * MICRO

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(work(folder))
