"""What the workloads share: the contract, the handlers, and how a run is timed."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from typing import Any

from typedflow import Contract, Data, Events, Flow, State


class Progress(State):
    count: int = 0
    ballast: list[str] = []


class Turns(Events):
    again: int


class Work(Contract):
    input: int
    result: int
    state: Progress
    events: Turns


class Many(Contract):
    input: list[int]
    result: list[int]
    state: Progress


async def add(data: Data[Work, int]) -> int:
    """Add one, and write one field of the state: the trivial work of every step here."""
    data.state.count = data.value
    return data.value + 1


async def add_item(data: Data[Many, int]) -> int:
    data.state.count = data.value
    return data.value + 1


class Bare:
    """What stands for the state where typedflow is left out."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


async def bare_add(state: Bare, value: int) -> int:
    state.count = value
    return value + 1


def chain(length: int) -> Flow[Work]:
    """Return a flow of so many steps."""
    flow = Flow(Work)
    process = flow.to(add)
    for _ in range(length - 1):
        process = process.to(add)
    process.end()
    return flow


def seconds(work: Callable[[], Awaitable[Any]], repeats: int) -> float:
    """Return the median time of one call, after one that does not count."""

    async def measure() -> float:
        await work()
        gc.collect()
        times = []
        for _ in range(repeats):
            begin = time.perf_counter()
            await work()
            times.append(time.perf_counter() - begin)
        return sorted(times)[len(times) // 2]

    return asyncio.run(measure())


def repeats_for(size: int) -> int:
    """Return how often to repeat, so that every size takes about as long."""
    return max(3, min(30, 20_000 // max(size, 1)))
