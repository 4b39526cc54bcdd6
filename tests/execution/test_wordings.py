"""Failures that Python itself words badly, or not at all: what the caller reads in their place."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.execution.running import Bells, Style, both, run
from typedflow import Contract, Data, Flow, Retry
from typedflow.errors import FinishedError, SnapshotError


class Numbers(Contract):
    input: int
    result: int
    events: Bells


def of(handler: Any, **options: Any) -> Flow[Any]:
    flow: Flow[Any] = Flow(Numbers)
    flow.to(handler, **options).end()
    return flow


def passing(data: Data[Numbers, int]) -> int:
    return data.value


def test_a_step_that_is_late_is_named() -> None:
    async def slow(data: Data[Numbers, int]) -> int:
        await asyncio.sleep(5)
        return data.value

    with pytest.raises(TimeoutError, match=r"^step 'slow' was not over after 0\.01 s"):
        run(of(slow, timeout=0.01).async_start(1))


def test_a_timeout_of_the_handlers_own_keeps_its_text() -> None:
    def late(data: Data[Numbers, int]) -> int:
        raise TimeoutError("the server is slow")

    with pytest.raises(TimeoutError, match="the server is slow"):
        run(of(late, timeout=5).async_start(1))


@pytest.mark.parametrize("options", [{}, {"retry": Retry(attempts=1)}, {"thread": True}])
def test_a_handler_that_raises_stop_iteration_is_named(options: dict[str, Any]) -> None:
    def empty(data: Data[Numbers, int]) -> int:
        return next(iter([]))

    with pytest.raises(RuntimeError, match="'empty' raised StopIteration"):
        of(empty, **options).start(1)


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="does not exist"):
        of(passing).create_execution().load(tmp_path / "missing.json")


@pytest.mark.parametrize("source", ["/data/x.json", "snapshot.json", "C:\\snapshots\\x"])
def test_a_str_that_looks_like_a_path_leads_to_path(source: str) -> None:
    with pytest.raises(SnapshotError, match=r"a str that looks like a path \(a str is always text: give pathlib.Path"):
        of(passing).create_execution().load(source)


def test_a_load_after_an_event_says_why_it_is_refused() -> None:
    flow = of(passing)
    flow.when("rung").to(passing, name="listen")
    execution = flow.create_execution()
    execution.emit("rung", 1)
    with pytest.raises(FinishedError, match="an event was emitted to the execution already"):
        execution.load(flow.create_execution().save())


@both
def test_children_nested_too_deep_are_not_saved(style: Style) -> None:
    def go_down(data: Data[Any, int]) -> int:
        if data.value == 0:
            data.pause_for()
        return data.value - 1

    flow: Flow[Any] = Flow(Numbers, max_depth=400)
    flow.to(style(go_down), name="down").to_sub_flow(flow).end()

    async def main() -> None:
        execution = flow.create_execution()
        await execution.async_start(301)
        with pytest.raises(SnapshotError, match="the open child executions are nested deeper than a snapshot can be"):
            execution.save()

    run(main())
