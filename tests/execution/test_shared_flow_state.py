"""A flow_state that a store shares: what steps change counts when they are committed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.stores.conformance import STORES
from typedflow import Contract, Data, Flow, FlowState
from typedflow.errors import ConflictError
from typedflow.stores import HistoryStore

Opening = Callable[[], Any]


@pytest.fixture(params=["postgres", "sqlite"])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Opening:
    """Open the store of the test, once more at each call."""
    return lambda: STORES[request.param].open(tmp_path)


class Tally(FlowState):
    steps: int = 0
    last: dict[str, int] = {}


class Sum(Contract):
    input: int
    result: int
    flow_state: Tally


class Plain(Contract):
    input: int
    result: int


def add_one(tally: Tally) -> None:
    tally.steps += 1


async def stored(store: HistoryStore, flow: str) -> Any:
    fields = msgspec.json.decode(await store.get_flow_state(flow) or b"{}")
    fields.pop("$typedflow", None)
    return fields or None


async def test_what_a_child_writes_back_is_stored(opening: Opening) -> None:
    child: Flow[Any] = Flow(Plain, name="child")
    child.to(lambda data: data.value + 1).end()
    flow: Flow[Any] = Flow(Sum)
    flow.to_sub_flow(child, write_back={"value": "result", "flow_state": {"last.child": "result"}}).end()
    async with opening() as store:
        await flow.create_execution(store=store, checkpoint="step").async_start(1)
        assert await stored(store, "Sum") == {"steps": 0, "last": {"child": 2}}
        assert flow.flow_state.last == {"child": 2}


async def test_operations_of_steps_that_end_during_a_save_stay_visible(opening: Opening) -> None:
    async def count(data: Data[Sum, int]) -> int:
        data.update_flow_state(add_one)
        return data.value

    flow: Flow[Any] = Flow(Sum)
    batch: Any = flow.batch()
    for number in range(8):
        batch = batch.branch(count, name=f"count{number}")
    batch.end_batch().to(lambda data: len(data.value)).end()
    async with opening() as store:
        execution = flow.create_execution(store=store, checkpoint="step")
        await execution.async_start(1)
        assert execution.result == 8
        assert (await stored(store, "Sum"))["steps"] == flow.flow_state.steps == 8


async def test_a_failed_attempt_counts_as_it_does_without_a_store(opening: Opening) -> None:
    failing = [True]

    async def count(data: Data[Sum, int]) -> int:
        data.update_flow_state(add_one)
        if failing:
            raise OSError("down")
        return data.value

    flow: Flow[Any] = Flow(Sum)
    flow.to(count).end()
    async with opening() as store:
        execution = flow.create_execution(store=store, checkpoint="step")
        with pytest.raises(OSError, match="down"):
            await execution.async_start(1)
        assert (await stored(store, "Sum"))["steps"] == flow.flow_state.steps == 1
        failing.clear()
        await execution.async_retry()
        assert (await stored(store, "Sum"))["steps"] == flow.flow_state.steps == 2


async def test_executions_of_one_process_add_up(opening: Opening) -> None:
    async def count(data: Data[Sum, int]) -> int:
        data.update_flow_state(add_one)
        return data.value

    flow: Flow[Any] = Flow(Sum)
    flow.to(count).to(count, name="again").end()
    async with opening() as store:
        runs = [flow.create_execution(store=store, checkpoint="step").async_start(1) for _ in range(10)]
        await asyncio.gather(*runs)
        assert (await stored(store, "Sum"))["steps"] == flow.flow_state.steps == 20


async def test_a_container_that_a_step_only_reads_stays_as_others_have_left_it(opening: Opening) -> None:
    async def read(data: Data[Sum, int]) -> int:
        seen = len(data.flow_state.last)
        async with opening() as other:
            elsewhere = adding("elsewhere").create_execution(store=other, checkpoint="step")
            await elsewhere.async_start(1)
        return seen

    flow: Flow[Any] = Flow(Sum)
    flow.to(read).end()
    async with opening() as store:
        await flow.create_execution(store=store, checkpoint="step").async_start(1)
        assert (await stored(store, "Sum"))["last"] == {"elsewhere": 1}


async def test_a_container_that_a_step_changes_in_place_is_stored(opening: Opening) -> None:
    async def change(data: Data[Sum, int]) -> int:
        data.flow_state.last["first"] = data.value
        data.update_flow_state(add_one)
        data.update_flow_state(lambda tally: tally.last.update(second=2))
        data.flow_state.last["third"] = 3
        return data.value

    flow: Flow[Any] = Flow(Sum)
    flow.to(change).end()
    async with opening() as store:
        await flow.create_execution(store=store, checkpoint="step").async_start(1)
        assert await stored(store, "Sum") == {"steps": 1, "last": {"first": 1, "second": 2, "third": 3}}


def adding(key: str) -> Flow[Any]:
    """Return a flow of the same name, as another process has it, that adds an entry."""
    flow: Flow[Any] = Flow(Sum)

    def add(data: Data[Sum, int]) -> int:
        data.update_flow_state(lambda tally: tally.last.__setitem__(key, data.value))
        return data.value

    flow.to(add).end()
    return flow


async def test_what_an_open_step_has_changed_stays_visible_while_others_commit(opening: Opening) -> None:
    written, committed = asyncio.Event(), asyncio.Event()

    async def write(data: Data[Sum, int]) -> int:
        data.update_flow_state(add_one)
        data.flow_state.set("last.open", 5)
        written.set()
        await committed.wait()
        return data.flow_state.steps

    async def count(data: Data[Sum, int]) -> int:
        data.update_flow_state(add_one)
        return data.value

    flow: Flow[Any] = Flow(Sum)
    flow.match().case(1).to(write).case_else().to(count).end_match().end()
    async with opening() as store:
        first = flow.create_execution(store=store, checkpoint="step")
        running = asyncio.create_task(first.async_start(1))
        await written.wait()
        await flow.create_execution(store=store, checkpoint="step").async_start(2)
        assert (flow.flow_state.steps, flow.flow_state.last) == (2, {"open": 5})
        assert await stored(store, "Sum") == {"steps": 2, "last": {}}
        committed.set()
        await running
        assert first.result == 2
        assert await stored(store, "Sum") == {"steps": 2, "last": {"open": 5}}


async def test_a_change_by_a_step_that_failed_stands(opening: Opening) -> None:
    async def fail(data: Data[Sum, int]) -> int:
        data.update_flow_state(add_one)
        raise OSError("down")

    flow: Flow[Any] = Flow(Sum)
    flow.match().case(1).to(fail).case_else().to(lambda data: data.value, name="pass").end_match().end()
    async with opening() as store:
        with pytest.raises(OSError, match="down"):
            await flow.create_execution(store=store, checkpoint="step").async_start(1)
        flow.update_flow_state(add_one)
        await flow.create_execution(store=store).async_start(2)
        assert (await stored(store, "Sum"))["steps"] == flow.flow_state.steps == 2


async def test_an_update_outside_of_handlers_is_stored_once_with_the_next_save(opening: Opening) -> None:
    flow: Flow[Any] = Flow(Sum)
    flow.to(lambda data: data.value, name="pass").end()
    async with opening() as store:
        await flow.create_execution(store=store).async_start(1)
        flow.update_flow_state(add_one)
        assert flow.flow_state.steps == 1
        runs = [flow.create_execution(store=store, checkpoint="step").async_start(1) for _ in range(3)]
        await asyncio.gather(*runs)
        assert (await stored(store, "Sum"))["steps"] == flow.flow_state.steps == 1


async def test_an_update_by_the_flow_inside_of_a_handler_belongs_to_its_step(opening: Opening) -> None:
    async def count(data: Data[Sum, int]) -> int:
        flow.update_flow_state(add_one)
        return data.value

    flow: Flow[Any] = Flow(Sum)
    flow.to(count).end()
    async with opening() as store, opening() as other:
        await flow.create_execution(store=store).async_start(1)
        elsewhere = adding("elsewhere")
        await elsewhere.create_execution(store=other).async_start(1)
        before = (await stored(store, "Sum"))["steps"]
        await flow.create_execution(store=store).async_start(1)
        assert (await stored(store, "Sum"))["steps"] == before + 1


async def test_an_update_outside_that_one_execution_could_not_store_goes_with_another(opening: Opening) -> None:
    def ask(data: Data[Sum, int]) -> int:
        data.pause_for(interrupt_id="ask")

    flow: Flow[Any] = Flow(Sum)
    flow.to(ask).end()
    async with opening() as store:
        stale = flow.create_execution(store=store)
        await stale.async_start(1)
        await (await flow.async_open(stale.id, store=store)).async_continue_with("ask", 2)
        flow.update_flow_state(add_one)
        with pytest.raises(ConflictError):
            await stale.async_continue_with("ask", 2)
        await flow.create_execution(store=store).async_start(1)
        assert (await stored(store, "Sum"))["steps"] == flow.flow_state.steps == 1


async def test_a_task_that_outlives_its_step_may_start_an_execution(opening: Opening) -> None:
    over = asyncio.Event()
    tasks: list[asyncio.Task[Any]] = []

    async def later() -> None:
        await over.wait()
        await flow.create_execution(store=store, checkpoint="step").async_start(1)

    async def leave(data: Data[Plain, int]) -> int:
        tasks.append(asyncio.create_task(later()))
        return data.value

    flow = adding("Sum")
    outer: Flow[Any] = Flow(Plain)
    outer.to(leave).end()
    async with opening() as store:
        await flow.create_execution(store=store, checkpoint="step").async_start(1)
        flow.update_flow_state(add_one)
        await outer.async_start(1)
        over.set()
        await tasks[0]
        assert (await stored(store, "Sum"))["steps"] == flow.flow_state.steps == 1
