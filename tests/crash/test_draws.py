"""Two processes draw numbers from one flow_state of a store: none twice, and none is lost."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.crash import draws
from tests.crash.draws import DRAWS
from tests.stores.conformance import STORES, execute

ROOT = Path(__file__).parents[2]


def start(kind: str, folder: Path, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.crash.draws", kind, str(folder), name]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


async def drawn(kind: str, folder: Path) -> int:
    async with STORES[kind].open(folder) as store:
        stored: Any = json.loads(await store.get_flow_state("drawing") or b"{}")
        return stored["drawn"]  # type: ignore[no-any-return]  # an int


@pytest.mark.parametrize(
    "kind, killed_after",
    [
        pytest.param("sqlite", None, marks=pytest.mark.full),
        ("sqlite", DRAWS // 3),
        ("postgres", None),
        pytest.param("postgres", DRAWS // 3, marks=pytest.mark.full),
    ],
)
def test_what_two_processes_draw_is_unique(kind: str, folder: Path, killed_after: int | None) -> None:
    with ExitStack() as stack:
        first, second = (stack.enter_context(start(kind, folder, name)) for name in ("first", "second"))
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
            said = str(asyncio.run(draws.run(kind, folder, "first")))
        *_, other = lines(second, DRAWS + 1)
    found = json.loads(said) + json.loads(other)
    assert sorted(found) == list(range(1, 2 * DRAWS + 1))
    assert asyncio.run(drawn(kind, folder)) == 2 * DRAWS
    assert execute(kind, folder, "SELECT count(*) FROM typedflow_flow_state_keys") == [(0,)]
