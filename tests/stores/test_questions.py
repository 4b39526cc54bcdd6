"""Pending interrupts as rows, in every store that keeps them."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.budget import rows
from tests.stores.conformance import NOON, PLAIN, SHARING, STORES, add_one, record
from typedflow.errors import ConflictError, SnapshotError, StoreError
from typedflow.stores import FlowStateChange, HistoryStore, Notes, PendingInterrupt, SQLiteStore, StoredSnapshot
from typedflow.stores.questions import decode_question, encode_question

KEEPING = SHARING


@pytest.fixture(params=rows(KEEPING, PLAIN))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[HistoryStore]:
    opened: Any = STORES[request.param].open(tmp_path)
    async with opened:
        yield opened


def question(execution_id: str = "a", interrupt_id: str = "q", **changes: Any) -> PendingInterrupt:
    asked = PendingInterrupt(
        execution_id,
        "review",
        interrupt_id,
        "human",
        {"a": [1, None, "é"]},
        NOON,
        None,
        "ask",
        ("child",),
        "rung",
        "a:k",
    )
    return replace(asked, **changes)


def saved(*asked: PendingInterrupt, answered: tuple[str, ...] = (), **columns: Any) -> StoredSnapshot:
    return replace(record(asked[0].execution_id if asked else "a", **columns), notes=Notes(asked, answered))


async def test_what_a_save_asks_is_listed_until_it_is_answered(store: HistoryStore) -> None:
    first, second = question(), question(interrupt_id="r", payload=None, within=(), resume_event=None, key="")
    await store.put(saved(first, second), expected=None)
    assert await store.pending() == [first, second]
    assert await store.get("a") == record()
    await store.put(record(sequence=1), expected=0)
    assert await store.pending() == [first, second]
    again = replace(first, key="a:later", since=NOON + timedelta(seconds=1))
    await store.put(saved(again, answered=("r",), sequence=2), expected=1)
    assert await store.pending() == [again]
    await store.put(saved(answered=("q",), sequence=3), expected=2)
    assert await store.pending() == []


async def test_a_refused_save_asks_nothing(store: HistoryStore) -> None:
    await store.put(record(), expected=None)
    for expected in (None, 4):
        with pytest.raises(ConflictError):
            await store.put(saved(question(), sequence=9), expected=expected)
    assert await store.pending() == []


async def test_what_is_asked_goes_with_its_execution(store: HistoryStore) -> None:
    await store.put(saved(question()), expected=None)
    await store.put(saved(question("b")), expected=None)
    await store.delete("a")
    assert await store.pending() == [question("b")]
    await store.put(record(), expected=None)
    assert await store.pending() == [question("b")]


async def test_pages_are_the_whole_list_of_what_is_asked(store: HistoryStore) -> None:
    every = []
    for number, (flow, kind) in enumerate(product(("review", "other"), ("human", "pause", "human"))):
        asked = [
            question(f"e{number}", id_, flow=flow, type=kind, since=NOON + timedelta(seconds=number % 3))
            for id_ in ("q", "r")
        ]
        await store.put(saved(*asked, flow=flow), expected=None)
        every += asked
    every.sort(key=lambda each: (each.since, each.execution_id, each.interrupt_id))
    for flow_, kind_, limit in product((None, "review", "nothing"), (None, "human", "nothing"), (1, 3, 50)):
        expected = [each for each in every if flow_ in (None, each.flow) and kind_ in (None, each.type)]
        assert await store.pending(flow_, kind_) == expected
        found: list[PendingInterrupt] = []
        while page := await store.pending(flow_, kind_, after=found[-1] if found else None, limit=limit):
            assert len(page) <= limit
            found += page
        assert found == expected


@pytest.mark.parametrize(
    "arguments, problem",
    [
        ({"limit": 0}, "TF950: the limit of a list is an int from 1, or None for no limit, not 0 (int)"),
        (
            {"after": "a"},
            "TF950: a list goes on after one of its entries, not 'a' (str)"
            " (after=page[-1], the last entry of the page before)",
        ),
        ({"type": 5}, "TF950: type is a str, not 5 (int)"),
    ],
)
async def test_a_page_that_nobody_can_mean_is_refused(store: HistoryStore, arguments: Any, problem: str) -> None:
    with pytest.raises(StoreError) as caught:
        await store.pending(**arguments)
    assert str(caught.value) == problem


async def test_what_is_asked_is_saved_with_a_change_of_the_flow_state(tmp_path: Path) -> None:
    async with SQLiteStore(tmp_path / "store.db") as store:
        await store.put(saved(question()), expected=None, flow_state=FlowStateChange("review", add_one))
        assert await store.pending() == [question()]


def change_rows(path: Path) -> Iterator[tuple[str, str | None]]:
    yield "since = 'noon'", "a"
    yield "data = x'00'", "a"
    yield "data = 'text'", "a"
    yield "type = 'robot'", "a"
    yield "type = CAST(x'ff' AS TEXT)", "a"
    yield "flow = CAST(x'ff' AS TEXT)", "a"
    yield "flow = x'ff'", "a"
    yield "execution_id = 'a b'", None
    yield "deadline = 5", "a"


async def test_one_damaged_row_leaves_the_others_listed(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with SQLiteStore(path) as store:
        for id_ in ("a", "b"):
            await store.put(saved(question(id_)), expected=None)
        for change, owner in change_rows(path):
            with closing(sqlite3.connect(path)) as connection:
                kept = connection.execute("SELECT * FROM typedflow_pending").fetchall()
                connection.execute(f"UPDATE typedflow_pending SET {change} WHERE execution_id = 'a'")
                connection.commit()
            found = await store.pending()
            assert found == [question("b")], change
            (damaged,) = found.damaged
            assert damaged.execution_id == owner, change
            assert str(damaged.error).startswith(f"TF955: database '{path}': damaged: "), change
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("DELETE FROM typedflow_pending")
                connection.executemany(f"INSERT INTO typedflow_pending VALUES ({', '.join('?' * 9)})", kept)
                connection.commit()


def test_a_row_of_a_time_without_a_zone_is_damaged() -> None:
    row = encode_question(question(since=NOON.replace(tzinfo=None)))
    with pytest.raises(SnapshotError, match="interrupt 'q' of execution 'a' is not what was saved"):
        decode_question(row)


async def test_a_list_of_what_is_asked_reads_an_index(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with SQLiteStore(path) as store:
        await store.pending()
    with closing(sqlite3.connect(path)) as connection:
        for query in (
            "SELECT * FROM typedflow_pending WHERE flow = 'f' AND type = 't' AND (since, execution_id, interrupt_id)"
            " > ('', '', '') ORDER BY since, execution_id, interrupt_id",
            "SELECT * FROM typedflow_executions WHERE holder IS NULL AND flow = 'f' AND status = 's'"
            " AND (saved_at, execution_id) > ('', '') ORDER BY saved_at, execution_id",
            "SELECT min(flow) FROM typedflow_executions WHERE holder IS NULL",
        ):
            plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))
            assert "USING INDEX" in plan or "USING COVERING INDEX" in plan
            assert "TEMP B-TREE" not in plan
