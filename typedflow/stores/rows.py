"""What the rows of a database store hold, whichever database it is: columns of records, their digests, their reading.

A time is ISO 8601 in UTC of fixed width. What is read is checked against its digest; what differs is a `SnapshotError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from typedflow.errors import SnapshotError
from typedflow.rules import stores as texts
from typedflow.rules.names import is_id
from typedflow.rules.wording import quoted
from typedflow.snapshot.joining import SUM, digest_of_part, join_document
from typedflow.stores.digests import digest, digest_behind, measured
from typedflow.stores.flow_state_sharing import UpdateKey
from typedflow.stores.history import Revision
from typedflow.stores.records import DamagedEntry, Notes, StoredEntry, StoredSnapshot
from typedflow.stores.requirements import entry_of, stored_moment
from typedflow.stores.work import Message

R = TypeVar("R", bound=tuple[Any, ...])
T = TypeVar("T")

# -- executions


def written(moment: datetime) -> str:
    """Return a time as a column holds it."""
    return moment.isoformat(timespec="microseconds")


def parts_columns(record: StoredSnapshot) -> tuple[int | None, bytes | None]:
    """Return the number of the parts and the sum of their digests, None where there are none."""
    return (None, None) if record.delta is None else (record.delta.count, record.delta.total)


def origin_of(record: StoredSnapshot) -> tuple[str | None, int | None]:
    """Return the execution and the revision that a first save continues, None where it begins anew."""
    origin = None if record.notes is None else record.notes.forked_from
    return (None, None) if origin is None else origin


def digest_of(record: StoredSnapshot, saved_at: str, count: object, total: object) -> bytes:
    """Return the digest of a record, as its columns are."""
    head = _head(record.execution_id, record.flow, record.status)
    parts = b"" if count is None else measured(str(count).encode(), total if isinstance(total, bytes) else b"")
    return digest_behind(head + measured(str(record.sequence).encode(), saved_at.encode()) + parts, record.data)


def digest_of_record(record: StoredSnapshot) -> bytes:
    """Return the digest of a record that is to be saved."""
    return digest_of(record, written(record.saved_at), *parts_columns(record))


@lru_cache(maxsize=1024)
def _head(execution_id: str, flow: str, status: str) -> bytes:
    """Return what the digests of an execution begin with, save after save."""
    return measured(execution_id.encode(), flow.encode(), status.encode())


def read_record(
    execution_id: str,
    flow: Any,
    status: Any,
    sequence: Any,
    saved_at: Any,
    data: Any,
    stored: Any,
    history: Any,
    count: Any,
    total: Any,
) -> StoredSnapshot:
    """Return the record of a row, whose data may be a head; raises `SnapshotError` for what was not written so."""
    entry = read_entry(execution_id, flow, status, sequence, saved_at)
    if type(data) is bytes:
        kept = history if type(history) is int and history >= 0 else None
        record = StoredSnapshot(execution_id, flow, status, sequence, entry.saved_at, data, kept)
        if digest_of(record, saved_at, count, total) == stored:
            return record
    raise SnapshotError(texts.damaged_problem(f"the snapshot of {quoted(execution_id)} is not what was saved"))


def read_entry(*columns: object) -> StoredEntry:
    """Return the entry of a row; raises `SnapshotError` that names the execution, where its id is one."""
    try:
        return entry_of(*columns)
    except SnapshotError as error:
        owner = owner_of(columns[0])
        if owner is None:
            raise
        raise SnapshotError(problem.at(f"execution {quoted(owner)}") for problem in error.problems) from None


def owner_of(execution_id: object) -> str | None:
    """Return what a column holds, if it is an execution id."""
    return execution_id if isinstance(execution_id, str) and is_id(execution_id) else None


def damaged_entry(execution_id: object, error: SnapshotError, where: str) -> DamagedEntry:
    """Return the entry of a row that cannot be read."""
    return DamagedEntry(owner_of(execution_id), SnapshotError(problem.at(where) for problem in error.problems))


def readable(rows: Iterable[R], read: Callable[[R], T], damaged: list[DamagedEntry], where: str) -> Iterator[T]:
    """Yield what rows stand for, whose first column is an execution's id, and note those that cannot be read."""
    for row in rows:
        try:
            yield read(row)
        except SnapshotError as error:
            damaged.append(damaged_entry(row[0], error, where))


# -- parts


