"""Updates of flow_states in the stores that share them: once for each key, under a lock, for a bounded time."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.budget import rows
from tests.stores.conformance import PLAIN, SHARING, STORES, record
from typedflow.errors import SnapshotError, StoreError
from typedflow.stores import FlowStateChange, SQLiteStore, flow_state_updates, sqlite_database
from typedflow.stores.flow_state_sharing import FlowStateUpdate, UpdateKey

KEY = UpdateKey("a", "step@0", "1 add 1")
Call = Callable[..., Awaitable[bytes]]


def add(stored: bytes | None) -> FlowStateUpdate:
    """Count, and return the new number."""
    number = b"%d" % (int(stored or b"0") + 1)
    return FlowStateUpdate(number, b'"%s"' % number)


def fail(stored: bytes | None) -> FlowStateUpdate:
    raise LookupError


@pytest.fixture(params=rows(SHARING, PLAIN))
async def sharing(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    async with STORES[request.param].open(tmp_path) as opened:
        yield opened


@pytest.fixture(params=["coroutine", "plain"])
def update(request: pytest.FixtureRequest, sharing: Any) -> Call:
    """Update in one of the two forms."""

    async def call(*arguments: Any) -> bytes:
        if request.param == "plain":
            return sharing.update_flow_state_sync(*arguments)  # type: ignore[no-any-return]  # bytes
        return await sharing.update_flow_state(*arguments)  # type: ignore[no-any-return]  # bytes

    return call


async def test_an_update_is_stored_when_it_returns(sharing: Any, update: Call) -> None:
    assert await update("review", None, add) == b'"1"'
    assert await update("review", None, add) == b'"2"'
    assert await update("other", None, add) == b'"1"'
    assert await sharing.get_flow_state("review") == b"2"


async def test_an_update_with_a_known_key_changes_nothing_and_returns_the_first_value(
    sharing: Any, update: Call
) -> None:
    assert await update("review", KEY, add) == b'"1"'
    assert await update("review", None, add) == b'"2"'
    assert await update("review", KEY, fail) == b'"1"'
    for other in (UpdateKey("b", KEY.step, KEY.call), UpdateKey("a", "x", KEY.call), UpdateKey("a", KEY.step, "2")):
        await update("review", other, add)
    assert await sharing.get_flow_state("review") == b"5"


async def test_an_update_whose_function_raises_changes_nothing(sharing: Any, update: Call) -> None:
    await update("review", None, add)
    with pytest.raises(LookupError):
        await update("review", KEY, fail)
    assert await sharing.get_flow_state("review") == b"1"
    assert await update("review", KEY, add) == b'"2"'


@pytest.mark.parametrize(
    "arguments, text",
    [
        (("\ud800", None, add), "TF950: flow '\\ud800' cannot be written in UTF-8 (it holds half of a surrogate pair)"),
        (("a", "key", add), "TF950: the key of an update is an UpdateKey or None, not 'key'"),
        (("a", UpdateKey("..", "b", "c"), add), "TF816: "),
        (("a", UpdateKey("a", "b", "c" * 1001), add), "TF950: the call of a key "),
        (("a", None, lambda stored: b""), "TF950: the update of the flow_state of 'a' returned b'' (bytes) "),
    ],
)
async def test_an_update_that_cannot_be_kept_is_refused(
    sharing: Any, update: Call, arguments: tuple[Any, ...], text: str
) -> None:
    with pytest.raises(StoreError) as caught:
        await update(*arguments)
    assert text in str(caught.value)
    assert await sharing.get_flow_state("a") is None


@pytest.mark.parametrize("ended, known", [((), True), (("other",), True), (("step@0",), False), (None, False)], ids=str)
async def test_a_save_deletes_the_keys_of_the_steps_that_have_ended(
    sharing: Any, ended: tuple[str, ...] | None, known: bool
) -> None:
    await sharing.update_flow_state("review", KEY, add)
    assert await sharing.put(record("a"), expected=None, flow_state=FlowStateChange("review", None, ended)) is None
    assert await sharing.update_flow_state("review", KEY, add) == (b'"1"' if known else b'"2"')


async def test_the_keys_of_an_execution_are_deleted_with_it(sharing: Any) -> None:
    await sharing.put(record("a"), expected=None)
    await sharing.update_flow_state("review", KEY, add)
    await sharing.delete("b")
    assert await sharing.update_flow_state("review", KEY, add) == b'"1"'
    await sharing.delete("a")
    assert await sharing.update_flow_state("review", KEY, add) == b'"2"'
    await sharing.put(record("a"), expected=None)
    await sharing.prune(before=datetime(9999, 1, 1, tzinfo=UTC), statuses=("waiting", "running", "completed"))
    assert await sharing.list() == []
    assert await sharing.update_flow_state("review", KEY, add) == b'"3"'


async def test_a_flow_state_that_was_deleted_begins_anew(sharing: Any) -> None:
    await sharing.update_flow_state("review", None, add)
    assert await sharing.delete_flow_state("review")
    assert not await sharing.delete_flow_state("review")
    assert await sharing.update_flow_state("review", None, add) == b'"1"'


async def test_an_update_inside_an_update_of_the_same_store_is_refused_at_once(sharing: Any) -> None:
    def nested(stored: bytes | None) -> FlowStateUpdate:
        sharing.update_flow_state_sync("other", None, add)
        return add(stored)

    with pytest.raises(StoreError, match="the function of another update on this store has called it"):
        sharing.update_flow_state_sync("review", None, nested)
    assert sharing.update_flow_state_sync("review", None, add) == b'"1"'


async def test_the_function_runs_in_the_thread_and_the_context_of_the_caller(sharing: Any, update: Call) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("here")
    found: list[tuple[str, int]] = []

    def change(stored: bytes | None) -> FlowStateUpdate:
        found.append((variable.get(), threading.get_ident()))
        return add(stored)

    await update("review", None, change)
    assert found == [("here", threading.get_ident())]


async def test_updates_of_many_threads_and_tasks_are_each_made_once(sharing: Any) -> None:
    numbers: list[bytes] = []

    def in_thread() -> None:
        numbers.extend(sharing.update_flow_state_sync("review", None, add) for _ in range(20))

    async def in_task() -> None:
        for _ in range(20):
            found = await sharing.update_flow_state("review", None, add)
            numbers.append(found)

    await asyncio.gather(*(asyncio.to_thread(in_thread) for _ in range(2)), in_task(), in_task())
    assert sorted(numbers, key=lambda number: int(number.strip(b'"'))) == [b'"%d"' % n for n in range(1, 81)]


async def test_a_closed_store_refuses_updates(sharing: Any, update: Call) -> None:
    await update("review", None, add)
    await sharing.close()
    with pytest.raises(StoreError, match="TF952"):
        await update("review", None, add)


# -- SQLite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


class Held:
    """A write lock that another connection holds."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def __enter__(self) -> Held:
        self._connection.execute("BEGIN IMMEDIATE")
        return self

    def release(self) -> None:
        self._connection.execute("COMMIT")

    def __exit__(self, *exc: object) -> None:
        self._connection.close()


