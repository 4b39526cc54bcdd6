"""Check a whole flow, and return all problems that a single call of the builder cannot detect."""

from __future__ import annotations

import collections.abc as abc
from collections.abc import Iterator, Mapping, Sequence
from types import GenericAlias
from typing import Any, assert_never, get_origin

from typing_extensions import is_protocol

from typedflow.definition.edges import NoSequence, child_scopes, item_type, scopes_of, shape_of
from typedflow.definition.names import name_of
from typedflow.definition.nodes import (
    Batch,
    Collect,
    Definition,
    Each,
    End,
    Join,
    Match,
    Node,
    Start,
    Step,
    SubFlow,
    Trigger,
    When,
    place_of,
    slots_of,
    sources_of,
)
from typedflow.rules import flows
from typedflow.rules.bindings import Binding, Reporter
from typedflow.rules.capture import check_capture
from typedflow.rules.events import check_event
from typedflow.rules.paths import Resolution, check_read, resolve
from typedflow.rules.problems import Problem
from typedflow.rules.schema import PARTS, undeclared_layer_problem
from typedflow.rules.scopes import CAPTURE, WRITE_BACK, Direction
from typedflow.rules.transfers import shared_sources, uncopyable_problem, uncopyable_value_problem
from typedflow.rules.write_back import check_write_back
from typedflow.schema.accepts import accepts
from typedflow.schema.annotations import NEVER, UNKNOWN, HandlerTypes
from typedflow.schema.contracts import Contract, ContractSpec, has_layers
from typedflow.schema.copies import Uncopyable, compile_copy
from typedflow.schema.deferred import own_annotations
from typedflow.schema.render import render
from typedflow.schema.shape import TypeShape


def check_definition(definition: Definition, spec: ContractSpec, carried: Sequence[Any]) -> list[Problem]:
    """Check every node; `carried` are the types of their outputs. Problems are in order of definition."""
    problems: list[Problem] = []
    if len(definition.nodes) == 1:
        problems.append(flows.no_steps_problem().at(f"flow '{definition.flow}'").attached(*place_of(definition, 0)))
    dead = _unreachable(definition)
    for index, node in enumerate(definition.nodes):
        flow = f"flow '{definition.flow}'"
        where = flow if isinstance(node, Step) else f"step '{node.name}' of {flow}"
        found = list(_check_node(node, definition, spec, carried))
        if index in dead:
            found.append(flows.unreachable_problem(node.name))
        problems.extend(problem.at(where).attached(*place_of(definition, index)) for problem in found)
    problems.extend(problem.at(f"flow '{definition.flow}'") for problem in _check_former_names(definition))
    return problems


def _check_former_names(definition: Definition) -> Iterator[Problem]:
    """Check that each former name stands for one node, and that no current name is among them (TF740)."""
    today = {node.name for node in definition.nodes}
    claimed: dict[str, str] = {}
    for index, node in enumerate(definition.nodes):
        place = place_of(definition, index)
        for name in getattr(node, "formerly", ()):
            if name in today:
                text = f"a node of today, and by '{node.name}'"
            elif claimed.setdefault(name, node.name) != node.name:
                text = f"'{claimed[name]}' and '{node.name}'"
            else:
                continue
            yield flows.former_name_in_use_problem(name, text).attached(*place)
        slots = slots_of(node, definition)
        for name, current in getattr(node, "former_slots", ()):
            if name in slots:
                text = f"a branch of '{node.name}', and by its branch '{current}'"
                yield flows.former_name_in_use_problem(name, text).attached(*place)


def _check_node(node: Node, definition: Definition, spec: ContractSpec, carried: Sequence[Any]) -> Iterator[Problem]:
    match node:
        case Step():
            yield from check_handler(node.name, node.types, _source_of(node, definition, carried), spec)
        case SubFlow():
            yield from _check_child(node, definition, spec, carried)
        case Match():
            for case in node.cases:
                if case.types is not None:
                    name = name_of(case.condition)
                    source = _source_of(node, definition, carried)
                    for problem in check_handler(name, case.types, source, spec, kind="condition"):
                        yield problem.attached(*case.place)
        case Each():
            if not _is_sequence(carried[node.source.node]):
                yield flows.not_a_sequence_problem(render(carried[node.source.node]))
        case End():
            source = carried[node.source.node]
            if source is not UNKNOWN and not accepts(spec.result, source, subclasses=True):
                yield flows.wrong_result_problem(spec.name, render(spec.result), render(source))
        case When():
            for trigger in node.triggers:
                yield from _check_trigger(trigger, spec)
        case Start() | Batch() | Join() | Collect():
            return
        case _:
            assert_never(node)


def _check_child(
    node: SubFlow, definition: Definition, spec: ContractSpec, carried: Sequence[Any]
) -> Iterator[Problem]:
    """Check both mappings, and that every next step accepts the value after the write_back."""
    parent = scopes_of(spec) | {"value": shape_of(carried[node.source.node])}
    child = child_scopes(node.child.spec)
    capture = check_capture(node.capture, parent, child, child_defaults=node.child.supplied())
    yield from capture.problems
    copied = [binding for binding in capture.bindings if binding.source.scope != "resources"]
    for problem in _check_copies(copied, parent, CAPTURE):
        yield Reporter(CAPTURE).of_default(problem) if node.capture is None else problem
    index = next(i for i, other in enumerate(definition.nodes) if other is node)
    takes = [value for value in _taken_behind(definition, index, carried) if value is not UNKNOWN]
    found: dict[Problem, None] = {}
    for value in takes or [None]:
        shape = None if value is None else TypeShape.of(value)
        write_back = check_write_back(node.write_back, parent, child, next_value=shape)
        found.update(dict.fromkeys(write_back.problems))
    yield from found
    items, declared = node.child.spec.stream, spec.stream
    if items is not None and declared is not None and not accepts(declared, items, subclasses=True):
        yield flows.wrong_stream_problem(node.child.name, render(items), spec.name, render(declared))
    yield from _check_copies(shared_sources(write_back.bindings), child, WRITE_BACK)
    into_value = [binding for binding in write_back.bindings if binding.target.scope == "value" and binding.target.path]
    if into_value:
        try:
            compile_copy(parent["value"].kind)
        except Uncopyable as error:
            yield uncopyable_value_problem(into_value[0], str(error))


