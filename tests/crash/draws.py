"""Processes that draw numbers from one flow_state: `python -m tests.crash.draws STORE FOLDER NAME`.

Each says `ready`, waits for a line, and draws in one step of one execution. It prints how many it has drawn.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from tests.stores.conformance import STORES
from typedflow import Contract, Data, Flow, FlowState

DRAWS = 200


class Numbers(FlowState):
    drawn: int = 0
    listed: int = 0


class Drawing(Contract):
    input: str
    result: list[int]
    flow_state: Numbers


def draw(numbers: Numbers) -> int:
    numbers.drawn += 1
    return numbers.drawn


async def draw_all(data: Data[Drawing, str]) -> list[int]:
    found = []
    for number in range(DRAWS):
        if number % 2:
            found.append(data.update_flow_state(draw))
        else:
            found.append(await data.async_update_flow_state(draw))
        print(len(found), flush=True)
    return found


def drawing() -> Flow[Any]:
    flow: Flow[Any] = Flow(Drawing, name="drawing")
    flow.to(draw_all).end()
    return flow


async def run(kind: str, folder: Path, name: str) -> list[int]:
    """Draw in a new execution, or go on with the one of this name that was left behind."""
    flow = drawing()
    store: Any
    async with STORES[kind].open(folder) as store:
        if await store.get(name) is None:
            execution = flow.create_execution(execution_id=name, store=store)
            await execution.async_start(name)
        else:
            execution = await flow.async_open(name, store=store)
            await execution.async_retry()
        return execution.result  # type: ignore[no-any-return]  # a list of int


if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    print(asyncio.run(run(sys.argv[1], Path(sys.argv[2]), sys.argv[3])), flush=True)
