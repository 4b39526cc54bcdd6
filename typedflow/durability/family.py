"""What a save changes of other executions: the remote children that it starts or drops, the parent that it tells."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from typedflow.durability.options import require_savable
from typedflow.durability.saving import snapshot_of
from typedflow.engine.status import FINAL, Status
from typedflow.engine.tokens import ChildOutcome
from typedflow.execution.catching import can_be_value, failure_of
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.stores.records import Family, Letter, NewChild, Parent, StoredSnapshot
from typedflow.stores.work import LOOK

NOTHING: Final = b"null"
"""The data of a message that says all by its kind and name."""


class _Failure(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """How a child has failed, as JSON."""

    error: str
    text: str
    is_fault: bool


_READ: Final = msgspec.json.Decoder(_Failure | None).decode


class FamilyChanges(NamedTuple):
    """What one save changes, and what it leaves open."""

    family: Family | None
    waits_for: frozenset[str]
    """The remote children that the execution waits for behind this save."""


_UNCHANGED: Final = FamilyChanges(None, frozenset())


def family_of(
    runtime: ExecutionRuntime, status: Status, kept: Status | None, parent: Parent | None, error: Exception | None
) -> FamilyChanges:
    """Return what a save changes of other executions.

    `kept` is the status in the save before, and `error` what the execution has failed with.
    """
    if parent is None and runtime.remotes is None:
        return _UNCHANGED
    letters: list[Letter] = []
    if parent is not None and status is not kept and (status in FINAL or status is Status.FAILED):
        letters.append(Letter(parent.execution_id, "child", runtime.id, _told(runtime, status, error)))
    children: list[NewChild] = []
    open_: frozenset[str] = frozenset()
    if runtime.remotes is not None:
        open_ = frozenset(runtime.remotes.open())
        root = runtime.id if parent is None else parent.root_id
        children = [_new(runtime, child, key, root) for child, key in runtime.remotes.submitted.values()]
        letters += [Letter(child, "cancel", "", NOTHING) for child in sorted(runtime.remotes.dropped())]
    family = Family(tuple(children), tuple(letters)) if children or letters else None
    return FamilyChanges(family, open_)


def family_saved(runtime: ExecutionRuntime, changes: FamilyChanges) -> None:
    """Record that the save is stored."""
    if runtime.remotes is not None:
        runtime.remotes.saved(changes.waits_for)


def read_failure(data: bytes) -> ChildOutcome | None:
    """Return how a child has failed, from its message; None where the stored child says how it has ended."""
    found = None if data == LOOK else _READ(data)
    return None if found is None else ChildOutcome(error=found.error, text=found.text, is_fault=found.is_fault)


def _told(runtime: ExecutionRuntime, status: Status, error: Exception | None) -> bytes:
    """Return what a parent is told; of a result nothing: it is in the stored child."""
    if status is not Status.FAILED:
        return NOTHING
    if error is None and runtime.run.errors:
        error = runtime.run.errors[-1]
    if error is None:  # it was loaded as it failed
        return msgspec.json.encode(_Failure("ExecutionError", "it has failed", is_fault=False))
    failed = failure_of(None, error, 1)
    return msgspec.json.encode(_Failure(failed.error, failed.text, is_fault=not can_be_value(error)))


def _new(parent: ExecutionRuntime, child: ExecutionRuntime, key: str, root: str) -> NewChild:
    """Encode a child as it is stored before a worker has run it."""
    require_savable(child.plan)
    snapshot = snapshot_of(child, "json", 1, with_flow_state=False)
    record = StoredSnapshot(
        child.id,
        child.flow.name,
        str(snapshot.status),
        1,
        datetime.now(UTC),
        snapshot.to_bytes(),
        parent=Parent(parent.id, key, root),
    )
    retry, over = Letter(child.id, "retry", "", NOTHING), Letter(parent.id, "child", child.id, NOTHING)
    return NewChild(record, retry, over)
