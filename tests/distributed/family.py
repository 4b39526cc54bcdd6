"""A parent, its remote children and theirs, and a worker process: `python -m tests.distributed.family STORE FOLDER …`.

The arguments behind that are the names of the flows that the worker has, joined by commas, and the number of failpoints
after which it kills itself; 0 is never. When the parent is over, it prints how many it has reached.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.distributed.flows import Journal
from tests.stores.conformance import STORES
from typedflow import Contract, Data, Flow, FlowState, Resources
from typedflow.distributed import Worker
from typedflow.execution import failpoints

PARENT = "p"
"""The id of the parent."""


class Tools(Resources):
    journal: Journal


class Tally(FlowState):
    done: int = 0


class Whole(Contract):
    input: list[int]
    result: int
    flow_state: Tally


class Part(Contract):
    input: int
    result: int
    flow_state: Tally


class Leaf(Contract):
    input: int
    result: int
    flow_state: Tally
    resources: Tools


def add_one(tally: Tally) -> None:
    tally.done += 1


def work(data: Data[Leaf, int]) -> int:
    data.resources.journal.note(data.key)
    data.update_flow_state(add_one)
    return data.value * 10


def pass_on(data: Data[Part, int]) -> int:
    data.update_flow_state(add_one)
    return data.value + 1


def total(data: Data[Whole, list[int]]) -> int:
    data.update_flow_state(add_one)
    return sum(data.value)


def build() -> dict[str, Flow[Any]]:
    leaf, part, whole = Flow(Leaf, name="leaf"), Flow(Part, name="part"), Flow(Whole, name="whole")
    leaf.to(work).end()
    part.to_sub_flow(leaf, remote=True).to(pass_on).end()
    whole.for_each(concurrency=2).to_sub_flow(part, remote=True).end_for_each().to(total).end()
    return {flow.name: flow for flow in (leaf, part, whole)}


def worker_of(store: Any, folder: Path, names: list[str]) -> Worker:
    """Return a worker whose lease outlasts any test: where it is gone, its machine tells."""
    flows = build()
    factories = {"journal": lambda: Journal(str(folder / "journal"))}
    return Worker(store, [flows[name] for name in names], resources=factories, lease=3600, poll=0.02)


async def serve(kind: str, folder: Path, names: list[str], kill_at: int) -> None:
    reached = 0

    def reach(point: str) -> None:
        nonlocal reached
        reached += 1
        if reached == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    failpoints.reach = reach
    store: Any
    async with STORES[kind].open(folder) as store:
        worker = worker_of(store, folder, names)
        running = asyncio.create_task(worker.run())
        print("ready", flush=True)
        while (stored := await store.get(PARENT)) is None or stored.status != "completed":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        print(reached, flush=True)
        worker.stop()
        await running


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2]), sys.argv[3].split(","), int(sys.argv[4])))
