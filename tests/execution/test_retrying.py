"""Starting an execution, retrying a failed one, and flows that handlers run themselves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.execution.running import Here, Plain, Style, both, double, outcome, passing, run
from typedflow import Contract, FinishedError, Flow, Status
from typedflow.execution.data import transaction_of
from typedflow.schema.writing import current_step


class Boom(Exception):
    """What handlers raise here."""


def explode(data: Here) -> Any:
    raise Boom(data.value)


def test_an_execution_is_started_once() -> None:
    flow = Flow(Plain)
    flow.to(passing).end()
    execution = flow.create_execution(execution_id="e1")
    run(execution.async_start(1))
    with pytest.raises(FinishedError) as refused:
        run(execution.async_start(2))
    assert str(refused.value).startswith(
        "TF812: execution 'e1' of flow 'Plain': the execution was started already, it is completed"
    )
    assert execution.result == 1


def test_an_execution_cannot_be_started_while_it_runs() -> None:
    flow = Flow(Plain)
    flow.to(lambda data: asyncio.sleep(1)).end()

    async def main() -> None:
        execution = flow.create_execution()
        running = asyncio.create_task(execution.async_start(1))
        await asyncio.sleep(0.5)
        with pytest.raises(FinishedError, match="it is running"):
            await execution.async_start(2)
        assert await running is Status.COMPLETED

    run(main())


def test_an_input_of_the_wrong_type_starts_nothing() -> None:
    class Number(Contract):
        input: list[int]
        result: None

    flow = Flow(Number)
    flow.to(explode, name="never")  # type: ignore[arg-type]  # of another contract, on purpose
    with pytest.raises(TypeError, match="TF716"):
        flow.validate()
    flow = Flow(Number)
    flow.to(lambda data: None)
    execution = flow.create_execution()
    with pytest.raises(TypeError, match=r"TF806: .* list\[int\], and '\[0\]' in it is int, not 'x'"):
        run(execution.async_start(["x"]))  # type: ignore[list-item]  # wrong on purpose
    assert execution.status is Status.CREATED
    assert run(execution.async_start([1])) is Status.COMPLETED


@both
def test_a_retry_reruns_what_failed_and_what_was_cut_off(style: Style) -> None:
    calls: list[str] = []
    broken = [True]

    def done(data: Here) -> Any:
        calls.append("done")
        return "done"

    async def failing(data: Here) -> Any:
        await asyncio.sleep(1)
        calls.append("failing")
        if broken:
            raise Boom
        return "mended"

    async def cut_off(data: Here) -> Any:
        await asyncio.sleep(2)
        calls.append("cut off")
        return "whole"

    flow = Flow(Plain)
    flow.batch().branch(style(done)).branch(failing).branch(cut_off).end_batch().end()
    execution = flow.create_execution()
    with pytest.raises(Boom):
        run(execution.async_start(1))
    assert calls == ["done", "failing"]
    with pytest.raises(Boom):
        run(execution.async_retry())
    broken.clear()
    assert run(execution.async_retry()) is Status.COMPLETED
    assert execution.result == ("done", "mended", "whole")
    assert calls == ["done", "failing", "failing", "failing", "cut off"]
    assert len(execution.errors) == 2


@pytest.mark.parametrize("status", ["created", "completed", "cancelled"])
def test_only_a_failed_execution_can_be_retried(status: str) -> None:
    flow = Flow(Plain)
    flow.to(passing).end()
    execution = flow.create_execution()
    if status != "created":
        run(execution.async_start(1) if status == "completed" else execution.async_cancel())
    with pytest.raises(FinishedError, match=f"TF803: .*the execution is {status}, it cannot become running"):
        run(execution.async_retry())


def test_a_value_that_a_block_cannot_take_fails_at_the_block_again_on_retry() -> None:
    flow = Flow(Plain)
    flow.to(passing).for_each().to(double).end_for_each().end()
    execution = flow.create_execution()
    with pytest.raises(TypeError, match="TF709"):
        run(execution.async_start(5))
    with pytest.raises(TypeError, match="TF709"):
        run(execution.async_retry())
    assert execution.status is Status.FAILED


def test_a_chain_that_ends_in_a_value_of_the_wrong_type_fails() -> None:
    class Number(Contract):
        input: int
        result: int

    flow = Flow(Number)
    flow.to(lambda data: "x").end()
    execution = flow.create_execution()
    with pytest.raises(TypeError, match="TF813: step 'lambda' of flow 'Number': the result does not fit: expected int"):
        run(execution.async_start(1))
    assert execution.status is Status.FAILED


# -- flows inside handlers


@both
def test_a_handler_may_run_another_flow(style: Style) -> None:
    inner = Flow(Plain)
    inner.to(style(double)).end()

    async def outer(data: Here) -> Any:
        step = current_step.get()
        result = await inner.async_start(data.value)
        assert current_step.get() is step is transaction_of(data)
        data.state.topic = "mine"
        return result

    flow = Flow(Plain)
    flow.to(outer).end()
    execution = flow.create_execution()
    run(execution.async_start(4))
    assert (execution.result, execution.state.topic) == (8, "mine")


def test_a_failure_of_a_flow_inside_a_handler_leaves_the_step_as_it_was() -> None:
    inner = Flow(Plain)
    inner.to(explode).end()

    async def outer(data: Here) -> Any:
        with pytest.raises(Boom):
            await inner.async_start(data.value)
        assert current_step.get() is transaction_of(data)
        return "caught"

    flow = Flow(Plain)
    flow.to(outer).end()
    assert outcome(flow, 1) == "caught"


async def test_a_run_leaves_the_step_of_its_caller_alone() -> None:
    flow = Flow(Plain)
    flow.to(passing).end()
    await flow.async_start(1)
    assert current_step.get() is None
