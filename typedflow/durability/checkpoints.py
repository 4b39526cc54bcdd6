"""When an execution with a store is saved, and how: one save at a time, compare-and-swap on the sequence.

A step is acknowledged when a save that includes it is committed; steps that end while a save is under way share the
next one. A save that was begun is finished, also when whoever waits for it is cancelled, so that the sequence stays
known.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

from typedflow.durability.saving import snapshot_of
from typedflow.engine.plan import Plan
from typedflow.engine.status import Status
from typedflow.errors import ConflictError, ContractError, SnapshotError, StoreError
from typedflow.execution import failpoints
from typedflow.execution.checkpointer import MAXIMUM_BLOCKING_TIME
from typedflow.execution.failures import add_note, is_a
from typedflow.execution.flow_runtime import Change, FlowRuntime
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.rules import executions, snapshots
from typedflow.rules.problems import Problem
from typedflow.schema.annotations import UNKNOWN
from typedflow.schema.mismatch import render_path
from typedflow.schema.render import render
from typedflow.schema.writing import current_step
from typedflow.snapshot.codecs import unsavable
from typedflow.snapshot.flow_states import decode_flow_state, encode_flow_state
from typedflow.stores.protocol import FlowStateChange, SnapshotStore, StoredSnapshot

Checkpoint: TypeAlias = Literal["pause", "step"]
CHECKPOINTS: Final = get_args(Checkpoint)


class _Save(NamedTuple):
    """Hold what one save writes."""

    record: StoredSnapshot
    change: FlowStateChange | None
    changes: list[Change]
    """What the change replays."""
    upto: int
    """The last commit that was asked for before it."""
    began: float
    """When its encoding began, on the clock of `time.perf_counter`."""


class Checkpoints:
    """Save one execution into its store."""

    __slots__ = (
        "_done",
        "_lent",
        "_pushes",
        "_running",
        "_turned",
        "_unsure",
        "_wanted",
        "each_step",
        "kept",
        "runtime",
        "sequence",
        "store",
    )

    def __init__(
        self, runtime: ExecutionRuntime, store: SnapshotStore, checkpoint: Checkpoint, sequence: int | None
    ) -> None:
        self.runtime = runtime
        self.store = store
        self.each_step = checkpoint == "step"
        self.sequence = sequence
        """That of the stored snapshot; None where there is none yet."""
        self.kept: Status | None = None
        """The status in the last save."""
        self._unsure: _Save | None = None
        """One that failed or was cut off, and may have come through all the same."""
        self._lent: list[Change] = []
        """What was changed outside of all steps, and goes along with the next save of this execution."""
        if store.shares_flow_state and runtime.flow.flow_state is not None:
            runtime.flow.share()
        self._pushes = False
        """Whether the next save takes along a flow_state from before the first store."""
        self._wanted = 0
        self._done = 0
        self._running: asyncio.Task[None] | None = None
        self._turned = 0.0
        """When a save on the spot has let the loop turn last."""

    async def commit(self) -> None:
        """Return when everything up to this call is stored; raises what the save or the store raises."""
        self._wanted += 1
        mine = self._wanted
        if self._unsure is None and self._saving() is None:
            save = self._prepare()
            if self._put_at_once(save):
                await self._let_the_loop_turn()
                return
            await asyncio.shield(self._start(save))
        while self._done < mine:
            running = self._saving()
            await asyncio.shield(self._start(None) if running is None else running)

    async def _let_the_loop_turn(self) -> None:
        """Keep nothing waiting by saves on the spot that follow one another: timers, signals, what a socket has."""
        if time.monotonic() - self._turned > MAXIMUM_BLOCKING_TIME:
            await asyncio.sleep(0)
            self._turned = time.monotonic()

    def follow(self, stored: StoredSnapshot) -> None:
        """Go on from what is in the store."""
        self.sequence, self.kept = stored.sequence, Status(stored.status)

    def take_up(self, stored: StoredSnapshot) -> None:
        """Go on from what was loaded; raises `SnapshotError` where the store's columns are not those of the document.

        A store may have been edited, or be a user's own.
        """
        for name, given, expected in (
            ("execution_id", stored.execution_id, self.runtime.id),
            ("status", stored.status, self.runtime.run.status),
        ):
            if given != expected:
                raise SnapshotError(snapshots.other_column_problem(name, given, expected), path=name)
        self.follow(stored)

    async def begin(self) -> None:
        """Save before anything runs, so that of two processes that go on from one snapshot the second is refused."""
        if self.store.shares_flow_state and self.runtime.flow.flow_state is not None:
            stored = await self.store.get_flow_state(self.runtime.flow.name)
            if stored is not None:
                take_flow_state(self.runtime.flow, stored)
            self._pushes = stored is None and self.runtime.flow.unstored is not None
        await self.commit()

    @property
    def behind(self) -> bool:
        """Say whether something was to be saved and is not."""
        return self._done < self._wanted

    async def rest(self) -> None:
        """Wait until no save is under way."""
        running = self._saving()
        if running is not None:
            await asyncio.wait([running])

    async def keep_end(self) -> None:
        """Save a cancelled run, once."""
        if self.kept is not Status.CANCELLED:
            await self.commit()

    async def keep_failure(self, error: Exception) -> None:
        """Save a failed run, so that another process can retry it; a store that fails too is a note on the error."""
        await self.rest()
        if is_a(error, StoreError) or is_a(error, SnapshotError):
            return
        try:
            await self.commit()
        except (StoreError, SnapshotError) as second:
            add_note(error, f"the failed run could not be saved either: {second}")

    def _saving(self) -> asyncio.Task[None] | None:
        """Return the save that is under way in this loop.

        One that another loop has left undone cannot be awaited here: it is in `_unsure`, and the next save finds out.
        """
        running = self._running
        if running is None or running.done() or running.get_loop() is not asyncio.get_running_loop():
            return None
        return running

    def _start(self, save: _Save | None) -> asyncio.Task[None]:
        """Begin a save; an eager task factory may have finished it when this returns."""
        self._running = running = asyncio.ensure_future(self._put(save))
        running.add_done_callback(_look_at)
        return running

    def _prepare(self) -> _Save:
        """Encode the execution as it is now."""
        runtime, shared, began = self.runtime, self.store.shares_flow_state, time.perf_counter()
        sequence = (self.sequence or 0) + 1
        step = current_step.set(None)  # what is replayed is none of the doing of a step that has just ended
        try:
            snapshot = snapshot_of(runtime, "json", sequence, with_flow_state=not shared)
        finally:
            current_step.reset(step)
        changes = self._changes() if shared else []
        failpoints.at("save.encoded")
        record = StoredSnapshot(
            runtime.id, runtime.flow.name, str(snapshot.status), sequence, datetime.now(UTC), snapshot.to_bytes()
        )
        change = (
            flow_state_change(runtime.flow, [each.operation for each in changes]) if changes or self._pushes else None
        )
        return _Save(record, change, changes, self._wanted, began)

    def _put_at_once(self, save: _Save) -> bool:
        """Save without a task, which takes longer than a commit; says whether the store could do that."""
        put_at_once = getattr(type(self.store), "put_at_once", None)  # not what a wrapper hands on besides its `put`
        if put_at_once is None:
            return False
        step = current_step.set(None)
        self._unsure = save
        try:
            put = put_at_once(self.store, save.record, expected=self.sequence, flow_state=save.change)
            if put is None:
                self._unsure = None
                return False
            self._stored(save, put.flow_state)
            return True
        except ConflictError:
            self._refused()
            raise
        finally:
            current_step.reset(step)

    async def _put(self, save: _Save | None) -> None:
        current_step.set(None)  # a step has begun this task, but what is replayed in it is none of its doing
        if self._unsure is not None:
            await self._find_out(self._unsure)
            if self.kept in (Status.COMPLETED, Status.CANCELLED):
                self._done = self._wanted
                return
        save = save or self._prepare()
        self._unsure = save
        try:
            stored = await self.store.put(save.record, expected=self.sequence, flow_state=save.change)
        except ConflictError:
            self._refused()
            raise
        self._stored(save, stored)

    def _stored(self, save: _Save, flow_state: bytes | None) -> None:
        """Note that a save is stored, with what it made of a shared flow_state."""
        failpoints.at("save.stored")
        self._unsure = None
        self._done, self.sequence, self.kept = save.upto, save.record.sequence, Status(save.record.status)
        if self.runtime.observers is not None:
            seconds = time.perf_counter() - save.began
            self.runtime.observers.saved(self.runtime, save.record.sequence, len(save.record.data), seconds)
        if flow_state is not None:
            self._pushes = False
            self._forget(save.changes)
            take_flow_state(self.runtime.flow, flow_state)

    def _refused(self) -> None:
        """Give back what was changed outside of all steps: the save of another execution shall take it along."""
        self._unsure = None
        self.runtime.flow.outside[:0] = self._lent
        self._lent = []

    def _changes(self) -> list[Change]:
        """Give what is to be replayed in the store, with what was changed outside of all steps."""
        flow = self.runtime.flow
        self._lent += flow.outside
        flow.outside = []
        return [*self._lent, *(self.runtime.operations or ())]

    def _forget(self, changes: list[Change]) -> None:
        """Drop changes that are stored: those that were lent, and the first ones of the execution."""
        count = len(changes) - len(self._lent)
        self._lent = []
        del (self.runtime.operations or [])[:count]
        for change in changes:
            self.runtime.flow.changes.pop(change, None)

    async def _find_out(self, save: _Save) -> None:
        """Look whether a save came through of which nobody was told: what it counted must not be counted again."""
        stored = await self.store.get(self.runtime.id)
        if stored == save.record:
            self.follow(save.record)
            self._forget(save.changes)
        self._unsure = None


def _look_at(task: asyncio.Task[None]) -> None:
    """See the error of a save, which is told to whoever waits: nobody may be left."""
    if not task.cancelled():
        task.exception()


def require_options(store: object, checkpoint: object) -> None:
    """Refuse a store that is none, a checkpoint that is none, and one without a store."""
    problems: list[Problem] = []
    if store is not None and not _is_store(store):
        problems.append(executions.no_store_problem(store))
    if not isinstance(checkpoint, str) or checkpoint not in CHECKPOINTS:
        problems.append(executions.wrong_option_problem("checkpoint", checkpoint, CHECKPOINTS))
    elif checkpoint != "pause" and store is None:
        problems.append(executions.needless_checkpoint_problem(str(checkpoint)))
    if problems:
        raise ContractError(problems)


def _is_store(given: object) -> bool:
    return (
        not isinstance(given, type)
        and all(callable(getattr(given, call, None)) for call in ("get", "put", "get_flow_state"))
        and hasattr(given, "shares_flow_state")
    )


def require_savable(plan: Plan) -> None:
    """Refuse a store for a flow with values on its edges that can never be saved, all of them at once."""
    problems: dict[Problem, None] = {}
    for node in plan.nodes:
        if node.carries is UNKNOWN or not any(node.ports):
            continue
        for path, reason in unsavable(node.carries):
            edge = f"the value behind step '{node.name}'"
            problem = snapshots.never_savable_problem(edge, render(node.carries), reason, render_path(path))
            problems[problem.at(f"flow '{plan.flow}'")] = None
    if problems:
        raise ContractError(list(problems))


def flow_state_change(flow: FlowRuntime, operations: Sequence[Callable[[Any], object]]) -> FlowStateChange:
    """Make the change that replays operations on the stored flow_state, in the transaction of the save."""

    def replay(stored: bytes | None) -> bytes:
        value = flow.first_flow_state() if stored is None else decode_flow_state(stored, flow.spec)
        for operation in operations:
            operation(value)
        return encode_flow_state(value, flow.spec)

    return FlowStateChange(flow.name, replay)


def take_flow_state(flow: FlowRuntime, stored: bytes) -> None:
    """Show in this process what the store holds now, with what no execution has committed yet on top of it."""
    value = decode_flow_state(stored, flow.spec)
    step = current_step.set(None)  # the run may be inside a step of another
    try:
        for change in list(flow.changes):
            change.operation(value)
        flow.show_flow_state(value)
    finally:
        current_step.reset(step)
