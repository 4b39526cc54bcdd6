"""Saves while a `thread=True` step changes the layers: each has one moment of every field, and none fails."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from typedflow import Contract, ContractError, Data, Flow, FlowState, SnapshotError, State, Status
from typedflow.stores import FileStore, MemoryStore, SQLiteStore

SAVES = 30


class Row(msgspec.Struct):
    number: int
    tags: list[str] = []


@dataclass
class Note:
    texts: dict[str, int] = field(default_factory=dict)


class Progress(State):
    done: int = 0
    busy: bool = False
    rows: list[Row] = []
    table: dict[str, list[int]] = {}
    seen: set[int] = set()
    note: Note = msgspec.field(default_factory=Note)
    large: list[float] = []
    names: set[str] = set()
    at: datetime = datetime(2026, 1, 1)


class Tally(FlowState):
    count: int = 0
    names: dict[str, int] = {}


class Import(Contract):
    input: int
    result: int
    state: Progress
    flow_state: Tally


def count(data: Data[Import, int], turn: int) -> None:
    data.state.done = turn


def toggle(data: Data[Import, int], turn: int) -> None:
    data.state.busy = not data.state.busy


def append_records(data: Data[Import, int], turn: int) -> None:
    if len(data.state.rows) > 50:
        data.state.rows.clear()
    data.state.rows.append(Row(turn, [str(turn)]))
    data.state.rows[0].tags.append("more")


def grow_and_shrink_a_dict(data: Data[Import, int], turn: int) -> None:
    table = data.state.table
    for key in range(40):
        table[str(key)] = [key] * (turn % 3)
    table.clear()


def grow_and_shrink_a_set(data: Data[Import, int], turn: int) -> None:
    data.state.seen.update(range(turn % 100))
    data.state.seen.clear()


def change_a_dataclass(data: Data[Import, int], turn: int) -> None:
    data.state.note.texts[str(turn % 50)] = turn
    if len(data.state.note.texts) > 40:
        data.state.note.texts.clear()


def change_the_flow_state(data: Data[Import, int], turn: int) -> None:
    data.flow_state.count = turn
    data.flow_state.names[str(turn % 50)] = turn
    if len(data.flow_state.names) > 40:
        data.flow_state.names.clear()


def change_beside_a_set(data: Data[Import, int], turn: int) -> None:
    """Change a number beside a set, whose members have another order in the set that is decoded."""
    data.state.done = turn
    if not data.state.names:
        names = {str(number) for number in range(5000)}
        for number in range(4900):
            names.discard(str(number))
        data.state.names = names


def move_to_another_zone(data: Data[Import, int], turn: int) -> None:
    data.state.at = datetime(2026, 1, 1, second=turn % 60, tzinfo=ZONES[turn % 3])
    data.state.table[str(turn % 40)] = [turn]
    if turn % 40 == 0:
        data.state.table.clear()


ZONES = [UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")]

WRITERS = [
    change_beside_a_set,
    move_to_another_zone,
    count,
    toggle,
    append_records,
    grow_and_shrink_a_dict,
    grow_and_shrink_a_set,
    change_a_dataclass,
    change_the_flow_state,
]


@pytest.fixture(autouse=True)
def often_switched() -> Iterator[None]:
    """Switch between threads as often as CPython can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def importing(
    write: Callable[[Data[Import, int], int], None], *, stop: threading.Event, at_tick: Callable[[], object] = int
) -> Flow[Any]:
    """Make a flow with a thread that writes until the chain beside it has taken its steps."""

    def work(data: Data[Import, int]) -> int:
        turn = 0
        while not stop.is_set():
            turn += 1
            write(data, turn)
        return turn

    def tick(data: Data[Import, int]) -> int:
        at_tick()
        return data.value + 1

    def end(data: Data[Import, int]) -> int:
        stop.set()
        return data.value

    flow: Any = Flow(Import, name="importing")
    flow.side_branch(work, thread=True)
    chain = flow.to(tick)
    for _ in range(SAVES):
        chain = chain.to(tick)
    chain.to(end).end()
    return flow  # type: ignore[no-any-return]  # the flow


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.thin(3)
async def test_checkpoints_never_fail_for_what_a_thread_writes(write: Any) -> None:
    stop, store = threading.Event(), MemoryStore()
    flow = importing(write, stop=stop)
    execution = flow.create_execution(store=store, checkpoint="step", state={"large": [1.5] * 2000}, execution_id="e")
    try:
        assert await execution.async_start(0) is Status.COMPLETED
    finally:
        stop.set()
    assert execution.result == SAVES + 1
    opened = await importing(write, stop=stop).async_open("e", store=store)
    assert opened.state == execution.state


