"""One Flow used by several threads at once, each with executions of its own."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from typedflow import Contract, Data, Flow, FlowState, State

THREADS = 8
FLOWS = 20


class Item(State):
    seen: list[int] = []


class Totals(FlowState):
    runs: int = 0


class Outer(Contract):
    input: list[int]
    result: int
    state: Item
    flow_state: Totals


class Inner(Contract):
    input: int
    result: int
    state: Item


@pytest.fixture(autouse=True)
def switching_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def double(data: Data[Inner, int]) -> int:
    data.state.seen.append(data.value)
    return data.value * 2


def add(data: Data[Outer, list[int]]) -> int:
    data.state.seen.extend(data.value)
    data.update_flow_state(lambda totals: setattr(totals, "runs", totals.runs + 1))
    return sum(data.value)


def made() -> Flow[Outer]:
    """Make a flow that was not started yet: the first call checks and compiles it."""
    children: list[Flow[Any]] = []
    for depth in range(5):
        child: Flow[Any] = Flow(Inner, name=f"inner {depth}")
        child.to(double).end()
        children.append(child)
    flow = Flow(Outer)
    chain: Any = flow.for_each()
    for child in children:
        chain = chain.to_sub_flow(child)
    chain.end_for_each().to(add).end()
    return flow


def test_threads_start_a_flow_at_once_that_none_has_started_before() -> None:
    for _ in range(FLOWS):
        flow = made()
        ready = threading.Barrier(THREADS)

        def run(number: int, flow: Flow[Outer] = flow, ready: threading.Barrier = ready) -> int:
            ready.wait()
            return flow.start([number, 1])

        with ThreadPoolExecutor(THREADS) as pool:
            assert list(pool.map(run, range(THREADS))) == [32 * (number + 1) for number in range(THREADS)]
        assert flow.flow_state.runs == THREADS


def test_threads_write_to_a_layer_at_once_that_none_has_used_before() -> None:
    for _ in range(FLOWS):

        class Fresh(State):
            a: int = 0
            b: list[int] = []
            c: str = ""

        ready = threading.Barrier(THREADS)

        def write(number: int, cls: type[Any] = Fresh, ready: threading.Barrier = ready) -> tuple[Any, ...]:
            state = cls()
            ready.wait()
            state.c = str(number)
            state.b = [number]
            state.a = number
            return state.a, state.b, state.c

        with ThreadPoolExecutor(THREADS) as pool:
            assert list(pool.map(write, range(THREADS))) == [(n, [n], str(n)) for n in range(THREADS)]
