"""The compiled plan of a flow: for each node its outgoing edges, its checks and its handler.

A definition names the source of each node; a plan lists the targets, by index. A check is left out where the types
prove it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Final, TypeAlias, assert_never

import msgspec

from typedflow.definition.edges import child_scopes, codes_of, known, scopes_of, shape_of, trigger_type
from typedflow.definition.nodes import (
    FAILURE,
    PLAIN,
    Batch,
    Case,
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
    Sleep,
    Start,
    Step,
    StepOptions,
    SubFlow,
    Trigger,
    When,
    slots_of,
    sources_of,
)
from typedflow.rules.bindings import Binding
from typedflow.rules.capture import check_capture
from typedflow.rules.options import WhenMode
from typedflow.rules.write_back import check_write_back
from typedflow.schema.accepts import accepts
from typedflow.schema.annotations import NEVER, UNKNOWN
from typedflow.schema.check import Check, compile_check, exact_class
from typedflow.schema.contracts import ContractSpec


class Kind(IntEnum):
    """The kind of a plan node. A driver works on STEP, MATCH and CHILD; routing handles the rest."""

    STEP = 0
    MATCH = 1
    CHILD = 2
    BATCH = 3
    EACH = 4
    JOIN = 5
    PASS = 6
    COLLECT = 7
    END = 8
    ROOT = 9
    CATCH = 10


LAST_TASK: Final = int(Kind.CHILD)

Edge: TypeAlias = tuple[int, int]
"""The index of the target, and the number of its input port."""


class NoExactClass:
    """Placeholder for a type that no class alone proves; no value has this class."""


def _no_call(data: Any) -> Any:
    raise NotImplementedError("this node calls nothing")


class PlanNode(msgspec.Struct, eq=False):
    """One node of a plan."""

    index: int
    name: str
    kind: int
    ambiguous: bool
    """The name does not identify the node: another definition may number the nodes of one handler differently."""
    ports: tuple[tuple[Edge, ...], ...]
    """The outgoing edges of each output port; most nodes have one port."""
    next_step: int = -1
    """The index of the task behind a node with one port and one edge; -1 for every other node."""
    carries: Any = UNKNOWN
    """The type of its outputs."""
    code: Any = UNKNOWN
    """The type by which its outputs are saved: the declared type, or `Parts`."""
    slot_codes: tuple[Any, ...] = ()
    """Of a collect or join: the type by which each branch's value is saved."""

    # a step
    handler: Callable[[Any], Any] = _no_call
    is_async: bool = False
    plain: bool = True
    """No retry, no timeout, no thread, no handler for errors."""
    catches: bool = False
    """Of a step or child flow: its failure goes to a handler for errors, by its second port."""
    options: StepOptions = PLAIN
    sleeps: bool = False
    """It passes its value on after a wait; the handler returns the moment."""
    block: str = ""
    """The kind of the innermost block around the step; empty outside of all blocks."""
    check_in: Check | None = None
    """The check of the input; None where the type of its source proves it."""
    exact_out: type = NoExactClass
    check_out: Check | None = None
    result_type: Any = UNKNOWN
    input_type: Any = UNKNOWN

    # blocks
    join: int = -1
    limit: int = 0
    """Items at once; 0 is no bound."""
    as_tuple: bool = False
    cases: tuple[Case, ...] = ()
    has_else: bool = False
    hit_all: bool = False
    is_closed: bool = False
    """Of a match: a value without a case is an error."""
    collects: bool = False
    """Of a for_each: the failure of an item becomes the item's result."""

    # a child flow
    child: Any = None
    remote: bool = False
    """The child is an execution of its own, which a worker runs."""
    capture: tuple[Binding, ...] = ()
    write_back: tuple[Binding, ...] = ()

    # listeners
    triggers: tuple[Trigger, ...] = ()
    mode: WhenMode = "simple_or"
    branches: tuple[str, ...] = ()
    slot_types: tuple[Any, ...] = ()
    """Of a collect the types of its branches, of a listener the types of its triggers."""
    keeps: bool = False
    """A collect that keeps its values after firing."""

    # over a change of the flow
    slots: tuple[str, ...] = ()
    """The names of its branches, cases or triggers, in order."""
    formerly: tuple[str, ...] = ()
    """The names that the node had in earlier definitions."""
    former_slots: Mapping[str, str] = {}
    """The earlier names of branches and cases, each with the name of today."""