def _check_copies(
    bindings: Sequence[Binding], scopes: Mapping[str, TypeShape], direction: Direction
) -> Iterator[Problem]:
    """Check that values which must be copied have a declared type that can be copied."""
    for binding in bindings:
        found = resolve(scopes[binding.source.scope], binding.source.path)
        assert isinstance(found, Resolution)
        try:
            compile_copy(found.declared.kind)
        except Uncopyable as error:
            yield uncopyable_problem(binding, direction, str(error))


def _source_of(node: Step | Match, definition: Definition, carried: Sequence[Any]) -> Any:
    """Return the input type of a node; UNKNOWN after a child flow, which is checked with the child's write_back."""
    source = definition.nodes[node.source.node]
    while isinstance(source, (Batch, Match, Each)):
        source = definition.nodes[source.source.node]
    return UNKNOWN if isinstance(source, SubFlow) else carried[node.source.node]


def _taken_behind(definition: Definition, index: int, carried: Sequence[Any]) -> Iterator[Any]:
    """Yield the parameter types of the steps and conditions that receive a node's value, also through blocks."""
    for at, node in enumerate(definition.nodes):
        if not isinstance(node, (Step, Batch, Match, Each)) or node.source.node != index:
            continue
        if isinstance(node, Step):
            yield node.types.value
            continue
        if isinstance(node, Match):
            yield from (case.types.value for case in node.cases if case.types is not None)
        inner = _taken_behind(definition, at, carried)
        if not isinstance(node, Each):
            yield from inner
        elif _is_sequence(carried[index]):
            yield from (GenericAlias(abc.Sequence, (value,)) if value is not UNKNOWN else UNKNOWN for value in inner)


def _is_sequence(carried: Any) -> bool:
    try:
        item_type(carried)
    except NoSequence:
        return False
    return True


def check_handler(
    name: str, types: HandlerTypes, source: Any, spec: ContractSpec, *, kind: str = "step"
) -> Iterator[Problem]:
    """Check that a handler accepts the flow's contract and its input."""
    yield from _check_contract(name, types.contract, spec, kind)
    is_declared = source is not UNKNOWN and types.value is not UNKNOWN and types.value is not NEVER
    if is_declared and not accepts(types.value, source, subclasses=True):
        yield flows.wrong_input_problem(name, render(types.value), render(source), kind=kind)


def _check_contract(name: str, wanted: Any, spec: ContractSpec, kind: str) -> Iterator[Problem]:
    """Check the C of `Data[C, V]`: the flow's contract, a base of it, or a protocol of parts that it declares."""
    cls = get_origin(wanted) or wanted
    if wanted is UNKNOWN or not isinstance(cls, type):
        return
    if issubclass(cls, Contract):
        if not issubclass(spec.cls, cls):
            yield flows.other_contract_problem(name, cls.__name__, spec.name, kind=kind)
        elif wanted is not cls and not has_layers(spec, wanted):
            yield flows.other_contract_problem(name, render(wanted), spec.name, kind=kind)
    elif is_protocol(cls):
        lacks = [part for part in PARTS if _asks_for(cls, part) and part not in spec.declared]
        if lacks:
            yield flows.other_contract_problem(name, cls.__name__, spec.name, lacks, kind=kind)


def _asks_for(protocol: type, part: str) -> bool:
    return any(part in vars(base) or part in own_annotations(base) for base in protocol.__mro__[:-1])


def _check_trigger(trigger: Trigger, spec: ContractSpec) -> Iterator[Problem]:
    if trigger.kind == "event":
        problem = check_event(trigger.name, spec.events, contract=spec.name)
        if problem is not None:
            yield problem
        return
    layer = spec.state if trigger.kind == "state" else spec.flow_state
    if layer is None:
        yield undeclared_layer_problem(spec.name, trigger.kind, spec.declared)
        return
    found = check_read(TypeShape.of(layer), trigger.name, root=trigger.kind)
    if isinstance(found, Problem):
        yield found


def _unreachable(definition: Definition) -> set[int]:
    """Return the nodes that no value can reach: on a cycle, after a repeated case, or fed by such nodes only."""
    reached: set[int] = set()
    dead = {index: _dead_branches(node) for index, node in enumerate(definition.nodes) if isinstance(node, Match)}
    for index in definition.order:
        ports = sources_of(definition.nodes[index])
        if not ports or any(port.node in reached and port.branch not in dead.get(port.node, ()) for port in ports):
            reached.add(index)
    return set(range(len(definition.nodes))) - reached


def _dead_branches(match: Match) -> set[int]:
    """Return the branches of a hit_first match whose condition is the same as that of an earlier branch."""
    if match.mode == "hit_all":
        return set()
    dead: set[int] = set()
    seen: set[tuple[type, Any]] = set()
    for branch, case in enumerate(match.cases):
        condition = case.condition
        plain = type(condition) in (str, int, bool)
        same = (type(condition), condition if plain else id(condition))
        if same in seen:
            dead.add(branch)
        seen.add(same)
    return dead
