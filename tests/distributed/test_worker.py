"""What a worker keeps apart: executions under suspicion, its runs, and the signals of its process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import connect, conninfo_of
from typedflow import Contract, ContractError, Data, ExecutionError, Flow, Resources, stores
from typedflow.distributed import PollWaker, Worker, answer, cancel, result, submit
from typedflow.stores import Lease, MemoryStore, Release, SQLiteStore


class Job(Contract):
    input: int
    result: int


HasMail = Callable[[str | None], None]


class CountingWaker:
    """Counts how often a worker has found nothing to take."""

    def __init__(self) -> None:
        self.waits = 0
        self._inner = PollWaker(3600)

    def open(self, flows: Collection[str], has_mail: HasMail) -> AbstractAsyncContextManager[object]:
        return self._inner.open(flows, has_mail)

    async def wait(self, until: datetime | None) -> None:
        self.waits += 1
        await self._inner.wait(until)

    def wake(self) -> None:
        self._inner.wake()


async def test_an_execution_under_suspicion_waits_its_turn_and_keeps_no_worker_busy(tmp_path: Path) -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def work(data: Data[Job, int]) -> int:
        entered.set()
        await go.wait()
        return data.value

    flow: Flow[Any] = Flow(Job, name="job")
    flow.to(work).end()
    async with SQLiteStore(tmp_path / "work.db") as store:
        for name in ("a", "b"):
            await submit(store, flow, 1, execution_id=name)
        await store.take(["job"], holder="dead", ttl=timedelta(seconds=-1), limit=2)
        waker = CountingWaker()
        worker = Worker(store, [flow], waker=waker)
        running = asyncio.create_task(worker.run())
        await entered.wait()
        await asyncio.sleep(0.1)
        assert waker.waits < 5
        go.set()
        assert [await result(store, flow, name, timeout=20) for name in ("a", "b")] == [1, 1]
        worker.stop()
        await running


async def test_each_run_of_a_worker_has_a_name_of_its_own() -> None:
    """A worker that was made before a fork runs in several processes: none may renew the leases of another."""
    worker = Worker(MemoryStore(), [])
    worker.stop()
    await worker.run()
    first = worker.holder
    await worker.run()
    assert worker.holder != first


async def test_a_worker_that_has_ended_leaves_the_signals_as_they_were() -> None:
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    worker = Worker(MemoryStore(), [])
    running = asyncio.create_task(worker.run())
    await asyncio.sleep(0)
    assert [signal.getsignal(number) for number in numbers] != before
    worker.stop()
    await running
    assert [signal.getsignal(number) for number in numbers] == before


async def test_a_signal_stops_all_workers_of_a_loop_and_the_last_leaves_it_as_it_was() -> None:
    before = signal.getsignal(signal.SIGTERM)
    workers = [Worker(MemoryStore(), [], poll=3600) for _ in range(3)]
    running = [asyncio.create_task(worker.run()) for worker in workers]
    await asyncio.sleep(0)
    workers[0].stop()
    await running[0]
    assert signal.getsignal(signal.SIGTERM) != before
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.gather(*running)
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize(
    "options, text",
    [
        ({"concurrency": 0}, "concurrency is a whole number from 1"),
        ({"concurrency": "3"}, "concurrency is a whole number from 1"),
        ({"lease": -1}, "lease is a number of seconds above 0"),
        ({"lease": "x"}, "lease is a number of seconds above 0"),
        ({"lease": float("inf")}, "lease is a number of seconds above 0"),
        ({"poll": 0}, "poll is a number of seconds above 0"),
        ({"requeue": float("nan")}, "requeue is a number of seconds from 0"),
        ({"grace": None}, "grace is a number of seconds from 0"),
        ({"max_crashes": 0}, "max_crashes is a whole number from 1"),
        ({"checkpoint": "never"}, "checkpoint"),
    ],
)
def test_an_option_that_a_worker_cannot_have_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ContractError, match=text):
        Worker(MemoryStore(), [], **options)


def test_all_wrong_options_are_named_at_once() -> None:
    options: dict[str, Any] = {"concurrency": 0, "poll": 0, "checkpoint": "never"}
    with pytest.raises(ContractError) as refused:
        Worker(MemoryStore(), [], **options)
    assert len(refused.value.problems) == 3


def test_two_flows_of_one_name_are_refused() -> None:
    with pytest.raises(ContractError, match="two were given that are called 'a'"):
        Worker(MemoryStore(), [Flow(Job, name="a"), Flow(Job, name="a")])


@pytest.mark.parametrize("flows", [Flow(Job, name="a"), ["a"], "a"])
def test_what_is_no_list_of_flows_is_refused(flows: Any) -> None:
    with pytest.raises(ContractError, match=r"^TF823: a worker has a list of flows, not .* \(write \[flow\]\)$"):
        Worker(MemoryStore(), flows)


class Tools(Resources):
    library: dict[str, str]
    bank: int


class Work(Contract):
    input: int
    result: int
    resources: Tools


def test_a_misspelt_key_of_a_factory_is_refused() -> None:
    text = r"^TF101: no flow of this worker declares a resource 'libary' \(did you mean 'library'\?\)$"
    with pytest.raises(ContractError, match=text):
        Worker(MemoryStore(), [Flow(Work)], resources={"libary": dict, "bank": int})


@pytest.mark.parametrize("keys", [["library", "libraries"], ["unknown"], ["bank"], []])
def test_a_factory_that_no_flow_of_a_worker_needs_is_left_alone(keys: list[str]) -> None:
    Worker(MemoryStore(), [Flow(Work), Flow(Job)], resources=dict.fromkeys(keys, dict))


@pytest.mark.postgres
async def test_a_notification_that_is_lost_costs_one_look(tmp_path: Path) -> None:
    flow: Flow[Any] = Flow(Job, name="job")
    flow.to(double).end()
    conninfo, later = conninfo_of(tmp_path), datetime.now(UTC) + timedelta(hours=1)
    async with stores.PostgresStore(conninfo) as store:
        worker = Worker(store, [flow], poll=0.2)
        running = asyncio.create_task(worker.run())
        try:
            await submit(store, flow, 1, execution_id="a", at=later)
            with connect(conninfo) as connection:  # without a notification
                connection.execute("UPDATE typedflow_executions SET ready_at = now()")
            assert await result(store, flow, "a", timeout=60) == 2
        finally:
            worker.stop()
            await running


def double(data: Data[Job, int]) -> int:
    return 2 * data.value


async def test_a_worker_with_more_than_it_has_room_for_waits_for_the_end_of_one(tmp_path: Path) -> None:
    """One under suspicion is taken beside those that there is room for."""
    entered, go = asyncio.Event(), asyncio.Event()
    begun: list[int] = []

    async def work(data: Data[Job, int]) -> int:
        begun.append(data.value)
        if len(begun) == 2:
            entered.set()
        await go.wait()
        return data.value

    flow: Flow[Any] = Flow(Job, name="job")
    flow.to(work).end()
    async with SQLiteStore(tmp_path / "work.db") as store:
        await submit(store, flow, 1, execution_id="a")
        await store.take(["job"], holder="dead", ttl=timedelta(seconds=-1), limit=1)
        for name in ("b", "c"):
            await submit(store, flow, 2, execution_id=name)
        waker = CountingWaker()
        worker = Worker(store, [flow], concurrency=1, waker=waker)
        running = asyncio.create_task(worker.run())
        await asyncio.wait_for(entered.wait(), 20)
        waits = waker.waits
        await asyncio.sleep(0.1)
        assert (waker.waits, len(begun)) == (waits, 2)
        go.set()
        assert [await result(store, flow, name, timeout=20) for name in ("a", "b", "c")] == [1, 2, 2]
        worker.stop()
        await running


@pytest.mark.postgres
async def test_a_worker_of_a_postgres_store_is_notified_and_does_not_wait_for_its_next_look(tmp_path: Path) -> None:
    hour = 3600.0
    flow: Flow[Any] = Flow(Job, name="job")
    flow.to(asked).end()
    async with stores.PostgresStore(conninfo_of(tmp_path), answer_within=hour) as store:
        worker = Worker(store, [flow], poll=hour)
        running = asyncio.create_task(worker.run())
        try:
            await submit(store, flow, 1, execution_id="a")
            async with asyncio.timeout(60):
                while not (waiting := await store.pending("job")):  # noqa: ASYNC110  # a store does not notify
                    await asyncio.sleep(0.01)
            async with asyncio.timeout(60):
                while (stored := await store.get("a")) is None or stored.holder is not None:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await answer(store, flow, "a", waiting[0], 7)
            assert await result(store, flow, "a", timeout=60) == 7
        finally:
            worker.stop()
            await running


@pytest.mark.postgres
async def test_an_execution_that_runs_is_notified_of_its_mail(tmp_path: Path) -> None:
    entered, cut = asyncio.Event(), asyncio.Event()

    async def work(data: Data[Job, int]) -> int:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()
        return data.value

    flow: Flow[Any] = Flow(Job, name="job")
    flow.to(work).end()
    async with stores.PostgresStore(conninfo_of(tmp_path), answer_within=3600) as store:
        worker = Worker(store, [flow], poll=3600)
        running = asyncio.create_task(worker.run())
        try:
            await submit(store, flow, 1, execution_id="a")
            await asyncio.wait_for(entered.wait(), 60)
            await cancel(store, "a")
            await asyncio.wait_for(cut.wait(), 60)
            with pytest.raises(ExecutionError, match="cancelled"):
                await result(store, flow, "a", timeout=60)
        finally:
            worker.stop()
            await running


class TellingWaker:
    """Notifies a worker of mail when a test asks for it, and never by itself."""

    def __init__(self) -> None:
        self._inner = PollWaker(3600)
        self.has_mail: HasMail

    def open(self, flows: Collection[str], has_mail: HasMail) -> AbstractAsyncContextManager[object]:
        self.has_mail = has_mail
        return self._inner.open(flows, has_mail)

    async def wait(self, until: datetime | None) -> None:
        await self._inner.wait(until)

    def wake(self) -> None:
        self._inner.wake()


class Endless:
    """A flow whose step ends only when it is cut off."""

    def __init__(self) -> None:
        self.entered, self.cut = asyncio.Event(), asyncio.Event()
        self.flow: Flow[Any] = Flow(Job, name="job")
        self.flow.to(self.work).end()

    async def work(self, data: Data[Job, int]) -> int:
        self.entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cut.set()
        return data.value


@asynccontextmanager
async def working(store: Any, flow: Flow[Any], waker: TellingWaker) -> AsyncIterator[None]:
    """Run a worker that looks for mail when it is told to, with one execution."""
    await submit(store, flow, 1, execution_id="a")
    worker = Worker(store, [flow], poll=3600, waker=waker)
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await running


async def test_a_worker_that_is_told_that_any_may_have_mail_looks_for_that_of_all() -> None:
    endless, store, waker = Endless(), MemoryStore(), TellingWaker()
    async with working(store, endless.flow, waker):
        await asyncio.wait_for(endless.entered.wait(), 60)
        await cancel(store, "a")
        waker.has_mail(None)
        await asyncio.wait_for(endless.cut.wait(), 60)


class ReadingLate:
    """A store in which a cancellation comes behind the first look for mail, before what was found is returned."""

    def __init__(self, waker: TellingWaker) -> None:
        self._inner = MemoryStore()
        self._waker = waker
        self._has_come = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def mail(self, execution_id: str, after: int) -> Any:
        found = await self._inner.mail(execution_id, after)
        if not self._has_come:
            self._has_come = True
            await cancel(self._inner, execution_id)
            self._waker.has_mail(execution_id)
            for _ in range(10):  # turns of the loop, in which the task that waits for the signal takes it
                await asyncio.sleep(0)
        return found


async def test_mail_that_comes_between_the_look_for_it_and_the_run_is_found() -> None:
    waker = TellingWaker()
    endless, store = Endless(), ReadingLate(waker)
    async with working(store, endless.flow, waker):
        with pytest.raises(ExecutionError, match="cancelled"):
            await result(store, endless.flow, "a", timeout=60)


def asked(data: Data[Job, int]) -> int:
    return data.pause_for(data.value)


class ReleasingLate:
    """A store whose release returns when the worker's leases were renewed twice after it."""

    def __init__(self) -> None:
        self._inner = MemoryStore()
        self.loop = asyncio.get_running_loop()
        self.released = False
        self.beats = 0
        self.renewed = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def renew_here(self, holder: str, ttl: timedelta) -> dict[str, int]:
        self.beats += self.released
        if self.beats == 2:
            self.loop.call_soon_threadsafe(self.renewed.set)
        return self._inner.renew_here(holder, ttl)

    async def release(self, lease: Lease, release: Release) -> bool:
        done = await self._inner.release(lease, release)
        self.released = True
        await self.renewed.wait()
        return done


