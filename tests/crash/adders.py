"""Processes that count in one flow_state, or answer one paused execution.

`python -m tests.crash.adders WHAT STORE FOLDER …`

Each says `ready` and waits for a line before it begins, so that several begin together.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

from tests.stores.conformance import STORES
from typedflow import Contract, Data, Flow, FlowState
from typedflow.errors import ConflictError
from typedflow.execution import failpoints


class Tally(FlowState):
    total: int = 0
    by_key: dict[str, int] = {}


class Adding(Contract):
    input: int
    result: int
    flow_state: Tally


async def add(data: Data[Adding, int]) -> int:
    key = data.key

    def change(tally: Tally) -> None:
        tally.total += 1
        tally.by_key[key] = tally.by_key.get(key, 0) + 1

    data.update_flow_state(change)
    return data.value + 1


async def ask(data: Data[Adding, int]) -> int:
    data.pause_for({"value": data.value}, interrupt_id="question")


async def tell(data: Data[Adding, int]) -> int:
    print(f"handler {data.value}", flush=True)
    return data.value


def adding(steps: int = 5) -> Flow[Any]:
    flow: Flow[Any] = Flow(Adding, name="adding")
    process: Any = flow
    for number in range(steps):
        process = process.to(add, name=f"add{number}")
    process.end()
    return flow


def asking() -> Flow[Any]:
    flow: Flow[Any] = Flow(Adding, name="asking")
    flow.to(ask).to(tell).end()
    return flow


async def run_many(kind: str, folder: Path, name: str, executions: int) -> None:
    """Run executions of one flow, three at a time; go on with those that a process of this name has left behind."""
    flow = adding()
    store: Any
    async with STORES[kind].open(folder) as store:
        left = {entry.execution_id: entry.status for entry in await store.list("adding")}

        async def run(execution_id: str) -> None:
            if left.get(execution_id) == "completed":
                return
            if execution_id in left:
                await (await flow.async_open(execution_id, store=store, checkpoint="step")).async_retry()
            else:
                execution = flow.create_execution(execution_id=execution_id, store=store, checkpoint="step")
                await execution.async_start(0)

        for first in range(0, executions, 3):
            await asyncio.gather(*(run(f"{name}-{n}") for n in range(first, min(first + 3, executions))))


async def answer(kind: str, folder: Path, value: int) -> None:
    store: Any
    async with STORES[kind].open(folder) as store:
        execution = await asking().async_open("asked", store=store)
        print("opened", flush=True)
        sys.stdin.readline()
        try:
            await execution.async_continue_with("question", value)
        except ConflictError as conflict:
            print(f"conflict {type(conflict).__name__}", flush=True)
        else:
            print(f"finished {execution.result}", flush=True)


def die_at(nth: int) -> None:
    """Die at the n-th point of any name."""
    left = [nth]

    def reach(point: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if nth:
        failpoints.reach = reach


def main(what: str, kind: str, folder: str, *arguments: str) -> None:
    print("ready", flush=True)
    sys.stdin.readline()
    if what == "add":
        name, executions, seed = arguments
        die_at(random.Random(seed).randint(1, 80) if seed else 0)
        asyncio.run(run_many(kind, Path(folder), name, int(executions)))
    else:
        asyncio.run(answer(kind, Path(folder), int(arguments[0])))


if __name__ == "__main__":
    main(*sys.argv[1:])
