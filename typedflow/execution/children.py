"""How a child flow is entered and left: what its node does when a token comes, and when the child's run is over."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from typedflow.engine.plan import PlanNode
from typedflow.engine.status import Status
from typedflow.engine.tokens import UNSET, Token
from typedflow.errors import ContractError, ExecutionError, NoResultError
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.execution.steps import take_effects
from typedflow.execution.transaction import StepTransaction
from typedflow.execution.transfers import (
    Capture,
    Move,
    WriteBack,
    copy_of_field,
    put,
)
from typedflow.rules import executions
from typedflow.rules.scopes import WRITE_BACK
from typedflow.rules.transfers import does_not_fit_problem
from typedflow.schema.check import Mismatch
from typedflow.schema.layer_fields import layer_fields, require_fields
from typedflow.schema.layers import Layer
from typedflow.schema.starting import fresh
from typedflow.schema.writing import current_step

ROOT_PART: Final = 111
"""Characters of the root's id in a child's, so that the child's is an id too."""


def enter_child(runtime: ExecutionRuntime, token: Token, node: PlanNode) -> tuple[ExecutionRuntime, list[Token]]:
    """Make the child execution with a snapshot of what it is given, and start its run.

    Everything is read and checked before the run starts; a required resource that is missing fails here, before any
    handler of the child.
    """
    current_step.set(None)
    child_flow = node.child.for_child()
    root = runtime.root()
    child = ExecutionRuntime(child_flow, child_id(runtime, token), parent=(runtime, token))
    if child.depth > root.flow.max_depth:
        raise ExecutionError(executions.too_deep_problem(root.flow.name, root.flow.max_depth))
    value = make_input(runtime, token, child)
    capture_resources(child)
    child.resources.require_complete(child.name)
    if runtime.children is None:
        runtime.children = {}
    runtime.children[token] = child
    if child.observers is not None:
        child.run.item_results = []
        child.observers.child_entered(child)
    return child, child.run.started(value)


def make_input(runtime: ExecutionRuntime, token: Token, child: ExecutionRuntime) -> Any:
    """Set the layers of a child, and return its input: what its parent has now, copied and checked."""
    capture = runtime.flow.transfers[token.node].capture
    scopes = {"value": token.value, "state": runtime.state, "flow_state": runtime.flow.flow_state}
    value = capture.make_input(scopes)
    _make_layers(child, capture, scopes)
    return value


def child_id(parent: ExecutionRuntime, token: Token) -> str:
    """Return the id of a child execution: the root's, and a hash of the place; the same over re-runs and loads."""
    return child_id_of(parent.root().id, parent.id, parent.run.key(token))


def child_id_of(root: str, parent: str, key: str) -> str:
    """Return the id of a child by the ids of its root and its parent, and the key of the token that waits for it."""
    place = f"{parent}/{key}"
    return f"{root[:ROOT_PART]}.{hashlib.sha256(place.encode()).hexdigest()[:16]}"


def capture_resources(child: ExecutionRuntime) -> None:
    """Take the captured resources from the parent, as it has them now: they are never saved."""
    assert child.parent is not None
    parent, token = child.parent
    capture = parent.flow.transfers[token.node].capture
    found = {key: parent.resources.lookup(source) for key, source in capture.resources}
    given = {key: value for key, value in found.items() if value is not UNSET}
    if given:
        child.resources.give(given)


def _make_layers(child: ExecutionRuntime, capture: Capture, scopes: dict[str, Any]) -> None:
    spec = child.plan.spec
    if spec.state is not None:
        child.state = fresh(spec.state, capture.state.mapping(scopes), own=capture.state.own)
        for move in capture.state.late:
            child.state.set(".".join(move.target), move.read(scopes), emit=False)
    flow_state = child.flow.flow_state
    if flow_state is not None:
        for move in (*capture.flow_state.fields, *capture.flow_state.late):
            flow_state.set(".".join(move.target), move.read(scopes), emit=False)


