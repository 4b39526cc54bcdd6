"""How a stored execution is opened: to go on, to be read as it was, or to be continued as another one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from typedflow.durability.checkpoints import Checkpoints
from typedflow.durability.loading import take_over
from typedflow.durability.options import check_history, require_options, require_remote, require_savable
from typedflow.errors import ContractError, FinishedError, SnapshotError
from typedflow.execution.children import child_id
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.rules import executions, snapshots
from typedflow.rules.options import CONCURRENCY, HISTORY, Checkpoint, check_option
from typedflow.rules.stores import check_at
from typedflow.rules.wording import quoted
from typedflow.schema.layers import Resources
from typedflow.schema.resources import overrides_of
from typedflow.snapshot.reading import LARGEST_DOCUMENT, read_document
from typedflow.stores.protocol import SnapshotStore
from typedflow.stores.records import StoredSnapshot


def require_open(store: object, execution_id: object, checkpoint: object, concurrency: object, at: object) -> None:
    """Refuse a store, an id or an option that cannot be, and a revision of a store that keeps none."""
    require_options(store, checkpoint)
    problem = executions.no_store_problem(store) if store is None else executions.check_id(execution_id)
    problem = problem or check_option(CONCURRENCY, concurrency) or check_at(at)
    if problem is not None:
        raise ContractError(problem)
    missing = [] if at is None else check_history(store, f"at={at}")
    if missing:
        raise ContractError(missing)


def require_fork(store: object, execution_id: object, checkpoint: object, history: object) -> None:
    """Refuse an id that is none, and a history that the store cannot keep."""
    problem = executions.check_id(execution_id) or (None if history is None else check_option(HISTORY, history))
    if problem is not None:
        raise ContractError(problem)
    require_options(store, checkpoint, history or False)


def kept_of(history: bool | int) -> int | None:
    """Return how many revisions a store keeps: 0 for all, None for none."""
    if history is False:
        return None
    return 0 if history is True else history


async def read_stored(store: SnapshotStore, execution_id: str, at: int | None) -> StoredSnapshot:
    """Read the newest save of an execution, or a revision; raises `SnapshotError` where the store has none."""
    get: Any = store.get  # with `at` it is that of a HistoryStore
    stored: StoredSnapshot | None = await (get(execution_id) if at is None else get(execution_id, at=at))
    if stored is not None:
        return stored
    if at is None or await store.get(execution_id) is None:
        raise SnapshotError(snapshots.not_stored_problem(execution_id), path=execution_id)
    raise SnapshotError(snapshots.no_revision_problem(execution_id, at), path=execution_id)


def keep(
    runtime: ExecutionRuntime,
    store: SnapshotStore,
    checkpoint: Checkpoint,
    history: int | None,
    origin: tuple[str, int] | None = None,
) -> Checkpoints:
    """Attach a store to an execution; raises `ContractError` where values of its flow can never be saved."""
    if not runtime.flow.savable:  # once: 2 µs for each of its nodes
        require_savable(runtime.plan)
        runtime.flow.savable = True
    require_remote(runtime.flow, store)
    runtime.checkpoints = checkpoints = Checkpoints(runtime, store, checkpoint, history, origin)
    return checkpoints


def load_stored(
    runtime: ExecutionRuntime,
    stored: StoredSnapshot,
    resources: Resources | Mapping[str, Any] | None,
    checkpoints: Checkpoints | None = None,
) -> None:
    """Load what a store has, all or nothing; with `checkpoints` the execution goes on from it."""
    largest = max(len(stored.data), LARGEST_DOCUMENT)
    given = {} if resources is None else overrides_of(resources)
    try:
        with runtime.concealing(given.values()):
            snapshot = read_document(stored.data, max_bytes=largest)
            take_over(runtime, snapshot, resources)
        _require_own(runtime, stored)
        if checkpoints is not None:
            checkpoints.continue_from(stored, snapshot)
    except SnapshotError as error:
        where = f"execution {quoted(stored.execution_id)} in the store"
        raise SnapshotError((problem.at(where) for problem in error.problems), path=error.path) from error


def _require_own(runtime: ExecutionRuntime, stored: StoredSnapshot) -> None:
    """Refuse columns that are not those of the document: a store may have been edited, or be a user's own."""
    for name, given, expected in (
        ("execution_id", stored.execution_id, runtime.id),
        ("status", stored.status, runtime.run.status),
    ):
        if given != expected:
            raise SnapshotError(snapshots.other_column_problem(name, given, expected), path=name)


def become(runtime: ExecutionRuntime, execution_id: str) -> None:
    """Change the id of a loaded execution, and with it those of its children and the keys of all steps."""
    if runtime.remotes is not None and (waits_for := runtime.remotes.open()):
        raise FinishedError(executions.fork_of_open_problem(waits_for).at(runtime.name))
    runtime.id, runtime.created = execution_id, time.time()
    for each in runtime.tree():  # parents first: the id of a child is derived from that of its parent
        if each.parent is not None:
            each.id = child_id(*each.parent)
        for paused in (each.run.interrupts or {}).values():
            paused.interrupt = msgspec.structs.replace(paused.interrupt, key=each.key(paused.token))
