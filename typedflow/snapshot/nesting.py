"""In which branch of which block each node of a plan stands: a scope has to be one of that block and branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from weakref import WeakKeyDictionary

from typedflow.engine.plan import Kind, Plan, PlanNode

_nested: Final[WeakKeyDictionary[Plan, Mapping[int, tuple[int, int]]]] = WeakKeyDictionary()


def nesting_of(plan: Plan) -> Mapping[int, tuple[int, int]]:
    """Return for each node, by index, the innermost block round it and its branch there; those outside have none.

    The block is the index of the node that opens it, the branch that of its port. Made once per plan.
    """
    found = _nested.get(plan)
    if found is None:
        found = _nested[plan] = _nesting(plan)
    return found


def opens_blocks(node: PlanNode) -> bool:
    """Return whether a node opens blocks that keep the results of their items."""
    return node.kind in (Kind.EACH, Kind.BATCH) or (node.kind == Kind.MATCH and node.hit_all)


def _nesting(plan: Plan) -> Mapping[int, tuple[int, int]]:
    inside: dict[int, tuple[int, int]] = {}
    openers = {node.join: node.index for node in plan.nodes if node.join >= 0}
    waiting = [node for node in plan.nodes if node.kind == Kind.ROOT]
    seen = {node.index for node in waiting}
    for node in waiting:
        for port, edges in enumerate(node.ports):
            at = (node.index, port) if opens_blocks(node) else inside.get(node.index)
            for target in {target for target, _ in edges} - seen:
                around = inside.get(openers[target]) if target in openers else at
                if around is not None:
                    inside[target] = around
                waiting.append(plan.nodes[target])
                seen.add(target)
    return inside


_ending: Final[WeakKeyDictionary[Plan, frozenset[int]]] = WeakKeyDictionary()


def ending_nodes(plan: Plan) -> frozenset[int]:
    """Return the nodes, by index, whose values lead to the end of the item that they are in; made once per plan.

    None of them holds a value in an item that has its result: only side branches outlive it. Where a collect keeps its
    values, and starts again with each new one, an item may come to its end twice: its block is left out.
    """
    found = _ending.get(plan)
    if found is None:
        nesting, sources = nesting_of(plan), _sources(plan)
        waiting = [node.index for node in plan.nodes if node.kind == Kind.JOIN]
        ends: set[int] = set()
        for index in waiting:
            new = sources.get(index, set()) - ends
            ends |= new
            waiting.extend(new)
        again = {nesting[node.index][0] for node in plan.nodes if node.keeps and node.index in nesting}
        found = _ending[plan] = frozenset(
            index for index in ends if index in nesting and nesting[index][0] not in again
        )
    return found


def _sources(plan: Plan) -> dict[int, set[int]]:
    """Return for each node those from which it is reached in the same item: a block leads to what is behind it."""
    sources: dict[int, set[int]] = {}
    for node in plan.nodes:
        ports = node.ports if node.join < 0 else plan.nodes[node.join].ports
        if node.kind == Kind.JOIN:
            continue
        for target in {target for port in ports for target, _ in port}:
            sources.setdefault(target, set()).add(node.index)
    return sources
