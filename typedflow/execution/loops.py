"""The sync forms: `asyncio.run` of the async ones, refused where a loop already runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from typedflow.contract import executions
from typedflow.errors import ExecutionError

T = TypeVar("T")


def run_sync(make: Callable[[], Coroutine[Any, Any, T]], call: str) -> T:
    """Run a coroutine to its end; inside a running loop raise the error that shows the async form."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass  # and outside of the handler, so that it is no context of what the coroutine raises
    else:
        raise ExecutionError(executions.inside_loop(call))
    return asyncio.run(make())
