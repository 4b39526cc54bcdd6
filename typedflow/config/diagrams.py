"""A definition as a diagram: Mermaid text. Nothing here runs a flow, and nothing here reads a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from typedflow.definition.edges import carried_types
from typedflow.definition.nodes import (
    FAILURE,
    Batch,
    Catch,
    Collect,
    Definition,
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
    slots_of,
    sources_of,
)
from typedflow.schema.annotations import UNKNOWN
from typedflow.schema.contracts import ContractSpec
from typedflow.schema.render import render

# Mermaid's brackets for each kind of node: https://mermaid.js.org/syntax/flowchart.html
_BRACKETS: Final[Mapping[type[Node], tuple[str, str]]] = {
    Start: ("([", "])"),
    End: ("([", "])"),
    Step: ("[", "]"),
    SubFlow: ("[[", "]]"),
    Match: ("{", "}"),
    Batch: ("[/", "\\]"),
    Each: ("[/", "\\]"),
    Join: ("[\\", "/]"),
    Collect: ("[\\", "/]"),
    When: (">", "]"),
    Narrow: ("(", ")"),
    Catch: ("(", ")"),
    Merge: ("(", ")"),
}
# Characters that end a label or start markup in it, as Mermaid's numeric entities; `#` first.
_ENTITIES: Final = str.maketrans({char: f"#{ord(char)};" for char in '#"&<>`'} | {"\n": " ", "\r": " "})


def compose_mermaid(definition: Definition, spec: ContractSpec, *, detailed: bool = False) -> str:
    """Return the definition as a Mermaid flowchart, equal for equal definitions, ending in a newline.

    A detailed one names on each edge the type of the value that it carries, where that is known. The diagram
    simplifies: retries, timeouts, modes and the mappings of children are left out.
    """
    carried = carried_types(definition, spec) if detailed else ()
    lines = [f"%% flow {definition.flow!r}: this diagram simplifies its definition", "flowchart TD"]
    for index, node in enumerate(definition.nodes):
        opening, closing = _BRACKETS[type(node)]
        lines.append(f'    n{index}{opening}"{_label(node, definition)}"{closing}')
    for index, node in enumerate(definition.nodes):
        for port in sources_of(node):
            texts = list(_edge_texts(port, definition))
            if detailed and carried[port.node] is not UNKNOWN and not _is_failure(port, definition):
                texts.append(render(carried[port.node]))
            label = f'|"{_escape(": ".join(texts))}"|' if texts else ""
            lines.append(f"    n{port.node} -->{label} n{index}")
    return "\n".join(lines) + "\n"


def _label(node: Node, definition: Definition) -> str:
    match node:
        case SubFlow():
            text = f"{node.name} (flow {node.child.name})"
        case When():
            text = f"{node.name}: {', '.join(slots_of(node, definition))}"
        case _:
            text = node.name
    return _escape(text)


def _edge_texts(port: Port, definition: Definition) -> Iterator[str]:
    """Yield the name of the branch or case that an edge leaves a block by."""
    source = definition.nodes[port.node]
    if isinstance(source, Batch | Match):
        names = slots_of(source, definition)
        if port.branch < len(names):
            yield names[port.branch]
    elif _is_failure(port, definition):
        yield "error"


def _is_failure(port: Port, definition: Definition) -> bool:
    """Return whether a port is the one by which a failure leaves a step or child flow."""
    return isinstance(definition.nodes[port.node], Step | SubFlow) and port.branch == FAILURE


def _escape(text: str) -> str:
    return text.translate(_ENTITIES)