async def test_a_coroutine_waits_for_the_lock_without_blocking_the_loop(path: Path) -> None:
    async with SQLiteStore(path) as store:
        with Held(path) as held:
            waiting = asyncio.create_task(store.update_flow_state("review", None, add))
            for _ in range(20):
                await asyncio.sleep(0)
            assert not waiting.done()
            held.release()
            assert await waiting == b'"1"'


async def test_a_cancelled_wait_for_the_lock_has_changed_nothing(path: Path) -> None:
    async with SQLiteStore(path) as store:
        with Held(path) as held:
            waiting = asyncio.create_task(store.update_flow_state("review", KEY, add))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            held.release()
        assert await store.update_flow_state("review", KEY, add) == b'"1"'


@pytest.mark.parametrize("in_loop, bound", [(True, "0.05"), (False, "0.1")])
def test_a_plain_call_blocks_a_loop_for_a_bounded_time_and_a_thread_for_the_timeout(
    path: Path, monkeypatch: pytest.MonkeyPatch, in_loop: bool, bound: str
) -> None:
    monkeypatch.setattr(flow_state_updates, "LONGEST_BLOCK", 0.05)
    store = SQLiteStore(path, timeout=0.1)

    async def update() -> bytes:
        return store.update_flow_state_sync("review", None, add)

    asyncio.run(update())

    def call() -> bytes:
        return asyncio.run(update()) if in_loop else store.update_flow_state_sync("review", None, add)

    with Held(path), pytest.raises(StoreError) as caught:
        call()
    assert str(caught.value) == (
        f"TF953: database {str(path)!r}: cannot update the flow_state of 'review': another writer held the lock for "
        f"{bound} s, and a plain call blocks no longer (nothing was changed; `await` the async form, which waits "
        "without blocking)"
    )
    assert store.update_flow_state_sync("review", None, add) == b'"2"'
    asyncio.run(store.close())