def leave_child(child: ExecutionRuntime) -> list[Token]:
    """Write back what the parent takes of a completed child, all or nothing, and go on behind its node."""
    assert child.parent is not None
    parent, token = child.parent
    if child.run.result is UNSET and child.plan.result_needed:
        raise NoResultError(executions.no_result_problem(child.run.status, child.run.unfilled()).at(child.name))
    step, value = _written_back(parent, token, child.run.result)
    assert parent.children is not None
    del parent.children[token]
    take_effects(step)
    if parent.observers is not None:
        parent.observers.child_left(child, child.run.status)
    return parent.run.finished(token, value, step.signals)


def write_back(parent: ExecutionRuntime, token: Token, result: Any, child: str) -> list[Token]:
    """Write back what a parent takes of the result of a child that ran by itself, and go on behind its node."""
    if result is UNSET and parent.plan.nodes[token.node].child.plan().result_needed:
        raise NoResultError(executions.no_result_problem(Status.COMPLETED).at(child))
    step, value = _written_back(parent, token, result)
    take_effects(step)
    return parent.run.finished(token, value, step.signals)


def _written_back(parent: ExecutionRuntime, token: Token, result: Any) -> tuple[StepTransaction, Any]:
    """Return the transaction of a write_back, which is over, and the value that goes on."""
    node = parent.plan.nodes[token.node]
    step = StepTransaction(parent, token, node)
    current_step.set(step)
    try:
        value = _apply(
            parent.flow.transfers[node.index].write_back, step, {"result": None if result is UNSET else result}
        )
    finally:
        step.end()
        current_step.set(None)
    return step, value


def _apply(write_back: WriteBack, step: StepTransaction, scopes: dict[str, Any]) -> Any:
    """Read and check everything, then write everything; return the value that goes on."""
    value = step.token.value
    if write_back.whole is not None:
        value = write_back.whole.read(scopes)
    elif write_back.fields:
        assert write_back.copy_value is not None
        value = write_back.copy_value(value)
        for move in write_back.fields:
            put(value, move, move.target, move.read(scopes))
    if write_back.layers:
        with step.runtime.flow.lock:  # a thread may be changing the flow_state that is copied here
            _write_layers(write_back, step, scopes)
    return value


def _write_layers(write_back: WriteBack, step: StepTransaction, scopes: dict[str, Any]) -> None:
    """Write to drafts of the fields first, so that a value that does not fit leaves everything as it was.

    Below a field only the path itself is written: a step that runs now may hold what lies round it, to change it there.
    """
    parent = step.runtime
    layers: dict[str, Layer | None] = {"state": parent.state, "flow_state": parent.flow.flow_state}
    drafts: dict[tuple[str, str], Any] = {}
    keys: dict[tuple[str, str], tuple[str, ...]] = {}
    written: list[tuple[Layer, Move, Any]] = []
    for scope, move in write_back.layers:
        layer = layers[scope]
        assert layer is not None
        field, found = move.target[0], move.read(scopes)
        if len(move.target) == 1:
            drafts[scope, field] = found
        else:
            if (scope, field) not in drafts:
                drafts[scope, field] = copy_of_field(layer, field)
            put(drafts[scope, field], move, move.target[1:], found)
        written.append((layer, move, found))
        keys[scope, field] = move.binding.keys
    for (scope, field), draft in drafts.items():
        _require_fit(layers[scope], field, draft, keys[scope, field])
    for layer, move, found in written:
        field, *below = move.target
        if below:
            put(layer_fields(type(layer))[field].read(layer), move, tuple(below), found)
            require_fields(layer, [field])  # it is sound, as its draft is, and is normalised here
        else:
            setattr(layer, field, found)
    step.signals = None  # of fields; what counts is what was bound
    for layer, move, found in written:
        step.wrote(layer, ".".join(move.target), found)


def _require_fit(layer: Layer | None, field: str, draft: Any, keys: tuple[str, ...]) -> None:
    """Check a field before any is written: a result may have been changed in place since it was set."""
    declared = layer_fields(type(layer))[field]
    if type(draft) is not declared.exact:
        try:
            declared.check(draft)
        except Mismatch as mismatch:
            raise ContractError(does_not_fit_problem(WRITE_BACK, keys, str(mismatch))) from None
