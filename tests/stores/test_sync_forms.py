"""What a script without a loop of its own needs: open a store, list it, ask it what is pending, answer, retry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from typedflow import Contract, Data, ExecutionError, Flow, Status
from typedflow.stores import FileStore, MemoryStore, SQLiteStore


class Asking(Contract):
    input: str
    result: str


def ask(data: Data[Asking, str]) -> str:
    return data.pause_for({"about": data.value}, type="question")


def asking() -> Flow[Asking]:
    flow = Flow(Asking)
    flow.to(ask).end()
    return flow


def store_of(name: str, folder: Path) -> Any:
    made: dict[str, Any] = {
        "memory": MemoryStore,
        "file": lambda: FileStore(folder),
        "sqlite": lambda: SQLiteStore(folder / "x.db"),
    }
    return made[name]()


STORES = pytest.mark.parametrize("name", ["memory", "file", "sqlite"])


@STORES
def test_a_script_starts_lists_and_answers(name: str, tmp_path: Path) -> None:
    flow = asking()
    with store_of(name, tmp_path) as store:
        first = flow.create_execution(store=store, execution_id="one")
        assert first.start("a") is Status.WAITING
        (entry,) = store.list_sync(flow="Asking", status="waiting")
        opened = flow.open(entry.execution_id, store=store)
        opened.continue_with(next(iter(opened.interrupts)), "yes")
        assert opened.result == "yes"
        assert [entry.status for entry in store.list_sync(limit=5)] == ["completed"]


@pytest.mark.parametrize("name", ["memory", "sqlite"])
def test_a_script_sees_what_is_pending(name: str, tmp_path: Path) -> None:
    flow = asking()
    with store_of(name, tmp_path) as store:
        for execution_id in ("one", "two"):
            flow.create_execution(store=store, execution_id=execution_id).start(execution_id)
        found = store.pending_sync("Asking", "question")
        assert [(each.execution_id, each.payload) for each in found] == [
            ("one", {"about": "one"}),
            ("two", {"about": "two"}),
        ]
        flow.open("two", store=store).continue_with(found[1], "yes")
        assert len(store.pending_sync(limit=5)) == 1


def test_a_script_cancels(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "x.db") as store:
        execution = asking().create_execution(store=store, execution_id="one")
        execution.start("a")
        assert execution.cancel() is Status.CANCELLED
        assert [entry.status for entry in store.list_sync()] == ["cancelled"]


@STORES
async def test_inside_a_loop_each_names_the_async_form(name: str, tmp_path: Path) -> None:
    store = store_of(name, tmp_path)
    calls = [
        (store.list_sync, r"TF801: store.list_sync\(\) cannot run .* `await store.list"),
        (store.__enter__, r"`async with store:`"),
    ]
    if name != "file":
        calls.append((store.pending_sync, r"`await store.pending"))
    for call, text in calls:
        with pytest.raises(ExecutionError, match=text):
            call()
    await store.close()
