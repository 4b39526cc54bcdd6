"""Remote children with workers as real processes that are killed, at each failpoint, and between parent and child."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from tests.budget import is_full, marks_of_tables, rows
from tests.distributed.family import PARENT, build, worker_of
from tests.stores.conformance import DATABASES, STORES
from typedflow.distributed import result, submit

ROOT: Final = Path(__file__).parents[2]
SOON: Final = 60.0
NAMES: Final = ["leaf", "part", "whole"]
ITEMS: Final = [1, 2, 3]
STEP: Final = 9
"""From one failpoint at which a worker is killed to the next; the full form has a test for each first one."""


@contextmanager
def worker_process(kind: str, folder: Path, names: list[str], kill_at: int = 0) -> Iterator[subprocess.Popen[str]]:
    command = ["-m", "tests.distributed.family", kind, str(folder), ",".join(names), str(kill_at)]
    path = os.pathsep.join([str(ROOT), str(ROOT / "mypy_plugin")])
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        try:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
            yield worker
        finally:
            worker.kill()


async def finish(kind: str, folder: Path) -> None:
    """Run a worker in this process for what is left, and check that all was done, and once."""
    store: Any
    async with STORES[kind].open(folder) as store:
        worker = worker_of(store, folder, NAMES)
        running = asyncio.create_task(worker.run())
        try:
            assert await result(store, build()["whole"], PARENT, timeout=SOON) == 63
        finally:
            worker.stop()
            await running
        counts = {name: len(await store.list(name)) for name in NAMES}
        assert counts == {"whole": 1, "part": 3, "leaf": 3}
        assert {entry.status for entry in await store.list()} == {"completed"}
        tallies = {name: msgspec.json.decode(await store.get_flow_state(name))["done"] for name in NAMES}
        assert tallies == {"whole": 1, "part": 3, "leaf": 3}
        assert await store.quarantined() == []
        for entry in await store.list():
            assert await store.mail(entry.execution_id, 0) == []


async def begin(kind: str, folder: Path) -> None:
    store: Any
    async with STORES[kind].open(folder) as store:
        await submit(store, build()["whole"], ITEMS, execution_id=PARENT)


async def until(kind: str, folder: Path, flow: str, status: str, count: int) -> None:
    """Return as soon as so many executions of a flow have a status."""
    store: Any
    async with STORES[kind].open(folder) as store, asyncio.timeout(SOON):
        while len([each for each in await store.list(flow) if each.status == status]) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "first", [pytest.param(first, marks=marks_of_tables()) for first in (range(1, STEP + 1) if is_full() else [1])]
)
async def test_a_worker_that_is_killed_at_any_failpoint_loses_and_doubles_nothing(first: int, tmp_path: Path) -> None:
    await begin("sqlite", tmp_path)
    with worker_process("sqlite", tmp_path, NAMES) as worker:
        assert worker.stdout is not None
        reached = int(worker.stdout.readline())
    assert reached > 80
    for kill_at in range(first, reached, STEP if is_full() else 5 * STEP):
        folder = tmp_path / str(kill_at)
        folder.mkdir()  # nothing else runs here
        await begin("sqlite", folder)
        with worker_process("sqlite", folder, NAMES, kill_at) as worker:
            assert await asyncio.to_thread(worker.wait, SOON) in (-9, 0)
        await finish("sqlite", folder)


@pytest.mark.parametrize("kind", rows([*DATABASES, "sealed sqlite"], ["postgres"]))
async def test_the_workers_of_parent_and_children_are_killed_while_the_other_has_the_next_word(
    kind: str, tmp_path: Path
) -> None:
    await begin(kind, tmp_path)
    with worker_process(kind, tmp_path, ["whole"]):
        await until(kind, tmp_path, "whole", "waiting", 1)  # its children are there, and no worker runs them
    with worker_process(kind, tmp_path, ["part"]):
        await until(kind, tmp_path, "part", "waiting", 2)
    with worker_process(kind, tmp_path, ["leaf"]):
        await until(kind, tmp_path, "leaf", "completed", 2)  # their mail is there, and no worker has taken it
    with worker_process(kind, tmp_path, ["part"]):
        await until(kind, tmp_path, "part", "completed", 2)
    await finish(kind, tmp_path)
