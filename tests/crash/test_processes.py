"""Several processes with one store: they count in one flow_state, and answer one paused execution."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.budget import budget, is_full, rows
from tests.crash import adders
from tests.stores.conformance import DATABASES, STORES
from typedflow import Status
from typedflow.schema.contracts import spec_of
from typedflow.snapshot.flow_states import decode_flow_state

ROOT = Path(__file__).parents[2]


@contextmanager
def started(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Start a process and wait until it is ready to begin; it is dead at the end."""
    command = [sys.executable, "-m", "tests.crash.adders", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert read(process) == "ready"
            yield process
        finally:
            process.kill()


def read(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def run_together(*orders: tuple[object, ...]) -> list[int]:
    with ExitStack() as stack:
        processes = [stack.enter_context(started(*order)) for order in orders]
        for process in processes:
            begin(process)
        return [process.wait() for process in processes]


def check_sum(kind: str, folder: Path, names: list[str], executions: int) -> None:
    """Check that each step of each execution has counted exactly once."""

    async def stored() -> adders.Tally:
        async with STORES[kind].open(folder) as store:
            assert {entry.status for entry in await store.list("adding")} == {"completed"}
            tally: Any = decode_flow_state(await store.get_flow_state("adding") or b"", spec_of(adders.Adding))
            return tally  # type: ignore[no-any-return]  # a Tally

    tally = asyncio.run(stored())
    keys = [f"{name}-{n}:add{step}@0" for name in names for n in range(executions) for step in range(5)]
    assert tally.by_key == dict.fromkeys(keys, 1)
    assert tally.total == len(keys)


@pytest.mark.parametrize("kind", rows(DATABASES, ["postgres"]))
def test_what_executions_in_several_processes_count_adds_up(kind: str, folder: Path) -> None:
    names = ["p0", "p1", "p2"]
    assert run_together(*(("add", kind, folder, name, 6, "") for name in names)) == [0, 0, 0]
    check_sum(kind, folder, names, 6)


@pytest.mark.long
@pytest.mark.parametrize("kind", rows(DATABASES, ["sqlite"]))
def test_only_committed_steps_of_killed_processes_count_and_once(kind: str, folder: Path) -> None:
    names = ["p0", "p1"]
    for number in range(max(1, int(budget()))):
        here = folder / str(number)
        here.mkdir()
        for kill in range(3 if is_full() else 1):
            run_together(*(("add", kind, here, name, 4, f"{number} {kill} {name}") for name in names))
        assert run_together(*(("add", kind, here, name, 4, "") for name in names)) == [0, 0]
        check_sum(kind, here, names, 4)


@pytest.mark.parametrize("kind", rows(DATABASES, ["postgres"]))
def test_of_two_processes_that_answer_one_pause_exactly_one_goes_on(kind: str, folder: Path) -> None:
    """B52."""

    async def pause() -> None:
        async with STORES[kind].open(folder) as store:
            execution = adders.asking().create_execution(execution_id="asked", store=store)
            assert await execution.async_start(1) is Status.WAITING

    asyncio.run(pause())
    with started("answer", kind, folder, 1) as first, started("answer", kind, folder, 2) as second:
        for process in (first, second):
            begin(process)
            assert read(process) == "opened"
        for process in (first, second):
            begin(process)
        said = [process.communicate()[0].split("\n") for process in (first, second)]
    won, lost = sorted(said, key=lambda lines: lines[0].startswith("conflict"))
    value = won[0].removeprefix("handler ")
    assert won == [f"handler {value}", f"finished {value}", ""]
    assert lost[0].startswith("conflict ")
    assert lost[1:] == [""]
