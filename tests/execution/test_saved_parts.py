"""A state in parts: a save writes the fields that changed, and what is stored is the document all the same."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.execution.pausing import CASES, finish
from tests.stores.conformance import DATABASES, SHARING, STORES, execute
from typedflow import Contract, Data, Execution, Flow, Retry, State, Status
from typedflow.durability import block_parts, execution_parts
from typedflow.durability.execution_parts import has_parts
from typedflow.errors import SnapshotError, StoreError
from typedflow.execution import failpoints
from typedflow.stores import FileStore, MemoryStore, SQLiteStore, StoredSnapshot


class Row(msgspec.Struct):
    x: int
    tags: list[str] = []


class Point(msgspec.Struct, frozen=True):
    x: int


class Sheet(State, rename="camel"):
    count: int = 0
    name: str | None = None
    numbers: list[int] = []
    rows: list[Row] = []
    table: dict[str, Row] = {}
    tags: set[str] = set()
    best_row: Row | None = None
    points: tuple[Point, ...] = ()
    pairs: tuple[list[int], dict[str, int]] = ([], {})
    note: str | msgspec.UnsetType = msgspec.UNSET


class Edit(Contract):
    input: int
    result: int
    state: Sheet


class Watched:
    """A MemoryStore that compares each save with the whole document of the moment, and keeps what was written."""

    shares_flow_state = False

    def __init__(self, store: Any) -> None:
        self._store = store
        self.moment: dict[str, Any] | None = None
        """The whole document of the execution when its last save was encoded."""
        self.documents: dict[int, dict[str, Any]] = {}
        self.written: list[set[str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def put(self, record: StoredSnapshot, **options: Any) -> Any:
        returned = await self._store.put(record, **options)
        assert record.delta is not None
        self.written.append({part.key for part in record.delta.writes})
        if self.moment is not None:
            stored = await self._store.get(record.execution_id)
            self.documents[record.sequence] = plain(stored.data)
            assert self.documents[record.sequence]["state"] == self.moment["state"]
            assert self.documents[record.sequence] == self.moment
        return returned

    async def require_revisions(self) -> None:
        """Compare every revision with what was saved then."""
        assert len(self.documents) > 1
        for sequence, document in self.documents.items():
            assert plain((await self._store.get("a", at=sequence)).data) == document


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Callable[[Watched, Execution[Any]], None]:
    """Pass a store the whole document of an execution as each of its saves is encoded."""

    def watch_over(store: Watched, execution: Execution[Any]) -> None:
        def reach(point: str) -> None:
            if point == "save.encoded":
                store.moment = plain(execution.save().to_bytes())

        monkeypatch.setattr(failpoints, "reach", reach)

    return watch_over


def plain(data: bytes) -> dict[str, Any]:
    """Return a document but for what differs from save to save."""
    tree: dict[str, Any] = json.loads(data)
    waiting = [tree]
    for each in waiting:
        for name in ("checksum", "saved", "sequence", "state_mark"):
            each.pop(name, None)
        waiting.extend(each["children"])
    return tree


@pytest.fixture(autouse=True)
def every_state_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save small states in parts too."""
    monkeypatch.setattr(execution_parts, "PARTS_FROM", 0)
    monkeypatch.setattr(block_parts, "BLOCK_FROM", 0)


# -- the same document


@pytest.mark.parametrize("name", CASES)
async def test_what_is_stored_in_parts_is_the_document(name: str, watch: Any) -> None:
    case, store = CASES[name], Watched(MemoryStore())
    execution = case.build().create_execution(execution_id="a", store=store, checkpoint="step", history=True)
    watch(store, execution)
    await execution.async_start(case.value)
    await finish(execution, case)
    assert execution.result == case.result
    await store.require_revisions()


Change = Callable[[Sheet, random.Random], object]


def put_row(state: Sheet, chance: random.Random) -> None:
    state.table[f"k{chance.randrange(4)}"] = Row(chance.randrange(100))