async def test_a_lease_that_is_being_released_is_not_taken_for_lost(caplog: pytest.LogCaptureFixture) -> None:
    def ask(data: Data[Job, int]) -> int:
        return data.pause_for("how many?")

    flow: Flow[Any] = Flow(Job, name="job")
    flow.to(ask).end()
    store: Any = ReleasingLate()
    await submit(store, flow, 1)
    worker = Worker(store, [flow], lease=0.3)
    running = asyncio.create_task(worker.run())
    await asyncio.wait_for(store.renewed.wait(), 20)
    worker.stop()
    await running
    assert "is lost" not in caplog.text


async def test_a_run_of_a_deleted_execution_ends_when_its_id_is_taken_again(caplog: pytest.LogCaptureFixture) -> None:
    began: asyncio.Queue[int] = asyncio.Queue()
    cut_off: list[int] = []
    go = asyncio.Event()

    async def work(data: Data[Job, int]) -> int:
        began.put_nowait(data.value)
        try:
            await go.wait()
        except asyncio.CancelledError:
            cut_off.append(data.value)
            raise
        return data.value

    flow: Flow[Any] = Flow(Job, name="job")
    flow.to(work).end()
    store = MemoryStore()
    worker = Worker(store, [flow], poll=0.02)
    running = asyncio.create_task(worker.run())
    for number in (1, 2):
        await submit(store, flow, number, execution_id="a")
        assert await asyncio.wait_for(began.get(), 20) == number
        if number == 1:
            await store.delete("a")
    go.set()
    assert await result(store, flow, "a", timeout=20) == 2
    assert cut_off == [1]
    assert "the lease on a is lost" in caplog.text
    worker.stop()
    await running
