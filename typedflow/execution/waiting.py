"""Which of the open executions of a tree waits for an answer, and in which something may run, at a cost of those only.

A for_each over child flows that pause leaves thousands of open executions that only wait. A pause or an answer that
looked through all of them took 0.7 to 8 ms at 5000, and takes 15 to 40 µs with the owners kept by interrupt id.
"""

from __future__ import annotations

from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Final

from typedflow.engine.tokens import Interrupt, Paused
from typedflow.execution.runtime import ExecutionRuntime, Owners

LEAST_LIMIT: Final = 64


def owner_of(root: ExecutionRuntime, interrupt_id: str) -> ExecutionRuntime | None:
    """Return the execution, the root or one below it, that waits for an answer; None if none does."""
    if interrupt_id in (root.run.interrupts or ()):
        return root
    if not root.children:
        return None
    owners = _owners(root).by_id
    owner = owners.get(interrupt_id)
    if owner is None or (owner.is_open() and interrupt_id in (owner.run.interrupts or ())):
        return owner
    del owners[interrupt_id]  # dropped together with what asked it
    return None


def questions_of(root: ExecutionRuntime) -> dict[str, tuple[ExecutionRuntime, Paused]]:
    """Return what an execution and the open ones below it ask, by interrupt id, parents first; no sleeps."""
    found: dict[str, tuple[ExecutionRuntime, Paused]] = {}
    waiting = [root]
    for runtime in waiting:  # written out: programs ask before each answer
        if runtime.run.interrupts:
            for id_, paused in runtime.run.interrupts.items():
                if not paused.asleep:
                    found[id_] = runtime, paused
        if runtime.children:
            waiting.extend(runtime.children.values())
    return found


def note_paused(runtime: ExecutionRuntime, asked: Interrupt) -> None:
    """Record that an execution waits for an answer or sleeps; called before its run records the interrupt."""
    if asked.deadline is not None:
        _note_deadline(runtime, asked.id, asked.deadline)
    if runtime.parent is None:  # it has the interrupts itself
        return
    owners = _owners(runtime.top)
    if len(owners.by_id) >= owners.limit:
        owners = _collect(runtime.top)
    owners.by_id[asked.id] = runtime


def _note_deadline(runtime: ExecutionRuntime, interrupt_id: str, deadline: datetime) -> None:
    root = runtime.top
    if root.timed is None:
        root.timed = []
    heappush(root.timed, (deadline, interrupt_id))
    if runtime.driver is not None:
        runtime.driver.note_deadline(deadline)


def collect_deadlines(root: ExecutionRuntime) -> None:
    """Record the deadlines of what waits in an execution that was loaded, and below it."""
    waits = (paused.interrupt for runtime in root.tree() for paused in (runtime.run.interrupts or {}).values())
    timed = [(asked.deadline, asked.id) for asked in waits if asked.deadline is not None]
    heapify(timed)
    root.timed = timed or None


def next_due(root: ExecutionRuntime) -> datetime | None:
    """Return the earliest deadline of what waits, sleeps included; None where nothing has one."""
    while root.timed:
        moment, interrupt_id = root.timed[0]
        if _pending(root, interrupt_id, moment) is not None:
            return moment
        heappop(root.timed)
    return None


def due(root: ExecutionRuntime, now: datetime) -> list[tuple[ExecutionRuntime, Paused]]:
    """Return what is due, the earliest first."""
    timed, passed, found = root.timed or [], [], []
    while timed and timed[0][0] <= now:
        moment, interrupt_id = heappop(timed)
        pending = _pending(root, interrupt_id, moment)
        if pending is not None:
            passed.append((moment, interrupt_id))
            found.append(pending)
    for each in passed:  # it is due until it is answered
        heappush(timed, each)
    return found


def _pending(root: ExecutionRuntime, interrupt_id: str, deadline: datetime) -> tuple[ExecutionRuntime, Paused] | None:
    """Return what waits under an id with this deadline; None where that is over."""
    owner = owner_of(root, interrupt_id)
    paused = None if owner is None else (owner.run.interrupts or {})[interrupt_id]
    if owner is None or paused is None or paused.interrupt.deadline != deadline:
        return None
    return owner, paused


def note_answered(root: ExecutionRuntime, interrupt_id: str) -> None:
    """Record that an interrupt was answered, and takes no answer any more."""
    if root.owners is not None:
        root.owners.by_id.pop(interrupt_id, None)


def _owners(root: ExecutionRuntime) -> Owners:
    owners = root.owners
    return _collect(root) if owners is None or owners.run is not root.run else owners  # another run: after a load


def _collect(root: ExecutionRuntime) -> Owners:
    below = (runtime for runtime in root.tree() if runtime is not root)
    by_id = {id_: runtime for runtime in below for id_ in runtime.run.interrupts or ()}
    root.owners = owners = Owners(root.run, by_id, max(LEAST_LIMIT, 2 * len(by_id)))
    return owners


def active(root: ExecutionRuntime, owner: ExecutionRuntime | None = None) -> list[ExecutionRuntime]:
    """Return the root and the open executions below it in which something may run, parents first.

    A child whose token is suspended only waits for answers. `owner` is about to get one: it and those above it are
    included.
    """
    found = [root]
    for runtime in found:
        children = runtime.children
        if children:
            run = runtime.run
            found.extend(children[token] for token in (*run.live, *run.queued) if token in children)
    above: list[ExecutionRuntime] = []
    while owner is not None and owner.parent is not None:
        above.append(owner)
        owner = owner.parent[0]
    return list(dict.fromkeys([root, *reversed(above), *found]))