def change_row(state: Sheet, chance: random.Random) -> None:
    for row in state.rows[:1]:
        row.tags.append("t")


def change_table(state: Sheet, chance: random.Random) -> None:
    for row in list(state.table.values())[:1]:
        row.x = chance.randrange(100)


def change_best(state: Sheet, chance: random.Random) -> None:
    if state.best_row is not None:
        state.best_row.x += 1


def change_by_path(state: Sheet, chance: random.Random) -> None:
    if "table.k1" in state:
        state.set("table.k1.x", chance.randrange(100), emit=chance.random() < 0.5)


CHANGES: list[Change] = [
    lambda state, chance: setattr(state, "count", chance.randrange(100)),
    lambda state, chance: setattr(state, "name", chance.choice([None, "a", "é\n"])),
    lambda state, chance: state.numbers.append(chance.randrange(100)),
    lambda state, chance: state.append("numbers", 7, emit=chance.random() < 0.5),
    lambda state, chance: state.numbers.clear(),
    lambda state, chance: state.rows.append(Row(chance.randrange(100))),
    lambda state, chance: state.append("rows", Row(1), emit=chance.random() < 0.5),
    lambda state, chance: state.rows.reverse(),
    lambda state, chance: setattr(state, "rows", state.rows),
    lambda state, chance: state.tags.add(chance.choice("abcdef")),
    lambda state, chance: state.tags.clear(),
    lambda state, chance: setattr(state, "best_row", Row(3)),
    lambda state, chance: setattr(state, "points", (*state.points, Point(chance.randrange(9)))),
    lambda state, chance: state.pairs[0].append(1),
    lambda state, chance: state.pairs[1].update(a=chance.randrange(9)),
    lambda state, chance: state.set("best_row.x", 5, emit=False) if state.best_row else None,
    lambda state, chance: state.set(f"table.k{chance.randrange(4)}", Row(2), emit=chance.random() < 0.5),
    lambda state, chance: state.delete(f"table.k{chance.randrange(4)}", emit=chance.random() < 0.5),
    lambda state, chance: state.delete("rows"),
    lambda state, chance: setattr(state, "note", chance.choice([msgspec.UNSET, "n"])),
    lambda state, chance: len(state.rows),
    put_row,
    change_row,
    change_table,
    change_best,
    change_by_path,
]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.thin(5)
async def test_random_changes_are_in_the_next_save(seed: int, watch: Any) -> None:
    chance = random.Random(seed)

    async def edit(data: Data[Edit, int]) -> int:
        for _ in range(chance.randrange(3)):
            chance.choice(CHANGES)(data.state, chance)
        await asyncio.sleep(0)  # saves of the others come in between
        if chance.random() < 0.3:
            chance.choice(CHANGES)(data.state, chance)
        if chance.random() < 0.2:
            raise OSError("again")
        return data.value

    async def ask(data: Data[Edit, int]) -> int:
        chance.choice(CHANGES)(data.state, chance)
        data.pause_for(interrupt_id="q")

    flow: Any = Flow(Edit)
    process = flow
    for turn in range(4):
        process = process.to(edit, retry=Retry(attempts=20))
        process = (
            process.batch().branch(edit_of(edit), name=f"a{turn}").branch(edit_of(edit), name=f"b{turn}").end_batch()
        )
        process = process.to(lambda data: data.value[0]).to(ask)
    process.end()
    store = Watched(MemoryStore())
    execution = flow.create_execution(execution_id="a", store=store, checkpoint="step", history=True)
    watch(store, execution)
    await execution.async_start(1)
    while execution.status is Status.WAITING:
        for _ in range(chance.randrange(3)):
            chance.choice(CHANGES)(execution.state, chance)
        if chance.random() < 0.3:
            execution = await flow.async_open("a", store=store, checkpoint="step")
            watch(store, execution)
        await execution.async_continue_with("q", 1)
    await store.require_revisions()


