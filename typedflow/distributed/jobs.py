"""`ProcrastinateWaker`: jobs of procrastinate, in the database of a PostgresStore, wake its workers.

A job says that an execution became ready, and nothing else: what there is to do, the store knows. So a job that is
lost costs the time until the worker's next look, and one too many costs a look. No job has a lock: one that its worker
has died with would keep others from being queued, and a second one for the same execution would end the transaction
that queues it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, final

from typedflow.distributed.waking import HasMail, PollWaker
from typedflow.errors import StoreError
from typedflow.rules import stores as texts

try:
    import psycopg
    from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
    from procrastinate.exceptions import ConnectorException
    from procrastinate.jobs import Status
    from procrastinate.schema import SchemaManager
except ImportError as error:
    raise StoreError(texts.no_procrastinate_problem()) from error

LOG: Final = logging.getLogger("typedflow.worker")
TASK: Final = "typedflow.wake"
LONGEST_QUEUE: Final = 40
"""Bytes of a queue's name: procrastinate notifies on a channel of its name, and PostgreSQL limits those to 63."""
JOBS: Final = 4
"""Jobs at once: a busy worker keeps so many until it next looks for work."""
LONGEST_UNSEEN: Final = 5.0
"""Seconds from one query for jobs to the next, procrastinate's own figure: it does not hear of those that are queued
while it connects, so that its first connection and each later one could miss a job for as long as `poll`."""
PAUSE: Final = 0.5
"""Seconds until procrastinate's worker, which ends with its connection to the database, is started again."""
GRACE: Final = 5.0
"""Seconds that it may take to stop."""
LOCK: Final = 7239100232
"""The advisory lock under which procrastinate's tables are made."""

_DEFERRING: Final = App(connector=SyncPsycopgConnector())
"""Makes jobs; it is never opened, as they are queued through the connections of the store."""


@final
class ProcrastinateWaker:
    """Wake a worker by jobs of procrastinate in the same PostgreSQL, and every `poll` seconds, as `PollWaker` does.

    The store queues the jobs, in the transactions that make executions ready, where it is made with
    `announce=ProcrastinateWaker.announce`. Deadlines and ends of sleeps queue no job: a worker finds them
    when it looks for work. A job wakes a worker at once, or, where it was not connected just then, within 5 seconds. A
    job whose worker has given no sign of life for `stalled` seconds is deleted.

    >>> store = PostgresStore("postgresql://app@db/flows", announce=ProcrastinateWaker.announce)
    >>> waker = ProcrastinateWaker("postgresql://app@db/flows")
    >>> worker = Worker(store, [flow], resources={"library": lambda: {}}, waker=waker)
    """

    def __init__(self, conninfo: str, *, poll: float = 1.0, stalled: float = 30.0) -> None:
        self._conninfo = conninfo
        self._stalled = stalled
        self._poll = poll
        self._inner = PollWaker(poll)
        self._looked = asyncio.Event()
        """Set when the worker next looks for work, and then replaced."""

    @staticmethod
    def announce(connection: psycopg.Connection[Any], execution_id: str, flow: str) -> None:
        """Queue a job that wakes a worker of a flow, in the transaction of a connection: for a PostgresStore."""
        job = _DEFERRING.configure_task(TASK, queue=queue_of(flow), connection=connection)
        try:
            job.defer(execution_id=execution_id)
        except ConnectorException as error:
            if isinstance(error.__cause__, psycopg.errors.UndefinedObject | psycopg.errors.UndefinedFunction):
                raise StoreError(texts.no_jobs_problem()) from error
            raise error.__cause__ or error from None

    @staticmethod
    async def make_tables(conninfo: str) -> None:
        """Make the tables of procrastinate where there are none; those of an older version are up to its migrations."""
        await asyncio.to_thread(_make_tables, conninfo)

    @asynccontextmanager
    async def open(self, flows: Collection[str], has_mail: HasMail) -> AsyncIterator[None]:
        """Take jobs until the context ends."""
        serving = asyncio.create_task(self._serve([queue_of(flow) for flow in flows]))
        try:
            yield
        finally:
            self._looked.set()
            for _ in range(2):  # the first lets it finish its jobs, the second stops it at once
                serving.cancel()
                await asyncio.wait([serving], timeout=GRACE)

    async def wait(self, until: datetime | None) -> None:
        """Return at `until`, after `poll` seconds, when a job has come, or when `wake` is called."""
        await self._inner.wait(until)
        looked, self._looked = self._looked, asyncio.Event()
        looked.set()

    def wake(self) -> None:
        """Make `wait` return now."""
        self._inner.wake()

    async def _serve(self, queues: list[str]) -> None:
        """Run procrastinate's worker, and start it again when it ends."""
        while True:
            try:
                await self._serve_once(queues)
            except Exception as error:  # psycopg's, its pool's or procrastinate's: the database is gone
                LOG.warning("procrastinate's worker has ended: %s", type(error).__name__)
            await asyncio.sleep(PAUSE)

    async def _serve_once(self, queues: list[str]) -> None:
        app = App(connector=PsycopgConnector(conninfo=self._conninfo, min_size=1, max_size=JOBS, timeout=GRACE))

        @app.task(name=TASK)
        async def wake(execution_id: str) -> None:
            looked = self._looked
            self.wake()
            await looked.wait()

        async with app.open_async():
            deleting = asyncio.create_task(self._delete_stalled(app))
            try:
                await app.run_worker_async(
                    queues=queues,
                    concurrency=JOBS,
                    delete_jobs="always",
                    fetch_job_polling_interval=min(self._poll, LONGEST_UNSEEN),
                    install_signal_handlers=False,
                    shutdown_graceful_timeout=GRACE,
                    stalled_worker_timeout=self._stalled,
                    update_heartbeat_interval=self._stalled / 3,
                )
            finally:
                deleting.cancel()
                await asyncio.wait([deleting])

    async def _delete_stalled(self, app: App) -> None:
        """Delete the jobs of workers that are gone: the store has what they were about."""
        manager = app.job_manager
        while True:
            try:
                for job in await manager.get_stalled_jobs(task_name=TASK, seconds_since_heartbeat=self._stalled):
                    await manager.finish_job(job, status=Status.ABORTED, delete_job=True)
            except ConnectorException as error:
                LOG.warning("cannot delete jobs of dead workers: %s", error)
            await asyncio.sleep(self._stalled)


def queue_of(flow: str) -> str:
    """Return the name of a flow's queue: its own, where that is short and plain."""
    name = f"typedflow.{flow}"
    if len(name) <= LONGEST_QUEUE and name.isascii() and name.isprintable():
        return name
    return f"typedflow#{sha256(flow.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"


def _make_tables(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        query = (
            "SELECT to_regclass(format('%I.procrastinate_jobs', current_schema()))"  # the only one that the store uses
        )
        if connection.execute(query).fetchone() == (None,):
            connection.execute(SchemaManager.get_schema())
