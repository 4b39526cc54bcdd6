"""What an execution asks, as a store keeps it in rows, and what a save changes of them.

A save looks at the interrupts that came or went since the last one, here and in open children: to compare all took 2 ms
of each answer where 5000 are pending. After a save that may not have come through it compares all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from typedflow.engine.run import Run
from typedflow.engine.status import Status
from typedflow.engine.tokens import Interrupt
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.execution.waiting import owner_of
from typedflow.stores.records import Notes, PendingInterrupt

_ASKS = frozenset({Status.WAITING, Status.RUNNING})
"""An execution that failed asks nothing until it is retried."""


_NOTHING: Mapping[str, Interrupt] = {}


class AskedChanges(NamedTuple):
    """What one save changes of the pending interrupts."""

    new: Collection[Interrupt]
    gone: Collection[str]
    all: Mapping[str, Interrupt] | None
    """All interrupts after it, by id; None where `new` and `gone` are all that changes."""
    is_followed: bool
    """The next save may look at the changed interrupts only."""


class Asked:
    """The pending interrupts of the stored execution."""

    __slots__ = ("_is_followed", "_run", "_stored", "_sure")

    def __init__(self) -> None:
        self._stored: dict[str, Interrupt] = {}
        self._is_followed = False
        self._run: Run | None = None
        """The run of the last save; a load and a cancellation make another one."""
        self._sure = False
        """Whether that save is stored."""

    def take_changed(self, runtime: ExecutionRuntime) -> Collection[str] | None:
        """Return the ids of the interrupts that came or went since the last save, None where that is not known."""
        run = runtime.run
        noted = {} if run.changed_interrupts is None else run.changed_interrupts
        changed = list(noted)
        noted.clear()
        sure = self._sure and run is self._run
        self._run, self._sure = run, False
        if sure:
            return changed
        for each in runtime.tree():  # some may have been loaded
            each.run.changed_interrupts = noted
        return None

    def changes(self, runtime: ExecutionRuntime, changed: Collection[str] | None) -> AskedChanges:
        """Return what a save changes; `changed` is what `take_changed` has returned for it.

        An id that is used again is another interrupt: its row is written anew.
        """
        stored, is_followed = self._stored, runtime.run.status in _ASKS
        if changed is None or not (is_followed and self._is_followed):
            asked = asked_by(runtime)
            new = [each for id_, each in asked.items() if id_ not in stored or stored[id_].key != each.key]
            return AskedChanges(new, [id_ for id_ in stored if id_ not in asked], asked, is_followed)
        if not changed:
            return _UNCHANGED
        new, gone = [], []
        for id_ in changed:
            owner, before = owner_of(runtime, id_), stored.get(id_)
            paused = None if owner is None else (owner.run.interrupts or {}).get(id_)
            if paused is None or paused.asleep:
                if before is not None:
                    gone.append(id_)
            elif before is None or before.key != paused.interrupt.key:
                new.append(paused.interrupt)
        return AskedChanges(new, gone, None, is_followed)

    def saved(self, changes: AskedChanges) -> None:
        """Record that the save is stored."""
        self._is_followed, self._sure = changes.is_followed, True
        if changes.all is not None:
            self._stored = dict(changes.all)
            return
        for id_ in changes.gone:
            del self._stored[id_]
        for each in changes.new:
            self._stored[each.id] = each

    def loaded(self, runtime: ExecutionRuntime) -> None:
        """Record the interrupts of an execution that was loaded from the store."""
        self._stored = dict(asked_by(runtime))


_UNCHANGED = AskedChanges((), (), None, is_followed=True)


def asked_by(runtime: ExecutionRuntime) -> Mapping[str, Interrupt]:
    """Return what an execution and its open children ask, by interrupt id; nothing where its status takes no answer."""
    if not runtime.children and not runtime.run.interrupts:
        return _NOTHING
    if runtime.run.status not in _ASKS:
        return _NOTHING
    return {
        id_: each.interrupt
        for open_ in runtime.tree()
        for id_, each in (open_.run.interrupts or {}).items()
        if not each.asleep
    }


def notes_of(runtime: ExecutionRuntime, changes: AskedChanges) -> Notes | None:
    """Return what a save changes of the rows of an execution, None for nothing."""
    if not changes.new and not changes.gone:
        return None
    return Notes(tuple(_question(runtime, each) for each in changes.new), tuple(changes.gone))


def _question(runtime: ExecutionRuntime, asked: Interrupt) -> PendingInterrupt:
    return PendingInterrupt(
        execution_id=runtime.id,
        flow=runtime.flow.name,
        interrupt_id=asked.id,
        type=asked.type,
        payload=asked.payload,
        since=asked.since or datetime.now(UTC),
        deadline=asked.deadline,
        step=asked.step,
        within=asked.within,
        resume_event=asked.resume_event,
        key=asked.key,
    )
