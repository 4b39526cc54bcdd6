"""Saves of an execution into its store: late ones, failing ones, and those that come after another process's."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.execution.faulty import Fault
from tests.execution.hooked import HookedStore
from tests.execution.running import Style, both, run
from typedflow import Contract, Data, Events, Execution, FinishedError, Flow, Status
from typedflow.errors import ConflictError, StoreError
from typedflow.execution.checkpointer import MAXIMUM_BLOCKING_TIME
from typedflow.stores import SQLiteStore, in_place
from typedflow.stores.flow_state_sharing import FlowStateChange
from typedflow.stores.records import StoredSnapshot


class Numbers(Contract):
    input: int
    result: int


class Bells(Events):
    rung: int


class Ringing(Numbers):
    events: Bells


class Items(Contract):
    input: list[int]
    result: list[int]


def adding() -> Flow[Any]:
    flow: Flow[Any] = Flow(Numbers)
    flow.to(lambda data: data.value + 1, name="add").end()
    return flow


def asking(contract: type[Contract] = Numbers) -> Flow[Any]:
    def ask(data: Data[Any, int]) -> int:
        data.pause_for(interrupt_id="ask")

    flow: Flow[Any] = Flow(contract)
    flow.to(ask).end()
    return flow


class SlowStore(HookedStore):
    """Take ten seconds for each save after the first."""

    async def put(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> bytes | None:
        await asyncio.sleep(10 if self.puts else 0)
        return await super().put(record, expected=expected, flow_state=flow_state)


async def fails_at_the_end(execution: Execution[Any]) -> None:
    with pytest.raises(StoreError, match="the disk is full") as caught:
        await execution.async_start(1, timeout=5)
    note = f"execution '{execution.id}' of flow 'Numbers' is {execution.status}, and that is not stored: "
    assert caught.value.__notes__ == [f"{note}await execution.async_retry() saves it"]


@pytest.mark.parametrize("make", [adding, asking])
def test_an_end_that_is_not_stored_says_so_and_is_saved_by_a_retry(make: Any) -> None:
    async def main() -> None:
        store = HookedStore(faults={2: "before"})
        execution: Execution[Any] = make().create_execution(store=store)
        await fails_at_the_end(execution)
        assert store.records[execution.id].status == "running"
        await execution.async_retry(timeout=5)
        assert store.records[execution.id].status == execution.status

    run(main())


@pytest.mark.parametrize("faults, failing", [({}, False), ({2: "before"}, True)])
def test_the_save_of_an_end_is_not_cut_off_by_the_timeout(faults: dict[int, Fault], failing: bool) -> None:
    async def main() -> None:
        store = SlowStore(faults=faults)
        execution: Execution[Any] = adding().create_execution(store=store)
        if failing:
            await fails_at_the_end(execution)
            await execution.async_retry(timeout=5)
        else:
            await execution.async_start(1, timeout=5)
        assert execution.status is Status.COMPLETED
        assert store.records[execution.id].status == "completed"

    run(main())


def test_cancelling_where_somebody_else_saved_first_leaves_the_execution_as_it_was() -> None:
    async def main() -> None:
        store, flow = HookedStore(), asking()
        execution: Execution[Any] = flow.create_execution(store=store)
        await execution.async_start(1)
        other = await flow.async_open(execution.id, store=store)
        await other.async_continue_with("ask", 2)
        with pytest.raises(ConflictError):
            await execution.async_cancel()
        assert (execution.status, list(execution.interrupts)) == (Status.WAITING, ["ask"])
        assert store.records[execution.id].status == "completed"

    run(main())


def test_an_execution_that_is_cancelled_again_is_saved_once() -> None:
    async def main() -> None:
        store = HookedStore()
        execution: Execution[Any] = asking().create_execution(store=store)
        await execution.async_start(1)
        for _ in range(2):
            assert await execution.async_cancel() is Status.CANCELLED
        assert [record.status for record in store.history] == ["running", "waiting", "cancelled"]

    run(main())


def test_a_retry_while_a_pause_is_being_saved_is_refused() -> None:
    """An event that comes meanwhile is for the run that saves, which would not know of another one."""
    refused: list[asyncio.Future[Status]] = []
    heard: list[int] = []

    def during_the_save() -> None:
        execution.emit("rung", 5)
        refused.append(asyncio.ensure_future(execution.async_retry()))

    flow = asking(Ringing)
    flow.when("rung").to(lambda data: heard.append(data.value))
    execution: Execution[Any] = flow.create_execution(store=HookedStore({"waiting": during_the_save}))

    async def main() -> None:
        await execution.async_start(1)
        with pytest.raises(FinishedError, match="the execution is waiting, it cannot become running"):
            await refused[0]
        assert heard == [5]

    run(main())


@both
def test_items_of_a_for_each_share_saves(style: Style) -> None:
    flow: Flow[Any] = Flow(Items)
    flow.for_each().to(style(lambda data: data.value + 1), name="add").end_for_each().end()

    async def main() -> None:
        store = SlowStore()
        execution: Execution[Any] = flow.create_execution(store=store, checkpoint="step")
        await execution.async_start(list(range(200)))
        assert execution.result == list(range(1, 201))
        assert store.puts < 10

    run(main())


class PromptStore(HookedStore):
    """Take one turn of the loop for each wait."""

    async def _wait(self) -> None:
        await asyncio.sleep(0)


def asking_twice(ready: bool) -> Flow[Any]:
    """Return a flow that asks twice at once; an answer lets a step run where `ready`, else it only fills a join."""

    def ask(data: Data[Any, int]) -> int:
        data.pause_for(interrupt_id=data.step)

    def add_up(data: Data[Any, tuple[int, int]]) -> int:
        return sum(data.value)

    def add(data: Data[Any, int]) -> int:
        return data.value + 1

    flow: Flow[Any] = Flow(Numbers)
    if ready:
        flow.side_branch(ask, name="one")
        flow.to(ask, name="two").to(add).end()
    else:
        flow.batch().branch(ask, name="one").branch(ask, name="two").end_batch().to(add_up).end()
    return flow


@pytest.mark.parametrize("checkpoint", ["pause", "step"])
@pytest.mark.parametrize("ready", [True, False], ids=["a step is ready", "a join waits on"])
def test_an_answer_at_any_turn_round_the_save_of_a_pause_is_taken(ready: bool, checkpoint: Any) -> None:
    """Between the save of a pause and the end of the run too, where no driver runs what becomes ready."""

    async def outcome(turns: int) -> None:
        async def answer() -> Status:
            for _ in range(turns):
                await asyncio.sleep(0)
            return await execution.async_continue_with("two", 1)

        def during_the_save() -> None:
            answers.append(asyncio.ensure_future(answer()))

        answers: list[asyncio.Future[Status]] = []
        store = PromptStore({"waiting": during_the_save})
        execution = asking_twice(ready).create_execution(store=store, checkpoint=checkpoint)
        await execution.async_start(1)
        await answers[0]
        assert (execution.status, list(execution.interrupts)) == (Status.WAITING, ["one"])
        assert await execution.async_continue_with("one", 1) is Status.COMPLETED
        assert execution.result == 2

    for turns in range(20):
        run(outcome(turns))


def busy(length: int) -> Flow[Any]:
    """Return a chain whose steps each keep the processor busy for longer than `MAXIMUM_BLOCKING_TIME`."""

    def work(data: Data[Any, int]) -> int:
        end = time.perf_counter() + MAXIMUM_BLOCKING_TIME
        while time.perf_counter() <= end:
            pass
        return data.value + 1

    flow: Flow[Any] = Flow(Numbers)
    chain: Any = flow
    for number in range(length):
        chain = chain.to(work, name=f"work_{number}")
    chain.end()
    return flow


async def test_a_timeout_comes_between_saves_on_the_spot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_place, "SLOW", 60.0)
    async with SQLiteStore(tmp_path / "store.db") as store:
        execution = busy(20).create_execution(store=store, checkpoint="step")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(MAXIMUM_BLOCKING_TIME):
                await execution.async_start(0)
        stored = await store.get(execution.id)
    assert stored is not None
    assert stored.sequence < 8


class Counting:
    """Count the saves of another store, and hand on all else."""

    def __init__(self, store: SQLiteStore) -> None:
        self._store = store
        self.puts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def put(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> bytes | None:
        self.puts += 1
        return await self._store.put(record, expected=expected, flow_state=flow_state)


async def test_no_save_goes_past_the_put_of_a_wrapper(tmp_path: Path) -> None:
    async with SQLiteStore(tmp_path / "store.db") as store:
        counting: Any = Counting(store)
        execution = adding().create_execution(store=counting)
        await execution.async_start(1)
        stored = await store.get(execution.id)
    assert stored is not None
    assert counting.puts == stored.sequence
