"""Every store there is, and the records that the tests put into them. A new store adds one row to `STORES`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from typedflow.stores import FileStore, MemoryStore, SnapshotStore, SQLiteStore, StoredSnapshot

NOON: Final = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)


@dataclass(frozen=True)
class Kind:
    """Say how to open a store in a folder, and what it promises."""

    name: str
    open: Callable[[Path], SnapshotStore]
    durable: bool = True
    """What was put is there for another store on the same folder, also of another process."""


STORES: Final = {
    kind.name: kind
    for kind in (
        Kind("memory", lambda folder: MemoryStore(), durable=False),
        Kind("file", lambda folder: FileStore(folder / "snapshots")),
        Kind("sqlite", lambda folder: SQLiteStore(folder / "store.db")),
    )
}
ALL: Final = sorted(STORES)
DURABLE: Final = sorted(kind.name for kind in STORES.values() if kind.durable)
SHARING: Final = ["sqlite"]
"""Those that share flow_state."""

HOSTILE_IDS: Final = ("", "../x", "/etc/passwd", "a\n", "a\0b", "a" * 10_000, ".", "..", ".lock", "é", "a b", "\ud800")
ODD_IDS: Final = ("con", "NUL", "aux.txt", "a" * 128, "0", "A", "a..b")
"""Good ids that are no good file names everywhere."""


def budget() -> float:
    """Give the seconds that a test marked `long` may spend."""
    return float(os.environ.get("TYPEDFLOW_BUDGET", "2"))


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
