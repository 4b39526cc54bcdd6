"""Revisions, and what is deleted by age, in every store that keeps a history."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.budget import rows
from tests.stores.conformance import NOON, PLAIN, SHARING, STORES, record
from typedflow.errors import ConflictError, SnapshotError, StoreError
from typedflow.stores import HistoryStore, Notes, Pruned, Revision, SQLiteStore, StoredSnapshot
from typedflow.stores.records import Parent


@pytest.fixture(params=rows(SHARING, PLAIN))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[HistoryStore]:
    opened: Any = STORES[request.param].open(tmp_path)
    async with opened:
        yield opened


async def save(store: HistoryStore, *sequences: int, execution_id: str = "a", history: int | None = 0) -> None:
    """Save an execution so many times, each time with other data."""
    expected = None
    for sequence in sequences:
        await store.put(version(sequence, execution_id, history), expected=expected)
        expected = sequence


def version(sequence: int, execution_id: str = "a", history: int | None = 0) -> StoredSnapshot:
    notes = Notes(steps=(f"step {sequence}", "é"), changed=("state.topic",))
    return replace(record(execution_id, sequence, b"data %d" % sequence), history=history, notes=notes)


def sequences(revisions: list[Revision]) -> list[int]:
    return [each.sequence for each in revisions]


async def test_each_save_of_a_history_is_a_revision(store: HistoryStore) -> None:
    await save(store, 1, 2, 5)
    found = await store.history("a")
    assert found == [
        Revision("a", number, "running", NOON + timedelta(seconds=number), (f"step {number}", "é"), ("state.topic",))
        for number in (1, 2, 5)
    ]
    for number in (1, 2, 5):
        assert await store.get("a", at=number) == version(number)
    assert await store.get("a") == version(5)
    assert await store.get("a", at=3) is None
    assert await store.get("b", at=1) is None
    assert await store.history("b") == []


async def test_only_so_many_revisions_are_kept_as_were_asked_for(store: HistoryStore) -> None:
    await save(store, 1, 2, 3, 4, 5, history=2)
    assert sequences(await store.history("a")) == [4, 5]
    assert await store.get("a", at=3) is None
    assert await store.get("a", at=4) == version(4, history=2)


async def test_without_a_history_only_the_newest_save_can_be_read(store: HistoryStore) -> None:
    await save(store, 1, 2, history=None)
    assert await store.history("a") == []
    assert await store.get("a", at=1) is None
    assert await store.get("a", at=2) == version(2, history=None)


async def test_a_refused_save_is_no_revision(store: HistoryStore) -> None:
    await save(store, 1)
    for expected in (None, 3):
        with pytest.raises(ConflictError):
            await store.put(version(9), expected=expected)
    assert sequences(await store.history("a")) == [1]


async def test_a_history_comes_in_pages(store: HistoryStore) -> None:
    await save(store, *range(1, 8))
    assert sequences(await store.history("a", limit=3)) == [1, 2, 3]
    assert sequences(await store.history("a", after=3, limit=3)) == [4, 5, 6]
    assert sequences(await store.history("a", after=6)) == [7]
    assert sequences(await store.history("a", after=7)) == []


async def test_a_history_goes_with_its_execution(store: HistoryStore) -> None:
    await save(store, 1, 2)
    await store.delete("a")
    assert await store.history("a") == []
    await save(store, 7)
    assert sequences(await store.history("a")) == [7]


# -- pruning


async def fill(store: HistoryStore) -> None:
    """Put executions a to f: by turns of two flows, every third completed, one saved per second."""
    for number, execution_id in enumerate("abcdef"):
        flow, status = ("review", "other")[number % 2], ("completed", "waiting", "cancelled")[number % 3]
        await store.put(record(execution_id, number, flow=flow, status=status), expected=None)


@pytest.mark.parametrize(
    "policy, left",
    [
        ({"before": NOON + timedelta(seconds=3)}, "bdef"),
        ({"before": NOON + timedelta(seconds=3), "flow": "review"}, "bdef"),
        ({"before": NOON + timedelta(seconds=4), "flow": "other"}, "abcef"),
        ({"before": NOON + timedelta(days=1)}, "be"),
        ({"before": NOON + timedelta(days=1), "statuses": ("waiting",)}, "acdf"),
        ({"before": NOON + timedelta(days=1), "statuses": ()}, "abcdef"),
        ({"before": NOON}, "abcdef"),
        ({"before": (NOON + timedelta(seconds=1)).astimezone(timezone(timedelta(hours=5)))}, "bcdef"),
        ({"keep": 1}, "abcdef"),
    ],
)
@pytest.mark.parametrize("batch", [1, 500])
@pytest.mark.thin(5)
async def test_old_executions_are_pruned(store: HistoryStore, policy: Any, left: str, batch: int) -> None:
    await fill(store)
    assert await store.prune(**policy, batch=batch) == Pruned(6 - len(left), 0)
    assert "".join(sorted(entry.execution_id for entry in await store.list())) == left


@pytest.mark.parametrize("flow, left", [(None, "cdef"), ("other", "acdef"), ("lone", "bcdef")])
async def test_runs_that_go_on_are_pruned_where_that_is_asked_for(
    store: HistoryStore, flow: str | None, left: str
) -> None:
    new_holder = getattr(store, "new_holder", None)
    held = None if new_holder is None else new_holder()
    for number, (execution_id, of) in enumerate({"a": "lone", "b": "other", "c": "other"}.items()):
        put = record(execution_id, number, flow=of, status="running")
        await store.put(replace(put, holder=held if execution_id != "c" else None), expected=None)
    for execution_id in "def":
        await store.put(record(execution_id, flow="other", status="completed"), expected=None)
    before = NOON + timedelta(seconds=2)
    pruned = await store.prune(before=before, statuses=("running",), flow=flow)
    assert pruned == Pruned(6 - len(left), 0)
    assert "".join(sorted(entry.execution_id for entry in await store.list())) == left


@pytest.mark.parametrize("flow", [None, "review"])
async def test_a_child_is_pruned_with_its_parent(store: HistoryStore, flow: str | None) -> None:
    await store.put(record("p", 1, status="waiting"), expected=None)
    child = record("c", 0, status="completed", saved_at=NOON)
    await store.put(replace(child, parent=Parent("p", "step", "p")), expected=None)
    before = NOON + timedelta(days=1)
    assert await store.prune(before=before, statuses=("completed",), flow=flow) == Pruned(0, 0)
    assert await store.prune(before=before, statuses=("completed", "waiting"), flow=flow) == Pruned(2, 0)


@pytest.mark.parametrize("batch", [1, 2, 500])
async def test_old_revisions_are_pruned(store: HistoryStore, batch: int) -> None:
    for execution_id in ("a", "b", "c"):
        await save(store, 1, 2, 3, 4, execution_id=execution_id)
    await save(store, 1, 2, execution_id="d", history=None)
    assert await store.prune(keep=2, flow="nothing", batch=batch) == Pruned(0, 0)
    assert await store.prune(keep=2, flow="review", batch=batch) == Pruned(0, 6)
    assert await store.prune(keep=2, batch=batch) == Pruned(0, 0)
    for execution_id in ("a", "b", "c"):
        assert sequences(await store.history(execution_id)) == [3, 4]
        assert await store.get(execution_id, at=4) == version(4, execution_id)
    assert await store.get("d") == version(2, "d", None)


@pytest.mark.parametrize(
    "call, problem",
    [
        (lambda store: store.get("a", at=-1), "TF950: a revision is a save sequence, an int from 0, not -1 (int)"),
        (lambda store: store.get("a", at="1"), "TF950: a revision is a save sequence, an int from 0, not '1' (str)"),
        (lambda store: store.history("a", after=True), "TF950: a revision is a save sequence, an int from 0, not True"),
        (
            lambda store: store.history("a", limit=0),
            "TF950: the limit of a list is an int from 1, or None for no limit, not 0 (int)",
        ),
        (lambda store: store.prune(), "TF950: prune deletes nothing without before=… or keep=…"),
        (
            lambda store: store.prune(keep=0),
            "TF950: keep is a number of revisions from 1, not 0 (int) (before=… deletes whole executions)",
        ),
        (
            lambda store: store.prune(before=datetime(2026, 1, 1)),
            "TF950: before is a datetime with a zone, not datetime.datetime(2026, 1, 1, 0, 0) (datetime)"
            " (datetime.now(UTC) - timedelta(days=30))",
        ),
        (lambda store: store.prune(keep=1, batch=0), "TF950: batch is a number of rows from 1, not 0 (int)"),
        (
            lambda store: store.prune(keep=1, statuses="completed"),
            "TF950: statuses are a collection of names, not 'completed' (str) (statuses=('completed',))",
        ),
    ],
)
async def test_what_nobody_can_mean_is_refused(store: HistoryStore, call: Any, problem: str) -> None:
    with pytest.raises(StoreError) as caught:
        await call(store)
    assert str(caught.value) == problem


# -- what a database may be made of


@pytest.mark.parametrize(
    "change", ["data = x'00'", "status = 'done'", "saved_at = 'noon'", "notes = x'00'", "notes = 5", "digest = x'00'"]
)
async def test_a_changed_revision_is_not_read(change: str, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with SQLiteStore(path) as store:
        await save(store, 1, 2)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"UPDATE typedflow_revisions SET {change} WHERE sequence = 1")
            connection.commit()
        with pytest.raises(SnapshotError) as caught:
            await store.get("a", at=1)
        assert str(caught.value) == (
            f"TF955: database '{path}': damaged: revision 1 of 'a' is not what was saved "
            "(move it away, or bring it back from a backup)"
        )
        assert await store.get("a") == version(2)
        assert await store.get("a", at=2) == version(2)


async def test_a_fork_says_what_it_continues(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with SQLiteStore(path) as store:
        await store.put(replace(record(), notes=Notes(forked_from=("b", 7))), expected=None)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT forked_from, forked_at FROM typedflow_executions").fetchall() == [("b", 7)]
