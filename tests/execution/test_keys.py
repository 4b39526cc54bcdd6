"""B55: `data.key` at work as an idempotency key: nothing is done twice or left out, whichever branch is quicker.

Each flow books what it sees in a ledger that knows only keys. A first execution is cut off where its first booking has
been made and is not saved yet; a second process goes on from the store, with the other item quicker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from typedflow import Contract, Data, Events, Flow
from typedflow.stores import FileStore, MemoryStore, SnapshotStore, SQLiteStore


class Bells(Events):
    ordered: str
    packed: str


class Order(Contract):
    input: list[str]
    result: None
    events: Bells


class Item(Contract):
    input: str
    result: None
    events: Bells


class Killed(BaseException):
    """What a kill -9 looks like from inside of a process."""


class Ledger:
    """Book a value once for each key."""

    def __init__(self) -> None:
        self.booked: dict[str, str] = {}
        self.kill = False

    def pay(self, data: Data[Any, Any]) -> None:
        self.booked.setdefault(data.key, str(data.value))
        if self.kill:
            raise Killed


def look(quick: str) -> Callable[[Data[Any, str]], Any]:
    """Return a step that lets the quick item go first, then announces its item."""

    async def look(data: Data[Any, str]) -> str:
        if data.value != quick:
            for _ in range(20):
                await asyncio.sleep(0)
        data.emit("ordered", data.value)
        data.emit("packed", data.value)
        return data.value

    return look


def by_listener(ledger: Ledger, quick: str) -> Flow[Any]:
    flow = Flow(Order)
    flow.for_each().to(look(quick)).end_for_each()
    flow.when("ordered").to(ledger.pay)
    return flow


def by_collect(ledger: Ledger, quick: str) -> Flow[Any]:
    flow = Flow(Order)
    flow.for_each().to(look(quick)).end_for_each()
    flow.when("ordered").collect("both", "ordered", mode="filled_and_update")
    flow.when("packed").collect("both", "packed", mode="filled_and_update").to(ledger.pay)
    return flow


def in_children(ledger: Ledger, quick: str) -> Flow[Any]:
    child = Flow(Item)
    child.to(look(quick)).to(lambda data: None).end()
    child.when("ordered").to(ledger.pay)
    flow = Flow(Order)
    flow.for_each().to_sub_flow(child).end_for_each()
    return flow


def behind_for_each(ledger: Ledger, quick: str) -> Flow[Any]:
    flow = Flow(Order)
    flow.for_each().to(look(quick)).end_for_each()
    flow.when("ordered").to(lambda data: [data.value]).for_each().to(ledger.pay).end_for_each()
    return flow


STORES: dict[str, Callable[[Path], SnapshotStore]] = {
    "memory": lambda folder: MemoryStore(),
    "file": lambda folder: FileStore(folder / "runs"),
    "sqlite": lambda folder: SQLiteStore(folder / "runs.db"),
}


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("build", [by_listener, in_children, behind_for_each])
@pytest.mark.parametrize("first, second", ["AB", "BA"])
async def test_each_item_is_booked_once_over_a_kill(
    build: Callable[[Ledger, str], Flow[Any]], first: str, second: str, store: str, tmp_path: Path
) -> None:
    ledger, runs = Ledger(), STORES[store](tmp_path)
    ledger.kill = True
    with pytest.raises(Killed):
        await build(ledger, first).create_execution(store=runs, execution_id="o1").async_start(["A", "B"])
    assert list(ledger.booked.values()) == [first] or list(ledger.booked.values()) == [f"['{first}']"]
    ledger.kill = False
    execution = await build(ledger, second).async_open("o1", store=runs)
    await execution.async_retry()
    assert sorted(value.strip("[']") for value in ledger.booked.values()) == ["A", "B"]


@pytest.mark.parametrize("build", [by_listener, by_collect, in_children, behind_for_each])
def test_keys_do_not_depend_on_which_item_is_quicker(build: Callable[[Ledger, str], Flow[Any]]) -> None:
    booked = []
    for quick in "AB":
        ledger = Ledger()
        build(ledger, quick).create_execution(execution_id="o1").start(["A", "B"])
        booked.append(ledger.booked)
    if build is not by_collect:  # a collect that keeps its values sees other pairs in another order
        assert booked[0] == booked[1]
    assert all(key.startswith("o1") for ledger_keys in booked for key in ledger_keys)
    assert len(booked[0]) >= 2
