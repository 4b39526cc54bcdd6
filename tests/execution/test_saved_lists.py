"""Long lists of a state in slices: a save writes those that changed, and what is stored is the document."""

from __future__ import annotations

import asyncio
import enum
import random
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.budget import examples
from tests.execution.test_saved_parts import Watched, plain
from tests.stores.conformance import DATABASES, SHARING, STORES, execute
from typedflow import Contract, Data, Execution, Flow, Interrupt, State
from typedflow.durability import execution_parts, list_parts
from typedflow.errors import SnapshotError, StoreError
from typedflow.execution import failpoints
from typedflow.stores import MemoryStore, StoredSnapshot


class Row(msgspec.Struct):
    x: int
    name: str = "n"
    price: float | None = None
    tags: list[str] = []


class Twin(msgspec.Struct):
    """It is encoded as a Row is."""

    x: int
    name: str = "n"
    price: float | None = None
    tags: list[str] = []


class Name(enum.StrEnum):
    N = "n"


class Shelf(State, rename="camel"):
    count: int = 0
    all_rows: list[Row] = []
    numbers: list[int] = []
    texts: list[str | None] = []
    pairs: list[tuple[int, dict[str, list[int]]]] = []
    few: list[int] | None = None


class Keep(Contract):
    input: int
    result: int
    state: Shelf


Change = Callable[[Any], object]


@pytest.fixture(autouse=True)
def short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten slices to a few items."""
    monkeypatch.setattr(execution_parts, "PARTS_FROM", 0)
    monkeypatch.setattr(list_parts, "SLICED_FROM", 400)
    monkeypatch.setattr(list_parts, "SLICE", 100)
    monkeypatch.setattr(list_parts, "MOVED_FROM", 2)


def rows(size: int) -> list[Row]:
    return [Row(index) for index in range(1000, 1000 + size)]


def pause(data: Data[Keep, int]) -> int:
    data.pause_for(interrupt_id="q")


def pending(execution: Execution[Any]) -> Interrupt:
    """Return the question that waits: its id may have been answered before."""
    (asked,) = execution.interrupts.values()
    return asked


def flow_of(changes: Sequence[Change], *, pauses: bool = True) -> Flow[Keep]:
    """Return a flow with a step for each change of the state, and a pause at its end."""

    def step(change: Change) -> Callable[[Data[Keep, int]], int]:
        def changing(data: Data[Keep, int]) -> int:
            change(data.state)
            return data.value

        return changing

    flow: Any = Flow(Keep)
    process = flow
    for change in changes:
        process = process.to(step(change))
    process = process.to(pause) if pauses else process
    process.end()
    return flow  # type: ignore[no-any-return]  # it is one


def watch(store: Watched, execution: Execution[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Pass the store the whole document of the execution as each of its saves is encoded."""

    def reach(point: str) -> None:
        if point == "save.encoded":
            store.moment = plain(execution.save().to_bytes())

    monkeypatch.setattr(failpoints, "reach", reach)


async def written_by(*changes: Change, state: Shelf | None = None) -> list[set[str]]:
    """Return the parts that the save after each change writes."""
    store = Watched(MemoryStore())
    nothing: Change = lambda state: None  # noqa: E731
    flow = flow_of([nothing, *changes], pauses=False)
    state = state or Shelf(all_rows=rows(100))
    await flow.create_execution(execution_id="a", state=state, store=store, checkpoint="step").async_start(1)
    stored = await store.get("a")
    assert stored.parts is not None
    assert len([key for key in stored.parts if key.startswith("l/")]) > 10
    return [{key for key in keys if key.startswith(("l/", "s"))} for keys in store.written[2:-1]]


# -- only the slices that changed


def append_by_path(state: Shelf) -> None:
    state.append("all_rows", Row(1))


def append_by_attribute(state: Shelf) -> None:
    state.all_rows.append(Row(1))


async def test_a_list_that_is_appended_to_writes_its_last_slice() -> None:
    for append in (append_by_path, append_by_attribute):
        for keys in await written_by(*[append] * 12):
            assert len(keys) == 1
            assert next(iter(keys)).startswith("l/allRows/")


