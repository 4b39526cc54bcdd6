"""B36 to B40: what a child flow is given, what it gives back, and that nothing else is shared."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from tests.execution.chains import BOTH_FORMS, Form, chain, run, untyped
from typedflow import Contract, ContractError, Data, Flow, FlowState, Resources, State, Status


class Author(msgspec.Struct):
    name: str = ""
    tags: list[str] = []


class Request(msgspec.Struct):
    topic: str
    author: Author = msgspec.field(default_factory=Author)
    limits: dict[str, int] = {}


class Report(msgspec.Struct):
    text: str
    author: Author = msgspec.field(default_factory=Author)
    scores: list[int] = []
    note: str | None = None


class ReviewState(State):
    request: Request = msgspec.field(default_factory=lambda: Request(""))
    tags: list[str] = []
    table: dict[str, Author] = {}
    topic: str = ""
    scores: list[int] = []
    report: Report | None = None
    count: int = 0


class Counters(FlowState):
    count: int = 0
    author: Author = msgspec.field(default_factory=Author)
    scores: list[int] = []


class Tool:
    def __init__(self) -> None:
        self.calls: list[str] = []


class Tools(Resources):
    tool: Tool | None = None
    words: list[str] = []


class Review(Contract):
    input: Request
    result: Any
    state: ReviewState
    flow_state: Counters
    resources: Tools


class Audit(Contract):
    input: Request
    result: Report
    state: ReviewState
    flow_state: Counters
    resources: Tools


class Open(Contract):
    """A child that takes and gives anything, or nothing."""

    input: Any
    result: Any
    state: ReviewState
    flow_state: Counters
    resources: Tools


Seen = dict[str, Any]


def note(seen: Seen, result: Any = None) -> Any:
    """Return a handler that notes all that a child sees, by identity, and returns `result`."""

    def look(data: Data[Any, Any]) -> Any:
        seen["value"] = data.value
        seen["state"] = {name: getattr(data.state, name) for name in ReviewState.__struct_fields__}
        seen["flow_state"] = {name: getattr(data.flow_state, name) for name in Counters.__struct_fields__}
        seen["tool"] = data.resources.tool
        seen["words"] = data.resources.words
        return result

    return look


def parent(child: Any, *before: Any, after: Any = None, **mappings: Any) -> Flow[Any]:
    """Return a flow of some steps, the child, and a step behind it."""
    flow: Flow[Any] = Flow(Review)
    process: Any = flow
    for handler in before:
        process = process.to(handler)
    process = process.to_sub_flow(child, **mappings)
    if after is not None:
        process = process.to(after)
    process.end()
    return flow


def child_of(*handlers: Any) -> Flow[Any]:
    return chain(Open, *handlers)


def request(topic: str = "a") -> Request:
    return Request(topic, Author("ada", ["x"]), {"max": 3})


# -- B36: defaults


@BOTH_FORMS
def test_b36_by_default_the_child_sees_the_value_and_the_parent_goes_on_with_the_result(form: Form) -> None:
    def write(data: Data[Review, Request]) -> Request:
        data.state.topic = "of the parent"
        data.flow_state.count = 7
        data.set_resource("tool", Tool())
        return data.value

    seen: Seen = {}
    child = child_of(form(note(seen, "result")))
    flow = parent(child, form(write), after=form(lambda data: [data.value]))
    assert flow.start(request()) == ["result"]
    assert seen["value"] == request()
    assert seen["state"]["topic"] == ""
    assert seen["flow_state"]["count"] == 0
    assert seen["tool"] is None


def test_b36_an_empty_capture_gives_no_input() -> None:
    seen: Seen = {}
    parent(child_of(note(seen)), capture={}).start(request())
    assert seen["value"] is None


def test_b36_an_empty_write_back_leaves_the_value_as_it_was() -> None:
    given = request()
    execution = run(parent(child_of(note({}, "ignored")), write_back={}), given)
    assert execution.result is given
    assert execution.state == ReviewState()


def test_b36_a_child_without_a_result_gives_none() -> None:
    class Silent(Contract):
        input: Request
        result: None

    flow: Flow[Any] = Flow(Review)
    child = Flow(Silent)
    child.to(lambda data: None)
    flow.to_sub_flow(child).to(lambda data: ("got", data.value)).end()
    assert flow.start(request()) == ("got", None)


# -- B37: every layer into every target

SOURCES = {
    "value": ("value", "value.author", "value.topic"),
    "state": ("state.request", "state.request.author", "state.topic"),
    "flow_state": ("value", "flow_state.author", "flow_state.author.name"),
}


def fill(data: Data[Review, Request]) -> Request:
    data.state.request = Request("in state", Author("sam"))
    data.state.topic = "in state"
    data.flow_state.author = Author("flo")
    return data.value


@BOTH_FORMS
@pytest.mark.parametrize("source", SOURCES)
def test_b37_the_input_as_a_whole_and_by_fields_from_every_layer(form: Form, source: str) -> None:
    whole, author, text = SOURCES[source]
    seen: Seen = {}
    expected = {"value": request(), "state": Request("in state", Author("sam")), "flow_state": request()}[source]
    parent(chain(Audit, form(note(seen, Report("")))), form(fill), capture={"input": whole}).start(request())
    assert seen["value"] == expected

    mapping = {"topic": text, "author": author, "limits.max": "state.count"}
    parent(chain(Audit, form(note(seen, Report("")))), fill, capture={"input": mapping}).start(request())
    names = {"value": ("a", "ada"), "state": ("in state", "sam"), "flow_state": ("flo", "flo")}[source]
    assert (seen["value"].topic, seen["value"].author.name) == names
    assert seen["value"].limits == {"max": 0}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("target", ["state", "runtime_data"])
def test_b37_the_state_from_every_layer(source: str, target: str) -> None:
    _, author, text = SOURCES[source]
    seen: Seen = {}
    mapping = {"topic": text, "request.author": author, "table.first": author, "request.topic": text}
    parent(child_of(note(seen)), fill, capture={target: mapping}).start(request())
    names = {"value": ("a", "ada"), "state": ("in state", "sam"), "flow_state": ("flo", "flo")}[source]
    assert (seen["state"]["topic"], seen["state"]["request"].author.name) == names
    assert seen["state"]["table"]["first"].name == names[1]
    assert seen["state"]["request"].topic == names[0]
    assert seen["state"]["count"] == 0


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("target", ["flow_state", "flow_data"])
def test_b37_the_flow_state_from_every_layer(source: str, target: str) -> None:
    _, author, text = SOURCES[source]
    seen: Seen = {}
    child = child_of(note(seen))
    child.update_flow_state(lambda state: setattr(state, "count", 5))
    parent(child, fill, capture={target: {"author.name": text, "author.tags": author + ".tags"}}).start(request())
    assert seen["flow_state"]["author"].name == {"value": "a", "state": "in state", "flow_state": "flo"}[source]
    assert seen["flow_state"]["count"] == 5


def test_b37_resources_by_identity() -> None:
    tool, words = Tool(), ["w"]
    seen: Seen = {}
    flow = parent(child_of(note(seen)), capture={"resources": {"tool": "resources.tool", "words": "resources.words"}})
    flow.start(request(), runtime_resources={"tool": tool, "words": words})
    assert seen["tool"] is tool
    assert seen["words"] is words


def test_b37_what_is_captured_covers_the_defaults_of_the_childs_flow() -> None:
    captured, default = Tool(), Tool()
    seen: Seen = {}
    child = child_of(note(seen))
    child.update_runtime_resources(tool=default, words=["default"])
    flow = parent(child, capture={"resources": {"tool": "resources.tool"}})
    flow.start(request(), runtime_resources={"tool": captured})
    assert (seen["tool"], seen["words"]) == (captured, ["default"])
    assert child.get_runtime_resource("tool") is default
    parent(child, capture={}).start(request(), runtime_resources={"tool": captured})
    assert seen["tool"] is default


def test_b37_a_resource_that_the_parent_has_set_in_its_run_is_captured() -> None:
    tool = Tool()
    seen: Seen = {}

    def set_tool(data: Data[Review, Request]) -> Request:
        data.set_resource("tool", tool)
        return data.value

    parent(child_of(note(seen)), set_tool, capture={"resources": {"tool": "resources.tool"}}).start(request())
    assert seen["tool"] is tool


def test_b37_three_levels_deep() -> None:
    tool = Tool()
    seen: Seen = {}
    hand_on = {
        "input": "value",
        "state": {"topic": "state.topic", "request.author.name": "state.request.author.name"},
        "flow_state": {"count": "flow_state.count"},
        "resources": {"tool": "resources.tool"},
    }
    child = child_of(note(seen, "deep"))
    for _ in range(2):
        above: Flow[Any] = Flow(Open)
        above.to_sub_flow(child, capture=untyped(hand_on), write_back={"value": "result"}).end()
        child = above

    def begin(data: Data[Review, Request]) -> Request:
        data.state.topic, data.state.request.author.name, data.flow_state.count = "top", "ann", 4
        return data.value

    flow = parent(child, begin, capture=hand_on)
    assert flow.start(request(), runtime_resources={"tool": tool}) == "deep"
    assert seen["value"] == request()
    assert (seen["state"]["topic"], seen["state"]["request"].author.name, seen["flow_state"]["count"]) == (
        "top",
        "ann",
        4,
    )
    assert seen["tool"] is tool


# -- B38: a snapshot, taken once


async def test_b38_a_later_write_of_the_parent_is_not_seen_by_the_child() -> None:
    entered, written = asyncio.Event(), asyncio.Event()
    seen: Seen = {}

    async def wait(data: Data[Open, Any]) -> Any:
        entered.set()
        await written.wait()
        return data.value

    async def write(data: Data[Review, Request]) -> None:
        await entered.wait()
        data.state.topic = "later"
        data.state.tags.append("later")
        data.value.author.tags.append("later")
        data.flow_state.count = 9
        data.set_resource("tool", Tool())
        written.set()

    flow: Flow[Any] = Flow(Review)
    child = child_of(wait, note(seen))
    flow.side_branch(write).to_sub_flow(
        child,
        capture={
            "input": "value",
            "state": {"topic": "state.topic", "tags": "state.tags"},
            "flow_state": {"count": "flow_state.count"},
            "resources": {"tool": "resources.tool"},
        },
    ).end()
    await flow.async_start(request())
    assert seen["value"] == request()
    assert (seen["state"]["topic"], seen["state"]["tags"], seen["flow_state"]["count"]) == ("", [], 0)
    assert seen["tool"] is None


# -- B39: isolation


@BOTH_FORMS
def test_b39_a_child_changes_nothing_of_its_parent_nor_of_its_flow(form: Form) -> None:
    def spoil(data: Data[Audit, Request]) -> Report:
        first = (data.value.topic, list(data.state.tags), data.flow_state.count, list(data.flow_state.scores))
        data.value.topic = "spoilt"
        data.value.author.tags.append("spoilt")
        data.value.limits["spoilt"] = 1
        data.state.topic = "spoilt"
        data.state.tags.append("spoilt")
        data.state.request.author.tags.append("spoilt")
        data.flow_state.count += 1
        data.flow_state.scores.append(1)
        data.flow_state.author.tags.append("spoilt")
        data.update_flow_state(lambda state: state.scores.append(2))
        data.set_resource("tool", Tool())
        data.set_resource("words", ["spoilt"])
        return Report(repr(first))

    tool, words, given = Tool(), ["w"], request()
    child = chain(Audit, form(spoil))
    child.update_flow_state(lambda state: state.scores.append(0))
    flow = parent(
        child,
        capture={
            "input": "value",
            "state": {"tags": "state.tags", "request": "value"},
            "flow_state": {"author": "value.author"},
            "resources": {"tool": "resources.tool", "words": "resources.words"},
        },
        write_back={"state": {"topic": "result.text"}},
    )
    flow.update_runtime_resources(words=words)
    for _ in range(2):
        execution = run(flow, given, state={"tags": ["t"]}, runtime_resources={"tool": tool})
        assert execution.state.topic == "('a', ['t'], 0, [0])", "what the handler has seen"
        assert given == request()
        assert execution.state.tags == ["t"]
        assert flow.flow_state == Counters()
        assert child.flow_state == Counters(scores=[0])
        assert (execution.get_runtime_resource("tool"), execution.get_runtime_resource("words")) == (tool, words)
        assert words == ["w"]


def test_b39_one_source_for_two_targets_is_copied_for_each() -> None:
    seen: Seen = {}
    flow = parent(
        child_of(note(seen)),
        capture={
            "input": "value.author",
            "state": {"request.author": "value.author", "table.a": "value.author"},
            "flow_state": {"author": "value.author"},
        },
    )
    given = request()
    flow.start(given)
    copies = [
        given.author,
        seen["value"],
        seen["state"]["request"].author,
        seen["state"]["table"]["a"],
        seen["flow_state"]["author"],
    ]
    assert all(copy == given.author for copy in copies)
    assert len({id(copy) for copy in copies}) == 5
    assert len({id(copy.tags) for copy in copies}) == 5


async def test_b39_children_that_run_at_once_have_layers_of_their_own() -> None:
    async def collect(data: Data[Open, Any]) -> Any:
        for _ in range(3):
            data.state.tags.append(data.value)
            data.flow_state.scores.append(1)
            await asyncio.sleep(0)
        return (data.state.tags, data.flow_state.scores)

    flow: Flow[Any] = Flow(Review)
    flow.to(lambda data: ["a", "b"]).for_each().to_sub_flow(child_of(collect)).end_for_each().end()
    assert await flow.async_start(request()) == [(["a"] * 3, [1] * 3), (["b"] * 3, [1] * 3)]


def test_b39_the_childs_result_is_no_alias_of_two_places() -> None:
    result = Report("r", Author("ada", ["x"]), [1])
    flow = parent(
        chain(Audit, lambda data: result),
        write_back={
            "value": "result",
            "state": {"report": "result", "scores": "result.scores", "request.author": "result.author"},
            "flow_state": {"scores": "result.scores", "author": "result.author"},
        },
    )
    execution = run(flow, request())
    value, state, shared = execution.result, execution.state, flow.flow_state
    assert value == state.report == result
    scores = [value.scores, state.report.scores, state.scores, shared.scores]
    authors = [value.author, state.report.author, state.request.author, shared.author]
    assert len({id(each) for each in scores}) == len({id(each) for each in authors}) == 4
    assert all(each == [1] for each in scores)


# -- B40: write_back


RESULT = Report("text", Author("rob", ["r"]), [1, 2], "note")


@BOTH_FORMS
@pytest.mark.parametrize(
    "mapping, value",
    [
        ({"value": "result"}, RESULT),
        ({"value": "result.scores"}, [1, 2]),
        ({"value": {"topic": "result.text"}}, Request("text", Author("ada", ["x"]), {"max": 3})),
        ({"value": {"author.name": "result.text"}}, Request("a", Author("text", ["x"]), {"max": 3})),
        ({"value": {"author": "result.author"}}, Request("a", Author("rob", ["r"]), {"max": 3})),
    ],
)
def test_b40_the_value_as_a_whole_and_by_fields(form: Form, mapping: Any, value: Any) -> None:
    given = request()
    child = chain(Audit, form(lambda data: msgspec.convert(msgspec.to_builtins(RESULT), Report)))
    execution = run(parent(child, write_back=mapping), given)
    assert execution.result == value
    assert given == request(), "others may hold the value that goes in"


def test_b40_state_and_flow_state_are_replaced_never_merged() -> None:
    flow = parent(
        chain(Audit, lambda data: RESULT),
        write_back={
            "runtime_data": {
                "scores": "result.scores",
                "request.author": "result.author",
                "table.new": "result.author",
            },
            "flow_data": {"author.tags": "result.author.tags", "scores": "result.scores"},
        },
    )
    flow.update_flow_state(lambda state: (state.scores.append(9), state.author.tags.append("old")))
    execution = run(flow, request(), state={"scores": [7, 8, 9], "table": {"old": Author("old")}})
    assert execution.result == request()
    assert execution.state.scores == [1, 2]
    assert execution.state.request.author == Author("rob", ["r"])
    assert execution.state.table == {"old": Author("old"), "new": Author("rob", ["r"])}
    assert flow.flow_state == Counters(scores=[1, 2], author=Author("", ["r"]))


def test_b40_several_paths_below_one_field() -> None:
    flow = parent(
        chain(Audit, lambda data: RESULT),
        write_back={"state": {"request.topic": "result.text", "request.author.name": "result.text"}},
    )
    execution = run(flow, request(), state={"request": {"topic": "", "author": {"tags": ["kept"]}}})
    assert execution.state.request == Request("text", Author("text", ["kept"]))


@BOTH_FORMS
def test_b40_the_listeners_of_exactly_the_written_paths_fire(form: Form) -> None:
    heard: list[Any] = []
    flow: Flow[Any] = Flow(Review)
    flow.to_sub_flow(
        chain(Audit, form(lambda data: RESULT)),
        write_back={
            "state": {"topic": "result.text", "request.author": "result.author"},
            "flow_state": {"author.name": "result.text"},
        },
    ).end()
    for path in ("topic", "request", "request.author", "request.author.name", "count"):
        flow.when({"state": path}).to(form(lambda data, path=path: heard.append((path, data.value))))
    for path in ("author", "author.name", "count"):
        flow.when({"flow_state": path}).to(form(lambda data, path=path: heard.append((path, data.value))))
    flow.start(request())
    assert sorted(heard, key=repr) == [
        ("author.name", "text"),
        ("request.author", RESULT.author),
        ("topic", "text"),
    ]


@BOTH_FORMS
@pytest.mark.parametrize("scope", ["state", "flow_state"])
def test_b40_nothing_is_written_when_one_binding_fails(form: Form, scope: str) -> None:
    heard: list[Any] = []
    result = Report("text", scores=[1])

    def spoil(data: Data[Audit, Request]) -> Report:
        data.set_result(result)
        return result

    def push_a_wrong_item(data: Data[Audit, Report]) -> None:
        data.value.scores.append(untyped("no number"))

    child: Flow[Any] = Flow(Audit)
    child.to(form(spoil)).side_branch(form(push_a_wrong_item))
    write_back = {
        "value": {"topic": "result.text"},
        "state": {"topic": "result.text", "request.topic": "result.text"},
        "flow_state": {"author.name": "result.text"},
    }
    write_back[scope]["scores"] = "result.scores"
    flow: Flow[Any] = Flow(Review)
    flow.to_sub_flow(child, write_back=untyped(write_back)).end()
    flow.when({"state": "topic"}).to(lambda data: heard.append(data.value))
    execution = flow.create_execution()
    with pytest.raises(ContractError) as caught:
        execution.start(request())
    assert caught.value.code == "TF417"
    assert execution.status is Status.FAILED
    assert execution.state == ReviewState()
    assert flow.flow_state == Counters()
    assert heard == []


def test_b40_a_key_that_is_not_there_is_named() -> None:
    class Keyed(Contract):
        input: Any
        result: dict[str, str]

    child = chain(Keyed, lambda data: {"here": "x"})
    flow = parent(child, write_back={"state": {"topic": "result.there"}})
    with pytest.raises(ContractError) as caught:
        flow.start(request())
    assert caught.value.problems[0].render() == (
        'TF417: write_back["state"]["topic"] = "result.there": '
        "'result.there' is not there: no key 'there' (return it from the child)"
    )


def test_b40_a_path_through_a_key_that_the_state_does_not_have_is_named() -> None:
    flow = parent(chain(Audit, lambda data: RESULT), write_back={"state": {"table.ada.name": "result.text"}})
    with pytest.raises(ContractError) as caught:
        flow.start(request())
    assert caught.value.code == "TF417"
    assert run(flow, request(), state={"table": {"ada": Author()}}).state.table == {"ada": Author("text")}
