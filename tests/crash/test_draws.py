"""Two processes draw numbers from one flow_state in a SQLite file: none twice, and none is lost."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.crash import draws
from tests.crash.draws import DRAWS
from typedflow.stores import SQLiteStore

ROOT = Path(__file__).parents[2]


def start(folder: Path, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.crash.draws", str(folder), name]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


async def drawn(folder: Path) -> int:
    async with SQLiteStore(folder / "store.db") as store:
        stored: Any = json.loads(await store.get_flow_state("drawing") or b"{}")
        return stored["drawn"]  # type: ignore[no-any-return]  # an int


def keys_left(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "store.db")) as db:
        return db.execute("SELECT count(*) FROM typedflow_flow_state_keys").fetchone()[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize("killed_after", [None, DRAWS // 3])
def test_what_two_processes_draw_is_unique(folder: Path, killed_after: int | None) -> None:
    with ExitStack() as stack:
        first, second = (stack.enter_context(start(folder, name)) for name in ("first", "second"))
        for process in (first, second):
            stack.callback(process.kill)
            assert lines(process, 1) == ["ready"]
        for process in (first, second):
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        if killed_after is None:
            *_, said = lines(first, DRAWS + 1)
        else:
            lines(first, killed_after)
            first.kill()
            first.wait()
            said = str(asyncio.run(draws.run(folder, "first")))
        *_, other = lines(second, DRAWS + 1)
    found = json.loads(said) + json.loads(other)
    assert sorted(found) == list(range(1, 2 * DRAWS + 1))
    assert asyncio.run(drawn(folder)) == 2 * DRAWS
    assert keys_left(folder) == 0
