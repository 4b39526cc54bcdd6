"""What the tests of running share: contracts, a loop whose time costs nothing, and handlers in both styles."""

from __future__ import annotations

import asyncio
import functools
import selectors
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import msgspec
import pytest

from typedflow import Contract, Data, Events, Flow, FlowState, Resources, State
from typedflow.schema.writing import current_step

T = TypeVar("T")


class Request(msgspec.Struct):
    topic: str = ""


class Notes(State):
    request: Request | None = None
    seen: list[int] = []
    topic: str = ""


class Counters(FlowState):
    runs: int = 0


class Bells(Events):
    rung: int
    knocked: int


class Tools(Resources):
    tool: object | None = None


class Plain(Contract):
    """Every layer, and values of any type."""

    input: Any
    result: Any
    state: Notes
    flow_state: Counters
    resources: Tools
    events: Bells
    stream: int


Here = Data[Plain, Any]


def double(data: Here) -> Any:
    return data.value * 2


def passing(data: Here) -> Any:
    return data.value


# -- both styles


def as_sync(handler: Callable[[Any], Any]) -> Any:
    return handler


def as_async(handler: Callable[[Any], Any]) -> Any:
    """Return a coroutine function that lets the loop run before it does the same."""

    @functools.wraps(handler)
    async def wrapped(data: Any) -> Any:
        await asyncio.sleep(0)
        return handler(data)

    return wrapped


both = pytest.mark.parametrize("style", [as_sync, as_async], ids=["sync", "async"])
Style = Callable[[Callable[[Any], Any]], Any]


# -- time


class _VirtualSelector(selectors.DefaultSelector):
    """Where nothing is ready, let the time pass that would be waited for."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:  # only a thread can end this wait
            return super().select(None)
        ready = super().select(0)
        if not ready:
            self.now += max(timeout, 0)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer: nothing is waited for, and the order of timers is exact."""

    def __init__(self) -> None:
        self.virtual = _VirtualSelector()
        super().__init__(self.virtual)

    def time(self) -> float:
        return self.virtual.now


def now() -> float:
    return round(asyncio.get_running_loop().time(), 6)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a test's coroutine in virtual time; it must leave neither a task nor a step in progress behind."""

    async def watched() -> T:
        try:
            return await main
        finally:
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"left behind: {left}"
            assert current_step.get() is None

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(watched())


def outcome(flow: Flow[Any], value: Any = None, **options: Any) -> Any:
    """Run a flow to its result in virtual time."""
    return run(flow.async_start(value, **options))


class Gauge:
    """Count how many handlers run at once, and keep what they did in order."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.log: list[Any] = []

    async def hold(self, seconds: float = 1) -> None:
        """Be inside for a while."""
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.inside -= 1

    def holding(self, name: str, seconds: float = 1) -> Any:
        """Return a handler that is inside for a while, and returns its value."""

        async def handler(data: Here) -> Any:
            await self.hold(seconds)
            self.log.append(name)
            return data.value

        handler.__name__ = name
        return handler


class Calls:
    """Count the functions that are called inside of a `with` block: the cost of the work, on any machine."""

    def __init__(self) -> None:
        self.count = 0
        self._before: Any = None

    def __enter__(self) -> Calls:
        self._before = sys.getprofile()
        sys.setprofile(self._note)
        return self

    def __exit__(self, *error: object) -> None:
        sys.setprofile(self._before)

    def _note(self, frame: object, event: str, arg: object) -> None:
        self.count += event in ("call", "c_call")


async def calls_of(work: Awaitable[object]) -> int:
    """Count the functions that some work calls."""
    with Calls() as calls:
        await work
    return calls.count
