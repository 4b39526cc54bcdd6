"""How a person decides on one distribution, as a flow of its own: ask, wait for the answer, record it.

The answer may come days later, to another process. A flow of its own keeps what was asked about beside the question.
"""

from __future__ import annotations

import msgspec
from packaging.utils import canonicalize_name, is_normalized_name

from examples.license_audit.records import Assessment, Decision, Finding, Question, decide
from examples.license_audit.report import name_licence
from typedflow import Contract, Data, Flow, State


class ReviewState(State):
    """What is to be decided on."""

    assessment: Assessment


class Review(Contract):
    """A person's decision on one distribution, named by the input."""

    input: str
    result: Finding
    state: ReviewState


def ask(data: Data[Review, str]) -> Decision:
    """Put the question, and wait; the answer becomes what this step gives."""
    assessment = data.state.assessment
    question = Question(
        distribution=assessment.distribution.name,
        version=assessment.distribution.version,
        licence=name_licence(assessment.license),
        reason=assessment.ruling.reason,
        license_files=list(assessment.distribution.license_files),
    )
    data.pause_for(msgspec.to_builtins(question), type="licence-review", interrupt_id=name_interrupt(data.value))


def record(data: Data[Review, Decision]) -> Finding:
    """Record the distribution as it was decided."""
    return decide(data.state.assessment, data.value)


def name_interrupt(distribution: str) -> str | None:
    """Return the id by which a distribution is decided on: its name, or None where that is no valid one."""
    name = canonicalize_name(distribution)
    return name if is_normalized_name(name) and len(name) <= 128 else None


def build_review() -> Flow[Review]:
    """Make the flow; it needs the state field `assessment`."""
    flow = Flow(Review, name="review")
    flow.to(ask).to(record).end()
    return flow
