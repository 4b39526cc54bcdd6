"""The connection of a PostgresStore and its transactions. One thread at a time may use a session.

A writing job is one transaction at READ COMMITTED, which takes its locks in its first statements. A lost connection is
made again, and the job repeated, for as long as the store's `timeout`. Where it was lost while the commit was under
way, the server is told to end the old session first: then the rows show whether the commit came through.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar, cast, final

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from typedflow.errors import SnapshotError, StoreError, TypedflowError
from typedflow.stores.failures import Refusal, store_error
from typedflow.stores.postgres_schema import make_tables
from typedflow.stores.postgres_texts import adapt_texts
from typedflow.stores.threads import Outcome

T = TypeVar("T")
Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

GRACE: Final = 2.0
"""Seconds that a connection has beyond the server's own time limit before it counts as hung."""
FIRST_PAUSE: Final = 0.02
LONGEST_PAUSE: Final = 0.5
"""Seconds between two tries to reach the database: they grow from the first to the longest."""

HINTS: Final[dict[type[psycopg.Error], str]] = {
    errors.InsufficientPrivilege: "the role needs the right to make and to use the tables typedflow_… of the schema",
    errors.DiskFull: "free some space on the server; what was saved before is untouched",
    errors.QueryCanceled: "the server needs longer than answer_within=…",
    errors.LockNotAvailable: "another transaction holds the lock: pg_stat_activity shows it",
    errors.ReadOnlySqlTransaction: (
        "this is a standby (connect to the primary: target_session_attrs=read-write), or writing was turned off"
    ),
    errors.InvalidSchemaName: "CREATE SCHEMA, and give the role the right to use it: none of its search_path is there",
    errors.DuplicateTable: "the tables of this schema are not those of a PostgresStore: give it a schema of its own",
    errors.UndefinedColumn: "the tables of this schema are not those of a PostgresStore: give it a schema of its own",
}
_UNREACHABLE: Final = "start the server, or look at host, port, database, user and password"
_NO_MORE: Final = "start the server, or free a connection: fewer connections=…, or more of them"
"""Where the store has had a connection."""
_PASSING: Final = (
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.LockNotAvailable,
    errors.QueryCanceled,
)
"""What may be well the next time, as the server says itself."""


@final
@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work for a transaction; as `typedflow.stores.sqlite_database.Job`, for PostgreSQL."""

    doing: str
    writes: bool
    work: Callable[[Connection], object]
    was_committed: Callable[[Connection, Any], bool] | None = None
    """Asked with the value that `work` has returned, where the connection was lost in the commit.

    Without it the work is repeated, and must come to the same.
    """
    after: Callable[[Connection], object] | None = None
    """Called when the commit is done; an error there is no error of the job."""


@final
@dataclass(frozen=True, slots=True)
class Access:
    """Where the database is, and how long it is waited for, in seconds."""

    conninfo: str
    timeout: float
    answer_within: float
    reached: threading.Event = field(default_factory=threading.Event, compare=False)
    """Set for good when a connection of the store was there: a database that never answered is not waited for."""

    @property
    def place(self) -> str:
        """Return where the database is, without a password."""
        given = conninfo_to_dict(self.conninfo)
        shown = {key: str(given[key]) for key in ("host", "hostaddr", "port", "dbname", "service") if given.get(key)}
        return f"database {make_conninfo(**shown)!r}"


@final
class _Doubt(Exception):
    """The connection was lost in a commit that may have come through."""

    def __init__(self, outcome: Outcome, error: Exception) -> None:
        super().__init__(error)
        self.outcome = outcome
        self.error = error


@final
class Session:
    """Run jobs through one connection; connects at the first one, and again when it was lost."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._connection: Connection | None = None
        self._name: tuple[int, str] | None = None
        """What identifies the newest session in the server: its process, and when that began."""

    def run(self, jobs: list[Job]) -> list[Outcome]:
        """Run the jobs, each in a transaction of its own."""
        return [self._do(job, self._access.timeout) for job in jobs]

    def run_at_once(self, job: Job) -> Outcome | None:
        """Run a job once; None where another transaction holds a lock that it asks for, and nothing has happened."""
        try:
            return self._transact(job)
        except BaseException as error:  # an interrupt too: the lock must not stay with a transaction that never ends
            self._roll_back()
            if not isinstance(error, Exception):
                raise
            cause = error.error if isinstance(error, _Doubt) else error
            return None if isinstance(cause, errors.LockNotAvailable) else Outcome(error=self._explain(job, cause))

    def connect(self, seconds: float) -> None:
        """Connect where there is no connection; raises `StoreError`."""
        outcome = self._do(Job("open it", False, lambda db: None), seconds)
        if outcome.error is not None:
            raise outcome.error

    @property
    def is_connected(self) -> bool:
        """Return whether there is a connection that is not known to be lost."""
        return self._connection is not None and not self._connection.closed

    def finish(self) -> None:
        """Close the connection; raises nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()

    def _do(self, job: Job, seconds: float) -> Outcome:
        """Run a job; an error that may be gone the next time is retried until the time is over."""
        until, pause = time.monotonic() + seconds, FIRST_PAUSE
        doubt: _Doubt | None = None
        while True:
            try:
                if doubt is not None:
                    if self._came_through(job, doubt):
                        return doubt.outcome
                    doubt = None
                return self._transact(job)
            except _Doubt as caught:
                doubt, error = caught, caught.error
            except Exception as caught:  # whatever it was, its caller must hear of it, and the thread goes on
                error = caught
            self._roll_back()
            if isinstance(error, errors.LockNotAvailable):
                self._end_stopped()
            lost = self._access.reached.is_set() and _is_loss(error) and not self.is_connected
            passing = isinstance(error, _PASSING) or lost
            if not passing or time.monotonic() > until:
                return Outcome(error=self._explain(job, error))
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _came_through(self, job: Job, doubt: _Doubt) -> bool:
        """Return whether a commit was done during which the connection was lost."""
        look = job.was_committed
        assert look is not None
        return bool(self._transact(Job(job.doing, True, lambda db: look(db, doubt.outcome.value))).value)

    def _transact(self, job: Job) -> Outcome:
        """Run a job in one transaction; statements are sent together until one of them is asked for its rows."""
        connection = self._connect()
        outcome: Outcome | None = None
        try:
            with connection.pipeline():
                mode = "READ COMMITTED" if job.writes else "REPEATABLE READ READ ONLY"
                connection.execute(f"BEGIN ISOLATION LEVEL {mode}")
                outcome = Outcome(job.work(connection))
                connection.execute("COMMIT")
        except Refusal as refusal:
            self._roll_back()
            return Outcome(error=refusal.error)
        except psycopg.Error as error:
            if outcome is not None and connection.closed and job.was_committed is not None:
                raise _Doubt(outcome, error) from error
            raise
        if job.after is not None:
            with suppress(psycopg.Error):
                job.after(connection)
        return outcome

    def _connect(self) -> Connection:
        """Return the connection. Behind a lost one, what the server still does for that is ended first.

        It might hold locks, or commit what is looked up now.
        """
        if self._connection is None or self._connection.closed:
            self._connection = None
            connection = connect(self._access)
            try:
                if self._name is not None:
                    _end(connection, self._name, self._access.answer_within)
                row = connection.execute(
                    "SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()"
                ).fetchone()
            except BaseException:
                connection.close()
                raise
            assert row is not None
            self._connection, self._name = connection, (row[0], row[1])
            self._access.reached.set()
        return self._connection

    def _end_stopped(self) -> None:
        """End the sessions of processes that were stopped in the middle of a transaction, as by a debugger."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.execute(_END_STOPPED, (self._access.answer_within,))

    def _roll_back(self) -> None:
        if self._connection is not None:
            try:
                self._connection.rollback()
            except psycopg.Error:
                self.finish()

    def _explain(self, job: Job, error: Exception) -> TypedflowError:
        where = self._access.place
        if isinstance(error, StoreError | SnapshotError):
            return type(error)(problem.at(where) for problem in error.problems)
        if not isinstance(error, psycopg.Error):
            return store_error(job.doing, where, error)
        hint = next((hint for kind, hint in HINTS.items() if isinstance(error, kind)), "")
        if not hint and isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
            hint = _NO_MORE if self._access.reached.is_set() else _UNREACHABLE
        reason = error.diag.message_primary or str(error).partition("\n")[0] or type(error).__name__
        return store_error(job.doing, where, error, hint, reason)


