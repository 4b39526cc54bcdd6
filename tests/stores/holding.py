"""A process that runs an execution, and stays in a step until a line comes.

`python -m tests.stores.holding KIND FOLDER`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from tests.stores.conformance import STORES
from typedflow import Contract, Data, Flow, State


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


async def main(kind: str, folder: Path) -> None:
    async with STORES[kind].open(folder) as store:
        execution = build(stay).create_execution(execution_id="a", store=store, checkpoint="step")
        await execution.async_start(1)
        print(f"result {execution.result}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
