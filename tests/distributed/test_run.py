"""What one run of a worker makes of mail: taken once, in order, by the time at which it was posted, and never lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from typedflow import Contract, Data, Events, ExecutionError, Flow, InterruptError, SnapshotError, Status
from typedflow.distributed import Worker, answer, cancel, emit, result, retry, submit
from typedflow.stores import MemoryStore, SQLiteStore, StoredSnapshot, WorkStore

SOON: Final = 20.0
"""Seconds that a test waits at the most for what takes milliseconds."""


class Heard(Events):
    shouted: str


class Talk(Contract):
    input: int
    result: int
    events: Heard


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WorkStore]:
    opened: Any = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "store.db")
    async with opened as store:
        yield store


@asynccontextmanager
async def working(store: WorkStore, flow: Flow[Any], **options: Any) -> AsyncIterator[Worker]:
    worker = Worker(store, [flow], **{"poll": 0.02, **options})
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await task


async def until(store: WorkStore, execution_id: str, check: Callable[[StoredSnapshot], bool]) -> None:
    """Return as soon as what is stored is what a worker is to make of it."""
    async with asyncio.timeout(SOON):
        while (stored := await store.get(execution_id)) is None or not check(stored):  # noqa: ASYNC110  # no notification
            await asyncio.sleep(0.005)


async def asked(store: Any, payload: object) -> None:
    """Return as soon as a question is stored."""
    async with asyncio.timeout(SOON):
        while [each.payload for each in await store.pending("asking")] != [payload]:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.005)


async def idles(store: WorkStore, flow: Flow[Any]) -> bool:
    """Take what is ready with a worker, and return whether there is nothing more for it: it is gone for good."""
    async with working(store, flow), asyncio.timeout(SOON):
        while await store.next_ready([flow.name]) is not None:  # noqa: ASYNC110  # a store does not notify
            await asyncio.sleep(0.005)
    return await store.next_ready([flow.name]) is None


def listening(work: Any) -> tuple[Flow[Any], list[str]]:
    """Return a flow that hears an event besides its work, and what it has heard."""
    heard: list[str] = []
    flow: Flow[Any] = Flow(Talk, name="listening")
    flow.to(work, name="work").end()
    flow.when("shouted").to(lambda data: heard.append(data.value), name="hear")
    return flow, heard


async def test_mail_for_an_execution_that_its_own_process_ends_keeps_no_worker_busy(store: WorkStore) -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def stay(data: Data[Talk, int]) -> int:
        entered.set()
        await go.wait()
        return data.value

    flow, _ = listening(stay)
    execution = flow.create_execution(execution_id="a", store=store)
    running = asyncio.create_task(execution.async_start(1))
    await entered.wait()
    await emit(store, flow, "a", "shouted", "now")
    go.set()
    assert await running is Status.COMPLETED
    assert await store.next_ready(["listening"]) is None
    assert await store.mail("a", 0) == []


async def test_an_event_for_a_failed_execution_is_taken_once_and_heard_after_a_retry(store: WorkStore) -> None:
    tries: list[int] = []

    def work(data: Data[Talk, int]) -> int:
        tries.append(data.value)
        if len(tries) == 1:
            raise ValueError("the first time")
        return data.value

    flow, heard = listening(work)
    await submit(store, flow, 1, execution_id="a")
    async with working(store, flow):
        await until(store, "a", lambda stored: stored.status == "failed")
    await emit(store, flow, "a", "shouted", "now")
    assert await idles(store, flow)
    assert await store.mail("a", 0) == []
    await retry(store, "a")
    async with working(store, flow):
        await until(store, "a", lambda stored: stored.status == "completed")
    assert heard == ["now"]


async def test_an_answer_in_time_counts_though_the_worker_comes_after_the_deadline(store: WorkStore) -> None:
    def ask(data: Data[Talk, int]) -> int:
        return data.pause_for(interrupt_id="q", deadline=timedelta(seconds=0.3), default=-1)

    flow: Flow[Any] = Flow(Talk, name="asking")
    flow.to(ask).end()
    await submit(store, flow, 1, execution_id="a")
    async with working(store, flow):
        await asked(store, None)
    await answer(store, flow, "a", "q", 42)
    await asyncio.sleep(0.35)
    async with working(store, flow):
        assert await result(store, flow, "a", timeout=SOON) == 42


async def test_an_answer_in_time_counts_though_the_run_reads_its_mail_after_the_deadline(store: WorkStore) -> None:
    """Another step keeps the execution running, and the deadline passes between two looks at the mail."""
    go = asyncio.Event()

    async def stay(data: Data[Talk, int]) -> int:
        await go.wait()
        return data.value

    def ask(data: Data[Talk, int]) -> int:
        return data.pause_for(interrupt_id="q", deadline=timedelta(seconds=0.5), default=-1)

    def note(data: Data[Talk, int]) -> int:
        go.set()
        return data.value

    flow: Flow[Any] = Flow(Talk, name="asking")
    flow.to(ask).to(note).end()
    flow.to(stay)
    await submit(store, flow, 1, execution_id="a")
    async with working(store, flow, poll=3600):
        await asked(store, None)
        await answer(store, flow, "a", "q", 42)
        assert await result(store, flow, "a", timeout=SOON) == 42


async def test_an_interrupt_id_that_is_used_again_takes_another_answer_in_the_same_run(store: WorkStore) -> None:
    go = asyncio.Event()

    async def stay(data: Data[Talk, int]) -> int:
        await go.wait()
        return data.value

    def first(data: Data[Talk, int]) -> int:
        return data.pause_for("first", interrupt_id="q")

    def second(data: Data[Talk, int]) -> int:
        return data.pause_for("second", interrupt_id="q")

    flow: Flow[Any] = Flow(Talk, name="asking")
    flow.to(first).to(second).end()
    flow.to(stay)
    await submit(store, flow, 1, execution_id="a")
    async with working(store, flow):
        for number, question in enumerate(["first", "second"]):
            await asked(store, question)
            await answer(store, flow, "a", "q", number)
        go.set()
        assert await result(store, flow, "a", timeout=SOON) == 1


async def test_an_answer_is_not_taken_for_a_later_question_of_the_same_id(store: WorkStore) -> None:
    def first(data: Data[Talk, int]) -> int:
        return data.pause_for("first", interrupt_id="q")

    def second(data: Data[Talk, int]) -> int:
        return data.pause_for("second", interrupt_id="q")

    flow: Flow[Any] = Flow(Talk, name="asking")
    flow.to(first).to(second).end()
    await submit(store, flow, 1, execution_id="a")
    async with working(store, flow):
        await asked(store, "first")
    await answer(store, flow, "a", "q", 1)
    execution = await flow.async_open("a", store=store)
    assert await execution.async_continue_with("q", 2) is Status.WAITING  # another process was quicker
    assert await idles(store, flow)
    await asked(store, "second")
    await answer(store, flow, "a", "q", 3)
    async with working(store, flow):
        assert await result(store, flow, "a", timeout=SOON) == 3


@pytest.mark.parametrize("forked", [True, False])
async def test_mail_is_taken_by_what_continues_an_execution_that_had_mail(store: WorkStore, forked: bool) -> None:
    """A fork, or what a document is loaded into, is another execution in its store, and so is its mail."""

    def ask(data: Data[Talk, int]) -> int:
        return data.pause_for(data.value, interrupt_id="q")

    flow: Flow[Any] = Flow(Talk, name="asking")
    flow.to(ask).to(ask, name="again").to(ask, name="once more").end()
    await submit(store, flow, 1, execution_id="a")
    async with working(store, flow):
        await asked(store, 1)
        await answer(store, flow, "a", "q", 2)
        await asked(store, 2)
    if forked:
        execution = await flow.async_fork("a", store=store, execution_id="b")
    else:
        execution = flow.create_execution(store=store).load((await flow.async_open("a", store=store)).save())
    await store.delete("a")
    await execution.async_continue_with("q", 3)
    await answer(store, flow, execution.id, "q", 4)
    async with working(store, flow):
        assert await result(store, flow, execution.id, timeout=SOON) == 4


async def test_no_cancel_is_lost_between_the_saves_of_a_run(store: WorkStore) -> None:
    async def step(data: Data[Talk, int]) -> int:
        await asyncio.sleep(0.002)
        return data.value

    flow: Flow[Any] = Flow(Talk, name="wide")
    for branch in range(6):
        last: Any = flow
        for number in range(60):
            last = last.to(step, name=f"step{branch}.{number}")
        last.end()
    async with working(store, flow, poll=0.005):
        for _ in range(20):
            name = await submit(store, flow, 1)
            await until(store, name, lambda stored: stored.sequence > 3)
            await cancel(store, name)
            with pytest.raises(ExecutionError, match="cancelled"):
                await result(store, flow, name, timeout=SOON)


class Point(msgspec.Struct):
    x: int


class Told(Events):
    point: Point
    moment: datetime
    pair: tuple[int, int]
    number: float
    nothing: None


class Telling(Contract):
    input: int
    result: str | bytes
    events: Told


def telling() -> tuple[Flow[Any], list[Any]]:
    heard: list[Any] = []

    def ask(data: Data[Telling, int]) -> str | bytes:
        return data.pause_for(interrupt_id="q")

    flow: Flow[Any] = Flow(Telling, name="asking")
    flow.to(ask).end()
    for event in Told.__struct_fields__:
        flow.when(event).to(lambda data: heard.append(data.value), name=f"hear {event}")
    return flow, heard


async def test_a_payload_arrives_as_what_the_contract_declares(store: WorkStore) -> None:
    flow, heard = telling()
    payloads = {"point": Point(1), "moment": datetime(2026, 1, 2, tzinfo=UTC), "pair": (1, 2), "nothing": None}
    await submit(store, flow, 1, execution_id="a")
    async with working(store, flow):
        await asked(store, None)
        for event, payload in payloads.items():
            await emit(store, flow, "a", event, payload)
        await answer(store, flow, "a", "q", "done")
        assert await result(store, flow, "a", timeout=SOON) == "done"
    assert heard == [*payloads.values()]
    assert type(heard[2]) is tuple


async def test_what_json_does_not_keep_is_refused_when_it_is_sent(store: WorkStore) -> None:
    flow, _ = telling()
    await submit(store, flow, 1, execution_id="a")
    async with working(store, flow):
        await asked(store, None)
    for value in (b"bytes", "\ud800"):
        with pytest.raises(InterruptError, match=r"TF810: .*a value that JSON keeps as it is, not "):
            await answer(store, flow, "a", "q", value)
    with pytest.raises(SnapshotError, match="TF901: 'number' cannot be saved"):
        await emit(store, flow, "a", "number", float("nan"))
    assert await store.mail("a", 0) == []