class Plan(msgspec.Struct, frozen=True, eq=False, weakref=True):
    """The nodes and listeners of a flow, compiled once and shared by all its executions."""

    flow: str
    spec: ContractSpec
    nodes: tuple[PlanNode, ...]
    listeners: Mapping[tuple[str, str], tuple[int, ...]]
    check_input: Check
    check_result: Check
    result_needed: bool
    """The contract declares a result, so that a run that ends without one raises NoResultError."""
    check_stream: Check | None
    check_events: Mapping[str, Check]
    state_paths: frozenset[str] = frozenset()
    """The state paths that a listener waits for."""
    flow_state_paths: frozenset[str] = frozenset()
    catches: bool = False
    """A child flow or a for_each of it turns a failure into a value, for which other steps may have to be stopped."""


def compile_plan(definition: Definition, spec: ContractSpec, carried: Sequence[Any]) -> Plan:
    """Compile a valid definition; `carried` holds the output type of each node, by index."""
    joins = {node.opens: index for index, node in enumerate(definition.nodes) if isinstance(node, Join)}
    edges = _edges(definition)
    nodes = tuple(
        _compile_node(definition, index, edges[index], joins.get(index, -1), carried, spec)
        for index in range(len(definition.nodes))
    )
    codes = codes_of(definition, carried)
    for made, defined in zip(nodes, definition.nodes, strict=True):
        made.code = codes[made.index]
        if isinstance(defined, (Join, Collect)):
            made.slot_codes = tuple(codes[port.node] for port in defined.sources)
            if isinstance(defined, Join) and codes[made.index] is UNKNOWN and nodes[defined.opens].collects:
                made.slot_codes = (UNKNOWN,)
    for node in nodes:
        if len(node.ports) == 1 and len(node.ports[0]) == 1 and nodes[node.ports[0][0][0]].kind <= LAST_TASK:
            node.next_step = node.ports[0][0][0]
    listeners = _listeners(definition)
    return Plan(
        definition.flow,
        spec,
        nodes,
        listeners,
        compile_check(spec.input),
        compile_check(spec.result),
        spec.result is not type(None),
        None if spec.stream is None else compile_check(spec.stream),
        {name: compile_check(payload) for name, payload in (spec.events or {}).items()},
        frozenset(name for kind, name in listeners if kind == "state"),
        frozenset(name for kind, name in listeners if kind == "flow_state"),
        any(node.collects or (node.kind == Kind.CHILD and node.catches) for node in nodes),
    )


def _edges(definition: Definition) -> list[list[list[Edge]]]:
    """Return the outgoing edges of each node, by port."""
    edges: list[list[list[Edge]]] = [[[] for _ in range(_ports(node))] for node in definition.nodes]
    for index, node in enumerate(definition.nodes):
        for slot, port in enumerate(sources_of(node)):
            edges[port.node][port.branch].append((index, slot))
    return edges


def _ports(node: Node) -> int:
    if isinstance(node, Batch):
        return len(node.branches)
    if isinstance(node, Match):
        return len(node.cases) + node.has_else
    return FAILURE + 1 if isinstance(node, Step | SubFlow) and node.catches else 1


def _listeners(definition: Definition) -> dict[tuple[str, str], tuple[int, ...]]:
    listeners: dict[tuple[str, str], tuple[int, ...]] = {}
    for index, node in enumerate(definition.nodes):
        if isinstance(node, When):
            for trigger in node.triggers:
                key = (str(trigger.kind), trigger.name)
                listeners[key] = (*listeners.get(key, ()), index)
    return listeners


