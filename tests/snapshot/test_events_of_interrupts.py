"""Interrupts whose answer is emitted as an event, loaded by a contract whose events have changed."""

from __future__ import annotations

from typing import Any

import pytest

from typedflow import Contract, Data, Events, Flow, Snapshot, SnapshotError, Status


def review(events: type[Events]) -> Flow[Any]:
    """Make a flow that asks, and whose answer is emitted as the event `approved`."""
    named: Any = events

    class Review(Contract):
        input: str
        result: str
        events: named

    def ask(data: Data[Review, str]) -> str:
        return data.pause_for({"q": data.value}, resume_event="approved", interrupt_id="q")

    flow: Any = Flow(Review, name="review")
    flow.to(ask).end()
    return flow  # type: ignore[no-any-return]  # the flow


class Texts(Events):
    approved: str


class Numbers(Events):
    approved: int


class Wider(Events):
    approved: str | int


class Others(Events):
    confirmed: str


def saved() -> Snapshot:
    execution: Any = review(Texts).create_execution()
    assert execution.start("x") is Status.WAITING
    return execution.save()  # type: ignore[no-any-return]  # the snapshot


@pytest.mark.parametrize(
    "events, text",
    [
        (Others, "interrupt 'q' is to emit event 'approved', which contract 'Review' does not declare any more"),
        (Numbers, "interrupt 'q' waits for the payload of event 'approved', which is another one now"),
    ],
)
def test_answer_that_would_not_fit_the_event_is_refused_at_load(events: type[Events], text: str) -> None:
    with pytest.raises(SnapshotError) as caught:
        review(events).create_execution().load(saved())
    assert caught.value.code == "TF920"
    assert text in str(caught.value)


@pytest.mark.parametrize("events", [Texts, Wider])
def test_event_that_accepts_as_much_is_taken(events: type[Events]) -> None:
    execution: Any = review(events).create_execution().load(saved())
    assert list(execution.interrupts) == ["q"]
