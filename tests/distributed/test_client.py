"""Submitting, answering, retrying and cancelling from any process: checked first, and applied by a worker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from tests.budget import rows
from tests.distributed.flows import Journal, build
from tests.stores.conformance import PLAIN, STORES, WORKING, execute
from typedflow import (
    ConflictError,
    Contract,
    ContractError,
    Data,
    Events,
    ExecutionError,
    FinishedError,
    Flow,
    InterruptError,
    SnapshotError,
)
from typedflow.distributed import Worker, answer, cancel, emit, result, retry, submit
from typedflow.stores import FileStore, SQLiteStore, WorkStore
from typedflow.stores.clock import SystemClock, current_clock
from typedflow.stores.work import LEASES

T = TypeVar("T")
SOON: Final = 20.0
"""Seconds that a test waits at the most for what takes milliseconds."""


class Heard(Events):
    shouted: str


class Talk(Contract):
    input: int
    result: str
    events: Heard


attempts: dict[int, int] = {}


def ask(data: Data[Talk, int]) -> str:
    return data.pause_for(data.value, interrupt_id="q")


def twice(data: Data[Talk, int]) -> str:
    attempts[data.value] = attempts.get(data.value, 0) + 1
    if attempts[data.value] == 1:
        raise ValueError("the first time")
    return "the second time"


def hear(data: Data[Talk, str]) -> str:
    return data.value


asking = Flow(Talk, name="asking")
asking.to(ask).end()
asking.when("shouted").to(hear).end()

failing = Flow(Talk, name="failing")
failing.to(twice).end()


@pytest.fixture(params=rows(WORKING, PLAIN))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WorkStore]:
    opened: Any = STORES[request.param].open(tmp_path)
    async with opened as store:
        yield store


@asynccontextmanager
async def working(store: WorkStore, **options: Any) -> AsyncIterator[Worker]:
    worker = Worker(store, [asking, failing], poll=0.02, **options)
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await task


async def eventually(look: Callable[[], Awaitable[T]], check: Callable[[T], bool]) -> T:
    """Return what a store shows as soon as it is what a worker is to make of it."""
    async with asyncio.timeout(SOON):
        while not check(found := await look()):  # noqa: ASYNC110  # a file does not notify
            await asyncio.sleep(0.005)
    return found


async def becomes(store: WorkStore, execution_id: str, status: str) -> None:
    await eventually(lambda: store.get(execution_id), lambda stored: stored is not None and stored.status == status)


async def test_an_answer_is_taken_by_a_worker(store: WorkStore) -> None:
    name = await submit(store, asking, 1)
    async with working(store):
        await becomes(store, name, "waiting")
        await answer(store, asking, name, "q", "yes")
        assert await result(store, asking, name, timeout=SOON) == "yes"


async def test_what_an_answer_cannot_be_is_refused_by_the_caller(store: WorkStore) -> None:
    name = await submit(store, asking, 1)
    async with working(store):
        await becomes(store, name, "waiting")
        with pytest.raises(InterruptError, match="TF810"):
            await answer(store, asking, name, "q", 5)
        with pytest.raises(InterruptError, match="TF807"):
            await answer(store, asking, name, "r", "yes")
    await answer(store, asking, name, "q", "yes")  # no worker runs: it stays in the mail
    with pytest.raises(InterruptError, match="TF808"):
        await answer(store, asking, name, "q", "no")
    async with working(store):
        assert await result(store, asking, name, timeout=SOON) == "yes"
    with pytest.raises(FinishedError):
        await answer(store, asking, name, "q", "no")


async def test_an_event_is_heard(store: WorkStore) -> None:
    name = await submit(store, asking, 1)
    async with working(store):
        await becomes(store, name, "waiting")
        with pytest.raises(ContractError, match="TF501"):
            await emit(store, asking, name, "shoutted", "x")
        with pytest.raises(ContractError, match="TF502"):
            await emit(store, asking, name, "shouted", 5)
        await emit(store, asking, name, "shouted", "hello")
        await eventually(lambda: store.mail(name, 0), lambda mail: not mail)  # it was taken
        await answer(store, asking, name, "q", "late")
        assert await result(store, asking, name, timeout=SOON) == "hello"


async def test_a_failure_is_stored_and_retried(store: WorkStore) -> None:
    attempts.clear()
    name = await submit(store, failing, 1)
    async with working(store):
        with pytest.raises(ExecutionError, match="failed"):
            await result(store, failing, name, timeout=SOON)
        await retry(store, name)
        assert await result(store, failing, name, timeout=SOON) == "the second time"
        with pytest.raises(FinishedError):
            await retry(store, name)


async def test_the_result_of_what_is_to_be_retried_is_waited_for(store: WorkStore) -> None:
    attempts.clear()
    name = await submit(store, failing, 1)
    async with working(store):
        await becomes(store, name, "failed")
    hint = r"\(the worker that ran it has logged why; `await retry\(store, execution_id\)` has it run once more\)"
    with pytest.raises(ExecutionError, match=f"TF802: .* the execution has failed {hint}"):
        await result(store, failing, name, timeout=SOON)
    await retry(store, name)
    with pytest.raises(
        TimeoutError, match=f"execution '{name}' of flow 'failing' was not over after 0.05 s: it is failed"
    ):
        await result(store, failing, name, timeout=0.05)
    async with working(store):
        assert await result(store, failing, name, timeout=SOON) == "the second time"


async def test_the_result_of_another_flow_is_refused_at_once(store: WorkStore) -> None:
    name = await submit(store, asking, 1)
    with pytest.raises(SnapshotError, match=f"TF914: execution '{name}': the snapshot is one of flow 'asking'"):
        await result(store, failing, name, timeout=SOON)


async def test_a_failure_is_logged_with_its_text_and_its_step(
    store: WorkStore, caplog: pytest.LogCaptureFixture
) -> None:
    attempts.clear()
    name = await submit(store, failing, 1)
    async with working(store):
        await becomes(store, name, "failed")
    [record] = [each for each in caplog.records if each.levelname == "WARNING"]
    place = f"in step 'twice' of flow 'failing', execution '{name}'"
    assert record.getMessage() == f"execution {name} has failed: ValueError: the first time; {place}"


async def test_a_cancelled_execution_has_no_result(store: WorkStore) -> None:
    name = await submit(store, asking, 1)
    async with working(store):
        await becomes(store, name, "waiting")
        await cancel(store, name)
        with pytest.raises(ExecutionError, match="cancelled"):
            await result(store, asking, name, timeout=SOON)
        with pytest.raises(FinishedError):
            await cancel(store, name)


async def test_what_is_submitted_is_checked(store: WorkStore) -> None:
    wrong: Any = "one"
    with pytest.raises(ContractError, match="TF806"):
        await submit(store, asking, wrong)
    await submit(store, asking, 1, execution_id="one")
    with pytest.raises(ConflictError):
        await submit(store, asking, 1, execution_id="one")


async def test_a_start_in_the_future_waits(store: WorkStore) -> None:
    name = await submit(store, asking, 1, at=datetime.now(UTC) + timedelta(days=1))
    async with working(store):
        with pytest.raises(TimeoutError, match=f"execution '{name}' of flow 'asking' was not over after 0.1 s: it is "):
            await result(store, asking, name, timeout=0.1)


async def test_an_unknown_execution_has_no_result(store: WorkStore) -> None:
    for call in (result(store, asking, "nobody"), cancel(store, "nobody")):
        with pytest.raises(SnapshotError, match=r"TF921: the store has no execution 'nobody' \(store.list\(\) gives"):
            await call


async def test_a_missing_factory_is_named_and_the_execution_waits_for_a_worker_that_has_one(tmp_path: Path) -> None:
    flow = build()
    async with SQLiteStore(tmp_path / "store.db") as store:
        name = await submit(store, flow, 2)
        worker = Worker(store, [flow], poll=0.02, requeue=0.05)
        task = asyncio.create_task(worker.run())
        problem = await eventually(lambda: store.problem(name), bool)
        way = "add it to the resources of this worker, or start one that has it"
        assert problem == f"no factory for the resources: journal ({way})"
        worker.stop()
        await task
        journal = str(tmp_path / "journal")
        worker = Worker(store, [flow], resources={"journal": lambda: Journal(journal)}, poll=0.02)
        task = asyncio.create_task(worker.run())
        assert await result(store, flow, name, timeout=SOON) == 20
        worker.stop()
        await task


@pytest.mark.parametrize("kind", ["raises", "awaits", "is left", "wrong class"])
async def test_the_text_of_what_a_factory_raises_is_in_no_log_and_no_store(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    def connect() -> Any:
        raise ConnectionError("cannot reach postgres://me:secret@host")

    async def connect_later() -> Any:
        connect()

    @contextlib.contextmanager
    def connected() -> Iterator[Any]:
        connect()
        yield

    factories: Any = {"raises": connect, "awaits": connect_later, "is left": connected, "wrong class": lambda: "secret"}
    async with SQLiteStore(tmp_path / "work.db") as store:
        flow = build()
        name = await submit(store, flow, 2)
        one = Worker(store, [flow], resources={"journal": factories[kind]}, poll=0.02)
        running = asyncio.create_task(one.run())
        problem = await eventually(lambda: store.problem(name), bool)
        one.stop()
        await running
        assert problem == ("ResourceError" if kind == "wrong class" else "ConnectionError")
    assert name in caplog.text
    assert "secret" not in caplog.text
    assert ("TF103" if kind == "wrong class" else "ConnectionError in connect (") in caplog.text


async def test_a_worker_has_factories(tmp_path: Path) -> None:
    given: Any = {"journal": "secret"}
    async with SQLiteStore(tmp_path / "work.db") as store:
        with pytest.raises(ContractError, match=r"^TF823: .* \(write resources={'journal': lambda: …}\)$") as refused:
            Worker(store, [build()], resources=given)
    assert "secret" not in str(refused.value)


async def test_an_execution_that_ends_workers_is_quarantined(store: WorkStore) -> None:
    name = await submit(store, asking, 1)
    for _ in range(2):  # two workers that die with it
        [lease] = await store.take(["asking"], holder="dead", ttl=timedelta(milliseconds=1), limit=1)
        assert lease.execution_id == name
        await asyncio.sleep(0.002)
    async with working(store, max_crashes=2):
        await eventually(store.quarantined, bool)
    assert [entry.execution_id for entry in await store.quarantined()] == [name]
    with pytest.raises(ExecutionError) as caught:
        await asyncio.wait_for(result(store, asking, name), SOON)
    assert str(caught.value) == (
        f"TF802: execution '{name}' of flow 'asking': there is no result: the execution is in quarantine: "
        "2 workers have died with it "
        "(mend the cause, then store.release_quarantine(execution_id) lets workers try again)"
    )
    await store.release_quarantine(name)
    async with working(store, max_crashes=2):
        await becomes(store, name, "waiting")


async def test_a_worker_that_stops_gives_back_what_it_has_not_finished(tmp_path: Path) -> None:
    class Slow(Contract):
        input: int
        result: int

    gate = asyncio.Event()
    began = asyncio.Event()

    async def first(data: Data[Slow, int]) -> int:
        began.set()
        await gate.wait()
        return data.value + 1

    def second(data: Data[Slow, int]) -> int:
        return data.value + 1

    flow = Flow(Slow)
    flow.to(first).to(second).end()
    async with SQLiteStore(tmp_path / "store.db") as store:
        name = await submit(store, flow, 1)
        worker = Worker(store, [flow], poll=0.02)
        task = asyncio.create_task(worker.run())
        await began.wait()
        worker.stop()
        gate.set()
        await task
        stored = await store.get(name)
        assert stored is not None
        assert stored.status == "running"  # the first step is saved, the second has not run
        [lease] = await store.take(["Slow"], holder="next", ttl=timedelta(seconds=30), limit=1)
        assert (lease.execution_id, lease.crashes) == (name, 0)


class WrongClock(SystemClock):
    """The clock of a machine that is ahead of the database's, or behind it."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return super().now() + self._by


