"""`update_flow_state` means the same with no store and with every store: called at once, and once for each key."""

from __future__ import annotations

import asyncio
import functools
import gc
import random
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.budget import rows
from tests.execution.faulty import FaultyStore
from tests.postgres import conninfo_of, count_rows
from tests.stores.conformance import SEALING
from typedflow import Contract, Data, Flow, FlowState, Retry
from typedflow.errors import ConflictError, ContractError, StoreError
from typedflow.schema.contracts import spec_of
from typedflow.snapshot.flow_states import decode_flow_state
from typedflow.stores import FileStore, MemoryStore, PostgresStore, SealedStore, SQLiteStore


class Ledger(FlowState):
    booked: list[int] = []
    total: int = 0
    limit: int = 0


class Job(Contract):
    input: int
    result: Any
    flow_state: Ledger


Step = Data[Job, Any]


class Prompt(random.Random):
    """Has a FaultyStore take no time."""

    def choice(self, seq: Any) -> Any:
        return seq[0]


MAKERS: dict[str, Callable[[Path], Any]] = {
    "none": lambda folder: None,
    "memory": lambda folder: MemoryStore(),
    "sqlite": lambda folder: SQLiteStore(folder / "runs.db"),
    "postgres": lambda folder: PostgresStore(conninfo_of(folder)),
    "sealed": lambda folder: SealedStore(SQLiteStore(folder / "runs.db"), SEALING),
    "file": lambda folder: FileStore(folder / "files"),
    "a user's": lambda folder: FaultyStore(Prompt()),
}
SHARING = ["memory", "sqlite", "sealed", "postgres"]


@pytest.fixture(params=rows(MAKERS, ["none", "postgres", "file"]))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    made = MAKERS[request.param](tmp_path)
    yield made
    if made is not None:
        await made.close()


