"""The flows of these tests, and a worker process over them: `python flows.py DATABASE JOURNAL LEASE`."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta

from tests.stores.conformance import SEALING
from typedflow import Contract, Data, Events, Flow, FlowState, Resources
from typedflow.distributed import Worker
from typedflow.stores import SealedStore, SQLiteStore


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


def open_store(database: str) -> SQLiteStore | SealedStore[SQLiteStore]:
    """Return the store of a file; one that is named so is sealed."""
    store = SQLiteStore(database)
    return SealedStore(store, SEALING) if "sealed" in database else store


async def serve(database: str, journal: str, lease: float) -> None:
    async with open_store(database) as store:
        factories = {"journal": lambda: Journal(journal)}
        worker = Worker(store, [build()], resources=factories, lease=lease, poll=0.1, requeue=0.2, grace=5)
        print("ready", flush=True)
        await worker.run()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], float(sys.argv[3])))
