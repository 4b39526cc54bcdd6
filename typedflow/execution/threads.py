"""Call a blocking handler in a thread of its own, without waiting for it once its step is cancelled or late.

The loop's default executor will not do: `asyncio.run` joins it on the way out, and the interpreter joins every
`ThreadPoolExecutor` at exit, so that one stuck handler would hold up the whole process past its timeout.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def stopped(name: str) -> RuntimeError:
    """Make the error of a handler that raised StopIteration, which no coroutine and no future lets through."""
    return RuntimeError(f"'{name}' raised StopIteration")


async def run_in_thread(call: Callable[[], T], name: str) -> T:
    """Return what `call` returns or raises; the context variables are copied into the thread.

    Cancelling the await leaves the thread running: what it returns is dropped. The thread is a daemon.
    """
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    outcome: list[tuple[T | None, BaseException | None]] = []
    context = contextvars.copy_context()

    def deliver() -> None:
        if not over.done():
            over.set_result(None)

    def body() -> None:
        value: T | None = None
        error: BaseException | None = None
        try:
            value = context.run(call)
        except StopIteration as stop:  # it would end the coroutine that awaits
            error = stopped(name)
            error.__cause__ = stop
        except BaseException as caught:  # it belongs to who awaits, whatever it is
            error = caught
        outcome.append((value, error))
        try:
            loop.call_soon_threadsafe(deliver)
        except RuntimeError:  # the loop is closed, and so is the task that waited
            return

    threading.Thread(target=body, name=f"typedflow {name}", daemon=True).start()
    await over
    value, error = outcome.pop()
    if error is not None:  # not by the future, which looks at its class and prints it
        raise error
    return value  # type: ignore[return-value]  # None only where there is an error
