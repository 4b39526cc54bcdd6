"""The contract of the audit: what the flow takes, gives, keeps, counts and needs."""

from __future__ import annotations

from examples.license_audit.metadata import Catalog
from examples.license_audit.records import AuditRequest, Finding, Policy, Report
from typedflow import Contract, FlowState, Resources, State


class AuditState(State):
    """What one audit has read and found; saved with it, so that a resumed audit keeps its policy."""

    request: AuditRequest | None = None
    policy: Policy = Policy()
    """The policy as it was when the audit began; an empty one, before that, sends everything to review."""
    findings: list[Finding] = []


class Tally(FlowState):
    """Count what all audits of one flow have found."""

    allowed: int = 0
    review: int = 0
    denied: int = 0


class AuditResources(Resources):
    """What an audit needs of its environment."""

    catalog: Catalog


class Audit(Contract):
    """Audit the licences of distributions against a policy."""

    input: AuditRequest
    result: Report
    state: AuditState
    flow_state: Tally
    resources: AuditResources