@pytest.mark.parametrize("format", ["json", "msgpack"])
@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.thin(5)
async def test_a_save_beside_a_thread_is_whole(write: Any, format: Any) -> None:
    stop: threading.Event = threading.Event()
    saves: list[bytes] = []
    flow = importing(write, stop=stop, at_tick=lambda: saves.append(execution.save(format=format).to_bytes()))
    execution = flow.create_execution(state={"large": [1.5] * 500})
    try:
        assert await execution.async_start(0) is Status.COMPLETED
    finally:
        stop.set()
    assert len(saves) == SAVES + 1
    for data in saves:
        loaded = importing(write, stop=stop).create_execution()
        loaded.load(data)
        assert loaded.status is Status.RUNNING


class Passing(Contract):
    input: Any
    result: int


@pytest.mark.parametrize(
    "declared, key, item", [(dict[int, str | bytes], int, b"x"), (dict[int, list[int]], int, [1]), (Any, str, [1])]
)
async def test_a_value_in_flight_that_a_thread_changes_is_saved(declared: Any, key: Any, item: Any) -> None:
    """Values are not to be changed in place; who does so all the same fails no save."""
    stop = threading.Event()

    def work(data: Any) -> int:
        turn = 0
        while not stop.is_set():
            turn += 1
            for number in range(turn % 30):
                data.value[key(number)] = item
            data.value.clear()
        return turn

    def tick(data: Any) -> Any:
        return data.value

    def end(data: Any) -> int:
        stop.set()
        return 1

    work.__annotations__ = {"data": Data[Passing, declared], "return": int}
    tick.__annotations__ = {"data": Data[Passing, declared], "return": declared}
    end.__annotations__ = {"data": Data[Passing, declared], "return": int}
    flow: Any = Flow(Passing, name="passing")
    flow.side_branch(work, thread=True)
    chain = flow.to(tick)
    for _ in range(SAVES):
        chain = chain.to(tick)
    chain.to(end).end()
    execution = flow.create_execution(store=MemoryStore(), checkpoint="step")
    try:
        assert await execution.async_start({}) is Status.COMPLETED
    finally:
        stop.set()


def test_what_is_wrong_beside_a_thread_is_refused_all_the_same() -> None:
    """A value of another class is never taken for one that a thread has just changed."""
    stop = threading.Event()
    flow = importing(toggle, stop=stop, at_tick=lambda: execution.state.rows.append(Row(1, ("not", "a", "list"))))  # type: ignore[arg-type]  # on purpose
    execution = flow.create_execution(store=MemoryStore(), checkpoint="step")
    try:
        with pytest.raises((SnapshotError, ContractError), match=r"rows\[0\]"):
            execution.start(0)
    finally:
        stop.set()


class Reader(msgspec.Struct):
    """Changes what is being saved whenever a save reads something back, as a thread does at the worst moment."""

    def __post_init__(self) -> None:
        for change in CHANGES:
            change()


CHANGES: list[Callable[[], object]] = []


class Watched(State):
    reader: Reader = msgspec.field(default_factory=Reader)
    done: int = 0
    names: set[str] = set()


