"""The topological order of a flow's nodes."""

from __future__ import annotations

from collections.abc import Sequence

from typedflow.definition.nodes import Node, sources_of


def order_of(nodes: Sequence[Node]) -> tuple[int, ...]:
    """Sort node indexes topologically, ties in order of definition (Kahn's algorithm).

    Only a collect can have a source that was defined after it. Nodes on a cycle (a collect that feeds itself) are
    omitted; the validation reports them.
    """
    sources = [sources_of(node) for node in nodes]
    waits = [len(ports) for ports in sources]
    feeds: list[list[int]] = [[] for _ in nodes]
    for index, ports in enumerate(sources):
        for port in ports:
            feeds[port.node].append(index)
    order = [index for index, count in enumerate(waits) if count == 0]
    for index in order:
        for target in feeds[index]:
            waits[target] -= 1
            if waits[target] == 0:
                order.append(target)
    return tuple(order)
