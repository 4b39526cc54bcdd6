"""The open children that only wait as parts: a save writes those that came to wait, and deletes those that went on.

With all of them in the head, an answer to one of 1000, which is saved three times, took 90 ms of CPU. As parts it takes
as long as beside 100. benchmarks/g05_pauses.py measures it.

A part is the token that waits in the parent and the snapshot of the child, with all that is open below it, as they were
when the child began to wait: nothing of a child that waits changes until its token goes on. What other code changes
in its state meanwhile, through an alias that a step of it has left behind, is saved when it waits or rests again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, final

from typedflow.durability.ledger import Changes
from typedflow.durability.name_counts import NameCounts
from typedflow.durability.saving import child_snapshot
from typedflow.engine.run import Run
from typedflow.engine.tokens import BlockInstance, Token
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.snapshot.joining import child_key, encode_child
from typedflow.snapshot.kept_values import KeptValues, Place
from typedflow.snapshot.run_writing import RunWriter

CHILDREN_FROM = 64
"""Waiting children from which they are parts."""


class WaitingChildren(NamedTuple):
    """What of the open children is in parts."""

    tokens: Collection[Token]
    nodes: Collection[str]
    """The nodes that they wait at or came from; the head describes them."""
    resource_keys: Collection[str]
    """The keys of the resources that the children have at hand."""


NONE = WaitingChildren((), (), ())


class _Tracked(NamedTuple):
    """What is known of one child at its last save."""

    number: int
    """Its place among all, and the name of its part."""
    nodes: tuple[str, str]
    resource_keys: list[str]
    kept: tuple[Place, ...]
    """The values in flight whose bytes are kept for it."""


@final
class ChildParts:
    """The children of one root that are saved in parts."""

    __slots__ = ("_blocks", "_keys", "_next", "_nodes", "_tracked")

    def __init__(self) -> None:
        self._next = 0
        self._clear()

    def _clear(self) -> None:
        self._tracked: dict[Token, _Tracked] = {}
        self._nodes = NameCounts()
        self._keys = NameCounts()
        self._blocks: Mapping[BlockInstance, int] = {}

    def collect(
        self,
        runtime: ExecutionRuntime,
        changes: Changes,
        blocks: Mapping[BlockInstance, int],
        changed: Iterable[Token] | None,
    ) -> WaitingChildren:
        """Encode the children that came to wait; return which are in parts.

        `changed` are the tokens that began or ceased to wait since the save that is stored; None if that is not known:
        then all of them are written anew. `blocks` are the block instances that are parts, with their numbers. If one
        token waits that can be in no part, none is.
        """
        run, kept = runtime.run, runtime.values_in_flight()
        waiting = run.awaiting_child or {}
        if changed is None or any(block not in blocks for block in self._blocks):
            self._forget(changes, kept)
        if changed is None or not self._tracked:
            changed = waiting
        self._blocks = blocks
        if not self._tracked and len(waiting) < CHILDREN_FROM:
            return NONE
        changed = list(changed)
        if any(token in waiting and not self._may_be_part(runtime, token) for token in changed):
            self._forget(changes, kept)
            return NONE
        for token in changed:
            self._drop(token, changes, kept)
        for token in changed:
            if token in waiting:
                self._add(runtime, token, changes, kept)
        return WaitingChildren(self._tracked.keys(), self._nodes.in_use, self._keys.in_use)

    def _may_be_part(self, runtime: ExecutionRuntime, token: Token) -> bool:
        if token in (runtime.run.remotes or ()) or token not in (runtime.children or ()):
            return False
        return token.scope is None or token.scope.block in self._blocks

    def _add(self, runtime: ExecutionRuntime, token: Token, changes: Changes, kept: KeptValues) -> None:
        run, number, scope = runtime.run, self._next, token.scope
        self._next += 1
        assert runtime.children is not None
        child = runtime.children[token]
        snapshot = child_snapshot(child, "json", 0, datetime.fromtimestamp(child.created, UTC), 0)
        place = f"the token of '{run.plan.nodes[token.node].name}'"
        record, places = kept.pinned(lambda: RunWriter(run, "json", kept).token_in_part(token, place))
        nodes = (record.node, record.producer)
        self._tracked[token] = _Tracked(number, nodes, snapshot.resource_keys, places)
        self._nodes.add(nodes)
        self._keys.add(snapshot.resource_keys)
        within = None if scope is None else (self._blocks[scope.block], scope.item)
        changes.put(child_key(number), encode_child(within, record, snapshot))

    def _drop(self, token: Token, changes: Changes, kept: KeptValues) -> None:
        known = self._tracked.pop(token, None)
        if known is None:
            return
        changes.drop(child_key(known.number))
        kept.unpin(known.kept)
        self._nodes.remove(known.nodes)
        self._keys.remove(known.resource_keys)

    def _forget(self, changes: Changes, kept: KeptValues) -> None:
        """Begin anew: the children get new numbers, and what is stored of old ones is deleted."""
        for known in self._tracked.values():
            kept.unpin(known.kept)
        self._clear()
        for key in changes.known:
            if key.startswith("c/"):
                changes.drop(key)
                self._next = max(self._next, int(key.split("/")[1]) + 1)


def take_changed(run: Run) -> Collection[Token] | None:
    """Return the tokens that began or ceased to wait for their children since the last call, None at the first one."""
    changed, run.changed_waiting = run.changed_waiting, {}
    return changed