def edit_of(edit: Any) -> Any:
    async def again(data: Data[Edit, int]) -> int:
        try:
            return await edit(data)  # type: ignore[no-any-return]  # it is of the same kind
        except OSError:
            return data.value

    return again


# -- only what changed


def count(data: Data[Edit, int]) -> int:
    data.state.count += 1
    return data.value


def read(data: Data[Edit, int]) -> int:
    return data.value + len(data.state.rows)


def grow(data: Data[Edit, int]) -> int:
    data.state.rows[0].x += 1
    return data.value


def nothing(data: Data[Edit, int]) -> int:
    return data.value


def ask(data: Data[Any, int]) -> int:
    data.pause_for(interrupt_id="q")


def chain(*handlers: Any) -> Flow[Edit]:
    flow: Any = Flow(Edit)
    process = flow
    for handler in handlers:
        process = process.to(handler)
    process.end()
    return flow  # type: ignore[no-any-return]  # it is one


EVERY = {"s", "s/count", "s/name", "s/numbers", "s/rows", "s/table", "s/tags", "s/bestRow", "s/points", "s/pairs"}


async def test_a_save_writes_the_fields_that_changed() -> None:
    store = Watched(MemoryStore())
    flow = chain(count, read, grow, nothing, ask, count)
    execution = flow.create_execution(execution_id="a", state=Sheet(rows=[Row(1)]), store=store, checkpoint="step")
    await execution.async_start(1)
    assert store.written == [EVERY, {"s/count"}, set(), {"s/rows"}, set(), set(), set()]
    store.written.clear()
    opened = await flow.async_open("a", store=store)
    opened.state.note = "n"
    await opened.async_continue_with("q", 1)
    assert store.written == [{"s", "s/note"}, {"s/count"}]


async def test_a_small_state_stays_whole_until_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution_parts, "PARTS_FROM", 5000)

    def fill(data: Data[Edit, int]) -> int:
        data.state.name = "x" * 5000
        return data.value

    def empty(data: Data[Edit, int]) -> int:
        data.state.name = None
        return data.value

    deltas: list[set[str] | None] = []

    class Noting(Watched):
        async def put(self, record: StoredSnapshot, **options: Any) -> Any:
            deltas.append(None if record.delta is None else {part.key for part in record.delta.writes})
            return await self._store.put(record, **options)

    store = Noting(MemoryStore())
    flow = chain(count, fill, nothing, empty, ask)
    execution = flow.create_execution(execution_id="a", store=store, checkpoint="step", history=True)
    await execution.async_start(1)
    assert deltas == [None, None, None, EVERY, {"s/name"}, set(), set()]
    for each in await store.history("a"):
        opened = await flow.async_open("a", store=store, at=each.sequence)
        assert (opened.state.count, opened.state.name is not None) == (each.sequence > 1, each.sequence in (3, 4))


async def test_an_alias_is_found_at_rest() -> None:
    """The one way in which a change can miss a save by a step: the next pause or end has it."""
    kept: list[Row] = []

    def keep(data: Data[Edit, int]) -> int:
        kept.extend(data.state.rows)
        return data.value

    def change(data: Data[Edit, int]) -> int:
        kept[0].x = 99
        return data.value

    store = Watched(MemoryStore())
    flow = chain(keep, change, ask)
    execution = flow.create_execution(execution_id="a", state=Sheet(rows=[Row(1)]), store=store, checkpoint="step")
    await execution.async_start(1)
    assert (await flow.async_open("a", store=store)).state.rows == [Row(99)]
    kept[0].x = 100
    await execution.async_continue_with("q", 1)
    assert (await flow.async_open("a", store=store)).state.rows == [Row(100)]