@pytest.fixture(params=rows(SHARING, ["sqlite", "postgres"]))
async def sharing(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    async with MAKERS[request.param](tmp_path) as made:
        yield made


def draw(ledger: Ledger) -> int:
    ledger.total += 1
    return ledger.total


def book(amount: int) -> Callable[[Ledger], list[int]]:
    def add(ledger: Ledger) -> list[int]:
        ledger.booked.append(amount)
        return ledger.booked

    return add


def flow_of(*handlers: Any, name: str = "job", **options: Any) -> Flow[Any]:
    flow: Flow[Any] = Flow(Job, name=name)
    process: Any = flow
    for handler in handlers:
        process = process.to(handler, **options)
    process.end()
    return flow


async def run(flow: Flow[Any], store: Any, value: int = 1, **options: Any) -> Any:
    execution = flow.create_execution(store=store, **options)
    await execution.async_start(value)
    return execution.result


async def seen(flow: Flow[Any], store: Any) -> Ledger:
    """Return the flow_state: what is stored, and it is what the flow shows; without a sharing store what it shows."""
    if store is None or not store.shares_flow_state:
        return flow.flow_state  # type: ignore[no-any-return]  # a Ledger
    stored: Any = decode_flow_state(await store.get_flow_state(flow.name), spec_of(Job))
    assert stored == flow.flow_state
    return stored  # type: ignore[no-any-return]  # as above


def keys(store: Any) -> int:
    """Count the keys of updates that a store keeps."""
    if isinstance(store, SealedStore):
        store = store._store
    if isinstance(store, SQLiteStore):
        with closing(sqlite3.connect(store.path)) as db:
            return db.execute("SELECT count(*) FROM typedflow_flow_state_keys").fetchone()[0]  # type: ignore[no-any-return]
    if isinstance(store, PostgresStore):
        return count_rows(store._access.conninfo, "typedflow_flow_state_keys")
    return sum(map(len, store._values.values()))


async def until(condition: Callable[[], bool]) -> None:
    """Run the loop until something has happened."""
    for _ in range(100_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError


# -- what an update does


async def test_an_update_returns_a_copy_of_what_its_function_returns(store: Any) -> None:
    def step(data: Step) -> list[int]:
        found = data.update_flow_state(book(1))
        found.append(99)
        assert data.flow_state.booked == [1]
        return data.update_flow_state(book(2))

    flow = flow_of(step)
    assert await run(flow, store) == [1, 2]
    assert (await seen(flow, store)).booked == [1, 2]


@pytest.mark.parametrize("thread", [False, True])
async def test_numbers_that_concurrent_executions_draw_are_unique(store: Any, thread: bool) -> None:
    def step(data: Step) -> list[int]:
        return [data.update_flow_state(draw) for _ in range(3)]

    flow = flow_of(step, thread=thread)
    found = await asyncio.gather(*(run(flow, store) for _ in range(10)))
    assert sorted(number for numbers in found for number in numbers) == list(range(1, 31))
    assert (await seen(flow, store)).total == 30


async def test_items_of_a_for_each_draw_unique_numbers_in_both_forms(store: Any) -> None:
    async def step(data: Step) -> int:
        return data.update_flow_state(draw) if data.value % 2 else await data.async_update_flow_state(draw)

    flow: Flow[Any] = Flow(Job, name="job")
    split: Any = flow.to(lambda data: list(range(8)), name="split")
    split.for_each().to(step).end_for_each().end()
    assert sorted(await run(flow, store, checkpoint="step" if store else "pause")) == list(range(1, 9))
    assert (await seen(flow, store)).total == 8


async def test_an_update_in_a_condition_counts(store: Any) -> None:
    flow: Flow[Any] = Flow(Job, name="job")
    block: Any = flow.if_condition(lambda data: data.update_flow_state(draw) > 1).to(lambda data: "more", name="more")
    block.else_condition().to(lambda data: "first", name="first").end_condition().end()
    assert [await run(flow, store) for _ in range(2)] == ["first", "more"]


async def test_an_update_sees_the_plain_writes_before_it(store: Any) -> None:
    def write(data: Step) -> int:
        data.flow_state.limit = 2
        return 0

    def step(data: Step) -> list[int]:
        data.flow_state.set("total", 5, emit=False)
        data.flow_state.booked.append(7)
        found = data.update_flow_state(lambda ledger: [ledger.limit, ledger.total, *ledger.booked])
        data.flow_state.booked.append(8)
        data.flow_state.total += 1
        return found

    flow = flow_of(write, step)
    assert await run(flow, store) == [2, 5, 7]
    ledger = await seen(flow, store)
    assert (ledger.limit, ledger.total, ledger.booked) == (2, 6, [7, 8])


@pytest.mark.parametrize("coroutine", [False, True])
@pytest.mark.parametrize("before", ["an ended step", "a failed attempt", "an ended step, in place"])
async def test_an_update_is_not_hidden_by_a_write_that_was_written_over_before_it(
    store: Any, before: str, coroutine: bool
) -> None:
    """The step before has written, no save has stored it yet, and this one writes the same field again."""
    in_place = before.endswith("in place")

    def write(data: Step) -> None:
        if in_place:
            data.flow_state.booked.append(1)
        else:
            data.flow_state.total += 1

    def first(data: Step) -> int:
        if before != "a failed attempt":
            write(data)
        return 0

    def change(ledger: Ledger) -> None:
        ledger.total += 10
        ledger.booked.append(10)

    async def step(data: Step) -> list[Any]:
        write(data)
        if before == "a failed attempt" and data.attempt == 1:
            raise ConnectionError
        if coroutine:
            await data.async_update_flow_state(change)
        else:
            data.update_flow_state(change)
        seen_now = [data.flow_state.total, *data.flow_state.booked]
        write(data)
        return seen_now

    flow: Any = Flow(Job, name="job")
    flow.to(first).to(step, retry=Retry(attempts=2)).end()
    assert await run(flow, store) == ([10, 1, 1, 10] if in_place else [12, 10])
    ledger = await seen(flow, store)
    assert (ledger.total, ledger.booked) == ((10, [1, 1, 10, 1]) if in_place else (13, [10]))


async def test_an_update_that_raises_changes_nothing_and_plain_writes_stay(store: Any) -> None:
    def spoil(ledger: Ledger) -> None:
        ledger.booked.append(1)
        ledger.total = 9
        raise LookupError

    def step(data: Step) -> int:
        data.flow_state.limit = 4
        with pytest.raises(LookupError):
            data.update_flow_state(spoil)
        return data.flow_state.total

    flow = flow_of(step)
    assert await run(flow, store) == 0
    ledger = await seen(flow, store)
    assert (ledger.limit, ledger.total, ledger.booked) == (4, 0, [])


class Adder:
    def __call__(self, ledger: Ledger) -> int:
        return draw(ledger)


async def awaited(ledger: Ledger) -> None:
    ledger.total += 1


def leaking(data: Step, ledger: Ledger) -> int:
    """Update inside of an update."""
    return data.update_flow_state(draw)


def elsewhere(data: Step, ledger: Ledger) -> int:
    return flow_of(draw, name="other").update_flow_state(draw)


REFUSED: dict[str, tuple[Callable[[Step], Any], str]] = {
    "coroutine function": (lambda data: awaited, "TF825"),
    "coroutine": (lambda data: lambda ledger: awaited(ledger), "TF825"),
    "no function": (lambda data: 5, "TF825"),
    "wrong value": (lambda data: lambda ledger: ledger.booked.append("x"), "TF612"),
    "a tuple": (
        lambda data: lambda ledger: [(1, draw(ledger))],
        r"TF826: flow 'job': .* returned \(1, 1\) .* at \[0\]",
    ),
    "the flow_state": (lambda data: lambda ledger: ledger, "TF826"),
    "nan": (lambda data: lambda ledger: float("nan"), "TF826"),
    "an update inside": (lambda data: functools.partial(leaking, data), "TF821"),
    "an update of another flow inside": (lambda data: functools.partial(elsewhere, data), "TF821"),
}


@pytest.mark.parametrize("change, number", REFUSED.values(), ids=REFUSED)
async def test_what_an_update_refuses_changes_nothing(store: Any, change: Any, number: str) -> None:
    async def step(data: Step) -> int:
        given: Any = change(data)
        with pytest.raises(ContractError, match=number):
            data.update_flow_state(given)
        with pytest.raises(ContractError, match=number):
            await data.async_update_flow_state(given)
        return data.update_flow_state(draw)

    flow = flow_of(step)
    assert await run(flow, store) == 1
    ledger = await seen(flow, store)
    assert (ledger.total, ledger.booked) == (1, [])


@pytest.mark.parametrize("key", ["", 5, "\ud800"])
async def test_a_key_that_cannot_be_kept_is_refused(store: Any, key: Any) -> None:
    def step(data: Step) -> int:
        with pytest.raises(ContractError):
            data.update_flow_state(draw, key=key)
        return 0

    assert await run(flow_of(step), store) == 0


async def test_listeners_hear_of_what_an_update_has_changed(store: Any) -> None:
    heard: list[Any] = []

    def step(data: Step) -> int:
        data.update_flow_state(draw)
        data.update_flow_state(lambda ledger: setattr(ledger, "limit", 0))
        return data.update_flow_state(draw)

    flow = flow_of(step)
    chain: Any = flow.when({"flow_state": ["total", "limit"]}, mode="or")
    chain.to(lambda data: heard.append(data.value[1:]), name="hear")
    await run(flow, store)
    assert heard == [("total", 1), ("total", 2)]


# -- attempts, keys and crashes


@pytest.mark.parametrize("key, total", [(None, 3), ("once", 1)])
async def test_each_attempt_counts_and_a_key_once_in_all_attempts(store: Any, key: str | None, total: int) -> None:
    def step(data: Step) -> int:
        data.update_flow_state(draw, key=key)
        if data.attempt < 3:
            raise ConnectionError
        return data.update_flow_state(lambda ledger: ledger.total)

    flow = flow_of(step, retry=Retry(3))
    assert await run(flow, store) == total
    assert (await seen(flow, store)).total == total


async def test_two_updates_with_one_key_count_once_and_functions_are_counted_by_name(store: Any) -> None:
    def step(data: Step) -> list[int]:
        twice = [data.update_flow_state(draw, key="a") for _ in range(2)]
        long = [data.update_flow_state(draw, key="a" * 5000) for _ in range(2)]
        return [*twice, *long, data.update_flow_state(draw), data.update_flow_state(Adder())]

    assert await run(flow_of(step), store) == [1, 1, 2, 2, 3, 4]


async def test_a_failed_step_keeps_its_update_and_its_attempt_count(store: Any) -> None:
    found: list[int] = []

    def step(data: Step) -> int:
        found.append(data.attempt)
        data.update_flow_state(draw)
        data.flow_state.limit = data.attempt
        if data.attempt < 5:
            raise ConnectionError
        return data.flow_state.total

    flow = flow_of(step, retry=Retry(2))
    execution = flow.create_execution(store=store, execution_id="a")
    with pytest.raises(ConnectionError):
        await execution.async_start(1)
    with pytest.raises(ConnectionError):
        await execution.async_retry()
    if store is not None:  # as another process goes on
        execution = await flow.async_open("a", store=store)
    await execution.async_retry()
    assert found == [1, 2, 3, 4, 5]
    assert execution.result == 5
    ledger = await seen(flow, store)
    assert (ledger.total, ledger.limit) == (5, 5)


async def test_a_step_that_was_cut_off_by_the_failure_of_another_does_not_count_again(store: Any) -> None:
    failing, counted = [True], asyncio.Event()
    found: list[tuple[int, int]] = []

    async def count(data: Step) -> int:
        found.append((data.attempt, data.update_flow_state(draw)))
        counted.set()
        if failing:
            await asyncio.sleep(60)
        return 0

    async def fail(data: Step) -> int:
        await counted.wait()
        if failing:
            raise ConnectionError
        return 0

    flow: Flow[Any] = Flow(Job, name="job")
    flow.batch().branch(count).branch(fail).end_batch().to(lambda data: 0, name="last").end()
    execution = flow.create_execution(store=store)
    with pytest.raises(ConnectionError):
        await execution.async_start(1)
    failing.clear()
    await execution.async_retry()
    assert found == [(1, 1), (1, 1)]
    assert (await seen(flow, store)).total == 1


async def test_a_step_that_runs_again_after_a_crash_gets_the_first_values(sharing: Any) -> None:
    heard: list[Any] = []
    crashing, drawn = [True], asyncio.Event()

    async def step(data: Step) -> list[int]:
        found = [data.update_flow_state(draw), await data.async_update_flow_state(draw)]
        found.append(data.update_flow_state(Adder(), key="k"))
        drawn.set()
        if crashing:
            await asyncio.sleep(60)
        return found

    def build() -> Flow[Any]:
        flow = flow_of(step)
        chain: Any = flow.when({"flow_state": "total"})
        chain.to(lambda data: heard.append(data.value), name="hear")
        return flow

    running = asyncio.create_task(run(build(), sharing, execution_id="a"))
    await drawn.wait()
    running.cancel()  # nothing of it is saved: as a kill leaves it
    await asyncio.wait([running])
    crashing.clear()
    assert await run(build(), sharing) == [4, 5, 6]
    assert keys(sharing) == 3
    flow = build()
    execution = await flow.async_open("a", store=sharing)
    await execution.async_retry()
    assert execution.result == [1, 2, 3]
    assert heard == [4, 5, 6, 1, 2, 3]
    assert (await seen(flow, sharing)).total == 6
    assert keys(sharing) == 0


class Cut:
    """A step that updates the flow_state and is cut off after it, beside one that ends and is saved."""

    def __init__(self) -> None:
        self.cutting, self.drawn = True, asyncio.Event()
        self.heard: list[Any] = []

    async def count(self, data: Step) -> list[int]:
        drawn = [data.update_flow_state(draw), data.update_flow_state(draw, key="k")]
        self.drawn.set()
        if self.cutting:
            await asyncio.sleep(60)
        return [*drawn, data.flow_state.total]

    async def end(self, data: Step) -> int:
        await self.drawn.wait()
        return 0

    def flow(self, *, in_child: bool) -> Flow[Any]:
        child: Any = flow_of(self.count, name="child")
        flow: Flow[Any] = Flow(Job, name="job")
        for each in (child, flow):
            chain: Any = each.when({"flow_state": "total"})
            chain.to(lambda data: self.heard.append(data.value), name="hear")
        batch: Any = flow.batch().branch(child if in_child else self.count, name="count").branch(self.end)
        batch.end_batch().to(lambda data: list(data.value)).end()
        return flow


@pytest.mark.parametrize("in_child", [False, True])
async def test_a_step_that_was_cut_off_after_a_save_does_not_count_again(store: Any, in_child: bool) -> None:
    cut = Cut()
    flow = cut.flow(in_child=in_child)
    execution = flow.create_execution(store=store, execution_id="a", checkpoint="step" if store else "pause")
    running = asyncio.create_task(execution.async_start(1))
    await cut.drawn.wait()
    if store is None:
        await until(lambda: len(execution._runtime.run.live) == 1)
        saved = execution.save(format="msgpack").to_msgpack()
    else:
        checkpoints: Any = execution._runtime.checkpoints
        await until(lambda: checkpoints.sequence == 2)
    running.cancel()
    await asyncio.wait([running])
    cut.cutting = False
    flow = cut.flow(in_child=in_child)
    if store is None:
        execution = flow.create_execution().load(saved)
    else:
        execution = await flow.async_open("a", store=store)
    await execution.async_retry()
    assert execution.result == [[1, 2, 2], 0]
    assert cut.heard == [1, 2]


@pytest.mark.parametrize("coroutine", [False, True])
async def test_an_update_of_another_flow_by_a_step_of_a_child_is_made_once(sharing: Any, coroutine: bool) -> None:
    cutting, drawn = [True], asyncio.Event()
    numbers = flow_of(lambda data: 0, name="numbers")
    await run(numbers, sharing)

    async def step(data: Step) -> list[int]:
        found = [
            await numbers.async_update_flow_state(draw) if coroutine else numbers.update_flow_state(draw)
            for _ in range(2)
        ]
        drawn.set()
        if cutting:
            await asyncio.sleep(60)
        return found

    def build() -> Flow[Any]:
        flow: Flow[Any] = Flow(Job, name="job")
        flow.to_sub_flow(flow_of(step, name="child")).end()
        return flow

    running = asyncio.create_task(run(build(), sharing, execution_id="a"))
    await drawn.wait()
    running.cancel()
    await asyncio.wait([running])
    cutting.clear()
    assert keys(sharing) == 2
    execution = await build().async_open("a", store=sharing)
    await execution.async_retry()
    assert execution.result == [1, 2]
    assert (await seen(numbers, sharing)).total == 2
    assert keys(sharing) == 0


@pytest.mark.parametrize("end", ["completed", "failed", "paused", "cancelled", "deleted"])
async def test_keys_go_with_their_step(sharing: Any, end: str) -> None:
    def step(data: Step) -> int:
        data.update_flow_state(draw)
        if end == "failed":
            raise ConnectionError
        if end == "paused":
            data.pause_for(interrupt_id="ask")
        return 0

    drawn = asyncio.Event()

    async def wait(data: Step) -> int:
        if end in ("cancelled", "deleted"):
            data.update_flow_state(draw)
            drawn.set()
            await asyncio.sleep(60)
        return 0

    flow = flow_of(step, wait)
    execution = flow.create_execution(store=sharing, execution_id="a", checkpoint="step")
    running = asyncio.create_task(execution.async_start(1))
    if end in ("cancelled", "deleted"):
        await drawn.wait()
    if end == "cancelled":
        await execution.async_cancel()
    elif end == "deleted":
        assert keys(sharing) == 1
        running.cancel()
        await sharing.delete("a")
    await asyncio.wait([running])
    assert keys(sharing) == 0


async def test_what_a_failed_attempt_has_spoilt_in_place_is_not_stored(sharing: Any) -> None:
    spoiling = [True]

    def step(data: Step) -> list[int]:
        data.flow_state.limit = 3
        booked: Any = data.flow_state.booked
        if spoiling:
            booked.append("x")
            raise ConnectionError
        booked.clear()
        return data.update_flow_state(book(1))

    flow = flow_of(step)
    execution = flow.create_execution(store=sharing, execution_id="a")
    with pytest.raises(ContractError, match="TF612"):
        await execution.async_start(1)
    assert (await sharing.get("a")).status == "failed"
    spoiling.clear()
    await execution.async_retry()
    assert execution.result == [1]
    ledger = await seen(flow, sharing)
    assert (ledger.limit, ledger.booked) == (3, [1])


# -- stores that fail


async def test_a_failure_of_the_store_is_none_of_the_step(tmp_path: Path) -> None:
    store = FaultyStore(Prompt())
    store.update_faults = {2: "before", 4: "conflict", 6: "after"}
    attempts: list[int] = []

    def step(data: Step) -> list[int]:
        attempts.append(data.attempt)
        return [data.update_flow_state(draw), data.update_flow_state(draw)]

    flow = flow_of(step, retry=Retry(5, on=(Exception,)))
    execution = flow.create_execution(store=store, execution_id="a")
    for text in ("no connection", "the connection was lost", "the answer was lost"):
        go_on = execution.async_retry() if attempts else execution.async_start(1)
        with pytest.raises(StoreError, match=text):
            await go_on
        assert store.records["a"].status == "running"
    await execution.async_retry()
    assert execution.result == [1, 2]
    assert attempts == [1, 1, 1, 1]
    assert (await seen(flow, store)).total == 2
    assert store.updates == {}


async def test_a_failure_of_the_store_in_a_task_of_the_step_is_none_of_the_step_either() -> None:
    store = FaultyStore(Prompt())
    store.update_faults = {2: "before"}
    attempts: list[int] = []

    async def step(data: Step) -> list[int]:
        attempts.append(data.attempt)
        async with asyncio.TaskGroup() as group:
            drawn = [group.create_task(data.async_update_flow_state(draw, key=key)) for key in "ab"]
        return [task.result() for task in drawn]

    flow = flow_of(step, retry=Retry(5))
    execution = flow.create_execution(store=store, execution_id="a")
    with pytest.raises(ExceptionGroup):
        await execution.async_start(1)
    assert store.records["a"].status == "running"
    await execution.async_retry()
    assert execution.result == [1, 2]
    assert attempts == [1, 1]
    assert (await seen(flow, store)).total == 2


async def test_a_flow_state_may_hold_integers_of_any_size(store: Any) -> None:
    def step(data: Step) -> list[int]:
        data.update_flow_state(book(2**70))
        return data.update_flow_state(book(2**80))

    flow = flow_of(step)
    assert await run(flow, store) == [2**70, 2**80]
    assert (await seen(flow, store)).booked == [2**70, 2**80]


class OnlyCoroutine:
    """A store of a user's own that shares flow_states, and has no plain form."""

    def __init__(self) -> None:
        self._store = MemoryStore()

    def __getattr__(self, name: str) -> Any:
        if name == "update_flow_state_sync":
            raise AttributeError(name)
        return getattr(self._store, name)


async def test_a_store_without_a_plain_form_is_updated_in_a_coroutine() -> None:
    store: Any = OnlyCoroutine()

    async def step(data: Step) -> int:
        with pytest.raises(ContractError, match=r"TF827: flow 'job': a OnlyCoroutine .*await async_update_flow_state"):
            data.update_flow_state(draw)
        return await data.async_update_flow_state(draw)

    flow = flow_of(step)
    assert await run(flow, store) == 1
    with pytest.raises(ContractError, match="TF827"):
        flow.update_flow_state(draw)
    assert await flow.async_update_flow_state(draw) == 2
    assert (await seen(flow, store)).total == 2


class Earlier(OnlyCoroutine):
    """A store of the protocol of earlier releases: it shares nothing now."""

    def __getattr__(self, name: str) -> Any:
        if name == "update_flow_state":
            raise AttributeError(name)
        return super().__getattr__(name)


async def test_a_store_of_the_earlier_protocol_keeps_the_flow_state_in_the_snapshots() -> None:
    store: Any = Earlier()

    def step(data: Step) -> int:
        data.update_flow_state(draw)
        data.flow_state.limit = 3
        data.pause_for(interrupt_id="ask")

    flow = flow_of(step)
    await flow.create_execution(store=store, execution_id="a").async_start(1)
    assert await store.get_flow_state("job") is None
    again = flow_of(step)
    execution = await again.async_open("a", store=store)
    await execution.async_continue_with("ask", 5)
    assert (again.flow_state.total, again.flow_state.limit) == (1, 3)


# -- whose flow_state it is


async def test_two_flows_of_one_name_share_it_in_a_store(sharing: Any) -> None:
    def look(data: Step) -> list[int]:
        return [data.flow_state.limit, data.update_flow_state(draw)]

    def write(data: Step) -> int:
        data.flow_state.limit = 3
        return data.update_flow_state(draw)

    first, second, other = flow_of(write), flow_of(look), flow_of(look, name="other")
    assert await run(first, sharing) == 1
    assert await run(second, sharing) == [3, 2]
    assert await run(other, sharing) == [0, 1]
    assert first.flow_state.total == 1, "as it was seen last"
    assert first.update_flow_state(draw) == 3


async def test_plain_writes_are_stored_field_by_field_and_the_last_save_of_a_field_wins(sharing: Any) -> None:
    written, stored = asyncio.Event(), asyncio.Event()

    async def slow(data: Step) -> int:
        data.flow_state.limit = 1
        data.flow_state.total = 7
        written.set()
        await stored.wait()
        return 0

    def quick(data: Step) -> int:
        data.flow_state.limit = 2
        data.flow_state.booked = [7]
        return 0

    first = flow_of(slow)
    running = asyncio.create_task(run(first, sharing))
    await written.wait()
    await run(flow_of(quick), sharing)
    stored.set()
    await running
    ledger = await seen(first, sharing)
    assert (ledger.limit, ledger.total, ledger.booked) == (1, 7, [7])


async def test_a_write_that_is_not_stored_yet_is_not_hidden_by_what_others_store(sharing: Any) -> None:
    written, go = asyncio.Event(), asyncio.Event()

    async def write(data: Step) -> list[int]:
        data.flow_state.limit = 4
        data.flow_state.booked.append(4)
        written.set()
        await go.wait()
        return [data.flow_state.limit, *data.flow_state.booked, data.flow_state.total]

    flow = flow_of(write)
    running = asyncio.create_task(run(flow, sharing))
    await written.wait()
    other = flow_of(lambda data: 0)
    other.update_flow_state(book(9), store=sharing)
    other.update_flow_state(lambda ledger: setattr(ledger, "limit", 9), store=sharing)
    assert flow.update_flow_state(draw) == 1
    go.set()
    assert await running == [4, 4, 1]
    ledger = await seen(flow, sharing)
    assert (ledger.limit, ledger.booked, ledger.total) == (4, [4], 1)


async def test_a_child_has_its_own_and_its_write_back_is_stored(store: Any) -> None:
    def step(data: Step) -> int:
        data.update_flow_state(draw)
        return data.update_flow_state(draw)

    child = flow_of(step, name="child")
    flow: Flow[Any] = Flow(Job, name="job")
    each: Any = flow.to(lambda data: [1, 2], name="split").for_each()
    each = each.to_sub_flow(child, write_back={"value": "result", "flow_state": {"limit": "result"}})
    each.end_for_each().to(lambda data: data.update_flow_state(draw), name="last").end()
    assert await run(flow, store) == 1
    ledger = await seen(flow, store)
    assert (ledger.limit, ledger.total) == (2, 1)
    assert child.flow_state.total == 0


async def test_a_value_set_without_a_store_is_what_a_store_without_a_row_begins_with(store: Any) -> None:
    def look(data: Step) -> list[int]:
        data.flow_state.total += 1
        return [data.flow_state.limit, *data.flow_state.booked]

    flow = flow_of(look)
    assert flow.update_flow_state(lambda ledger: setattr(ledger, "limit", 2)) is None
    flow.flow_state.booked.append(3)
    assert await run(flow, None) == [2, 3]
    assert await run(flow, store) == [2, 3]
    assert (await seen(flow, store)).total == 2
    if store is not None and store.shares_flow_state:
        other = flow_of(look)
        other.update_flow_state(lambda ledger: setattr(ledger, "limit", 9))
        assert await run(other, store) == [2, 3]
        assert (await seen(other, store)).total == 3


async def test_a_value_set_before_the_start_of_the_first_execution_with_a_store_is_stored(store: Any) -> None:
    flow = flow_of(lambda data: [data.flow_state.limit, data.update_flow_state(draw)])
    execution = flow.create_execution(store=store)
    flow.flow_state.limit = 3
    await execution.async_start(1)
    assert execution.result == [3, 1]
    assert (await seen(flow, store)).limit == 3


async def test_writes_of_an_execution_that_was_refused_hide_nothing(sharing: Any) -> None:
    limits, written, go = [2, 1], asyncio.Event(), asyncio.Event()

    async def write(data: Step) -> int:
        data.flow_state.limit = limits.pop()
        if limits:
            written.set()
            await go.wait()
        return 0

    flow = flow_of(write)
    stale = flow.create_execution(store=sharing, execution_id="a")
    running = asyncio.create_task(stale.async_start(1))
    await written.wait()
    await flow.create_execution(store=sharing).async_start(1)
    await sharing.delete("a")
    go.set()
    with pytest.raises(ConflictError):
        await running
    flow.update_flow_state(draw)
    assert flow.flow_state.limit == 2


async def test_what_an_execution_without_a_store_changes_is_for_a_store_without_a_row(
    sharing: Any, tmp_path: Path
) -> None:
    def change(data: Step) -> int:
        if data.value:
            data.flow_state.limit = 6
            data.flow_state.booked.append(1)
            data.update_flow_state(draw)
        return data.flow_state.limit

    flow = flow_of(change)
    assert await run(flow, sharing, 0) == 0
    assert flow.update_flow_state(lambda ledger: setattr(ledger, "limit", 1)) is None
    assert await run(flow, None) == 6
    assert await run(flow, sharing, 0) == 1, "the stored one wins"
    async with SQLiteStore(tmp_path / "other.db") as empty:
        assert await run(flow, empty, 0) == 6
        ledger = await seen(flow, empty)
        assert (ledger.booked, ledger.total) == ([1], 1)


async def test_a_flow_state_that_was_deleted_begins_anew(sharing: Any) -> None:
    flow = flow_of(lambda data: data.update_flow_state(draw))
    flow.update_flow_state(lambda ledger: setattr(ledger, "total", 10))
    assert [await run(flow, sharing), await run(flow, sharing)] == [11, 12]
    assert await sharing.delete_flow_state("job")
    assert await run(flow, sharing) == 11


async def test_the_flow_state_of_an_older_snapshot_is_what_a_store_without_a_row_begins_with(sharing: Any) -> None:
    def ask(data: Step) -> int:
        data.update_flow_state(draw)
        data.pause_for(interrupt_id="ask")

    before = flow_of(ask, lambda data: data.update_flow_state(draw))
    execution = before.create_execution()
    await execution.async_start(1)
    saved = execution.save()
    for total in (2, 3):
        flow = flow_of(ask, lambda data: data.update_flow_state(draw))
        await flow.create_execution(store=sharing).load(saved).async_continue_with("ask", 1)
        assert (await seen(flow, sharing)).total == total
        await sharing.delete(execution.id)


# -- outside of steps


async def test_an_update_outside_of_steps_is_made_in_the_store_that_the_flow_has_run_with(sharing: Any) -> None:
    flow = flow_of(lambda data: data.update_flow_state(draw))
    assert flow.update_flow_state(draw) == 1
    assert await run(flow, sharing) == 2
    assert flow.update_flow_state(draw) == 3
    assert await flow.async_update_flow_state(draw) == 4
    assert (await seen(flow, sharing)).total == 4
    returned = flow.update_flow_state(lambda ledger: (1, ledger.total))
    assert returned == (1, 4), "there is no key, so any value will do"
    assert keys(sharing) == 0


async def test_an_update_names_its_store_where_the_flow_has_run_with_several(sharing: Any, tmp_path: Path) -> None:
    flow = flow_of(lambda data: 0)
    async with SQLiteStore(tmp_path / "second.db") as second:
        await run(flow, sharing)
        await run(flow, second)
        with pytest.raises(ContractError, match="TF828: flow 'job': the flow has run with several stores"):
            flow.update_flow_state(draw)
        assert flow.update_flow_state(draw, store=second) == 1
        assert await flow.async_update_flow_state(draw, store=sharing) == 1


async def test_an_update_does_not_get_lost_with_its_store() -> None:
    flow = flow_of(lambda data: 0)
    await run(flow, MemoryStore())
    gc.collect()
    with pytest.raises(ContractError, match="with a store that is gone"):
        flow.update_flow_state(draw)


async def test_an_update_in_a_store_that_shares_nothing_is_refused(tmp_path: Path) -> None:
    flow = flow_of(lambda data: 0)
    store = FileStore(tmp_path / "files")
    await run(flow, store)
    assert flow.update_flow_state(draw) == 1
    with pytest.raises(StoreError, match="TF954: a FileStore does not share flow_state"):
        flow.update_flow_state(draw, store=store)


async def test_a_named_store_is_the_one_of_the_step_or_another(sharing: Any) -> None:
    other = MemoryStore()

    def step(data: Step) -> list[int]:
        own = flow.update_flow_state(draw, store=sharing)
        return [own, flow.update_flow_state(draw, store=other)]

    flow = flow_of(step)
    execution = flow.create_execution(store=sharing)
    await execution.async_start(1)
    assert execution.result == [1, 1]


async def test_an_update_of_a_thread_blocks_no_coroutine(tmp_path: Path) -> None:
    inside, go = threading.Event(), threading.Event()

    def slowly(ledger: Ledger) -> int:
        inside.set()
        go.wait(20)
        return draw(ledger)

    def in_thread(data: Step) -> int:
        return data.update_flow_state(slowly)

    async def beside(data: Step) -> int:
        await asyncio.to_thread(inside.wait, 20)
        waiting = asyncio.create_task(data.async_update_flow_state(draw))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waiting.done()
        go.set()
        return await waiting

    flow: Flow[Any] = Flow(Job, name="job")
    flow.batch().branch(lambda data: 0, name="first").branch(beside).end_batch().to(lambda data: list(data.value)).end()
    second = flow_of(in_thread, thread=True)
    async with SQLiteStore(tmp_path / "runs.db") as store:
        found = await asyncio.gather(run(second, store), run(flow, store))
    assert [*found] == [1, [0, 2]]
