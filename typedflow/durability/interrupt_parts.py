"""The pending interrupts of an execution as parts: a save writes those that came, and deletes those that were answered.

With all of them in the head, an answer to one of 5000, which is saved twice, took 75 ms of CPU. As parts it takes
0.7 ms, and as long beside 500. benchmarks/g05_pauses.py measures it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from typedflow.durability.ledger import Changes
from typedflow.durability.name_counts import NameCounts
from typedflow.engine.run import Run
from typedflow.engine.tokens import BlockInstance, Paused
from typedflow.snapshot.joining import encode_interrupt, interrupt_key
from typedflow.snapshot.run_writing import RunParts, RunWriter

INTERRUPTS_FROM = 64
"""Pending interrupts from which they are parts."""


class _Tracked(NamedTuple):
    """What is known of one interrupt at its last save."""

    number: int
    """Its place among all, and the name of its part."""
    is_part: bool
    nodes: tuple[str, str]
    """The names of the node that it waits at, and of the producer of its value."""
    event: str | None


class InterruptParts:
    """The interrupts of one run that are saved in parts."""

    __slots__ = ("_blocks", "_events", "_next", "_nodes", "_tracked", "_whole")

    def __init__(self) -> None:
        self._next = 0
        self._clear()

    def _clear(self) -> None:
        self._tracked: dict[str, _Tracked] = {}
        self._whole: dict[str, int] = {}
        """Those that stay in the head, with their numbers."""
        self._nodes = NameCounts()
        """The nodes that those in parts wait at or came from; the head describes them."""
        self._events = NameCounts()
        """The events that those in parts are to emit."""
        self._blocks: Mapping[BlockInstance, int] = {}

    def collect(
        self, run: Run, changes: Changes, blocks: Mapping[BlockInstance, int], changed: Iterable[str] | None
    ) -> RunParts:
        """Encode the interrupts that came; return what of the run is in parts.

        `changed` are the ids of those that came or went since the save that is stored; None if that is not known: then
        all of them are written anew. `blocks` are the block instances that are parts, with their numbers.
        """
        pending = run.interrupts or {}
        if changed is None or any(block not in blocks for block in self._blocks):
            self._forget(changes)
            changed = pending if len(pending) >= INTERRUPTS_FROM else ()
        elif not self._tracked:
            changed = pending if len(pending) >= INTERRUPTS_FROM else ()
        self._blocks = blocks
        writer = RunWriter.of_parts(run)
        for id_ in changed:
            self._drop(id_, changes)
            if id_ in pending:
                self._add(writer, id_, pending[id_], changes)
        whole = [(number, pending[id_]) for id_, number in self._whole.items()] if self._tracked else None
        return RunParts(blocks, whole, tuple(self._nodes.in_use), tuple(self._events.in_use))

    def _add(self, writer: RunWriter, id_: str, paused: Paused, changes: Changes) -> None:
        number, nodes = self._next, writer.run.plan.nodes
        self._next += 1
        scope, event = paused.token.scope, paused.interrupt.resume_event
        is_part = not paused.needs_value and (scope is None or scope.block in self._blocks)
        names = (nodes[paused.token.node].name, nodes[paused.token.producer].name)
        self._tracked[id_] = _Tracked(number, is_part, names, event)
        if not is_part:  # one that needs it has a value, of which the first save decides; a scope may be in no part
            self._whole[id_] = number
            return
        self._nodes.add(names)
        if event is not None:
            self._events.add((event,))
        place = None if scope is None else (self._blocks[scope.block], scope.item)
        record = writer.interrupt(paused, f"interrupt '{id_}'", with_scope=False)
        changes.put(interrupt_key(number), encode_interrupt(place, record))

    def _drop(self, id_: str, changes: Changes) -> None:
        known = self._tracked.pop(id_, None)
        if known is None:
            return
        if not known.is_part:
            del self._whole[id_]
            return
        changes.drop(interrupt_key(known.number))
        self._nodes.remove(known.nodes)
        if known.event is not None:
            self._events.remove((known.event,))

    def _forget(self, changes: Changes) -> None:
        """Begin anew: the interrupts get new numbers, and what is stored of old ones is deleted."""
        self._clear()
        for key in changes.known:
            if key.startswith("i/"):
                changes.drop(key)
                self._next = max(self._next, int(key.split("/")[1]) + 1)
