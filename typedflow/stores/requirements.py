"""What every store asks of its arguments, and what it raises for them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from typedflow.errors import ConflictError, SnapshotError, StoreError
from typedflow.rules import stores as texts
from typedflow.rules.executions import check_id
from typedflow.rules.names import is_id
from typedflow.rules.options import as_float
from typedflow.rules.wording import describe
from typedflow.schema.callables import discard
from typedflow.stores.flow_state_sharing import FlowStateChange, FlowStateUpdate, Update, UpdateKey
from typedflow.stores.records import DamagedEntry, Listing, PendingInterrupt, StoredEntry, StoredSnapshot

LONGEST_TIMEOUT: Final = 2_000_000.0
"""Seconds, 23 days: SQLite counts milliseconds in 32 bits."""


def require_id(execution_id: str) -> None:
    """Refuse an id that could be anything but an id."""
    problem = check_id(execution_id)
    if problem is not None:
        raise StoreError(problem)


def require_text(what: str, text: str | None) -> None:
    """Refuse a name that no column can hold."""
    problem = None if text is None else texts.check_text(what, text)
    if problem is not None:
        raise StoreError(problem)


def require_statuses(status: str | None, statuses: Collection[str] | None) -> frozenset[str] | None:
    """Return the statuses that a list is of, None for all; raises `StoreError` for what is no status."""
    require_text("status", status)
    if statuses is None:
        return None if status is None else frozenset((status,))
    problem = texts.check_statuses(status, statuses)
    if problem is not None:
        raise StoreError(problem)
    return frozenset(statuses)


def require_page(after: StoredEntry | None, limit: int | None) -> None:
    """Refuse a position that is no entry of a list, and a limit that is no number of entries."""
    problem = texts.check_limit(limit)
    if problem is None and after is not None and not isinstance(after, StoredEntry):
        problem = texts.no_entry_problem(after)
    if problem is not None:
        raise StoreError(problem)


def require_at(sequence: int | None) -> None:
    """Refuse what is no save sequence."""
    problem = texts.check_at(sequence)
    if problem is not None:
        raise StoreError(problem)


def require_history_page(after: int | None, limit: int | None) -> None:
    """Refuse a position that is no save sequence, and a limit that is no number of revisions."""
    problem = texts.check_at(after) or texts.check_limit(limit)
    if problem is not None:
        raise StoreError(problem)


def require_prune(
    before: datetime | None, statuses: Collection[str], flow: str | None, keep: int | None, batch: int
) -> datetime | None:
    """Return the moment in UTC before which executions are deleted; refuse what is no policy."""
    require_text("flow", flow)
    problem = texts.check_statuses(None, statuses) or texts.check_prune(before, keep, batch)
    if problem is not None:
        raise StoreError(problem)
    return None if before is None else before.astimezone(UTC)


def require_ready_at(moment: datetime | None) -> datetime | None:
    """Return the moment, in UTC, from which on a worker may take an execution; refuse one without a zone."""
    problem = texts.check_ready_at(moment)
    if problem is not None:
        raise StoreError(problem)
    return None if moment is None else moment.astimezone(UTC)


def require_question_page(after: PendingInterrupt | None, limit: int | None) -> None:
    """Refuse a position that is no pending interrupt, and a limit that is no number of them."""
    problem = texts.check_limit(limit)
    if problem is None and after is not None and not isinstance(after, PendingInterrupt):
        problem = texts.no_entry_problem(after)
    if problem is not None:
        raise StoreError(problem)


def page_of(
    entries: Iterable[StoredEntry],
    flow: str | None,
    statuses: Collection[str] | None,
    after: StoredEntry | None,
    limit: int | None,
    damaged: Iterable[DamagedEntry] = (),
) -> Listing:
    """Return a page of entries in any order, for stores without an index."""
    found = [each for each in entries if flow in (None, each.flow) and (statuses is None or each.status in statuses)]
    if after is not None:
        found = [each for each in found if _position(each) > _position(after)]
    return Listing(sorted(found, key=_position)[:limit], damaged)


def _position(entry: StoredEntry) -> tuple[datetime, str]:
    return entry.saved_at, entry.execution_id


def require_record(record: StoredSnapshot, expected: int | None) -> None:
    """Refuse a record with columns that cannot be kept, or whose sequence does not grow."""
    if not isinstance(record, StoredSnapshot):
        raise StoreError(texts.no_record_problem(record))
    problems = texts.check_stored(
        record.execution_id, record.flow, record.status, record.sequence, record.saved_at, expected
    )
    wrong = texts.check_data(record.data)
    if problems or wrong is not None:
        raise StoreError([*problems, *([] if wrong is None else [wrong])])


def require_whole(store: str, record: StoredSnapshot) -> None:
    """Refuse a head without its parts, for a store of whole documents: the rest would be lost."""
    if record.delta is not None:
        raise StoreError(texts.no_parts_problem(store))


def require_place(store: str, path: str | os.PathLike[str], timeout: float) -> tuple[str, float]:
    """Return a path and a timeout as a system takes them; refuse what is none, before anything is opened."""
    given = os.fspath(path) if isinstance(path, str | os.PathLike) else path
    problem = texts.check_path(store, given) or texts.check_wait(store, timeout)
    if problem is not None:
        raise StoreError(problem)
    try:
        os.fsencode(given)
    except UnicodeEncodeError:
        raise StoreError(texts.wrong_path_problem(store, given, "it holds half of a surrogate pair")) from None
    return given, min(as_float(timeout), LONGEST_TIMEOUT)


def require_wait(store: str, timeout: float) -> float:
    """Return a timeout in seconds as a system takes it; refuse what is none."""
    problem = texts.check_wait(store, timeout)
    if problem is not None:
        raise StoreError(problem)
    return min(as_float(timeout), LONGEST_TIMEOUT)


def require_no_flow_state(store: str, change: FlowStateChange | None) -> None:
    """Refuse a change of a flow_state: to drop it in silence would lose it."""
    if change is not None:
        raise StoreError(texts.no_flow_state_problem(store))


def require_update(flow: str, key: UpdateKey | None) -> None:
    """Refuse a name or a key that no column can hold."""
    require_text("flow", flow)
    if key is None:
        return
    if not isinstance(key, UpdateKey):
        raise StoreError(texts.wrong_key_problem(key))
    require_id(key.execution_id)
    require_text("the step of a key", key.step)
    require_text("the call of a key", key.call)


def replayed(change: FlowStateChange, stored: bytes | None) -> bytes:
    """Return what the change of a save makes of a flow_state; refuses what is not bytes."""
    assert change.replay is not None
    found = change.replay(stored)
    if type(found) is not bytes:
        discard(found)
        raise StoreError(texts.wrong_replay_problem(change.flow, found))
    return found


def updated(flow: str, change: Update, stored: bytes | None) -> FlowStateUpdate:
    """Return what an update makes of a flow_state; refuses what is no FlowStateUpdate."""
    found = change(stored)
    if type(found) is not FlowStateUpdate:
        discard(found)
        raise StoreError(texts.wrong_update_problem(flow, found))
    return found


def require_expected(execution_id: str, stored: int | None, expected: int | None) -> None:
    """Refuse a save that does not follow what is stored."""
    if stored != expected:
        raise ConflictError(
            texts.conflict_problem(execution_id, stored, expected),
            execution_id=execution_id,
            stored=stored,
            expected=expected,
        )


def entry_of(execution_id: object, flow: object, status: object, sequence: object, saved_at: object) -> StoredEntry:
    """Return the entry that columns stand for, as they were read; raises `SnapshotError` for what no put has written.

    Any text is a status: what it means is not a store's business.
    """
    if not isinstance(execution_id, str) or not is_id(execution_id):
        raise _odd("execution_id", execution_id)
    if not isinstance(flow, str) or texts.check_text("flow", flow) is not None:
        raise _odd("flow", flow)
    if not isinstance(status, str) or texts.check_text("status", status) is not None:
        raise _odd("status", status)
    if type(sequence) is not int or not 0 <= sequence <= texts.LARGEST_SEQUENCE:
        raise _odd("sequence", sequence)
    return StoredEntry(execution_id, flow, status, sequence, stored_moment("saved_at", saved_at))


def stored_moment(column: str, given: object) -> datetime:
    """Return the time, in UTC, that a column holds; raises `SnapshotError` for one that no save has written."""
    try:
        moment = datetime.fromisoformat(given)  # type: ignore[arg-type]  # what is no text is a TypeError
    except (TypeError, ValueError):
        raise _odd(column, given) from None
    if moment.utcoffset() != timedelta(0):
        raise _odd(column, given)
    return moment


def _odd(column: str, given: object) -> SnapshotError:
    return SnapshotError(texts.damaged_problem(f"its {column} is {describe(given)}, which no save has written"))
