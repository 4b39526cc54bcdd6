"""The flows of these tests, and a worker process over them: `python flows.py STORE FOLDER LEASE`.

The store "procrastinate" is a PostgresStore whose workers are woken by jobs of procrastinate.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from tests.postgres import conninfo_of
from tests.stores.conformance import STORES
from typedflow import Contract, Data, Events, Flow, FlowState, Resources, distributed, stores
from typedflow.distributed import Worker


class Journal:
    """Writes down each step that began, as a line of its own, that no kill can tear."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(self, text: str) -> None:
        os.write(self._file, f"{text}\t{os.getpid()}\n".encode())


class Tools(Resources):
    journal: Journal


class Tally(FlowState):
    done: int = 0


class Heard(Events):
    shouted: str


class Job(Contract):
    input: int
    result: int
    flow_state: Tally
    resources: Tools
    events: Heard


async def begin(data: Data[Job, int]) -> int:
    data.resources.journal.note(data.key)
    await asyncio.sleep(0.01)
    return data.value


def ask(data: Data[Job, int]) -> int:
    """Ask a person for every third, with a deadline for every other of them; else go on."""
    data.resources.journal.note(data.key)
    match data.value % 3:
        case 0:
            return data.pause_for(data.value, interrupt_id="q")
        case 1:
            return data.pause_for(data.value, deadline=timedelta(milliseconds=100), default=-data.value)
        case _:
            return data.value


def count(data: Data[Job, int]) -> int:
    data.resources.journal.note(data.key)
    data.update_flow_state(add_one)
    return data.value * 10


def add_one(tally: Tally) -> None:
    tally.done += 1


def fail(data: Data[Job, str]) -> str:
    raise ValueError(data.value)


def build() -> Flow[Job]:
    flow = Flow(Job, name="job")
    flow.to(begin).to(ask).sleep(timedelta(milliseconds=30)).to(begin).to(count).end()
    return flow


def expected(value: int, answer: int) -> int:
    """Return the result of the flow for an input."""
    return 10 * (answer if value % 3 == 0 else -value if value % 3 == 1 else value)


ANSWER_WITHIN: Final = 2.0
"""Seconds in which the database answers these workers."""


def open_store(kind: str, folder: Path) -> Any:
    """Return the store of a folder, of which all processes of a test have one."""
    if kind not in ("postgres", "procrastinate"):
        return STORES[kind].open(folder)
    announce = distributed.ProcrastinateWaker.announce if kind == "procrastinate" else None
    return stores.PostgresStore(conninfo_of(folder), answer_within=ANSWER_WITHIN, announce=announce)


async def serve(kind: str, folder: Path, lease: float) -> None:
    waker = (
        distributed.ProcrastinateWaker(conninfo_of(folder), poll=0.1, stalled=3) if kind == "procrastinate" else None
    )
    async with open_store(kind, folder) as store:
        factories = {"journal": lambda: Journal(str(folder / "journal"))}
        options: dict[str, Any] = {"lease": lease, "poll": 0.1, "requeue": 0.2, "grace": 5, "waker": waker}
        worker = Worker(store, [build()], resources=factories, **options)
        print("ready", flush=True)
        await worker.run()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])))
