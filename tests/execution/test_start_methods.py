"""Processes of multiprocessing, whatever starts them: from 3.14 it is a fork server on Linux."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import msgspec
import pytest

from typedflow import Contract, Data, Flow, State
from typedflow.stores import SQLiteStore


class Page(msgspec.Struct):
    lines: list[str] = []


class Notes(State):
    page: Page | None = None


class Count(Contract):
    input: Page
    result: int
    state: Notes


def keep(data: Data[Count, Page]) -> int:
    data.state.page = data.value
    return len(data.value.lines)


def run_one(path: str, number: int) -> int:
    """Run the flow in a process of its own, on a store that all of them share."""
    flow = Flow(Count, name="count")
    flow.to(keep).end()
    execution = flow.create_execution(execution_id=f"e{number}", store=SQLiteStore(path))
    execution.start(Page(["a"] * number))
    return execution.result


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_flow_runs_in_the_processes_of_a_pool(method: str, tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(run_one, [(path, number) for number in range(4)]) == [0, 1, 2, 3]
