"""W6: saving and loading a whole execution, against msgspec alone on its State; a save verifies what it wrote."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import msgspec

from benchmarks.snapshot_codec import Shop, make_state
from typedflow import Contract, Data, Execution, Flow

MILLI = 1000


class Selling(Contract):
    input: int
    result: int
    state: Shop


async def ask(data: Data[Selling, int]) -> int:
    data.pause_for("go on?")


def flow_of() -> Flow[Selling]:
    flow = Flow(Selling)
    flow.to(ask).end()
    return flow


def paused(orders: int) -> Execution[Selling]:
    """Give an execution that waits, with so many orders in its state."""
    execution = flow_of().create_execution(state=make_state(orders))
    execution.start(1)
    return execution


def milliseconds(call: Callable[[], object], orders: int) -> float:
    """Give the median time of a call, after one that does not count."""
    call()
    gc.collect()
    times = []
    for _ in range(max(7, min(500, 60_000 // orders))):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return sorted(times)[len(times) // 2] * MILLI


def save(orders: int) -> float:
    """From the execution to the bytes."""
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
