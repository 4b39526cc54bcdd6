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
"""Saves that the store's thread does before it is tried again whether one can be done in place."""
LOOK_EVERY: Final = 8
"""Saves in place from one look for other tasks to the next: to ask for all tasks takes longer with each of them."""


@final
class InPlace:
    """Do jobs on the thread that asks, through a connection of its own that never waits for a lock."""

    def __init__(self, path: str, thread: StoreThread[Job]) -> None:
        self._database = Database(path, timeout=0)
        self._thread = thread
        self._lock = threading.Lock()
        self._left_to_thread = 0
        self._until_next_look = 0
        self._looked_at: Callable[[], object] = lambda: None
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
        if self._left_to_thread:
            self._left_to_thread -= 1
            return None
        begin = time.perf_counter()
        if not self._thread.rests or not self._is_alone():
            self._left_to_thread = BACK_OFF
            return None
        outcome = self._database.run_at_once(job)
        if outcome is None or time.perf_counter() - begin > SLOW:
            self._left_to_thread = BACK_OFF
        return outcome

    def _is_alone(self) -> bool:
        """Return whether the caller is the only task of its loop; checked now and then only, as that takes a while."""
        loop = asyncio.get_running_loop()
        if loop is not self._looked_at() or self._until_next_look == 0:
            if len(asyncio.all_tasks(loop)) > 1:
                return False
            self._looked_at, self._until_next_look = weakref.ref(loop), LOOK_EVERY
        self._until_next_look -= 1
        return True

    def close(self) -> None:
        """Close the connection, when a save under way is over; the thread is closed already, so there is no next.

        In a child process it stays: closing it there could take locks or files away from the parent.
        """
        if self._thread.is_here:
            with self._lock:
                self._database.finish()
