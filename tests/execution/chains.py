"""Flows that are one chain, in the two forms that a handler may have; what the tests of the runtime share."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import pytest

from typedflow import Execution, Flow

Form = Callable[[Callable[..., Any]], Any]


def plain(handler: Callable[..., Any]) -> Any:
    """Return the handler as it is."""
    return handler


def awaited(handler: Callable[..., Any]) -> Any:
    """Return a coroutine function that does what the handler does, after the loop has run once."""

    @functools.wraps(handler)
    async def step(data: Any) -> Any:
        await asyncio.sleep(0)
        return handler(data)

    return step


BOTH_FORMS = pytest.mark.parametrize("form", [pytest.param(plain, id="sync"), pytest.param(awaited, id="async")])


def chain(contract: Any, *handlers: Any, name: str | None = None) -> Flow[Any]:
    """Return a flow of these steps; what the last one returns is the result."""
    flow: Flow[Any] = Flow(contract, name=name)
    process: Any = flow
    for handler in handlers:
        process = process.to(handler)
    process.end()
    return flow


def run(flow: Flow[Any], value: Any = None, **options: Any) -> Execution[Any]:
    """Run a fresh execution to its end and give it."""
    execution = flow.create_execution(**options)
    execution.start(value)
    return execution


def untyped(value: Any) -> Any:
    """Return a value without its type, for what a type checker would refuse."""
    return value
