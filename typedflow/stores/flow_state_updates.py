"""Updates of flow_states in SQLite, in the thread of the caller: its function runs there, in its context.

They have a connection of their own, which never waits inside SQLite: a lock that is held is asked for again after a
pause. A coroutine pauses without blocking its loop; a plain call sleeps, and in a running loop only for a bounded time.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, cast, final

from typedflow.errors import StoreError
from typedflow.rules import stores as texts
from typedflow.rules.wording import quoted
from typedflow.stores.database import Database, Job
from typedflow.stores.flow_state_rows import find_value, update
from typedflow.stores.protocol import Update, UpdateKey
from typedflow.stores.worker import Outcome

LONGEST_BLOCK: Final = 5.0
"""Seconds that a plain call may block a running event loop while others hold the write lock."""
LONGEST_PAUSE: Final = 0.02
"""Seconds between two tries, at the most; the first ones follow quicker. Random, so that two processes alternate."""


@final
class Updates:
    """Run updates one at a time, each in one transaction."""

    def __init__(self, path: str, timeout: float) -> None:
        self._database = Database(path, timeout=0)
        self._path = path
        self._timeout = timeout
        self._lock = threading.Lock()
        self._owner = 0
        """The thread whose update is running; 0 where none is."""
        self._process: int | None = None
        self._closed = False
        dropped = weakref.finalize(self, self._database.finish)
        dropped.atexit = False  # then some thread may still be at it

    async def run(self, flow: str, key: UpdateKey | None, change: Update) -> bytes:
        """Update a flow_state; waits for locks without blocking the loop."""
        for pause in self._pauses(flow, self._timeout):
            outcome = self._attempt(flow, key, change)
            if outcome is not None:
                return _value_of(outcome)
            await asyncio.sleep(pause)
        raise AssertionError  # the pauses end with an error

    def run_sync(self, flow: str, key: UpdateKey | None, change: Update) -> bytes:
        """Update a flow_state in a plain call."""
        for pause in self._pauses(flow, min(self._timeout, LONGEST_BLOCK) if _in_loop() else self._timeout):
            outcome = self._attempt(flow, key, change)
            if outcome is not None:
                return _value_of(outcome)
            time.sleep(pause)
        raise AssertionError  # as above

    def close(self) -> None:
        """Close the connection, after the update under way; in a child process it stays, as it is the parent's."""
        self._closed = True
        if self._process == os.getpid():
            with self._lock:
                self._database.finish()

    def _pauses(self, flow: str, seconds: float) -> Iterator[float]:
        """Yield how long to wait after each try; raises `StoreError` when the time is over."""
        end = time.monotonic() + seconds
        longest = 0.001
        while True:
            yield random.uniform(longest / 2, longest)  # no secret
            if time.monotonic() > end:
                raise StoreError(texts.busy_problem(_doing(flow), seconds).at(f"database {self._path!r}"))
            longest = min(longest * 2, LONGEST_PAUSE)

    def _attempt(self, flow: str, key: UpdateKey | None, change: Update) -> Outcome | None:
        """Try to update; None where somebody else holds the lock, and nothing has happened."""
        if self._closed:
            raise StoreError(texts.closed_problem("SQLiteStore"))
        if self._process not in (None, os.getpid()):
            raise StoreError(texts.other_process_problem("SQLiteStore"))
        if self._owner == threading.get_ident():
            raise StoreError(texts.nested_problem(_doing(flow)))
        if not self._lock.acquire(blocking=False):
            return None
        try:
            self._process, self._owner = os.getpid(), threading.get_ident()
            return self._run(flow, key, change)
        finally:
            self._owner = 0
            self._lock.release()

    def _run(self, flow: str, key: UpdateKey | None, change: Update) -> Outcome | None:
        called: list[None] = []

        def once(stored: bytes | None) -> object:
            called.append(None)
            return change(stored)

        job = Job(_doing(flow), True, lambda db: update(db, flow, key, cast(Update, once)))
        outcome = self._database.run_at_once(job)
        if not called or (outcome is not None and outcome.error is None):
            return outcome
        return self._settled(flow, key, outcome)

    def _settled(self, flow: str, key: UpdateKey | None, outcome: Outcome | None) -> Outcome:
        """Find out whether a commit came through although it failed; the function is not called again in any case."""
        failed = outcome or Outcome(error=StoreError(texts.failed_problem(_doing(flow), "the commit failed")))
        if key is None or not isinstance(failed.error, StoreError):
            return failed
        with suppress(StoreError):
            found = self._database.run_at_once(Job(_doing(flow), False, lambda db: find_value(db, key)))
            if found is not None and found.error is None and found.value is not None:
                return found
        return failed


def _doing(flow: str) -> str:
    return f"update the flow_state of {quoted(flow)}"


def _value_of(outcome: Outcome) -> bytes:
    if outcome.error is not None:
        raise outcome.error
    return cast(bytes, outcome.value)


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