async def test_an_append_by_path_looks_at_the_end_of_the_list_alone() -> None:
    """What an alias changed elsewhere is found at rest, as for every field that a step did not read."""
    state = Shelf()
    kept: list[Row] = []

    def alias(state: Shelf) -> None:
        kept.extend(state.all_rows[:1])

    def change(state: Shelf) -> None:
        kept[0].x = 7
        state.append("all_rows", Row(1))

    store = Watched(MemoryStore())
    state = Shelf(all_rows=rows(100))
    flow = flow_of([alias, lambda state: None, change])
    execution = flow.create_execution(execution_id="a", state=state, store=store, checkpoint="step", history=True)
    await execution.async_start(1)
    assert store.written[-2:] == [{"l/allRows/0"}, set()] or store.written[-1] == {"l/allRows/0"}
    assert (await flow.async_open("a", store=store)).state.all_rows == [Row(7), *rows(100)[1:], Row(1)]


def nested(state: Shelf) -> None:
    state.all_rows[50].tags.append("t")


def insert(state: Shelf) -> None:
    state.all_rows.insert(0, Row(1))


def pop(state: Shelf) -> None:
    state.all_rows.pop(0)


def turn(state: Shelf) -> None:
    state.all_rows.append(state.all_rows.pop(0))


def remove(state: Shelf) -> None:
    del state.all_rows[50]


def same(state: Shelf) -> None:
    state.all_rows = [Row(row.x) for row in state.all_rows]


def put_together(state: Shelf) -> None:
    state.all_rows = [*state.all_rows, Row(1)]


@pytest.mark.parametrize(
    "change, most",
    [
        (lambda state: len(state.all_rows), 0),
        (nested, 1),
        (insert, 1),
        (pop, 1),
        (remove, 1),
        (turn, 2),
        (same, 0),
        (put_together, 1),
        (lambda state: state.all_rows.reverse(), 60),
    ],
)
async def test_a_change_in_place_writes_the_slices_it_is_in(change: Change, most: int) -> None:
    for keys in (await written_by(lambda state: len(state.all_rows), *[change] * 3))[1:]:
        assert len(keys) <= most


async def test_many_insertions_leave_no_slices_of_one_item() -> None:
    store = Watched(MemoryStore())
    flow = flow_of([lambda state: len(state.all_rows), *[insert] * 40])
    state = Shelf(all_rows=rows(40))
    await flow.create_execution(execution_id="a", state=state, store=store, checkpoint="step").async_start(1)
    stored = await store.get("a")
    assert len([key for key in stored.parts or () if key.startswith("l/")]) < 50


async def test_a_short_list_is_one_part_again() -> None:
    def shorten(state: Shelf) -> None:
        del state.all_rows[3:]

    store = Watched(MemoryStore())
    flow = flow_of([shorten])
    execution = flow.create_execution(
        execution_id="a", state=Shelf(all_rows=rows(100)), store=store, checkpoint="step", history=True
    )
    await execution.async_start(1)
    stored = await store.get("a")
    assert "s/allRows" in (stored.parts or ())
    assert not [key for key in stored.parts or () if key.startswith("l/")]
    assert (await flow.async_open("a", store=store, at=1)).state.all_rows == rows(100)


# -- the same state as without a store


def change_class(state: Shelf) -> None:
    state.all_rows[3:4] = [Row(3)]


def change_many(state: Shelf) -> None:
    for row in state.all_rows:
        row.x += 1


def long_item(state: Shelf) -> None:
    state.append("texts", "long" * 300)


def drop_all(state: Shelf) -> None:
    state.all_rows.clear()


def replaced(state: Shelf) -> None:
    state.all_rows = rows(30)


def in_pair(state: Shelf) -> None:
    for _, table in state.pairs[:2]:
        table.setdefault("k", []).append(1)


def shuffle(state: Shelf) -> None:
    random.Random(len(state.all_rows)).shuffle(state.all_rows)


