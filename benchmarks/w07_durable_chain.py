"""W7: a chain that commits to SQLite after every step, beside commits of the same bytes by sqlite3 alone.

WAL and `synchronous=FULL`; sqlite3 alone keeps its own default of how long the log gets. The disk is that of the
working directory's temporary files: set TMPDIR for another.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from pathlib import Path

from benchmarks.shared import chain
from typedflow.stores import SQLiteStore

LENGTH = 100


def typedflow(runs: int) -> float:
    """Return steps per second, each of them stored before the next begins."""
    flow = chain(LENGTH)

    async def measure(folder: str) -> float:
        async with SQLiteStore(Path(folder) / "store.db") as store:
            await flow.create_execution(store=store, checkpoint="step").async_start(0)
            begin = time.perf_counter()
            for _ in range(runs):
                await flow.create_execution(store=store, checkpoint="step").async_start(0)
            return runs * LENGTH / (time.perf_counter() - begin)

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(measure(folder))


def floor(runs: int) -> float:
    """Return commits per second."""
    data = bytes(1000)  # as long as a snapshot of the chain
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "store.db", isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE saves (id TEXT PRIMARY KEY, sequence INTEGER, data BLOB)")
        database.execute("INSERT INTO saves VALUES ('one', 0, ?)", (data,))
        begin = time.perf_counter()
        for number in range(runs * LENGTH):
            database.execute("BEGIN IMMEDIATE")
            database.execute("UPDATE saves SET sequence = ?, data = ? WHERE id = 'one'", (number, data))
            database.execute("COMMIT")
        took = time.perf_counter() - begin
        database.close()
    return runs * LENGTH / took
