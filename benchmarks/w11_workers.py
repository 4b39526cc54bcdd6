"""W11: executions that workers run, in PostgreSQL: how many a second, how soon they are taken, how late timers are.

A worker looks for work once a second (`polled`), is notified by PostgreSQL as well (`notified`), or is woken by jobs of
procrastinate (`by_jobs`). Beside them stands procrastinate alone, whose jobs do the same commits. The server waits for
its disk, that of the temporary files, unless `TYPEDFLOW_POSTGRES` names one.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import psycopg
from procrastinate import App, PsycopgConnector
from psycopg.conninfo import make_conninfo

from tests.postgres import GIVEN, Server
from typedflow import Contract, Data, Flow
from typedflow.distributed import PollWaker, ProcrastinateWaker, Waker, Worker, result, submit
from typedflow.stores import PostgresStore

HOME: Final = Path(__file__).parent.parent
STEPS: Final = 6
WORKERS: Final = 2
CONCURRENCY: Final = 8
POLL: Final = 1.0
MILLI: Final = 1000
BYTES: Final = 700
"""As long as the head of such an execution."""

PROGRAM: Final = "import asyncio, sys; from benchmarks.w11_workers import serve; asyncio.run(serve(*sys.argv[1:]))"

Kind = Literal["polled", "notified", "by_jobs", "bare"]


class Work(Contract):
    input: float
    result: float


def step(data: Data[Work, float]) -> float:
    return data.value


def look(data: Data[Work, float]) -> float:
    return time.time()


def chain() -> Flow[Work]:
    flow = Flow(Work, name="chain")
    process = flow.to(step, name="s0")
    for number in range(1, STEPS):
        process = process.to(step, name=f"s{number}")
    process.end()
    return flow


def timer() -> Flow[Work]:
    flow = Flow(Work, name="timer")
    flow.to(step, name="begin").sleep(lambda data: datetime.now(UTC) + timedelta(seconds=data.value)).to(look).end()
    return flow


@contextmanager
def database() -> Iterator[str]:
    """Yield the connection string of an empty schema with the tables of procrastinate."""
    with tempfile.TemporaryDirectory(prefix="typedflow-pg-", dir=os.environ.get("TMPDIR", "/tmp")) as folder:
        server = None
        whole = os.environ.get(GIVEN)
        if whole is None:
            server = Server(Path(folder))
            server.make(durable=True)
            server.start()
            whole = server.conninfo
        schema = f"typedflow_bench_{os.getpid()}_{random.randrange(10**9)}"
        try:
            with psycopg.connect(whole, autocommit=True) as connection:
                connection.execute(f"CREATE SCHEMA {schema}")
            try:
                conninfo = make_conninfo(whole, options=f"-csearch_path={schema}")
                asyncio.run(ProcrastinateWaker.make_tables(conninfo))
                with psycopg.connect(conninfo, autocommit=True) as connection:
                    connection.execute("CREATE TABLE saves (id bigint PRIMARY KEY, sequence bigint, data bytea)")
                    connection.execute("CREATE TABLE began (id bigint, at timestamptz)")
                yield conninfo
            finally:
                with psycopg.connect(whole, autocommit=True) as connection:
                    connection.execute(f"DROP SCHEMA {schema} CASCADE")
        finally:
            if server is not None:
                server.stop()


def store_of(kind: Kind, conninfo: str) -> PostgresStore:
    return PostgresStore(conninfo, announce=ProcrastinateWaker.announce if kind == "by_jobs" else None)


def waker_of(kind: Kind, conninfo: str) -> Waker | None:
    match kind:
        case "polled":
            return PollWaker(POLL)
        case "by_jobs":
            return ProcrastinateWaker(conninfo, poll=POLL)
        case _:
            return None


def bare(conninfo: str) -> App:
    """procrastinate alone: a job that commits six times, and one that notes when it began."""
    app = App(connector=PsycopgConnector(conninfo=conninfo, min_size=2, max_size=CONCURRENCY))

    @app.task(name="chain")
    async def six(number: int) -> None:
        for sequence in range(STEPS):
            async with app.connector.pool.connection() as connection:  # type: ignore[attr-defined]
                await connection.execute("SELECT sequence FROM saves WHERE id = %s FOR UPDATE", (number,))
                await connection.execute(
                    "INSERT INTO saves VALUES (%(id)s, %(sequence)s, %(data)s) ON CONFLICT (id) DO UPDATE"
                    " SET sequence = %(sequence)s, data = %(data)s",
                    {"id": number, "sequence": sequence, "data": bytes(BYTES)},
                )

    @app.task(name="note")
    async def note(number: int) -> None:
        await app.connector.execute_query_async(
            "INSERT INTO began VALUES (%(id)s, %(at)s)", id=number, at=datetime.now(UTC)
        )

    return app


def options() -> dict[str, Any]:
    return {
        "fetch_job_polling_interval": POLL,
        "delete_jobs": "never",
        "install_signal_handlers": False,
        "listen_notify": True,
    }


# -- executions per second, by worker processes


async def serve(kind: Kind, conninfo: str) -> None:
    """A worker process, until it is killed."""
    if kind == "bare":
        app = bare(conninfo)
        async with app.open_async():
            await app.run_worker_async(concurrency=CONCURRENCY, **options())
    else:
        async with store_of(kind, conninfo) as store:
            waker = waker_of(kind, conninfo)
            await Worker(store, [chain()], concurrency=CONCURRENCY, poll=POLL, waker=waker).run()


def throughput(kind: Kind, size: int) -> float:
    """Return executions per second, from when the first is taken until the last is over."""
    with database() as conninfo:
        asyncio.run(fill(kind, conninfo, size))
        command = [sys.executable, "-c", PROGRAM, kind, conninfo]
        workers = [subprocess.Popen(command, cwd=HOME) for _ in range(WORKERS)]
        try:
            return size / span(kind, conninfo, size)
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()


async def fill(kind: Kind, conninfo: str, size: int) -> None:
    if kind == "bare":
        app = bare(conninfo)
        async with app.open_async():
            jobs: list[dict[str, Any]] = [{"number": number} for number in range(size)]
            await app.tasks["chain"].batch_defer_async(*jobs)
    else:
        async with store_of(kind, conninfo) as store:
            await asyncio.gather(*(submit(store, chain(), 0.0) for _ in range(size)))


def span(kind: Kind, conninfo: str, size: int) -> float:
    """Wait until all is over, and return how long that took."""
    over, took = (
        (
            "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'",
            "SELECT max(at) - min(at) FROM procrastinate_events WHERE type IN ('started', 'succeeded')",
        )
        if kind == "bare"
        else (
            "SELECT count(*) FROM typedflow_executions WHERE status = 'completed'",
            "SELECT max(saved_at) - min(taken_at) FROM typedflow_executions",
        )
    )
    with psycopg.connect(conninfo, autocommit=True) as connection:
        while True:
            [(count,)] = connection.execute(over).fetchall()
            if count == size:
                [(found,)] = connection.execute(took).fetchall()
                return float(found.total_seconds())
            time.sleep(0.1)


# -- how soon and how late, in one process


@asynccontextmanager
async def serving(kind: Kind, conninfo: str, flow: Flow[Work]) -> AsyncIterator[PostgresStore]:
    """Yield a store with an idle worker."""
    async with store_of(kind, conninfo) as store:
        worker = Worker(store, [flow], poll=POLL, waker=waker_of(kind, conninfo))
        running = asyncio.create_task(worker.run())
        try:
            await result(store, flow, await submit(store, flow, 0.0))
            yield store
        finally:
            worker.stop()
            await running


async def latencies(kind: Kind, conninfo: str, size: int) -> list[float]:
    """Submit one execution after the other to an idle worker; return the seconds until each was taken."""
    found, flow = [], chain()
    async with serving(kind, conninfo, flow) as store:
        for _ in range(size):
            await asyncio.sleep(random.random() * POLL)
            begin = time.time()
            name = await submit(store, flow, 0.0)
            await result(store, flow, name)
            with psycopg.connect(conninfo) as connection:
                query = "SELECT taken_at FROM typedflow_executions WHERE execution_id = %s"
                [(taken,)] = connection.execute(query, (name,)).fetchall()
            found.append(taken.timestamp() - begin)
    return found


async def lateness(kind: Kind, conninfo: str, size: int) -> list[float]:
    """Run an idle worker over one deadline after the other; return how many seconds late it continues."""
    found, flow = [], timer()
    async with serving(kind, conninfo, flow) as store:
        for _ in range(size):
            name = await submit(store, flow, 0.1 + random.random() * 0.5)
            with psycopg.connect(conninfo, autocommit=True) as connection:
                due = None
                while due is None:
                    query = "SELECT due FROM typedflow_executions WHERE execution_id = %s AND status = 'waiting'"
                    row = connection.execute(query, (name,)).fetchone()
                    due = None if row is None else row[0]
                    await asyncio.sleep(0.01)
            found.append(await result(store, flow, name) - due.timestamp())
    return found


@asynccontextmanager
async def serving_bare(conninfo: str) -> AsyncIterator[App]:
    app = bare(conninfo)
    async with app.open_async():
        running = asyncio.create_task(app.run_worker_async(concurrency=CONCURRENCY, **options()))
        try:
            yield app
        finally:
            running.cancel()
            await asyncio.wait([running])


async def began(conninfo: str, number: int) -> float:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        while True:
            row = connection.execute("SELECT at FROM began WHERE id = %s", (number,)).fetchone()
            if row is not None:
                return float(row[0].timestamp())
            await asyncio.sleep(0.01)


async def bare_latencies(conninfo: str, size: int) -> list[float]:
    found = []
    async with serving_bare(conninfo) as app:
        for number in range(size):
            await asyncio.sleep(random.random() * POLL)
            begin = time.time()
            await app.tasks["note"].defer_async(number=number)
            found.append(await began(conninfo, number) - begin)
    return found


async def bare_lateness(conninfo: str, size: int) -> list[float]:
    found = []
    async with serving_bare(conninfo) as app:
        for number in range(size):
            due = datetime.now(UTC) + timedelta(seconds=0.1 + random.random() * 0.5)
            await app.configure_task("note", schedule_at=due).defer_async(number=number)
            found.append(await began(conninfo, number) - due.timestamp())
    return found


def quantile(work: Callable[[str], Awaitable[list[float]]], share: float) -> float:
    """Return a quantile of what is measured, in ms."""

    async def measure(conninfo: str) -> list[float]:
        return await work(conninfo)

    with database() as conninfo:
        found = sorted(asyncio.run(measure(conninfo)))
    return max(0.0, found[min(len(found) - 1, int(share * len(found)))]) * MILLI


# -- one function for each row


def polled(size: int) -> float:
    return throughput("polled", size)


def notified(size: int) -> float:
    return throughput("notified", size)


def by_jobs(size: int) -> float:
    return throughput("by_jobs", size)


def floor(size: int) -> float:
    return throughput("bare", size)


def polled_latency(size: int) -> float:
    return quantile(lambda conninfo: latencies("polled", conninfo, size), 0.5)


def notified_latency(size: int) -> float:
    return quantile(lambda conninfo: latencies("notified", conninfo, size), 0.5)


def by_jobs_latency(size: int) -> float:
    return quantile(lambda conninfo: latencies("by_jobs", conninfo, size), 0.5)


def floor_latency(size: int) -> float:
    return quantile(lambda conninfo: bare_latencies(conninfo, size), 0.5)


def polled_latency_99(size: int) -> float:
    return quantile(lambda conninfo: latencies("polled", conninfo, size), 0.99)


def notified_latency_99(size: int) -> float:
    return quantile(lambda conninfo: latencies("notified", conninfo, size), 0.99)


def by_jobs_latency_99(size: int) -> float:
    return quantile(lambda conninfo: latencies("by_jobs", conninfo, size), 0.99)


def floor_latency_99(size: int) -> float:
    return quantile(lambda conninfo: bare_latencies(conninfo, size), 0.99)


def polled_lateness(size: int) -> float:
    return quantile(lambda conninfo: lateness("polled", conninfo, size), 0.5)


def notified_lateness(size: int) -> float:
    return quantile(lambda conninfo: lateness("notified", conninfo, size), 0.5)


def by_jobs_lateness(size: int) -> float:
    return quantile(lambda conninfo: lateness("by_jobs", conninfo, size), 0.5)


def floor_lateness(size: int) -> float:
    return quantile(lambda conninfo: bare_lateness(conninfo, size), 0.5)


def polled_lateness_99(size: int) -> float:
    return quantile(lambda conninfo: lateness("polled", conninfo, size), 0.99)


def notified_lateness_99(size: int) -> float:
    return quantile(lambda conninfo: lateness("notified", conninfo, size), 0.99)


def by_jobs_lateness_99(size: int) -> float:
    return quantile(lambda conninfo: lateness("by_jobs", conninfo, size), 0.99)


def floor_lateness_99(size: int) -> float:
    return quantile(lambda conninfo: bare_lateness(conninfo, size), 0.99)
