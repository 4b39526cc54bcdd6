"""What every snapshot of a flow begins with, and whether it is a snapshot of this flow as it is today."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from msgspec import UNSET, Raw, UnsetType

from typedflow.engine.plan import Plan
from typedflow.errors import SnapshotError
from typedflow.rules import snapshots
from typedflow.schema.contracts import ContractSpec
from typedflow.snapshot.codecs import Codec, compile_codec
from typedflow.snapshot.documents import Format
from typedflow.snapshot.envelope import Snapshot
from typedflow.snapshot.matching import PlanMatch, match_plan
from typedflow.snapshot.migrations import saved_shape, settle_layers
from typedflow.snapshot.plans import PlanMark, mark_plan
from typedflow.snapshot.shapes import Json, describe_code


@dataclass(frozen=True, slots=True)
class Header:
    """The parts of a snapshot that do not change from save to save."""

    shape: Raw
    fingerprint: str
    plan: str
    mark: PlanMark
    state: Codec | None
    flow_state: Codec | None
    spec: ContractSpec
    result_type: Json

    def complete(self, snapshot: Snapshot, nodes: Collection[str] = (), events: Collection[str] = ()) -> Snapshot:
        """Describe in a new snapshot the nodes that something in flight stands at; return the snapshot.

        `nodes` and `events` are those of the interrupts that are saved in parts.
        """
        snapshot.nodes = self.mark.records_of(snapshot, nodes)
        snapshot.events = events_of(snapshot, self.spec, events)
        return snapshot


def header_of(plan: Plan, format: Format) -> Header:
    """Describe a plan and its contract."""
    shape, mark = saved_shape(plan.spec), mark_plan(plan)
    spec = plan.spec
    state, flow_state = (None if cls is None else compile_codec(cls) for cls in (spec.state, spec.flow_state))
    return Header(
        shape.raw[format],
        shape.fingerprint,
        mark.fingerprint,
        mark,
        state,
        flow_state,
        spec,
        describe_code(spec.result),
    )


def events_of(snapshot: Snapshot, spec: ContractSpec, more: Collection[str] = ()) -> dict[str, Json] | UnsetType:
    """Describe the payloads of the events that the interrupts of a snapshot are to emit, and of some `more`."""
    if not snapshot.interrupts and not more:
        return UNSET
    names = sorted({*more, *(each.resume_event for each in snapshot.interrupts if each.resume_event is not None)})
    return {name: describe_code((spec.events or {})[name]) for name in names} or UNSET


@dataclass(frozen=True, slots=True)
class Settled:
    """The parts of a snapshot that may be decoded by today's types."""

    snapshot: Snapshot
    state: Raw | UnsetType
    flow_state: Raw | UnsetType
    added: frozenset[str]
    """Fields ("Record.field") that the saved layers may lack, because they were added with a default."""
    state_verified: bool
    """A save by the very types of today wrote the state, as the mark of the snapshot shows."""
    match: PlanMatch


def settle_snapshot(plan: Plan, snapshot: Snapshot, flow: str, place: str, formerly: Collection[str] = ()) -> Settled:
    """Check that a snapshot belongs to this flow, its contract and its plan, and bring its layers to today's version.

    `place` is that of a child in its parent's document, `formerly` what its node declares to have been called: a child
    flow may have been renamed. Raises `SnapshotError`; nothing is changed.
    """
    if snapshot.flow != flow and snapshot.flow not in formerly:
        problem = snapshots.other_flow_problem("flow", snapshot.flow, flow, is_child=bool(place))
        raise SnapshotError(problem, path=f"{place}flow")
    layers = settle_layers(snapshot, plan.spec, place)
    match = match_plan(plan, snapshot, layers.migrated, place)
    verified = snapshot.state_mark is not UNSET and snapshot.fingerprint == saved_shape(plan.spec).fingerprint
    return Settled(snapshot, layers.state, layers.flow_state, layers.added, verified, match)
