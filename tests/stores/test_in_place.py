"""Saves on the caller's own thread: when they are done, and that they are left to the store's thread without harm."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.stores.conformance import add_one, record
from typedflow.errors import ConflictError, StoreError
from typedflow.stores import FlowStateChange, SQLiteStore, in_place
from typedflow.stores.protocol import Put
from typedflow.stores.sqlite_database import Database, Job

CHANGE = FlowStateChange("review", add_one)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take no disk of a busy machine for a slow one, and look for other tasks before each save."""
    monkeypatch.setattr(in_place, "SLOW", 60.0)
    monkeypatch.setattr(in_place, "CHECK_EVERY", 1)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SQLiteStore]:
    async with SQLiteStore(tmp_path / "store.db") as opened:
        yield opened


async def test_a_sole_task_saves_in_place(store: SQLiteStore) -> None:
    assert store.put_at_once(record(), expected=None) == Put(None)
    assert store.put_at_once(record(sequence=1), expected=0, flow_state=CHANGE) == Put(b"1")
    assert await store.get("a") == record(sequence=1)
    assert await store.get_flow_state("review") == b"1"


async def test_nothing_is_done_in_place_before_the_thread_has_opened_the_database(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.db")
    assert store.put_at_once(record(), expected=None) is None
    assert not (tmp_path / "store.db").exists()
    await store.close()


async def test_nothing_is_done_in_place_after_the_store_was_closed(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.db")
    await store.put(record(), expected=None)
    await store.close()
    assert store.put_at_once(record(sequence=1), expected=0) is None


async def test_another_task_is_not_kept_waiting(store: SQLiteStore) -> None:
    gate = asyncio.Event()
    other = asyncio.ensure_future(gate.wait())
    assert store.put_at_once(record(), expected=None) is None
    gate.set()
    await other
    for _ in range(in_place.BACK_OFF):
        assert store.put_at_once(record(), expected=None) is None
    assert store.put_at_once(record(), expected=None) == Put(None)


async def test_another_task_is_seen_after_a_few_saves(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_place, "CHECK_EVERY", 3)
    assert store.put_at_once(record(), expected=None) == Put(None)
    gate = asyncio.Event()
    other = asyncio.ensure_future(gate.wait())
    done = [store.put_at_once(record(sequence=number), expected=number - 1) for number in range(1, 4)]
    assert done == [Put(None), Put(None), None]
    gate.set()
    await other


async def test_another_loop_is_looked_at_anew(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_place, "CHECK_EVERY", 1000)
    assert store.put_at_once(record(), expected=None) == Put(None)

    async def save_in_company() -> Put | None:
        other = asyncio.ensure_future(asyncio.sleep(0))
        try:
            return store.put_at_once(record(sequence=1), expected=0)
        finally:
            await other

    with ThreadPoolExecutor() as threads:
        assert threads.submit(asyncio.run, save_in_company()).result() is None


async def test_a_job_of_the_thread_comes_first(store: SQLiteStore) -> None:
    loop = asyncio.get_running_loop()
    begun, go_on = threading.Event(), threading.Event()

    def wait(stored: bytes | None) -> bytes:
        begun.set()
        go_on.wait(60)
        return b"1"

    def save() -> None:
        asyncio.run(store.put(record("b"), expected=None, flow_state=FlowStateChange("review", wait)))

    thread = threading.Thread(target=save)
    thread.start()
    begun.wait(60)
    try:
        assert store.put_at_once(record(), expected=None) is None
    finally:
        go_on.set()
        thread.join()
    assert loop.is_running()
    assert await store.get("a") is None


async def test_a_lock_is_not_waited_for(store: SQLiteStore) -> None:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert store.put_at_once(record(), expected=None) is None
        other.execute("ROLLBACK")
    await store.put(record(), expected=None)
    assert await store.get("a") == record()


async def test_a_slow_disk_is_left_to_the_thread(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_place, "SLOW", 0.0)
    assert store.put_at_once(record(), expected=None) == Put(None)
    assert store.put_at_once(record(sequence=1), expected=0) is None


async def test_a_conflict_is_told_and_changes_nothing(store: SQLiteStore) -> None:
    store.put_at_once(record(), expected=None)
    with pytest.raises(ConflictError) as caught:
        store.put_at_once(record(sequence=9), expected=5, flow_state=CHANGE)
    assert (caught.value.expected, caught.value.stored) == (5, 0)
    assert await store.get("a") == record()
    assert await store.get_flow_state("review") is None


async def test_an_error_of_a_replayed_change_reaches_the_caller(store: SQLiteStore) -> None:
    def fail(stored: bytes | None) -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.put_at_once(record(), expected=None, flow_state=FlowStateChange("review", fail))
    assert await store.get("a") is None
    assert store.put_at_once(record(), expected=None) == Put(None)


async def test_what_sqlite_refuses_is_a_store_error(store: SQLiteStore) -> None:
    with closing(sqlite3.connect(store.path)) as other:
        other.execute("DROP TABLE typedflow_executions")
    with pytest.raises(StoreError) as caught:
        store.put_at_once(record(), expected=None)
    assert str(caught.value) == (
        f"TF953: database '{store.path}': cannot save 'a': no such table: typedflow_executions "
        "(what was saved before is untouched)"
    )


@contextmanager
def saving_in_place(store: SQLiteStore) -> Iterator[threading.Event]:
    """Be in the middle of a save on another thread; the event lets it go on."""
    begun, go_on = threading.Event(), threading.Event()

    def wait(stored: bytes | None) -> bytes:
        begun.set()
        go_on.wait(60)
        return b"1"

    async def save() -> None:
        assert store.put_at_once(record("b"), expected=None, flow_state=FlowStateChange("review", wait)) is not None

    with ThreadPoolExecutor(1) as pool:
        saved = pool.submit(lambda: asyncio.run(save()))
        assert begun.wait(60)
        try:
            yield go_on
        finally:
            go_on.set()
            saved.result(60)


async def test_one_thread_at_a_time_saves_in_place(store: SQLiteStore) -> None:
    store.put_at_once(record(), expected=None)
    with saving_in_place(store):
        assert store.put_at_once(record(sequence=1), expected=0) is None
    assert store.put_at_once(record(sequence=1), expected=0) == Put(None)
    assert await store.get("b") == record("b")


async def test_a_close_waits_for_a_save_of_another_thread(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.db")
    await store.get("a")
    with saving_in_place(store) as go_on:
        threading.Timer(0.05, go_on.set).start()
        await store.close()
    with closing(sqlite3.connect(store.path)) as connection:
        assert connection.execute("SELECT execution_id FROM typedflow_executions").fetchall() == [("b",)]
    assert os.listdir(tmp_path) == ["store.db"]


async def test_an_interrupt_leaves_no_lock_behind(store: SQLiteStore) -> None:
    interrupted = Database(store.path, timeout=0)

    def interrupt(connection: sqlite3.Connection) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted.run_at_once(Job("save", True, interrupt))
    assert store.put_at_once(record(), expected=None) == Put(None)
    interrupted.finish()


async def test_a_change_of_the_folder_leads_to_no_second_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with SQLiteStore("store.db") as store:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        store.put_at_once(record(), expected=None)
        assert await store.get("a") == record()


async def test_a_closed_store_saves_nothing_and_leaves_one_file(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.db")
    async with store:
        store.put_at_once(record(), expected=None)
    assert store.put_at_once(record(sequence=1), expected=0) is None
    assert os.listdir(tmp_path) == ["store.db"]


async def test_a_child_process_does_not_save_in_place(store: SQLiteStore) -> None:
    store.put_at_once(record(), expected=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the store's thread, which the child does not use
        child = os.fork()
    if child == 0:
        os._exit(0 if store.put_at_once(record(sequence=1), expected=0) is None else 1)
    assert exit_of(child) == 0


def exit_of(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


async def test_a_dropped_store_lets_go_of_its_connection(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.db")
    await store.get("a")
    store.put_at_once(record(), expected=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del store
        gc.collect()
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        assert connection.execute("SELECT count(*) FROM typedflow_executions").fetchone() == (1,)
