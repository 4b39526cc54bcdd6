"""Executions with a history: each revision opens as it was, and another execution can continue from it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.execution.pausing import CASES, finish
from tests.postgres import conninfo_of
from tests.stores.conformance import SEALING
from typedflow import Contract, Data, Events, Execution, Flow, FlowState, State, Status
from typedflow.errors import ConflictError, ContractError, FinishedError, InterruptError, SnapshotError
from typedflow.stores import FileStore, HistoryStore, MemoryStore, PostgresStore, SealedStore, SQLiteStore

Open = Callable[[Path], Any]
STORES: dict[str, Open] = {
    "memory": lambda path: MemoryStore(),
    "sqlite": lambda path: SQLiteStore(path / "s.db"),
    "postgres": lambda path: PostgresStore(conninfo_of(path)),
    "sealed": lambda path: SealedStore(SQLiteStore(path / "s.db"), SEALING),
}
EVERY_CASE = [("memory", name) for name in CASES] + [
    (kind, name) for kind in ("sqlite", "postgres") for name in ("loop", "each in child")
]


class Draft(State):
    topic: str = ""
    lines: list[str] = []
    turns: int = 0


class Count(FlowState):
    seen: int = 0


class Bells(Events):
    rung: str


class Write(Contract):
    input: str
    result: str
    state: Draft
    flow_state: Count
    events: Bells


def begin(data: Data[Write, str]) -> str:
    data.state.topic = data.value
    return data.value


def ask(data: Data[Write, str]) -> str:
    data.state.lines.append(data.key)
    data.pause_for(interrupt_id="q")


def end(data: Data[Write, str]) -> str:
    data.state.turns += 1
    return f"{data.state.topic}: {data.value}"


def writing() -> Flow[Write]:
    flow = Flow(Write, name="write")
    flow.to(begin).to(ask).to(end).end()
    return flow


def within_another() -> Flow[Write]:
    flow = Flow(Write, name="outer")
    flow.to(begin).to_sub_flow(writing(), name="inner").to(end).end()
    return flow


async def written(store: HistoryStore, flow: Flow[Write] | None = None, **options: Any) -> Execution[Write]:
    """Run a writing flow to its end."""
    options = {"execution_id": "a", "history": True, "checkpoint": "step", **options}
    execution = (flow or writing()).create_execution(store=store, **options)
    await execution.async_start("cats")
    await execution.async_continue_with("q", "purr")
    return execution


def plain(data: bytes) -> dict[str, Any]:
    """Return a document but for what differs from save to save."""
    tree: dict[str, Any] = json.loads(data)
    tree.pop("flow_state", None)  # of a root it is that of the flow now
    waiting = [tree]
    for each in waiting:
        for name in ("checksum", "saved", "sequence"):
            del each[name]
        waiting.extend(each["children"])
    return tree


# -- opened as it was


@pytest.mark.parametrize("kind, name", EVERY_CASE)
@pytest.mark.thin(5)
async def test_every_revision_opens_to_what_it_was(kind: str, name: str, tmp_path: Path) -> None:
    case = CASES[name]
    async with STORES[kind](tmp_path) as store:
        execution = case.build().create_execution(execution_id="a", store=store, history=True, checkpoint="step")
        await execution.async_start(case.value)
        await finish(execution, case)
        revisions = await store.history("a")
        assert [each.sequence for each in revisions] == list(range(1, len(revisions) + 1))
        for each in revisions:
            stored = await store.get("a", at=each.sequence)
            opened = await case.build().async_open("a", store=store, at=each.sequence)
            assert opened.status == each.status
            assert plain(opened.save().to_bytes()) == plain(stored.data)
        assert revisions[-1].status == "completed"
        assert opened.result == case.result
        assert await store.history("a") == revisions


@pytest.mark.parametrize("kind", STORES)
async def test_a_history_says_what_each_save_brought(kind: str, tmp_path: Path) -> None:
    async with STORES[kind](tmp_path) as store:
        await written(store)
        found = [(each.status, each.steps, each.changed) for each in await store.history("a")]
    state = {"flow_state.seen"} if kind == "memory" else set()
    assert [(status, steps, set(changed) - state) for status, steps, changed in found] == [
        ("running", (), {"state.topic", "state.lines", "state.turns", "tokens"}),
        ("running", ("begin",), {"state.topic", "tokens"}),
        ("running", (), {"state.lines", "tokens", "interrupts"}),
        ("waiting", (), set()),
        ("running", ("ask",), {"tokens", "interrupts"}),
        ("running", ("end",), {"state.turns", "tokens", "result"}),
        ("completed", (), set()),
    ]


@pytest.mark.parametrize("kind", STORES)
async def test_steps_of_children_are_those_of_the_root(kind: str, tmp_path: Path) -> None:
    async with STORES[kind](tmp_path) as store:
        await written(store, within_another(), checkpoint="pause")
        found = [each.steps for each in await store.history("a")]
    assert found == [(), ("begin", "inner/begin"), ("inner/ask",), ("inner/end", "end")]


async def test_an_opened_execution_goes_on_with_its_history(tmp_path: Path) -> None:
    async with SQLiteStore(tmp_path / "s.db") as store:
        execution = writing().create_execution(execution_id="a", store=store, history=3)
        await execution.async_start("cats")
        before = await store.history("a")
        opened = await writing().async_open("a", store=store)
        await opened.async_continue_with("q", "purr")
        after = await store.history("a")
    assert [each.sequence for each in before] == [1, 2]
    assert [each.sequence for each in after] == [2, 3, 4]
    assert after[1].steps == ("ask",)
    assert "state.topic" not in after[1].changed


async def test_a_save_that_failed_leaves_its_steps_to_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with SQLiteStore(path, timeout=0) as store:
        execution = writing().create_execution(execution_id="a", store=store, history=True)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            await store.list()

            def locks(data: Data[Write, str]) -> str:
                other.execute("BEGIN IMMEDIATE")
                return data.value

            flow = Flow(Write)
            flow.to(locks).end()
            execution = flow.create_execution(execution_id="a", store=store, history=True)
            with pytest.raises(Exception, match="locked"):
                await execution.async_start("cats")
            other.execute("ROLLBACK")
        await execution.async_retry()
        assert [each.steps for each in await store.history("a")] == [(), ("locks",)]


@pytest.mark.parametrize("kind", STORES)
async def test_the_past_can_only_be_read(kind: str, tmp_path: Path) -> None:
    async with STORES[kind](tmp_path) as store:
        await written(store)
        revisions, stored = await store.history("a"), await store.get("a")
        past = await writing().async_open("a", store=store, at=4)
        assert (past.id, past.status, past.state.topic, list(past.interrupts)) == ("a", Status.WAITING, "cats", ["q"])
        calls: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: past.async_continue_with("q", "meow"),
            lambda: past.async_continue_with(past.interrupts["q"], "meow"),
            lambda: past.async_start("cats"),
            past.async_retry,
            past.async_cancel,
        )
        for call in calls:
            with pytest.raises(FinishedError) as caught:
                await call()
            assert str(caught.value) == (
                "TF803: execution 'a' of flow 'write': it was opened at revision 4, and the past can only be read"
                " (flow.async_fork('a', store=…, at=4) continues from there)"
            )
        with pytest.raises(FinishedError, match="the past can only be read"):
            past.emit("rung", "x")
        past.state.topic = "dogs"
        assert (await store.history("a"), await store.get("a")) == (revisions, stored)
        again = await writing().async_open("a", store=store, at=4)
        assert again.state.topic == "cats"


async def test_the_past_leaves_the_flow_state_alone() -> None:
    store = MemoryStore()
    flow = writing()
    flow.update_flow_state(lambda value: setattr(value, "seen", 5))
    await written(store, flow)
    fresh = writing()
    await fresh.async_open("a", store=store, at=2)
    assert fresh.flow_state.seen == 0


@pytest.mark.parametrize("kind", STORES)
async def test_a_revision_that_is_not_kept_is_named(kind: str, tmp_path: Path) -> None:
    async with STORES[kind](tmp_path) as store:
        await written(store, history=2)
        for open_ in (writing().async_open, writing().async_fork):
            with pytest.raises(SnapshotError) as caught:
                await open_("a", store=store, at=3)
            assert str(caught.value) == (
                "TF921: the store has no revision 3 of execution 'a' (store.history('a') lists those it has)"
            )
            with pytest.raises(SnapshotError, match="TF921: the store has no execution 'b'"):
                await open_("b", store=store, at=3)


async def test_the_newest_save_of_an_execution_without_a_history_is_a_revision_too() -> None:
    store = MemoryStore()
    execution = await written(store, history=False, checkpoint="pause")
    stored = await store.get("a")
    assert stored is not None
    opened = await writing().async_open("a", store=store, at=stored.sequence)
    assert opened.result == execution.result


def stay(data: Data[Any, str]) -> str:
    data.pause_for(interrupt_id="q")


def before_the_change() -> Flow[Any]:
    class Old(State):
        subject: str = "cats"

    class Moved(Contract):
        input: str
        result: str
        state: Old

    flow: Flow[Any] = Flow(Moved)
    flow.to(stay).end()
    return flow


def after_the_change() -> Flow[Any]:
    class New(State):
        topic: str = ""

    class Moved(Contract, version=2):
        input: str
        result: str
        state: New

    @Moved.migrate(1)
    def rename(layers: dict[str, Any]) -> dict[str, Any]:
        return layers | {"state": {"topic": layers["state"]["subject"]}}

    flow: Flow[Any] = Flow(Moved)
    flow.to(stay).end()
    return flow


async def test_a_revision_is_migrated_as_it_is_read() -> None:
    store = MemoryStore()
    execution = before_the_change().create_execution(execution_id="a", store=store, history=True)
    await execution.async_start("x")
    await execution.async_continue_with("q", "y")
    past = await after_the_change().async_open("a", store=store, at=2)
    assert past.state.topic == "cats"
    fork = await after_the_change().async_fork("a", store=store, at=2, execution_id="b")
    await fork.async_continue_with("q", "z")
    assert (fork.result, fork.state.topic) == ("z", "cats")


# -- forks


@pytest.mark.parametrize("kind", STORES)
async def test_a_fork_goes_on_and_leaves_the_original_alone(kind: str, tmp_path: Path) -> None:
    async with STORES[kind](tmp_path) as store:
        original = await written(store)
        revisions, stored = await store.history("a"), await store.get("a")
        fork = await writing().async_fork("a", store=store, at=4, execution_id="b")
        assert (fork.id, fork.status, list(fork.interrupts)) == ("b", Status.WAITING, ["q"])
        assert [each.execution_id for each in await store.pending()] == ["b"]
        await fork.async_continue_with("q", "meow")
        assert (original.result, fork.result) == ("cats: purr", "cats: meow")
        assert (await store.history("a"), await store.get("a")) == (revisions, stored)
        assert [each.status for each in await store.history("b")] == ["waiting", "running", "completed"]
        assert (await writing().async_open("b", store=store)).result == "cats: meow"


@pytest.mark.parametrize("kind, name", EVERY_CASE)
@pytest.mark.thin(5)
async def test_a_fork_of_every_revision_comes_to_the_same_end(kind: str, name: str, tmp_path: Path) -> None:
    case = CASES[name]
    async with STORES[kind](tmp_path) as store:
        execution = case.build().create_execution(execution_id="a", store=store, history=True)
        await execution.async_start(case.value)
        await finish(execution, case)
        for each in await store.history("a"):
            fork = await case.build().async_fork("a", store=store, at=each.sequence)
            assert fork.id != "a"
            if fork.status is Status.RUNNING:
                await fork.async_retry()
            await finish(fork, case)
            assert fork.result == case.result
            assert (await case.build().async_open(fork.id, store=store)).result == case.result


async def test_the_steps_of_a_fork_have_keys_of_their_own() -> None:
    store = MemoryStore()
    outer = within_another()
    execution = outer.create_execution(execution_id="a", store=store, history=True)
    await execution.async_start("cats")
    fork = await outer.async_fork("a", store=store, execution_id="b")
    ours, theirs = execution.interrupts["q"], fork.interrupts["q"]
    assert ours.key.startswith("a.")
    assert theirs.key.startswith("b.")
    assert (theirs.since, theirs.within, theirs.step) == (ours.since, ours.within, ours.step)
    with pytest.raises(InterruptError, match="used again for another question"):
        await fork.async_continue_with(ours, "meow")
    await fork.async_continue_with(theirs, "meow")
    opened = await outer.async_open("b", store=store)
    assert opened.result == fork.result
    direct = outer.create_execution(execution_id="b")
    await direct.async_start("cats")
    assert direct.interrupts["q"].key == theirs.key


async def test_a_fork_takes_no_id_that_is_in_use() -> None:
    store = MemoryStore()
    await written(store)
    with pytest.raises(ConflictError):
        await writing().async_fork("a", store=store, at=2, execution_id="a")
    with pytest.raises(ContractError, match="TF816"):
        await writing().async_fork("a", store=store, execution_id="../b")


@pytest.mark.parametrize("history, kept", [(None, 2), (True, 0), (False, None), (7, 7)])
async def test_a_fork_has_the_history_of_the_original_or_its_own(history: Any, kept: int | None) -> None:
    store = MemoryStore()
    await written(store, history=2)
    await writing().async_fork("a", store=store, execution_id="b", history=history)
    stored = await store.get("b")
    assert stored is not None
    assert stored.history == kept


async def test_a_store_of_whole_documents_can_be_forked_but_has_no_history(tmp_path: Path) -> None:
    async with FileStore(tmp_path) as store:
        with pytest.raises(ContractError) as caught:
            writing().create_execution(store=store, history=3)
        assert str(caught.value) == (
            "TF823: history=3 needs a store that keeps revisions, and a FileStore keeps the newest save only"
            " (use a SQLiteStore or a MemoryStore)"
        )
        execution = writing().create_execution(execution_id="a", store=store)
        await execution.async_start("cats")
        for open_ in (writing().async_open, writing().async_fork):
            with pytest.raises(ContractError, match="at=2 needs a store that keeps revisions"):
                await open_("a", store=store, at=2)
        fork = await writing().async_fork("a", store=store, execution_id="b")
        await fork.async_continue_with("q", "meow")
        assert fork.result == "cats: meow"
        assert list((await writing().async_open("a", store=store)).interrupts) == ["q"]


@pytest.mark.parametrize(
    "options, problem",
    [
        ({"history": True}, "TF823: history has no effect without a store (give store=…, or leave history out)"),
        ({"history": 0}, "TF718: history is True, False or a whole number of revisions from 1, not 0 (int)"),
        ({"history": "all"}, "TF718: history is True, False or a whole number of revisions from 1, not 'all' (str)"),
    ],
)
def test_a_history_that_cannot_be_is_refused(options: Any, problem: str) -> None:
    with pytest.raises(ContractError) as caught:
        writing().create_execution(**options)
    assert str(caught.value) == problem


async def test_pruned_revisions_leave_what_can_be_opened(tmp_path: Path) -> None:
    async with SQLiteStore(tmp_path / "s.db") as store:
        await written(store)
        await store.prune(keep=3)
        for each in await store.history("a"):
            opened = await writing().async_open("a", store=store, at=each.sequence)
            assert opened.status == each.status
        assert len(await store.history("a")) == 3
        assert (await writing().async_open("a", store=store)).result == "cats: purr"