_END_STOPPED: Final = """
SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a
WHERE a.state = 'active' AND a.wait_event = 'ClientRead' AND a.query_start < now() - %s * interval '1 second'
  AND a.usename = session_user AND a.application_name = current_setting('application_name')
  AND a.pid IN (SELECT pid FROM pg_locks WHERE relation = 'typedflow_executions'::regclass)
"""
"""Ends the sessions of other stores for whose next statement the server waits, in a transaction, for too long.

The time limit of each session does so (idle_in_transaction_session_timeout), but not between the statements of a
pipeline: those count as active. PostgreSQL has a limit for that from 17 on (transaction_timeout), for the sum of all.
"""


def _end(connection: Connection, name: tuple[int, str], seconds: float) -> None:
    """End a session in the server, and wait until it is over."""
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND backend_start::text = %s"
    until = time.monotonic() + seconds
    while connection.execute(query, name).fetchone() is not None:
        if time.monotonic() > until:
            raise psycopg.OperationalError("the session that was lost does not end")
        time.sleep(FIRST_PAUSE)


def _is_loss(error: Exception) -> bool:
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


class _Bounded(psycopg.Connection[tuple[Any, ...]]):
    """A connection that is closed where the server does not answer in time: a hung one would keep its thread for ever.

    Time-outs of the server and keepalives of the network do not help where something between them is stuck.
    """

    limit: float = 60.0

    def wait(self, gen: Generator[Any, Any, T], *arguments: Any, **options: Any) -> T:
        """Wait for the server, for `limit` seconds."""
        return super().wait(self._limited(gen), *arguments, **options)

    def _limited(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        until = time.monotonic() + self.limit
        try:
            state = next(gen)
            while True:
                ready = yield state
                if not ready and time.monotonic() > until:
                    gen.close()
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"the server has not answered within {self.limit:g} s")
                state = gen.send(ready)
        except StopIteration as done:
            return cast(T, done.value)


def connect(access: Access) -> Connection:
    """Connect, and make the tables where there are none."""
    answer = access.answer_within
    ours = {"connect_timeout": max(2, round(answer)), "application_name": "typedflow"}
    conninfo = make_conninfo(**cast(dict[str, Any], {**ours, **conninfo_to_dict(access.conninfo)}))
    connection = _Bounded.connect(conninfo, autocommit=True)
    try:
        connection.limit = answer + GRACE
        adapt_texts(connection)
        milliseconds = str(max(1, round(answer * 1000)))
        connection.execute(
            "SELECT set_config('timezone', 'UTC', false), set_config('client_encoding', 'UTF8', false),"
            " set_config('jit', 'off', false),"  # it takes longer to compile a page than to read it
            " set_config('statement_timeout', %(ms)s, false), set_config('lock_timeout', %(lock)s, false),"
            " set_config('idle_in_transaction_session_timeout', %(ms)s, false)",
            {"ms": milliseconds, "lock": str(max(1, round(answer * 900)))},  # else the other limit would hide it
        )
        make_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection
