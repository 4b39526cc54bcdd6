"""The blocks that the nodes of a definition are inside of, and whether the nodes fit together.

A builder cannot make nodes that do not fit; a document can hold anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from typedflow.definition.nodes import (
    Batch,
    Catch,
    Collect,
    Each,
    End,
    Join,
    Match,
    Merge,
    Narrow,
    Node,
    Port,
    Start,
    Step,
    SubFlow,
    When,
    sources_of,
)
from typedflow.rules.configs import misfit_problem
from typedflow.rules.problems import Problem

Stack: TypeAlias = tuple[tuple[int, int], ...]
"""The enclosing blocks, outermost first: the node that opens each, and the branch."""


def block_stacks(nodes: Sequence[Node]) -> list[Stack]:
    """Return the blocks that each node is inside of; a collect is inside of those of its first branch."""
    stacks: list[Stack] = []
    for node in nodes:
        if isinstance(node, Start | When):
            stacks.append(())
        elif isinstance(node, Join):
            stacks.append(stacks[node.opens] if node.opens < len(stacks) else ())
        else:
            source = sources_of(node)[0]
            stacks.append(behind(source, nodes, stacks) if source.node < len(stacks) else ())
    return stacks


def behind(port: Port, nodes: Sequence[Node], stacks: Sequence[Stack]) -> Stack:
    """Return the blocks that what follows a port is inside of."""
    opens = isinstance(nodes[port.node], Batch | Each | Match)
    return (*stacks[port.node], (port.node, port.branch)) if opens else stacks[port.node]


def branch_count(node: Node) -> int:
    """Return the number of branches of a block; 0 for a node that opens none."""
    match node:
        case Batch():
            return len(node.branches)
        case Match():
            return len(node.cases) + node.has_else
        case Each():
            return 1
        case _:
            return 0


def check_structure(nodes: Sequence[Node]) -> Iterator[Problem]:
    """Check that every block is closed once, behind all its branches, and that nothing leaves it otherwise (TF763)."""
    stacks = block_stacks(nodes)
    closed: dict[int, str] = {}
    for index, node in enumerate(nodes):
        yield from _check_sources(node, index, nodes)
        if isinstance(node, Join):
            yield from _check_join(node, nodes, stacks)
            if closed.setdefault(node.opens, node.name) != node.name:
                yield misfit_problem(f"'{node.name}' closes '{nodes[node.opens].name}', as '{closed[node.opens]}' does")
        elif isinstance(node, End) and stacks[index]:
            yield misfit_problem(f"'{node.name}' is inside of '{nodes[stacks[index][-1][0]].name}'")
        elif isinstance(node, Catch):
            yield from _check_catch(node, index, nodes)
        elif isinstance(node, Narrow) and not isinstance(nodes[node.source.node], Match):
            yield misfit_problem(f"'{node.name}' is not the start of a case by class")
        elif isinstance(node, Collect | Merge):
            found = {behind(port, nodes, stacks) for port in node.sources}
            if len(found) > 1:
                yield misfit_problem(f"the branches of '{node.name}' are in different blocks")
    caught = {node.source.node for node in nodes if isinstance(node, Catch)}
    for index, node in enumerate(nodes):
        if isinstance(node, Step | SubFlow) and node.catches and index not in caught:
            yield misfit_problem(f"nothing takes the failures of '{node.name}'")
        if isinstance(node, Batch | Each | Match):
            if index not in closed:
                yield misfit_problem(f"'{node.name}' is not closed")
            if not branch_count(node):
                yield misfit_problem(f"'{node.name}' has no branch")


def _check_sources(node: Node, index: int, nodes: Sequence[Node]) -> Iterator[Problem]:
    for port in sources_of(node):
        source = nodes[port.node]
        if isinstance(source, End):
            yield misfit_problem(f"'{node.name}' is behind '{source.name}', which ends its chain")
        if port.node >= index and not isinstance(node, Collect):
            yield misfit_problem(f"'{node.name}' is before '{source.name}', which it is behind of")


def _check_catch(node: Catch, index: int, nodes: Sequence[Node]) -> Iterator[Problem]:
    """Check that what is caught is a step or child flow that lets its failure be caught, once."""
    source = nodes[node.source.node]
    if not isinstance(source, Step | SubFlow) or not source.catches:
        yield misfit_problem(f"'{node.name}' takes the failures of '{source.name}', which has none to take")
    elif any(isinstance(other, Catch) and other.source == node.source for other in nodes[:index]):
        yield misfit_problem(f"'{node.name}' takes the failures of '{source.name}' a second time")


def _check_join(node: Join, nodes: Sequence[Node], stacks: Sequence[Stack]) -> Iterator[Problem]:
    opener, count = nodes[node.opens], branch_count(nodes[node.opens])
    if not isinstance(opener, Batch | Each | Match):
        yield misfit_problem(f"'{node.name}' closes '{opener.name}', which opens no block")
        return
    if len(node.sources) != count:
        yield misfit_problem(f"'{node.name}' has {len(node.sources)} ends, and '{opener.name}' {count} branches")
    for branch, port in enumerate(node.sources):
        if behind(port, nodes, stacks) != (*stacks[node.opens], (node.opens, branch)):
            yield misfit_problem(f"an end of '{node.name}' is not in its branch of '{opener.name}'")
