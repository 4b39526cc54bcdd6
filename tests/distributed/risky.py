"""A flow whose steps can end or block their worker, and that worker: `python -m tests.distributed.risky FILE …`.

The arguments are the database, the journal of the steps, and the seconds that a lease lasts.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from typing import Final

from tests.distributed.flows import Journal
from typedflow import Contract, Data, Flow, FlowState, Resources
from typedflow.distributed import Worker
from typedflow.stores import SQLiteStore

POISON: Final = -1
"""The input that kills its worker."""
BLOCKING: Final = -2
"""The input that blocks the loop of its worker for three times its lease."""


class Tools(Resources):
    journal: Journal
    lease: float


class Tally(FlowState):
    done: int = 0


class Risk(Contract):
    input: int
    result: int
    flow_state: Tally
    resources: Tools


def work(data: Data[Risk, int]) -> int:
    data.resources.journal.note(data.key)
    if data.value == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    if data.value == BLOCKING:
        threading.Event().wait(3 * data.resources.lease)
    return data.value * 2


def count(data: Data[Risk, int]) -> int:
    data.update_flow_state(add_one)
    return data.value


def add_one(tally: Tally) -> None:
    tally.done += 1


def build() -> Flow[Risk]:
    flow = Flow(Risk, name="risky")
    flow.to(work).to(count).end()
    return flow


async def serve(database: str, journal: str, lease: float) -> None:
    async with SQLiteStore(database) as store:
        factories = {"journal": lambda: Journal(journal), "lease": lambda: lease}
        print("ready", flush=True)
        await Worker(store, [build()], resources=factories, lease=lease, poll=0.05, max_crashes=3).run()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], float(sys.argv[3])))
