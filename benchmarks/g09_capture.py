"""G9: what it costs to capture 1 MB of Structs into the state of a child flow, and to pass it on as its input.

A list is copied once and checked; a tuple of frozen Structs is shared, at no cost that grows with it. The floor is an
encode and a decode of the list by msgspec.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec

from typedflow import Contract, Data, Flow, State

MILLI = 1e3
REPEATS = 9


class Row(msgspec.Struct):
    x: int
    name: str
    price: float


class Frozen(msgspec.Struct, frozen=True):
    x: int
    name: str
    price: float


class Rows(State):
    rows: list[Row] = []


class Shared(State):
    rows: tuple[Frozen, ...] = ()


class Changeable(Contract):
    input: int
    result: int
    state: Rows


class Unchangeable(Contract):
    input: int
    result: int
    state: Shared


class Taking(Contract):
    input: list[Row]
    result: int


def same(data: Data[Any, int]) -> int:
    return data.value


def one(data: Data[Taking, list[Row]]) -> int:
    return 1


def into_state(contract: type[Changeable] | type[Unchangeable]) -> Flow[Any]:
    child: Flow[Any] = Flow(contract)
    child.to(same).end()
    flow: Flow[Any] = Flow(contract)
    capture: Any = {"input": "value", "state": {"rows": "state.rows"}}
    flow.to(same).to_sub_flow(child, capture=capture, write_back={"value": "result"}).end()
    return flow


def measure(flow: Flow[Any], state: State, empty: State) -> float:
    """Return ms of CPU of a run with one capture, less those of a run over an empty state."""

    async def work(given: State) -> float:
        times = []
        for execution in [flow.create_execution(state=given) for _ in range(REPEATS)]:
            begin = time.process_time()
            await execution.async_start(1)
            times.append(time.process_time() - begin)
        return sorted(times)[REPEATS // 2] * MILLI

    asyncio.run(work(empty))
    return max(0.0, asyncio.run(work(state)) - asyncio.run(work(empty)))


def rows(size: int) -> list[Row]:
    return [Row(index, f"name {index}", index * 0.5) for index in range(size)]


def changeable(size: int) -> float:
    """Return ms per capture of a list of so many Structs into the child's state."""
    return measure(into_state(Changeable), Rows(rows=rows(size)), Rows())


def frozen(size: int) -> float:
    """Return ms per capture of a tuple of so many frozen Structs."""
    shared = tuple(Frozen(index, f"name {index}", index * 0.5) for index in range(size))
    return measure(into_state(Unchangeable), Shared(rows=shared), Shared())


def as_input(size: int) -> float:
    """Return ms per capture of a list as the input of the child."""
    child = Flow(Taking)
    child.to(one).end()
    flow = Flow(Changeable)
    flow.to(same).to_sub_flow(child, capture={"input": "state.rows"}, write_back={"value": "result"}).end()
    return measure(flow, Rows(rows=rows(size)), Rows())


def floor(size: int) -> float:
    """Return ms of an encode and a decode by msgspec."""
    given = rows(size)
    decode = msgspec.msgpack.Decoder(list[Row]).decode
    times = []
    for _ in range(REPEATS):
        begin = time.process_time()
        decode(msgspec.msgpack.encode(given))
        times.append(time.process_time() - begin)
    return sorted(times)[REPEATS // 2] * MILLI
