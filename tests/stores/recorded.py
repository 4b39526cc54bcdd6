"""A program that saves, and the record of what it did to its files.

It is run as `python -m tests.stores.recorded STORE FOLDER PRAGMA …`; the pragmas are given to SQLite after the store's.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from struct import Struct
from typing import Final

from tests.stores.conformance import STORES, add_one, record
from tests.stores.program import data_of
from typedflow.stores import FlowStateChange, SnapshotStore, sqlite_database

ROOT: Final = Path(__file__).parents[2]
HEAD: Final = Struct("=iiqq")
CHANGE: Final = FlowStateChange("review", add_one)
STEPS: Final = 40
SIZES: Final = 64, 12_000, 600
"""Of a snapshot, bytes, in turn: within a page, over several."""


@dataclass(frozen=True)
class Found:
    """Keep what a store holds, or should: the snapshot, and how often the flow_state was changed."""

    sequence: int | None
    data: bytes | None
    saves: int


def is_delete(step: int) -> bool:
    return step % 7 == 6


def after(step: int, *, shared: bool) -> Found:
    """Return what is stored when this step was the last; -1 is before the first."""
    saves = sum(not is_delete(each) for each in range(step + 1)) if shared else 0
    if step < 0 or is_delete(step):
        return Found(None, None, saves)
    return Found(step, data_of(step, SIZES[step % 3]), saves)


async def take(store: SnapshotStore, step: int) -> None:
    if is_delete(step):
        assert await store.delete("a")
        return
    before = after(step - 1, shared=False).sequence
    change = CHANGE if store.shares_flow_state else None
    await store.put(record("a", step, data_of(step, SIZES[step % 3])), expected=before, flow_state=change)


async def run(kind: str, folder: Path, pragmas: list[str]) -> None:
    """Take all steps, over several openings of the store; write each step that was acknowledged to standard output."""
    connect = sqlite_database.connect

    def connect_with(path: str, timeout: float) -> Connection:
        connection = connect(path, timeout)
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    sqlite_database.connect = connect_with
    for first in range(0, STEPS, 16):
        async with STORES[kind].open(folder) as store:
            for step in range(first, min(first + 16, STEPS)):
                await take(store, step)
                os.write(1, b"%d" % step)  # one call, so one record


# -- its recording


@dataclass(frozen=True)
class Operation:
    """Keep one successful call: open, write, truncate, sync, mkdir, unlink, rename; or an acknowledgement."""

    what: str
    fd: int
    offset: int
    payload: bytes

    @property
    def paths(self) -> list[str]:
        return [os.fsdecode(path) for path in self.payload.split(b"\0")]


def record_run(kind: str, folder: Path, *pragmas: str) -> list[Operation]:
    """Run the program in `folder`/disk; give what it did, acknowledgements among it."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    assert compiler, "the power loss tests need a C compiler: install one (Debian: `apt-get install gcc libc6-dev`)"
    library, journal, disk = folder / "recorder.so", folder / "journal", folder / "disk"
    source = Path(__file__).with_name("recorder.c")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl", "-pthread"], check=True)
    disk.mkdir()
    preload = {"LD_PRELOAD": str(library), "JOURNAL": str(journal), "RECORDED": str(disk)}
    command = [sys.executable, "-m", "tests.stores.recorded", kind, str(disk), *pragmas]
    subprocess.run(command, cwd=ROOT, env=os.environ | preload, stdout=subprocess.PIPE, check=True)
    return list(read_journal(journal.read_bytes()))


def read_journal(journal: bytes) -> Iterator[Operation]:
    at = 0
    while at < len(journal):
        what, fd, offset, length = HEAD.unpack_from(journal, at)
        at += HEAD.size + length
        yield Operation(chr(what), fd, offset, journal[at - length : at])


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