@pytest.mark.postgres
@pytest.mark.parametrize("by", [timedelta(hours=1), timedelta(hours=-1)], ids=str)
async def test_deadlines_are_due_by_the_clock_of_the_database(by: timedelta, tmp_path: Path) -> None:
    """A worker whose clock is wrong neither misses them nor takes an execution again and again until they are due."""
    flow: Any = Flow(Talk, name="asking")
    flow.to(wait).end()
    store: Any
    async with STORES["postgres"].open(tmp_path) as store:
        token = current_clock.set(WrongClock(by))
        try:
            worker = Worker(store, [flow], poll=0.02)
            task = asyncio.create_task(worker.run())
            name = await submit(store, flow, 1)
            assert await result(store, flow, name, timeout=SOON) == "late"
            worker.stop()
            await task
        finally:
            current_clock.reset(token)
    [(fence,)] = execute("postgres", tmp_path, "SELECT fence FROM typedflow_executions")
    assert fence % LEASES <= 3


def wait(data: Data[Talk, int]) -> str:
    return data.pause_for(data.value, deadline=timedelta(milliseconds=200), default="late")


async def test_a_store_without_leases_and_mail_is_refused(tmp_path: Path) -> None:
    store: Any = FileStore(tmp_path)
    text = "TF823: workers need a store with leases and mail, not "
    for call in (
        submit(store, asking, 1),
        answer(store, asking, "a", "q", "yes"),
        emit(store, asking, "a", "shouted", "hey"),
        retry(store, "a"),
        cancel(store, "a"),
    ):
        with pytest.raises(ContractError, match=text):
            await call
    with pytest.raises(ContractError, match=text):
        Worker(store, [asking])
