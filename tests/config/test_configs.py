"""A flow as a document: what it holds, and that the flow made of it is the one that was exported."""

from __future__ import annotations

import enum
import json
import math
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.config.reimporting import bindings_of, reimported
from tests.execution.pausing import CASES, Case, begin, document, finish
from typedflow import Contract, ContractError, Data, Events, Failed, Flow, FlowState, Resources, Retry, State
from typedflow.api.blueprint import runtime_of
from typedflow.config.importing import UNREAD
from typedflow.config.structure import block_stacks, check_structure
from typedflow.definition.nodes import Batch, Catch, Each, End, Join, Merge, Narrow, Port, Start, Step
from typedflow.snapshot.plans import mark_plan


class Colour(enum.Enum):
    RED = 1


class Request(msgspec.Struct):
    """What is asked for."""

    topic: str
    colour: Colour = Colour.RED


class Notes(State):
    topics: list[str] = []


class Counters(FlowState):
    runs: int = 0


class Tools(Resources):
    search: Callable[[str], str]


class Bells(Events):
    rung: int
    knocked: str


class Review(Contract, version=2):
    input: Request
    result: str
    state: Notes
    flow_state: Counters
    resources: Tools
    events: Bells
    stream: object


class Count(Contract):
    input: int
    result: int


class OddError(Exception):
    pass


def topic(data: Data[Review, Request]) -> str:
    return data.value.topic


def colour(data: Data[Review, Request]) -> Colour:
    return data.value.colour


def tell(data: Data[Review, object]) -> str:
    return str(data.value)


async def listen(data: Data[Review, Any]) -> str:
    return str(data.value)


def is_long(data: Data[Review, str]) -> bool:
    return len(data.value) > 3


def is_short(data: Data[Review, str]) -> bool:
    return len(data.value) < 3


def double(data: Data[Count, int]) -> int:
    return data.value * 2


def is_big(data: Data[Count, int]) -> bool:
    return data.value > 100


def sorry(data: Data[Review, Failed[Any]]) -> str:
    return data.value.text


def next_week(data: Data[Review, Any]) -> datetime:
    return datetime(2030, 1, 1, tzinfo=UTC)


def either(data: Data[Review, Any]) -> str | int | list[int] | None:
    return None


def letters(data: Data[Review, str]) -> list[str]:
    return [*data.value]


def joined(data: Data[Review, list[str]]) -> str:
    return "".join(data.value)


def everything() -> Flow[Any]:
    """Return a flow with every kind of node, and every option."""
    flow: Flow[Any] = Flow(Review, name="every thing: a/b", max_depth=9)
    child: Flow[Any] = Flow(Review, name="child")
    child.to(topic).end()
    flow.chunk("named")(lambda data: str(data.value))
    first = flow.to(topic, retry=Retry(3, 0.5, (ValueError, OddError), 1.5, 9), timeout=4.5, thread=True)
    first.to("named", formerly=("older",)).end()
    pair = (
        flow.batch(concurrency=2, name="pair", formerly=("two",))
        .branch(topic, formerly=("t",))
        .branch(colour)
        .end_batch()
    )
    pair.side_branch(tell).collect("all", "one", formerly=("every",), branch_formerly=("uno",))
    first.collect("all", "two").to(tell)
    items: Any = first.to(letters).for_each(concurrency=3, name="items").to(tell)
    items = (
        items.match(mode="hit_all").case(is_long, formerly=("long",)).to(tell).case("x").case(None).case_else().to(tell)
    )
    items.end_match().to(listen).end_for_each()
    match: Any = flow.to(colour).match(name="by colour").case(Colour.RED, name="red").to(tell)
    match.case(2.5).to(tell).case(True).to(tell).end_match()
    first.if_condition(is_long).to(tell).elif_condition(is_short).to(tell).else_condition().to(listen).end_condition()
    flow.when({"event": ["rung", "knocked"], "state": "topics"}, mode="and", name="both").to(listen)
    flow.when("rung").to(listen, retry=Retry(2, max_backoff=math.inf), timeout=math.inf)
    flow.to_sub_flow(child, capture={"input": "value", "resources": {"search": "resources.search"}}).to(tell)
    flow.to_sub_flow(
        flow,
        capture={"input": {"topic": "value.topic"}, "resources": {"search": "resources.search"}},
        write_back={"state": {}},
        name="itself",
        formerly=("me",),
    )
    flow.to(topic, on_error=sorry).to(tell).sleep(timedelta(days=1, microseconds=5), formerly=("rest",)).to(tell)
    flow.to(topic).sleep(next_week).to(letters).for_each(on_error="collect").to(tell).end_for_each()
    flow.to(topic).batch().branch(tell, name="told", on_error=sorry).branch(tell).end_batch()
    flow.to(topic).side_branch(tell, on_error=sorry)
    flow.to_sub_flow(
        child, name="careful", on_error=sorry, capture={"input": "value", "resources": {"search": "resources.search"}}
    )
    flow.to_sub_flow(child, name="afar", remote=True)
    kinds: Any = flow.to(either).match(name="by class").case_type(str, int, name="short", formerly=("s",)).to(tell)
    kinds.case_type(list[int]).to(tell).case_value(None).to(tell).end_match()
    known: Any = flow.to(colour).match().case_value(Colour.RED, formerly=("r",)).to(tell)
    known.end_match()
    return flow


