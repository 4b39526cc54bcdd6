"""`typedflow explain`: who reads, writes, captures, listens to and emits a path of a flow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from typedflow.api.blueprint import runtime_of
from typedflow.api.flow import Flow
from typedflow.cli.exits import Mistake
from typedflow.cli.loading import shown_path
from typedflow.cli.uses import LAYERS, Path, paths_in, related, uses_of
from typedflow.definition.nodes import Definition, Match, Node, Step, SubFlow, When
from typedflow.rules.names import name_hint
from typedflow.rules.paths import check_read
from typedflow.rules.problems import Problem
from typedflow.rules.scopes import ALIASES
from typedflow.rules.wording import quoted
from typedflow.schema.contracts import ContractSpec
from typedflow.schema.records import fields_of
from typedflow.schema.render import render
from typedflow.schema.shape import TypeShape
from typedflow.schema.types import RecordOf


class Line(msgspec.Struct, frozen=True):
    """One use of the path; the fields of `--json`."""

    how: str
    """reads, writes, emits, captures, writes back, or listens."""
    node: str
    path: str
    """What is used: the path itself, a part of it, or what it is a part of."""
    file: str
    line: int


class Explanation(msgspec.Struct):
    """What is known of a path; the fields of `--json`."""

    flow: str
    path: str
    type: str
    uses: list[Line]
    unseen: list[str]
    """The nodes whose handlers have no source that can be read."""


def explain(flow: Flow[Any], text: str) -> Explanation:
    """Return who uses a path of a flow, which may have problems; an unknown path is a `Mistake`."""
    runtime = runtime_of(flow)
    asked = tuple(text.split("."))
    asked = (ALIASES.get(asked[0], asked[0]), *asked[1:])
    definition = runtime.builder.draft()
    explanation = Explanation(flow.name, ".".join(asked), _type_of(runtime.spec, asked), [], [])
    for index, node in enumerate(definition.nodes):
        for line in _lines_of(node, index, definition, explanation.unseen):
            if related(tuple(line.path.split(".")), asked):
                explanation.uses.append(line)
    return explanation


def notes_of(flow: Flow[Any]) -> dict[str, list[str]]:
    """Return what each node uses, as lines for a diagram: "reads state.topic, resources.search"."""
    definition = runtime_of(flow).builder.draft()
    notes: dict[str, list[str]] = {}
    for index, node in enumerate(definition.nodes):
        found: dict[str, dict[str, None]] = {}
        for line in _lines_of(node, index, definition, []):
            if line.how != "listens":  # it is the label of the node
                found.setdefault(line.how, {})[line.path] = None
        notes[node.name] = [f"{how} {', '.join(paths)}" for how, paths in found.items()]
    return notes


def _type_of(spec: ContractSpec, path: Path) -> str:
    """Return the declared type of a path, as it is written."""
    layer, names = path[0], path[1:]
    declared = {"state": spec.state, "flow_state": spec.flow_state, "resources": spec.resources, "events": spec.events}
    if layer not in declared:
        raise Mistake(f"{quoted('.'.join(path))} begins with no layer", name_hint(layer, declared, known="layers"))
    tp = declared[layer]
    if tp is None:
        raise Mistake(f"contract {quoted(spec.name)} declares no {layer}")
    if not names:
        return layer if isinstance(tp, Mapping) else render(tp)
    if layer in LAYERS:
        found = check_read(TypeShape.of(tp), ".".join(names), root=layer)
        if isinstance(found, Problem):
            raise Mistake(found.text, found.hint)
        return found.declared.render()
    known: Mapping[str, Any]
    known = tp if isinstance(tp, Mapping) else {each.name: each.kind for each in fields_of(RecordOf(tp))}
    if names[0] not in known or len(names) > 1:
        kind = "event" if layer == "events" else "resource"
        raise Mistake(
            f"contract {quoted(spec.name)} declares no {kind} {quoted('.'.join(names))}", name_hint(names[0], known)
        )
    return render(known[names[0]])


def _lines_of(node: Node, index: int, definition: Definition, unseen: list[str]) -> Iterator[Line]:
    file, line = definition.origin_of(index)
    place = (shown_path(file) if file else "", line)
    match node:
        case Step():
            yield from _of_handler(node.handler, node.name, unseen)
        case Match():
            for case in node.cases:
                if case.is_function:
                    yield from _of_handler(case.condition, f"{node.name}: {case.name}", unseen)
        case When():
            for trigger in node.triggers:
                scope = "events" if trigger.kind == "event" else trigger.kind
                yield Line("listens", node.name, f"{scope}.{trigger.name}", *place)
        case SubFlow():
            for path in dict.fromkeys(paths_in(node.capture)):
                yield Line("captures", node.name, _unaliased(path), *place)
            written = node.write_back if isinstance(node.write_back, Mapping) else {}
            for layer, targets in written.items():
                for target in targets if isinstance(targets, Mapping) else ():
                    yield Line("writes back", node.name, f"{ALIASES.get(layer, layer)}.{target}", *place)
        case _:
            return


def _unaliased(path: str) -> str:
    scope, dot, rest = path.partition(".")
    return f"{ALIASES.get(scope, scope)}{dot}{rest}"


def _of_handler(handler: object, name: str, unseen: list[str]) -> Iterator[Line]:
    uses = uses_of(handler)
    if uses is None:
        unseen.append(name)
        return
    for use in uses:
        yield Line(use.how, name, ".".join(use.path), shown_path(use.file), use.line)


def explanation_lines(explanation: Explanation) -> Iterator[str]:
    """Yield the explanation for a terminal."""
    yield f"{explanation.path} of flow '{explanation.flow}': {explanation.type}"
    width = max((len(line.node) for line in explanation.uses), default=0)
    for line in explanation.uses:
        other = "" if line.path == explanation.path else f"  ({line.path})"
        yield f"  {line.how:11}  {line.node:{width}}  {line.file}:{line.line}{other}"
    if not explanation.uses:
        yield "  nothing in the flow uses it"
    if explanation.unseen:
        yield f"not seen: the source of {', '.join(explanation.unseen)}"
