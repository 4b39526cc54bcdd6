"""The flow that is killed: every construct in it, children two levels deep, pauses, retries, a shared flow_state.

Each handler leaves its mark three times: in a file outside (bodies run at least once, with a stable key), in the state
(what is saved), and in the flow_state (what is counted once for each committed step, and never for another).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypedDict

from typedflow import Contract, Data, Events, Execution, Flow, FlowState, Retry, State, Status

ID: Final = "journey-1"
SMALL: Final = 2
LARGE: Final = 6


class Marks(State):
    seen: dict[str, int] = {}
    trail: list[str] = []
    """The keys in `seen`, in order; a step that is taken again is in it again."""
    total: int = 0


class Tally(FlowState):
    by_key: dict[str, int] = {}
    steps: int = 0


class Bells(Events):
    audit: int
    knock: int


class Journey(Contract):
    input: int
    result: dict[str, int]
    state: Marks
    flow_state: Tally
    events: Bells


class Leg(Contract):
    input: int
    result: int
    state: Marks


class Where:
    """Where the marks of this process go, None keeps them in memory; and how long asynchronous steps take."""

    folder: Path | None = None
    marks: list[tuple[str, int]] = []
    seconds: Callable[[], float] | None = None


async def work() -> None:
    """Take the time that a step takes."""
    if Where.seconds is not None:
        await asyncio.sleep(Where.seconds())


def mark(key: str, value: int) -> None:
    """Write a line outside of everything that is saved, as a side effect does; a kill does not undo it."""
    if Where.folder is None:
        Where.marks.append((key, value))
        return
    handle = os.open(Where.folder / "marks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, f"{key} {value}\n".encode())
    os.close(handle)


def read_marks(folder: Path) -> list[tuple[str, int]]:
    """Return all marks that were left in a folder, by any process."""
    marks = folder / "marks"
    lines = marks.read_text().splitlines() if marks.exists() else []
    return [(key, int(value)) for key, _, value in (line.rpartition(" ") for line in lines)]


def counted(key: str) -> Callable[[Tally], None]:
    """Return the operation by which one step counts."""

    def change(tally: Tally) -> None:
        tally.by_key[key] = tally.by_key.get(key, 0) + 1
        tally.steps += 1

    return change


def at_root(data: Data[Journey, Any], value: int) -> None:
    mark(data.key, value)
    data.state.seen[data.key] = value
    if value % 2:
        data.state.trail.append(data.key)
    else:
        data.state.append("trail", data.key)
    data.update_flow_state(counted(data.key))


def in_leg(data: Data[Leg, int]) -> None:
    mark(data.key, data.value)
    data.state.seen[data.key] = data.value
    data.state.append("trail", data.key)


async def plan(data: Data[Journey, int]) -> list[int]:
    await work()
    at_root(data, data.value)
    data.emit("audit", data.value)
    return list(range(1, data.value + 1))


async def price(data: Data[Journey, int]) -> int:
    """Fail at the first attempt, before anything counts."""
    await work()
    if data.attempt == 1 and data.value % 2:
        raise OSError("not reachable at first")
    at_root(data, data.value)
    return data.value * 10


def twice(data: Data[Leg, int]) -> int:
    in_leg(data)
    return data.value * 2


async def ask(data: Data[Leg, int]) -> int:
    """Ask the outside about every other value."""
    await work()
    in_leg(data)
    if data.value % 40 == 0:
        data.pause_for({"price": data.value}, type="human")
    return data.value + 1


def back(data: Data[Leg, int]) -> int:
    in_leg(data)
    return data.value + 1


def count(data: Data[Journey, list[int]]) -> int:
    at_root(data, len(data.value))
    return len(data.value)


async def approve(data: Data[Journey, list[int]]) -> int:
    await work()
    at_root(data, sum(data.value))
    data.pause_for({"total": sum(data.value)}, type="human", interrupt_id="approval")


def total(data: Data[Journey, tuple[int, int]]) -> int:
    at_root(data, sum(data.value))
    data.state.total = sum(data.value)
    return sum(data.value)


def is_large(data: Data[Journey, int]) -> bool:
    return data.value > 3


async def is_any(data: Data[Journey, int]) -> bool:
    return True


async def discount(data: Data[Journey, int]) -> int:
    await work()
    at_root(data, data.value)
    return data.value - 1


def keep(data: Data[Journey, int]) -> int:
    at_root(data, data.value)
    return data.value


async def audit(data: Data[Journey, int]) -> int:
    await work()
    at_root(data, data.value)
    return -data.value


async def knock(data: Data[Journey, int]) -> int:
    await work()
    at_root(data, data.value)
    return data.value


class Both(TypedDict):
    main: list[int]
    audit: int


async def finish(data: Data[Journey, dict[str, Any]]) -> dict[str, int]:
    await work()
    main, audited = data.value["main"], data.value["audit"]
    at_root(data, sum(main))
    return {"sum": sum(main), "audit": audited, "total": data.state.total}


def build() -> Flow[Any]:
    """Put the flow together."""
    inner: Flow[Any] = Flow(Leg, name="inner")
    inner.to(ask).end()
    middle: Flow[Any] = Flow(Leg, name="middle")
    middle.to(twice).to_sub_flow(inner).to(back).end()
    flow: Flow[Any] = Flow(Journey, name="journey")
    priced = flow.to(plan).for_each(concurrency=2).to(price, retry=Retry(3, on=(OSError,))).to_sub_flow(middle)
    both = priced.end_for_each().batch().branch(count).branch(approve).end_batch().to(total)
    matched = both.match(mode="hit_all").case(is_large).to(discount).case(is_any).to(keep).end_match()
    matched.collect("both", "main")
    flow.when("audit").to(audit).collect("both", "audit").to(finish).end()
    flow.when("knock").to(knock)
    return flow


def answer_to(execution: Execution[Any], interrupt_id: str) -> int:
    """Decide as the outside does: always the same for the same question."""
    payload: Any = execution.interrupts[interrupt_id].payload
    return int(payload["price"] + 5 if "price" in payload else payload["total"] * 2)


async def go_on(execution: Execution[Any], rounds: int = 100) -> Status:
    """Answer and retry until the execution is over; `rounds` bounds both."""
    for _ in range(rounds):
        if execution.status in (Status.COMPLETED, Status.CANCELLED):
            break
        if execution.status is Status.WAITING:
            asked = min(execution.interrupts)
            await execution.async_continue_with(asked, answer_to(execution, asked))
        else:
            await execution.async_retry()
    return execution.status
