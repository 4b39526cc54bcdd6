"""A machine that loses power: an acknowledged save survives, and a snapshot is the old or the new one, never a mix."""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from tests.budget import budget, is_full, rows
from tests.stores.conformance import ON_DISK, SHARING, STORES, record
from tests.stores.power import Disk
from tests.stores.recorded import STEPS, Found, Operation, after, record_run
from typedflow.errors import TypedflowError

CHECKPOINTS = "wal_autocheckpoint=8"
"""Pages: a short run meets many checkpoints, and a WAL that begins anew."""
STRIDE = 10
"""Operations from one loss of power to the next; as many walks through a recording meet all of them."""


@pytest.mark.parametrize("kind", rows(ON_DISK, ["file", "sqlite"]))
def test_the_recording_tells_all_that_was_written(kind: str, tmp_path: Path) -> None:
    disk = Disk(tmp_path / "disk")
    for operation in record_run(kind, tmp_path, CHECKPOINTS):
        if operation.what != "a":
            disk.follow(operation)
    disk.write_all(tmp_path / "copy")
    written, copied = ({file.name: file.read_bytes() for file in files(tmp_path / each)} for each in ("disk", "copy"))
    assert copied == written
    assert len(written) > 0


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.long
@pytest.mark.parametrize("kind", rows(ON_DISK, ["file", "sqlite"]))
async def test_power_loss_takes_no_acknowledged_save_and_tears_none(kind: str, tmp_path: Path) -> None:
    operations = record_run(kind, tmp_path, CHECKPOINTS)
    assert [operation.what for operation in operations].count("a") == STEPS
    deadline = time.monotonic() + budget()
    seed = 0
    while seed < (3 if is_full() else 2) or time.monotonic() < deadline:
        assert await first_loss(kind, operations, tmp_path, seed) is None
        seed += 1


# -- that a store which does less would be found out


@pytest.mark.parametrize(
    "synchronous, loss",
    [("NORMAL", "found step"), pytest.param("OFF", "found step|malformed|damaged", marks=pytest.mark.full)],
)
async def test_less_than_full_synchronous_is_found_out(synchronous: str, loss: str, tmp_path: Path) -> None:
    operations = record_run("sqlite", tmp_path, CHECKPOINTS, f"synchronous={synchronous}")
    losses = [await first_loss("sqlite", operations, tmp_path, seed) for seed in range(3)]
    assert [text for text in losses if text is not None and re.search(loss, text)]


@pytest.mark.parametrize(
    "pattern, loss",
    [
        (r"\.unfinished$", "damaged: it does not begin with the header"),
        (r"/snapshots$", "found step"),
        (r"/disk$", "found step None"),
    ],
    ids=["a file", "its name", "the name of the folder"],
)
@pytest.mark.thin(3)
async def test_what_is_not_synced_is_found_out(pattern: str, loss: str, tmp_path: Path) -> None:
    operations = record_run("file", tmp_path)
    fewer = list(without_syncs(operations, pattern))
    assert len(fewer) < len(operations)
    losses = [await first_loss("file", fewer, tmp_path, seed) for seed in range(3)]
    assert [text for text in losses if text is not None and re.search(loss, text)]


def without_syncs(operations: list[Operation], pattern: str) -> Iterator[Operation]:
    opened: dict[int, str] = {}
    for operation in operations:
        if operation.what == "o":
            opened[operation.fd] = operation.paths[0]
        if operation.what != "s" or not re.search(pattern, opened[operation.fd]):
            yield operation


async def test_a_folder_that_somebody_else_has_made_is_synced_by_whoever_opens_it(tmp_path: Path) -> None:
    """The process that has made it may not have come to that, when another one saves into it."""
    operations = record_run("file", tmp_path)
    first, second, *_ = syncs_of(str(tmp_path / "disk"), operations)
    del operations[first]
    for seed in range(3):
        assert await first_loss("file", operations, tmp_path, seed, since=second) is None


def syncs_of(folder: str, operations: list[Operation]) -> Iterator[int]:
    opened: dict[int, str] = {}
    for number, operation in enumerate(operations):
        if operation.what == "o":
            opened[operation.fd] = operation.paths[0]
        elif operation.what == "s" and opened[operation.fd] == folder:
            yield number


# -- walks through a recording


async def first_loss(kind: str, operations: list[Operation], folder: Path, seed: int, *, since: int = 0) -> str | None:
    """Lose power at some points of a recording; tell what is wrong after the first one that does harm."""
    chance = Random(seed)
    disk = Disk(folder / "disk")
    acknowledged = -1
    for number, operation in enumerate(operations):
        if operation.what == "a":
            acknowledged = int(operation.payload)
        else:
            disk.follow(operation)
        if number >= since and number % STRIDE == seed % STRIDE:
            lost = folder / "lost"
            shutil.rmtree(lost, ignore_errors=True)
            disk.lose_power(lost, chance)
            wrong = await what_is_wrong(kind, lost, acknowledged)
            if wrong is not None:
                return f"seed {seed}, after operation {number} and step {acknowledged}: {wrong}"
    return None


async def what_is_wrong(kind: str, folder: Path, acknowledged: int) -> str | None:
    """Read what the real store finds, which may be one step ahead, and save once more."""
    shared = kind in SHARING
    good = [after(acknowledged, shared=shared), after(min(acknowledged + 1, STEPS - 1), shared=shared)]
    try:
        async with STORES[kind].open(folder) as store:
            stored = await store.get("a")
            count = int(await store.get_flow_state("review") or b"0")
            found = Found(None, None, count) if stored is None else Found(stored.sequence, stored.data, count)
            if found not in good or await store.list() != ([] if stored is None else [stored.entry]):
                return f"found step {found.sequence} and {count} saves"
            await store.put(record("a", STEPS), expected=found.sequence)
    except TypedflowError as error:
        return str(error)
    return integrity(folder / "store.db") if shared else None


def integrity(path: Path) -> str | None:
    with closing(sqlite3.connect(path)) as database:
        (answer,) = database.execute("PRAGMA integrity_check").fetchone()
    return None if answer == "ok" else str(answer)
