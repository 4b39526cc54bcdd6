"""What a document of the first format knows of the plan that saved it, and what of it still has its node.

The first format kept a digest of each node's types and no more: where the plan has changed, everything in flight needs
a node of its name with the very types that it had. Blocks were saved by the position of their branches.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final

from typedflow.engine.plan import Kind as NodeKind
from typedflow.engine.plan import Plan, PlanNode
from typedflow.rules import snapshots
from typedflow.rules.problems import Problem
from typedflow.schema.annotations import NEVER, UNKNOWN
from typedflow.schema.render import render
from typedflow.snapshot.envelope import NodeRecord, Snapshot
from typedflow.snapshot.shapes import fingerprint, legacy_shape, legacy_type

EACH: Final = NodeKind.EACH.name.lower()
ANYTHING: Final = "anything"
"""What a node carries whose type nothing declares."""


class FirstMark:
    """A plan as the first format described it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.nodes = {node.name: _record(node) for node in plan.nodes}
        self.ambiguous = frozenset(node.name for node in plan.nodes if node.ambiguous)

    @cached_property
    def fingerprint(self) -> str:
        """The fingerprint that a document of the first format has when the plan is unchanged."""
        return fingerprint([_wiring(self._plan, node, self.nodes[node.name]) for node in self._plan.nodes])

    def problems(self, snapshot: Snapshot) -> Iterator[Problem]:
        """Yield one problem for each thing in flight that has no node in the changed plan."""
        for what, node, producer, is_read_by_producer in _in_flight(snapshot):
            for name in (node, producer) if is_read_by_producer else (node,):
                problem = self._node_problem(what, name, snapshot.nodes.get(name))
                if problem is not None:
                    yield problem

    def _node_problem(self, what: str, name: str, old: NodeRecord | None) -> Problem | None:
        new = self.nodes.get(name)
        if new is None:
            return snapshots.orphaned_problem(what, name, "the flow does not have any more", self.nodes, way="renamed")
        if name in self.ambiguous:
            return snapshots.orphaned_problem(what, name, AMBIGUOUS)
        if old is None:
            return snapshots.orphaned_problem(what, name, "the snapshot does not describe")
        if what == BLOCK and old.kind != EACH:
            return snapshots.orphaned_problem(what, name, "was saved by the position of its branches")
        if old.kind != new.kind or old.slots != new.slots:
            return snapshots.orphaned_problem(what, name, f"was {shown(old)} and is {shown(new)}")
        if old.digest != new.digest:
            inside = "" if old.carries != new.carries else ", with another inside"
            return snapshots.orphaned_problem(what, name, f"carried {old.carries} and carries {new.carries}{inside}")
        return None


AMBIGUOUS: Final = "is a name that several nodes share or that was numbered, and may be another node now"
BLOCK: Final = "an open block"


def shown(node: NodeRecord) -> str:
    """Return a node as a message names it: its kind, and its branches."""
    return f"{node.kind} ({', '.join(node.slots)})" if node.slots else node.kind


def _in_flight(snapshot: Snapshot) -> Iterator[tuple[str, str, str, bool]]:
    """Yield what is in flight, in words, with its node, its producer, and whether the type of the latter reads it.

    A paused step keeps no value. A block keeps one while it has more items to start; the items of a for_each are of the
    type that it carries itself, where that is known.
    """
    for token in snapshot.tokens:
        yield "a value", token.node, token.producer, True
    for join in snapshot.joins:
        old = snapshot.nodes.get(join.node)
        has_own_type = old is not None and old.kind == EACH and old.carries != ANYTHING
        yield BLOCK, join.node, join.producer, join.launched < len(join.slots) and not has_own_type
    for pool in snapshot.pools:
        yield "what was gathered", pool.node, pool.node, False
    for interrupt in snapshot.interrupts:
        yield f"interrupt '{interrupt.id}'", interrupt.token.node, interrupt.token.producer, False


def _record(node: PlanNode) -> NodeRecord:
    types = [_described(node.carries), _described(node.input_type), *map(_described, node.slot_types)]
    slots = [*node.branches, *(f"{trigger.kind} {trigger.name}" for trigger in node.triggers)]
    if len(node.ports) > 1:
        slots += [f"arm {port}" for port in range(len(node.ports))]
    carries = ANYTHING if types[0] is None else render(node.carries)
    return NodeRecord(kind=NodeKind(node.kind).name.lower(), carries=carries, digest=fingerprint(types), slots=slots)


def _described(tp: Any) -> Any:
    return None if tp is UNKNOWN or tp is NEVER else [render(tp), legacy_type(tp)]


def _wiring(plan: Plan, node: PlanNode, record: NodeRecord) -> Any:
    nodes = plan.nodes
    leads = [[[nodes[target].name, slot] for target, slot in port] for port in node.ports]
    child = None
    if node.child is not None:
        spec = node.child.spec
        child = [node.child.name, spec.version, fingerprint(legacy_shape(spec.state, spec.flow_state))]
    described = [record.kind, record.digest, record.slots, str(node.mode), node.hit_all, node.has_else, node.keeps]
    return [node.name, described, leads, child]
