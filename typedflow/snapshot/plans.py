"""Whether what a snapshot has in flight still has its place in a flow that has changed.

A plan is known by its nodes: names, types and edges. Where those are the same, everything has its place. Where they are
not, each node that something stands at has to be there by its name, with the type that it had, and so has the node that
something came from, where that is needed to read it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final
from weakref import WeakKeyDictionary

from typedflow.contract import snapshots
from typedflow.contract.problems import Problem
from typedflow.engine.plan import Kind as NodeKind
from typedflow.engine.plan import Plan, PlanNode
from typedflow.errors import SnapshotError
from typedflow.schema.annotations import NEVER, UNKNOWN
from typedflow.schema.render import render
from typedflow.snapshot.envelope import NodeRecord, Snapshot
from typedflow.snapshot.migrations import saved_shape
from typedflow.snapshot.shapes import describe_type, fingerprint

EACH: Final = NodeKind.EACH.name.lower()
ANYTHING: Final = "anything"
"""What a node carries of which nobody says the type."""


class PlanMark:
    """Hold what a snapshot says of a plan; see `mark_plan`."""

    __slots__ = ("_nodes", "auto", "fingerprint")

    def __init__(self, plan: Plan) -> None:
        self._nodes = {node.name: _record(node) for node in plan.nodes}
        self.auto = frozenset(node.name for node in plan.nodes if node.auto)
        self.fingerprint: str = fingerprint([_wiring(plan, node, self._nodes[node.name]) for node in plan.nodes])

    def node(self, name: str) -> NodeRecord | None:
        """Give what a node is, None where the plan has none of that name."""
        return self._nodes.get(name)

    def names(self) -> Collection[str]:
        """Give the names of the plan's nodes, in order."""
        return self._nodes.keys()

    def nodes_of(self, snapshot: Snapshot) -> dict[str, NodeRecord]:
        """Give the nodes that something in flight stands at or came from: the `nodes` of the snapshot being made."""
        names = {name for _, node, producer, _ in _in_flight(snapshot) for name in (node, producer)}
        return {name: self._nodes[name] for name in sorted(names)}


_marks: Final[WeakKeyDictionary[Plan, PlanMark]] = WeakKeyDictionary()


def mark_plan(plan: Plan) -> PlanMark:
    """Give the mark of a plan; made once, and dropped with the plan."""
    mark = _marks.get(plan)
    if mark is None:
        mark = _marks[plan] = PlanMark(plan)
    return mark


def require_places(snapshot: Snapshot, mark: PlanMark, place: str = "") -> None:
    """Check that everything in flight has its place in the plan; children are for their own flows to check.

    Raises one `SnapshotError` that names everything which has none.
    """
    if snapshot.plan == mark.fingerprint:
        return
    problems = dict.fromkeys(
        problem
        for what, node, producer, is_read_by_producer in _in_flight(snapshot)
        for name in ((node, producer) if is_read_by_producer else (node,))
        if (problem := _place_problem(what, name, snapshot.nodes.get(name), mark)) is not None
    )
    if problems:
        raise SnapshotError(problems, path=f"{place}plan")


def _in_flight(snapshot: Snapshot) -> Iterator[tuple[str, str, str, bool]]:
    """Give what is in flight, in words, with the nodes that it is at and came from, and whether the latter reads it.

    A paused step keeps no value. A block keeps one while it has more to let in; the items of a for_each are of the type
    that it carries itself, where that is known.
    """
    for token in snapshot.tokens:
        yield "a value", token.node, token.producer, True
    for join in snapshot.joins:
        old = snapshot.nodes.get(join.node)
        has_own_type = old is not None and old.kind == EACH and old.carries != ANYTHING
        yield "an open block", join.node, join.producer, join.launched < len(join.slots) and not has_own_type
    for pool in snapshot.pools:
        yield "what was gathered", pool.node, pool.node, False
    for interrupt in snapshot.interrupts:
        yield f"interrupt '{interrupt.id}'", interrupt.token.node, interrupt.token.producer, False


def _place_problem(what: str, name: str, old: NodeRecord | None, mark: PlanMark) -> Problem | None:
    new = mark.node(name)
    if new is None:
        return snapshots.orphaned(what, name, "the flow does not have any more", mark.names())
    if name in mark.auto:
        return snapshots.orphaned(
            what, name, "was numbered by its place, and may be another one now that the flow changed"
        )
    if old is None:
        return snapshots.orphaned(what, name, "the snapshot does not describe")
    if old.kind != new.kind or old.slots != new.slots:
        return snapshots.orphaned(what, name, f"was {_shown(old)} and is {_shown(new)}")
    if old.digest != new.digest:
        inside = "" if old.carries != new.carries else ", with another inside"
        return snapshots.orphaned(what, name, f"carried {old.carries} and carries {new.carries}{inside}")
    return None


def _shown(node: NodeRecord) -> str:
    return f"{node.kind} ({', '.join(node.slots)})" if node.slots else node.kind


def _record(node: PlanNode) -> NodeRecord:
    types = [_described(node.carries), _described(node.input_type), *map(_described, node.slot_types)]
    slots = [*node.branches, *(f"{trigger.kind} {trigger.name}" for trigger in node.triggers)]
    if len(node.ports) > 1:
        slots += [f"arm {arm}" for arm in range(len(node.ports))]
    carries = ANYTHING if types[0] is None else render(node.carries)
    return NodeRecord(kind=NodeKind(node.kind).name.lower(), carries=carries, digest=fingerprint(types), slots=slots)


def _described(tp: Any) -> Any:
    return None if tp is UNKNOWN or tp is NEVER else [render(tp), describe_type(tp)]


def _wiring(plan: Plan, node: PlanNode, record: NodeRecord) -> Any:
    """Describe a node and where it leads; a child counts by its flow's name and the fingerprint of what it saves."""
    nodes = plan.nodes
    leads = [[[nodes[target].name, slot] for target, slot in arm] for arm in node.ports]
    child = None
    if node.child is not None:
        child = [node.child.name, node.child.spec.version, saved_shape(node.child.spec).fingerprint]
    described = [record.kind, record.digest, record.slots, str(node.mode), node.hit_all, node.has_else, node.keeps]
    return [node.name, described, leads, child]
