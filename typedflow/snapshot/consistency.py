"""What is wrong in a document whatever the flow is: ids and times, and parts that contradict each other.

Blocks are a tree of scopes, and each item that was started and has no result yet has something in flight inside. What
does not go with the flow is for `typedflow.snapshot.run_reading`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final, TypeAlias

from msgspec import UNSET

from typedflow.engine.plan import Kind
from typedflow.engine.status import Status
from typedflow.rules.names import is_id
from typedflow.rules.wording import quoted
from typedflow.snapshot.envelope import JoinRecord, ScopeRecord, Snapshot

Fault: TypeAlias = tuple[str, str]
"""A place in the document, and what is wrong there."""

EACH: Final = Kind.EACH.name.lower()
BATCH: Final = Kind.BATCH.name.lower()

LARGEST: Final = 2**63 - 2
"""The largest count that is followed by another one of 64 bits."""

_ONLY_IN_STORES: Final = "only a store keeps parts of a document"


def faults_of(snapshot: Snapshot) -> Iterator[Fault]:
    """Yield what the decoder cannot know to be wrong, of an execution and its children."""
    yield from _faults(snapshot, "", None)
    seen: set[str] = set()
    waiting = [("", snapshot)]
    for place, each in waiting:
        yield from _count_faults(each, place)
        yield from _idle_faults(each, place)
        yield from _double_faults(each, place)
        if each.execution_id in seen:
            yield f"{place}execution_id", f"there are two executions {quoted(each.execution_id)}"
        seen.add(each.execution_id)
        waiting.extend((f"{place}children[{index}].", child) for index, child in enumerate(each.children))


def _faults(snapshot: Snapshot, place: str, parent: Snapshot | None) -> Iterator[Fault]:
    if not is_id(snapshot.execution_id):
        yield f"{place}execution_id", f"{quoted(snapshot.execution_id)} is no execution id"
    for name, moment in (("created", snapshot.created), ("saved", snapshot.saved)):
        if moment.utcoffset() != timedelta(0):
            yield f"{place}{name}", "a time in UTC was expected"
    for name, count in (("sequence", snapshot.sequence), ("received", snapshot.received)):
        if count is not UNSET and count > LARGEST:
            yield f"{place}{name}", "no count of that size was ever saved"
    if snapshot.resource_keys != sorted(set(snapshot.resource_keys)):
        yield f"{place}resource_keys", "sorted keys were expected, each once"
    if snapshot.slices is not UNSET:
        yield f"{place}slices", _ONLY_IN_STORES
    yield from _parent_faults(snapshot, place, parent)
    yield from _scope_faults(snapshot, place)
    yield from _interrupt_faults(snapshot, place)
    parents: set[int | None] = set()
    for index, child in enumerate(snapshot.children):
        if child.parent in parents:
            yield f"{place}children[{index}]", f"there are two children of token {child.parent}"
        parents.add(child.parent)
        yield from _faults(child, f"{place}children[{index}].", snapshot)


def _parent_faults(snapshot: Snapshot, place: str, parent: Snapshot | None) -> Iterator[Fault]:
    if parent is None:
        if snapshot.parent is not None:
            yield f"{place}parent", "only a child execution has a parent"
        return
    if snapshot.parent is None or snapshot.parent >= len(parent.tokens):
        yield f"{place}parent", f"the parent has no token {snapshot.parent}"
    if snapshot.sequence != parent.sequence:
        yield f"{place}sequence", f"a child is saved with its parent, whose sequence is {parent.sequence}"
    if snapshot.status in (Status.CREATED, Status.CANCELLED):
        yield f"{place}status", f"a child execution that is open is not '{snapshot.status}'"
    marked = snapshot.state_mark is not UNSET
    if marked or (snapshot.format, snapshot.encoding, snapshot.checksum) != (parent.format, parent.encoding, 0):
        yield f"{place}format", "a child has the format and encoding of its parent, no mark and no checksum"


def _scope_faults(snapshot: Snapshot, place: str) -> Iterator[Fault]:
    """Check the joins in order, so that each is inside of an earlier one: scopes that lead in a circle cannot be."""
    launched: dict[int, int] = {}
    for index, join in enumerate(snapshot.joins):
        here = f"{place}joins[{index}]"
        yield from _scope_fault(join.scope, launched, here)
        if join.part is not UNSET:
            yield f"{here}.part", _ONLY_IN_STORES
        if join.id in launched:
            yield f"{here}.id", f"there are two joins {join.id}"
        launched[join.id] = join.launched
    for index, token in enumerate(snapshot.tokens):
        yield from _scope_fault(token.scope, launched, f"{place}tokens[{index}]")
    for index, pool in enumerate(snapshot.pools):
        yield from _scope_fault(pool.scope, launched, f"{place}pools[{index}]")
    for index, interrupt in enumerate(snapshot.interrupts):
        yield from _scope_fault(interrupt.token.scope, launched, f"{place}interrupts[{index}].token")


def _scope_fault(scope: ScopeRecord | None, launched: Mapping[int, int], place: str) -> Iterator[Fault]:
    if scope is None:
        return
    if scope.join not in launched:
        yield f"{place}.scope", f"there is no join {scope.join} before it"
    elif scope.item >= launched[scope.join]:
        yield f"{place}.scope", f"join {scope.join} has not launched an item {scope.item}"


def _count_faults(snapshot: Snapshot, place: str) -> Iterator[Fault]:
    """Yield the blocks whose items do not go with what was started."""
    for index, join in enumerate(snapshot.joins):
        here, size = f"{place}joins[{index}]", len(join.slots)
        if join.launched > size or (join.hits is not None and len(join.hits) != size):
            yield f"{here}.slots", f"{size} slots do not go with what was launched and hit"
        elif not join.launched:
            yield f"{here}.launched", "a block that is open has launched an item"
        elif any(join.slots[join.launched :]):
            yield f"{here}.slots", "an item that was not launched has no result"
        yield from _branch_faults(join, snapshot, here)


def _branch_faults(join: JoinRecord, snapshot: Snapshot, place: str) -> Iterator[Fault]:
    """Yield what of a batch or match does not go with the branches that it had when it was saved."""
    node = snapshot.nodes.get(join.node)
    if node is None or node.kind == EACH or snapshot.format == 1:  # the first format named no branches
        return
    if node.kind != BATCH and join.hits is None:
        yield place, f"hits do not go with {quoted(join.node)}"
        return
    size = len(join.slots)
    branches = range(size) if join.hits is None else join.hits
    is_whole = node.kind != BATCH or size == len(node.slots)
    if not is_whole or len(set(branches)) != size or max(branches, default=0) >= len(node.slots):
        yield f"{place}.hits", f"{quoted(join.node)} had {len(node.slots)} branches, each taken once at the most"


def _idle_faults(snapshot: Snapshot, place: str) -> Iterator[Fault]:
    """Yield the items that were launched and can never end: they have no result, and nothing is in flight inside."""
    inside = {(scope.join, scope.item) for scope in _scopes(snapshot) if scope is not None}
    for index, join in enumerate(snapshot.joins):
        for item in range(min(join.launched, len(join.slots))):
            if not join.slots[item] and (join.id, item) not in inside:
                yield f"{place}joins[{index}].slots[{item}]", "it has no result, and nothing in flight would give one"


def _scopes(snapshot: Snapshot) -> Iterator[ScopeRecord | None]:
    yield from (token.scope for token in snapshot.tokens)
    yield from (join.scope for join in snapshot.joins)
    yield from (pool.scope for pool in snapshot.pools)
    yield from (interrupt.token.scope for interrupt in snapshot.interrupts)


def _double_faults(snapshot: Snapshot, place: str) -> Iterator[Fault]:
    """Yield what stands twice: a step would run twice under one key, and one of two pools would be lost."""
    seen: set[object] = set()
    tokens = [(f"tokens[{index}]", token) for index, token in enumerate(snapshot.tokens)]
    tokens += [(f"interrupts[{index}].token", each.token) for index, each in enumerate(snapshot.interrupts)]
    for name, token in tokens:
        identity = (token.node, token.scope, token.cause, token.visit)
        if identity in seen:
            yield f"{place}{name}", f"there are two values at {quoted(token.node)} of one cause"
        seen.add(identity)
    for index, pool in enumerate(snapshot.pools):
        here = f"{place}pools[{index}]"
        if (pool.node, pool.scope) in seen:
            yield here, f"{quoted(pool.node)} has gathered twice"
        seen.add((pool.node, pool.scope))
        if not pool.values or (pool.causes is not UNSET and pool.causes.keys() != pool.values.keys()):
            yield f"{here}.values", "a value was expected for each cause, one at least"


def _interrupt_faults(snapshot: Snapshot, place: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, interrupt in enumerate(snapshot.interrupts):
        here = f"{place}interrupts[{index}]"
        if not is_id(interrupt.id):
            yield f"{here}.id", f"{quoted(interrupt.id)} is no interrupt id"
        if interrupt.id in seen:
            yield f"{here}.id", f"there are two interrupts {quoted(interrupt.id)}"
        for name, moment in (("since", interrupt.since), ("deadline", interrupt.deadline)):
            if moment is not UNSET and moment.utcoffset() != timedelta(0):
                yield f"{here}.{name}", "a time in UTC was expected"
        if interrupt.status != "pending":
            yield f"{here}.status", "only a pending interrupt is saved"
        seen.add(interrupt.id)
    answered = snapshot.answered or []
    if snapshot.parent is not None and answered:
        yield f"{place}answered", "what was answered is told by the root"
    if len(set(answered)) < len(answered) or not all(map(is_id, answered)):
        yield f"{place}answered", "interrupt ids were expected, each once"