FORMS = ["json", pytest.param("yaml")]


@pytest.mark.parametrize("form", FORMS)
def test_a_document_makes_the_same_definition(form: str) -> None:
    flow = everything()
    made = reimported(flow, form)
    assert made.to_config() == flow.to_config()
    assert made.to_mermaid(detailed=True) == flow.to_mermaid(detailed=True)
    assert mark_plan(runtime_of(made).plan()).fingerprint == mark_plan(runtime_of(flow).plan()).fingerprint
    before, after = runtime_of(flow).builder.draft(), runtime_of(made).builder.draft()
    assert [_comparable(node) for node in after.nodes] == [_comparable(node) for node in before.nodes]
    assert (after.ambiguous, after.order, runtime_of(made).max_depth) == (before.ambiguous, before.order, 9)


def _comparable(node: Any) -> dict[str, Any]:
    """Return the fields of a node, without where it was attached; a child by its name."""
    fields = {name: getattr(node, name) for name in node.__struct_fields__}
    if "cases" in fields:
        fields["cases"] = [msgspec.structs.replace(case, origin=("", 0)) for case in node.cases]
    if "child" in fields:
        fields["child"] = node.child.name
    return fields


def test_two_builds_export_equal_bytes() -> None:
    assert everything().to_config() == everything().to_config()
    assert everything().to_config("yaml") == everything().to_config("yaml")


def test_a_document_holds_no_path() -> None:
    text = everything().to_config()
    assert [word for word in (__name__, Path(__file__).name, str(Path(__file__).parent), "0x") if word in text] == []


def test_a_document_describes_the_contract() -> None:
    contract = json.loads(everything().to_config())["contract"]
    assert (contract["name"], contract["version"]) == ("Review", 2)
    assert list(contract["parts"]) == ["input", "result", "state", "flow_state", "resources", "events", "stream"]
    assert contract["resources"] == {"search": "(str) -> str"} or "search" in contract["resources"]
    assert contract["schemas"]["input"] == {"$ref": "#/contract/definitions/Request"}
    assert contract["definitions"]["Request"]["required"] == ["topic"]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_flow_that_was_imported_takes_over_what_the_built_one_saved(case: Case) -> None:
    built = await begin(case)
    made = reimported(case.build())
    taken: Any = made.create_execution().load(built.save())
    assert document(taken) == document(built)
    ended = await finish(taken, case, lambda execution, _: made.create_execution().load(execution.save()))
    assert ended.result == case.result


def test_an_imported_flow_can_be_extended() -> None:
    flow = Flow(Count)
    flow.to(double).end()
    made = reimported(flow)
    made.to(double, name="again")
    assert [node.name for node in runtime_of(made).builder.draft().nodes] == ["start", "double", "end", "again"]
    assert made.start(2) == 4
    with pytest.raises(ContractError, match="TF708"):
        made.to(double)


# -- what cannot be exported


def test_a_lambda_is_refused_with_the_way_to_name_it() -> None:
    flow: Flow[Any] = Flow(Count)
    flow.to(lambda data: 1).if_condition(lambda data: True).to(double).else_condition().to(double).end_condition().end()
    with pytest.raises(ContractError) as caught:
        flow.to_config()
    assert [problem.number for problem in caught.value.problems] == ["TF760", "TF760"]
    assert "step 'lambda' of flow 'Count'" in str(caught.value)
    assert 'flow.chunk("name")' in str(caught.value)
    assert {problem.file for problem in caught.value.problems} == {__file__}


