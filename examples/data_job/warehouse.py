"""Where rows are loaded to: a table in SQLite, in which a key stands once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec

from examples.data_job.records import Row


@runtime_checkable
class Warehouse(Protocol):
    """Keep rows."""

    def load(self, key: str, rows: Sequence[Row]) -> None:
        """Load rows, all or none; those that were loaded with this key are not loaded again."""
        ...


class SQLiteWarehouse:
    """A warehouse in a SQLite file, for several processes; used by one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        with connection:
            connection.execute("CREATE TABLE IF NOT EXISTS loads (key TEXT PRIMARY KEY)")
            connection.execute("CREATE TABLE IF NOT EXISTS rows (number TEXT, cents INTEGER, country TEXT)")

    def load(self, key: str, rows: Sequence[Row]) -> None:
        """Load rows in one transaction, with their key."""
        with self._connection:
            if self._connection.execute("INSERT OR IGNORE INTO loads VALUES (?)", (key,)).rowcount:
                self._connection.executemany("INSERT INTO rows VALUES (?, ?, ?)", map(msgspec.structs.astuple, rows))

    def count(self) -> int:
        """Return the number of rows."""
        return int(self._connection.execute("SELECT count(*) FROM rows").fetchone()[0])


@contextmanager
def open_warehouse(path: Path) -> Iterator[SQLiteWarehouse]:
    """Open the warehouse for one run of an execution, and close it after that."""
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        yield SQLiteWarehouse(connection)
