"""The items of a stream, and how it is closed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import reveal_type

from review import Request, Review, Score

from typedflow import Execution, Flow


async def a_stream_can_be_closed(execution: Execution[Review]) -> None:
    async with contextlib.aclosing(execution.stream(Request(topic="a"))) as items:
        async for item in items:
            reveal_type(item)  # R: str
    async with contextlib.aclosing(execution.stream_continue("id", True)) as more:
        async for item in more:
            reveal_type(item)  # R: str
    async with contextlib.aclosing(Flow(Review).create_execution().stream(Request(topic="a"), timeout=1)) as items:
        reveal_type([item async for item in items])  # R: list[str]
    stream = execution.stream(Request(topic="a"))
    first = await anext(stream)
    reveal_type(first)  # R: str
    await stream.aclose()
    async for item in execution.stream(Request(topic="a")):
        reveal_type(item)  # R: str


def a_stream_fits_its_protocols(execution: Execution[Review]) -> None:
    generator: AsyncGenerator[str, None] = execution.stream(Request(topic="a"))
    iterator: AsyncIterator[str] = execution.stream(Request(topic="a"))
    iterable: AsyncIterable[str] = execution.stream_continue("id")
    wrong: AsyncIterator[int] = execution.stream(Request(topic="a"))  # E


async def what_a_stream_takes(execution: Execution[Review], silent: Execution[Score]) -> None:
    execution.stream(3)  # E
    execution.stream()  # E
    silent.stream("a")  # E
    silent.stream_continue("id")  # E
    silent.stream_retry()  # E
    async for item in execution.stream_retry():
        reveal_type(item)  # R: str
    await execution.async_start(Request(topic="a"))
    await execution.async_start("a")  # E
    execution.start("a")  # E
