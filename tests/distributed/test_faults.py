"""What a worker outlives: poison, a blocked loop, executions of a newer flow, a database that is away."""

from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from tests.distributed.risky import BLOCKING, POISON, build
from typedflow import Contract, Data, Flow, State
from typedflow.distributed import Worker, result, submit
from typedflow.stores import SQLiteStore

ROOT: Final = Path(__file__).parents[2]
SOON: Final = 60.0
"""Seconds that a test waits at the most."""


@asynccontextmanager
async def worker_process(folder: Path, lease: float) -> AsyncIterator[asyncio.subprocess.Process]:
    command = ["-m", "tests.distributed.risky", str(folder / "work.db"), str(folder / "journal"), str(lease)]
    path = os.pathsep.join([str(ROOT), str(ROOT / "mypy_plugin")])
    worker = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE
    )
    try:
        assert worker.stdout is not None
        assert await worker.stdout.readline() == b"ready\n"
        yield worker
    finally:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()


def begun(folder: Path) -> Counter[str]:
    return Counter(line.split("\t")[0] for line in (folder / "journal").read_text().splitlines())


async def done(store: SQLiteStore) -> int:
    tally = await store.get_flow_state("risky")
    assert tally is not None
    count: int = msgspec.json.decode(tally)["done"]
    return count


async def test_an_execution_that_kills_its_workers_ends_in_quarantine_and_the_others_right(tmp_path: Path) -> None:
    flow = build()
    async with SQLiteStore(tmp_path / "work.db") as store:
        names = [await submit(store, flow, number) for number in range(30)]
        poison = await submit(store, flow, POISON)
        names += [await submit(store, flow, number) for number in range(30, 60)]
        deaths = 0
        async with asyncio.timeout(SOON):
            while not await store.quarantined():
                async with worker_process(tmp_path, lease=3600) as worker:
                    ended = asyncio.create_task(worker.wait())
                    while not ended.done() and not await store.quarantined():  # noqa: ASYNC110  # a file does not notify
                        await asyncio.sleep(0.02)
                    deaths += ended.done()
                    ended.cancel()
            async with worker_process(tmp_path, lease=3600):
                results = [await result(store, flow, name, timeout=SOON) for name in names]
        assert deaths == 3
        assert results == [2 * number for number in range(60)]
        assert await done(store) == 60
        assert [entry.execution_id for entry in await store.quarantined()] == [poison]
        assert await store.problem(poison) == "3 workers have died with it"


async def test_a_loop_that_is_blocked_for_longer_than_its_lease_keeps_it(tmp_path: Path) -> None:
    flow = build()
    async with SQLiteStore(tmp_path / "work.db") as store:
        name = await submit(store, flow, BLOCKING)
        async with worker_process(tmp_path, lease=0.5), worker_process(tmp_path, lease=0.5):
            assert await result(store, flow, name, timeout=SOON) == 2 * BLOCKING
        assert await done(store) == 1
    assert list(begun(tmp_path).values()) == [1]


class Draft(State):
    text: str = ""


class Article(Contract):
    input: int
    result: str
    state: Draft


def newer() -> type[Contract]:
    class Draft(State):
        text: str = ""
        reviewer: str = ""

    class Article(Contract, version=2):
        input: int
        result: str
        state: Draft

    return Article


def name_it(data: Data[Any, int]) -> str:
    return f"done {data.value}"


async def test_what_a_newer_flow_has_saved_is_left_for_its_workers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old: Flow[Any] = Flow(Article, name="draft")
    new: Flow[Any] = Flow(newer(), name="draft")
    for flow in (old, new):
        flow.to(name_it, name="write").end()
    async with SQLiteStore(tmp_path / "work.db") as store:
        name = await submit(store, new, 4)
        async with running(Worker(store, [old], poll=0.01, requeue=0.05)):
            await logged(caplog, "TF915")
        assert await store.quarantined() == []
        assert "TF915" in (await store.problem(name) or "")
        async with running(Worker(store, [new], poll=0.01)):
            assert await result(store, new, name, timeout=SOON) == "done 4"


async def test_the_result_of_a_newer_child_is_left_for_the_newer_workers_of_its_parent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A deploy renews one worker after the other, and those of children may come first."""

    class Paper(Contract):
        input: int
        result: str

    def flows(contract: type[Contract]) -> tuple[Flow[Any], Flow[Any]]:
        child: Flow[Any] = Flow(contract, name="draft")
        child.to(name_it, name="write").end()
        parent: Flow[Any] = Flow(Paper, name="paper")
        parent.to_sub_flow(child, remote=True, capture={"input": "value"}).end()
        return parent, child

    renewed = newer()
    renewed.migrate(1)(lambda layers: layers)
    (old, _), (new, newer_child) = flows(Article), flows(renewed)
    async with SQLiteStore(tmp_path / "work.db") as store:
        name = await submit(store, new, 4)
        async with running(Worker(store, [old], poll=0.01, requeue=0.05)):
            async with running(Worker(store, [newer_child], poll=0.01)):
                await logged(caplog, "TF915")
        async with running(Worker(store, [new], poll=0.01)):
            assert await result(store, new, name, timeout=SOON) == "done 4"
        assert len(await store.list("draft")) == 1


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await task


async def logged(caplog: pytest.LogCaptureFixture, text: str) -> None:
    """Return when a worker has said something."""
    async with asyncio.timeout(SOON):
        while not any(text in record.getMessage() for record in caplog.records):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock a database for writing, as another process may."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@contextmanager
def full(path: Path) -> Iterator[None]:
    """Prevent files of this process from growing: EFBIG, where a full disk gives ENOSPC."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("away", [locked, full])
async def test_a_worker_outlives_a_database_that_cannot_be_written(
    away: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flow: Flow[Any] = Flow(Article, name="draft")
    flow.to(name_it, name="write").end()
    path = tmp_path / "work.db"
    async with SQLiteStore(path, timeout=0.05) as store:
        names = [await submit(store, flow, number) for number in range(5)]
        with away(path):
            worker = Worker(store, [flow], poll=0.01, requeue=0.05)
            task = asyncio.create_task(worker.run())
            await logged(caplog, "cannot take executions: TF953")
        try:
            assert [await result(store, flow, name, timeout=SOON) for name in names] == [
                f"done {number}" for number in range(5)
            ]
        finally:
            worker.stop()
            await task


async def test_a_worker_outlives_a_database_that_goes_while_it_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    entered, go = asyncio.Event(), asyncio.Event()
    times = Counter[str]()

    async def wait(data: Data[Article, int]) -> str:
        times[data.key] += 1
        entered.set()
        await go.wait()
        return f"done {data.value}"

    flow: Flow[Any] = Flow(Article, name="draft")
    flow.to(wait, name="write").end()
    path = tmp_path / "work.db"
    async with SQLiteStore(path, timeout=0.05) as store:
        name = await submit(store, flow, 1)
        async with running(Worker(store, [flow], poll=0.01, requeue=0.05, lease=0.5)):
            await entered.wait()
            with locked(path):
                go.set()
                await logged(caplog, "TF953")
            assert await result(store, flow, name, timeout=SOON) == "done 1"
        assert await store.quarantined() == []
    assert sum(times.values()) == 2, "what could not be saved has run again"
