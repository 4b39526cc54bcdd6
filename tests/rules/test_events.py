"""The rules of events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedflow.rules.events import check_event, wrong_payload_problem


@pytest.mark.parametrize(
    "name, declared, message",
    [
        ("aproved", ["approved"], "TF501: contract 'Review' declares no event 'aproved' (did you mean 'approved'?)"),
        ("x", ["approved"], "TF501: contract 'Review' declares no event 'x' (declared: 'approved')"),
        ("x", [], "TF501: contract 'Review' declares no event 'x' (add it to the events of Review)"),
        (5, ["approved"], "TF501: an event name is a str, not 5 (int) (use the field's name)"),
        ("x", None, "TF503: contract 'Review' declares no events "
         "(add an Events class to Review: `events: ReviewEvents`)"),
    ],
)  # fmt: skip
def test_an_undeclared_event_is_refused(name: object, declared: list[str] | None, message: str) -> None:
    problem = check_event(name, declared, contract="Review")
    assert problem is not None
    assert problem.render() == message


@given(st.text() | st.integers() | st.none())
def test_an_event_is_declared_or_a_problem(name: object) -> None:
    assert (check_event(name, ["approved"], contract="Review") is None) == (name == "approved")


def test_a_declared_event_is_fine() -> None:
    assert check_event("approved", ["approved"], contract="Review") is None


def test_a_wrong_payload_names_both_types() -> None:
    assert wrong_payload_problem("approved", "Approval", "5 (int)").render() == (
        "TF502: event 'approved' carries Approval, not 5 (int) (emit it with a value of Approval)"
    )
    assert wrong_payload_problem("approved", "Approval", "5 (int)", path="note", expected="str").text == (
        "event 'approved' carries Approval, and 'note' in it is str, not 5 (int)"
    )
