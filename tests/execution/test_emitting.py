"""Events from outside that reach an execution which stands still, or is being saved."""

from __future__ import annotations

from typing import Any

import pytest

from tests.execution.hooked import HookedStore
from tests.execution.running import run
from typedflow import Contract, Data, Events, Execution, Flow, Status
from typedflow.errors import FinishedError


class Knocks(Events):
    knocked: int


class Door(Contract):
    input: int
    result: int
    events: Knocks


def waiting_flow(listener: Any) -> Flow[Any]:
    def ask(data: Data[Door, int]) -> int:
        data.pause_for(interrupt_id="ask")

    flow: Flow[Any] = Flow(Door)
    flow.to(ask).end()
    flow.when("knocked").to(listener)
    return flow


def test_a_listener_that_fails_during_the_save_of_a_pause_fails_the_run_with_its_own_error() -> None:
    def explode(data: Data[Door, int]) -> None:
        raise OSError("the bell is broken")

    async def main() -> None:
        store = HookedStore({"waiting": lambda: execution.emit("knocked", 1)})
        execution: Execution[Any] = waiting_flow(explode).create_execution(store=store)
        with pytest.raises(OSError, match="the bell is broken"):
            await execution.async_start(1)
        assert execution.status is Status.FAILED
        assert store.records[execution.id].status == "failed"

    run(main())


@pytest.mark.parametrize("opened", [False, True])
def test_an_event_to_a_waiting_execution_is_saved_and_run_by_a_retry(opened: bool) -> None:
    knocks: list[int] = []

    def note(data: Data[Door, int]) -> None:
        knocks.append(data.value)

    async def main() -> None:
        store, flow = HookedStore(), waiting_flow(note)
        execution: Execution[Any] = flow.create_execution(store=store)
        assert await execution.async_start(1) is Status.WAITING
        if opened:
            execution = await flow.async_open(execution.id, store=store)
        execution.emit("knocked", 7)
        assert await execution.async_retry() is Status.WAITING
        assert knocks == [7]
        assert [record.status for record in store.history][-2:] == ["running", "waiting"]
        with pytest.raises(FinishedError, match=r"TF803: .* it cannot become running"):
            await execution.async_retry()
        await execution.async_continue_with("ask", 2)
        assert execution.result == 2

    run(main())
