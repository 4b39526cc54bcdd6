"""Every store there is, and the records that the tests put into them. A new store adds one row to `STORES`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from tests.postgres import connect, conninfo_of
from typedflow import stores
from typedflow.stores import (
    FileStore,
    FlowStateChange,
    Keys,
    MemoryStore,
    SealedStore,
    SnapshotStore,
    SQLiteStore,
    StoredSnapshot,
)

NOON: Final = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)


SEALING: Final = Keys(current="k", keys={"k": bytes(range(32))})
SIGNING: Final = Keys(current="k", keys={"k": bytes(range(32))}, mode="sign")


class InPlaceFirst:
    """A SQLiteStore that saves in place wherever it can, as an execution does that is alone on its loop."""

    shares_flow_state: Final = True

    def __init__(self, path: Path) -> None:
        self._store = SQLiteStore(path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def __aenter__(self) -> Self:
        await self._store.__aenter__()
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self._store.__aexit__(*exc)

    async def put(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> bytes | None:
        put = self._store.put_at_once(record, expected=expected, flow_state=flow_state)
        if put is not None:
            return put.flow_state
        return await self._store.put(record, expected=expected, flow_state=flow_state)


@dataclass(frozen=True)
class Kind:
    """How to open a store in a folder, and what it promises."""

    name: str
    open: Callable[[Path], SnapshotStore]
    durable: bool = True
    """What was put is there for another store on the same folder, also of another process."""
    in_folder: bool = True
    """What is durable is written into the folder, and not by a server into its own."""


STORES: Final = {
    kind.name: kind
    for kind in (
        Kind("memory", lambda folder: MemoryStore(), durable=False),
        Kind("file", lambda folder: FileStore(folder / "snapshots")),
        Kind("sqlite", lambda folder: SQLiteStore(folder / "store.db")),
        Kind("postgres", lambda folder: stores.PostgresStore(conninfo_of(folder)), in_folder=False),
        Kind("sqlite in place", lambda folder: InPlaceFirst(folder / "store.db")),
        Kind("sealed memory", lambda folder: SealedStore(MemoryStore(), SEALING), durable=False),
        Kind("sealed file", lambda folder: SealedStore(FileStore(folder / "snapshots"), SIGNING)),
        Kind("sealed sqlite", lambda folder: SealedStore(SQLiteStore(folder / "store.db"), SEALING)),
        Kind(
            "sealed postgres",
            lambda folder: SealedStore(stores.PostgresStore(conninfo_of(folder)), SEALING),
            in_folder=False,
        ),
    )
}
ALL: Final = sorted(STORES)
PLAIN: Final = ["file", "memory", "postgres", "sqlite"]
"""The makes of stores: the quick form tries what all stores do with these, the full form also with the others."""
DURABLE: Final = sorted(kind.name for kind in STORES.values() if kind.durable)
ON_DISK: Final = [name for name in DURABLE if STORES[name].in_folder and not name.startswith("sealed")]
"""The durable ones that write their own files."""
SHARING: Final = [
    "memory",
    "postgres",
    "sealed memory",
    "sealed postgres",
    "sealed sqlite",
    "sqlite",
    "sqlite in place",
]
"""Those that share flow_state, keep histories and pending interrupts."""

WORKING: Final = ["memory", "postgres", "sealed memory", "sealed postgres", "sealed sqlite", "sqlite"]
"""Those that hand executions to workers."""

DATABASES: Final = ["postgres", "sqlite"]
"""Those with tables of the same names."""


def execute(kind: str, folder: Path, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement beside the store of a folder; return its rows, or nothing where it has changed something."""
    if kind == "sqlite":
        with closing(sqlite3.connect(folder / "store.db")) as connection:
            cursor = connection.execute(statement)
            connection.commit()
            assert cursor.description is not None or cursor.rowcount > 0
            return cursor.fetchall()
    with connect(conninfo_of(folder)) as other:
        found = other.execute(statement.replace("x'", "'\\x"))
        assert found.description is not None or found.rowcount > 0
        return found.fetchall() if found.description is not None else []


HOSTILE_IDS: Final = ("", "../x", "/etc/passwd", "a\n", "a\0b", "a" * 10_000, ".", "..", ".lock", "é", "a b", "\ud800")
ODD_IDS: Final = ("con", "NUL", "aux.txt", "a" * 128, "0", "A", "a..b")
"""Good ids that are no good file names everywhere."""


def record(
    execution_id: str = "a",
    sequence: int = 0,
    data: bytes = b"data",
    *,
    flow: str = "review",
    status: str = "running",
    saved_at: datetime | None = None,
) -> StoredSnapshot:
    """Make a record; saved one second after the one before it."""
    return StoredSnapshot(
        execution_id, flow, status, sequence, saved_at or NOON + timedelta(seconds=min(sequence, 10_000)), data
    )


def add_one(stored: bytes | None) -> bytes:
    """Count, as a replayed change of a flow_state does."""
    return b"%d" % (int(stored or b"0") + 1)
