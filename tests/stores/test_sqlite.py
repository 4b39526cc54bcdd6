"""The SQLite database: how it is opened, what its file is, what SQLite refuses."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.budget import budget
from tests.stores.conformance import add_one, record
from typedflow.errors import SnapshotError, StoreError
from typedflow.stores import FlowStateChange, SQLiteStore, StoredSnapshot
from typedflow.stores.sqlite_database import LOG_PAGES, Database, Job, connect
from typedflow.stores.sqlite_listing import list_entries

CHANGE = FlowStateChange("review", add_one)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


# -- opening


def test_a_commit_is_synced_to_a_write_ahead_log(path: Path) -> None:
    with closing(connect(str(path), 1.0)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (1000,)
        assert connection.execute("SELECT version FROM typedflow_schema").fetchall() == [(2,)]


async def test_the_log_is_written_from_its_start_again_before_it_gets_long(path: Path) -> None:
    async with SQLiteStore(path) as store:
        sizes = []
        for sequence in range(2 * LOG_PAGES):  # by turns by the worker and in place, which are two connections
            expected = sequence - 1 if sequence else None
            save = record(sequence=sequence)
            if sequence % 2 or store.put_at_once(save, expected=expected) is None:
                await store.put(save, expected=expected)
            sizes.append(path.with_name("store.db-wal").stat().st_size)
    frame = 4096 + 24
    assert sizes[LOG_PAGES] >= LOG_PAGES * frame
    assert sizes[-1] <= (LOG_PAGES + 16) * frame


async def test_only_the_owner_can_read_the_database(path: Path) -> None:
    before = os.umask(0)
    try:
        async with SQLiteStore(path) as store:
            await store.put(record(), expected=None)
            assert modes(path.parent) == {"store.db": 0o600, "store.db-shm": 0o600, "store.db-wal": 0o600}
    finally:
        os.umask(before)
    assert modes(path.parent) == {"store.db": 0o600}


async def test_only_the_owner_can_read_what_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "store.db")
    async with SQLiteStore(tmp_path / "link.db") as store:
        await store.put(record(), expected=None)
    assert (tmp_path / "store.db").stat().st_mode & 0o777 == 0o600


def modes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


COMES_AND_GOES = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as connection:
    print(connection.execute("SELECT sequence FROM typedflow_executions").fetchall())
connection.close()
"""


