"""ProcrastinateWaker: jobs in the transactions of the store, and the workers that they wake."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.postgres import conninfo_of, count_rows
from tests.stores.conformance import record
from typedflow import Contract, Data, Flow, StoreError
from typedflow.distributed import ProcrastinateWaker, Worker, result, submit
from typedflow.distributed.jobs import queue_of
from typedflow.stores import PostgresStore

pytestmark = pytest.mark.postgres

HOUR: Final = 3600.0


class Job(Contract):
    input: int
    result: int


def double(data: Data[Job, int]) -> int:
    return 2 * data.value


def build() -> Flow[Job]:
    flow = Flow(Job, name="job")
    flow.to(double).end()
    return flow


def empty(conninfo: str) -> str:
    """Make a schema anew, in which another test may have made tables."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT current_schema()").fetchone()
        assert row is not None
        connection.execute(f"DROP SCHEMA {row[0]} CASCADE")
        connection.execute(f"CREATE SCHEMA {row[0]}")
    return conninfo


@pytest.fixture
async def conninfo(tmp_path: Path) -> str:
    found = conninfo_of(tmp_path)
    await ProcrastinateWaker.make_tables(found)
    with psycopg.connect(found) as connection:  # another test may have had this schema
        connection.execute("TRUNCATE procrastinate_jobs CASCADE")
    return found


@pytest.fixture
async def store(conninfo: str) -> AsyncIterator[PostgresStore]:
    async with PostgresStore(conninfo, announce=ProcrastinateWaker.announce) as opened:
        yield opened


async def test_a_job_wakes_a_worker_that_would_not_look_for_an_hour(store: PostgresStore, conninfo: str) -> None:
    flow = build()
    worker = Worker(store, [flow], poll=HOUR, waker=ProcrastinateWaker(conninfo, poll=HOUR))
    running = asyncio.create_task(worker.run())
    try:
        for number in range(20):
            name = await submit(store, flow, number)
            assert await result(store, flow, name, timeout=60) == 2 * number
    finally:
        worker.stop()
        await running
    assert count_rows(conninfo, "procrastinate_jobs") == 0


@pytest.mark.full
async def test_a_job_whose_notification_is_missed_is_found_without_a_look_at_the_store(conninfo: str) -> None:
    """A worker misses it while it connects: what is queued between its first query for jobs and its LISTEN."""

    def announce_to_nobody(connection: psycopg.Connection[Any], execution_id: str, flow: str) -> None:
        connection.execute("SET LOCAL session_replication_role = replica")  # the trigger that notifies does not run
        ProcrastinateWaker.announce(connection, execution_id, flow)
        connection.execute("SET LOCAL session_replication_role = origin")

    flow = build()
    async with PostgresStore(conninfo, announce=announce_to_nobody) as store:
        worker = Worker(store, [flow], poll=HOUR, waker=ProcrastinateWaker(conninfo, poll=HOUR))
        running = asyncio.create_task(worker.run())
        try:
            for number in range(2):
                name = await submit(store, flow, number)
                assert await result(store, flow, name, timeout=60) == 2 * number
        finally:
            worker.stop()
            await running


async def test_a_backlog_is_worked_off_and_leaves_no_job(store: PostgresStore, conninfo: str) -> None:
    flow = build()
    names = [await submit(store, flow, number) for number in range(50)]
    assert count_rows(conninfo, "procrastinate_jobs") == 50
    worker = Worker(store, [flow], concurrency=2, poll=HOUR, waker=ProcrastinateWaker(conninfo, poll=0.1))
    running = asyncio.create_task(worker.run())
    try:
        assert [await result(store, flow, name, timeout=60) for name in names] == [2 * n for n in range(50)]
        async with asyncio.timeout(60):
            while count_rows(conninfo, "procrastinate_jobs"):  # noqa: ASYNC110  # a table does not notify
                await asyncio.sleep(0.05)
    finally:
        worker.stop()
        await running


