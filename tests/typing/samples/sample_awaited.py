"""What a step awaits: the value is the result of the await, whatever is awaited and however the handler is written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import partial
from typing import Any, TypeVar, reveal_type

from typedflow import Contract, Data, Flow, Retry

T = TypeVar("T")


class Job(Contract):
    input: int
    result: str


Given = Data[Job, int]


class Lazy:
    def __init__(self, value: int) -> None:
        self.value = value

    def __await__(self) -> Generator[Any, Any, int]:
        yield
        return self.value


class Own(asyncio.Future[int]): ...


class Called:
    async def __call__(self, data: Given) -> int:
        return data.value

    def method(self, data: Given) -> asyncio.Future[int]:
        return future(data)


def started(value: T) -> asyncio.Task[T]:
    return asyncio.create_task(asyncio.sleep(1, value))


async def work(data: Given) -> int:
    return data.value


def coroutine(data: Given) -> Coroutine[Any, Any, int]:
    return work(data)


def awaitable(data: Given) -> Awaitable[int]:
    return Lazy(data.value)


def task(data: Given) -> asyncio.Task[int]:
    return started(data.value)


def future(data: Given) -> asyncio.Future[int]:
    return started(data.value)


def own(data: Given) -> Own:
    return Own()


def lazy(data: Given) -> Lazy:
    return Lazy(data.value)


def either(data: Given) -> Lazy | Own:
    return Lazy(data.value)


def maybe(data: Given) -> str | asyncio.Task[int]:
    return started(data.value) if data.value else ""


def later(data: Data[Job, T]) -> Awaitable[T]:
    return started(data.value)


def scaled(factor: int, data: Given) -> asyncio.Future[int]:
    return started(factor * data.value)


async def fields(data: Given) -> dict[str, Any]:
    return {}


def fields_later(data: Given) -> asyncio.Task[dict[str, Any]]:
    return started({})


async def twice(data: Given) -> Awaitable[int]:
    return Lazy(data.value)


def traced(function: Callable[[Given], Coroutine[Any, Any, T]]) -> Callable[[Given], Coroutine[Any, Any, T]]:
    return function


def number(data: Given) -> int:
    return data.value


def text(data: Data[Job, str]) -> str:
    return data.value


flow = Flow(Job)
reveal_type(flow.to(work))  # R: Process[Job, int]
reveal_type(flow.to(coroutine))  # R: Process[Job, int]
reveal_type(flow.to(traced(work)))  # R: Process[Job, int]
reveal_type(flow.to(task))  # R: Process[Job, int]
reveal_type(flow.to(future))  # R: Process[Job, int]
reveal_type(flow.to(own))  # R: Process[Job, int]
reveal_type(flow.to(Called()))  # R: Process[Job, int]
reveal_type(flow.to(Called().method))  # R: Process[Job, int]
reveal_type(flow.to(partial(scaled, 2)))  # R: Process[Job, int]
reveal_type(flow.to(fields))  # R: Process[Job, dict[str, Any]]
reveal_type(flow.to(future, timeout=1.0, retry=Retry(2), name="f"))  # R: Process[Job, int]
reveal_type(flow.to(future, thread=True))  # R: Process[Job, int]
reveal_type(flow.to(lambda data: future(data)))  # R: Process[Job, int]  # R[pyrefly]: Unknown

# Other awaitables: mypy needs its plugin for them, or an async function; see `typedflow.api.awaited`.
reveal_type(flow.to(awaitable))  # R: Process[Job, int]  # R[mypy]: Process[Job, Awaitable[int]]
reveal_type(flow.to(lazy))  # R: Process[Job, int]  # R[mypy]: Process[Job, Lazy]
reveal_type(flow.to(either))  # R: Process[Job, int]  # R[mypy]: Process[Job, Lazy | Own]
reveal_type(flow.to(later))  # R: Process[Job, int]  # R[mypy]: Process[Job, Awaitable[int]]
waited = flow.to(lambda data: lazy(data))
reveal_type(waited)  # R: Process[Job, int]  # R[mypy]: Process[Job, Lazy]  # R[pyrefly]: Unknown
reveal_type(flow.to(fields_later))  # R: Process[Job, dict[str, Any]]  # R[mypy]: Process[Any, Any, Any]

# A value or an awaitable: only the plugin looks into a union of both.
reveal_type(flow.to(maybe))  # R[plugin]: Process[Job, str | int]  # R: Process[Job, str | Task[int]]

# It is awaited once.
reveal_type(flow.to(twice))  # R: Process[Job, Awaitable[int]]

# In every place of a handler.
pair = flow.batch().branch(future).branch(work).branch(number).branch(task, thread=True).end_batch()
reveal_type(pair)  # R: Process[Job, tuple[int, int, int, int]]
reveal_type(flow.to(number).to(future).to(number))  # R: Process[Job, int]
each = flow.to(lambda data: [data.value]).for_each().to(task).end_for_each()
reveal_type(each)  # R: Process[Job, list[int]]
reveal_type(flow.match().case(task).to(future).case_else().to(number).end_match())  # R: Process[Job, int]
reveal_type(flow.if_condition(future).to(task).end_condition())  # R: Process[Job, int]
flow.side_branch(future)

flow.to(future).to(text)  # E
flow.to(future).end()  # E[plugin, pyright, ty, pyrefly]
flow.batch().branch(task).end_batch().to(text)  # E
flow.to(text).to(future)  # E
