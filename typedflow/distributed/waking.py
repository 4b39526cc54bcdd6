"""What tells a worker when to look for work again: the time, and what the store notifies of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from datetime import datetime
from functools import partial
from typing import Protocol, TypeAlias, final

from typedflow.stores.clock import current_clock
from typedflow.stores.work import NotifyingStore, WorkStore

HasMail: TypeAlias = Callable[[str | None], None]
"""Called in a worker's loop: an execution may have mail, or, with None, any of those that it runs."""


class Waker(Protocol):
    """Wake a worker when there may be work; what it misses, the next look finds. Each worker has one of its own.

    >>> waker: Waker = PollWaker(1.0)
    >>> waker.wake()
    """

    def open(self, flows: Collection[str], has_mail: HasMail) -> AbstractAsyncContextManager[object]:
        """Return a context in which a worker of these flows runs: what wakes it begins and ends with that.

        `has_mail` may be called in the worker's loop with the id of an execution that may have mail, or with None where
        any may: without that each execution that runs looks for its mail every `poll` seconds.
        """
        ...

    async def wait(self, until: datetime | None) -> None:
        """Return when something may be ready: at `until`, if that is given, or earlier.

        Called before each look for work but the first, where the worker has room for some.
        """
        ...

    def wake(self) -> None:
        """Make `wait` return now; called in the worker's loop."""
        ...


async def wait_and_clear(signal: asyncio.Event, seconds: float) -> None:
    """Return when an event is set, or after some seconds; it is not set any more then.

    A cancellation ends it in any case: `asyncio.wait_for` of Python 3.11 returns, and the task goes on, where the event
    is set at the same moment.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await signal.wait()
    signal.clear()


@final
class PollWaker:
    """Wake every `poll` seconds, and when the next deadline is due.

    >>> async def main() -> None:
    ...     waker = PollWaker(60)
    ...     waker.wake()
    ...     await waker.wait(None)  # returns at once
    >>> asyncio.run(main())
    """

    def __init__(self, poll: float) -> None:
        self._poll = poll
        self._woken = asyncio.Event()

    def open(self, flows: Collection[str], has_mail: HasMail) -> AbstractAsyncContextManager[object]:
        """Return a context that does nothing."""
        return nullcontext()

    async def wait(self, until: datetime | None) -> None:
        """Return at `until`, after `poll` seconds, or when `wake` is called."""
        seconds = self._poll
        if until is not None:
            seconds = min(seconds, max(0.0, (until - current_clock.get().now()).total_seconds()))
        await wait_and_clear(self._woken, seconds)

    def wake(self) -> None:
        """Make `wait` return now."""
        self._woken.set()


@final
class NotifyWaker:
    """Wake when the store notifies of work, and as `PollWaker` does: a notification that is lost costs one `poll`.

    >>> waker = NotifyWaker(PostgresStore("postgresql://app@db.example.org/flows"), 1.0)
    """

    def __init__(self, store: NotifyingStore, poll: float) -> None:
        self._store = store
        self._inner = PollWaker(poll)

    @asynccontextmanager
    async def open(self, flows: Collection[str], has_mail: HasMail) -> AsyncIterator[None]:
        """Listen to the store."""
        loop = asyncio.get_running_loop()

        def call_in_loop(call: Callable[..., None], *arguments: str | None) -> None:
            with suppress(RuntimeError):  # the loop is closed: no worker waits any more
                loop.call_soon_threadsafe(call, *arguments)

        stop = self._store.listen(flows, partial(call_in_loop, self.wake), partial(call_in_loop, has_mail))
        try:
            yield
        finally:
            stop()

    async def wait(self, until: datetime | None) -> None:
        """Return at `until`, after `poll` seconds, or when the store notifies of work or `wake` is called."""
        await self._inner.wait(until)

    def wake(self) -> None:
        """Make `wait` return now."""
        self._inner.wake()


def waker_of(store: WorkStore, poll: float) -> Waker:
    """Return what wakes the workers of a store, where nothing else is asked for."""
    return PollWaker(poll) if getattr(store, "listen", None) is None else NotifyWaker(store, poll)  # type: ignore[arg-type]  # it has `listen`
