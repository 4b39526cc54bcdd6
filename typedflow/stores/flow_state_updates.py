"""Updates of flow_states in a database, in the thread of the caller: its function runs there, in its context.

They have a connection of their own, which never waits inside the database: a lock that is held is asked for again after
a pause. A coroutine pauses without blocking its loop; a plain call sleeps, in a running loop for a bounded time only.
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
from typing import Final, Protocol, cast, final

from typedflow.errors import StoreError
from typedflow.rules import stores as texts
from typedflow.rules.wording import quoted
from typedflow.stores.flow_state_sharing import Update, UpdateKey
from typedflow.stores.threads import Outcome

LONGEST_BLOCK: Final = 5.0
"""Seconds that a plain call may block a running event loop while others hold the write lock."""
LONGEST_PAUSE: Final = 0.02
"""Seconds between two tries, at the most; the first ones follow quicker. Random, so that two processes alternate."""


class UpdatingDatabase(Protocol):
    """The database of a store, through a connection of its own that never waits for a lock."""

    @property
    def store(self) -> str:
        """Return the name of the store's class."""
        ...

    @property
    def place(self) -> str:
        """Return where it is, for messages."""
        ...

    @property
    def is_connected(self) -> bool:
        """Return whether an update finds a connection; one that is opened without waiting counts as there."""
        ...

    def connect(self, seconds: float) -> None:
        """Connect, within so many seconds; raises `StoreError`. Called without blocking a loop, where that can be."""
        ...

    def update(self, doing: str, flow: str, key: UpdateKey | None, change: Update) -> Outcome | None:
        """Update in one transaction; None where another transaction holds the lock, and nothing has happened."""
        ...

    def find(self, doing: str, key: UpdateKey) -> Outcome | None:
        """Read the value that is stored with a key; the value None where there is none."""
        ...

    def finish(self) -> None:
        """Close the connection; raises nothing."""
        ...


@final
class Updates:
    """Run updates one at a time, each in one transaction."""

    def __init__(self, database: UpdatingDatabase, timeout: float) -> None:
        self._database = database
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
            if not self._database.is_connected:
                await asyncio.to_thread(self._connect, self._timeout)
            outcome = self._try_once(flow, key, change)
            if outcome is not None:
                return _value_of(outcome)
            await asyncio.sleep(pause)
        raise AssertionError  # the pauses end with an error

    def run_sync(self, flow: str, key: UpdateKey | None, change: Update) -> bytes:
        """Update a flow_state in a plain call."""
        seconds = min(self._timeout, LONGEST_BLOCK) if _in_loop() else self._timeout
        for pause in self._pauses(flow, seconds):
            if not self._database.is_connected:
                self._connect(seconds)
            outcome = self._try_once(flow, key, change)
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
                raise StoreError(texts.busy_problem(_doing(flow), seconds).at(self._database.place))
            longest = min(longest * 2, LONGEST_PAUSE)

    def _connect(self, seconds: float) -> None:
        self._require_open()
        with self._lock:
            self._process = os.getpid()
            self._database.connect(seconds)

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError(texts.closed_problem(self._database.store))
        if self._process not in (None, os.getpid()):
            raise StoreError(texts.other_process_problem(self._database.store))

    def _try_once(self, flow: str, key: UpdateKey | None, change: Update) -> Outcome | None:
        """Try to update; None where another transaction holds the lock, and nothing has happened."""
        self._require_open()
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

        outcome = self._database.update(_doing(flow), flow, key, cast(Update, once))
        if not called or (outcome is not None and outcome.error is None):
            return outcome
        return self._resolve_failed_commit(flow, key, outcome)

    def _resolve_failed_commit(self, flow: str, key: UpdateKey | None, outcome: Outcome | None) -> Outcome:
        """Return the stored value if an update whose commit failed is stored all the same, else the failure.

        The function is not called again in any case.
        """
        failed = outcome or Outcome(error=StoreError(texts.failed_problem(_doing(flow), "the commit failed")))
        if key is None or not isinstance(failed.error, StoreError):
            return failed
        with suppress(StoreError):
            found = self._database.find(_doing(flow), key)
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
