"""An execution from a snapshot: everything is read and checked before anything is changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET as ABSENT

from typedflow.engine.plan import Kind, PlanNode
from typedflow.engine.pools import Pools
from typedflow.engine.run import Run
from typedflow.engine.status import Status
from typedflow.engine.tokens import UNSET, ChildOutcome, Token
from typedflow.errors import FinishedError, ResourceError, SnapshotError
from typedflow.execution.children import capture_resources
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.execution.pending_writes import changed_fields, copies_of
from typedflow.execution.remote_children import collect_remotes
from typedflow.execution.runtime import ANSWERS_KEPT, ExecutionRuntime
from typedflow.execution.waiting import collect_deadlines
from typedflow.rules import executions, snapshots
from typedflow.schema.layers import FlowState, Resources, State
from typedflow.schema.resources import overrides_of
from typedflow.snapshot.codecs import compile_codec
from typedflow.snapshot.envelope import RemoteRecord, Snapshot
from typedflow.snapshot.flow_states import decode_kept
from typedflow.snapshot.headers import Settled, settle_snapshot
from typedflow.snapshot.reading import Source, read_document
from typedflow.snapshot.run_reading import RunReader


@dataclass(slots=True)
class Loaded:
    """What was read of one execution, before it is installed."""

    snapshot: Snapshot
    run: Run
    state: State | None
    flow_state: FlowState | None
    children: list[tuple[Token, FlowRuntime, Loaded]] = field(default_factory=list)


def load_into(
    runtime: ExecutionRuntime, source: Source, resources: Resources | Mapping[str, Any] | None, max_bytes: int
) -> None:
    """Take over what was saved, all or nothing, with the resources that are given along."""
    require_fresh(runtime)
    take_over(runtime, read_document(source, max_bytes=max_bytes), resources)


def require_fresh(runtime: ExecutionRuntime) -> None:
    """Refuse to load into an execution that was started."""
    if runtime.run.status is not Status.CREATED or runtime.run.live:
        refused = executions.started_already_problem(runtime.run.status, emitted=bool(runtime.run.live))
        raise FinishedError(refused.at(runtime.name))


def take_over(runtime: ExecutionRuntime, snapshot: Snapshot, resources: Resources | Mapping[str, Any] | None) -> None:
    """Take over a snapshot that was read and checked as a document."""
    newest = runtime.flow
    definition = newest.definition_of(snapshot)
    try:
        loaded = read_execution(definition, snapshot)
    except RecursionError as error:
        raise SnapshotError(snapshots.too_deep_problem("children"), path="children") from error
    before = runtime.resources.given
    undo = None if definition is newest else runtime.become(definition)
    try:
        if resources is not None:
            runtime.resources.give(resources if undo is None else _shared(newest, definition, resources))
        install(runtime, loaded)
    except ResourceError:
        if undo is not None:
            undo()
        runtime.resources.take_back(before)
        raise
    collect_deadlines(runtime)
    collect_remotes(runtime)
    runtime.saves = snapshot.sequence
    runtime.mail = 0 if snapshot.mail is ABSENT else snapshot.mail
    runtime.answered = dict.fromkeys((snapshot.answered or [])[-ANSWERS_KEPT:]) or None


def _shared(newest: FlowRuntime, definition: FlowRuntime, given: Resources | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the resources for an execution of an earlier definition: those that its contract declares.

    The others have to be some of the flow; raises `ResourceError` where one is unknown to both.
    """
    supplied = overrides_of(given)
    declared = definition.resources.declared
    newest.resources.checked({key: value for key, value in supplied.items() if key not in declared})
    return {key: value for key, value in supplied.items() if key in declared}


