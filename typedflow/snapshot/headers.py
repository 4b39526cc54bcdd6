"""What every snapshot of a flow begins with, and whether it is a snapshot of this flow as it is today."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import UNSET, Raw, UnsetType

from typedflow.contract import snapshots
from typedflow.engine.plan import Plan
from typedflow.errors import SnapshotError
from typedflow.snapshot.codecs import Codec, compile_codec
from typedflow.snapshot.documents import Format
from typedflow.snapshot.envelope import Snapshot
from typedflow.snapshot.migrations import saved_shape, settle_layers
from typedflow.snapshot.plans import PlanMark, mark_plan, require_places


@dataclass(frozen=True, slots=True)
class Header:
    """Hold what does not change from save to save."""

    shape: Raw
    fingerprint: str
    plan: str
    mark: PlanMark
    state: Codec | None
    flow_state: Codec | None

    def complete(self, snapshot: Snapshot) -> Snapshot:
        """Describe in a new snapshot the nodes that something in flight stands at; gives the snapshot."""
        snapshot.nodes = self.mark.nodes_of(snapshot)
        return snapshot


def header_of(plan: Plan, format: Format) -> Header:
    """Describe a plan and its contract."""
    shape, mark = saved_shape(plan.spec), mark_plan(plan)
    spec = plan.spec
    layers = [None if cls is None else compile_codec(cls) for cls in (spec.state, spec.flow_state)]
    return Header(shape.raw[format], shape.fingerprint, mark.fingerprint, mark, *layers)


@dataclass(frozen=True, slots=True)
class Settled:
    """Hold what of a snapshot may be decoded by today's types."""

    snapshot: Snapshot
    state: Raw | UnsetType
    flow_state: Raw | UnsetType
    added: frozenset[str]
    """Fields ("Record.field") that the saved layers may lack, because they were added with a default."""
    state_vouched: bool
    """A save by the very types of today wrote the state, which the mark of the snapshot vouches for."""


def settle(plan: Plan, snapshot: Snapshot, flow: str, place: str) -> Settled:
    """Check that a snapshot belongs to this flow, its contract and its plan, and bring its layers to today's version.

    `place` is that of a child in its parent's document. Raises `SnapshotError`; nothing is changed.
    """
    if snapshot.flow != flow:
        raise SnapshotError(snapshots.other_flow("flow", snapshot.flow, flow), path=f"{place}flow")
    layers = settle_layers(snapshot, plan.spec, place)
    require_places(snapshot, mark_plan(plan), place)
    vouched = snapshot.state_mark is not UNSET and snapshot.fingerprint == saved_shape(plan.spec).fingerprint
    return Settled(snapshot, layers.state, layers.flow_state, layers.added, vouched)
