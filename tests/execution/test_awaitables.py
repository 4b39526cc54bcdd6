"""What a plain handler or condition returns is awaited if it is awaitable: one rule for all options and annotations."""

from __future__ import annotations

import asyncio
import functools
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

import pytest

from tests.execution.running import Gauge, Here, Plain, passing, run
from typedflow import Contract, ContractError, Data, Flow, Retry, Status


class Job(Contract):
    input: int
    result: int


Given = Data[Job, int]


async def work(value: int) -> int:
    await asyncio.sleep(1)
    return value + 1


class Lazy:
    def __init__(self, value: int) -> None:
        self.value = value

    def __await__(self) -> Generator[Any, Any, int]:
        return work(self.value).__await__()


class Own(asyncio.Future[int]):
    pass


def coroutine(data: Given) -> Coroutine[Any, Any, int]:
    return work(data.value)


def awaitable(data: Given) -> Awaitable[int]:
    return asyncio.ensure_future(work(data.value))


def task(data: Given) -> asyncio.Task[int]:
    return asyncio.create_task(work(data.value))


def future(data: Given) -> asyncio.Future[int]:
    return _future(data.value, asyncio.get_running_loop().create_future())


def own(data: Given) -> Own:
    return _future(data.value, Own())


F = TypeVar("F", bound="asyncio.Future[int]")


def _future(value: int, made: F) -> F:
    asyncio.get_running_loop().call_later(1, made.set_result, value + 1)
    return made


def lazy(data: Given) -> Lazy:
    return Lazy(data.value)


def maybe(data: Given) -> int | Awaitable[int]:
    return Lazy(data.value)


def anything(data: Given) -> Any:
    return task(data)


def untyped(data):  # type: ignore[no-untyped-def]  # the case
    return task(data)


@types.coroutine
def old_style(data: Given) -> Generator[Any, Any, int]:
    return (yield from work(data.value).__await__())


@functools.wraps(coroutine)
def bare(data: Given) -> Any:
    return coroutine(data)


def traced(function: Callable[[Given], Coroutine[Any, Any, int]]) -> Any:
    @functools.wraps(function)
    def wrapper(data: Given) -> Any:
        return asyncio.create_task(function(data))

    return wrapper


@traced
async def named(data: Given) -> int:
    return await work(data.value)


HANDLERS = (coroutine, awaitable, task, future, own, lazy, maybe, anything, untyped, old_style, bare, named)
OPTIONS: tuple[dict[str, Any], ...] = ({}, {"timeout": 5.0}, {"retry": Retry(2)}, {"timeout": 5, "retry": Retry(2)})


def chain(*handlers: Any, **options: Any) -> Flow[Any]:
    flow: Flow[Any] = Flow(Job)
    at: Any = flow
    for handler in handlers:
        at = at.to(handler, **options)
    at.end()
    return flow


