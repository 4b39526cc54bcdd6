"""The flow of the approvals: who is asked, what the deadline does, and that mail is sent once."""

from __future__ import annotations

import pytest

from examples.approvals import flow as approvals
from examples.approvals.records import Decision, Ordered, Outcome, Purchase
from typedflow.testing import PauseSignal, make_data, run_flow

CHAIR = Purchase("a chair", 12_000, "ann")


class Outbox:
    def __init__(self) -> None:
        self.sent: dict[str, str] = {}

    def send(self, key: str, to: str, text: str) -> None:
        self.sent[key] = f"{to}: {text}"


def run(purchase: Purchase, **answers: object) -> tuple[Outcome, list[str]]:
    mail = Outbox()
    outcome = run_flow(
        approvals.build_flow(),
        purchase,
        answers=answers,
        state={"purchase": purchase},
        resources={"mail": mail},
        reload=True,
    )
    return outcome, list(mail.sent.values())


def test_what_is_small_is_approved_without_a_question() -> None:
    data = make_data(approvals.Approval, Purchase("pens", 300, "ann"))
    assert approvals.decide(data) == Decision(approved=True, note="small")


def test_a_manager_is_asked_about_the_rest() -> None:
    with pytest.raises(PauseSignal):
        approvals.decide(make_data(approvals.Approval, CHAIR))


def test_what_is_approved_is_ordered() -> None:
    outcome, sent = run(CHAIR, decide=Decision(approved=True), order=Ordered("A-1", 11_500))
    assert outcome == Outcome(True, "ordered as A-1 for 115.00")
    assert sent == ["ann: a chair: ordered as A-1 for 115.00"]


def test_what_is_refused_is_not_ordered() -> None:
    outcome, sent = run(CHAIR, decide={"approved": False, "note": "we have one"})
    assert outcome == Outcome(False, "refused: we have one")
    assert sent == ["ann: a chair: refused: we have one"]


def test_after_the_deadline_the_answer_is_no() -> None:
    outcome, _ = run(CHAIR)
    assert outcome == Outcome(False, "refused: nobody decided in time")
