"""The steps of the audit: each takes its value, its state and its resources from `data`, and calls the domain."""

from __future__ import annotations

from examples.license_audit.contracts import Audit, Tally
from examples.license_audit.metadata import select_names
from examples.license_audit.policy import load_policy
from examples.license_audit.records import (
    Assessment,
    AuditRequest,
    Finding,
    Report,
    Verdict,
    compile_report,
    find,
)
from typedflow import Data


def prepare(data: Data[Audit, AuditRequest]) -> list[str]:
    """Load the policy into the state and give the names to audit."""
    data.state.policy = load_policy(data.value.policy)
    data.state.request = data.value
    return select_names(data.resources.catalog, data.value.names)


def is_denied(data: Data[Audit, Assessment]) -> bool:
    """Return whether the policy denies the licence."""
    return data.value.ruling.verdict is Verdict.DENIED


def is_allowed(data: Data[Audit, Assessment]) -> bool:
    """Return whether the policy allows the licence."""
    return data.value.ruling.verdict is Verdict.ALLOWED


def deny(data: Data[Audit, Assessment]) -> Finding:
    """Record a distribution that may not be used."""
    return find(data.value)


def allow(data: Data[Audit, Assessment]) -> Finding:
    """Record a distribution that may be used."""
    return find(data.value)


def is_asked(data: Data[Audit, Assessment]) -> bool:
    """Return whether a person is to be asked about what the policy leaves open."""
    return data.state.request is not None and data.state.request.ask


def refer(data: Data[Audit, Assessment]) -> Finding:
    """Refer the decision to the reader of the report, with the files to read for it."""
    return find(data.value, data.value.distribution.license_files)


def count(data: Data[Audit, Finding]) -> Finding:
    """Add one finding to the tally of the flow."""
    verdict = data.value.verdict

    def add(tally: Tally) -> None:
        match verdict:
            case Verdict.ALLOWED:
                tally.allowed += 1
            case Verdict.REVIEW:
                tally.review += 1
            case Verdict.DENIED:
                tally.denied += 1

    data.update_flow_state(add)
    return data.value


def conclude(data: Data[Audit, list[Finding]]) -> Report:
    """Keep the findings and compile the report."""
    data.state.findings = data.value
    request = data.state.request or AuditRequest(policy="")
    # Who names the distributions does not ask for what else there is.
    unreadable = [] if request.names else data.resources.catalog.unreadable()
    return compile_report(request.policy, data.value, unreadable)
