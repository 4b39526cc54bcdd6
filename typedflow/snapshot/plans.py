"""A plan as a snapshot describes it: its nodes by name, with the types that values in flight are saved by.

Where the fingerprint of the plan is the same, everything in flight has its node. Where it is another,
`typedflow.snapshot.matching` compares what is described here with the plan of today.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final
from weakref import WeakKeyDictionary

from msgspec import UNSET

from typedflow.engine.plan import Edge, Kind, Plan, PlanNode
from typedflow.schema.annotations import NEVER, UNKNOWN
from typedflow.schema.render import render
from typedflow.snapshot.envelope import NodeRecord, Snapshot
from typedflow.snapshot.first_format import ANYTHING, FirstMark
from typedflow.snapshot.migrations import saved_shape
from typedflow.snapshot.parts import code_of_edge, gathered_codes, slot_code
from typedflow.snapshot.shapes import Json, Shape, describe_code, describe_codes, describe_fired, fingerprint


class PlanMark:
    """What snapshots say of a plan; made once per plan by `mark_plan`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.nodes = {node.name: node for node in plan.nodes}
        self._records: dict[str, NodeRecord] = {}

    @cached_property
    def fingerprint(self) -> str:
        """The fingerprint of the plan: names, types and edges of its nodes."""
        return fingerprint([self._wiring(node) for node in self._plan.nodes])

    @cached_property
    def first(self) -> FirstMark:
        """The plan as documents of the first format describe it."""
        return FirstMark(self._plan)

    @cached_property
    def former(self) -> Mapping[str, PlanNode]:
        """The nodes by the names that they had in earlier definitions."""
        return {name: node for node in self._plan.nodes for name in node.formerly}

    @cached_property
    def producers(self) -> Mapping[int, tuple[int, ...]]:
        """For each node, by index, the nodes whose outputs come to it: directly, or through what passes values on."""
        found: dict[int, list[int]] = {}
        for node in self._plan.nodes:
            for target in () if node.kind in _PASSING else _reached(self._plan, node):
                found.setdefault(target, []).append(node.index)
        return {target: tuple(sources) for target, sources in found.items()}

    def is_unchanged(self, snapshot: Snapshot) -> bool:
        """Return whether the plan that saved a snapshot is this one."""
        known = self.first.fingerprint if snapshot.format == 1 else self.fingerprint
        return snapshot.plan == known

    def record(self, name: str) -> NodeRecord:
        """Return what a snapshot says of a node that something in flight is at or came from."""
        found = self._records.get(name)
        if found is None:
            found = self._records[name] = self._record(self.nodes[name])
        return found

    def records_of(self, snapshot: Snapshot, more: Iterable[str] = ()) -> dict[str, NodeRecord]:
        """Return the nodes that something in flight is at or came from, and some `more`: the `nodes` of a snapshot."""
        return {name: self.record(name) for name in sorted(_nodes_in_flight(snapshot).union(more))}

    def _record(self, node: PlanNode) -> NodeRecord:
        carries = ANYTHING if node.carries is UNKNOWN or node.carries is NEVER else render(node.carries)
        types = self._types(node)
        return NodeRecord(
            kind=kind_name(node),
            carries=carries,
            digest=fingerprint(types),
            slots=list(node.slots),
            types=types,
            ambiguous=True if node.ambiguous else UNSET,
        )

    def _types(self, node: PlanNode) -> Json:
        """Describe what is saved of a node: its output, the answer that it may wait for, its slots."""
        answer = node.result_type if node.kind == Kind.STEP else UNKNOWN
        return describe_codes({"carries": node.carries, "answer": answer, **self._slots(node)})

    def _slots(self, node: PlanNode) -> dict[str, Any]:
        """Return by what the slots of a node are saved, by their names; of a for_each all of them, under no name."""
        codes: Sequence[Any]
        if node.kind == Kind.EACH:
            return {"items": node.code, "slot ": slot_code(self._plan, node, 0)}
        if node.kind == Kind.BATCH or (node.kind == Kind.MATCH and node.hit_all):
            codes = [slot_code(self._plan, node, branch) for branch in range(len(node.ports))]
        elif node.kind == Kind.COLLECT or node.triggers:
            codes = gathered_codes(node)
        else:
            return {}
        return {f"slot {name}": code for name, code in zip(node.slots, codes, strict=True)}

    def _wiring(self, node: PlanNode) -> Json:
        """Describe a node and its edges; a child counts by its flow's name and the fingerprint of what it saves."""
        nodes = self._plan.nodes
        leads = [[[nodes[target].name, slot] for target, slot in port] for port in node.ports]
        child = None
        if node.child is not None:
            child = [node.child.name, node.child.spec.version, saved_shape(node.child.spec).fingerprint]
        taken = describe_codes({"input": node.input_type})
        options = [str(node.mode), node.hit_all, node.has_else, node.keeps]
        return [node.name, kind_name(node), self._types(node), taken, list(node.slots), options, leads, child]


_marks: Final[WeakKeyDictionary[Plan, PlanMark]] = WeakKeyDictionary()


def mark_plan(plan: Plan) -> PlanMark:
    """Return the mark of a plan; made once, and dropped with the plan."""
    mark = _marks.get(plan)
    if mark is None:
        mark = _marks[plan] = PlanMark(plan)
    return mark


def describe_value(producer: PlanNode, consumer: PlanNode) -> Shape:
    """Describe by what a value on its way from one node to another is saved."""
    if producer.triggers and producer.mode != "simple_or":
        return describe_fired(producer.mode, producer.slots, producer.slot_types)
    return describe_code(code_of_edge(producer, consumer))


def has_own_description(producer: PlanNode) -> bool:
    """Return whether the values of a producer are saved by more than the type of its output."""
    fired = producer.triggers and producer.mode != "simple_or"
    return bool(fired) or producer.carries is UNKNOWN


def kind_name(node: PlanNode) -> str:
    """Return the kind of a node as a snapshot has it."""
    return "sleep" if node.sleeps else Kind(node.kind).name.lower()


def _nodes_in_flight(snapshot: Snapshot) -> set[str]:
    names: set[str] = set()
    for token in snapshot.tokens:
        names |= {token.node, token.producer}
    for join in snapshot.joins:
        names |= {join.node, join.producer}
    for pool in snapshot.pools:
        names.add(pool.node)
    for each in snapshot.interrupts:
        names |= {each.token.node, each.token.producer}
    return names


_PASSING: Final = frozenset({Kind.BATCH, Kind.MATCH, Kind.PASS})
"""The nodes that pass a value on as the output of the node that produced it."""


def _reached(plan: Plan, node: PlanNode) -> Iterator[int]:
    """Yield the nodes to which the outputs of a node come, also behind nodes that pass them on."""
    waiting = [node]
    seen: set[int] = set()
    for source in waiting:
        for target, _ in _edges(plan, source):
            if target not in seen:
                seen.add(target)
                yield target
                if plan.nodes[target].kind in _PASSING:
                    waiting.append(plan.nodes[target])


def _edges(plan: Plan, node: PlanNode) -> Iterator[Edge]:
    for port in node.ports:
        yield from port
    if node.kind == Kind.MATCH and not (node.hit_all or node.has_else or node.is_closed):  # no hit: the value goes on
        yield from plan.nodes[node.join].ports[0]
