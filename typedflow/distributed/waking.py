"""What tells a worker that something may be ready."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Protocol, final

from typedflow.stores.clock import current_clock


class Waker(Protocol):
    """Wake a worker when there may be work; what it misses, the next look finds.

    >>> waker: Waker = PollWaker(1.0)
    >>> waker.wake()
    """

    async def wait(self, until: datetime | None) -> None:
        """Return when something may be ready: at `until`, if that is given, or earlier."""
        ...

    def wake(self) -> None:
        """Have `wait` return now; called in the worker's loop."""
        ...


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

    async def wait(self, until: datetime | None) -> None:
        """Return at `until`, after `poll` seconds, or when `wake` is called."""
        seconds = self._poll
        if until is not None:
            seconds = min(seconds, max(0.0, (until - current_clock.get().now()).total_seconds()))
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)
        self._woken.clear()

    def wake(self) -> None:
        """Have `wait` return now."""
        self._woken.set()
