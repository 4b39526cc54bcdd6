"""The process that runs the journey and is killed: `python -m tests.crash.program`, told what to do line by line.

It never runs a flow itself. For each order, a line of JSON, it forks, and the child is a new process for all that
counts: it opens the store, goes on with what is there, kills itself at the point it was told, or ends. The answer, a
line of JSON, says how it ended.
"""

from __future__ import annotations

import asyncio
import collections
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import msgspec

from tests.crash import journey
from tests.stores.conformance import DATABASES, STORES
from typedflow.durability import block_parts, child_parts, execution_parts, list_parts
from typedflow.errors import SnapshotError
from typedflow.execution import failpoints
from typedflow.rules.options import Checkpoint
from typedflow.stores import SnapshotStore, in_place


class Order(msgspec.Struct):
    """What a process shall do. It dies at the `nth` time that it comes to `point`."""

    folder: str
    store: str
    checkpoint: Checkpoint
    size: int
    point: str = ""
    nth: int = 0


class Report(msgspec.Struct):
    """How it ended."""

    killed: bool
    status: str = ""
    result: dict[str, int] | None = None
    seen: dict[str, int] | None = None
    reached: dict[str, int] = {}
    error: str = ""


def open_store(kind: str, folder: Path) -> SnapshotStore:
    return STORES[kind].open(folder)


def die_at(order: Order, reached: collections.Counter[str]) -> None:
    """Count the points, acknowledge saves in a file, and die where the order says."""

    def reach(point: str) -> None:
        reached[point] += 1
        if point == "save.stored":
            with (Path(order.folder) / "acknowledged").open("ab", buffering=0) as file:
                file.write(b".")
        if (point, reached[point]) == (order.point, order.nth):
            os.kill(os.getpid(), signal.SIGKILL)

    failpoints.reach = reach


async def run(order: Order) -> Report:
    """Start the journey, or go on with what is stored of it, until it is over."""
    reached: collections.Counter[str] = collections.Counter()
    die_at(order, reached)
    if order.nth % 2:  # so that both ways of a SQLiteStore are cut off everywhere
        in_place.BACK_OFF, in_place.SLOW = 0, 60.0  # type: ignore[misc]  # of this process alone
    if order.nth % 3 == 0:  # so that saves in parts follow whole ones, and are cut off as well
        execution_parts.PARTS_FROM = block_parts.BLOCK_FROM = child_parts.CHILDREN_FROM = 0
        list_parts.SLICED_FROM, list_parts.SLICE = 0, 60  # type: ignore[misc]  # of this process alone
    flow = journey.build()
    async with open_store(order.store, Path(order.folder)) as store:
        try:
            execution = await flow.async_open(journey.ID, store=store, checkpoint=order.checkpoint)
        except SnapshotError:  # killed before the first save
            history = 3 if order.store in DATABASES else False
            execution = flow.create_execution(
                execution_id=journey.ID, store=store, checkpoint=order.checkpoint, history=history
            )
            await execution.async_start(order.size)
        status = await journey.go_on(execution)
    return Report(False, status, execution.result, execution.state.seen, dict(reached))


def in_child(order: Order) -> Report:
    """Carry an order out in a process of its own."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        journey.Where.folder = Path(order.folder)
        try:
            report = asyncio.run(run(order))
        except BaseException:
            report = Report(False, error=traceback.format_exc())
        os.write(write, msgspec.json.encode(report))
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    _, ended = os.waitpid(child, 0)
    if os.WIFSIGNALED(ended):
        return Report(True, error="" if os.WTERMSIG(ended) == signal.SIGKILL else f"signal {os.WTERMSIG(ended)}")
    return msgspec.json.decode(said, type=Report)


def main() -> None:
    for line in sys.stdin:
        report: Any = msgspec.to_builtins(in_child(msgspec.json.decode(line, type=Order)))
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
