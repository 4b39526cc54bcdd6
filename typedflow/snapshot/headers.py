"""What every snapshot of a flow begins with: the description of its saved types, and the two fingerprints."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Raw, UnsetType

from typedflow.contract import snapshots
from typedflow.engine.plan import Plan
from typedflow.errors import SnapshotError
from typedflow.snapshot.documents import Format
from typedflow.snapshot.envelope import Snapshot


@dataclass(frozen=True, slots=True)
class Header:
    """Hold what does not change from save to save."""

    shape: Raw
    fingerprint: str
    plan: str


def header_of(plan: Plan, format: Format) -> Header:
    """Describe a plan and its contract."""
    return Header(Raw(b"{}" if format == "json" else b"\x80"), "", "")


@dataclass(frozen=True, slots=True)
class Settled:
    """Hold what of a snapshot may be decoded by today's types."""

    snapshot: Snapshot
    state: Raw | UnsetType
    flow_state: Raw | UnsetType
    added: frozenset[str]
    """Fields ("Record.field") that the saved layers may lack, because they were added with a default."""


def settle(plan: Plan, snapshot: Snapshot, flow: str, place: str) -> Settled:
    """Check that a snapshot belongs to this flow and its contract, and bring its layers to today's version."""
    spec = plan.spec
    for what, given, expected in (("flow", snapshot.flow, flow), ("contract", snapshot.contract, spec.name)):
        if given != expected:
            raise SnapshotError(snapshots.other_flow(what, given, expected), path=f"{place}{what}")
    return Settled(snapshot, snapshot.state, snapshot.flow_state, frozenset())