async def test_what_a_failed_save_did_not_write_the_next_one_does(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with SQLiteStore(path, timeout=0) as store:
        await store.list()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:

            def lock(data: Data[Edit, int]) -> int:
                data.state.rows.append(Row(5))
                other.execute("BEGIN IMMEDIATE")
                return data.value

            flow = chain(lock, nothing, ask)
            execution = flow.create_execution(execution_id="a", store=store, checkpoint="step")
            with pytest.raises(StoreError, match="locked"):
                await execution.async_start(1)
            other.execute("ROLLBACK")
        await execution.async_retry()
        assert (await flow.async_open("a", store=store)).state.rows == [Row(5)]


class Before(State):
    subject: str = "cats"
    gone: list[int] = []


class After(State):
    topic: str = ""


def before() -> Flow[Any]:
    class Moved(Contract):
        input: int
        result: int
        state: Before

    flow: Flow[Any] = Flow(Moved)
    flow.to(ask).end()
    return flow


def after() -> Flow[Any]:
    class Moved(Contract, version=2):
        input: int
        result: int
        state: After

    @Moved.migrate(1)
    def rename(layers: dict[str, Any]) -> dict[str, Any]:
        return layers | {"state": {"topic": layers["state"]["subject"]}}

    flow: Flow[Any] = Flow(Moved)
    flow.to(ask).end()
    return flow


@pytest.mark.parametrize("kind", DATABASES)
async def test_a_state_of_another_version_takes_the_place_of_all_its_parts(kind: str, tmp_path: Path) -> None:
    store: Any
    async with STORES[kind].open(tmp_path) as store:
        execution = before().create_execution(execution_id="a", store=store, history=True)
        await execution.async_start(1)
        opened = await after().async_open("a", store=store)
        await opened.async_continue_with("q", 1)
        assert (await after().async_open("a", store=store)).state.topic == "cats"
        assert (await before().async_open("a", store=store, at=2)).state.subject == "cats"
        keys = execute(kind, tmp_path, "SELECT key FROM typedflow_parts ORDER BY key")
    assert keys == [("s",), ("s/topic",)]


class Left(msgspec.Struct):
    a: int


class Right(msgspec.Struct):
    b: int


class Plainer(State):
    rows: list[int] = []


class Sparser(State, omit_defaults=True):
    rows: list[int] = []


class Mixed(State):
    either: Left | Right | None = None


def with_state(cls: type[State]) -> Flow[Any]:
    class Same(Contract):
        input: int
        result: int
        state: cls  # type: ignore[valid-type]  # one of the two

    flow: Flow[Any] = Flow(Same)
    flow.to(ask).end()
    return flow


@pytest.mark.parametrize("kind", [kind for kind in SHARING if not kind.startswith("sealed")])
async def test_a_state_that_becomes_whole_leaves_no_parts(kind: str, tmp_path: Path) -> None:
    store: Any = STORES[kind].open(tmp_path)
    async with store:
        execution = with_state(Plainer).create_execution(execution_id="a", store=store, state={"rows": [1]})
        await execution.async_start(1)
        stored = await store.get("a")
        assert set(stored.parts) == {"s", "s/rows"}
        opened = await with_state(Sparser).async_open("a", store=store)
        opened.state.rows.append(2)
        await opened.async_continue_with("q", 1)
        assert (await with_state(Sparser).async_open("a", store=store)).state.rows == [1, 2]
        assert (await store.get("a")).parts == {}


def test_a_state_that_cannot_be_taken_apart_stays_whole() -> None:
    class Sparse(State, omit_defaults=True):
        x: int = 0

    assert [has_parts(cls) for cls in (Sheet, Mixed, Sparse, None)] == [True, False, False, False]


async def test_a_store_of_whole_documents_refuses_parts(tmp_path: Path) -> None:
    kept: list[StoredSnapshot] = []

    class Keeping(Watched):
        async def put(self, record: StoredSnapshot, **options: Any) -> Any:
            kept.append(record)
            return await super().put(record, **options)

    await chain(nothing).create_execution(execution_id="a", store=Keeping(MemoryStore())).async_start(1)
    async with FileStore(tmp_path) as store:
        with pytest.raises(StoreError, match="a FileStore keeps whole documents, and was given parts of one"):
            await store.put(kept[0], expected=None)
        await chain(nothing).create_execution(execution_id="a", store=store).async_start(1)
        assert (await chain(nothing).async_open("a", store=store)).state == Sheet()


# -- whole or refused


DAMAGE = (
    "UPDATE typedflow_parts SET data = data || x'20' WHERE key = 's/rows'",
    "UPDATE typedflow_parts SET data = '[]' WHERE key = 's/rows'",
    "UPDATE typedflow_parts SET digest = x'00' WHERE key = 's'",
    "UPDATE typedflow_parts SET key = 's/numbers2' WHERE key = 's/numbers'",
    "UPDATE typedflow_parts SET key = x'00' WHERE key = 's/numbers'",
    "DELETE FROM typedflow_parts WHERE key = 's/rows'",
    "DELETE FROM typedflow_parts",
    "INSERT INTO typedflow_parts SELECT execution, 's/extra', sequence, digest, data FROM typedflow_parts"
    " WHERE key = 's/rows'",
    "UPDATE typedflow_parts SET (digest, data) = (SELECT digest, data FROM typedflow_part_history"
    " WHERE key = 's/count' ORDER BY sequence LIMIT 1) WHERE key = 's/count'",
    "UPDATE typedflow_executions SET parts = parts + 1",
    "UPDATE typedflow_executions SET parts = NULL",
    "UPDATE typedflow_executions SET parts_digest = x'00'",
)


@pytest.mark.parametrize("kind", DATABASES)
@pytest.mark.parametrize("damage", DAMAGE)
async def test_an_execution_is_whole_or_refused(damage: str, kind: str, tmp_path: Path) -> None:
    flow = chain(count, grow, count, ask)
    async with STORES[kind].open(tmp_path) as store:
        execution = flow.create_execution(
            execution_id="a", state=Sheet(rows=[Row(1)]), store=store, checkpoint="step", history=True
        )
        await execution.async_start(1)
        execute(kind, tmp_path, damage)
        with pytest.raises(SnapshotError, match=r"TF955: database .*'a' (is|are) not what was saved"):
            await flow.async_open("a", store=store)


@pytest.mark.parametrize("kind", DATABASES)
async def test_parts_of_revisions_go_with_them(kind: str, tmp_path: Path) -> None:
    flow = chain(*[count] * 8, ask)

    def kept() -> list[tuple[Any, ...]]:
        return execute(kind, tmp_path, "SELECT key, sequence, until FROM typedflow_part_history ORDER BY until")

    store: Any
    async with STORES[kind].open(tmp_path) as store:
        execution = flow.create_execution(execution_id="a", store=store, checkpoint="step", history=4)
        await execution.async_start(1)
        newest = (await store.history("a"))[-1].sequence
        assert kept() == [("s/count", number - 1, number) for number in range(newest - 2, newest - 1)]
        for each in await store.history("a"):
            opened = await flow.async_open("a", store=store, at=each.sequence)
            assert opened.state.count == min(each.sequence - 1, 8)
        await store.prune(keep=1)
        assert kept() == []
        await store.delete("a")
        assert execute(kind, tmp_path, "SELECT count(*) FROM typedflow_parts") == [(0,)]


@pytest.mark.parametrize("kind", DATABASES)
async def test_a_document_is_read_at_one_moment(kind: str, tmp_path: Path) -> None:
    """Another connection saves all the time: no read ever sees a head with the parts of another save."""
    flow = chain(*[count] * 60, ask)
    async with STORES[kind].open(tmp_path) as store, STORES[kind].open(tmp_path) as other:
        execution = flow.create_execution(execution_id="a", store=store, checkpoint="step")
        running = asyncio.create_task(execution.async_start(1))
        seen = set()
        while not running.done():
            if await other.get("a") is not None:
                seen.add((await flow.async_open("a", store=other)).state.count)
        await running
    assert len(seen) > 5
