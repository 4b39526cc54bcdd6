"""The audit as a flow: each distribution is classified by a child flow and decided on by match; then the report.

What the policy leaves open goes to a second child flow, which waits for a person, where the request asks for that.
"""

from __future__ import annotations

from typing import Final

from examples.license_audit import handlers
from examples.license_audit.classification import build_classification
from examples.license_audit.contracts import Audit
from examples.license_audit.review import build_review
from typedflow import Flow

# A bound on what is under way at once; what waits for a person gives its place away.
CONCURRENCY: Final = 8


def build_flow() -> Flow[Audit]:
    """Make the flow of the audit, with a tally of its own; it needs the resource `catalog`."""
    flow = Flow(Audit, name="license_audit")
    names = flow.to(handlers.prepare)
    # What comes back, by default, is the child's result: write_back={"value": "result"}.
    assessed = names.for_each(concurrency=CONCURRENCY).to_sub_flow(
        build_classification(),
        capture={
            "input": "value",
            "state": {"policy": "state.policy"},
            "resources": {"catalog": "resources.catalog"},
        },
    )
    found = (
        assessed.match()
        .case(handlers.is_denied)
        .to(handlers.deny)
        .case(handlers.is_allowed)
        .to(handlers.allow)
        .case(handlers.is_asked)
        .to_sub_flow(build_review(), capture={"input": "value.distribution.name", "state": {"assessment": "value"}})
        .case_else()
        .to(handlers.refer)
        .end_match()
    )
    found.to(handlers.count).end_for_each().to(handlers.conclude).end()
    return flow
