"""`run_flow`: a whole flow in a test, through its pauses, without waiting."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import pytest

from typedflow import (
    Contract,
    ContractError,
    Data,
    ExecutionError,
    ExecutionPaused,
    Flow,
    InterruptError,
    ResourceError,
    Resources,
    Retry,
    State,
)
from typedflow.testing import run_flow


class Approval(msgspec.Struct):
    ok: bool


class Tools(Resources):
    greeting: str


class Notes(State):
    asked: int = 0


class Talk(Contract):
    input: str
    result: str
    state: Notes
    resources: Tools


def ask(data: Data[Talk, str]) -> Approval:
    data.state.asked += 1
    return data.pause_for({"name": data.value, "asked": data.state.asked}, type="human")


def greet(data: Data[Talk, Approval]) -> str:
    return f"{data.resources.greeting} {data.value.ok} {data.state.asked}"


def talk() -> Flow[Talk]:
    flow = Flow(Talk)
    flow.to(ask).to(greet).end()
    return flow


@pytest.mark.parametrize("key", ["ask", "human"])
@pytest.mark.parametrize("answer", [Approval(ok=True), {"ok": True}, lambda interrupt: {"ok": True}])
@pytest.mark.parametrize("reload", [True, False])
def test_a_flow_runs_to_its_result_with_its_answers(key: str, answer: Any, reload: bool) -> None:
    found = run_flow(
        talk(), "Ann", answers={key: answer}, resources={"greeting": "hello"}, state={"asked": 2}, reload=reload
    )
    assert found == "hello True 3"


def test_an_answer_may_depend_on_what_is_asked() -> None:
    def guess(data: Data[Talk, str]) -> str:
        return data.pause_for(int(data.value), interrupt_id=f"q{data.value}")

    flow = Flow(Talk)
    flow.to(lambda data: ["1", "2"]).for_each().to(guess).end_for_each().to(lambda data: "".join(data.value)).end()
    answers = {"guess": lambda interrupt: str(interrupt.payload * 2), "q2": "x"}
    assert run_flow(flow, "a", answers=answers, resources={"greeting": ""}) == "2x"


def test_a_pause_without_an_answer_is_raised_with_its_execution() -> None:
    with pytest.raises(ExecutionPaused, match=r"TF815: flow 'Talk'") as caught:
        run_flow(talk(), "Ann", resources={"greeting": "hello"})
    assert [each.step for each in caught.value.execution.interrupts.values()] == ["ask"]


def test_an_answer_that_nothing_asks_for_is_an_error() -> None:
    with pytest.raises(AssertionError, match="nothing has asked for the answers 'aks'"):
        run_flow(talk(), "Ann", answers={"ask": {"ok": True}, "aks": 1}, resources={"greeting": "hello"})


def test_a_wrong_answer_and_a_missing_resource_are_raised() -> None:
    with pytest.raises(InterruptError, match="TF810"):
        run_flow(talk(), "Ann", answers={"ask": 3}, resources={"greeting": "hello"})
    with pytest.raises(ResourceError, match="TF102"):
        run_flow(talk(), "Ann", answers={"ask": {"ok": True}})


def test_nothing_is_waited_for() -> None:
    tries: list[float] = []

    async def slow(data: Data[Talk, str]) -> str:
        tries.append(asyncio.get_running_loop().time())
        await asyncio.sleep(3600)
        if len(tries) < 3:
            raise ValueError("again")
        return data.value

    flow = Flow(Talk)
    flow.to(slow, retry=Retry(3, backoff=60)).end()
    began = time.monotonic()
    assert run_flow(flow, "a", resources={"greeting": ""}) == "a"
    assert time.monotonic() - began < 60
    assert [round(at) for at in tries] == [0, 3660, 7320]
    with pytest.raises(TimeoutError):
        run_flow(flow, "a", resources={"greeting": ""}, timeout=10)


async def test_in_a_running_loop_it_is_refused() -> None:
    with pytest.raises(ExecutionError, match="TF801"):
        run_flow(talk(), "Ann")


class Echo(Contract):
    input: str
    result: str


def test_a_remote_child_is_refused_with_what_to_do_in_its_place() -> None:
    child: Flow[Echo] = Flow(Echo, name="child")
    child.to(lambda data: data.value, name="say").end()
    around: Flow[Echo] = Flow(Echo, name="around")
    around.to_sub_flow(child, remote=True, name="elsewhere").end()
    flow: Flow[Echo] = Flow(Echo, name="parent")
    flow.to_sub_flow(around).end()
    with pytest.raises(ContractError) as raised:
        run_flow(flow, "hello")
    assert str(raised.value) == (
        "TF829: flow 'parent': run_flow has no worker for the remote child of 'elsewhere' (run the flow of the child by"
        " itself, run_flow(child, …); or both with a MemoryStore and a Worker in the test)"
    )
