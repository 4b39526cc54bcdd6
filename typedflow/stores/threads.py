"""One thread that does a store's blocking work, for callers on any loop.

Jobs run in the order of their calls. What has queued up while one batch ran is the next batch: a store whose commit is
dear makes one of it for all of them, and no job waits for others that may not come.
"""

from __future__ import annotations

import asyncio
import os
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Final, Generic, NamedTuple, Protocol, TypeVar, final

from typedflow.errors import StoreError
from typedflow.rules import stores as texts

LARGEST_BATCH: Final = 128
"""Jobs that run together: bounds what one failing commit repeats, and how long the first of them waits."""

J = TypeVar("J")


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """The value that a job returned, or the error that its caller gets."""

    value: object = None
    error: BaseException | None = None


class Session(Protocol[J]):
    """Runs the jobs, on this thread only. It must not hold the store, which could then never be collected."""

    def run(self, jobs: list[J]) -> list[Outcome]:
        """Run the jobs and return the outcome of each, in their order; raises nothing."""
        ...

    def finish(self) -> None:
        """Release everything; raises nothing."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Beat(Generic[J]):
    """A job that the thread repeats, between those of its callers."""

    every: float
    """Seconds from one time to the next."""
    job: Callable[[], J | None]
    """Returns the job of this time, None if there is none; called on the thread. If it fails, the next time repeats it.
    It must not hold the store."""


class _Call(NamedTuple, Generic[J]):
    job: J | None
    """None ends the thread."""
    future: asyncio.Future[Outcome] | None
    """None where no caller waits for the outcome."""


@final
class _Progress:
    """Count the jobs that have been run; only the thread writes it."""

    __slots__ = ("finished",)

    def __init__(self) -> None:
        self.finished = 0


@final
class StoreThread(Generic[J]):
    """Pass jobs to a session on a thread of its own, which the first of them starts.

    It ends without `close` too, when this object is collected. It is a daemon: at the end of the process it is stopped
    between two instructions, as by a kill, which a store has to survive anyway.
    """

    def __init__(
        self, store: str, session: Session[J], batch: int = LARGEST_BATCH, beat: Beat[J] | None = None
    ) -> None:
        self._store = store
        self._session = session
        self._batch = batch
        self._beat = beat
        self._queue: SimpleQueue[_Call[J] | None] = SimpleQueue()
        self._lock = Lock()
        self._submitted = 0
        self._progress = _Progress()
        self._started_in: int | None = None
        self._closed = False

    @property
    def is_here(self) -> bool:
        """Return True if the thread was started in this process."""
        return self._started_in == os.getpid()

    @property
    def is_idle(self) -> bool:
        """Return True if the thread runs in this process and has nothing to do now."""
        return self.is_here and not self._closed and not self.unfinished

    @property
    def unfinished(self) -> int:
        """Return how many jobs are queued or running."""
        return self._submitted - self._progress.finished

    @property
    def submitted(self) -> int:
        """Return how many jobs were submitted until now."""
        return self._submitted

    def has_finished(self, submitted: int) -> bool:
        """Return True if the first so many jobs have been run."""
        return self._progress.finished >= submitted

    async def call(self, job: J) -> object:
        """Run a job on the thread. A cancelled caller does not stop it: queued jobs are run."""
        outcome = await self._submit(job)
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    def post(self, job: J) -> None:
        """Queue a job whose outcome no caller needs; does nothing if the thread has ended or never began."""
        with self._lock:
            if self.is_here and not self._closed:
                self._submitted += 1
                self._queue.put(_Call(job, None))

    async def close(self) -> None:
        """Run the queued jobs, finish the session and end the thread."""
        with self._lock:
            started, self._closed = self.is_here and not self._closed, True
        if started:
            await self._enqueue(None)

    def _submit(self, job: J) -> asyncio.Future[Outcome]:
        with self._lock:
            if self._closed:
                raise StoreError(texts.closed_problem(self._store))
            if self._started_in is None:
                self._start()
            elif not self.is_here:
                raise StoreError(texts.other_process_problem(self._store))
            self._submitted += 1
            return self._enqueue(job)

    def _enqueue(self, job: J | None) -> asyncio.Future[Outcome]:
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._queue.put(_Call(job, future))
        return future

    def _start(self) -> None:
        serving = self._queue, self._session, self._progress, self._batch, self._beat
        Thread(target=_serve, args=serving, name=f"typedflow {self._store}", daemon=True).start()
        self._started_in = os.getpid()
        weakref.finalize(self, self._queue.put, None)


def _serve(
    queue: SimpleQueue[_Call[J] | None], session: Session[J], progress: _Progress, batch: int, beat: Beat[J] | None
) -> None:
    due = time.monotonic() + (0 if beat is None else beat.every)
    while True:
        calls, last, ended = _take(queue, batch, None if beat is None else max(0.0, due - time.monotonic()))
        if beat is not None and time.monotonic() >= due:
            job = beat.job()
            if job is not None:
                _run(session, [job])
            due = time.monotonic() + beat.every
        if calls:
            outcomes = _run(session, [call.job for call in calls if call.job is not None])
            progress.finished += len(calls)
            _deliver(calls, outcomes)
            del outcomes
        if ended:
            break
        del calls  # or the data of the last callers would live until the next call
    session.finish()
    if last is not None:
        _deliver([last], [Outcome()])


def _run(session: Session[J], jobs: list[J]) -> list[Outcome]:
    try:
        return session.run(jobs)
    except BaseException as error:  # a fault of the store itself; with a dead thread all callers would wait forever
        return [Outcome(error=error)] * len(jobs)


def _take(
    queue: SimpleQueue[_Call[J] | None], batch: int, seconds: float | None
) -> tuple[list[_Call[J]], _Call[J] | None, bool]:
    """Wait for a call, or for so long, and take those behind it.

    Returns also the call that waits for the thread's end, and whether it ends.
    """
    calls: list[_Call[J]] = []
    try:
        call = queue.get(timeout=seconds)
        while call is not None and call.job is not None:
            calls.append(call)
            if len(calls) == batch:
                return calls, None, False
            call = queue.get_nowait()
    except Empty:
        return calls, None, False
    return calls, call, True


def _deliver(calls: list[_Call[J]], outcomes: list[Outcome]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Outcome], Outcome]]] = {}
    for call, outcome in zip(calls, outcomes, strict=True):
        if call.future is not None:
            by_loop.setdefault(call.future.get_loop(), []).append((call.future, outcome))
    for loop, settled in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, settled)
        except RuntimeError:
            continue  # the loop was closed, with all who waited on it


def _settle(settled: list[tuple[asyncio.Future[Outcome], Outcome]]) -> None:
    for future, outcome in settled:
        if not future.done():  # its caller was cancelled
            future.set_result(outcome)