def _compile_node(
    definition: Definition,
    index: int,
    edges: list[list[Edge]],
    join: int,
    carried: Sequence[Any],
    spec: ContractSpec,
) -> PlanNode:
    node = definition.nodes[index]
    made = PlanNode(
        index,
        node.name,
        Kind.ROOT,
        node.name in definition.ambiguous,
        tuple(map(tuple, edges)),
        carries=carried[index],
        slots=slots_of(node, definition),
        formerly=getattr(node, "formerly", ()),
        former_slots=dict(getattr(node, "former_slots", ())),
    )
    match node:
        case Step():
            _compile_step(made, node, carried[node.source.node])
        case Sleep():
            made.kind, made.handler, made.plain, made.sleeps = Kind.STEP, _moment_of(node.until), False, True
        case Batch() | Each() | Match():
            made.join = join
            _compile_opener(made, node)
        case Join():
            opener = definition.nodes[node.opens]
            passes = isinstance(opener, Match) and opener.mode == "hit_first"
            made.kind, made.as_tuple = Kind.PASS if passes else Kind.JOIN, isinstance(opener, Batch)
        case Collect():
            made.kind, made.branches, made.keeps = Kind.COLLECT, node.branches, node.mode == "filled_and_update"
            made.slot_types = tuple(carried[port.node] for port in node.sources)
        case SubFlow():
            made.kind, made.child, made.catches, made.remote = Kind.CHILD, node.child, node.catches, node.remote
            made.input_type = carried[node.source.node]
            made.capture, made.write_back = _bindings(node, spec, carried[node.source.node])
        case End():
            made.kind = Kind.END
            if not is_proven(spec.result, carried[node.source.node]):
                made.check_in = compile_check(spec.result)
        case When():
            made.triggers, made.mode = node.triggers, node.mode
            made.slot_types = tuple(trigger_type(trigger, spec) for trigger in node.triggers)
        case Catch():
            made.kind = Kind.CATCH
        case Narrow() | Merge():
            made.kind = Kind.PASS
        case Start():
            pass
        case _:
            assert_never(node)
    return made


def _moment_of(until: timedelta | Callable[[Any], datetime]) -> Callable[[Any], Any]:
    """Return the handler of a sleep, which returns a moment or the time from now."""
    return (lambda data: until) if isinstance(until, timedelta) else until


def _compile_opener(made: PlanNode, node: Batch | Each | Match) -> None:
    if isinstance(node, Match):
        made.kind, made.cases = Kind.MATCH, node.cases
        made.has_else, made.hit_all, made.is_closed = node.has_else, node.mode == "hit_all", node.is_closed
    else:
        made.kind = Kind.BATCH if isinstance(node, Batch) else Kind.EACH
        made.limit = node.concurrency or 0
        made.collects = isinstance(node, Each) and node.collects


def _bindings(node: SubFlow, spec: ContractSpec, source: Any) -> tuple[tuple[Binding, ...], tuple[Binding, ...]]:
    parent = scopes_of(spec) | {"value": shape_of(source)}
    child = child_scopes(node.child.spec)
    capture = check_capture(node.capture, parent, child, child_defaults=None, remote=node.remote)
    return capture.bindings, check_write_back(node.write_back, parent, child).bindings


def _compile_step(made: PlanNode, node: Step, source: Any) -> None:
    types = node.types
    made.kind, made.handler, made.is_async = Kind.STEP, node.handler, types.is_async
    made.options, made.catches, made.block = node.options, node.catches, node.block
    made.plain = node.options == PLAIN and not node.catches
    made.result_type, made.input_type = types.result, types.value
    if types.value is not UNKNOWN and not is_proven(types.value, source):
        made.check_in = compile_check(types.value)
    if known(types.result) is not UNKNOWN and types.result is not NEVER:
        made.check_out = compile_check(types.result)
        made.exact_out = exact_class(types.result) or NoExactClass


def is_proven(target: Any, source: Any) -> bool:
    """Return whether every value of the source type is valid for the target type, so that no check is needed."""
    return (
        source is not UNKNOWN and source is not NEVER and source is not Any and accepts(target, source, subclasses=True)
    )
