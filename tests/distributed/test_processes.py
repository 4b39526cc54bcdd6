"""Workers as real processes over one store: killed, stopped for longer than their lease, and asked to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from tests import postgres
from tests.budget import is_full, rows
from tests.distributed.flows import build, expected, open_store
from tests.stores.conformance import DATABASES
from tests.stores.proxies import Proxy
from typedflow import FinishedError, InterruptError, StoreError, distributed
from typedflow.distributed import answer, result, submit

ROOT: Final = Path(__file__).parents[2]
LEASE: Final = 1.0
"""Seconds that the leases of these workers last."""
WAKERS: Final = ("postgres", "procrastinate")
"""The databases that wake workers: by what they notify of, and by jobs."""
BY_JOBS: Final = pytest.param("procrastinate", marks=[pytest.mark.postgres, pytest.mark.full])
KINDS: Final = [BY_JOBS, *DATABASES]
COUNT: Final = 200 if is_full() else 24
SOON: Final = 240.0 if is_full() else 120.0
"""Seconds that a test waits for a result at the most."""


class Workers:
    """Starts workers, and ends them all at the end of the test."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []

    def start(self, lease: float = LEASE) -> subprocess.Popen[str]:
        path = os.pathsep.join([str(ROOT), str(ROOT / "mypy_plugin")])
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.distributed.flows", self.kind, str(self.folder), str(lease)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        self.started.append(worker)
        return worker

    def open(self) -> Any:
        return open_store(self.kind, self.folder)

    def stop_between_commits(self, worker: subprocess.Popen[str]) -> None:
        """Stop a process, and not within a transaction: what it has locked stays locked until it goes on."""
        while True:
            os.kill(worker.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, worker.pid, os.WSTOPPED)
            is_within = self._is_within if self.kind in WAKERS else self._is_locked
            if not is_within():
                return
            os.kill(worker.pid, signal.SIGCONT)
            while is_within():
                continue  # it goes on, and comes to the end of its transaction

    def _is_within(self) -> bool:
        """Return whether a transaction of some process goes on for half a second without an end."""
        within = (
            "SELECT pid, xact_start FROM pg_stat_activity WHERE application_name = 'typedflow' AND xact_start < now()"
        )
        with postgres.connect(postgres.conninfo_of(self.folder)) as connection:
            connection.autocommit = True
            before = set(connection.execute(within).fetchall())
            connection.execute("SELECT pg_sleep(0.5)")
            return bool(before & set(connection.execute(within).fetchall()))

    def _is_locked(self) -> bool:
        with closing(sqlite3.connect(self.folder / "store.db", timeout=0, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            connection.execute("ROLLBACK")
            return False

    def end(self) -> None:
        for worker in self.started:
            with suppress(ProcessLookupError):
                worker.send_signal(signal.SIGCONT)
            worker.kill()
            worker.wait()
            assert worker.stdout is not None
            worker.stdout.close()


@pytest.fixture(params=KINDS)
async def workers(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Workers]:
    if request.param == "procrastinate":
        await distributed.ProcrastinateWaker.make_tables(postgres.conninfo_of(tmp_path))
    made = Workers(request.param, tmp_path)
    yield made
    made.end()


async def answer_once(store: Any, flow: Any, asked: Any) -> None:
    """Answer a question; where it is not known whether the answer came through, the next try tells."""
    while True:
        with suppress(StoreError):
            with suppress(InterruptError, FinishedError):
                await answer(store, flow, asked.execution_id, asked, 1000 + asked.payload)
            return


async def answer_all(store: Any, names: list[str]) -> None:
    """Answer every question as it comes up, with 1000 and its number."""
    flow, left = build(), {name for number, name in enumerate(names) if number % 3 == 0}
    while left:
        for asked in await store.pending("job"):
            if asked.execution_id in left and asked.interrupt_id == "q":
                await answer_once(store, flow, asked)
                left.discard(asked.execution_id)
        await asyncio.sleep(0.02)


@pytest.mark.long
async def test_nothing_is_lost_or_doubled_when_workers_are_killed_and_stopped(workers: Workers, tmp_path: Path) -> None:
    flow = build()
    store: Any
    async with workers.open() as store:
        names = [await submit(store, flow, number) for number in range(COUNT)]
        killed, stopped = workers.start(), workers.start()
        answering = asyncio.create_task(answer_all(store, names))
        await result(store, flow, names[2], timeout=60)  # they are at work
        workers.stop_between_commits(stopped)
        killed.kill()
        workers.start()
        results = [await result(store, flow, name, timeout=SOON) for name in names]  # the leases of both are over
        await answering
        os.kill(stopped.pid, signal.SIGCONT)  # what it does now is refused
        names.append(await submit(store, flow, 3 * COUNT + 2))
        results += [await result(store, flow, names[-1], timeout=60)]
        assert results[:COUNT] == [expected(number, 1000 + number) for number in range(COUNT)]
        tally = await store.get_flow_state("job")
        assert tally is not None
        assert msgspec.json.decode(tally)["done"] == COUNT + 1
        assert {entry.status for entry in await store.list("job")} == {"completed"}
        assert await store.quarantined() == []
    begun = Counter(line.split("\t")[0] for line in (tmp_path / "journal").read_text().splitlines())
    again = [key for key, times in begun.items() if times > 1]
    assert len(begun) == 4 * (COUNT + 1)  # four steps of each note their key
    assert len(again) <= 2 * 8 * 2  # what two workers had in flight, 8 executions each, when they went
    assert workers.started[-1].poll() is None


@pytest.mark.parametrize("workers", [BY_JOBS, *rows([*DATABASES, "sealed sqlite"], ["sqlite"])], indirect=True)
async def test_a_killed_worker_is_replaced_at_once_on_its_machine(workers: Workers) -> None:
    flow, hour = build(), 3600.0
    store: Any
    async with workers.open() as store:
        names = [await submit(store, flow, 3 * number + 2) for number in range(20)]
        first = workers.start(lease=hour)
        await result(store, flow, names[0], timeout=60)
        first.kill()
        workers.start(lease=hour)
        results = [await result(store, flow, name, timeout=60) for name in names]
    assert results == [10 * (3 * number + 2) for number in range(20)]


@pytest.mark.parametrize("workers", [BY_JOBS, *rows(DATABASES, ["postgres"])], indirect=True)
async def test_a_worker_that_is_asked_to_stop_ends_and_leaves_nothing_behind(workers: Workers, tmp_path: Path) -> None:
    flow = build()
    store: Any
    async with workers.open() as store:
        names = [await submit(store, flow, 3 * number + 2) for number in range(20)]
        first = workers.start()
        await result(store, flow, names[0], timeout=60)
        first.terminate()
        assert await asyncio.to_thread(first.wait, 30) == 0
        workers.start()
        results = [await result(store, flow, name, timeout=60) for name in names]
    assert results == [10 * (3 * number + 2) for number in range(20)]
    begun = Counter(line.split("\t")[0] for line in (tmp_path / "journal").read_text().splitlines())
    assert len(begun) == 4 * 20


@pytest.fixture
def crashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[postgres.Server]:
    """A server of the test's own that waits for the disk; the stores of the test, and of its workers, are there."""
    with tempfile.TemporaryDirectory(prefix="typedflow-pg-", dir="/tmp") as name:
        server = postgres.Server(Path(name))
        server.make(durable=True)
        server.start()
        monkeypatch.setenv(postgres.GIVEN, server.conninfo)
        try:
            yield server
        finally:
            server.stop()


@pytest.mark.postgres
@pytest.mark.long
@pytest.mark.parametrize("waker", ["postgres", BY_JOBS])
@pytest.mark.full
async def test_nothing_is_lost_or_doubled_when_the_database_crashes(
    crashing: postgres.Server, tmp_path: Path, waker: str
) -> None:
    """The server is restarted as by a crash, twice: the workers outlive it, and so do the stores of those who wait."""
    async with at_work(waker, tmp_path) as work:
        for name in work.names[2], work.names[COUNT // 2]:
            await result(work.store, build(), name, timeout=SOON)
            await asyncio.to_thread(crashing.restart)
        for name in work.names:
            await result(work.store, build(), name, timeout=SOON)
        assert [worker.poll() for worker in work.running] == [None, None]


@pytest.mark.postgres
@pytest.mark.full
@pytest.mark.parametrize("waker", WAKERS)
async def test_nothing_is_lost_or_doubled_when_all_connections_hang(
    crashing: postgres.Server, tmp_path: Path, waker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing comes through the connections of the workers any more, and none is closed; new ones work."""
    with (
        tempfile.TemporaryDirectory(prefix="typedflow-", dir="/tmp") as folder,
        Proxy(Path(folder), crashing.folder) as proxy,
    ):
        monkeypatch.setenv(postgres.GIVEN, proxy.conninfo)
        async with at_work(waker, tmp_path) as work:
            await result(work.store, build(), work.names[2], timeout=SOON)
            proxy.hang()


@pytest.mark.postgres
@pytest.mark.long
@pytest.mark.parametrize("waker", ["postgres", BY_JOBS])
async def test_nothing_is_lost_or_doubled_when_no_worker_is_told_of_it(tmp_path: Path, waker: str) -> None:
    """The jobs are deleted, and the sessions that listen are ended, again and again; a worker is killed meanwhile."""
    conninfo = postgres.conninfo_of(tmp_path)
    async with at_work(waker, tmp_path) as work:
        deafening = asyncio.create_task(deafen(conninfo, waker))
        await result(work.store, build(), work.names[2], timeout=SOON)
        work.running[0].kill()
        for name in work.names:
            await result(work.store, build(), name, timeout=SOON)
        assert not deafening.done()
        deafening.cancel()


async def deafen(conninfo: str, waker: str) -> None:
    """Keep everything that could wake a worker from it."""
    with postgres.connect(conninfo) as connection:
        connection.autocommit = True
        while True:
            if waker == "procrastinate":
                connection.execute("TRUNCATE procrastinate_jobs CASCADE")
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND query LIKE"
                " '%' || 'typedflow_executions'::regclass::oid || '%'"
            )
            await asyncio.sleep(0.05)


class Work(NamedTuple):
    """Two workers, and what they are at."""

    store: Any
    names: list[str]
    running: list[subprocess.Popen[str]]


@asynccontextmanager
async def at_work(waker: str, folder: Path) -> AsyncIterator[Work]:
    """Submit executions to two workers, and answer them; at the end each must have come to its result, once."""
    flow, workers = build(), Workers(waker, folder)
    if waker == "procrastinate":
        await distributed.ProcrastinateWaker.make_tables(postgres.conninfo_of(folder))
    try:
        async with workers.open() as store:
            names = [await submit(store, flow, number) for number in range(COUNT)]
            running = [workers.start(), workers.start()]
            answering = asyncio.create_task(answer_all(store, names))
            yield Work(store, names, running)
            results = [await result(store, flow, name, timeout=SOON) for name in names]
            await answering
            assert results == [expected(number, 1000 + number) for number in range(COUNT)]
            tally = await store.get_flow_state("job")
            assert tally is not None
            assert msgspec.json.decode(tally)["done"] == COUNT
            assert {entry.status for entry in await store.list("job")} == {"completed"}
            assert await store.quarantined() == []
    finally:
        workers.end()
