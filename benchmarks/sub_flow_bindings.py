"""What one binding of a child flow costs: `python -m benchmarks.sub_flow_bindings`.

A child is called in a loop with no bindings of a kind, and with twelve; the difference, per binding, is the cost. The
target is 3 µs for a scalar, each way.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any, Final

import msgspec

from benchmarks.shared import seconds
from typedflow import Contract, Data, Events, Flow, FlowState, State

CALLS: Final = 1000
ROUNDS: Final = 5
NAMES: Final = tuple("abcdefghijkl")
"""One field for each binding."""


class Scalars(msgspec.Struct):
    a: int = 0
    b: str = ""
    c: float = 0.0
    d: int = 0
    e: str = ""
    f: float = 0.0
    g: int = 0
    h: str = ""
    i: float = 0.0
    j: int = 0
    k: str = ""
    l: float = 0.0  # noqa: E741  # the twelfth


class Inner(msgspec.Struct):
    scalars: Scalars = msgspec.field(default_factory=Scalars)


class Layer(State):
    a: int = 0
    b: str = ""
    c: float = 0.0
    d: int = 0
    e: str = ""
    f: float = 0.0
    g: int = 0
    h: str = ""
    i: float = 0.0
    j: int = 0
    k: str = ""
    l: float = 0.0  # noqa: E741  # the twelfth
    inner: Inner = msgspec.field(default_factory=Inner)


class Counts(FlowState):
    n: int = 0


class Again(Events):
    again: int


class Parent(Contract):
    input: int
    result: int
    state: Layer
    flow_state: Counts
    events: Again


class Child(Contract):
    input: Any
    result: Scalars
    state: Layer


async def give(data: Data[Child, Any]) -> Scalars:
    return Scalars()


def per_call(capture: Mapping[str, Any], write_back: Mapping[str, Any]) -> float:
    """Return the seconds of one call of a child with these mappings."""
    child = Flow(Child)
    child.to(give).end()
    left = 0

    async def again(data: Data[Parent, int]) -> int:
        nonlocal left
        left -= 1
        if left:
            data.emit("again", left)
        else:
            data.set_result(0)
        return data.value

    flow = Flow(Parent)
    flow.to(again)
    behind: Any = flow.when("again")
    behind.to_sub_flow(child, capture=capture, write_back=write_back).to(again)

    async def work() -> None:
        nonlocal left
        left = CALLS
        await flow.async_start(0)

    return seconds(work, 3) / CALLS


KINDS: Final[Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]] = {
    "nothing": ({}, {}),
    "capture into the state": ({"state": {name: f"state.{name}" for name in NAMES}}, {}),
    "capture into the state, nested source": (
        {"state": {name: f"state.inner.scalars.{name}" for name in NAMES}},
        {},
    ),
    "capture into a nested default": ({"state": {f"inner.scalars.{name}": f"state.{name}" for name in NAMES}}, {}),
    "write_back to the state": ({}, {"state": {name: f"result.{name}" for name in NAMES}}),
    "write_back below one field": ({}, {"state": {f"inner.scalars.{name}": f"result.{name}" for name in NAMES}}),
}


def main() -> None:
    """Measure all kinds in turns, and print the medians."""
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(ROUNDS):
        for kind, mappings in KINDS.items():
            times[kind].append(per_call(*mappings))
    base = median(times["nothing"])
    print(f"{'a child of one step':40} {base * 1e6:7.1f} µs per call")
    for kind, found in times.items():
        if kind != "nothing":
            each = [(time - base) / len(NAMES) * 1e6 for time in found]
            print(f"{kind:40} {median(each):7.2f} µs per binding ({min(each):.2f}-{max(each):.2f})")


if __name__ == "__main__":
    main()
