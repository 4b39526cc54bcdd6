"""Databases that an older typedflow has made: they are upgraded once, and nothing in them is lost."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from tests.execution.pausing import CASES, finish
from tests.stores.conformance import record
from typedflow import Status
from typedflow.errors import StoreError
from typedflow.stores import SQLiteStore
from typedflow.stores.sqlite_database import connect

GOLDEN: Final = Path(__file__).parent / "golden" / "format-1.db"
"""Written by the code of its day: cases of `tests.execution.pausing` that wait, one that is done, a flow_state."""
WAITING: Final = ("chain", "loop", "child in child", "for_each", "by event", "each in child")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(GOLDEN, tmp_path / "store.db"))


def tables(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE name LIKE 'typedflow_%' ORDER BY name")
        return dict(found.fetchall())


async def test_a_database_of_format_1_keeps_what_it_holds(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        before = connection.execute("SELECT * FROM typedflow_snapshots ORDER BY execution_id").fetchall()
    async with SQLiteStore(path) as store:
        listed = await store.list()
        assert sorted(entry.execution_id for entry in listed) == [row[0] for row in before]
        assert listed.damaged == ()
        for execution_id, flow, status, sequence, saved_at, _, data in before:
            found = await store.get(execution_id)
            assert found is not None
            assert (found.flow, found.status, found.sequence, found.data) == (flow, status, sequence, data)
            assert found.saved_at.isoformat(timespec="microseconds") == saved_at
        assert await store.get_flow_state("count") == b"1"
    assert "typedflow_snapshots" not in tables(path)


@pytest.mark.parametrize("name", WAITING)
async def test_an_execution_of_a_database_of_format_1_goes_on(name: str, path: Path) -> None:
    case = CASES[name]
    async with SQLiteStore(path) as store:
        execution = await case.build().async_open(name.replace(" ", "-"), store=store)
        await finish(execution, case)
        assert (execution.status, execution.result) == (Status.COMPLETED, case.result)
        stored = await store.get(execution.id)
        assert stored is not None
        assert stored.status == "completed"


@pytest.mark.parametrize("name", WAITING)
async def test_what_a_database_of_format_1_asks_is_listed_and_answered(name: str, path: Path) -> None:
    case, execution_id = CASES[name], name.replace(" ", "-")
    async with SQLiteStore(path) as store:
        execution = await case.build().async_open(execution_id, store=store)
        found = [each for each in await store.pending() if each.execution_id == execution_id]
        stored = {each.interrupt_id: (each.type, each.payload, each.since, each.step, each.within) for each in found}
        assert stored == {
            id_: (each.type, each.payload, each.since, each.step, each.within)
            for id_, each in execution.interrupts.items()
        }
        await execution.async_continue_with(found[0], case.answers[str(found[0].payload)])
        left = [each.interrupt_id for each in await store.pending() if each.execution_id == execution_id]
        assert sorted(left) == sorted(execution.interrupts)


def test_an_upgraded_database_has_the_tables_of_a_new_one(path: Path, tmp_path: Path) -> None:
    for each in (path, tmp_path / "new.db"):
        connect(str(each), 1.0).close()
    assert tables(path) == tables(tmp_path / "new.db")
    before = path.read_bytes()
    connect(str(path), 1.0).close()
    assert path.read_bytes() == before


@pytest.mark.parametrize("attempt", range(3))
def test_many_may_upgrade_a_database_at_once(attempt: int, path: Path) -> None:
    gate, failed = threading.Barrier(4), []

    async def read(execution_id: str) -> None:
        store = SQLiteStore(path)
        gate.wait()
        async with store:
            assert await store.get(execution_id) is not None

    def run(execution_id: str) -> None:
        try:
            asyncio.run(read(execution_id))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("chain", "loop", "done", "for_each")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


async def test_a_process_of_format_1_is_refused_once_the_database_is_upgraded(path: Path) -> None:
    with closing(sqlite3.connect(path)) as old:
        assert old.execute("SELECT count(*) FROM typedflow_snapshots").fetchone() == (8,)
        async with SQLiteStore(path) as store:
            await store.put(record(), expected=None)
        with pytest.raises(sqlite3.OperationalError, match="no such table: typedflow_snapshots"):
            old.execute("UPDATE typedflow_snapshots SET sequence = 9")


async def test_an_upgrade_that_fails_changes_nothing(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE typedflow_executions (mine)")
        connection.commit()
    before = tables(path)
    store = SQLiteStore(path)
    with pytest.raises(StoreError, match=r"TF953: database .*: cannot open it: "):
        await store.__aenter__()
    await store.close()
    assert tables(path) == before


async def test_what_belongs_to_an_execution_is_deleted_with_it(path: Path) -> None:
    beside = ("parts", "part_history", "revisions", "pending", "mail")
    async with SQLiteStore(path) as store:
        await store.list()
        with closing(sqlite3.connect(path)) as connection:
            (number,) = connection.execute("SELECT id FROM typedflow_executions WHERE execution_id = 'done'").fetchone()
            for table in beside:
                names = [row[1] for row in connection.execute(f"PRAGMA table_info(typedflow_{table})") if row[3]]
                marks = ", ".join("?" * len(names))
                for execution in (number, number + 1000):
                    row = [execution if name == "execution" else 1 for name in names]
                    connection.execute(f"INSERT INTO typedflow_{table} ({', '.join(names)}) VALUES ({marks})", row)
            connection.commit()
        assert await store.delete("done")
    with closing(sqlite3.connect(path)) as connection:
        for table in beside:
            found = {row[0] for row in connection.execute(f"SELECT execution FROM typedflow_{table}")}
            assert number not in found, table
            assert number + 1000 in found, table