def test_two_functions_of_one_name_are_refused() -> None:
    flow: Flow[Any] = Flow(Count)
    flow.to(partial(_plus, by=1)).to(partial(_plus, by=2)).end()
    with pytest.raises(ContractError, match=r"TF760.*two handlers are called '_plus'"):
        flow.to_config()
    for name, by in (("one", 1), ("two", 2)):
        function = partial(_plus, by=by)
        flow = Flow(Count)
        flow.chunk(name)(function)
        flow.to(function).end()
        assert json.loads(flow.to_config())["nodes"][0]["handler"] == name


def _plus(data: Data[Count, int], by: int) -> int:
    return data.value + by


def test_a_wrong_flow_is_not_exported() -> None:
    flow = Flow(Count)
    flow.to(double)
    with pytest.raises(ContractError, match="TF761"):
        flow.to_config("toml")  # type: ignore[arg-type]  # the point of the test
    flow.to(joined)  # type: ignore[arg-type]  # a wrong step
    with pytest.raises(ContractError, match="TF716"):
        flow.to_config()


# -- what cannot be imported


def small() -> Flow[Any]:
    flow: Flow[Any] = Flow(Count)
    flow.to(double, name="first", retry=Retry(on=(OddError,))).match().case(is_big).to(
        double
    ).case_else().end_match().end()
    return flow


def test_everything_that_is_missing_is_reported_at_once() -> None:
    text = small().to_config()
    with pytest.raises(ContractError) as caught:
        Flow.from_config(text, contract=Count, handlers={"dubble": double})
    assert [problem.render() for problem in caught.value.problems] == [
        "TF762: step 'first' of flow 'Count': the config names the handler 'double', which handlers= does not hold "
        "(did you mean 'dubble'?)",
        "TF762: step 'first' of flow 'Count': the config names the error 'OddError', which errors= does not hold "
        "(pass errors={'OddError': …})",
        "TF762: step 'match' of flow 'Count': the config names the condition 'is_big', which conditions= does not hold "
        "(pass conditions={'is_big': …})",
        "TF762: step 'double' of flow 'Count': the config names the handler 'double', which handlers= does not hold "
        "(did you mean 'dubble'?)",
    ]


