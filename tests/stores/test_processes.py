"""Several processes on one store, and processes that are killed. The quick form has one store of each make."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path

import pytest

from tests.budget import budget, is_full, rows
from tests.stores.conformance import DATABASES, DURABLE, SHARING, STORES
from tests.stores.program import data_of
from typedflow.stores import SnapshotStore

ROOT = Path(__file__).parents[2]
PROCESSES = 3
SMALL, LARGE = 64, 256 * 1024
KILLED = {("sqlite", SMALL), ("postgres", LARGE), ("file", LARGE)}
"""The stores, and how many bytes a save has, whose processes the quick form kills."""


@contextmanager
def started(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Start the program and wait until it is ready to begin; it is dead at the end."""
    command = [sys.executable, "-m", "tests.stores.program", *map(str, arguments)]
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


def together(what: str, kind: str, folder: Path, rounds: int) -> list[list[int]]:
    """Run the program several times at once; give the numbers that each said."""
    with ExitStack() as stack:
        running = [
            stack.enter_context(started(what, kind, folder, f"p{number}", rounds)) for number in range(PROCESSES)
        ]
        for process in running:
            begin(process)
        said = [process.communicate()[0] for process in running]
        assert [process.returncode for process in running] == [0] * PROCESSES
    return [[int(line) for line in lines.split()] for lines in said]


@pytest.mark.long
@pytest.mark.parametrize("kind", rows(DURABLE, DATABASES))
def test_of_processes_that_save_at_once_one_wins_each_round(kind: str, tmp_path: Path) -> None:
    rounds = int(50 * budget())
    won = together("race", kind, tmp_path, rounds)
    assert sorted(sequence for each in won for sequence in each) == list(range(rounds))
    stored = asyncio.run(read_back(kind, tmp_path))[0]
    assert stored == (rounds - 1, f"p{next(i for i, each in enumerate(won) if rounds - 1 in each)}".encode())


@pytest.mark.long
@pytest.mark.parametrize("kind", rows([kind for kind in SHARING if kind in DURABLE], DATABASES))
def test_what_processes_add_to_a_flow_state_adds_up(kind: str, tmp_path: Path) -> None:
    rounds = int(100 * budget())
    sums = together("add", kind, tmp_path, rounds)
    assert sorted(number for each in sums for number in each) == list(range(1, PROCESSES * rounds + 1))
    assert all(each == sorted(each) for each in sums)
    assert asyncio.run(read_back(kind, tmp_path))[1] == b"%d" % (PROCESSES * rounds)


@pytest.mark.long
@pytest.mark.parametrize(
    "kind, size",
    [pytest.param(*row, marks=[] if row in KILLED else [pytest.mark.full]) for row in product(DURABLE, (SMALL, LARGE))],
)
def test_a_killed_process_loses_no_acknowledged_save(kind: str, size: int, tmp_path: Path) -> None:
    """B52."""
    chance = random.Random(size)
    deadline = time.monotonic() + budget()
    acknowledged = -1
    kills = 0
    while time.monotonic() < deadline or kills < (3 if is_full() else 2):
        with started("save", kind, tmp_path, size) as process:
            begin(process)
            for _ in range(chance.randint(1, 40)):
                acknowledged = int(read(process))
            process.kill()
            assert process.stdout is not None
            acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
        kills += 1
        (sequence, data), flow_state = asyncio.run(read_back(kind, tmp_path))
        assert sequence in (acknowledged, acknowledged + 1)
        assert data == data_of(sequence, size)
        assert flow_state == (b"%d" % (sequence + 1) if kind in SHARING else None)


async def read_back(kind: str, folder: Path) -> tuple[tuple[int, bytes], bytes | None]:
    store: SnapshotStore
    async with STORES[kind].open(folder) as store:
        stored = await store.get("a")
        found = (-1, b"") if stored is None else (stored.sequence, stored.data)
        return found, await store.get_flow_state("review")
