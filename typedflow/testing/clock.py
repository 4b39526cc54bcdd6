"""A clock for tests: deadlines and sleeps go by it, and it moves only when the test moves it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import final

from typedflow.stores.clock import current_clock


@final
class FakeClock:
    """A clock that stands still until `advance` is called, or until `flow.start` waits for a sleep.

    Deadlines are judged when the execution comes to rest, and in the calls that run it: nothing is due while a step
    runs.

    >>> with fake_clock(datetime(2030, 1, 1, tzinfo=UTC)) as clock:
    ...     clock.advance(timedelta(days=1))
    ...     print(clock.now().date())
    2030-01-02
    """

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Return the time of this clock, in UTC."""
        return self._now

    def advance(self, time: timedelta) -> None:
        """Move the clock on; call `execution.async_settle()` to let what is due happen."""
        self._now += time

    async def wait_until(self, moment: datetime) -> None:
        """Move the clock to the moment at once, if it is not past it."""
        await asyncio.sleep(0)
        self._now = max(self._now, moment)

    def call_at(self, moment: datetime, callback: Callable[[], None]) -> Callable[[], None]:
        """Do nothing: a clock that stands still rings at no moment."""
        return lambda: None


@contextmanager
def fake_clock(start: datetime = datetime(2000, 1, 1, tzinfo=UTC)) -> Iterator[FakeClock]:
    """Set the clock of deadlines and sleeps to one of the test's, in this context and in the tasks that it starts.

    >>> def pass_on(data: Data[Count, list[str]]) -> int:
    ...     return len(data.value)
    >>> slow = Flow(Count)
    >>> slow.to(pass_on).sleep(timedelta(days=1)).end()
    >>> with fake_clock() as clock:
    ...     execution = slow.create_execution()
    ...     first = execution.start(["a"])
    ...     clock.advance(timedelta(days=1))
    ...     print(first, execution.settle())
    waiting completed
    """
    clock = FakeClock(start)
    token = current_clock.set(clock)
    try:
        yield clock
    finally:
        current_clock.reset(token)
