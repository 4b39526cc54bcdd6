"""Where a plain function is taken, one that would have to be awaited is refused, and nothing has changed."""

from __future__ import annotations

import asyncio
import functools
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.execution.running import Counters, Here, Plain, outcome, run
from typedflow import Contract, ContractError, Flow, SnapshotError, State
from typedflow.errors import StoreError
from typedflow.stores import FlowStateChange, SQLiteStore, StoredSnapshot


async def count(counters: Counters) -> None:
    counters.runs += 1


def counting(counters: Counters) -> Any:
    counters.runs += 1
    yield counters


async def counting_async(counters: Counters) -> Any:
    counters.runs += 1
    yield counters


class Counting:
    async def __call__(self, counters: Counters) -> None:
        counters.runs += 1

    async def method(self, counters: Counters) -> None:
        counters.runs += 1


def as_task(counters: Counters) -> Any:
    counters.runs += 1
    return asyncio.ensure_future(asyncio.sleep(100))


CHANGES: dict[str, tuple[Any, str]] = {
    "coroutine": (count, "a coroutine function"),
    "partial": (functools.partial(count), "a coroutine function"),
    "object": (Counting(), "a coroutine function"),
    "method": (Counting().method, "a coroutine function"),
    "generator": (counting, "a generator function"),
    "async generator": (counting_async, "an async generator function"),
    "lambda": (lambda counters: count(counters), "one that returned <coroutine object count at"),
    "lambda of a generator": (lambda counters: counting(counters), "one that returned <generator object counting at"),
    "nothing": (None, "None"),
    "number": (5, "5 (int)"),
}
EVERY = pytest.mark.parametrize("change, given", CHANGES.values(), ids=CHANGES)
TEXT = "TF825: flow 'Plain': update_flow_state() takes a plain function, which has done its work when it returns, not "


@pytest.fixture(autouse=True)
def _nothing_is_left_unawaited() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@EVERY
def test_a_flow_refuses_it(change: Any, given: str) -> None:
    flow = Flow(Plain)
    with pytest.raises(ContractError) as refused:
        flow.update_flow_state(change)
    assert str(refused.value).startswith(TEXT + given)
    assert flow.flow_state.runs == 0


@EVERY
def test_a_step_refuses_it(change: Any, given: str) -> None:
    def step(data: Here) -> str:
        with pytest.raises(ContractError) as refused:
            data.update_flow_state(change)
        return str(refused.value)

    flow = Flow(Plain)
    flow.to(step).end()
    assert outcome(flow, 1).startswith(TEXT + given)
    assert flow.flow_state.runs == 0


def test_a_task_that_it_returns_is_cancelled() -> None:
    tasks: list[Any] = []

    def kept(counters: Counters) -> Any:
        tasks.append(as_task(counters))
        return tasks[0]

    async def step(data: Here) -> None:
        with pytest.raises(ContractError, match="TF825"):
            data.update_flow_state(kept)
        await asyncio.wait(tasks)

    flow = Flow(Plain)
    flow.to(step).end()
    outcome(flow, 1)
    assert tasks[0].cancelled()
    assert flow.flow_state.runs == 0


def test_a_function_may_return_what_it_likes() -> None:
    flow = Flow(Plain)
    flow.update_flow_state(lambda counters: setattr(counters, "runs", 3) or [1])  # type: ignore[func-returns-value]
    assert flow.flow_state.runs == 3


# -- migrations


class Kept(State):
    number: int = 0


@pytest.mark.parametrize("make", [count, counting, counting_async, Counting(), functools.partial(count)])
def test_a_migration_is_a_plain_function(make: Any) -> None:
    class Moved(Contract, version=2):
        input: int
        result: int
        state: Kept

    with pytest.raises(ContractError, match=r"^TF918: .* it is an? (coroutine|async generator|generator) function"):
        Moved.migrate(1)(make)
    assert not Moved.__typedflow_migrations__


@pytest.mark.parametrize("returned", [count, counting])
def test_a_migration_that_returns_a_coroutine_fails(returned: Callable[[Any], Any]) -> None:
    def older() -> bytes:
        class Moved(Contract):
            input: int
            result: int
            state: Kept

        flow: Flow[Any] = Flow(Moved)
        flow.to(ask).end()
        execution = flow.create_execution()
        run(execution.async_start(1))
        return execution.save().to_bytes()

    class Moved(Contract, version=2):
        input: int
        result: int
        state: Kept

    Moved.migrate(1)(lambda layers: returned(layers))
    flow: Flow[Any] = Flow(Moved)
    flow.to(ask).end()
    with pytest.raises(SnapshotError, match=r"^TF919: .* not the saved layers"):
        flow.create_execution().load(older())


def ask(data: Any) -> int:
    data.pause_for("?", interrupt_id="ask")
    return 1


# -- what a store replays


@pytest.mark.parametrize("replay", [lambda stored: count(stored), lambda stored: 5, lambda stored: None])
async def test_a_change_of_a_stored_flow_state_returns_bytes(replay: Any, tmp_path: Path) -> None:
    async with SQLiteStore(tmp_path / "runs.db") as store:
        record = StoredSnapshot("e", "flow", "running", 1, datetime.now(UTC), b"{}")
        with pytest.raises(StoreError, match=r"^TF950: the change of the flow_state of 'flow' returned"):
            await store.put(record, expected=None, flow_state=FlowStateChange("flow", replay))
        assert await store.get("e") is None
