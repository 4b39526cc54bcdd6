"""Problems of `case_type` and `case_value`."""

from __future__ import annotations

import pytest

from typedflow.rules import cases
from typedflow.rules.problems import Problem
from typedflow.rules.wording import OfType


def test_what_is_left_over_keeps_its_order() -> None:
    assert cases.left_over(["a", "b", "c"], {"b"}) == ["a", "c"]


@pytest.mark.parametrize(
    "problem, rendered",
    [
        (
            cases.class_as_value_problem("Approve"),
            "TF741: case(Approve) would compare the value with the class itself "
            "(to match by class, use .case_type(Approve))",
        ),
        (cases.wrong_class_problem(OfType("int")), "TF742: case_type takes classes, not int"),
        (
            cases.union_class_problem(["A", "B"]),
            "TF742: case_type takes classes, not the union A | B (pass them one by one: .case_type(A, B))",
        ),
        (
            cases.number_of_classes_problem(0),
            "TF742: case_type takes one to four classes, not 0 (name the classes of this case: .case_type(Approve))",
        ),
        (
            cases.number_of_classes_problem(5),
            "TF742: case_type takes one to four classes, not 5 (split it into several cases)",
        ),
        (
            cases.no_case_problem("3 (int)"),
            "TF743: no case of this match takes 3 (int) (add .case_type(…) or .case_value(…) for it, or .case_else())",
        ),
    ],
)
def test_a_problem_says_what_to_write(problem: Problem, rendered: str) -> None:
    assert problem.render() == rendered