def read_execution(
    flow: FlowRuntime,
    snapshot: Snapshot,
    place: str = "",
    within: tuple[str, ...] = (),
    formerly: Collection[str] = (),
) -> Loaded:
    """Read a snapshot and its children against a flow; raises `SnapshotError`, and changes nothing."""
    plan = flow.plan()
    settled = settle_snapshot(plan, snapshot, flow.name, place, formerly)
    run, tokens = _read_run(flow, settled, place)
    for paused in (run.interrupts or {}).values():
        key = f"{snapshot.execution_id}:{run.key(paused.token)}"
        paused.interrupt = msgspec.structs.replace(paused.interrupt, key=key, within=within)
    loaded = Loaded(
        snapshot,
        run,
        _layer(plan.spec.state, settled, "state", place),
        _layer(plan.spec.flow_state, settled, "flow_state", place),
    )
    for index, child in enumerate(snapshot.children):
        here = f"{place}children[{index}]"
        assert child.parent is not None
        token = tokens[child.parent]
        node = plan.nodes[token.node]
        if node.kind != Kind.CHILD:
            raise SnapshotError(snapshots.dangling_problem(here, f"'{node.name}' runs no child flow"), path=here)
        child_flow = _definition_below(node.child, child).for_child()
        inside = read_execution(child_flow, child, f"{here}.", (*within, node.name), node.formerly)
        loaded.children.append((token, child_flow, inside))
    _place_tokens(loaded, tokens, place)
    return loaded


def _definition_below(flow: FlowRuntime, snapshot: Snapshot) -> FlowRuntime:
    """Return the definition that a child execution goes on with.

    An earlier one of another contract does not count: what is moved in and out of a child is checked for its contract.
    """
    definition = flow.definition_of(snapshot)
    return definition if definition.spec.cls is flow.spec.cls else flow


def _read_run(flow: FlowRuntime, settled: Settled, place: str) -> tuple[Run, list[Token]]:
    plan, snapshot = flow.plan(), settled.snapshot
    run = Run(plan)
    reader = RunReader(plan, snapshot, settled.match)
    run.status = snapshot.status
    reader.joins(snapshot.joins, place)
    run.blocks = dict.fromkeys(reader.open_joins()) or None
    tokens = [reader.token(record, f"{place}tokens[{index}]") for index, record in enumerate(snapshot.tokens)]
    run.attempts = {
        token: record.attempts
        for token, record in zip(tokens, snapshot.tokens, strict=True)
        if record.attempts is not ABSENT
    } or None
    run.updates = {
        token: {
            call: decode_kept(text, plan.spec, f"{place}tokens[{index}].updates")
            for call, text in record.updates.items()
        }
        for index, (token, record) in enumerate(zip(tokens, snapshot.tokens, strict=True))
        if record.updates is not ABSENT
    } or None
    run.remotes = {
        token: _outcome_of(record.remote, plan.nodes[token.node], f"{place}tokens[{index}].remote")
        for index, (token, record) in enumerate(zip(tokens, snapshot.tokens, strict=True))
        if record.remote is not ABSENT
    } or None
    paused = [reader.paused(record, f"{place}interrupts[{index}]") for index, record in enumerate(snapshot.interrupts)]
    run.interrupts = {each.interrupt.id: each for each in paused} or None
    run.pools = (
        Pools(reader.pool(record, f"{place}pools[{index}]") for index, record in enumerate(snapshot.pools)) or None
    )
    run.received = 0 if snapshot.received is ABSENT else snapshot.received
    if snapshot.result is not ABSENT:
        run.result = reader.value(plan.spec.result, snapshot.result, f"{place}result")
    return run, tokens


def _outcome_of(record: RemoteRecord, node: PlanNode, place: str) -> ChildOutcome | None:
    """Return how a remote child has failed; None where it is open. It may be a local one by now, if started anew."""
    if node.kind != Kind.CHILD:
        raise SnapshotError(snapshots.dangling_problem(place, f"'{node.name}' runs no child flow"), path=place)
    if record.error is ABSENT:
        return None
    text = "" if record.text is ABSENT else record.text
    return ChildOutcome(error=record.error, text=text, is_fault=record.fault is True)


