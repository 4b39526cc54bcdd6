"""The rules of resources: keys, completeness, classes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedflow.rules.problems import Problem
from typedflow.rules.resources import (
    assigned_problem,
    check_declared,
    check_factories,
    check_key,
    missing_resource_problem,
    no_resources_problem,
    wrong_class_problem,
)

DECLARED = {"logger": "Logger", "search": "SearchTool"}
ONE_FIELD = "use the name of one field of the contract's resources"


@pytest.mark.parametrize("key", ["search", "_search", "search2"])
def test_a_resource_key_is_one_name(key: str) -> None:
    assert check_key(key) is None


@pytest.mark.parametrize(
    "key, message",
    [
        ("search.find", "TF104: 'search.find' is not a resource key "
         "(take 'search' and read its attributes: resources are given whole, a key has no dots)"),
        (".find", f"TF104: '.find' is not a resource key ({ONE_FIELD})"),
        ("", f"TF104: '' is not a resource key ({ONE_FIELD})"),
        ("a-b", f"TF104: 'a-b' is not a resource key ({ONE_FIELD})"),
        (5, "TF104: a resource key is a str, not int (use the field's name)"),
    ],
)  # fmt: skip
def test_any_other_key_is_refused(key: object, message: str) -> None:
    problem = check_key(key)
    assert problem is not None
    assert problem.render() == message


@given(st.text() | st.integers() | st.none())
def test_a_key_is_declared_or_a_problem(key: object) -> None:
    assert (check_declared(key, DECLARED, owner="R") is None) == (key in DECLARED)


@pytest.mark.parametrize(
    "key, declared, message",
    [
        ("serach", DECLARED, "TF101: ReviewResources declares no resource 'serach' (did you mean 'search'?)"),
        ("db", DECLARED, "TF101: ReviewResources declares no resource 'db' (declared: 'logger', 'search')"),
        ("db", {}, "TF101: ReviewResources declares no resource 'db' (add a field to ReviewResources)"),
    ],
)
def test_an_undeclared_key_is_refused_with_the_nearest(key: str, declared: dict[str, str], message: str) -> None:
    problem = check_declared(key, declared, owner="ReviewResources")
    assert problem is not None
    assert (problem.render(), problem.side) == (message, "key")


def test_a_missing_resource_lists_what_there_is() -> None:
    way = "give it with update_runtime_resources(search=…) on the flow, or runtime_resources={'search': …}"
    assert missing_resource_problem("search", "SearchTool", ["logger"]).hint == f"available: 'logger'; {way}"


@pytest.mark.parametrize(
    "problem, message",
    [
        (wrong_class_problem("search", "SearchTool", "int"),
         "TF103: resource 'search' is declared as SearchTool, not int (give an instance of SearchTool)"),
        (no_resources_problem("Review"), "TF105: contract 'Review' declares no resources "
         "(add a Resources class to Review: `resources: ReviewResources`)"),
        (assigned_problem("ReviewResources", "search", DECLARED), "TF106: resource 'search' cannot be assigned to "
         "ReviewResources "
         "(data.set_resource('search', value) replaces it for this execution)"),
        (assigned_problem("ReviewResources", "serach", DECLARED),
         "TF101: ReviewResources declares no resource 'serach' (did you mean 'search'?)"),
    ],
    ids=["class", "none", "assigned", "assigned unknown"],
)  # fmt: skip
def test_the_other_texts(problem: Problem, message: str) -> None:
    assert problem.render() == message


def test_a_resource_that_a_test_has_not_given() -> None:
    problem = missing_resource_problem("search", "Search", ["logger"], in_test=True)
    assert problem.render() == (
        "TF102: resource 'search', declared as Search, is missing (available: 'logger'; give it with make_data(…, "
        "resources={'search': …}))"
    )


def test_a_factory_with_a_misspelt_key_is_reported_and_others_are_not() -> None:
    given = ["loger", "search", "seearch", "other"]
    assert check_factories(given, list(DECLARED), ["search"]) == []
    found = check_factories(given, list(DECLARED), list(DECLARED))
    assert [problem.render() for problem in found] == [
        "TF101: no flow of this worker declares a resource 'loger' (did you mean 'logger'?)"
    ]
