"""One thread that does a store's blocking work, for callers on any loop.

Jobs run in the order of their calls. What has queued up while one batch ran is the next batch: a store whose commit is
dear makes one of it for all of them, and nobody waits for company that may not come.
"""

from __future__ import annotations

import asyncio
import os
import weakref
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
    """Keep what a job came to: its value, or the error that its caller shall see."""

    value: object = None
    error: BaseException | None = None


class Session(Protocol[J]):
    """Do the work, on the worker's thread only. It must not hold the store, which could then never be collected."""

    def run(self, jobs: list[J]) -> list[Outcome]:
        """Do the jobs and give the outcome of each, in their order; raises nothing."""
        ...

    def finish(self) -> None:
        """Let go of everything; raises nothing."""
        ...


class _Call(NamedTuple, Generic[J]):
    job: J | None
    """None ends the thread."""
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Outcome]


@final
class _Progress:
    """Count the jobs that are over; only the thread writes it."""

    __slots__ = ("over",)

    def __init__(self) -> None:
        self.over = 0


@final
class Worker(Generic[J]):
    """Hand jobs to a session on a thread that is started by the first of them.

    A worker that is dropped without `close` ends its thread all the same. The thread is a daemon: at the end of the
    process it is cut off between two instructions, as by a kill, which a store has to survive anyway.
    """

    def __init__(self, store: str, session: Session[J], batch: int = LARGEST_BATCH) -> None:
        self._store = store
        self._session = session
        self._batch = batch
        self._queue: SimpleQueue[_Call[J] | None] = SimpleQueue()
        self._lock = Lock()
        self._asked = 0
        self._progress = _Progress()
        self._started_in: int | None = None
        self._closed = False

    @property
    def is_here(self) -> bool:
        """Say whether the thread was started in this process."""
        return self._started_in == os.getpid()

    @property
    def rests(self) -> bool:
        """Say whether the thread runs in this process and has nothing to do now."""
        return self.is_here and not self._closed and not self.waiting

    @property
    def waiting(self) -> int:
        """Return how many jobs are not over yet."""
        return self._asked - self._progress.over

    async def call(self, job: J) -> object:
        """Run a job. A cancelled caller does not stop it: what is queued is done."""
        outcome = await self._submit(job)
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    async def close(self) -> None:
        """Do what is queued, finish the session and end the thread."""
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
            self._asked += 1
            return self._enqueue(job)

    def _enqueue(self, job: J | None) -> asyncio.Future[Outcome]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self._queue.put(_Call(job, loop, future))
        return future

    def _start(self) -> None:
        serving = self._queue, self._session, self._progress, self._batch
        Thread(target=_serve, args=serving, name=f"typedflow {self._store}", daemon=True).start()
        self._started_in = os.getpid()
        weakref.finalize(self, self._queue.put, None)


def _serve(queue: SimpleQueue[_Call[J] | None], session: Session[J], progress: _Progress, batch: int) -> None:
    while True:
        calls, last, ended = _take(queue, batch)
        if calls:
            outcomes = _run(session, [call.job for call in calls if call.job is not None])
            progress.over += len(calls)
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


def _take(queue: SimpleQueue[_Call[J] | None], batch: int) -> tuple[list[_Call[J]], _Call[J] | None, bool]:
    """Wait for a call and take those behind it; also the call that waits for the thread's end, and whether it ends."""
    calls: list[_Call[J]] = []
    call = queue.get()
    try:
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
        by_loop.setdefault(call.loop, []).append((call.future, outcome))
    for loop, settled in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, settled)
        except RuntimeError:
            continue  # the loop was closed, with all who waited on it


def _settle(settled: list[tuple[asyncio.Future[Outcome], Outcome]]) -> None:
    for future, outcome in settled:
        if not future.done():  # its caller was cancelled
            future.set_result(outcome)
