"""W6: saving and loading a whole execution, against msgspec alone on its State; a save verifies what it wrote."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import msgspec

from benchmarks.snapshot_codec import Shop, make_state
from typedflow import Contract, Data, Events, Execution, Flow

MILLI = 1000


class Changes(Events):
    again: int


class Selling(Contract):
    input: int
    result: int
    state: Shop
    events: Changes


async def ask(data: Data[Selling, int]) -> int:
    data.pause_for("go on?")


async def change(data: Data[Selling, int]) -> None:
    data.state.orders[0].lines[0].count += 1
    data.pause_for("go on?", resume_event="again")


def flow_of() -> Flow[Selling]:
    flow = Flow(Selling)
    flow.to(ask).end()
    return flow


def paused(orders: int) -> Execution[Selling]:
    """Return an execution that waits, with so many orders in its state."""
    execution = flow_of().create_execution(state=make_state(orders))
    execution.start(1)
    return execution


def milliseconds(call: Callable[[], object], orders: int) -> float:
    """Return the median time of a call, after one that does not count."""
    call()
    gc.collect()
    times = []
    for _ in range(max(7, min(500, 60_000 // orders))):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return sorted(times)[len(times) // 2] * MILLI


def save(orders: int) -> float:
    """From the execution to the bytes, after a step has changed something inside of what is large in the state."""
    flow = Flow(Selling)
    flow.to(change)
    flow.when("again").to(change)
    execution = flow.create_execution(state=make_state(orders))
    execution.start(1)
    times = []
    for _ in range(max(7, min(500, 60_000 // orders))):
        execution.continue_with(next(iter(execution.interrupts)), 1)
        begin = time.perf_counter()
        execution.save().to_bytes()
        times.append(time.perf_counter() - begin)
    return sorted(times)[len(times) // 2] * MILLI


def save_again(orders: int) -> float:
    """From the execution to the bytes, where no step has read a container since the last save."""
    execution = paused(orders)
    return milliseconds(lambda: execution.save().to_bytes(), orders)


def load(orders: int) -> float:
    """From the bytes to an execution that can go on."""
    data, flow = paused(orders).save().to_bytes(), flow_of()
    return milliseconds(lambda: flow.create_execution().load(data, max_bytes=len(data)), orders)


def raw_save(orders: int) -> float:
    """Encode the State, and decode what was encoded."""
    state, encoder, decoder = make_state(orders), msgspec.json.Encoder(), msgspec.json.Decoder(Shop)
    return milliseconds(lambda: decoder.decode(encoder.encode(state)), orders)


def raw_load(orders: int) -> float:
    """Decode the State."""
    data, decoder = msgspec.json.encode(make_state(orders)), msgspec.json.Decoder(Shop)
    return milliseconds(lambda: decoder.decode(data), orders)
