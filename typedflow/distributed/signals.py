"""SIGTERM and SIGINT for the workers of a loop: each is told, and the last one to end leaves them as they were."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from weakref import WeakKeyDictionary

NUMBERS: Final = (signal.SIGTERM, signal.SIGINT)


class _Listening:
    """The functions to call in one loop, and the signal handlers that were there before."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []
        self.before: dict[signal.Signals, Any] = {}

    def notify(self) -> None:
        for call in tuple(self.calls):
            call()


_listening: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Listening]] = WeakKeyDictionary()


def on_signals(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> Callable[[], None]:
    """Call a function on both signals, if the loop runs in the main thread; return a function that ends that."""
    listening = _listening.get(loop)
    if listening is None:
        listening = _listening[loop] = _Listening()
        for number in NUMBERS:
            handler = signal.getsignal(number)
            with suppress(NotImplementedError, ValueError, RuntimeError):  # not in the main thread
                loop.add_signal_handler(number, listening.notify)
                listening.before[number] = handler
    listening.calls.append(call)

    def end() -> None:
        listening.calls.remove(call)
        if listening.calls:
            return
        del _listening[loop]
        for number, handler in listening.before.items():
            loop.remove_signal_handler(number)
            if handler is not None:  # else it is none of Python's
                signal.signal(number, handler)

    return end
