"""G6: what a step costs that reads one scalar by a path out of a large container."""

from __future__ import annotations

import msgspec

from benchmarks.shared import seconds
from typedflow import Contract, Data, Flow, State

STEPS = 20
MICRO = 1e6


class Row(msgspec.Struct):
    x: int


class Table(State):
    table: dict[str, Row] = {}


class Look(Contract):
    input: int
    result: int
    state: Table


def look(data: Data[Look, int]) -> int:
    found: int = data.state.get("table.k5.x", 0)
    return data.value + found


def typedflow(size: int) -> float:
    """Return µs per step over a dict of so many Structs."""
    flow = Flow(Look)
    process = flow.to(look)
    for _ in range(STEPS - 1):
        process = process.to(look)
    process.end()
    state = Table(table={f"k{index}": Row(index) for index in range(size)})

    async def work() -> None:
        await next(waiting).async_start(0)

    prepared = [flow.create_execution(state=state) for _ in range(10)]
    for execution in prepared:
        execution.state.get("table.k5.x")  # made now, so that the copy at the start is not counted
    waiting = iter(prepared)  # they stay alive: to free a large state is not what is measured
    return seconds(work, 9) / STEPS * MICRO
