"""G6 and G7: what a step costs that reads a large container by attribute, or changes it in place.

Whatever was read is proven as a whole when the step ends (`typedflow.schema.proofs`): 6 ms for 100,000 Structs, where
the checks alone take 30. The floor is one msgspec encode and a loop over the classes, written by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from benchmarks.shared import seconds
from typedflow import Contract, Data, Flow, State

STEPS = 10
MICRO = 1e6


class Row(msgspec.Struct):
    x: int
    name: str
    price: float


class Shelf(State):
    items: list[Row] = []
    table: dict[str, Row] = {}


class Use(Contract):
    input: int
    result: int
    state: Shelf


def count(data: Data[Use, int]) -> int:
    return data.value + len(data.state.items)


def iterate(data: Data[Use, int]) -> int:
    for _ in data.state.items:
        pass
    return data.value


def add(data: Data[Use, int]) -> int:
    data.state.items.append(Row(data.value, "new", 1.0))
    return data.value + 1


def put(data: Data[Use, int]) -> int:
    data.state.table[f"new {data.value}"] = Row(data.value, "new", 1.0)
    return data.value + 1


def rows(size: int) -> list[Row]:
    return [Row(index, f"name {index}", index * 0.5) for index in range(size)]


def measure(handler: Callable[[Data[Use, int]], int], state: Shelf) -> float:
    flow = Flow(Use)
    process = flow.to(handler)
    for _ in range(STEPS - 1):
        process = process.to(handler)
    process.end()

    async def work() -> None:
        await next(waiting).async_start(0)

    prepared = [flow.create_execution(state=state) for _ in range(6)]
    waiting = iter(prepared)  # they stay alive: to free a large state is not what is measured
    return seconds(work, 5) / STEPS * MICRO


def length_read(size: int) -> float:
    """Return µs per step that reads `len(data.state.items)`."""
    return measure(count, Shelf(items=rows(size)))


def iteration(size: int) -> float:
    """Return µs per step that iterates over `data.state.items`."""
    return measure(iterate, Shelf(items=rows(size)))


def append(size: int) -> float:
    """Return µs per step that calls `data.state.items.append(x)`."""
    return measure(add, Shelf(items=rows(size)))


def new_key(size: int) -> float:
    """Return µs per step that sets `data.state.table[k]`."""
    return measure(put, Shelf(table={f"k{index}": row for index, row in enumerate(rows(size))}))


def are_rows(values: Any) -> bool:
    for row in values:
        if type(row) is not Row:
            return False
        if type(row.x) is not int or type(row.name) is not str or type(row.price) is not float:
            return False
    return True


def floor(size: int) -> float:
    """Return µs of one encode of the list, and the classes in it."""
    items = rows(size)

    async def work() -> None:
        assert msgspec.msgpack.encode(items)
        assert are_rows(items)

    return seconds(work, 9) * MICRO


def floor_of_table(size: int) -> float:
    """Return µs of one encode of the dict, and the classes in it."""
    table = {f"k{index}": row for index, row in enumerate(rows(size))}

    async def work() -> None:
        assert msgspec.msgpack.encode(table)
        assert set(map(type, table)) == {str}
        assert are_rows(table.values())

    return seconds(work, 9) * MICRO