class LosesCommit(sqlite3.Connection):
    """A connection that fails once around a COMMIT, as a disk or a network does."""

    fails = ""

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        if sql == "COMMIT" and LosesCommit.fails:
            when, LosesCommit.fails = LosesCommit.fails, ""
            if when == "after":
                super().execute(sql)
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *arguments)


@pytest.fixture
def losing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    connect = sqlite3.connect

    def connecting(*arguments: Any, **options: Any) -> sqlite3.Connection:
        return connect(*arguments, **options, factory=LosesCommit)

    monkeypatch.setattr(sqlite3, "connect", connecting)
    yield
    LosesCommit.fails = ""


@pytest.mark.usefixtures("losing")
@pytest.mark.parametrize(
    "fails, key, stored",
    [("after", KEY, b"1"), ("before", KEY, None), ("after", None, b"1"), ("before", None, None)],
)
async def test_a_commit_that_fails_is_looked_up_by_its_key(
    path: Path, fails: str, key: UpdateKey | None, stored: bytes | None
) -> None:
    calls: list[None] = []

    def change(before: bytes | None) -> FlowStateUpdate:
        calls.append(None)
        return add(before)

    async with SQLiteStore(path) as store:
        assert await store.get_flow_state("review") is None
        with closing(sqlite_database.connect(str(path), 1.0)):
            LosesCommit.fails = fails
            if key is not None and fails == "after":
                assert await store.update_flow_state("review", key, change) == b'"1"'
            else:
                with pytest.raises(StoreError, match="disk I/O error"):
                    await store.update_flow_state("review", key, change)
        assert len(calls) == 1
        assert await store.get_flow_state("review") == stored


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as db:
        return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


async def test_a_database_of_a_newer_format_is_left_alone(path: Path) -> None:
    async with SQLiteStore(path):
        pass
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE typedflow_flow_state_keys")
        db.execute("UPDATE typedflow_schema SET version = 3")
        db.commit()
    before = tables(path)
    store = SQLiteStore(path)
    with pytest.raises(StoreError, match="TF956"):
        await store.update_flow_state("review", None, add)
    await store.close()
    assert tables(path) == before


@pytest.mark.parametrize("table", ["typedflow_flow_state_keys", "typedflow_flow_states"])
async def test_damaged_rows_are_refused(path: Path, table: str) -> None:
    async with SQLiteStore(path) as store:
        await store.update_flow_state("review", KEY, add)
        column = "value" if table.endswith("keys") else "data"
        with closing(sqlite3.connect(path)) as db:
            db.execute(f"UPDATE {table} SET {column} = x'39'")
            db.commit()
        key = KEY if table.endswith("keys") else None
        with pytest.raises(SnapshotError, match="TF955"):
            await store.update_flow_state("review", key, add)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_process_needs_a_store_of_its_own(path: Path) -> None:
    store = SQLiteStore(path)
    store.update_flow_state_sync("review", None, add)
    child = os.fork()
    if not child:
        try:
            store.update_flow_state_sync("review", None, add)
        except StoreError as error:
            os._exit(0 if "TF957" in str(error) else 1)
        os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert store.update_flow_state_sync("review", None, add) == b'"2"'
    asyncio.run(store.close())
