"""The SQLite database of a store: its connection and its transactions. One thread at a time may use it.

Durability is WAL with `synchronous=FULL`: a commit returns when it is on the disk (NORMAL loses acknowledged commits at
a power loss, OFF corrupts; https://sqlite.org/pragma.html#pragma_synchronous). Writers begin with `BEGIN IMMEDIATE`: a
deferred transaction that reads first and writes later fails without waiting when another writer came between.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple, final

from typedflow.errors import SnapshotError, StoreError, TypedflowError
from typedflow.rules import stores as texts
from typedflow.stores.failures import Refusal, kind_of_file, store_error
from typedflow.stores.sqlite_schema import make_tables
from typedflow.stores.threads import Outcome

LOG_PAGES: Final = 256
"""Pages, of 4 KiB, after which the log is folded into the database and written from its start again.

A commit into a part of the log that is there already is quicker than one that makes the file longer; SQLite's own 1,000
pages leave the log growing for the first 1,000 saves (https://sqlite.org/pragma.html#pragma_wal_autocheckpoint).
"""
RETRY_AFTER: Final = 0.01
"""Seconds between two tries to turn WAL on: SQLite does not wait for that lock by itself."""

_making: Final = threading.Lock()
"""Held while a new file is open that another thread may connect to."""

_DAMAGED: Final = "run `PRAGMA integrity_check` on it, or bring it back from a backup"
_FOLDER: Final = "its folder must exist and be writable"
HINTS: Final = {
    sqlite3.SQLITE_BUSY: "another process holds the write lock: find it, or give the store a longer timeout=…",
    sqlite3.SQLITE_FULL: "free some space; what was saved before is untouched",
    sqlite3.SQLITE_CANTOPEN: _FOLDER,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}


class Job(NamedTuple):
    """One piece of work for a transaction.

    `work` gives the value for the caller. An error that it raises *before its first write* is for the caller alone; to
    tell it from a failing database it is wrapped in `Refusal`.
    """

    doing: str
    """For messages: "save 'a'"."""
    writes: bool
    work: Callable[[sqlite3.Connection], object]
    short: Callable[[sqlite3.Connection], bool] | None = None
    """Does it all in one statement, a transaction of its own, and gives True, where that can be; else nothing."""


@final
class Database:
    """Run jobs in transactions; connects at the first one, and again after a failure."""

    def __init__(self, path: str, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._connection: sqlite3.Connection | None = None

    def run(self, jobs: list[Job]) -> list[Outcome]:
        """Run the jobs in one transaction; if that fails, each in its own, so that each gets its own outcome.

        What none of them could get past (no database, no write lock) is not tried again for each: they would wait for
        it one after another.
        """
        try:
            return self._run_together(jobs)
        except Exception as error:  # whatever it was, its callers must hear of it, and the thread goes on
            failure = error
        self._roll_back()
        alone = len(jobs) == 1 or self._connection is None
        locked = _code(failure) == sqlite3.SQLITE_BUSY
        return [
            Outcome(error=self._explain(job.doing, failure)) if alone or (locked and job.writes) else self.run([job])[0]
            for job in jobs
        ]

    def run_at_once(self, job: Job) -> Outcome | None:
        """Run a job without waiting for a lock; None where another connection holds it, and nothing has happened."""
        try:
            if job.short is not None and self._connection is not None and job.short(self._connection):
                return _DONE
            return self._run_together([job])[0]
        except BaseException as error:  # an interrupt too: the lock must not stay with a transaction that never ends
            self._roll_back()
            if not isinstance(error, Exception):
                raise
            busy = _code(error) == sqlite3.SQLITE_BUSY
            return None if busy else Outcome(error=self._explain(job.doing, error))

    def finish(self) -> None:
        """Close the connection; the last one of a database also folds the WAL into it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):  # all that was acknowledged is in the WAL
                connection.close()

    def _run_together(self, jobs: list[Job]) -> list[Outcome]:
        if self._connection is None:
            self._connection = connect(self._path, self._timeout)
        writes = any(job.writes for job in jobs)
        if writes:
            self._connection.execute("BEGIN IMMEDIATE")
        outcomes = [_do(job, self._connection) for job in jobs]
        if writes:
            self._connection.execute("COMMIT")
        return outcomes

    def _roll_back(self) -> None:
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.finish()

    def _explain(self, doing: str, error: Exception) -> TypedflowError:
        where = f"database {self._path!r}"  # a path is never cut
        if isinstance(error, StoreError | SnapshotError):
            return type(error)(problem.at(where) for problem in error.problems)
        no_folder = isinstance(error, FileNotFoundError | NotADirectoryError | PermissionError)
        return store_error(doing, where, error, _FOLDER if no_folder else HINTS.get(_code(error), ""))


_DONE: Final = Outcome()


def _code(error: Exception) -> int:
    """Return SQLite's primary code, which is the low byte; 0 for errors that are not SQLite's."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _do(job: Job, connection: sqlite3.Connection) -> Outcome:
    try:
        return Outcome(job.work(connection))
    except Refusal as refusal:
        return Outcome(error=refusal.error)


def connect(path: str, timeout: float) -> sqlite3.Connection:
    """Open the database, and make it where there is none, readable by its owner only (the WAL gets the same mode)."""
    _make_file(path)
    _require_file(path)
    connection = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
    try:
        _turn_on_wal(connection, timeout)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
        connection.execute("PRAGMA trusted_schema=OFF")
        make_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _make_file(path: str) -> None:
    """Make an empty file where there is none; one that is there is not opened.

    To close it would give up all locks that this process has on it, those of other connections too. Another process
    that comes and goes takes itself for the last one then, and deletes the log that this one goes on to write into
    (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    with _making, suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _require_file(path: str) -> None:
    """Refuse what is no file before SQLite opens it: that could wait for ever for the other end of a FIFO."""
    with suppress(FileNotFoundError):  # SQLite has words of its own for that
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            raise StoreError(
                texts.failed_problem("open it", f"it is {kind_of_file(mode)}, not a file", "give another path")
            )


def _turn_on_wal(connection: sqlite3.Connection, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_AFTER)
    if mode != "wal":
        raise StoreError(texts.no_wal_problem(mode))