def join_parts(
    head: StoredSnapshot, rows: Iterable[tuple[object, object, object]], count: object, total: object
) -> StoredSnapshot:
    """Return the record of the whole document of a head and the rows of its parts: key, digest, data.

    Raises `SnapshotError` where a part is not what was saved, or is missing, or is none of this save.
    """
    parts: dict[str, bytes] = {}
    digests: dict[str, int] = {}
    for key, stored, data in rows:
        if not isinstance(key, str) or type(data) is not bytes:
            raise _damaged_parts(head.execution_id)
        digests[key] = digest_of_part(key, data)
        if digests[key].to_bytes(16, "big") != stored:
            raise _damaged_parts(head.execution_id)
        parts[key] = data
    if len(parts) != count or (sum(digests.values()) % SUM).to_bytes(16, "big") != total:
        raise _damaged_parts(head.execution_id)
    return replace(head, data=join_document(head.data, parts), head=head.data, parts=digests)


def _damaged_parts(execution_id: str) -> SnapshotError:
    what = f"the parts of {quoted(execution_id)}"
    return SnapshotError(texts.damaged_problem(f"{what} are not what was saved"))


# -- revisions


class _Noted(msgspec.Struct, forbid_unknown_fields=True):
    """The notes of a revision, as JSON."""

    flow: str
    steps: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


_DECODE = msgspec.json.Decoder(_Noted).decode


def noted(record: StoredSnapshot) -> bytes:
    """Return the notes of a save as the column of its revision holds them."""
    notes = record.notes or Notes()
    return msgspec.json.encode(_Noted(record.flow, notes.steps, notes.changed))


def read_revision(execution_id: str, sequence: object, status: object, saved_at: object, notes: object) -> Revision:
    """Return the revision of a row; raises `SnapshotError` for a row that no save has written."""
    try:
        found = _DECODE(notes)  # type: ignore[arg-type]  # what is no bytes is a TypeError
        entry = entry_of(execution_id, found.flow, status, sequence, saved_at)
    except (TypeError, msgspec.MsgspecError, SnapshotError):
        raise _damaged_revision(execution_id, sequence) from None
    return Revision(execution_id, entry.sequence, entry.status, entry.saved_at, found.steps, found.changed)


def read_revision_record(
    newest: StoredSnapshot,
    sequence: int,
    status: Any,
    saved_at: Any,
    notes: Any,
    data: Any,
    stored: Any,
    count: Any,
    total: Any,
) -> StoredSnapshot:
    """Return the record of a revision, whose data may be a head; raises `SnapshotError` for what was not saved so."""
    revision = read_revision(newest.execution_id, sequence, status, saved_at, notes)
    if type(data) is bytes:
        flow, saved = _DECODE(notes).flow, revision.saved_at
        record = StoredSnapshot(newest.execution_id, flow, status, sequence, saved, data, newest.history)
        if digest_of(record, saved_at, count, total) == stored:
            return record
    raise _damaged_revision(newest.execution_id, sequence)


def _damaged_revision(execution_id: str, sequence: object) -> SnapshotError:
    what = f"revision {sequence!r} of {quoted(execution_id)}"
    return SnapshotError(texts.damaged_problem(f"{what} is not what was saved"))


# -- flow_states


def flow_state_digest(flow: str, data: bytes) -> bytes:
    """Return the digest of a flow_state."""
    return digest(flow.encode(), data)


def read_flow_state(flow: str, row: tuple[Any, Any] | None) -> bytes | None:
    """Return the flow_state of a row: data, digest; raises `SnapshotError` for bytes that differ from those written."""
    if row is None:
        return None
    data, stored = row
    if type(data) is not bytes or flow_state_digest(flow, data) != stored:
        raise SnapshotError(texts.damaged_problem(f"the flow_state of {quoted(flow)} is not what was saved"))
    return data


def value_digest(key: UpdateKey, value: bytes) -> bytes:
    """Return the digest of the value that an update has returned."""
    return digest(key.execution_id.encode(), key.step.encode(), key.call.encode(), value)


def read_value(key: UpdateKey, row: tuple[Any, Any] | None) -> bytes | None:
    """Return the value of the row of an update: value, digest; raises `SnapshotError` for one that was not written."""
    if row is None:
        return None
    value, stored = row
    if type(value) is not bytes or value_digest(key, value) != stored:
        what = f"the value of an update in {quoted(key.step)}"
        raise SnapshotError(texts.damaged_problem(f"{what} is not what was saved"))
    return value


# -- mail


def message_digest(execution_id: str, message: Message) -> bytes:
    """Return the digest of a message."""
    return digest(execution_id.encode(), message.kind.encode(), message.name.encode(), message.data)


def read_message(
    execution_id: str, number: Any, kind: Any, name: Any, data: Any, stored: Any, posted_at: Any
) -> Message:
    """Return the message of a row; raises `SnapshotError` for one that is not what was posted."""
    message = Message(kind, name, data, number, stored_moment("posted_at", posted_at))
    if type(data) is not bytes or message_digest(execution_id, message) != stored:
        raise SnapshotError(texts.damaged_problem(f"message {number} for {quoted(execution_id)}"))
    return message
