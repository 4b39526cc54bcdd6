"""A definition as a diagram: Mermaid or DOT text. Nothing here runs a flow, and nothing here reads a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from typedflow.config.structure import Stack, block_stacks
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
    Sleep,
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
    Sleep: ("([", "])"),
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
# The attributes of each kind of node: https://graphviz.org/doc/info/shapes.html
_SHAPES: Final[Mapping[type[Node], str]] = {
    Start: 'shape=box style="rounded,filled" fillcolor=gray85',
    End: 'shape=box style="rounded,filled" fillcolor=gray85',
    Step: "shape=box",
    Sleep: 'shape=box style="rounded,filled"',
    SubFlow: "shape=box peripheries=2",
    Match: "shape=diamond fillcolor=lightyellow",
    Batch: "shape=trapezium fillcolor=aliceblue",
    Each: "shape=trapezium fillcolor=aliceblue",
    Join: "shape=invtrapezium fillcolor=aliceblue",
    Collect: "shape=invtrapezium fillcolor=aliceblue",
    When: 'shape=box style="rounded,filled" fillcolor=honeydew',
    Narrow: "shape=ellipse",
    Catch: "shape=ellipse fillcolor=mistyrose",
    Merge: "shape=ellipse",
}
_DOT_STYLE: Final = (
    '    labelloc=b fontname=Helvetica fontsize=10 rankdir=TB ranksep=0.35 style="rounded,filled" color=gray70',
    '    node [fontname=Helvetica fontsize=11 height=0.35 margin="0.15,0.06"]',
    "    node [style=filled fillcolor=white color=gray30]",
    "    edge [fontname=Helvetica fontsize=9 color=gray30 arrowsize=0.7]",
)
_FILLS: Final = ("gray97", "gray92")
"""Of frames and the frames in them, in turn."""
# Characters that end a label or start markup in it, as Mermaid's numeric entities; `#` first.
_ENTITIES: Final = str.maketrans({char: f"#{ord(char)};" for char in '#"&<>`'} | {"\n": " ", "\r": " "})

NO_NOTES: Final[Mapping[str, Sequence[str]]] = {}


def compose_mermaid(
    definition: Definition, spec: ContractSpec, *, detailed: bool = False, notes: Mapping[str, Sequence[str]] = NO_NOTES
) -> str:
    """Return the definition as a Mermaid flowchart, equal for equal definitions, ending in a newline.

    A detailed one names on each edge the type of the value that it carries, where that is known. `notes` are lines
    below the names of nodes. The diagram simplifies, as its title states: retries, timeouts, modes and the mappings of
    children are left out.
    """
    lines = ["---", f"title: {json.dumps(_footer(definition), ensure_ascii=False)}", "---", "flowchart TD"]
    for index, node in enumerate(definition.nodes):
        opening, closing = _BRACKETS[type(node)]
        label = "<br/>".join(map(_escape, [_label(node, definition), *notes.get(node.name, ())]))
        lines.append(f'    n{index}{opening}"{label}"{closing}')
    for source, target, text in _edges(definition, spec, detailed=detailed):
        label = f'|"{_escape(text)}"|' if text else ""
        lines.append(f"    n{source} -->{label} n{target}")
    return "\n".join(lines) + "\n"


def compose_dot(
    definition: Definition, spec: ContractSpec, *, detailed: bool = False, notes: Mapping[str, Sequence[str]] = NO_NOTES
) -> str:
    """Return the definition as a graph in the DOT language, equal for equal definitions, ending in a newline.

    What is inside of a block stands in a frame. The types, notes and simplification are those of `compose_mermaid`.
    """
    lines = [f"digraph {_quoted(definition.flow)} {{", f"    label={_quoted(_footer(definition))}", *_DOT_STYLE]
    for index, node in enumerate(definition.nodes):
        label = "\\n".join(map(_in_quotes, [_label(node, definition), *notes.get(node.name, ())]))
        lines.append(f'    n{index} [label="{label}" {_SHAPES[type(node)]}]')
    lines += _frames(definition, block_stacks(definition.nodes), ())
    for source, target, text in _edges(definition, spec, detailed=detailed):
        lines.append(f"    n{source} -> n{target}" + (f" [label={_quoted(f' {text} ')}]" if text else ""))
    return "\n".join([*lines, "}"]) + "\n"


def _footer(definition: Definition) -> str:
    return f"flow '{definition.flow}', simplified: its config is the truth"


def _edges(definition: Definition, spec: ContractSpec, *, detailed: bool) -> Iterator[tuple[int, int, str]]:
    """Yield the edges as source, target and label."""
    carried: Sequence[Any] = carried_types(definition, spec) if detailed else ()
    for index, node in enumerate(definition.nodes):
        for port in sources_of(node):
            texts = [text for text in _edge_texts(port, definition) if text != node.name]
            if detailed and carried[port.node] is not UNKNOWN and not _is_failure(port, definition):
                texts.append(render(carried[port.node]))
            yield port.node, index, ": ".join(texts)


def _frames(definition: Definition, stacks: Sequence[Stack], outer: Stack) -> Iterator[str]:
    """Yield a frame for each block right inside of a stack, with the nodes and the frames in it."""
    depth, pad = len(outer), "    " * (len(outer) + 1)
    blocks = dict.fromkeys(
        stack[depth][0] for stack in stacks if len(stack) > depth and _blocks(stack[:depth]) == _blocks(outer)
    )
    for block in blocks:
        inner = (*outer, (block, 0))
        inside = [index for index, stack in enumerate(stacks) if _blocks(stack) == _blocks(inner)]
        yield f"{pad}subgraph cluster_{block} {{"
        yield f'{pad}    label="" fillcolor={_FILLS[depth % 2]}'  # else it has the label of the graph
        yield from (f"{pad}    n{index}" for index in inside)
        yield from _frames(definition, stacks, inner)
        yield f"{pad}}}"


def _blocks(stack: Stack) -> tuple[int, ...]:
    return tuple(block for block, _ in stack)


def _label(node: Node, definition: Definition) -> str:
    match node:
        case SubFlow():
            return f"{node.name} ({'remote ' * node.remote}flow {node.child.name})"
        case When():
            return f"{node.name}: {', '.join(slots_of(node, definition))}"
        case _:
            return node.name


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


def _quoted(text: str) -> str:
    """Return a quoted string of DOT: https://graphviz.org/doc/info/lang.html."""
    return f'"{_in_quotes(text)}"'


def _in_quotes(text: str) -> str:
    return " ".join(text.split("\n")).replace("\\", "\\\\").replace('"', '\\"')