CHANGES: dict[str, Change] = {
    "append by path": append_by_path,
    "append by attribute": append_by_attribute,
    "nested": lambda state: nested_at(state) if state.all_rows else None,
    "insert": insert,
    "insert in between": lambda state: state.all_rows.insert(len(state.all_rows) // 2, Row(5)),
    "pop": lambda state: pop(state) if state.all_rows else None,
    "pop the last": lambda state: state.all_rows and state.all_rows.pop(),
    "turn": lambda state: turn(state) if state.all_rows else None,
    "remove": lambda state: state.all_rows.__delitem__(slice(2, 9)),
    "same": same,
    "put together": put_together,
    "reverse": lambda state: state.all_rows.reverse(),
    "shuffle": shuffle,
    "change many": change_many,
    "many": lambda state: state.all_rows.extend(rows(30)),
    "clear": drop_all,
    "replaced": replaced,
    "delete": lambda state: state.delete("all_rows"),
    "set": lambda state: state.set("all_rows", rows(50)),
    "number": lambda state: state.numbers.append(2**70),
    "numbers": lambda state: state.numbers.extend(range(200)),
    "number by path": lambda state: state.append("numbers", 3, emit=False),
    "equal numbers": lambda state: state.numbers.insert(0, 3),
    "first number": lambda state: state.numbers and state.numbers.pop(0),
    "texts": lambda state: state.texts.extend(["t", None] * 100),
    "text": lambda state: state.texts.append("é"),
    "long text": long_item,
    "short texts": lambda state: state.texts.__setitem__(slice(None), ["s" for _ in state.texts]),
    "pairs": lambda state: state.pairs.extend((index, {}) for index in range(60)),
    "pair": in_pair,
    "few": lambda state: setattr(state, "few", list(range(200))),
    "a few more": lambda state: state.few and state.append("few", 1),
    "none": lambda state: setattr(state, "few", None),
    "count": lambda state: setattr(state, "count", state.count + 1),
}


def nested_at(state: Shelf) -> None:
    state.all_rows[len(state.all_rows) // 2].tags.append("t")


Script = list[tuple[str, list[str]]]
scripts = st.lists(
    st.tuples(st.sampled_from(["step", "pause", "open", "outside"]), st.lists(st.sampled_from([*CHANGES]), max_size=3)),
    min_size=1,
    max_size=8,
)


async def run_script(script: Script, store: Any, state: Shelf, monkeypatch: pytest.MonkeyPatch | None) -> Shelf:
    """Change a state step by step, at pauses and after loads; return what it is at the end."""

    def step(names: list[str]) -> Callable[[Data[Keep, int]], int]:
        def changing(data: Data[Keep, int]) -> int:
            for name in names:
                CHANGES[name](data.state)
            return data.value

        return changing

    flow: Any = Flow(Keep)
    process = flow
    for kind, names in script:
        process = process.to(step(names) if kind == "step" else pause)
    process.to(pause).end()
    execution = flow.create_execution(execution_id="a", state=state, **store_options(store))
    if monkeypatch is not None:
        watch(store, execution, monkeypatch)
    await execution.async_start(1)
    for kind, names in script:
        if kind == "step":
            continue
        for name in names:
            CHANGES[name](execution.state)
        if kind == "outside":
            execution.save(path=None)
        if kind == "open" and store is not None:
            await execution.async_continue_with(pending(execution), 1)
            execution = await flow.async_open("a", store=store, checkpoint="step")
            if monkeypatch is not None:
                watch(store, execution, monkeypatch)
        else:
            await execution.async_continue_with(pending(execution), 1)
    if store is not None:
        opened = await flow.async_open("a", store=store)
        assert opened.state == execution.state
        execution = opened
    return execution.state  # type: ignore[no-any-return]  # it is one


def store_options(store: Any) -> dict[str, Any]:
    return {} if store is None else {"store": store, "checkpoint": "step", "history": True}


@pytest.mark.long
@settings(deadline=None, max_examples=examples(120))
@given(scripts)
def test_what_is_saved_step_by_step_is_what_there_is_without_a_store(script: Script) -> None:
    async def compare() -> None:
        with pytest.MonkeyPatch.context() as monkeypatch:
            begin = Shelf(all_rows=rows(40), numbers=list(range(300)))
            store = Watched(MemoryStore())
            stored = await run_script(script, store, begin, monkeypatch)
            assert stored == await run_script(script, None, begin, None)
            await store.require_revisions()

    asyncio.run(compare())


# -- aliases, and threads that were left behind


async def revisions(changes: Sequence[Change], state: Shelf) -> list[Shelf]:
    """Return what each revision opens: that of the beginning, and one for each change."""
    store = MemoryStore()
    flow = flow_of(changes, pauses=False)
    await flow.create_execution(
        execution_id="a", state=state, store=store, checkpoint="step", history=True
    ).async_start(1)
    return [(await flow.async_open("a", store=store, at=each.sequence)).state for each in await store.history("a")]


async def test_an_alias_that_moves_the_items_of_a_list_that_is_appended_to_doubles_none() -> None:
    kept: list[list[Row]] = []
    nothing: Change = lambda state: None  # noqa: E731

    def keep(state: Shelf) -> None:
        kept.append(state.all_rows)

    def move(state: Shelf) -> None:
        kept[0].insert(0, Row(1))
        append_by_path(state)

    for before in ([keep], [keep, nothing], [keep, append_by_path]):
        kept.clear()
        opened = await revisions([*before, move, nothing], Shelf(all_rows=rows(100)))
        appended = [Row(1)] * (len(before) - 1 if append_by_path in before else 0)
        assert opened[len(before) + 1].all_rows == [Row(1), *rows(100), *appended, Row(1)]


async def test_two_fields_with_one_list_are_saved_alike() -> None:
    def share(state: Shelf) -> None:
        state.few = state.numbers

    def change(state: Shelf) -> None:
        state.numbers.insert(0, 3)

    opened = await revisions([share, change, lambda state: state.append("few", 4)], Shelf(numbers=list(range(300))))
    assert opened[2].few == opened[2].numbers == [3, *range(300)]
    assert opened[3].few == opened[3].numbers == [3, *range(300), 4]


async def test_what_cannot_be_saved_of_an_append_by_path_is_named_by_its_place() -> None:
    def bad(state: Shelf) -> None:
        state.append("all_rows", Row(1, "\ud800"))

    with pytest.raises(SnapshotError, match=r"'state\.all_rows\[101\]\.name' cannot be saved"):
        await revisions([append_by_path, bad], Shelf(all_rows=rows(100)))


SEVERAL = 20_000
"""Numbers, so many that a thread takes its turn while they are saved."""


def turning(started: threading.Event, stop: threading.Event) -> Callable[[Data[Keep, int]], int]:
    """Return a handler that turns a list until it is told to stop, and says when it holds the list."""

    def work(data: Data[Keep, int]) -> int:
        numbers = data.state.numbers
        started.set()
        while not stop.is_set():
            numbers[:] = numbers[7:] + numbers[:7]
        return 1

    return work


@pytest.mark.parametrize("by", ["step", "user"])
async def test_a_list_that_a_thread_turns_that_was_left_behind_is_saved_at_one_moment(
    by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread of a step that was not over in time, or one that a step has begun itself."""
    monkeypatch.setattr(list_parts, "SLICE", 1000)
    started, stop, before = threading.Event(), threading.Event(), sys.getswitchinterval()
    work = turning(started, stop)

    def begin(data: Data[Keep, int]) -> int:
        threading.Thread(target=work, args=(data,), daemon=True).start()
        assert started.wait(60)
        return 1

    def tick(data: Data[Keep, int]) -> int:
        return len(data.state.numbers)

    def end(data: Data[Keep, int]) -> int:
        stop.set()
        return 1

    flow: Any = Flow(Keep)
    if by == "step":
        chain = flow.to(work, thread=True, timeout=0.05, on_error=lambda data: 1)
    else:
        chain = flow.to(begin)
    for _ in range(12):
        chain = chain.to(tick)
    chain.to(end).end()
    store = MemoryStore()
    state = Shelf(numbers=list(range(SEVERAL)))
    execution = flow.create_execution(execution_id="a", state=state, store=store, checkpoint="step", history=True)
    sys.setswitchinterval(1e-6)
    try:
        await execution.async_start(1)
    finally:
        stop.set()
        sys.setswitchinterval(before)
    for each in await store.history("a"):
        numbers = (await flow.async_open("a", store=store, at=each.sequence)).state.numbers
        assert sorted(numbers) == list(range(SEVERAL))


# -- nothing is lost that MessagePack or JSON writes alike


def price(value: float | None) -> Change:
    def change(state: Shelf) -> None:
        state.all_rows[50].price = value

    return change


async def start(changes: Sequence[Change], store: Any, **options: Any) -> Execution[Keep]:
    execution = flow_of(changes).create_execution(
        execution_id="a", state=Shelf(all_rows=rows(100)), store=store, checkpoint="step", **options
    )
    await execution.async_start(1)
    return execution


async def test_nan_in_place_of_none_is_refused() -> None:
    """JSON writes both as null."""
    with pytest.raises(SnapshotError, match=r"state\.all_rows\[50\]\.price"):
        await start([price(1.0), price(None), price(None), price(float("nan"))], MemoryStore())


@pytest.mark.parametrize(
    "change, problem",
    [
        (lambda rows: rows.__setitem__(50, Twin(1050)), r"state\.all_rows\[50\]"),
        (lambda rows: setattr(rows[50], "name", Name.N), r"state\.all_rows\[50\]\.name"),
    ],
)
async def test_an_equal_value_of_another_class_is_refused(change: Callable[[list[Any]], object], problem: str) -> None:
    """A step that failed has put it there: what it left was not checked."""
    execution = await start([lambda state: len(state.all_rows)] * 2, MemoryStore())
    change(execution.state.all_rows)
    with pytest.raises(SnapshotError, match=problem):
        await execution.async_continue_with(pending(execution), 1)


# -- a save that fails, a thread, older saves


async def test_what_a_failed_save_did_not_write_the_next_one_does() -> None:
    class Failing(Watched):
        fails = False

        async def put(self, record: StoredSnapshot, **options: Any) -> Any:
            if self.fails:
                raise StoreError("the disk is full")
            return await super().put(record, **options)

    store = Failing(MemoryStore())

    def fail(state: Shelf) -> None:
        state.all_rows.insert(40, Row(1))
        append_by_path(state)
        store.fails = True

    execution = flow_of([append_by_path, fail, append_by_path]).create_execution(
        execution_id="a", state=Shelf(all_rows=rows(100)), store=store, checkpoint="step"
    )
    with pytest.raises(StoreError):
        await execution.async_start(1)
    store.fails = False
    await execution.async_retry()
    expected = [*rows(40), Row(1), *rows(100)[40:], Row(1), Row(1), Row(1)]
    assert sorted(map(str, execution.state.all_rows)) == sorted(map(str, expected))
    assert (await flow_of([]).async_open("a", store=store)).state == execution.state


async def test_a_list_that_a_thread_turns_is_saved_at_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of several moments would have some numbers twice, and lack others."""
    monkeypatch.setattr(list_parts, "SLICE", 1000)
    stop, before = threading.Event(), sys.getswitchinterval()

    def work(data: Data[Keep, int]) -> int:
        numbers = data.state.numbers
        while not stop.is_set():
            numbers[:] = numbers[7:] + numbers[:7]
        return 1

    def tick(data: Data[Keep, int]) -> int:
        return data.value

    def end(data: Data[Keep, int]) -> int:
        stop.set()
        return data.value

    flow: Any = Flow(Keep)
    flow.side_branch(work, thread=True)
    chain = flow.to(tick)
    for _ in range(10):
        chain = chain.to(tick)
    chain.to(end).end()
    store = MemoryStore()
    state = Shelf(numbers=list(range(SEVERAL)))
    execution = flow.create_execution(execution_id="a", state=state, store=store, checkpoint="step", history=True)
    sys.setswitchinterval(1e-6)
    try:
        await execution.async_start(1)
    finally:
        stop.set()
        sys.setswitchinterval(before)
    seen = set()
    for each in await store.history("a"):
        numbers = (await flow.async_open("a", store=store, at=each.sequence)).state.numbers
        assert sorted(numbers) == list(range(SEVERAL))
        seen.add(numbers[0])
    assert len(seen) > 1


@pytest.mark.parametrize("kind", SHARING)
async def test_every_store_opens_what_it_was_given(kind: str, tmp_path: Path) -> None:
    store: Any
    async with STORES[kind].open(tmp_path) as store:
        execution = await start([append_by_path, nested, append_by_attribute, insert], store, history=True)
        flow = flow_of([append_by_path, nested, append_by_attribute, insert])
        opened = await flow.async_open("a", store=store)
        assert opened.state == execution.state
        lengths = [
            len((await flow.async_open("a", store=store, at=each.sequence)).state.all_rows)
            for each in await store.history("a")
        ]
        assert lengths[:6] == [100, 101, 101, 102, 103, 103]
        fork = await flow.async_fork("a", store=store, at=3, execution_id="b")
        assert fork.state.all_rows == [*rows(50), Row(1050, tags=["t"]), *rows(100)[51:], Row(1)]
        append_by_path(opened.state)
        await opened.async_continue_with(pending(opened), 1)
        await store.prune(keep=1)
        assert len((await flow.async_open("a", store=store)).state.all_rows) == 104
        await store.delete("a")
        await store.delete("b")
        if kind in DATABASES:
            assert execute(kind, tmp_path, "SELECT count(*) FROM typedflow_parts") == [(0,)]


async def test_a_revision_names_a_list_that_changed_and_no_other() -> None:
    store = MemoryStore()
    await start([append_by_path, lambda state: len(state.all_rows), nested], store, history=True)
    opened = await flow_of([]).async_open("a", store=store)
    opened.state.count = 1
    with suppress(SnapshotError):
        await opened.async_continue_with(pending(opened), 1)
    changed = [[name for name in each.changed if name.startswith("state")] for each in await store.history("a")]
    assert changed[1:4] == [["state.allRows"], [], ["state.allRows"]]
    assert changed[-1] in ([], ["state.count"])
    assert not any("state.allRows" in each for each in changed[4:])


@pytest.mark.parametrize("kind", DATABASES)
async def test_a_long_list_that_is_stored_as_one_part_stays_so_until_it_changes(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an older version has stored it."""
    keys = "SELECT count(*) FROM typedflow_parts WHERE key LIKE 'l/%'"
    store: Any
    async with STORES[kind].open(tmp_path) as store:
        with monkeypatch.context() as patch:
            patch.setattr(list_parts, "SLICED_FROM", 10**9)
            await start([], store)
        assert execute(kind, tmp_path, keys) == [(0,)]
        flow: Any = Flow(Keep)
        flow.to(pause).to(pause, name="second").to(append_step).to(pause, name="third").end()
        opened = await flow.async_open("a", store=store, checkpoint="step")
        await opened.async_continue_with(pending(opened), 1)
        assert execute(kind, tmp_path, keys) == [(0,)]
        await opened.async_continue_with(pending(opened), 1)
        assert execute(kind, tmp_path, keys)[0][0] > 10
        assert (await flow.async_open("a", store=store)).state.all_rows == [*rows(100), Row(1)]


def append_step(data: Data[Keep, int]) -> int:
    append_by_path(data.state)
    return data.value


# -- whole or refused


DAMAGE = (
    "DELETE FROM typedflow_parts WHERE key = 'l/allRows/3'",
    "UPDATE typedflow_parts SET key = 'l/allRows/999' WHERE key = 'l/allRows/3'",
    "UPDATE typedflow_parts SET data = '[]' WHERE key = 'l/allRows/3'",
    "INSERT INTO typedflow_parts SELECT execution, 'l/allRows/999', sequence, digest, data FROM typedflow_parts"
    " WHERE key = 'l/allRows/3'",
    "UPDATE typedflow_parts SET (digest, data) = (SELECT digest, data FROM typedflow_part_history"
    " WHERE key = 'l/allRows/25' ORDER BY sequence LIMIT 1) WHERE key = 'l/allRows/25'",
    "UPDATE typedflow_executions SET (parts, parts_digest, data, digest) = (SELECT parts, parts_digest, data, digest"
    " FROM typedflow_revisions WHERE sequence = 2)",
)


@pytest.mark.parametrize("kind", DATABASES)
@pytest.mark.parametrize("damage", DAMAGE)
async def test_slices_are_whole_or_refused(damage: str, kind: str, tmp_path: Path) -> None:
    async with STORES[kind].open(tmp_path) as store:
        await start([nested] * 3, store, history=True)
        execute(kind, tmp_path, damage)
        with pytest.raises(SnapshotError, match=r"TF955: database .*'a' (is|are) not what was saved"):
            await flow_of([nested] * 3).async_open("a", store=store)