class Dated(State):
    reader: Reader = msgspec.field(default_factory=Reader)
    done: int = 0
    names: set[str] = set()
    at: datetime = datetime(2026, 1, 1)


def odd_set() -> set[str]:
    """Make a set whose members have another order in a set that is made of them anew."""
    names = {str(number) for number in range(5000)}
    for number in range(4900):
        names.discard(str(number))
    return names


@pytest.mark.parametrize("format", ["json", "msgpack"])
@pytest.mark.parametrize("layer, zone", [(Watched, None), (Dated, None), (Dated, ZoneInfo("Europe/Berlin"))])
def test_what_changes_whenever_it_is_read_back_is_saved_as_at_one_moment(format: Any, layer: Any, zone: Any) -> None:
    class Watching(Contract):
        input: int
        result: int
        state: layer

    def ask(data: Data[Any, int]) -> int:
        data.pause_for("go on?")

    def change() -> None:
        execution.state.done += 1

    flow: Any = Flow(Watching)
    flow.to(ask).end()
    given = {"at": datetime(2026, 1, 1, tzinfo=zone)} if layer is Dated else {}
    execution = flow.create_execution(state={"names": odd_set(), **given})
    execution.start(1)
    CHANGES.append(change)
    try:
        saved = execution.save(format=format).to_bytes()
    finally:
        CHANGES.clear()
    loaded = flow.create_execution().load(saved).state
    assert loaded.names == execution.state.names
    assert loaded.done < execution.state.done
    assert layer is Watched or loaded.at.tzinfo is zone


class Copied(msgspec.Struct):
    """Change the flow_state whenever it is copied, as a thread does at the worst moment."""

    name: str

    def __deepcopy__(self, memo: object) -> Copied:
        for change in CHANGES[:1]:
            CHANGES.remove(change)
            change()
        return Copied(self.name)


class Names(FlowState):
    by_name: dict[str, Copied] = {}
    done: int = 0


class Naming(Contract):
    input: int
    result: int
    flow_state: Names


@pytest.mark.parametrize("way", ["read", "write"])
def test_a_shared_flow_state_is_read_while_a_thread_changes_it(way: str, tmp_path: Path) -> None:
    def name(data: Data[Naming, int]) -> int:
        data.flow_state.by_name = {"a": Copied("a")}
        return 1

    def look(data: Data[Naming, int]) -> int:
        live = data.flow_state.by_name
        CHANGES.append(lambda: live.update(b=Copied("b")))
        if way == "read":
            return len(data.flow_state.by_name)
        data.flow_state.set("by_name", live)
        return len(live)

    flow = Flow(Naming, name="naming")
    flow.to(name).to(look).end()

    async def run() -> int:
        async with SQLiteStore(tmp_path / "runs.db") as store:
            execution = flow.create_execution(store=store, checkpoint="step")
            await execution.async_start(0)
            return execution.result

    try:
        assert asyncio.run(run()) in (1, 2)
    finally:
        CHANGES.clear()


class Around(Contract):
    input: int
    result: int


@pytest.mark.parametrize(
    "write, make",
    [
        (append_records, MemoryStore),
        (change_beside_a_set, FileStore),
        (move_to_another_zone, SQLiteStore),
        (change_the_flow_state, SQLiteStore),
    ],
)
async def test_a_thread_in_a_child_fails_no_save(write: Any, make: Any, tmp_path: Path) -> None:
    stop = threading.Event()
    flow: Any = Flow(Around, name="around")
    flow.to_sub_flow(importing(write, stop=stop)).end()
    async with MemoryStore() if make is MemoryStore else make(tmp_path / "runs") as store:
        execution = flow.create_execution(store=store, checkpoint="step")
        try:
            assert await execution.async_start(0) is Status.COMPLETED
        finally:
            stop.set()
        assert execution.result == SAVES + 1
