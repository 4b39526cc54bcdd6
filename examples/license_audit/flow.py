"""The audit as a flow: for each distribution read, normalise, assess, and decide by match; then the report."""

from __future__ import annotations

from typing import Final

from examples.license_audit import handlers
from examples.license_audit.contracts import Audit
from typedflow import Flow

# A bound on what is under way at once; reading metadata is quick, a person's decision will not be.
CONCURRENCY: Final = 8


def build_flow() -> Flow[Audit]:
    """Make the flow of the audit, with a tally of its own; it needs the resource `catalog`."""
    flow = Flow(Audit, name="license_audit")
    names = flow.to(handlers.prepare)
    assessed = names.for_each(concurrency=CONCURRENCY).to(handlers.read).to(handlers.normalise).to(handlers.assess)
    found = (
        assessed.match()
        .case(handlers.is_denied)
        .to(handlers.deny)
        .case(handlers.is_allowed)
        .to(handlers.allow)
        .case_else()
        .to(handlers.refer)
        .end_match()
    )
    found.to(handlers.count).end_for_each().to(handlers.conclude).end()
    return flow
