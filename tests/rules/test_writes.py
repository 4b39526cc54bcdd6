"""The texts of refused writes."""

from __future__ import annotations

import pytest

from typedflow.rules.problems import Problem
from typedflow.rules.writes import (
    changed_in_place_problem,
    path_not_there_problem,
    undeclared_field_problem,
    wrong_state_problem,
    wrong_type_problem,
)


@pytest.mark.parametrize(
    "problem, message",
    [
        (
            wrong_type_problem("request.topic", "str", "5 (int)", layer="state").at("step 'draft' of flow 'review'"),
            "TF601: step 'draft' of flow 'review': 'request.topic' of state takes str, not 5 (int)",
        ),
        (wrong_type_problem("count", "int", "True", hint="no bool"), "TF601: 'count' takes int, not True (no bool)"),
        (
            undeclared_field_problem("topik", "ReviewState", ["topic", "drafts"]),
            "TF602: ReviewState has no field 'topik' (did you mean 'topic'?)",
        ),
        (
            undeclared_field_problem("size", "ReviewState", ["topic"]),
            "TF602: ReviewState has no field 'size' (its fields: 'topic')",
        ),
        (undeclared_field_problem("size", "Empty", []), "TF602: Empty has no field 'size' (it declares no fields)"),
        (
            changed_in_place_problem("a.extra", "the fields of A", "5 (int)", hint="a save drops it"),
            "TF612: 'a.extra' was changed in place: it takes the fields of A, and now holds 5 (int) (a save drops it)",
        ),
        (
            changed_in_place_problem("drafts[1]", "str", "5 (int)", layer="state"),
            "TF612: 'drafts[1]' of state was changed in place: it takes str, and now holds 5 (int) "
            "(data.state.append(path, value) and .set(path, value) check each value where it is written)",
        ),
        (
            path_not_there_problem("meta.a", "meta.a"),
            "TF208: 'meta.a' is not there now (use get(path, default), or ask with `in`)",
        ),
        (
            path_not_there_problem("request.topic", "request"),
            "TF208: 'request.topic' is not there now: 'request' is not there "
            "(use get(path, default), or ask with `in`)",
        ),
    ],
    ids=["wrong type", "hint", "near", "far", "empty", "why", "in place", "not there", "way not there"],
)
def test_a_refused_write_names_path_expected_and_given(problem: Problem, message: str) -> None:
    assert problem.render() == message


def test_a_layer_is_given_whole_as_its_very_class() -> None:
    assert wrong_state_problem("state", "ReviewState", "Other(x=1) (Other)").render() == (
        "TF601: 'state' takes ReviewState, not Other(x=1) (Other) "
        "(give an instance of ReviewState itself, or a mapping of its fields)"
    )
