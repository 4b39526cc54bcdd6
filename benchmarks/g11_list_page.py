"""G11: the first page of 50 of many waiting executions in SQLite, beside the same query by sqlite3 alone.

The executions are those of one flow of several; one in ten is completed. sqlite3 alone reads the same columns of the
same rows through an index in just that order.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from typedflow.stores import SQLiteStore, StoredSnapshot

PAGE = 50
REPEATS = 40
MICRO = 1e6


def typedflow(size: int) -> float:
    """Return µs for a first page of those that wait, of all flows."""

    async def measure(path: Path) -> float:
        async with SQLiteStore(path) as store:
            await store.list(statuses=("waiting",), limit=PAGE)
            times = []
            for _ in range(REPEATS):
                begin = time.perf_counter()
                await store.list(statuses=("waiting",), limit=PAGE)
                times.append(time.perf_counter() - begin)
            return sorted(times)[REPEATS // 2] * MICRO

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(measure(_filled(folder, size)))


def floor(size: int) -> float:
    """Return µs for the rows of the same page."""
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(_filled(folder, size), isolation_level=None)
        connection.execute(
            "CREATE INDEX page ON typedflow_executions (saved_at, execution_id) WHERE status = 'waiting'"
        )
        query = (
            "SELECT execution_id, flow, status, sequence, saved_at FROM typedflow_executions WHERE status = 'waiting'"
            f" ORDER BY saved_at, execution_id LIMIT {PAGE}"
        )
        took = _median(lambda: connection.execute(query).fetchall())
        connection.close()
    return took * MICRO


def _median(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return sorted(times)[REPEATS // 2]


def _filled(folder: str, size: int) -> Path:
    """Return a new store with so many executions."""
    path = Path(folder) / "store.db"

    async def fill() -> None:
        begin = datetime(2026, 1, 2, tzinfo=UTC)
        async with SQLiteStore(path) as store:
            for start in range(0, size, 1000):
                await asyncio.gather(
                    *(
                        store.put(_record(number, begin + timedelta(milliseconds=number)), expected=None)
                        for number in range(start, min(start + 1000, size))
                    )
                )

    asyncio.run(fill())
    return path


def _record(number: int, saved_at: datetime) -> StoredSnapshot:
    status = "completed" if number % 10 == 9 else "waiting"
    return StoredSnapshot(os.urandom(16).hex(), f"flow {number % 4}", status, 1, saved_at, bytes(1000))
