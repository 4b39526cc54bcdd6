"""What an upgrade of a SQLite store derives from the documents in it: rows that an older typedflow has not written."""

from __future__ import annotations

from collections.abc import Iterator
from sqlite3 import Connection

from typedflow.errors import SnapshotError
from typedflow.snapshot.documents import PLAIN
from typedflow.snapshot.envelope import Snapshot
from typedflow.snapshot.reading import read_document
from typedflow.stores.records import Notes, PendingInterrupt, StoredSnapshot
from typedflow.stores.sqlite_pending import note_pending
from typedflow.stores.sqlite_records import select


def derive_pending(db: Connection) -> None:
    """Write the rows of what the stored executions ask. What is no snapshot, or damaged, has none."""
    for (execution_id,) in db.execute(
        "SELECT execution_id FROM typedflow_executions WHERE status IN ('waiting', 'running') AND data <> x''"
    ).fetchall():
        try:
            record = select(db, execution_id)
            if record is not None:
                note_pending(db, execution_id, Notes(asked=tuple(asked_in(record))))
        except SnapshotError:
            continue


def asked_in(record: StoredSnapshot) -> Iterator[PendingInterrupt]:
    """Yield what a document asks; raises `SnapshotError` for what is none.

    The keys of the steps are left out: for those of a document of the first format the flow is needed.
    """
    snapshot = read_document(record.data, max_bytes=len(record.data))
    waiting: list[tuple[Snapshot, tuple[str, ...]]] = [(snapshot, ())]
    for each, within in waiting:
        for asked in each.interrupts:
            yield PendingInterrupt(
                execution_id=record.execution_id,
                flow=record.flow,
                interrupt_id=asked.id,
                type=asked.type,
                payload=PLAIN[each.encoding](asked.payload),
                since=snapshot.saved,
                deadline=None,
                step=asked.token.node,
                within=within,
                resume_event=asked.resume_event,
            )
        for child in each.children:
            assert child.parent is not None  # checked when it was read
            waiting.append((child, (*within, each.tokens[child.parent].node)))