def test_a_handler_is_checked_against_its_edge_beside_the_rest() -> None:
    with pytest.raises(ContractError) as caught:
        Flow.from_config(
            small().to_config(), contract=Count, handlers={"double": joined}, conditions={"is_big": is_big}
        )
    assert {problem.number for problem in caught.value.problems} == {"TF716", "TF701", "TF702", "TF762"}
    given: dict[str, Any] = {"handlers": {"double": 5}, "conditions": {"is_big": is_big}}
    with pytest.raises(ContractError, match="TF717"):
        Flow.from_config(small().to_config(), contract=Count, errors={"OddError": OddError}, **given)


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the document of `small`, with one part changed; `...` deletes it."""
    tree: Any = json.loads(small().to_config())
    *inner, last = [int(segment) if segment.isdigit() else segment for segment in path.split(".")]
    part = tree
    for segment in inner:
        part = part[segment]
    if value is ...:
        del part[last]
    else:
        part[last] = value
    return tree  # type: ignore[no-any-return]  # an object


BROKEN: list[tuple[str, Any, str, str]] = [
    ("format", "typedflow.config/2", "TF761", "has the format 'typedflow.config/2' (str), and this version"),
    ("format", "else", "TF761", "$.format"),
    ("format", ..., "TF761", "format"),
    ("nodes.0.handlr", "x", "TF761", "handlr"),
    ("nodes.0.kind", "stop", "TF761", "stop"),
    ("nodes.0.handler", 5, "TF761", "$.nodes[0].handler"),
    ("max_depth", 0, "TF761", "max_depth"),
    ("contract.name", "Other", "TF764", "the config is of contract 'Other', not 'Count'"),
    ("contract.version", 7, "TF764", "the config is of version 7 of contract 'Count', which is at 1"),
    ("nodes.0.after", "nobody", "TF763", "'first' refers to 'nobody', which is no node"),
    ("nodes.0.branch", "x", "TF763", "'first' is in branch 'x' of 'start', which has none of that name"),
    ("nodes.1.branch", "x", "TF763", "'match' is in branch 'x' of 'first', which has none of that name"),
    ("nodes.2.branch", "isbig", "TF763", "'double' is in branch 'isbig' of 'match', which has none of that name"),
    ("nodes.2.branch", ..., "TF763", "'double' is behind 'match', and in none of its branches"),
    ("nodes.2.name", "first", "TF763", "two nodes are called 'first'"),
    ("nodes.2.name", "start", "TF763", "two nodes are called 'start'"),
    ("nodes.2.branch", "else", "TF763", "an end of 'end_match' is not in its branch of 'match'"),
    ("nodes.1.cases", [], "TF763", "'double' is in branch 'is_big' of 'match', which has none of that name"),
    ("nodes.1.cases.0", {"name": "is_big"}, "TF763", "has neither a condition nor a value"),
    ("nodes.1.cases", [{"name": "is_big", "value": 1}] * 2, "TF763", "two branches of 'match' have one name"),
    ("nodes.0.after", "end", "TF763", "'first' is before 'end', which it is behind of"),
    ("nodes.0.retry.attempts", 0, "TF763", "the retry of 'first': Retry(attempts=…)"),
    ("nodes.0.timeout", -1.0, "TF718", "timeout"),
    ("nodes.3.closes", "first", "TF763", "'end_match' closes 'first', which opens no block"),
    ("nodes.3.closes", "end", "TF763", "'end_match' closes 'end', which opens no block"),
    ("nodes.3.ends", [], "TF763", "'end_match' has 0 ends, and 'match' 2 branches"),
    ("nodes.3", ..., "TF763", "'end' refers to 'end_match', which is no node"),
    ("nodes.4.after", "double", "TF763", "'end' is inside of 'match'"),
    ("nodes.3.kind", "collect", "TF761", "closes"),
    ("nodes", [], "TF723", "no steps"),
]  # fmt: skip


@pytest.mark.parametrize("path, value, number, text", BROKEN)
def test_a_broken_document_is_refused(path: str, value: Any, number: str, text: str) -> None:
    given: Mapping[str, Any] = {
        "handlers": {"double": double},
        "conditions": {"is_big": is_big},
        "errors": {"OddError": OddError},
    }
    with pytest.raises(ContractError) as caught:
        Flow.from_config(changed(path, value), contract=Count, **given)
    found = [problem.render() for problem in caught.value.problems]
    assert [line for line in found if line.startswith(number) and text in line] != [], found


CAUGHT = Step("step", False, Port(0), double, UNREAD, catches=True)
EACH = [Start(), Each("e", False, Port(0), None)]
MISFITS: list[tuple[list[Any], str]] = [
    ([Start(), Batch("b", False, Port(0), ("x",), None)], "'b' is not closed"),
    ([Start(), Batch("b", False, Port(0), (), None), Join("j", False, 1, ())], "'b' has no branch"),
    ([*EACH, Join("j", False, 1, (Port(1),)), Join("k", False, 1, (Port(1),))], "'k' closes 'e', as 'j' does"),
    ([Start(), CAUGHT], "nothing takes the failures of 'step'"),
    ([Start(), CAUGHT, *(Catch(name, False, Port(1, 1)) for name in "ab")], "'b' takes the failures of 'step' a seco"),
    ([Start(), Catch("a", False, Port(0, 1))], "'a' takes the failures of 'start', which has none to take"),
    ([Start(), Narrow("n", False, Port(0), ())], "'n' is not the start of a case by class"),
    ([*EACH, Join("j", False, 1, (Port(1),)), Merge("m", False, (Port(1), Port(2)))], "the branches of 'm' are in"),
    ([Start(), End("end", False, Port(0)), End("more", False, Port(1))], "'more' is behind 'end', which ends its"),
]  # fmt: skip


@pytest.mark.parametrize("nodes, text", MISFITS)
def test_nodes_that_do_not_fit_are_named(nodes: list[Any], text: str) -> None:
    assert any(problem.text.startswith(text) for problem in check_structure(nodes))


def test_collects_and_listeners_of_a_document_have_to_have_something() -> None:
    flow = everything()
    tree = json.loads(flow.to_config())
    for node in tree["nodes"]:
        if node["kind"] == "when":
            node["triggers"] = []
        elif node["kind"] == "collect":
            node["branches"] = {}
    with pytest.raises(ContractError) as caught:
        Flow.from_config(tree, contract=Review, **bindings_of(flow))
    texts = [problem.text for problem in caught.value.problems]
    assert {"'both' has no trigger", "'when rung' has no trigger", "'all' has no branch"} <= set(texts)


def test_the_branches_of_a_collect_are_in_one_block() -> None:
    flow = everything()
    tree = json.loads(flow.to_config())
    [collect] = [node for node in tree["nodes"] if node["kind"] == "collect"]
    collect["branches"]["two"] = {"after": "tell#3"}
    with pytest.raises(ContractError, match="the branches of 'all' are in different blocks"):
        Flow.from_config(tree, contract=Review, **bindings_of(flow))


def test_stacks_of_a_definition_are_its_open_blocks() -> None:
    nodes = runtime_of(small()).builder.draft().nodes
    named = dict(zip((node.name for node in nodes), block_stacks(nodes), strict=True))
    assert named == {"start": (), "first": (), "match": (), "double": ((2, 0),), "end_match": (), "end": ()}


CHANGED: list[tuple[str, str, Any, str]] = [
    ("sleep", "duration", ..., "'sleep' has neither a duration nor a function, or both"),
    ("sleep", "until", "next_week", "'sleep' has neither a duration nor a function, or both"),
    ("match", "cases", [{"name": "int", "value": 5}], "'case int' is not the start of a case by class"),
    ("match", "cases", [{"name": "int", "classes": []}], "case_type"),
    ("match", "cases", [{"name": "int", "classes": ["strr"]}], "names the class 'strr'"),
    ("match", "cases", [{"name": "None", "values": []}], "case_value"),
    ("match", "cases", [{"name": "None", "values": [{}]}], "neither plain nor a constant"),
    ("match", "cases", [{"name": "None", "values": [{"constant": "RED"}]}], "names the constant 'RED'"),
]  # fmt: skip


@pytest.mark.parametrize("node, field, value, text", CHANGED)
def test_waits_and_cases_by_class_of_a_document_have_to_be_whole(node: str, field: str, value: Any, text: str) -> None:
    flow: Flow[Any] = Flow(Count)
    cases: Any = flow.to(double).sleep(timedelta(hours=1)).match()
    cases.case_type(int).to(double).end_match().end()
    tree = json.loads(flow.to_config())
    [record] = [record for record in tree["nodes"] if record["name"] == node]
    record[field] = value
    if value is ...:
        del record[field]
    with pytest.raises(ContractError) as caught:
        Flow.from_config(tree, contract=Count, **bindings_of(flow))
    assert any(text in problem.render() for problem in caught.value.problems), caught.value


UNREADABLE: list[tuple[Any, str]] = [
    ("{", "truncated"),
    ("format: [", ""),
    ("5", "object"),
    (b"\xff", ""),
    (5, "a config is text, bytes, a mapping or a path, not 5 (int)"),
    (Path("nowhere.json"), "nowhere.json"),
]


@pytest.mark.parametrize("given, text", UNREADABLE)
def test_what_is_no_document_is_refused(given: Any, text: str) -> None:
    with pytest.raises(ContractError) as caught:
        Flow.from_config(given, contract=Count)
    assert caught.value.code == "TF761"
    assert text in str(caught.value)


def test_yaml_names_its_extra_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ContractError, match=r"TF761.*pip install 'typedflow\[yaml\]'"):
        small().to_config("yaml")
    with pytest.raises(ContractError, match=r"TF761.*pip install 'typedflow\[yaml\]'"):
        Flow.from_config("format: x", contract=Count)


def test_a_document_is_read_from_a_file_from_bytes_and_from_a_mapping(tmp_path: Path) -> None:
    flow = small()
    path = tmp_path / "flow.yaml"
    path.write_text(flow.to_config("yaml"), encoding="utf-8")
    for source in (path, flow.to_config().encode(), json.loads(flow.to_config())):
        assert Flow.from_config(source, contract=Count, **bindings_of(flow)).to_config() == flow.to_config()


def test_every_field_of_every_node_is_in_a_document_or_derived() -> None:
    """A new kind of node, or a new field of one, has to be exported: add it to the records first."""
    fields = {
        type(node).__name__: set(node.__struct_fields__) for node in runtime_of(everything()).builder.draft().nodes
    }
    common = {"name", "auto"}
    behind = common | {"source"}
    assert fields == {
        "Start": common,
        "Step": behind | {"handler", "types", "options", "block", "formerly", "catches"},
        "Sleep": behind | {"until", "types", "formerly"},
        "Batch": behind | {"branches", "concurrency", "formerly", "former_slots"},
        "Each": behind | {"concurrency", "formerly", "collects"},
        "Match": behind | {"mode", "cases", "has_else", "formerly", "former_slots"},
        "Narrow": behind | {"kinds"},
        "Join": common | {"opens", "sources"},
        "When": common | {"triggers", "mode", "formerly"},
        "Collect": common | {"branches", "sources", "mode", "formerly", "former_slots"},
        "SubFlow": behind | {"child", "capture", "write_back", "formerly", "catches", "remote"},
        "Catch": behind,
        "Merge": common | {"sources"},
        "End": behind,
    }
