"""B34: the sync forms run a loop of their own, and are refused inside one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.execution.running import Here, Plain, Style, both, passing
from typedflow import ExecutionError, Flow, Status


@both
def test_b34_start_gives_the_result(style: Style) -> None:
    flow = Flow(Plain)
    flow.to(style(passing)).end()
    assert flow.start(1) == 1
    execution = flow.create_execution()
    assert execution.start(2) is Status.COMPLETED
    assert execution.result == 2


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda flow: flow.start(1),
            "TF801: flow.start() cannot run inside a running event loop (write `await flow.async_start(…)`)",
        ),
        (
            lambda flow: flow.create_execution().start(1),
            "TF801: execution.start() cannot run inside a running event loop (write `await execution.async_start(…)`)",
        ),
    ],
    ids=["flow", "execution"],
)
async def test_b34_start_inside_a_running_loop_shows_the_async_form(call: Any, text: str) -> None:
    flow = Flow(Plain)
    flow.to(passing).end()
    with pytest.raises(ExecutionError) as refused:
        call(flow)
    assert str(refused.value) == text


def test_b34_start_inside_an_async_handler_is_refused_and_inside_a_thread_it_works() -> None:
    inner = Flow(Plain)
    inner.to(passing).end()

    async def inside(data: Here) -> Any:
        with pytest.raises(ExecutionError, match="TF801"):
            inner.start(1)
        return data.value

    flow = Flow(Plain)
    flow.to(inside).to(lambda data: inner.start(data.value), name="own", thread=True).end()
    assert flow.start(5) == 5


def test_an_execution_moves_between_loops_while_it_does_not_run() -> None:
    flow = Flow(Plain)
    broken = [True]

    def step(data: Here) -> Any:
        if broken:
            broken.clear()
            raise ValueError("boom")
        return data.value

    flow.to(step).end()
    execution = flow.create_execution()
    with pytest.raises(ValueError, match="boom"):
        execution.start(1)
    assert asyncio.run(execution.async_retry()) is Status.COMPLETED
    assert execution.result == 1
