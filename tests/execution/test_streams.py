"""B35: what handlers put, in order, until the run is over."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest

from tests.execution.running import Here, Plain, Style, both, now, run
from typedflow import Contract, ContractError, Data, FinishedError, Flow, Status


class Boom(Exception):
    """What handlers raise here."""


class Kid(Contract):
    input: Any
    result: Any
    stream: int


class Silent(Contract):
    input: Any
    result: Any


def putting(*items: Any) -> Any:
    def put(data: Data[Any, Any]) -> Any:
        for item in items:
            data.put(item)
        return data.value

    return put


async def items_of(stream: AsyncIterator[int]) -> list[int]:
    return [item async for item in stream]


@both
def test_b35_a_stream_gives_the_items_in_order_and_ends_with_the_run(style: Style) -> None:
    flow = Flow(Plain)
    flow.to(style(putting(1, 2)), name="a").to(style(putting(3)), name="b").end()
    execution = flow.create_execution()
    assert run(items_of(execution.stream("x"))) == [1, 2, 3]
    assert execution.status is Status.COMPLETED
    assert execution.result == "x"


def test_b35_items_come_while_the_handler_runs() -> None:
    async def slow(data: Here) -> None:
        for item in (1, 2):
            data.put(item)
            await asyncio.sleep(1)

    flow = Flow(Plain)
    flow.to(slow).end()

    async def main() -> None:
        times = [(item, now()) async for item in flow.create_execution().stream(None)]
        assert times == [(1, 0), (2, 1)]
        assert now() == 2

    run(main())


@both
def test_b35_the_items_of_parent_and_children_come_in_order(style: Style) -> None:
    grandchild = Flow(Kid, name="grandchild")
    grandchild.to(style(putting(3))).end()
    child = Flow(Kid, name="child")
    child.to(style(putting(2)), name="a").to_sub_flow(grandchild).to(style(putting(4)), name="b").end()
    flow = Flow(Plain)
    flow.to(style(putting(1)), name="a").to_sub_flow(child).to(style(putting(5)), name="b").end()
    assert run(items_of(flow.create_execution().stream(None))) == [1, 2, 3, 4, 5]


def test_b35_a_child_of_a_parent_without_a_stream_is_not_heard() -> None:
    child = Flow(Kid)
    child.to(putting(1)).end()
    middle = Flow(Silent)
    middle.to_sub_flow(child).end()
    flow = Flow(Plain)
    flow.to(putting(0)).to_sub_flow(middle).end()
    assert run(items_of(flow.create_execution().stream(None))) == [0]


def test_b35_items_are_dropped_when_nobody_listens() -> None:
    flow = Flow(Plain)
    flow.to(putting(1)).end()
    assert run(flow.async_start("x")) == "x"


@both
@pytest.mark.parametrize("where", ["parent", "child"])
def test_b35_a_failure_is_raised_behind_the_items(style: Style, where: str) -> None:
    def failing(data: Data[Any, Any]) -> None:
        data.put(2)
        raise Boom

    flow = Flow(Plain)
    start = flow.to(style(putting(1)), name="first")
    if where == "child":
        child = Flow(Kid)
        child.to(style(failing)).end()
        start.to_sub_flow(child).end()
    else:
        start.to(style(failing)).end()
    execution = flow.create_execution()
    got: list[int] = []

    async def main() -> None:
        async for item in execution.stream(None):
            got.append(item)  # noqa: PERF401  # those before the failure count

    with pytest.raises(Boom):
        run(main())
    assert got == [1, 2]
    assert execution.status is Status.FAILED


def test_b35_a_stream_is_bounded_by_its_timeout() -> None:
    async def slow(data: Here) -> None:
        data.put(1)
        await asyncio.sleep(10)

    flow = Flow(Plain)
    flow.to(slow).end()
    got: list[int] = []

    async def main() -> None:
        async for item in flow.create_execution().stream(None, timeout=1):
            got.append(item)  # noqa: PERF401  # those before the failure count

    with pytest.raises(TimeoutError):
        run(main())
    assert got == [1]


@pytest.mark.parametrize("way", ["break", "raise", "aclose"])
def test_b35_leaving_a_stream_early_cancels_the_run(way: str) -> None:
    log: list[str] = []

    async def endless(data: Here) -> None:
        try:
            for item in range(100):
                data.put(item)
                await asyncio.sleep(1)
        finally:
            await asyncio.sleep(0.5)
            log.append("stopped")

    flow = Flow(Plain)
    flow.to(endless).end()
    execution = flow.create_execution()

    async def main() -> None:
        stream: Any = execution.stream(None)
        try:
            async for item in stream:
                if item == 2:
                    if way == "raise":
                        raise Boom
                    break
        except Boom:
            pass
        await stream.aclose()
        assert log == ["stopped"]
        assert execution.status is Status.CANCELLED

    run(main())


@pytest.mark.parametrize("way", ["stream", "stream_continue"])
def test_aclosing_ends_the_stream_and_cancels_the_run(way: str) -> None:
    log: list[str] = []

    def asks(data: Here) -> list[int]:
        if way == "stream_continue":
            data.pause_for(interrupt_id="go")
        return [1, 2]

    async def endless(data: Here) -> None:
        try:
            while True:
                data.put(1)
                await asyncio.sleep(1)
        finally:
            log.append("stopped")

    flow = Flow(Plain)
    flow.to(asks).for_each().to(endless).end_for_each().end()
    execution = flow.create_execution()

    async def main() -> None:
        if way == "stream_continue":
            await execution.async_start(None)
        made = execution.stream(None) if way == "stream" else execution.stream_continue("go", [1, 2])
        assert isinstance(made, AsyncGenerator)
        async with contextlib.aclosing(made) as items:
            assert await anext(items) == 1
        assert log == ["stopped", "stopped"]
        assert execution.status is Status.CANCELLED
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await made.aclose()  # once more changes nothing
        assert [item async for item in made] == []

    run(main())


def test_a_stream_that_is_closed_before_its_first_item_starts_nothing() -> None:
    flow = Flow(Plain)
    flow.to(putting(1)).end()
    execution = flow.create_execution()

    async def main() -> None:
        async with contextlib.aclosing(execution.stream(None)):
            pass
        assert execution.status is Status.CREATED
        assert await items_of(execution.stream(None)) == [1]

    run(main())


@pytest.mark.parametrize("when", ["while it is closed", "before it is closed"])
@pytest.mark.parametrize("way", ["break", "raise"])
def test_what_fails_a_run_whose_stream_is_closed_is_raised(when: str, way: str) -> None:
    unheard: list[Any] = []

    async def failing(data: Here) -> None:
        data.put(1)
        try:
            await asyncio.sleep(0 if when == "before it is closed" else 9)
        finally:
            raise Boom("at the end")

    flow = Flow(Plain)
    flow.to(failing).end()
    execution = flow.create_execution()

    async def leave() -> None:
        async with contextlib.aclosing(execution.stream(None)) as items:
            async for _ in items:
                await asyncio.sleep(1)
                if way == "raise":
                    raise KeyError
                break

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
        with pytest.raises(Boom, match="at the end"):
            await leave()
        assert execution.status is Status.FAILED
        gc.collect()
        assert unheard == []

    run(main())


def test_b35_the_listener_is_cancelled() -> None:
    async def endless(data: Here) -> None:
        data.put(1)
        await asyncio.sleep(100)

    flow = Flow(Plain)
    flow.to(endless).end()
    execution = flow.create_execution()

    async def main() -> None:
        listener = asyncio.create_task(items_of(execution.stream(None)))
        await asyncio.sleep(1)
        listener.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listener
        assert execution.status is Status.CANCELLED

    run(main())


def test_b35_the_run_is_cancelled_from_elsewhere() -> None:
    async def endless(data: Here) -> None:
        data.put(1)
        await asyncio.sleep(100)

    flow = Flow(Plain)
    flow.to(endless).end()
    execution = flow.create_execution()

    async def main() -> None:
        listener = asyncio.create_task(items_of(execution.stream(None)))
        await asyncio.sleep(1)
        await execution.async_cancel()
        with pytest.raises(asyncio.CancelledError):
            await listener

    run(main())


def test_b35_items_from_a_thread_come_in_order() -> None:
    heard = threading.Event()

    def put(data: Here) -> None:
        data.put(1)
        data.put(2)
        assert heard.wait(5)
        data.put(3)

    flow = Flow(Plain)
    flow.to(put, thread=True).end()

    async def main() -> list[int]:
        got = []
        async for item in flow.create_execution().stream(None):
            got.append(item)
            if item == 2:
                heard.set()
        return got

    assert run(main()) == [1, 2, 3]


def test_an_item_of_the_wrong_type_fails_the_step() -> None:
    flow = Flow(Plain)
    flow.to(putting("x")).end()
    with pytest.raises(ContractError, match="TF805: the stream carries int, not 'x'"):
        run(items_of(flow.create_execution().stream(None)))


def test_a_contract_without_a_stream_carries_none() -> None:
    flow: Any = Flow(Silent, name="silent")
    flow.to(putting(1)).end()
    execution = flow.create_execution(execution_id="e1")
    text = "TF804: execution 'e1' of flow 'silent': contract 'Silent' declares no stream"
    with pytest.raises(ContractError, match=text):
        run(items_of(execution.stream(None)))
    assert execution.status is Status.CREATED
    with pytest.raises(ContractError, match=r"TF804: .*contract 'Silent' declares no stream"):
        run(execution.async_start(None))


def test_a_stream_is_a_start_and_happens_once() -> None:
    flow = Flow(Plain)
    flow.to(putting(1)).end()
    execution = flow.create_execution()
    run(items_of(execution.stream(None)))
    with pytest.raises(FinishedError, match="TF812"):
        run(items_of(execution.stream(None)))


def test_a_stream_that_is_not_listened_to_starts_nothing() -> None:
    flow = Flow(Plain)
    flow.to(putting(1)).end()
    execution = flow.create_execution()
    execution.stream(None)
    assert execution.status is Status.CREATED
