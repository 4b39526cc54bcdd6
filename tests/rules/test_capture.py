"""The rules of capture: what is refused, in which words, and the bindings of what is sound."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.shapes import scopes
from typedflow.rules.bindings import Binding, Place
from typedflow.rules.capture import check_capture
from typedflow.rules.catalogue import RULES
from typedflow.rules.problems import Problem

PARENT = scopes(value="Request", state="ReviewState", flow_state="Counters", resources="ReviewResources")


class Word(str, Enum):  # noqa: UP042 - whose str() is its name, unlike that of a StrEnum
    INPUT = "input"
    TOPIC = "topic"
    SOURCE = "value.topic"
    RESOURCES = "resources"
    SEARCH = "search"
    TOOL = "resources.search"


def check(mapping: object, **child: str) -> list[Problem]:
    """Check a capture for a child of the scopes given; which resources its flow supplies is left open."""
    return list(check_capture(mapping, PARENT, scopes(**{"input": "Any", **child}), child_defaults=None).problems)


def lines(problems: list[Problem]) -> list[str]:
    return [problem.render() for problem in problems]


def one(mapping: object, **child: str) -> tuple[str, str, tuple[str, ...]]:
    """Return the line, side and entry of the only problem."""
    (problem,) = check(mapping, **child)
    return problem.render(), problem.side, problem.entry


# -- sound ones


def test_left_out_it_is_the_value_as_the_input() -> None:
    verdict = check_capture(None, PARENT, scopes(input="Request"))
    assert verdict.problems == ()
    assert verdict.bindings == (Binding(Place("input"), Place("value"), ("input",)),)


def test_an_empty_mapping_binds_nothing() -> None:
    assert check_capture({}, PARENT, scopes(input="None")).bindings == ()
    assert check({}, input="Request | None") == []


def test_members_of_an_enum_of_texts_are_texts() -> None:
    mapping = {Word.INPUT: {Word.TOPIC: Word.SOURCE}, Word.RESOURCES: {Word.SEARCH: Word.TOOL}}
    verdict = check_capture(mapping, PARENT, scopes(input="Request", resources="AuditResources"), child_defaults=None)
    assert verdict.problems == ()
    assert [(str(made.target), str(made.source), made.keys) for made in verdict.bindings] == [
        ("input.topic", "value.topic", ("input", "topic")),
        ("resources.search", "resources.search", ("resources", "search")),
    ]


def test_bindings_come_in_the_order_written_with_canonical_scopes() -> None:
    mapping = {
        "input": {"topic": "value.topic", "author.name": "state.key"},
        "runtime_data": {"left": "runtime_data.notes.ada"},
        "flow_data": {"reviewed": "flow_data.reviewed"},
        "resources": {"search": "resources.search"},
    }
    child = scopes(input="Any", state="Pair", flow_state="Counters", resources="AuditResources")
    verdict = check_capture(mapping, PARENT, child, child_defaults=["clock"])
    assert verdict.problems == ()
    assert [(str(made.target), str(made.source), made.keys) for made in verdict.bindings] == [
        ("input.topic", "value.topic", ("input", "topic")),
        ("input.author.name", "state.key", ("input", "author.name")),
        ("state.left", "state.notes.ada", ("runtime_data", "left")),
        ("flow_state.reviewed", "flow_state.reviewed", ("flow_data", "reviewed")),
        ("resources.search", "resources.search", ("resources", "search")),
    ]


@pytest.mark.parametrize(
    "mapping, child",
    [
        ({"input": "state.first"}, {"input": "Request"}),
        ({"input": "state"}, {"input": "ReviewState"}),
        ({"input": "flow_state.reviewed"}, {"input": "float"}),
        ({"input": "state.request"}, {"input": "Request | None"}),
        ({"input": "state.request.topic"}, {"input": "str | None"}),
        ({"input": {"topic": "value.topic"}}, {"input": "Request"}),
        ({"input": {"topic": "value.topic"}}, {"input": "Request | None"}),
        ({"input": {"topic": "value.topic", "meta.lang": "value.topic"}}, {"input": "Request | None"}),
        ({"input": {"any.key": "value.topic"}}, {"input": "Any"}),
        ({"input": {"x": "state.count", "y": "state.count"}}, {"input": "Point"}),
        ({"input": {"request.topic": "value.topic", "table.ada.name": "value.topic"}}, {"input": "Nested"}),
        ({"state": {"left.name": "value.topic", "right.name": "value.topic"}}, {"state": "Pair"}),
        ({"state": {"request.topic": "value.topic", "author.name": "value.topic"}}, {"state": "AuditState"}),
        ({"flow_state": {"author.name": "value.topic"}}, {"flow_state": "Counters"}),
        ({"state": {}, "resources": {}}, {}),
    ],
)
def test_a_sound_capture_has_no_problems(mapping: dict[str, Any], child: dict[str, str]) -> None:
    assert lines(check({"input": "value", **mapping}, **child)) == []


# -- scopes and forms


@pytest.mark.parametrize(
    "mapping, line, side, entry",
    [
        ({"inptu": "value"}, "TF301: capture[\"inptu\"]: 'inptu' is not a scope of capture (did you mean 'input'?)",
         "key", ("inptu",)),
        ({"value": "value"}, "TF301: capture[\"value\"]: 'value' is not a scope of capture (scopes: 'input', 'state', "
         "'flow_state', 'resources', 'runtime_data', 'flow_data')", "key", ("value",)),
        ({5: "value"}, "TF301: capture[\"5 (int)\"]: 5 (int) is not a scope of capture (scopes: 'input', 'state', "
         "'flow_state', 'resources', 'runtime_data', 'flow_data')", "key", ("5 (int)",)),
        ({"input": "valeu"}, "TF301: capture[\"input\"] = \"valeu\": 'valeu' is not a scope (did you mean 'value'?)",
         "value", ("input",)),
        ({"input": "topic"}, "TF301: capture[\"input\"] = \"topic\": 'topic' is not a scope "
         "(a source begins with one of: 'value', 'state', 'flow_state')", "value", ("input",)),
        ({"input": "result"}, "TF302: capture[\"input\"] = \"result\": 'input' cannot be filled from 'result', only "
         "from "
         "'value', 'state', 'flow_state' (the result is there after the child ran: use it in write_back)",
         "value", ("input",)),
        ({"input": "resources.search"}, "TF302: capture[\"input\"] = \"resources.search\": 'input' cannot be filled "
         "from "
         "'resources', only from 'value', 'state', 'flow_state' "
         "(resources go to resources only: they are never part of a value or a state)", "value", ("input",)),
        ({"input": "input"}, "TF302: capture[\"input\"] = \"input\": 'input' cannot be filled from 'input', only from "
         "'value', 'state', 'flow_state' (a capture takes from the parent: its value and its layers)",
         "value", ("input",)),
        ({"resources": {"search": "state.key"}}, "TF302: capture[\"resources\"][\"search\"] = \"state.key\": "
         "'resources' "
         "cannot be filled from 'state', only from 'resources' "
         "(resources go to resources only: they are never part of a value or a state)", "value", ("resources",
         "search")),
        ({"input": ""}, "TF303: capture[\"input\"]: a source cannot be empty "
         "(a source begins with one of: 'value', 'state', 'flow_state')", "value", ("input",)),
        ({"input": {"a..b": "value"}}, "TF303: capture[\"input\"][\"a..b\"]: 'a..b' is not a path: segment 2 is empty "
         "(a path is field names joined by dots, like 'request.topic')", "key", ("input", "a..b")),
        ({"input": {5: "value"}}, "TF303: capture[\"input\"][\"5 (int)\"]: a path is a str, not 5 (int) "
         "(a path is field names joined by dots, like 'request.topic')", "key", ("input", "5 (int)")),
        ({"input": "value.x y"}, "TF303: capture[\"input\"] = \"value.x y\": 'x y' is not a path: 'x y' is not a name "
         "(a path is field names joined by dots, like 'request.topic')", "value", ("input",)),
        ({"input": "value."}, "TF303: capture[\"input\"] = \"value.\": a path cannot be empty "
         "(a path is field names joined by dots, like 'request.topic')", "value", ("input",)),
        ({"resources": {"search": "resources"}}, "TF303: capture[\"resources\"][\"search\"] = \"resources\": "
         "resources are "
         "captured one by one, by their keys (write \"resources.search\")", "value", ("resources", "search")),
        ({"resources": {"search": "resources.a.b"}}, "TF303: capture[\"resources\"][\"search\"] = \"resources.a.b\": "
         "'a.b' "
         "is not a resource key (take 'a' and read its attributes: resources are given whole, a key has no dots)",
         "value", ("resources", "search")),
        ({"resources": {"a.b": "resources.search"}}, "TF303: capture[\"resources\"][\"a.b\"]: 'a.b' is not a resource "
         "key "
         "(take 'a' and read its attributes: resources are given whole, a key has no dots)", "key", ("resources",
         "a.b")),
        ({"state": "state"}, "TF313: capture[\"state\"] = \"state\": 'state' is given by fields, not as a whole "
         "(write {\"state\": {\"field\": \"state\"}})", "value", ("state",)),
        ({"resources": "resources"}, "TF313: capture[\"resources\"] = \"resources\": 'resources' is given by keys, not "
         "as a whole (write {\"resources\": {\"key\": \"resources.key\"}})", "value", ("resources",)),
        ({"state": 5}, "TF313: capture[\"state\"]: 'state' takes a mapping of fields, not 5 (int) "
         "(write {\"input\": \"value\"}, {\"state\": {\"field\": \"value.field\"}}, or {} for nothing)",
         "value", ("state",)),
        ({"input": None}, "TF313: capture[\"input\"]: 'input' takes a source or a mapping of fields, not None "
         "(write {\"input\": \"value\"}, {\"state\": {\"field\": \"value.field\"}}, or {} for nothing)",
         "value", ("input",)),
        ({"input": {"topic": 5}}, "TF313: capture[\"input\"][\"topic\"]: a source is a str, like \"value.field\", "
         "not 5 (int) (a source begins with one of 'value', 'state', 'flow_state')", "value", ("input", "topic")),
        (5, "TF313: capture: it has to be a mapping, not 5 (int) "
         "(write {\"input\": \"value\"}, {\"state\": {\"field\": \"value.field\"}}, or {} for nothing)", "", ()),
    ],
    ids=lambda value: value[:90] if isinstance(value, str) and len(value) > 9 else "",
)  # fmt: skip
def test_a_mapping_that_cannot_be_read_is_refused(
    mapping: object, line: str, side: str, entry: tuple[str, ...]
) -> None:
    child = {"input": "Any", "state": "Any", "resources": "Any"}
    assert one(mapping, **child) == (line, side, entry)


# -- targets and sources


@pytest.mark.parametrize(
    "mapping, child, line, side",
    [
        ({"input": {"topic": "value.topic", "topik": "value.topic"}}, {"input": "Request"},
         "TF304: capture[\"input\"][\"topik\"]: Request has no field 'topik' (did you mean 'topic'?)", "key"),
        ({"input": {"topic": "value.topic", "maxItems": "value.limit"}}, {"input": "Request"},
         "TF304: capture[\"input\"][\"maxItems\"]: Request has no field 'maxItems' "
         "(that is its name in the encoding: use the Python name 'limit')", "key"),
        ({"input": "state.frist"}, {},
         "TF304: capture[\"input\"] = \"state.frist\": ReviewState has no field 'frist' (did you mean 'first'?)",
         "value"),
        ({"resources": {"serach": "resources.search"}}, {"resources": "AuditResources"},
         "TF304: capture[\"resources\"][\"serach\"]: AuditResources has no field 'serach' (did you mean 'search'?)",
         "key"),
        ({"resources": {"search": "resources.serach"}}, {"resources": "AuditResources"},
         "TF304: capture[\"resources\"][\"search\"] = \"resources.serach\": ReviewResources has no field 'serach' "
         "(did you mean 'search'?)", "value"),
        ({"input": {"x": "value"}}, {"input": "int"},
         "TF305: capture[\"input\"][\"x\"]: 'x' leads nowhere: 'input' is int, which has no fields", "key"),
        ({"input": "value.limit.x"}, {}, "TF305: capture[\"input\"] = \"value.limit.x\": 'limit.x' leads nowhere: "
         "'limit' "
         "is int, which has no fields (end the path at 'limit')", "value"),
        ({"input": "state.score"}, {"input": "int"}, "TF306: capture[\"input\"] = \"state.score\": 'input' of the "
         "child "
         "takes int, and 'state.score' of the parent is float "
         "(take another source, or declare the two alike)", "value"),
        ({"input": "value"}, {"input": "Author"}, "TF306: capture[\"input\"] = \"value\": 'input' of the child takes "
         "Author, and 'value' of the parent is Request (map its fields, {\"input\": {\"field\": \"value.field\"}})",
         "value"),
        ({"input": "value"}, {"input": "None"}, "TF306: capture[\"input\"] = \"value\": 'input' of the child takes "
         "None, and 'value' of the parent is Request (take a part of it, \"value.field\", or give {} for nothing)",
         "value"),
        ({"flow_state": {"reviewed": "value.topic"}}, {"flow_state": "Counters"}, "TF306: capture[\"flow_state\"]"
         "[\"reviewed\"] = \"value.topic\": 'flow_state.reviewed' of the child takes int, and 'value.topic' of the "
         "parent "
         "is str (take another source, or declare the two alike)", "value"),
        ({"resources": {"search": "resources.logger"}}, {"resources": "AuditResources"}, "TF306: capture[\"resources\"]"
         "[\"search\"] = \"resources.logger\": 'resources.search' of the child takes SearchTool, and "
         "'resources.logger' of "
         "the parent is Logger (take another source, or declare the two alike)", "value"),
        ({"input": "state.request"}, {"input": "Request"}, "TF307: capture[\"input\"] = \"state.request\": 'input' of "
         "the "
         "child takes Request, and 'state.request' of the parent may be None "
         "(declare the target as Request | None, or take a value that is never None)", "value"),
        ({"input": "state.request.topic"}, {"input": "str"},
         "TF307: capture[\"input\"] = \"state.request.topic\": 'input' "
         "of the child takes str, and 'state.request.topic' of the parent may be None, because 'request' may be "
         "(declare the target as str | None, or take a value that is never None)", "value"),
        ({"resources": {"browser": "resources.browser"}}, {"resources": "AuditResources"},
         "TF307: capture[\"resources\"]"
         "[\"browser\"] = \"resources.browser\": 'resources.browser' of the child takes Browser, and "
         "'resources.browser' "
         "of the parent may be None (declare the target as Browser | None, or take a value that is never None)",
         "value"),
        ({"state": {"left": "state.notes.ada", "left.name": "value.topic"}}, {"state": "Pair"},
         "TF308: capture[\"state\"]"
         "[\"left.name\"]: 'state.left.name' is part of 'state.left', and both are given (give the whole or its parts)",
         "key"),
        ({"state": {"left.name": "value.topic", "left": "state.notes.ada"}}, {"state": "Pair"},
         "TF308: capture[\"state\"]"
         "[\"left\"]: 'state.left.name' is part of 'state.left', and both are given (give the whole or its parts)",
         "key"),
        ({"state": {"left": "state.notes.ada"}, "runtime_data": {"left": "state.notes.eve"}}, {"state": "Pair"},
         "TF309: capture[\"runtime_data\"][\"left\"]: 'state.left' is given twice, and 'runtime_data' is another name "
         "of "
         "'state' (keep one of the two)", "key"),
        ({"input": "value", "state": {"x": "value"}}, {}, "TF314: capture[\"state\"][\"x\"]: the child's contract "
         "declares "
         "no state (declare `state: …` there, or leave the entry out)", "key"),
        ({"input": {"topic": "value.topic", "author.name": "value.topic"}}, {"input": "Request"}, "TF315: capture"
         "[\"input\"][\"author.name\"]: 'author.name' cannot be written through 'author', which may be None "
         "(write 'author' as a whole)", "key"),
        ({"state": {"left": "state.notes.ada", "point.x": "state.count"}}, {"state": "Pair"},
         "TF315: capture[\"state\"]"
         "[\"point.x\"]: 'point.x' cannot be written: Point is read-only (write 'point' as a whole)", "key"),
        ({"input": {"author": "state.notes.ada"}}, {"input": "Request | Report"}, "TF315: capture[\"input\"]"
         "[\"author\"]: 'author' cannot be built: 'input' is one of Request | Report, and nothing tells which "
         "(give 'input' as a whole)", "key"),
        ({"flow_state": {"author.nam": "value.topic"}}, {"flow_state": "Counters"}, "TF304: capture[\"flow_state\"]"
         "[\"author.nam\"]: Author has no field 'nam', in 'author.nam' (did you mean 'name'?)", "key"),
    ],
    ids=lambda value: value[:90] if isinstance(value, str) and len(value) > 9 else "",
)  # fmt: skip
def test_an_entry_that_does_not_fit_is_refused(
    mapping: dict[str, Any], child: dict[str, str], line: str, side: str
) -> None:
    found = check({"input": "value", **mapping}, **child)
    assert [(problem.render(), problem.side) for problem in found] == [(line, side)]


def test_a_layer_that_the_parent_lacks_is_refused() -> None:
    verdict = check_capture({"input": "state.x"}, scopes(value="int"), scopes(input="Any"))
    assert lines(list(verdict.problems)) == [
        'TF314: capture["input"] = "state.x": the parent\'s contract declares no state '
        "(declare `state: …` there, or leave the entry out)"
    ]


def test_both_sides_of_an_entry_are_checked_at_once() -> None:
    found = check({"input": {"topik": "value.topik", "topic": "value.topic"}}, input="Request")
    assert [(problem.number, problem.side) for problem in found] == [("TF304", "key"), ("TF304", "value")]


def test_a_flow_state_is_written_as_it_is() -> None:
    line, _, _ = one({"input": "value", "flow_state": {"request.topic": "value.topic"}}, flow_state="ReviewState")
    assert line.startswith('TF315: capture["flow_state"]["request.topic"]: \'request.topic\' cannot be written through')


# -- completeness


@pytest.mark.parametrize(
    "mapping, child, found",
    [
        ({}, {"input": "Request"}, ["TF310: capture: the child requires an input (Request), and nothing supplies it "
         "(add to capture: \"input\": \"value\")"]),
        ({"input": {}}, {"input": "int"}, ["TF310: capture: the child requires an input (int), and nothing supplies it "
         "(add to capture: \"input\": \"…\")"]),
        ({}, {"input": "Pair"}, ["TF310: capture: the child requires an input (Pair), and nothing supplies it "
         "(add to capture: \"input\": {\"left\": \"…\"})"]),
        ({}, {"input": "Counters"}, ["TF310: capture: the child requires an input (Counters), and nothing supplies it "
         "(add to capture: \"input\": {\"reviewed\": \"flow_state.reviewed\"})"]),
        (None, {"input": "Any", "state": "AuditState"}, [
         "TF311: capture: the child requires the state field 'request' (Request), and nothing supplies it "
         "(give capture={\"input\": \"value\", \"state\": {\"request\": \"value\"}})",
         "TF311: capture: the child requires the state field 'author' (Author | None), and nothing supplies it "
         "(give capture={\"input\": \"value\", \"state\": {\"author\": \"value.author\"}})"]),
        ({"input": {"limit": "value.limit"}}, {"input": "Request"},
         ["TF310: capture: the child requires the input field "
         "'topic' (str), and nothing supplies it (add to capture: \"input\": {\"topic\": \"value.topic\"})"]),
        ({"input": {"table.ada.email": "value.topic"}}, {"input": "Nested"}, [
         "TF310: capture: the child requires the input field 'request' (Request | None), and nothing supplies it "
         "(add to capture: \"input\": {\"request\": \"state.request\"})",
         "TF310: capture: the child requires the input field 'table.ada.name' (str), and nothing supplies it "
         "(add to capture: \"input\": {\"table.ada.name\": \"…\"})"]),
        ({"input": "value"}, {"state": "AuditState"}, ["TF311: capture: the child requires the state field 'request' "
         "(Request), and nothing supplies it (add to capture: \"state\": {\"request\": \"value\"})",
         "TF311: capture: the child requires the state field 'author' (Author | None), and nothing supplies it "
         "(add to capture: \"state\": {\"author\": \"value.author\"})"]),
        ({"input": "value", "runtime_data": {"request.limit": "value.limit", "author.email": "value.topic"}},
         {"state": "AuditState"}, ["TF311: capture: the child requires the state field 'request.topic' (str), and "
          "nothing "
         "supplies it (add to capture: \"runtime_data\": {\"request.topic\": \"value.topic\"})",
         "TF311: capture: the child requires the state field 'author.name' (str), and nothing supplies it "
         "(add to capture: \"runtime_data\": {\"author.name\": \"…\"})"]),
    ],
)  # fmt: skip
def test_what_the_child_requires_and_nobody_supplies_is_named(
    mapping: dict[str, Any], child: dict[str, str], found: list[str]
) -> None:
    assert lines(check(mapping, **child)) == found


def test_a_required_resource_comes_from_the_parent_or_from_the_childs_flow() -> None:
    child = scopes(input="Any", resources="AuditResources")
    found = check_capture({"input": "value"}, PARENT, child).problems
    assert lines(list(found)) == [
        "TF312: capture: the child requires the resource 'search' (SearchTool), and nothing supplies it "
        '(add to capture: "resources": {"search": "resources.search"})',
        "TF312: capture: the child requires the resource 'clock' (Clock), and nothing supplies it "
        '(add to capture: "resources": {"clock": "resources.clock"}, and declare it in the parent\'s resources; '
        "or give the child's flow a default)",
    ]
    assert check_capture(None, PARENT, child, child_defaults=["search", "clock"]).problems == ()
    assert check_capture(None, PARENT, child, child_defaults=None).problems == ()
    without = check_capture(None, scopes(value="int"), child, child_defaults=["clock"]).problems
    assert "declare it in the parent's resources" in without[0].hint


def test_a_broken_source_still_counts_as_supplied() -> None:
    assert [problem.number for problem in check({"input": {"topic": "valeu"}}, input="Request")] == ["TF301"]


@pytest.mark.parametrize(
    "mapping, child, found",
    [
        ({"inputs": "value"}, {"input": "Request"}, ["TF301"]),
        ({"inputs": "value", "stat": {"request": "value"}}, {"state": "AuditState"}, ["TF301", "TF301"]),
        ({"wholly": "value"}, {"input": "Request"}, ["TF301", "TF310"]),
        ({"input": {"topik": "value.topic"}}, {"input": "Request"}, ["TF304"]),
        ({"input": {"wholly": "value.topic"}}, {"input": "Request"}, ["TF304", "TF310"]),
        ({"state": {"reqest.topic": "value.topic", "author": "value.author"}}, {"state": "AuditState"}, ["TF304"]),
    ],
)
def test_who_misspells_a_target_does_not_leave_out_the_one_that_he_meant(
    mapping: dict[str, Any], child: dict[str, str], found: list[str]
) -> None:
    assert [problem.number for problem in check(mapping, **child)] == found


def test_nothing_is_missed_in_a_scope_that_could_not_be_read() -> None:
    assert [problem.number for problem in check({"input": {"to pic": "value"}}, input="Request")] == ["TF303"]


def test_a_problem_of_the_default_belongs_to_no_entry() -> None:
    (problem,) = check(None, input="str")
    assert problem.entry == ()
    assert problem.render() == (
        'TF306: capture, left out, is {"input": "value"}: '
        "'input' of the child takes str, and 'value' of the parent is Request "
        '(take a part of it, "value.field")'
    )


# -- all of them

names = st.sampled_from(["topic", "author", "name", "left", "request", "search", "x", "", "0", "a b"])
paths = st.lists(names, max_size=3).map(".".join)
keys = st.sampled_from(["input", "state", "runtime_data", "flow_state", "flow_data", "resources", "value", "result"])
sources = st.tuples(keys, paths).map(lambda pair: ".".join(part for part in pair if part))
odd = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
mappings = st.dictionaries(keys | odd.filter(lambda key: not isinstance(key, list)), odd | sources | st.dictionaries(
    paths | st.integers(), sources | odd, max_size=3), max_size=4)  # fmt: skip


def entries_of(mapping: Mapping[object, Any]) -> int:
    return sum(len(value) if isinstance(value, Mapping) else 1 for value in mapping.values())


@given(mappings | odd, st.sampled_from(["Any", "Request", "Nested", "int", "None"]))
def test_any_mapping_gets_an_answer(mapping: Any, child_input: str) -> None:
    child = scopes(input=child_input, state="AuditState", flow_state="Counters", resources="AuditResources")
    verdict = check_capture(mapping, PARENT, child)
    for problem in verdict.problems:
        assert RULES[problem.number].code == "typedflow-capture"
        assert bool(problem.entry) == bool(problem.side)
    if not verdict.problems and isinstance(mapping, Mapping):
        assert len(verdict.bindings) == entries_of(mapping)