async def test_a_process_that_comes_and_goes_takes_no_log_along(path: Path) -> None:
    def seen() -> str:
        command = [sys.executable, "-c", COMES_AND_GOES, str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    async with SQLiteStore(path) as store, SQLiteStore(path) as second:
        await store.put(record(), expected=None)
        assert seen() == "[(0,)]\n"
        await second.put(record(sequence=1), expected=0)
        assert seen() == "[(1,)]\n"


async def test_times_are_readable_by_sqlite(path: Path) -> None:
    async with SQLiteStore(path) as store:
        await store.put(record(), expected=None)
    with closing(sqlite3.connect(path)) as connection:
        (julian,) = connection.execute("SELECT julianday(saved_at) FROM typedflow_executions").fetchone()
    assert (julian - 2440587.5) * 86400 == pytest.approx(record().saved_at.timestamp(), abs=0.01)


async def test_a_database_of_other_tables_is_shared_with_them(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    async with SQLiteStore(path) as store:
        await store.put(record(), expected=None)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM mine").fetchall() == []


@pytest.mark.parametrize("attempt", range(5))
def test_many_may_open_a_new_database_at_once(attempt: int, path: Path) -> None:
    gate = threading.Barrier(4)
    failed: list[BaseException] = []

    async def save(execution_id: str) -> None:
        store = SQLiteStore(path)
        gate.wait()
        async with store:
            await store.put(record(execution_id), expected=None)

    def run(execution_id: str) -> None:
        try:
            asyncio.run(save(execution_id))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(f"e{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM typedflow_executions").fetchone() == (4,)
        assert connection.execute("SELECT * FROM typedflow_schema").fetchall() == [(2,)]


async def refusal(store: SQLiteStore) -> str:
    """Return what opening the store is refused with, without the place."""
    with pytest.raises(StoreError) as caught:
        await store.__aenter__()
    await store.close()
    problem = caught.value.problems[0]
    assert problem.where == f"database {store.path!r}"
    return f"{problem.number}: {problem.text} ({problem.hint})"


async def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert await refusal(SQLiteStore(tmp_path / "none" / "store.db")) == (
        "TF953: cannot open it: No such file or directory (its folder must exist and be writable)"
    )


def test_a_file_that_is_no_database_is_refused_and_kept(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)
    assert asyncio.run(refusal(SQLiteStore(path))) == (
        "TF953: cannot open it: file is not a database "
        "(run `PRAGMA integrity_check` on it, or bring it back from a backup)"
    )
    assert path.read_bytes() == b"no database" * 1000


async def test_a_database_in_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert await refusal(SQLiteStore(":memory:")) == (
        "TF953: SQLite gives journal_mode 'memory' here instead of 'wal' "
        "(use a file on a local disk; for no file at all there is MemoryStore)"
    )


@pytest.mark.parametrize("version", [3, 0, "new"])
async def test_a_database_of_another_format_is_refused(path: Path, version: object) -> None:
    async with SQLiteStore(path) as store:
        await store.put(record(), expected=None)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE typedflow_schema SET version = ?", (version,))
        connection.commit()
    shown = f"'{version}' (str)" if isinstance(version, str) else f"{version} (int)"
    assert await refusal(SQLiteStore(path)) == f"TF956: its format is {shown}, known is 2 (update typedflow)"


async def test_a_store_that_could_not_open_tries_again(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    store = SQLiteStore(folder / "store.db")
    with pytest.raises(StoreError):
        await store.get("a")
    folder.mkdir()
    await store.put(record(), expected=None)
    assert await store.get("a") == record()
    await store.close()


# -- locks


async def test_a_lock_that_is_not_released_is_a_store_error(path: Path) -> None:
    async with SQLiteStore(path, timeout=0) as store:
        await store.put(record(), expected=None)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError) as caught:
                await store.put(record(sequence=1), expected=0)
            assert await store.get("a") == record()
            other.execute("ROLLBACK")
        await store.put(record(sequence=1), expected=0)
        assert await store.get("a") == record(sequence=1)
    assert str(caught.value) == (
        f"TF953: database '{path}': cannot save 'a': database is locked "
        "(another process holds the write lock: find it, or give the store a longer timeout=…)"
    )
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)


async def test_saves_wait_for_a_lock_together_and_reads_do_not(path: Path) -> None:
    async with SQLiteStore(path, timeout=0.2) as store:
        await store.put(record(), expected=None)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            saves = [store.put(record(f"e{i}"), expected=None) for i in range(100)]
            outcomes = await asyncio.gather(*saves, store.get("a"), return_exceptions=True)
            assert time.monotonic() - began < 10  # one after another they would wait for 20 seconds
        assert {type(outcome) for outcome in outcomes[:100]} == {StoreError}
        assert outcomes[100] == record()


async def test_a_database_that_cannot_be_opened_is_tried_once_for_all(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "none" / "store.db")
    outcomes = await asyncio.gather(*(store.get(f"e{i}") for i in range(10)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreError] * 10
    assert str(outcomes[7]).startswith(f"TF953: database {store.path!r}: cannot read 'e7': No such file or directory")
    await store.close()


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
async def test_a_lock_while_the_log_is_turned_on_is_waited_for(lock: str, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE mine (x)")
        other.execute(f"BEGIN {lock}")
        with pytest.raises(StoreError, match="cannot open it: database is locked"):
            async with SQLiteStore(path, timeout=0.05):
                pass
        threading.Timer(0.05, other.execute, ["COMMIT"]).start()
        async with SQLiteStore(path, timeout=60) as store:
            await store.put(record(), expected=None)


# -- transactions


async def test_a_failed_transaction_is_repeated_for_each_caller(path: Path) -> None:
    """The table is gone for one of the jobs only: each of the others gets its own answer."""
    database = Database(str(path), 1.0)
    jobs = [
        Job("count", True, lambda db: db.execute("SELECT count(*) FROM typedflow_executions").fetchone()),
        Job("fail", True, lambda db: db.execute("SELECT * FROM nowhere")),
        Job("break", False, lambda db: 1 // 0),
    ]
    outcomes = database.run(jobs)
    database.finish()
    assert outcomes[0].value == (0,)
    with pytest.raises(ZeroDivisionError) as caught:
        1 // 0  # noqa: B018  # its text is another one from 3.14
    assert [str(outcome.error) for outcome in outcomes[1:]] == [
        f"TF953: database '{path}': cannot fail: no such table: nowhere (what was saved before is untouched)",
        f"TF953: database '{path}': cannot break: {caught.value} (what was saved before is untouched)",
    ]


async def test_a_connection_that_cannot_roll_back_is_replaced(path: Path) -> None:
    database = Database(str(path), 1.0)

    def break_it(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO typedflow_flow_states VALUES ('x', x'', x'')")
        db.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
        db.execute("SELECT 1")

    assert isinstance(database.run([Job("break", True, break_it)])[0].error, StoreError)
    count = Job("count", False, lambda db: db.execute("SELECT count(*) FROM typedflow_flow_states").fetchone())
    assert database.run([count])[0].value == (0,)
    database.finish()


async def test_a_replayed_change_is_repeated_with_its_transaction(path: Path) -> None:
    async with SQLiteStore(path, timeout=0) as store:
        await asyncio.gather(*(store.put(record(f"e{i}"), expected=None, flow_state=CHANGE) for i in range(50)))
        assert await store.get_flow_state("review") == b"50"


# -- cancellation, loops, threads


async def test_a_save_goes_on_when_its_caller_is_cancelled(path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait(stored: bytes | None) -> bytes:
        begun.set()
        assert go_on.wait(60)
        return b"1"

    async with SQLiteStore(path) as store:
        save = asyncio.ensure_future(store.put(record(), expected=None, flow_state=FlowStateChange("review", wait)))
        await asyncio.to_thread(begun.wait, 60)
        queued = asyncio.ensure_future(store.put(record("b"), expected=None))
        await asyncio.sleep(0)  # it has made its call
        save.cancel()
        queued.cancel()
        outcomes = await asyncio.gather(save, queued, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 2
        go_on.set()
        assert await store.get("a") == record()
        assert await store.get("b") == record("b")
        assert await store.get_flow_state("review") == b"1"


def test_a_save_goes_on_when_its_loop_is_closed(path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait(stored: bytes | None) -> bytes:
        begun.set()
        assert go_on.wait(60)
        return b"1"

    store = SQLiteStore(path)
    loop = asyncio.new_event_loop()
    save = loop.create_task(store.put(record(), expected=None, flow_state=FlowStateChange("review", wait)))
    loop.run_until_complete(asyncio.to_thread(begun.wait, 60))
    save.cancel()
    loop.run_until_complete(asyncio.gather(save, return_exceptions=True))
    loop.close()
    go_on.set()
    assert asyncio.run(store.get("a")) == record()
    asyncio.run(store.close())


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "typedflow SQLiteStore"]


async def test_a_closed_store_leaves_no_thread(path: Path) -> None:
    before = threads()
    async with SQLiteStore(path) as store:
        (thread,) = set(threads()) - set(before)
        await store.get("a")
    await asyncio.to_thread(thread.join, 60)
    assert not thread.is_alive()


def test_a_store_that_is_dropped_ends_its_thread(path: Path) -> None:
    before = threads()
    store = SQLiteStore(path)
    asyncio.run(store.put(record(), expected=None))
    (thread,) = set(threads()) - set(before)
    del store
    gc.collect()
    thread.join(60)
    assert not thread.is_alive()
    assert list(path.parent.iterdir()) == [path]  # the log was folded in


FORKED = """
import asyncio, os, sys
from typedflow.errors import StoreError
from typedflow.stores import SQLiteStore

store = SQLiteStore(sys.argv[1])
asyncio.run(store.get("a"))
if os.fork() == 0:
    try:
        asyncio.run(store.get("a"))
    except StoreError as error:
        print(error, flush=True)
    asyncio.run(store.close())
    os._exit(0)
os.wait()
asyncio.run(store.close())
"""


def test_a_store_that_was_opened_before_a_fork_says_so(path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "TF957: the SQLiteStore was opened in another process (make one in each process)\n"


# -- damage


async def test_a_changed_row_is_not_loaded(path: Path) -> None:
    async with SQLiteStore(path) as store:
        await store.put(record(data=b"good"), expected=None, flow_state=CHANGE)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE typedflow_executions SET data = x'00'")
            connection.execute("UPDATE typedflow_flow_states SET data = x'31'")
            connection.commit()
            connection.execute("UPDATE typedflow_flow_states SET data = x'32'")
            connection.commit()
        with pytest.raises(SnapshotError) as caught:
            await store.get("a")
        assert str(caught.value) == (
            f"TF955: database '{path}': damaged: the snapshot of 'a' is not what was saved "
            "(move it away, or bring it back from a backup)"
        )
        with pytest.raises(SnapshotError, match="the flow_state of 'review' is not what was saved"):
            await store.get_flow_state("review")
        with pytest.raises(SnapshotError, match="the flow_state of 'review' is not what was saved"):
            await store.put(record("b"), expected=None, flow_state=CHANGE)
        assert await store.get("b") is None


@pytest.mark.parametrize(
    "change",
    ["saved_at = 'noon'", "flow = 5", "data = 'text'", "flow = CAST(x'ff' AS TEXT)", "sequence = 9", "status = ''"],
)
async def test_a_row_of_other_types_is_not_loaded(path: Path, change: str) -> None:
    async with SQLiteStore(path) as store:
        await store.put(record(), expected=None)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"UPDATE typedflow_executions SET {change}")
            connection.commit()
        with pytest.raises((StoreError, SnapshotError), match=r"^TF95[35]: database "):
            await store.get("a")


ODD_ROWS = {
    "saved_at = 'noon'": "its saved_at is 'noon' (str)",
    "saved_at = '2026-01-02'": "its saved_at is '2026-01-02' (str)",
    "saved_at = x'00'": "its saved_at is b'\\x00' (bytes)",
    "flow = x'00'": "its flow is b'\\x00' (bytes)",
    "flow = CAST(x'ff' AS TEXT)": "its flow is",
    "status = x'ff'": "its status is b'\\xff' (bytes)",
    "status = CAST(x'ff' AS TEXT)": "its status is",
    "sequence = 'many'": "its sequence is 'many' (str)",
    "sequence = -5": "its sequence is -5 (int)",
    "sequence = 1.5": "its sequence is 1.5 (float)",
    "execution_id = x'ff'": "its execution_id is b'\\xff' (bytes)",
    "execution_id = CAST(x'ff' AS TEXT)": "its execution_id is",
    "execution_id = 'a b'": "its execution_id is 'a b' (str)",
}


@pytest.mark.parametrize("change", ODD_ROWS)
async def test_one_damaged_row_leaves_the_others_listed(path: Path, change: str) -> None:
    async with SQLiteStore(path) as store:
        for execution_id in ("a", "b", "c"):
            await store.put(record(execution_id), expected=None)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"UPDATE typedflow_executions SET {change} WHERE execution_id = 'a'")
            connection.commit()
        for filters in ((), ("review", "running")):
            entries = await store.list(*filters)
            assert [entry.execution_id for entry in entries] == ["b", "c"]
        (damaged,) = (await store.list()).damaged
        assert ODD_ROWS[change] in str(damaged.error)
        assert str(damaged.error).startswith(f"TF955: database {str(path)!r}")
        is_known = not change.startswith("execution_id")
        assert damaged.execution_id == ("a" if is_known else None)
        if is_known:
            assert "execution 'a'" in str(damaged.error)
            with pytest.raises((StoreError, SnapshotError), match="'a'"):
                await store.get("a")
        assert await store.get("b") == record("b")


async def test_a_status_that_nobody_knows_is_listed_as_it_is(path: Path) -> None:
    async with SQLiteStore(path) as store:
        await store.put(record("a"), expected=None)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE typedflow_executions SET status = 'sleeping'")
            connection.commit()
        (entry,) = await store.list(status="sleeping")
        assert (entry.execution_id, entry.status) == ("a", "sleeping")
        with pytest.raises(SnapshotError, match="the snapshot of 'a' is not what was saved"):
            await store.get("a")


async def test_a_table_without_types_damages_nothing(path: Path) -> None:
    """A foreign table of our name may hold anything."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TABLE typedflow_snapshots (execution_id, flow, status, sequence, saved_at, digest, data)"
        )
        connection.execute("INSERT INTO typedflow_snapshots VALUES ('a', NULL, NULL, NULL, NULL, NULL, NULL)")
        connection.execute("CREATE TABLE typedflow_flow_states (flow, digest, data)")
        connection.execute("INSERT INTO typedflow_flow_states VALUES ('review', NULL, 'text')")
        connection.commit()
    async with SQLiteStore(path) as store:
        await store.put(record("b"), expected=None)
        entries = await store.list()
        assert [entry.execution_id for entry in entries] == ["b"]
        assert [entry.execution_id for entry in entries.damaged] == ["a"]
        for call in (store.get("a"), store.get_flow_state("review")):
            with pytest.raises(SnapshotError):
                await call


async def test_a_table_of_other_columns_is_a_store_error(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE typedflow_snapshots (x)")
    assert await refusal(SQLiteStore(path)) == (
        "TF953: cannot open it: no such column: execution_id (what was saved before is untouched)"
    )
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("typedflow_snapshots",)]


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    "make, what",
    [(os.mkfifo, "a FIFO"), (os.mkdir, "a folder"), (make_device, "a device")],
    ids=["FIFO", "folder", "device"],
)
async def test_a_path_that_is_no_file_is_refused_at_once(path: Path, make: Any, what: str) -> None:
    make(path)
    with pytest.raises(StoreError, match=f"cannot open it: it is {what}, not a file"):
        await SQLiteStore(path).list()


@pytest.mark.long
def test_no_damaged_database_gives_other_bytes(path: Path) -> None:
    """A flipped index may hide a row, which only a full check could tell; what is given is what was saved."""
    saved = record(data=bytes(range(256)) * 20)

    async def prepare() -> None:
        async with SQLiteStore(path) as store:
            await store.put(saved, expected=None, flow_state=CHANGE)

    async def look() -> tuple[StoredSnapshot | None, bytes | None]:
        store = SQLiteStore(path, timeout=0)
        try:
            return await store.get("a"), await store.get_flow_state("review")
        finally:
            await store.close()

    asyncio.run(prepare())
    whole = path.read_bytes()
    chance = random.Random(5)
    refused = 0
    for number in range(int(100 * budget())):
        position = chance.randrange(len(whole))
        flipped = whole[:position] + bytes([whole[position] ^ (1 << chance.randrange(8))]) + whole[position + 1 :]
        path.write_bytes(whole[:position] if number % 4 == 0 else flipped)
        try:
            found, flow_state = asyncio.run(look())
        except (StoreError, SnapshotError):
            refused += 1
        else:
            assert found in (None, saved)
            assert flow_state in (None, b"1")
        for log in path.parent.glob("store.db-*"):
            log.unlink()
    assert refused > 0


async def test_a_page_is_of_one_moment(tmp_path: Path) -> None:
    """A run that ends while a page is read is in it: it moves from the rows of runs that go on to the others."""
    path = str(tmp_path / "store.db")
    async with SQLiteStore(path) as store:
        await store.put(replace(record(status="running"), holder="another"), expected=None)
    with closing(connect(path, 1.0)) as reading, closing(connect(path, 1.0)) as writing:

        def end_the_run(statement: str) -> None:
            if "holder IS NOT NULL" in statement:
                reading.set_trace_callback(None)
                writing.execute("UPDATE typedflow_executions SET status = 'completed', holder = NULL")

        reading.set_trace_callback(end_the_run)
        assert [each.execution_id for each in list_entries(reading, None, None, None, 10, "here")] == ["a"]
