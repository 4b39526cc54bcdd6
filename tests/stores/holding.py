"""A process that runs an execution, and stays in a step until a line comes: `python -m tests.stores.holding FILE`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from typedflow import Contract, Data, Flow, State
from typedflow.stores import SQLiteStore


class Progress(State):
    done: int = 0


class Long(Contract):
    input: int
    result: int
    state: Progress


def count(data: Data[Long, int]) -> int:
    data.state.done += 1
    return data.value + 1


async def stay(data: Data[Long, int]) -> int:
    print("staying", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    return data.value


def build(work: Any = count) -> Flow[Any]:
    flow: Flow[Any] = Flow(Long, name="long")
    flow.to(count, name="first").to(work, name="second").to(count, name="third").end()
    return flow


async def main(path: Path) -> None:
    async with SQLiteStore(path) as store:
        execution = build(stay).create_execution(execution_id="a", store=store, checkpoint="step")
        await execution.async_start(1)
        print(f"result {execution.result}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
