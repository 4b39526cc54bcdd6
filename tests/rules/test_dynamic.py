"""Texts that are only known when the program runs."""

from __future__ import annotations

import pytest

from typedflow.rules.catalogue import DYNAMIC, RULES
from typedflow.rules.dynamic import not_literal_problem


@pytest.mark.parametrize(
    "number, text",
    [
        ("TF199", "the resource key is not a literal, so that it cannot be checked before the flow runs"),
        ("TF299", "the path is not a literal, so that it cannot be checked before the flow runs"),
        ("TF399", "the capture is not a literal, so that it cannot be checked before the flow runs"),
        ("TF499", "the write_back is not a literal, so that it cannot be checked before the flow runs"),
        ("TF599", "the event name is not a literal, so that it cannot be checked before the flow runs"),
    ],
)
def test_what_is_no_literal_is_named(number: str, text: str) -> None:
    problem = not_literal_problem(number)
    assert problem.text == text
    assert RULES[number].code == DYNAMIC


def test_a_mapping_can_be_bound() -> None:
    assert not_literal_problem("TF399").hint.endswith("wrap it where it is named: NAME = binding({…})")
    assert not_literal_problem("TF299").hint == "write it out where it is used, as a Final name or of a Literal type"
