"""What a script or a notebook needs: reprs, sync forms, and streams that go on after a failure."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest

from tests.execution.running import Here, Plain, passing, run
from typedflow import ExecutionError, Flow, Status
from typedflow.stores import MemoryStore, SQLiteStore


def ask(data: Here) -> Any:
    return data.pause_for(interrupt_id="q")


def flaky_flow(fails: list[bool]) -> Flow[Plain]:
    def flaky(data: Here) -> Any:
        data.put(len(fails))
        if fails.pop():
            raise ValueError("flaky")
        return data.value

    flow = Flow(Plain, name="flaky")
    flow.to(passing).to(flaky).end()
    return flow


# -- reprs


def test_a_flow_shows_its_contract_and_its_steps() -> None:
    flow = Flow(Plain, name="review")
    assert repr(flow) == "<Flow 'review' of contract Plain: no steps>"
    block = flow.to(passing).for_each().to(ask)
    assert repr(flow) == "<Flow 'review' of contract Plain: passing, ask, open: for_each>"
    block.end_for_each()
    for _ in range(9):
        flow.to(passing)
    assert repr(flow).endswith("passing#6, passing#7 and 3 more>")


def test_an_execution_shows_what_it_waits_for() -> None:
    flow = Flow(Plain, name="review")
    flow.to(ask).end()
    execution = flow.create_execution(execution_id="e")
    assert repr(execution) == "<Execution 'e' of flow 'review': created>"
    execution.start(1)
    assert repr(execution) == "<Execution 'e' of flow 'review': waiting for 'q'>"
    execution.continue_with("q", 1)
    assert repr(execution) == "<Execution 'e' of flow 'review': completed>"


def test_a_failed_execution_shows_the_steps_that_a_retry_runs() -> None:
    execution = flaky_flow([False, True]).create_execution(execution_id="e")
    with pytest.raises(ValueError, match="flaky"):
        execution.start(1)
    assert repr(execution) == "<Execution 'e' of flow 'flaky': failed at 'flaky'>"


# -- sync forms


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_script_opens_and_retries_an_execution(kind: str, tmp_path: Any) -> None:
    store: Any = MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / "runs.db")
    flow = flaky_flow([False, True])
    with pytest.raises(ValueError, match="flaky"):
        flow.create_execution(store=store, execution_id="e").start(5)
    execution = flow.open("e", store=store)
    assert execution.status is Status.FAILED
    assert execution.retry() is Status.COMPLETED
    assert execution.result == 5


def test_the_sync_forms_name_the_async_ones_in_a_running_loop() -> None:
    flow = flaky_flow([False])

    async def main() -> None:
        with pytest.raises(ExecutionError, match=r"TF801: .*async_open"):
            flow.open("e", store=MemoryStore())
        with pytest.raises(ExecutionError, match=r"TF801: .*async_retry"):
            flow.create_execution().retry()

    run(main())


# -- streams


def test_a_stream_goes_on_with_a_retry() -> None:
    async def main() -> None:
        execution = flaky_flow([False, True]).create_execution()
        first = execution.stream(1)
        assert await anext(first) == 2
        with pytest.raises(ValueError, match="flaky"):
            await anext(first)
        async with aclosing(execution.stream_retry()) as again:
            assert [item async for item in again] == [1]
        assert execution.status is Status.COMPLETED

    run(main())


def test_a_stream_of_a_retry_raises_what_the_retry_raises() -> None:
    async def main() -> None:
        execution = flaky_flow([False]).create_execution()
        with pytest.raises(ExecutionError, match="created"):
            await anext(execution.stream_retry())

    run(main())