def _place_tokens(loaded: Loaded, tokens: list[Token], place: str) -> None:
    """Sort the tokens into those that go on and those whose child waits, and check that the status says the same."""
    run = loaded.run
    waiting = {id(token) for token, _, child in loaded.children if child.run.status is Status.WAITING}
    waiting |= {id(token) for token, outcome in (run.remotes or {}).items() if outcome is None}
    run.restored(
        [token for token in tokens if id(token) not in waiting], [token for token in tokens if id(token) in waiting]
    )
    pending = bool(run.interrupts or run.awaiting_child)
    at_rest = not run.live and not pending
    is_new = not pending and run.result is UNSET and not loaded.children
    sound = {
        Status.CREATED: is_new and (run.received > 0 or not (run.live or run.blocks or run.pools)),
        Status.RUNNING: True,
        Status.WAITING: pending,
        Status.FAILED: True,
        Status.COMPLETED: at_rest,
        Status.CANCELLED: at_rest,
    }
    if not sound[run.status]:
        here = f"{place}status"
        raise SnapshotError(
            snapshots.dangling_problem(here, f"'{run.status}' does not go with what is in flight"), path=here
        )


def _layer(cls: Any, settled: Settled, name: str, place: str) -> Any:
    raw, here = getattr(settled, name), f"{place}{name}"
    if cls is None:
        if raw is not ABSENT:
            raise SnapshotError(snapshots.dangling_problem(here, "the contract declares none"), path=here)
        return None
    if raw is ABSENT:
        if not _may_lack(name, settled.snapshot):
            raise SnapshotError(
                snapshots.dangling_problem(here, "the contract declares one, and it is missing"), path=here
            )
        return None
    verified = name == "state" and settled.state_verified
    return compile_codec(cls).decode(raw, here, settled.snapshot.encoding, added=settled.added, verified=verified)


def _may_lack(name: str, snapshot: Snapshot) -> bool:
    """Return whether a layer may be absent: a state that nothing has made yet, a flow_state that a store keeps."""
    if name == "flow_state":
        return snapshot.parent is None
    return snapshot.status in (Status.CREATED, Status.CANCELLED)


def install(runtime: ExecutionRuntime, loaded: Loaded) -> None:
    """Put what was read in its place.

    A flow_state of a root is taken over only where the flow's own is untouched: a live flow is never rolled back, least
    of all by a revision that is opened to be read.
    Captured resources of children are taken again from their parents; one of the wrong class is a `ResourceError`, and
    nothing was changed then.
    """
    children: dict[Token, ExecutionRuntime] = {}
    for token, child_flow, read in loaded.children:
        child = ExecutionRuntime(child_flow, read.snapshot.execution_id, parent=(runtime, token))
        children[token] = child
        capture_resources(child)
        install(child, read)
    snapshot = loaded.snapshot
    runtime.id = snapshot.execution_id
    runtime.created = snapshot.created.timestamp()
    runtime.saved_keys = tuple(snapshot.resource_keys)
    runtime.run = loaded.run
    if loaded.state is not None:
        runtime.state, runtime.given_state = loaded.state, None
    flow = runtime.flow
    if loaded.flow_state is not None:
        if runtime.parent is not None:
            flow.flow_state = loaded.flow_state
        elif runtime.past is None:
            _take_flow_state(runtime, loaded.flow_state)
    runtime.children = children or None


def _take_flow_state(runtime: ExecutionRuntime, saved: FlowState) -> None:
    """Take over the flow_state of a root's snapshot, where the flow has none of its own.

    A store that shares flow_states begins with it where it has no row; its own row wins.
    """
    flow = runtime.flow
    initial = flow.initial_flow_state()
    if runtime.shares_flow_state:
        if not flow.unstored:
            flow.unstored = copies_of(saved, changed_fields(saved, initial))
    elif not changed_fields(flow.require_flow_state(), initial):
        flow.show_flow_state(saved)


def missing_keys(runtime: ExecutionRuntime) -> list[str]:
    """Return the missing resource keys, sorted: required ones, and those at hand when it was saved."""
    for each in runtime.tree():
        if each.parent is not None:
            capture_resources(each)
    missing = {key for each in runtime.tree() for key in each.resources.absent()}
    at_hand = {key for each in runtime.tree() for key in each.resources.injected()}
    return sorted(missing | (set(runtime.saved_keys) - at_hand))
