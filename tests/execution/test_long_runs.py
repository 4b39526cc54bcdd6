"""B27: endless loops, long chains and long lists cost no more than they must."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from tests.execution.running import Here, Plain, Style, as_async, as_sync, both, passing, run
from typedflow import Flow, Status
from typedflow.engine import routing
from typedflow.engine import run as reports
from typedflow.engine.tokens import BlockInstance, Scope, Signal, Token


def living() -> int:
    """Count what a run consists of, over the whole process."""
    kinds = (Token, Scope, BlockInstance, Signal)
    return sum(type(thing) in kinds for thing in gc.get_objects())


@pytest.mark.parametrize("style", [as_sync, as_async], ids=["sync", "async"])
@pytest.mark.parametrize("block", ["chain", "batch"])
@pytest.mark.thin(3)
def test_b27_a_loop_of_20_000_rounds_keeps_nothing(style: Style, block: str) -> None:
    samples: list[tuple[int, int, int]] = []
    executions: list[Any] = []
    rounds = 20_000 if block == "chain" else 4_000

    def again(data: Here) -> None:
        number = data.value if block == "chain" else data.value[0]
        if number in (rounds // 10, rounds - 1):
            gc.collect()
            live = executions[0]._runtime.run
            samples.append((len(asyncio.all_tasks()), living(), len(live.live) + len(live.blocks or ())))
        if number < rounds:
            data.emit("rung", number + 1)

    flow = Flow(Plain)
    flow.to(lambda data: data.emit("rung", 1))
    heard = flow.when("rung")
    if block == "batch":
        heard = heard.batch().branch(style(passing), name="a").branch(style(passing), name="b").end_batch()
    heard.to(style(again))
    executions.append(flow.create_execution())
    assert run(executions[0].async_start(0)) is Status.COMPLETED
    (tasks, things, open_), later = samples
    assert (later[0], later[2]) == (tasks, open_)
    assert abs(later[1] - things) <= 5
    assert tasks <= 4
    assert open_ == 1


def chain(length: int, handler: Any) -> Flow[Plain]:
    flow = Flow(Plain)
    at: Any = flow.to(handler)
    for _ in range(length - 1):
        at = at.to(handler)
    at.end()
    return flow


@both
def test_b27_a_chain_of_5_000_steps_runs(style: Style) -> None:
    flow = chain(5_000, style(lambda data: data.value + 1))
    assert run(flow.async_start(0)) == 5_000


@pytest.mark.parametrize("after", [0, 1, 2, 100, 4_990])
@pytest.mark.thin(3)
def test_b27_cancelling_a_long_chain_leaves_no_task_and_raises_only_that(after: int) -> None:
    steps: list[int] = []

    async def step(data: Here) -> int:
        steps.append(data.value)
        await asyncio.sleep(0)
        return int(data.value) + 1

    flow = chain(5_000, step)

    async def main() -> None:
        execution = flow.create_execution()
        running = asyncio.create_task(execution.async_start(0))
        for _ in range(after):
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert len(steps) <= after + 1
        assert asyncio.all_tasks() == {asyncio.current_task()}
        if after:
            assert execution.status is Status.CANCELLED

    run(main())


@both
def test_b27_a_for_each_over_10_000_items_makes_as_many_tokens(style: Style, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counting(*arguments: Any) -> Token:
        made.append(1)
        return Token(*arguments)

    for module in (reports, routing):
        monkeypatch.setattr(module, "Token", counting)
    flow = Flow(Plain)
    flow.for_each(concurrency=50).to(style(passing)).end_for_each().end()
    counts = []
    for size in (1_000, 10_000):
        made.clear()
        assert run(flow.async_start(range(size))) == list(range(size))
        counts.append(len(made) - 2 * size)
    assert counts[0] == counts[1]


@both
def test_b27_a_wide_for_each_does_not_start_a_task_per_sync_item(style: Style) -> None:
    most = [0]

    def step(data: Here) -> Any:
        if data.value % 1000 == 999:
            most[0] = max(most[0], len(asyncio.all_tasks()))
        return data.value

    flow = Flow(Plain)
    flow.for_each(concurrency=20).to(style(step)).end_for_each().end()
    assert run(flow.async_start(range(5_000))) == list(range(5_000))
    assert most[0] <= 22


def test_a_finished_execution_is_not_kept_alive_by_its_flow() -> None:
    """B10."""
    flow = Flow(Plain)
    flow.to(passing).end()
    execution = flow.create_execution()
    run(execution.async_start(1))
    gone = weakref.ref(execution)
    del execution
    gc.collect()
    assert gone() is None
