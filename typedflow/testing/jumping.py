"""An event loop whose time costs nothing: it jumps to the next timer as soon as nothing else can run."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any


class _JumpingSelector(selectors.DefaultSelector):
    """Wait for nothing: if no file is ready, add the time that would be waited for."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        """Return what is ready; only a thread can end a wait without a timer."""
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready:
            self.now += max(timeout, 0)
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop with a clock of its own that starts at 0: timers fire in their order, and no test waits for them.

    A thread takes real time, in which the clock may jump over the timeout of its step.
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the seconds that have passed on this loop's clock."""
        return self._jumping.now