async def test_the_tables_are_made_once_by_whoever_is_first(tmp_path: Path) -> None:
    conninfo = empty(conninfo_of(tmp_path))
    await asyncio.gather(*(ProcrastinateWaker.make_tables(conninfo) for _ in range(5)))
    assert count_rows(conninfo, "procrastinate_workers") == 0


async def test_tables_of_another_schema_are_not_those_of_the_store(tmp_path: Path) -> None:
    first, second = (empty(conninfo_of(tmp_path / name)) for name in ("first", "second"))
    await ProcrastinateWaker.make_tables(second)
    path = ",".join(str(conninfo_to_dict(each)["options"]).removeprefix("-csearch_path=") for each in (first, second))
    both = make_conninfo(first, options=f"-csearch_path={path}")
    await ProcrastinateWaker.make_tables(both)
    async with PostgresStore(both, announce=ProcrastinateWaker.announce) as store:
        await store.submit(record("a"))
    assert (count_rows(first, "procrastinate_jobs"), count_rows(second, "procrastinate_jobs")) == (1, 0)


async def test_a_database_without_the_tables_is_named_and_nothing_is_submitted(tmp_path: Path) -> None:
    conninfo = empty(conninfo_of(tmp_path))
    async with PostgresStore(conninfo, announce=ProcrastinateWaker.announce) as store:
        with pytest.raises(StoreError, match=r"TF953: .*no tables of procrastinate \(await ProcrastinateWaker.make_t"):
            await store.submit(record("a"))
        assert await store.get("a") is None


KILLED = """
import asyncio, os, signal, sys
from tests.stores.conformance import record
from typedflow.distributed import ProcrastinateWaker
from typedflow.stores import PostgresStore

def announce(*given):
    ProcrastinateWaker.announce(*given)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(PostgresStore(sys.argv[1], announce=announce).submit(record("a")))
"""


async def test_a_process_that_dies_behind_the_job_has_submitted_nothing_and_queued_nothing(
    store: PostgresStore, conninfo: str
) -> None:
    root = Path(__file__).parents[2]
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, conninfo, cwd=root)
    assert await killed.wait() == -9
    assert await store.get("a") is None
    assert count_rows(conninfo, "procrastinate_jobs") == 0
    await store.submit(record("a"))
    assert count_rows(conninfo, "procrastinate_jobs") == 1


async def test_the_job_of_a_worker_that_is_gone_is_deleted(store: PostgresStore, conninfo: str) -> None:
    await store.submit(record("a", flow="another"))
    with psycopg.connect(conninfo) as connection:
        connection.execute("UPDATE procrastinate_jobs SET status = 'doing'")
    worker = Worker(store, [build()], waker=ProcrastinateWaker(conninfo))
    running = asyncio.create_task(worker.run())
    try:
        async with asyncio.timeout(60):
            while count_rows(conninfo, "procrastinate_jobs"):  # noqa: ASYNC110  # a table does not notify
                await asyncio.sleep(0.05)
    finally:
        worker.stop()
        await running


@pytest.mark.parametrize("flow", ["job", "é", "x" * 500, "a b", "a\nb", "\ud800"])
def test_every_flow_has_a_queue_that_procrastinate_can_notify(flow: str) -> None:
    queue = queue_of(flow)
    assert len(f"procrastinate_queue_v1#{queue}".encode()) < 64
    assert (queue == f"typedflow.{flow}") is (flow in ("job", "a b"))


def test_without_procrastinate_workers_work_and_the_waker_names_the_extra() -> None:
    program = """if True:
    import sys
    sys.modules["procrastinate"] = None
    from typedflow import StoreError
    from typedflow.distributed import Worker, submit
    try:
        from typedflow.distributed import ProcrastinateWaker
    except StoreError as error:
        print(error)
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == (
        "TF953: ProcrastinateWaker needs procrastinate, which is not installed (pip install 'typedflow[distributed]')\n"
    )
