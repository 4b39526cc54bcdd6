"""Observers: every transition once and in order, no part in the run, nothing of a load (DESIGN 13, B63)."""

from __future__ import annotations

import asyncio
import logging
import threading
from functools import partial
from typing import Any

import pytest

from tests.execution.running import Here, Plain, passing, run
from typedflow import ContractError, Data, Failed, Flow, Retry, Status
from typedflow.execution.observing import (
    Answered,
    ChildEntered,
    ChildLeft,
    ExecutionEnded,
    ExecutionStarted,
    ItemEnded,
    Record,
    Saved,
    StepEnded,
    StepFailed,
    StepPaused,
    StepRetried,
    StepStarted,
)
from typedflow.stores import MemoryStore


class Seen:
    """Keep the records, and show them in short."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def __call__(self, record: Record) -> None:
        self.records.append(record)

    @property
    def short(self) -> list[str]:
        return [f"{type(it).__name__} {getattr(it, 'step', '') or getattr(it, 'status', '')}" for it in self.records]

    def of(self, cls: type[Any]) -> list[Any]:
        return [record for record in self.records if type(record) is cls]


def watched(flow: Flow[Any], value: Any, seen: Seen, **options: Any) -> Any:
    execution = flow.create_execution(observers=[seen], execution_id="e", **options)
    run(execution.async_start(value))
    return execution


def fails(data: Here) -> Any:
    raise ValueError(f"no {data.value}")


def test_the_records_of_a_chain_are_in_order() -> None:
    flow, seen = Flow(Plain), Seen()
    flow.to(passing).match().case(1).to(passing).end_match().end()
    watched(flow, 1, seen)
    assert seen.short == [
        "ExecutionStarted running",
        "StepStarted passing",
        "StepEnded passing",
        "StepStarted match",
        "StepEnded match",
        "StepStarted passing#2",
        "StepEnded passing#2",
        "ExecutionEnded completed",
    ]
    first, ended = seen.of(StepStarted)[0], seen.of(StepEnded)[0]
    assert (first.execution, first.flow, first.key, ended.key) == ("e", "Plain", "e:passing@0", "e:passing@0")
    assert first.time > 0
    assert ended.seconds >= 0


def test_the_observers_of_a_flow_come_before_those_of_the_execution() -> None:
    calls: list[str] = []
    flow = Flow(Plain)
    flow.to(passing).end()
    early = flow.create_execution()
    flow.observe(lambda record: calls.append("flow"))
    execution = flow.create_execution(observers=[lambda record: calls.append("own")])
    run(execution.async_start(1))
    assert calls[:2] == ["flow", "own"]
    calls.clear()
    run(early.async_start(1))
    assert calls == []


def test_a_retry_and_a_failure_are_reported() -> None:
    flow, seen = Flow(Plain), Seen()
    flow.to(fails, retry=Retry(2, backoff=3)).end()
    with pytest.raises(ValueError, match="no 1"):
        watched(flow, 1, seen)
    assert seen.short[1:] == ["StepStarted fails", "StepRetried fails", "StepFailed fails", "ExecutionEnded failed"]
    [retried], [failed], [ended] = seen.of(StepRetried), seen.of(StepFailed), seen.of(ExecutionEnded)
    assert (retried.attempt, retried.error, retried.wait) == (2, "ValueError", 3.0)
    assert (failed.error, failed.text, failed.caught) == ("ValueError", "no 1", False)
    assert ended.error == "ValueError"


def test_a_step_that_runs_again_has_the_same_key() -> None:
    broken = [True]

    def flaky(data: Here) -> Any:
        if broken.pop():
            broken.append(False)
            raise ValueError
        return data.value

    flow, seen = Flow(Plain), Seen()
    flow.to(flaky).end()
    execution = flow.create_execution(observers=[seen])

    async def main() -> None:
        with pytest.raises(ValueError):  # noqa: PT011  # without a text
            await execution.async_start(1)
        await execution.async_retry()

    run(main())
    first, second = seen.of(StepStarted)
    assert first.key == second.key
    assert [record.status for record in seen.of(ExecutionStarted)] == [Status.RUNNING, Status.RUNNING]


def test_pauses_answers_and_saves_are_reported_and_a_load_is_not() -> None:
    def ask(data: Here) -> Any:
        return data.pause_for("which?", interrupt_id="q")

    store = MemoryStore()
    flow, seen, later = Flow(Plain), Seen(), Seen()
    flow.to(ask).end()
    watched(flow, 1, seen, store=store)
    assert seen.short == [
        "ExecutionStarted running",
        "Saved ",
        "StepStarted ask",
        "StepPaused ask",
        "Saved ",
        "ExecutionEnded waiting",
    ]
    assert seen.of(StepPaused)[0].interrupt.id == "q"
    first, second = seen.of(Saved)
    assert (first.sequence, second.sequence) == (1, 2)
    assert first.bytes > 100

    async def main() -> None:
        execution = await flow.async_open("e", store=store, observers=[later])
        assert later.records == []
        await execution.async_continue_with("q", 1)

    run(main())
    assert later.short == ["Answered ", "ExecutionStarted running", "Saved ", "Saved ", "ExecutionEnded completed"]
    assert later.of(Answered)[0].interrupt == "q"


def test_children_report_to_the_observers_of_the_root() -> None:
    child = Flow(Plain, name="child")
    child.observe(lambda record: pytest.fail("a child reports to the root"))
    child.to(passing).end()
    flow, seen = Flow(Plain), Seen()
    flow.to_sub_flow(child).end()
    watched(flow, 1, seen)
    assert seen.short[1:-1] == [
        "ChildEntered child",
        "StepStarted passing",
        "StepEnded passing",
        "ChildLeft child",
    ]
    [entered], [left], [step] = seen.of(ChildEntered), seen.of(ChildLeft), seen.of(StepStarted)
    assert (entered.execution, entered.child_flow, left.status) == ("e", "child", Status.COMPLETED)
    assert step.execution == entered.child == left.child
    assert step.flow == "child"


def test_the_progress_of_a_for_each_is_reported_item_by_item() -> None:
    def odd(data: Here) -> Any:
        if data.value % 2 == 0:
            raise ValueError("even")
        return data.value

    flow, seen = Flow(Plain), Seen()
    flow.for_each(on_error="collect", concurrency=1).to(odd).end_for_each().end()
    watched(flow, [1, 2, 3], seen)
    assert [(it.item, it.done, it.total, it.failed) for it in seen.of(ItemEnded)] == [
        (0, 1, 3, False),
        (1, 2, 3, True),
        (2, 3, 3, False),
    ]
    assert seen.of(ItemEnded)[0].step == "for_each"
    assert [it.caught for it in seen.of(StepFailed)] == [True]


def test_what_is_caught_and_what_is_stopped_is_reported() -> None:
    async def slow(data: Here) -> Any:
        await asyncio.sleep(9)

    async def soon(data: Here) -> Any:
        await asyncio.sleep(1)
        raise ValueError("soon")

    def handle(data: Data[Plain, Failed[Any]]) -> str:
        return "handled"

    child = Flow(Plain, name="child")
    child.batch().branch(slow).branch(soon).end_batch().end()
    flow, seen = Flow(Plain), Seen()
    flow.to_sub_flow(child, on_error=handle).to(fails, on_error=lambda data: data.value.text).end()
    assert watched(flow, 1, seen).result == "no handled"
    assert [(it.step, it.error, it.caught) for it in seen.of(StepFailed)] == [
        ("soon", "ValueError", True),
        ("slow", "CancelledError", False),
        ("fails", "ValueError", True),
    ]
    assert [left.status for left in seen.of(ChildLeft)] == [Status.FAILED]
    assert len(seen.of(StepStarted)) == len([*seen.of(StepEnded), *seen.of(StepFailed)])


def test_steps_in_threads_report_on_the_loop() -> None:
    threads: list[threading.Thread] = []
    flow = Flow(Plain)
    flow.to(passing, thread=True).end()
    execution = flow.create_execution(observers=[lambda record: threads.append(threading.current_thread())])
    run(execution.async_start(1))
    assert set(threads) == {threading.current_thread()}


def test_an_observer_that_raises_is_logged_once_and_dropped(caplog: pytest.LogCaptureFixture) -> None:
    seen = Seen()

    def broken(record: Record) -> None:
        raise RuntimeError("observer")

    flow = Flow(Plain)
    flow.to(passing).to(passing).end()
    execution = flow.create_execution(observers=[broken, seen])
    with caplog.at_level(logging.ERROR, logger="typedflow"):
        assert run(execution.async_start(1)) is Status.COMPLETED
    assert len(caplog.records) == 1
    assert "raised, and is dropped" in caplog.text
    assert len(seen.records) == 6


def test_the_text_of_a_resource_is_in_no_record() -> None:
    def leaks(data: Here) -> Any:
        raise ValueError(f"cannot reach {data.require_resource('tool')}")

    flow, seen = Flow(Plain), Seen()
    flow.update_runtime_resources(tool="postgres://me:secret@host")
    flow.to(leaks, retry=Retry(2)).end()
    with pytest.raises(ValueError, match="cannot reach"):
        watched(flow, 1, seen)
    assert "secret" not in repr(seen.records)


def test_what_cannot_be_called_is_no_observer() -> None:
    flow: Any = Flow(Plain)
    flow.to(passing).end()
    with pytest.raises(ContractError, match=r"^TF823: an observer is a function"):
        flow.observe(3)
    with pytest.raises(ContractError, match=r"^TF823: an observer is a function"):
        flow.create_execution(observers=[3])


def test_a_coroutine_function_is_no_observer(caplog: pytest.LogCaptureFixture) -> None:
    """It would not be awaited, and never run."""

    async def later(record: Record) -> None:
        raise AssertionError

    class Later:
        async def __call__(self, record: Record) -> None:
            raise AssertionError

    flow: Any = Flow(Plain)
    flow.to(passing).end()
    for observer in (later, Later(), partial(later)):
        with pytest.raises(
            ContractError, match=r"^TF823: an observer is a plain function .*, not a coroutine function"
        ):
            flow.observe(observer)
        with pytest.raises(ContractError, match=r"^TF823: an observer is a plain function"):
            flow.create_execution(observers=[observer])
    seen = Seen()
    execution = flow.create_execution(observers=[lambda record: later(record), seen])
    with caplog.at_level(logging.ERROR, logger="typedflow"):
        assert run(execution.async_start(1)) is Status.COMPLETED
    assert len(caplog.records) == 1
    assert "which is not awaited, and is dropped" in caplog.text
    assert len(seen.records) == 4


def test_an_observer_may_start_a_task() -> None:
    heard: list[Record] = []

    async def later(record: Record) -> None:
        heard.append(record)

    flow: Any = Flow(Plain)
    flow.to(passing).end()
    tasks: list[asyncio.Future[None]] = []

    def start(record: Record) -> Any:
        tasks.append(asyncio.ensure_future(later(record)))
        return tasks[-1]

    async def main() -> None:
        await flow.create_execution(observers=[start]).async_start(1)
        await asyncio.gather(*tasks)

    run(main())
    assert len(heard) == 4


def test_an_execution_that_nobody_watches_has_no_observers() -> None:
    flow = Flow(Plain)
    flow.to(passing).end()
    execution = flow.create_execution()
    assert execution._runtime.observers is None
    run(execution.async_start(1))
    assert execution._runtime.run.item_results is None
