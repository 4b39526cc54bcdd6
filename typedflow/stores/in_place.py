"""A save on the caller's own thread, where it delays no other task and the disk is quick.

Handing a job to another thread and its outcome back to the loop takes as long as a commit on a good disk. The only
task of a loop gains nothing by it: while it waits for its save, there is no other task to run.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Callable
from typing import Final, final

from typedflow.stores.sqlite_database import Database, Job
from typedflow.stores.threads import Outcome, StoreThread

SLOW: Final = 0.005
"""Seconds: after a save that took longer, the store's thread has the next ones, so that timers stay on time."""
BACK_OFF: Final = 64
"""Saves that are left to the store's thread before the next one is tried in place."""
CHECK_EVERY: Final = 8
"""Saves in place from one check for other tasks to the next, as `asyncio.all_tasks` takes longer with each task."""


@final
class InPlace:
    """Run jobs on the caller's thread, through a connection of its own that never waits for a lock."""

    def __init__(self, path: str, thread: StoreThread[Job]) -> None:
        self._database = Database(path, timeout=0)
        self._thread = thread
        self._lock = threading.Lock()
        self._saves_for_thread = 0
        self._until_next_check = 0
        self._checked_loop: Callable[[], object] = lambda: None
        dropped = weakref.finalize(self, self._database.finish)
        dropped.atexit = False  # then some thread may still be at it

    def run(self, job: Job) -> Outcome | None:
        """Run a job now; None where it cannot be, or would delay another task: it is for the store's thread then."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return self._run(job)
        finally:
            self._lock.release()

    def _run(self, job: Job) -> Outcome | None:
        if self._saves_for_thread:
            self._saves_for_thread -= 1
            return None
        begin = time.perf_counter()
        if not self._thread.is_idle or not self._is_alone():
            self._saves_for_thread = BACK_OFF
            return None
        outcome = self._database.run_at_once(job)
        if outcome is None or time.perf_counter() - begin > SLOW:
            self._saves_for_thread = BACK_OFF
        return outcome

    def _is_alone(self) -> bool:
        """Return True if the caller is the only task of its loop, as of the last check of `CHECK_EVERY` saves."""
        loop = asyncio.get_running_loop()
        if loop is not self._checked_loop() or self._until_next_check == 0:
            if len(asyncio.all_tasks(loop)) > 1:
                return False
            self._checked_loop, self._until_next_check = weakref.ref(loop), CHECK_EVERY
        self._until_next_check -= 1
        return True

    def close(self) -> None:
        """Close the connection, when a save under way is over; the thread is closed already, so there is no next.

        In a child process it stays: closing it there could take locks or files away from the parent.
        """
        if self._thread.is_here:
            with self._lock:
                self._database.finish()
