"""The rules of write_back: what is refused, in which words, and the value that goes on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from tests.rules.shapes import scopes, shape
from tests.rules.test_capture import mappings, odd
from typedflow.rules.bindings import Binding, Place
from typedflow.rules.catalogue import RULES
from typedflow.rules.write_back import check_write_back

PARENT = scopes(value="Request", state="ReviewState", flow_state="Counters")
CHILD = scopes(result="Report")


def lines(mapping: object, result: str = "Report", following: str = "Any") -> list[str]:
    verdict = check_write_back(mapping, PARENT, scopes(result=result), next_value=shape(following))
    return [problem.render() for problem in verdict.problems]


def test_left_out_the_value_is_the_result() -> None:
    verdict = check_write_back(None, PARENT, CHILD, next_value=shape("Report"))
    assert verdict.problems == ()
    assert verdict.bindings == (Binding(Place("value"), Place("result"), ("value",)),)
    assert verdict.value == shape("Report")


@pytest.mark.parametrize(
    "mapping, value",
    [
        ({}, "Request"),
        ({"value": "result.text"}, "str"),
        ({"value": "result.author"}, "Author"),
        ({"value": {"topic": "result.text"}}, "Request"),
        ({"state": {"drafts": "result.nope"}}, "Request"),
        ({"value": "result.nope"}, None),
        ({"value": 5}, None),
        ({"value": "valeu"}, None),
    ],
)
def test_the_value_that_goes_on_is_known(mapping: dict[str, Any], value: str | None) -> None:
    assert check_write_back(mapping, PARENT, CHILD).value == (value and shape(value))


@pytest.mark.parametrize(
    "mapping",
    [
        {"state": {"key": "result.text", "score": "result.score", "first.topic": "result.text"}},
        {"runtime_data": {"notes.ada": "result.author"}},
        {"flow_data": {"author.name": "result.text"}, "value": {"topic": "result.text", "meta.any": "result.text"}},
    ],
)
def test_a_sound_write_back_has_no_problems(mapping: dict[str, Any]) -> None:
    assert lines(mapping) == []


@pytest.mark.parametrize(
    "mapping, line",
    [
        ({"vaule": "result"}, "TF401: write_back[\"vaule\"]: 'vaule' is not a scope of write_back (did you mean "
         "'value'?)"),
        ({"input": "result"}, "TF401: write_back[\"input\"]: 'input' is not a scope of write_back "
         "(scopes: 'value', 'state', 'flow_state', 'runtime_data', 'flow_data')"),
        ({"value": "resutl"}, "TF401: write_back[\"value\"] = \"resutl\": 'resutl' is not a scope "
         "(did you mean 'result'?)"),
        ({"state": {"key": "value.topic"}}, "TF402: write_back[\"state\"][\"key\"] = \"value.topic\": 'state' cannot "
         "be "
         "filled from 'value', only from 'result' "
         "(a child gives back its result alone: return what the parent needs)"),
        ({"state": {"key": "resources.x"}}, "TF402: write_back[\"state\"][\"key\"] = \"resources.x\": 'state' cannot "
         "be "
         "filled from 'resources', only from 'result' "
         "(resources go to resources only: they are never part of a value or a state)"),
        ({"state": {"": "result"}}, "TF403: write_back[\"state\"][\"\"]: a path cannot be empty "
         "(a path is field names joined by dots, like 'request.topic')"),
        ({"state": {"score": "result.scroe"}}, "TF404: write_back[\"state\"][\"score\"] = \"result.scroe\": Report "
         "has no "
         "field 'scroe' (did you mean 'score'?)"),
        ({"state": {"count.x": "result.text"}}, "TF405: write_back[\"state\"][\"count.x\"]: 'count.x' leads nowhere: "
         "'count' is int, which has no fields (end the path at 'count')"),
        ({"state": {"count": "result.score"}}, "TF406: write_back[\"state\"][\"count\"] = \"result.score\": "
         "'state.count' "
         "of the parent takes int, and 'result.score' of the child is float "
         "(take another source, or declare the two alike)"),
        ({"state": {"key": "result.note"}}, "TF407: write_back[\"state\"][\"key\"] = \"result.note\": 'state.key' of "
         "the "
         "parent takes str, and 'result.note' of the child may be None "
         "(declare the target as str | None, or take a value that is never None)"),
        ({"state": {"notes": "result.notes", "notes.ada": "result.author"}},
         "TF408: write_back[\"state\"][\"notes.ada\"]: "
         "'state.notes.ada' is part of 'state.notes', and both are given (give the whole or its parts)"),
        ({"state": {"key": "result.text"}, "runtime_data": {"key": "result.text"}},
         "TF409: write_back[\"runtime_data\"]"
         "[\"key\"]: 'state.key' is given twice, and 'runtime_data' is another name of 'state' (keep one of the two)"),
        ({"resources": {"search": "result.text"}}, "TF410: write_back[\"resources\"]: resources are never written "
         "back: a "
         "child's resources stay with the child (return what the parent needs as the child's result)"),
        ({"state": "result"}, "TF413: write_back[\"state\"] = \"result\": 'state' is given by fields, not as a whole "
         "(write {\"state\": {\"field\": \"result\"}})"),
        ([], "TF413: write_back: it has to be a mapping, not [] (list) "
         "(write {\"value\": \"result\"}, {\"state\": {\"field\": \"result.field\"}}, or {} for nothing)"),
        ({"state": {"request.topic": "result.text"}}, "TF415: write_back[\"state\"][\"request.topic\"]: "
         "'request.topic' "
         "cannot be written through 'request', which may be None (write 'request' as a whole)"),
        ({"state": {"point.x": "result.text"}}, "TF415: write_back[\"state\"][\"point.x\"]: 'point.x' cannot be "
         "written: "
         "Point is read-only (write 'point' as a whole)"),
    ],
    ids=lambda value: value[:70] if isinstance(value, str) else "",
)  # fmt: skip
def test_an_entry_that_does_not_fit_is_refused(mapping: object, line: str) -> None:
    assert lines(mapping) == [line]


def test_a_layer_that_the_parent_lacks_is_refused() -> None:
    verdict = check_write_back({"state": {"x": "result"}}, scopes(value="int"), CHILD)
    assert [problem.render() for problem in verdict.problems] == [
        'TF414: write_back["state"]["x"]: the parent\'s contract declares no state '
        "(declare `state: …` there, or leave the entry out)"
    ]


@pytest.mark.parametrize(
    "mapping, following, line",
    [
        ({"value": "result"}, "Request", "TF411: write_back[\"value\"] = \"result\": the next step takes Request, and "
         "would get Report (take another part of the result, or put a step in between that makes Request of it)"),
        ({}, "Report", "TF411: write_back: the next step takes Report, and would get Request, the value as it was "
         "before "
         "the child (add to write_back: \"value\": \"result\", or a part of the result)"),
        ({"value": {"topic": "result.text"}}, "Report", "TF411: write_back: the next step takes Report, and would get "
         "Request, the value as it was before the child but for the fields given "
         "(give the value as a whole: \"value\": \"result\", or a part of the result)"),
        (None, "Request", "TF411: write_back, left out, is {\"value\": \"result\"}: the next step takes Request, and "
         "would "
         "get Report (take another part of the result, or put a step in between that makes Request of it)"),
    ],
)  # fmt: skip
def test_a_value_that_the_next_step_does_not_take_is_refused(mapping: object, following: str, line: str) -> None:
    assert lines(mapping, following=following) == [line]


def test_a_broken_value_says_nothing_of_the_next_step() -> None:
    assert [found[:5] for found in lines({"value": "result.nope"}, following="int")] == ["TF404"]


@given(mappings | odd)
def test_any_mapping_gets_an_answer(mapping: object) -> None:
    verdict = check_write_back(mapping, PARENT, CHILD, next_value=shape("Any"))
    for problem in verdict.problems:
        assert RULES[problem.number].code == "typedflow-write-back"
        assert bool(problem.entry) == bool(problem.side)
