"""When an execution with a store is saved, and how: one save at a time, compare-and-swap on the sequence.

A step is acknowledged when a save that includes it is committed; steps that end while a save is under way share the
next one. A save that was begun is finished, also when the task that waits for it is cancelled, so that the sequence
stays known.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from msgspec.structs import force_setattr

from typedflow.durability.execution_parts import Collected, ExecutionParts
from typedflow.durability.family import FamilyChanges, family_of, family_saved
from typedflow.durability.pending import Asked, AskedChanges, notes_of
from typedflow.durability.revisions import changed_parts, digests_in_slices, parts_of, parts_of_state
from typedflow.durability.saving import snapshot_of
from typedflow.engine.status import Status
from typedflow.errors import ConflictError, SnapshotError, StoreError
from typedflow.execution import failpoints
from typedflow.execution.checkpointer import MAXIMUM_BLOCKING_TIME
from typedflow.execution.failures import add_note, is_a, is_of_store
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.execution.waiting import next_due
from typedflow.rules.options import Checkpoint
from typedflow.schema.writing import current_step
from typedflow.snapshot.envelope import Snapshot
from typedflow.snapshot.flow_states import decode_flow_state, encode_flow_state
from typedflow.snapshot.run_writing import NO_PARTS
from typedflow.stores.flow_state_sharing import FlowStateChange
from typedflow.stores.holders import describe_holder, is_gone
from typedflow.stores.protocol import SnapshotStore
from typedflow.stores.records import Notes, Parent, StoredSnapshot


class _Save(NamedTuple):
    """What one save writes."""

    record: StoredSnapshot
    status: Status
    change: FlowStateChange | None
    writes: dict[str, Any]
    """The fields of the shared flow_state that it writes."""
    commits: int
    """How many commits had been asked for when it was prepared: it includes them."""
    asked: AskedChanges
    """What it changes of the pending interrupts."""
    parts: dict[str, int]
    """Of an execution with a history: the digests of its parts."""
    collected: Collected | None
    """Of an execution that is stored in parts: those that it writes."""
    family: FamilyChanges
    """What it changes of other executions."""
    began: float
    """When its encoding began, on the clock of `time.perf_counter`."""


class Checkpoints:
    """Save one execution into its store."""

    __slots__ = (
        "_adds_flow_state",
        "_asked",
        "_commits",
        "_commits_saved",
        "_error",
        "_in_doubt",
        "_origin",
        "_parent",
        "_parts",
        "_running",
        "_stored_parts",
        "_yielded_at",
        "each_step",
        "history",
        "holder",
        "other_holder",
        "runtime",
        "saved_status",
        "sequence",
        "store",
    )

    def __init__(
        self,
        runtime: ExecutionRuntime,
        store: SnapshotStore,
        checkpoint: Checkpoint,
        history: int | None = None,
        origin: tuple[str, int] | None = None,
    ) -> None:
        self.runtime = runtime
        self.store = store
        self.each_step = checkpoint == "step"
        self.history = history
        """How many revisions the store keeps; 0: all, None: none."""
        if history is not None:
            runtime.ended = []
        self.sequence: int | None = None
        """The sequence of the stored snapshot; None where there is none yet."""
        self.saved_status: Status | None = None
        """The status in the last save."""
        self._in_doubt: _Save | None = None
        """A save that failed or was cut off, of which it is not known whether it is stored."""
        self._asked = Asked()
        self._parts: dict[str, int] = {}
        """Of an execution with a history: the digests of the stored parts."""
        self._stored_parts: ExecutionParts | None = None
        """The parts that the store has; None for a store that keeps whole documents."""
        if getattr(store, "whole_documents", True) is False:
            self._stored_parts, runtime.changed = ExecutionParts(runtime.plan.spec.state), {}
        self.other_holder: tuple[str, datetime] | None = None
        """The other process that has an execution which was opened and not saved since, and until when at least."""
        self.holder: str | None = None
        """While a driver runs this, with a `LeaseStore`: the name that its lease is under."""
        self._origin = origin
        """Of a fork that is not stored yet: the execution and the revision that it continues."""
        self._parent: Parent | None = None
        """Of a remote child: its parent."""
        self._error: Exception | None = None
        """The error of a failed execution."""
        self._adds_flow_state = False
        """Whether the next save also stores a flow_state that was set before the flow had a store."""
        runtime.share_flow_state(store)
        self._commits = 0
        """How many were asked for."""
        self._commits_saved = 0
        """How many of them are included in what is stored."""
        self._running: asyncio.Task[None] | None = None
        self._yielded_at = 0.0
        """When a save on this thread last let other tasks of the loop run."""

    async def commit(self) -> None:
        """Return when everything up to this call is stored; raises what the save or the store raises."""
        self._commits += 1
        mine = self._commits
        if self._in_doubt is None and self._saving() is None:
            save = self._prepare()
            if self._put_at_once(save):
                await self._yield_to_loop()
                return
            await asyncio.shield(self._start(save))
        while self._commits_saved < mine:
            running = self._saving()
            await asyncio.shield(self._start(None) if running is None else running)

    async def _yield_to_loop(self) -> None:
        """Yield to timers, signals and sockets between saves on this thread, every `MAXIMUM_BLOCKING_TIME`."""
        if time.monotonic() - self._yielded_at > MAXIMUM_BLOCKING_TIME:
            await asyncio.sleep(0)
            self._yielded_at = time.monotonic()

    def follow(self, stored: StoredSnapshot) -> None:
        """Continue from the sequence and the status of what is stored."""
        self.sequence, self.saved_status = stored.sequence, Status(stored.status)

    def continue_from(self, stored: StoredSnapshot, snapshot: Snapshot) -> None:
        """Continue from what was loaded."""
        self.follow(stored)
        if stored.holder is not None and stored.held_until is not None and not is_gone(stored.holder):
            self.other_holder = describe_holder(stored.holder), stored.held_until
        self._parent = stored.parent
        self._asked.loaded(self.runtime)
        if self.history is not None:
            self._parts = parts_of(snapshot)
            if stored.parts is not None:
                self._parts |= parts_of_state(digests_in_slices(stored.parts))
        if self._stored_parts is not None and stored.parts is not None:
            self._stored_parts.loaded(stored.parts, stored.head)

    async def begin(self) -> None:
        """Save before anything runs, so that of two processes that continue one snapshot the second is refused."""
        new_holder = getattr(type(self.store), "new_holder", None)  # not what a wrapper hands on besides its `put`
        if new_holder is not None and self.holder is None:
            self.holder = new_holder(self.store)
        flow, self._error = self.runtime.flow, None
        if self.runtime.shares_flow_state:
            stored = await self.store.get_flow_state(flow.name)
            flow.take_stored(stored)
            self._adds_flow_state = stored is None and bool(flow.unstored)
        await self.commit()

    async def go_on(self) -> None:
        """Take the lease again, which the save at rest has ended, before the run continues with what came meanwhile."""
        if self.holder is not None:
            await self.commit()

    def let_go(self) -> None:
        """Stop the renewal of the lease, and end it unless a save has: other processes may take the execution now."""
        holder, self.holder = self.holder, None
        if holder is not None:
            ended = self._in_doubt is None and self.saved_status is not Status.RUNNING
            self.store.let_go(holder, None if ended else self.runtime.id)  # type: ignore[attr-defined]  # it has `new_holder`

    @property
    def behind(self) -> bool:
        """Return True if a commit that was asked for is not saved yet."""
        return self._commits_saved < self._commits

    async def rest(self) -> None:
        """Wait until no save is under way."""
        running = self._saving()
        if running is not None:
            await asyncio.wait([running])

    async def save_cancelled(self) -> None:
        """Save a cancelled run, once."""
        if self.saved_status is not Status.CANCELLED:
            await self.commit()

    async def save_failed(self, error: Exception) -> None:
        """Save a failed run, so that another process can retry it; a store that fails too is a note on the error."""
        await self.rest()
        if is_of_store(error) or is_a(error, SnapshotError):
            return
        self._error = error
        try:
            await self.commit()
        except (StoreError, SnapshotError) as second:
            add_note(error, f"the failed run could not be saved either: {second}")

    def _saving(self) -> asyncio.Task[None] | None:
        """Return the save that is under way in this loop.

        One that another loop has left undone cannot be awaited here: it is in doubt, and the next save reads the store.
        """
        running = self._running
        if running is None or running.done() or running.get_loop() is not asyncio.get_running_loop():
            return None
        return running

    def _start(self, save: _Save | None) -> asyncio.Task[None]:
        """Begin a save; an eager task factory may have finished it when this returns."""
        self._running = running = asyncio.ensure_future(self._put(save))
        running.add_done_callback(_retrieve_error)
        return running

    def _prepare(self) -> _Save:
        """Encode the execution as it is now."""
        runtime, shared, began = self.runtime, self.runtime.shares_flow_state, time.perf_counter()
        sequence = (self.sequence or 0) + 1
        if self.sequence is None:  # of a fork or a document: what it has taken was sent to another execution
            runtime.mail = 0
        step = current_step.set(None)  # a save is none of the doing of a step that has just ended
        changed = self._asked.take_changed(runtime)
        try:
            collected = self._collect(changed)
            snapshot = snapshot_of(
                runtime,
                "json",
                sequence,
                with_flow_state=not shared,
                with_state=collected is None or not collected.has_state,
                parts=NO_PARTS if collected is None else collected.run,
            )
        finally:
            current_step.reset(step)
        if collected is not None and collected.lists:
            snapshot.slices = collected.slices()
        family = family_of(runtime, snapshot.status, self.saved_status, self._parent, self._error)
        data = snapshot.to_bytes()
        if self._stored_parts is not None:
            self._stored_parts.weigh(len(data))
        failpoints.at("save.encoded")
        asked, parts = self._asked.changes(runtime, changed), {} if self.history is None else parts_of(snapshot)
        if self.history is not None and collected is not None:
            parts = parts_of_state(collected.digests()) | parts
        record = StoredSnapshot(
            runtime.id,
            runtime.flow.name,
            str(snapshot.status),
            sequence,
            datetime.now(UTC),
            data,
            history=self.history,
            notes=self._notes(asked, parts, collected),
            due=next_due(runtime) if snapshot.status is Status.WAITING else None,
            mail=runtime.mail,
            holder=self.holder,
            delta=None if collected is None else collected.delta,
            parent=self._parent,
            family=family.family,
        )
        writes = {} if runtime.ended_writes is None else dict(runtime.ended_writes.values)
        change = self._change(snapshot.status, writes)
        return _Save(record, snapshot.status, change, writes, self._commits, asked, parts, collected, family, began)

    def _change(self, status: Status, writes: dict[str, Any]) -> FlowStateChange | None:
        """Return what a save does to the shared flow_state; None where there is none, or nothing to do."""
        flow, steps = self.runtime.flow, self.runtime.ended_steps
        if steps is None:
            return None
        over = status in (Status.COMPLETED, Status.CANCELLED)
        if not (writes or self._adds_flow_state or steps or over):
            return None
        replay = flow_state_change(flow, writes) if writes or self._adds_flow_state else None
        return FlowStateChange(flow.name, replay, None if over else tuple(steps))

    def _collect(self, changed: Collection[str] | None) -> Collected | None:
        """Encode the parts that may have changed; None where the execution is kept whole."""
        if self._stored_parts is None or not (self._stored_parts.is_due(self.runtime) or self.sequence is None):
            return None
        collected = self._stored_parts.collect(self.runtime, changed)
        self._stored_parts.weigh(sum(len(part.data) for part in collected.delta.writes))
        return collected if self._stored_parts.in_use else None

    def _notes(self, asked: AskedChanges, parts: Mapping[str, int], collected: Collected | None) -> Notes | None:
        """Return what the save changes in the rows beside the document."""
        notes = notes_of(self.runtime, asked)
        if self.history is None and self._origin is None:
            return notes
        steps, changed = tuple(self.runtime.ended or ()), changed_parts(parts, self._parts)
        if collected is not None:
            changed = (*changed, *sorted(collected.names() - {*changed}))
        return replace(notes or Notes(), steps=steps, changed=changed, forked_from=self._origin)

    def _note_parts_saved(self, save: _Save) -> None:
        """Record which parts, interrupts and children the store has now."""
        self._asked.saved(save.asked)
        family_saved(self.runtime, save.family)
        self._parts, self._origin = save.parts, None
        if save.collected is not None and self._stored_parts is not None:
            self._stored_parts.saved(save.collected)
        if save.record.notes is not None and self.runtime.ended is not None:
            del self.runtime.ended[: len(save.record.notes.steps)]

    def _put_at_once(self, save: _Save) -> bool:
        """Save on this thread, as a task takes longer than a commit; return whether the store could do that."""
        put_at_once = getattr(type(self.store), "put_at_once", None)  # not what a wrapper hands on besides its `put`
        if put_at_once is None:
            return False
        step = current_step.set(None)
        self._in_doubt = save
        try:
            put = put_at_once(self.store, save.record, expected=self.sequence, flow_state=save.change)
            if put is None:
                self._in_doubt = None
                return False
            self._note_saved(save, put.flow_state)
            return True
        except ConflictError:
            self._drop_refused()
            raise
        finally:
            current_step.reset(step)

    async def _put(self, save: _Save | None) -> None:
        current_step.set(None)  # a step has begun this task, but the save is none of its doing
        if self._in_doubt is not None:
            await self._resolve_doubt(self._in_doubt)
            if self.saved_status in (Status.COMPLETED, Status.CANCELLED):
                self._commits_saved = self._commits
                return
        save = save or self._prepare()
        self._in_doubt = save
        try:
            stored = await self.store.put(save.record, expected=self.sequence, flow_state=save.change)
        except ConflictError:
            self._drop_refused()
            raise
        self._note_saved(save, stored)

    def _note_saved(self, save: _Save, flow_state: bytes | None) -> None:
        """Record that a save is stored, and take over the shared flow_state that it has stored."""
        failpoints.at("save.stored")
        self._in_doubt = self.other_holder = None
        self._commits_saved = save.commits
        self.sequence, self.saved_status = save.record.sequence, save.status
        self._note_parts_saved(save)
        self._drop_stored_writes(save)
        if self.runtime.observers is not None:
            seconds = time.perf_counter() - save.began
            self.runtime.observers.saved(self.runtime, save.record.sequence, len(save.record.data), seconds)
        if flow_state is not None:
            self._adds_flow_state = False
            self.runtime.flow.show_flow_state(decode_flow_state(flow_state, self.runtime.flow.kept_by))

    def _drop_refused(self) -> None:
        """Drop what was to be saved: another process runs the execution now, and what it has saved counts."""
        self._in_doubt = None
        if self.runtime.ended_writes is not None:
            self.runtime.ended_writes.values.clear()

    def _drop_stored_writes(self, save: _Save) -> None:
        """Drop the writes that are stored, and the keys that the store has forgotten."""
        if save.change is None or self.runtime.ended_writes is None or self.runtime.ended_steps is None:
            return
        self.runtime.ended_writes.stored(save.writes)
        for step in save.change.ended or ():
            self.runtime.ended_steps.pop(step, None)

    async def _resolve_doubt(self, save: _Save) -> None:
        """Check whether a save with an unknown outcome is stored; if it is, count what it has written, once."""
        stored = await self.store.get(self.runtime.id)
        if stored is not None and _is_save(stored, save.record):
            self.follow(save.record)
            self._note_parts_saved(save)
            self._drop_stored_writes(save)
        self._in_doubt = None


def _is_save(stored: StoredSnapshot, record: StoredSnapshot) -> bool:
    """Return True if what is stored was written by this save."""
    return stored.entry == record.entry and (stored.head or stored.data) == record.data


def _retrieve_error(task: asyncio.Task[None]) -> None:
    """Retrieve the error of a save, so that asyncio does not warn where no caller is left to get it."""
    if not task.cancelled():
        task.exception()


def flow_state_change(flow: FlowRuntime, writes: Mapping[str, Any]) -> Callable[[bytes | None], bytes]:
    """Return the function that writes fields into the stored flow_state, in the transaction of a save."""

    def replay(stored: bytes | None) -> bytes:
        value = flow.first_flow_state() if stored is None else decode_flow_state(stored, flow.kept_by)
        for field, written in writes.items():
            force_setattr(value, field, written)
        return encode_flow_state(value, flow.kept_by)

    return replay
