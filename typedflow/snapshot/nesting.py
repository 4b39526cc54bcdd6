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
