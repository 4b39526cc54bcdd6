"""The sync forms: `asyncio.run` of the async ones, refused where a loop already runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from typedflow.errors import ExecutionError
from typedflow.rules import executions

T = TypeVar("T")


def run_sync(make: Callable[[], Coroutine[Any, Any, T]], call: str, way: str = "") -> T:
    """Run a coroutine to its end; inside a running loop raise the error that shows the async form.

    `way` is that form, where it is not called `async_…`.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass  # and outside of the handler, so that it is no context of what the coroutine raises
    else:
        raise ExecutionError(executions.inside_loop_problem(call, way))
    outcome = asyncio.run(_kept(make()))
    if outcome.error is not None:
        raise outcome.error
    return outcome.value  # type: ignore[return-value]  # None only where there is an error


class _Outcome(Generic[T]):
    """What a coroutine returned or raised.

    A task that raised is printed with its exception, which `asyncio.run` does on Python 3.11 as it puts the signal
    handler back: an exception that cannot be printed would be masked.
    """

    __slots__ = ("error", "value")

    def __init__(self, value: T | None, error: Exception | None = None) -> None:
        self.value = value
        self.error = error


async def _kept(work: Coroutine[Any, Any, T]) -> _Outcome[T]:
    try:
        return _Outcome(await work)
    except Exception as error:  # raised by who called
        return _Outcome(None, error)
