"""A datetime comes back with its zone, its clock and its fold, from every document and store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from typedflow import Contract, Data, Events, Execution, Flow, FlowState, State, Status
from typedflow.stores import FileStore, MemoryStore, SQLiteStore

NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
EVENING = datetime(2026, 3, 7, 21, tzinfo=NEW_YORK)
"""The clocks go forward that night."""
SECOND = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN)
NAMED = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=-5), "EST"))


class Visit(msgspec.Struct, frozen=True):
    at: datetime
    till: time | None = None


class Plan(State):
    at: datetime = SECOND
    visits: dict[datetime, list[Visit]] = {}
    seen: set[datetime] = set()


class Shared(FlowState):
    last: datetime | None = None


class Happened(Events):
    moved: Visit


class Child(Contract):
    input: datetime
    result: datetime
    state: Plan
    flow_state: Shared


class Remind(Contract):
    input: datetime
    result: tuple[datetime, datetime, datetime | None]
    state: Plan
    flow_state: Shared
    events: Happened


def keep(data: Data[Any, datetime]) -> datetime:
    data.state.at = data.value
    data.state.visits = {data.value: [Visit(data.value, time(9, tzinfo=BERLIN))], NAMED: []}
    data.state.seen = {data.value, SECOND}
    data.flow_state.last = data.value
    return data.value


def ask(data: Data[Any, datetime]) -> datetime:
    data.pause_for("when?", interrupt_id="child" if data.step == "ask" else "event")


def tell(data: Data[Remind, datetime]) -> datetime:
    data.emit("moved", Visit(data.value))
    return data.value


def wait(data: Data[Remind, Any]) -> Any:
    data.pause_for("go on?", interrupt_id=type(data.value).__name__)


def next_day(data: Data[Remind, datetime]) -> tuple[datetime, datetime, datetime | None]:
    return data.state.at, data.value + timedelta(days=1), data.flow_state.last


def make_flow() -> Flow[Remind]:
    child = Flow(Child, name="child")
    child.to(keep).to(ask).end()
    flow = Flow(Remind, name="remind")
    flow.to(keep).to(tell).to_sub_flow(child).to(next_day).end()
    flow.when("moved").to(wait)
    return flow


def require_whole(execution: Execution[Remind], moment: datetime) -> None:
    state = execution.state
    found = [state.at, *state.visits.items(), *sorted(state.seen)]
    wanted = [moment, (moment, [Visit(moment, time(9, tzinfo=BERLIN))]), (NAMED, []), *sorted({moment, SECOND})]
    assert repr(found) == repr(wanted)
    assert found == wanted


MOMENTS = [EVENING, SECOND, NAMED + timedelta(hours=1), EVENING.replace(tzinfo=UTC)]


@pytest.mark.parametrize("format", ["json", "msgpack"])
@pytest.mark.parametrize("moment", MOMENTS, ids=repr)
async def test_documents_keep_zones(moment: datetime, format: Any) -> None:
    execution = make_flow().create_execution()
    await execution.async_start(moment)
    for _ in range(2):
        execution = make_flow().create_execution().load(execution.save(format=format).to_bytes())
        require_whole(execution, moment)
    await execution.async_continue_with("child", moment)
    await execution.async_continue_with("Visit", None)
    execution = make_flow().create_execution().load(execution.save(format=format).to_bytes())
    assert repr(execution.result) == repr((moment, moment + timedelta(days=1), moment))


ZoneName = str
STORES: dict[str, Callable[[Path], Any]] = {
    "memory": lambda folder: MemoryStore(),
    "file": lambda folder: FileStore(folder / "runs"),
    "sqlite": lambda folder: SQLiteStore(folder / "runs.db"),
}


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("moment", MOMENTS[:3], ids=repr)
async def test_stores_keep_zones(store: str, moment: datetime, tmp_path: Path) -> None:
    async with STORES[store](tmp_path) as kept:
        execution = make_flow().create_execution(store=kept, execution_id="e", checkpoint="step")
        await execution.async_start(moment)
        opened = await make_flow().async_open("e", store=kept)
        require_whole(opened, moment)
        await opened.async_continue_with("child", moment)
        assert await opened.async_continue_with("Visit", None) is Status.COMPLETED
        opened = await make_flow().async_open("e", store=kept)
        assert repr(opened.result) == repr((moment, moment + timedelta(days=1), moment))


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("way", ["attribute", "update", "in place"])
async def test_a_change_of_the_zone_alone_is_a_change_of_a_flow_state(store: str, way: str, tmp_path: Path) -> None:
    class Calendar(FlowState):
        at: datetime = EVENING
        days: dict[str, datetime] = msgspec.field(default_factory=lambda: {"a": EVENING})

    class Move(Contract):
        input: ZoneName
        result: list[datetime]
        flow_state: Calendar

    def move(data: Data[Move, ZoneName]) -> list[datetime]:
        moved = data.flow_state.at.astimezone(ZoneInfo(data.value))
        if way == "attribute":
            data.flow_state.at, data.flow_state.days = moved, {"a": moved}
        elif way == "update":
            data.update_flow_state(lambda now: now.set("days", {"a": moved}))
            data.update_flow_state(lambda now: now.set("at", moved))
        else:
            data.flow_state.at = moved
            data.flow_state.days["a"] = moved
        return [data.flow_state.at, data.flow_state.days["a"]]

    def look(data: Data[Move, ZoneName]) -> list[datetime]:
        return [data.flow_state.at, data.flow_state.days["a"]]

    async with STORES[store](tmp_path) as kept:
        for step in (move, look):
            flow = Flow(Move, name="move")
            flow.to(step).end()
            if store != "sqlite" and step is look:
                continue  # only SQLite shares one with another flow
            execution = flow.create_execution(store=kept, execution_id=step.__name__)
            await execution.async_start("Europe/Berlin")
            assert repr(execution.result) == repr([EVENING.astimezone(BERLIN)] * 2)
