"""An execution as a snapshot: its header, its layers, its run, and its open children in the same form."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from msgspec import UNSET as ABSENT
from msgspec import Raw, UnsetType

from typedflow.engine.status import FINAL
from typedflow.engine.tokens import UNSET
from typedflow.errors import SnapshotError
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.rules import snapshots
from typedflow.snapshot.codecs import Codec
from typedflow.snapshot.documents import Format
from typedflow.snapshot.envelope import Snapshot, mark_of
from typedflow.snapshot.headers import Header, header_of
from typedflow.snapshot.run_writing import NO_PARTS, RunParts, RunWriter, tokens_in_head

DEEPEST: Final = 300
"""Levels of open children in a snapshot: on every Python this many are written and read again."""


def snapshot_of(
    runtime: ExecutionRuntime,
    format: Format,
    sequence: int,
    *,
    with_flow_state: bool,
    with_state: bool = True,
    parts: RunParts = NO_PARTS,
) -> Snapshot:
    """Return the snapshot of an execution as it is now; running steps are saved as ready.

    Raises `SnapshotError`, with the path, for what cannot be saved. `with_flow_state` is False where a store keeps it;
    that of a child is always saved. `with_state` is False where the fields of the state are parts; `parts` says what of
    the run is.
    """
    if runtime.children:
        _require_depth(below for _, child in _in_head(runtime, parts) for below in child.tree())
    return _snapshot(
        runtime,
        format,
        sequence,
        datetime.now(UTC),
        with_flow_state=with_flow_state,
        with_state=with_state,
        parts=parts,
    )


def _snapshot(
    runtime: ExecutionRuntime,
    format: Format,
    sequence: int,
    saved: datetime,
    *,
    with_flow_state: bool,
    with_state: bool = True,
    parts: RunParts = NO_PARTS,
    parent: int | None = None,
) -> Snapshot:
    run, spec, header = runtime.run, runtime.plan.spec, _header(runtime, format)
    kept = runtime.values_in_flight()
    kept.begin()
    writer = RunWriter(run, format, kept, parts)
    tokens, interrupts, pools = writer.tokens(), writer.interrupts(), writer.pools()
    snapshot = Snapshot(
        encoding=format,
        flow=runtime.flow.name,
        contract=spec.name,
        version=spec.version,
        fingerprint=header.fingerprint,
        plan=header.plan,
        execution_id=runtime.id,
        sequence=sequence,
        status=run.status,
        created=datetime.fromtimestamp(runtime.created, UTC),
        saved=saved,
        resource_keys=_resource_keys(runtime, parts),
        parent=parent,
        shape=header.shape,
        state=_state(runtime, header.state, format) if with_state else ABSENT,
        flow_state=_flow_state(runtime.flow, header.flow_state, format) if with_flow_state else ABSENT,
        result=ABSENT if run.result is UNSET else writer.result(spec.result),
        result_type=ABSENT if run.result is UNSET else header.result_type,
        tokens=tokens,
        interrupts=interrupts,
        answered=list(runtime.answered) if runtime.answered and run.status not in FINAL else ABSENT,
        pools=pools,
        joins=writer.joins(),
        received=run.received or ABSENT,
        mail=runtime.mail or ABSENT,
        children=_children(runtime, format, sequence, saved, parts) if runtime.children else [],
    )
    kept.end()
    if parent is None:
        snapshot.state_mark = mark_of(snapshot)
    return header.complete(snapshot, parts.nodes, parts.events)


def _resource_keys(runtime: ExecutionRuntime, parts: RunParts) -> list[str]:
    """Return the keys of all resources at hand, those of open children included."""
    keys = {*runtime.resource_keys(), *parts.resource_keys}
    if runtime.children:
        keys |= {key for _, child in _in_head(runtime, parts) for each in child.tree() for key in each.resource_keys()}
    return sorted(keys)


def _state(runtime: ExecutionRuntime, codec: Codec | None, format: Format) -> Raw | UnsetType:
    """Encode the state, and check the fields that may have changed since the last save."""
    state = runtime.require_state() if runtime.given_state is not None else runtime.state
    if state is None or codec is None:
        return ABSENT
    unchecked = runtime.take_unchecked()
    try:
        return codec.encode(state, "state", format, unchecked=unchecked)
    except BaseException:
        runtime.mark_all_unchecked()
        raise


def _flow_state(flow: FlowRuntime, codec: Codec | None, format: Format) -> Raw | UnsetType:
    return ABSENT if flow.flow_state is None or codec is None else codec.encode(flow.flow_state, "flow_state", format)


def _in_head(runtime: ExecutionRuntime, parts: RunParts) -> list[tuple[int, ExecutionRuntime]]:
    """Return the open children that are in no part, each with the place of its token among those in flight."""
    children = runtime.children or {}
    tokens = tokens_in_head(runtime.run, parts)
    return [(index, children[token]) for index, token in enumerate(tokens) if token in children]


def _children(
    runtime: ExecutionRuntime, format: Format, sequence: int, saved: datetime, parts: RunParts
) -> list[Snapshot]:
    return [
        _snapshot(child, format, sequence, saved, with_flow_state=True, parent=index)
        for index, child in _in_head(runtime, parts)
    ]


def child_snapshot(child: ExecutionRuntime, format: Format, sequence: int, saved: datetime, parent: int) -> Snapshot:
    """Return the snapshot of a child by itself; `parent` is the place of its token. Raises `SnapshotError`."""
    _require_depth(child.tree())
    return _snapshot(child, format, sequence, saved, with_flow_state=True, parent=parent)


def _require_depth(executions: Iterable[ExecutionRuntime]) -> None:
    if any(each.depth > DEEPEST for each in executions):
        reason = "the open child executions are nested deeper than a snapshot can be"
        raise SnapshotError(snapshots.not_saved_problem("children", reason, "lower max_depth"), path="children")


def _header(runtime: ExecutionRuntime, format: Format) -> Header:
    header = runtime.flow.headers.get(format)
    if header is None:
        header = runtime.flow.headers[format] = header_of(runtime.plan, format)
    return header
