"""The clock by which deadlines and sleeps are due. A test puts its own in the place of the system's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

LONGEST_SLEEP: Final = 3600.0
"""Seconds after which a wait reads the clock again: the system's clock may be set meanwhile."""


class Clock(Protocol):
    """A source of the time, which can wait for a moment."""

    def now(self) -> datetime:
        """Return the time, in UTC."""
        ...

    async def wait_until(self, moment: datetime) -> None:
        """Return when `now()` is `moment` or later, never before."""
        ...

    def call_at(self, moment: datetime, callback: Callable[[], None]) -> Callable[[], None]:
        """Call a function in the running loop at a moment, never before; return a function that cancels the call."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.now(UTC)

    async def wait_until(self, moment: datetime) -> None:
        """Return when `now()` is `moment` or later, never before."""
        while (rest := (moment - self.now()).total_seconds()) > 0:  # noqa: ASYNC110  # only time is waited for
            await asyncio.sleep(min(rest, LONGEST_SLEEP))

    def call_at(self, moment: datetime, callback: Callable[[], None]) -> Callable[[], None]:
        """Call a function in the running loop at a moment, never before; return a function that cancels the call."""
        loop = asyncio.get_running_loop()
        handle: asyncio.TimerHandle

        def check() -> None:
            nonlocal handle
            rest = (moment - self.now()).total_seconds()
            if rest > 0:
                handle = loop.call_later(min(rest, LONGEST_SLEEP), check)
            else:
                callback()

        handle = loop.call_soon(check)  # type: ignore[assignment]  # has `cancel` as well
        return lambda: handle.cancel()


class ShiftedClock(SystemClock):
    """The clock of a store on another machine, as it was when they were compared."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return super().now() + self._by


current_clock: Final[ContextVar[Clock]] = ContextVar("current_clock", default=SystemClock())  # noqa: B039  # no state
"""The clock of the executions that run in this context."""