@pytest.mark.parametrize("handler", HANDLERS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_step_awaits_it(handler: Any, options: dict[str, Any]) -> None:
    assert run(chain(handler, **options).async_start(1)) == 2


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_branch_an_item_and_a_child_await_it(handler: Any) -> None:
    flow: Flow[Any] = Flow(Job)
    flow.batch().branch(handler, name="one").branch(handler, name="two").end_batch().to(
        lambda data: list(data.value)
    ).for_each().to(handler).end_for_each().to(lambda data: sum(data.value)).to_sub_flow(chain(handler)).end()
    assert run(flow.async_start(1)) == 7


@pytest.mark.parametrize("handler", [coroutine, task, lazy, untyped, old_style, named])
def test_a_condition_awaits_it(handler: Any) -> None:
    def negative(data: Given) -> Any:
        return _future(-1, asyncio.get_running_loop().create_future())

    flow: Flow[Any] = Flow(Job)
    flow.match().case(negative).to(lambda data: 5).case(handler).to(lambda data: 6).end_match().end()
    assert run(flow.async_start(1)) == 6


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("handler", [coroutine, lazy])
def test_what_a_thread_returns_is_awaited_in_the_loop(handler: Any, options: dict[str, Any]) -> None:
    assert run(chain(lambda data: handler(data), thread=True, **options).async_start(1)) == 2
    assert run(chain(handler, thread=True, **options).async_start(1)) == 2


def test_the_timeout_of_a_step_ends_what_is_awaited() -> None:
    made: list[asyncio.Task[int]] = []

    def slow(data: Given) -> Any:
        made.append(asyncio.create_task(asyncio.sleep(100, 1)))
        return made[0]

    with pytest.raises(TimeoutError, match="step 'slow' was not over after 2 s"):
        run(chain(slow, timeout=2).async_start(1))
    assert made[0].cancelled()


def test_steps_that_await_it_run_side_by_side() -> None:
    gauge = Gauge()

    def holding(data: Here) -> Any:
        return asyncio.ensure_future(gauge.hold())

    flow = Flow(Plain)
    flow.to(lambda data: list(range(5))).for_each().to(holding).end_for_each().end()
    run(flow.async_start(1))
    assert gauge.most == 5


def test_what_awaiting_gives_is_awaited_no_further() -> None:
    """A client that is awaited to connect gives itself: it is awaitable still."""

    class Client:
        def __await__(self) -> Generator[Any, Any, Client]:
            yield from asyncio.sleep(0).__await__()
            return self

    client = Client()

    async def connected(data: Here) -> Any:
        return client

    flow = Flow(Plain)
    flow.to(lambda data: client).to(lambda data: data.value is client).to(connected).to(passing).end()
    assert run(flow.async_start(1)) is client


@pytest.mark.parametrize("later", [work, lambda value: Own()])
@pytest.mark.parametrize("kind", ["if", "case", "child"])
def test_a_condition_that_forgets_to_await_is_refused(later: Any, kind: str) -> None:
    """A coroutine is always true: the condition would be a hit whatever it says."""

    async def check(data: Given) -> Any:
        return later(data.value)

    flow: Any = Flow(Job)
    if kind == "case":
        flow.match().case(check).to(coroutine).case_else().to(task).end_match().end()
    else:
        flow.if_condition(check).to(coroutine).end_condition().end()
    if kind == "child":
        parent: Any = Flow(Job)
        parent.to_sub_flow(flow).end()
        flow = parent
    with pytest.raises(ContractError, match=r"TF813: .*what condition 'check' returned does not fit: expected a value"):
        run(flow.async_start(1))


def test_a_failure_of_what_is_awaited_is_the_steps() -> None:
    class Own(Exception):
        pass

    def failing(data: Given) -> Any:
        made = asyncio.get_running_loop().create_future()
        made.set_exception(Own())
        return made

    execution = chain(failing).create_execution()
    with pytest.raises(Own):
        run(execution.async_start(1))
    assert execution.status is Status.FAILED


@pytest.mark.parametrize("handler", [coroutine, awaitable, task, future, maybe])
def test_the_annotation_gives_the_awaited_type(handler: Any) -> None:
    def text(data: Data[Job, str]) -> int:
        return len(data.value)

    with pytest.raises(ContractError, match=r"^TF701: .* takes str, and gets int"):
        chain(handler, text).validate()


def test_what_is_awaited_is_checked_against_the_annotation() -> None:
    def wrong(data: Given) -> asyncio.Future[int]:
        return asyncio.ensure_future(asyncio.sleep(0, "x"))  # type: ignore[arg-type]  # the case

    with pytest.raises(ContractError, match=r"TF813: .*expected int, given 'x'"):
        run(chain(wrong).async_start(1))


def test_a_coroutine_function_is_annotated_with_what_it_returns() -> None:
    async def later(data: Here) -> Awaitable[int]:
        return asyncio.ensure_future(asyncio.sleep(0, 3))

    async def taking(data: Data[Plain, Awaitable[int]]) -> int:
        return await data.value

    flow = Flow(Plain)
    flow.to(later).to(taking).end()
    assert run(flow.async_start(1)) == 3


# -- what no step can run


def produce(data: Given) -> Any:
    yield data.value


async def produce_async(data: Given) -> Any:
    yield data.value


class Producing:
    def __call__(self, data: Given) -> Any:
        yield data.value

    def method(self, data: Given) -> Any:
        yield data.value


GENERATORS = (produce, produce_async, functools.partial(produce), Producing(), Producing().method)


@pytest.mark.parametrize("handler", GENERATORS)
@pytest.mark.parametrize("options", [{}, {"thread": True}, {"retry": Retry(2)}], ids=str)
def test_a_generator_function_is_no_handler(handler: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ContractError, match=r"^TF717: flow 'Job': '\w+' is a generator function: a call of it runs no"):
        Flow(Job).to(handler, **options)


@pytest.mark.parametrize("handler", GENERATORS)
def test_a_generator_function_is_neither_a_branch_nor_a_condition(handler: Any) -> None:
    flow: Any = Flow(Job)
    for attach in (
        flow.side_branch,
        flow.batch().branch,
        flow.match().case,
        flow.if_condition,
    ):
        with pytest.raises(ContractError, match=r"^TF717: .* is a generator function"):
            attach(handler)
