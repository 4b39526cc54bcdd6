"""What is wrong with a whole flow: found by `validate()`, all at once, in order of definition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Never, NewType, NoReturn, Protocol

import msgspec
import pytest

from typedflow import Contract, ContractError, Data, Events, Flow, FlowState, Resources, State
from typedflow.definition.edges import item_type, known
from typedflow.schema.annotations import UNKNOWN
from typedflow.schema.parsing import parse


class Request(msgspec.Struct):
    topic: str


class Notes(State):
    request: Request | None = None
    topics: list[str] = []


class Counters(FlowState):
    runs: int = 0


class Tools(Resources):
    tool: object


class Bells(Events):
    rung: int
    knocked: str


class Review(Contract):
    input: Request
    result: str
    state: Notes
    flow_state: Counters
    events: Bells


class Wider(Review):
    stream: int


class Other(Contract):
    input: Request
    result: str


class Nothing(Contract):
    input: int
    result: None


class HasTools(Protocol):
    @property
    def resources(self) -> Tools: ...


class HasToolsAndStream(HasTools, Protocol):
    stream: int


class HasNotes(Protocol):
    @property
    def state(self) -> Notes: ...


def search(data: Data[Review, Request]) -> list[str]:
    return []


def first(data: Data[Review, list[str]]) -> str:
    return data.value[0]


async def count(data: Data[Review, str]) -> int:
    return len(data.value)


def untyped(data: Any) -> Any:
    return data.value


def problems(wire: Callable[[Any], object], contract: type[Contract] = Review) -> str:
    """Return the text of what `validate` finds; empty where it finds nothing."""
    flow = Flow(contract, name="review")
    wire(flow)
    try:
        flow.validate()
    except ContractError as error:
        return str(error)
    return ""


def never_back(data: Data[Review, Any]) -> NoReturn:
    raise ValueError


def on_other(data: Data[Other, Request]) -> str:
    return ""


def on_base(data: Data[Contract, object]) -> str:
    return ""


def with_tools(data: Data[HasTools, object]) -> str:
    return ""


def with_tools_and_stream(data: Data[HasToolsAndStream, object]) -> str:
    return ""


def with_notes(data: Data[HasNotes, object]) -> str:
    return ""


def is_short(data: Data[Review, str]) -> bool:
    return True


def on_the_wider(data: Data[Wider, Request]) -> str:
    return ""


def cyclic(flow: Any) -> None:
    joined = flow.when("rung").collect("votes", "a")
    joined.to(untyped).collect("votes", "b")


PROBLEMS: list[tuple[Callable[[Any], object], str]] = [
    (lambda flow: flow.to(search).to(count),
     "TF701: flow 'review': step 'count' takes str, and gets list[str] (annotate its parameter Data[…, list[str]], "
     "or put a step in between that makes str of it)"),
    (lambda flow: flow.to(count),
     "TF701: flow 'review': step 'count' takes str, and gets Request (annotate its parameter Data[…, Request], "
     "or put a step in between that makes str of it)"),
    (lambda flow: flow.to(search).if_condition(is_short).end_condition(),
     "TF701: step 'if' of flow 'review': condition 'is_short' takes str, and gets list[str] (annotate its parameter "
     "Data[…, list[str]], or put a step in between that makes str of it)"),
    (lambda flow: flow.when("rung").to(count),
     "TF701: flow 'review': step 'count' takes str, and gets int (annotate its parameter Data[…, int], "
     "or put a step in between that makes str of it)"),
    (lambda flow: flow.when({"event": ["rung", "knocked"]}, mode="simple_or").to(count),
     "TF701: flow 'review': step 'count' takes str, and gets int | str (annotate its parameter Data[…, int | str], "
     "or put a step in between that makes str of it)"),
    (lambda flow: flow.when({"flow_state": "runs"}).to(count),
     "TF701: flow 'review': step 'count' takes str, and gets int (annotate its parameter Data[…, int], "
     "or put a step in between that makes str of it)"),
    (lambda flow: flow.to(search).end(),
     "TF702: step 'end' of flow 'review': end() sets the result of contract 'Review', str, and gets list[str] "
     "(add a step before end() that returns str)"),
    (lambda flow: flow.to(search).for_each(),
     "TF703: flow 'review': a for_each block is never closed (call .end_for_each() on the chain inside it)"),
    (lambda flow: flow.to(search).batch().branch(first),
     "TF703: flow 'review': a batch block is never closed (call .end_batch() on the chain inside it)"),
    (lambda flow: flow.to(search).if_condition(untyped).to(first),
     "TF703: flow 'review': an if block is never closed (call .end_condition() on the chain inside it)"),
    (lambda flow: flow.match().case("x").to(untyped).case("x").to(search).end_match(),
     "TF707: flow 'review': step 'search' is never reached: a case before its own has the same condition "
     "(take the case out)"),
    (lambda flow: flow.for_each().end_for_each(),
     "TF709: step 'for_each' of flow 'review': for_each goes over a sequence (a list, tuple or range), not Request "
     "(put a step before it that returns a list)"),
    (lambda flow: flow.to(search).to(first).for_each().end_for_each(),
     "TF709: step 'for_each' of flow 'review': for_each goes over a sequence (a list, tuple or range), not str "
     "(put a step before it that returns a list)"),
    (lambda flow: flow.to(on_other),
     "TF716: flow 'review': step 'on_other' takes Data[Other, …], and its flow is of contract 'Review' "
     "(annotate its parameter Data[Review, …], or with a protocol of the parts that it needs)"),
    (lambda flow: flow.to(on_the_wider),
     "TF716: flow 'review': step 'on_the_wider' takes Data[Wider, …], and its flow is of contract 'Review' "
     "(annotate its parameter Data[Review, …], or with a protocol of the parts that it needs)"),
    (lambda flow: flow.to(with_tools),
     "TF716: flow 'review': step 'with_tools' takes Data[HasTools, …], and its flow is of contract 'Review', "
     "which has no 'resources' (annotate its parameter Data[Review, …], or with a protocol of the parts that it "
     "needs)"),
    (lambda flow: flow.to(with_tools_and_stream),
     "TF716: flow 'review': step 'with_tools_and_stream' takes Data[HasToolsAndStream, …], and its flow is of contract "
     "'Review', which has no 'resources', 'stream' (annotate its parameter Data[Review, …], or with a protocol of "
     "the parts that it needs)"),
    (lambda flow: flow.when("rang").to(untyped),
     "TF501: step 'when rang' of flow 'review': contract 'Review' declares no event 'rang' (did you mean 'rung'?)"),
    (lambda flow: flow.when({"state": "request.topik"}).to(untyped),
     "TF202: step 'when request.topik' of flow 'review': Request has no field 'topik', in 'request.topik' "
     "(did you mean 'topic'?)"),
    (lambda flow: None, "TF723: flow 'review': the flow has no steps (add one: flow.to(handler))"),
]  # fmt: skip


@pytest.mark.parametrize("wire, text", PROBLEMS, ids=[text.partition(" (")[0] for _, text in PROBLEMS])
def test_a_broken_flow_is_refused(wire: Callable[[Any], object], text: str) -> None:
    assert problems(wire) == text


def test_a_trigger_of_a_layer_or_events_that_the_contract_has_not() -> None:
    assert problems(lambda flow: flow.when("rung").to(untyped), Nothing) == (
        "TF503: step 'when rung' of flow 'review': contract 'Nothing' declares no events "
        "(add an Events class to Nothing: `events: NothingEvents`)"
    )
    text = problems(lambda flow: flow.when({"state": "topic"}).to(untyped), Nothing)
    assert text.startswith("TF611: step 'when topic' of flow 'review': contract 'Nothing' declares no state")
    text = problems(lambda flow: flow.when({"flow_state": "runs"}).to(untyped), Nothing)
    assert text.startswith("TF611: step 'when runs' of flow 'review': contract 'Nothing' declares no flow_state")


def test_a_collect_that_is_fed_from_behind_itself_is_never_reached() -> None:
    found = problems(cyclic)
    assert found.count("TF707") == 2
    assert "step 'votes' is never reached" in found
    assert "step 'untyped' is never reached" in found


def test_all_problems_come_at_once_in_order_of_definition() -> None:
    def wire(flow: Any) -> None:
        flow.to(search).to(count).for_each()
        flow.when("rang").to(on_other).end()

    lines = problems(wire).splitlines()
    assert lines[0] == "5 problems"
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["TF703", "TF701", "TF709", "TF501", "TF716"]


def test_the_first_execution_checks_the_flow() -> None:
    flow: Any = Flow(Review)
    flow.to(search).to(count)
    with pytest.raises(ContractError, match="TF701"):
        flow.create_execution()
    flow.to(search, name="again")
    with pytest.raises(ContractError, match="TF701"):
        flow.create_execution()


@pytest.mark.parametrize(
    "wire",
    [
        lambda flow: flow.to(search).to(first).end(),
        lambda flow: flow.to(untyped).to(count),
        lambda flow: flow.to(lambda data: 1).to(count),
        lambda flow: flow.to(never_back).to(count),
        lambda flow: flow.to(with_notes).end(),
        lambda flow: flow.to(on_base).end(),
        lambda flow: flow.when({"event": ["rung", "knocked"]}, mode="or").to(count),
        lambda flow: flow.when({"event": ["rung", "knocked"]}, mode="and").to(count),
        lambda flow: flow.when("rung").collect("votes", "a").to(count),
        lambda flow: flow.when({"state": "topics"}).to(first),
        lambda flow: flow.match().case("x").to(search).case(1).to(search).case(True).to(search).end_match(),
        lambda flow: flow.match(mode="hit_all").case("x").to(search).case("x").to(search).end_match(),
        lambda flow: flow.match().case([]).to(search).case([]).to(search).end_match(),
    ],
)
def test_a_sound_flow_is_taken(wire: Callable[[Any], object]) -> None:
    assert problems(wire) == ""


def test_a_handler_of_a_contract_that_the_flow_extends_is_taken() -> None:
    assert problems(lambda flow: flow.to(search).to(first).end(), Wider) == ""


# -- the types along the edges, as the message of the step behind tells them

Topic = NewType("Topic", str)


class Deck(Sequence[int]):
    def __getitem__(self, index: Any) -> Any:
        return index

    def __len__(self) -> int:
        return 0


def gives(tp: Any) -> Any:
    """Return a handler that returns this type."""

    def step(data: Any) -> Any:
        return data.value

    step.__annotations__ = {"data": Any, "return": tp}
    return step


class Unknown:
    """What no step gives, and what a step that takes it is told of its value."""


def takes_unknown(data: Data[Any, Unknown]) -> Any:
    return data.value


def carried(wire: Callable[[Any], Any]) -> str:
    """Return the type that a chain carries, '?' where nothing is known of it."""
    found = problems(lambda flow: wire(flow).to(takes_unknown))
    return found.partition("and gets ")[2].partition(" (annotate")[0] or "?"


@pytest.mark.parametrize(
    "wire, tp",
    [
        (lambda flow: flow.to(gives(int)), "int"),
        (lambda flow: flow.to(gives(Any)), "?"),
        (lambda flow: flow.to(gives("Missing")), "?"),
        (lambda flow: flow.to(gives(list["Missing"])), "?"),  # type: ignore[name-defined]  # noqa: F821  # on purpose
        (lambda flow: flow.to(gives(int)).side_branch(gives(str)), "int"),
        (lambda flow: flow.batch().branch(gives(int), name="a").branch(gives(str), name="b").end_batch(),
         "tuple[int, str]"),
        (lambda flow: flow.batch().branch(gives(int), name="a").branch(untyped).end_batch(), "?"),
        (lambda flow: flow.to(gives(list[int])).for_each(), "int"),
        (lambda flow: flow.to(gives(list[int])).for_each().to(gives(str)).end_for_each(), "list[str]"),
        (lambda flow: flow.to(gives(tuple[int, str])).for_each(), "int | str"),
        (lambda flow: flow.to(gives(tuple[int, ...])).for_each(), "int"),
        (lambda flow: flow.to(gives(Sequence[Topic])).for_each(), "Topic"),
        (lambda flow: flow.to(gives(list[int] | list[str])).for_each(), "int | str"),
        (lambda flow: flow.to(gives(list[int] | list[Any])).for_each(), "?"),
        (lambda flow: flow.to(gives(range)).for_each(), "int"),
        (lambda flow: flow.to(gives(Deck)).for_each(), "?"),
        (lambda flow: flow.to(gives(list)).for_each(), "?"),
        (lambda flow: flow.to(gives(Any)).for_each(), "?"),
        (lambda flow: flow.if_condition(untyped).to(gives(int)).end_condition(), "int | Request"),
        (lambda flow: flow.if_condition(untyped).to(gives(int)).else_condition().to(gives(str)).end_condition(),
         "int | str"),
        (lambda flow: flow.match(mode="hit_all").case(1).to(gives(int)).end_match(), "list[int]"),
        (lambda flow: flow.match(mode="hit_all").case(1).to(gives(int)).case_else().to(gives(str)).end_match(),
         "list[int | str]"),
        (lambda flow: flow.match().case(1).to(untyped).end_match(), "?"),
        (lambda flow: flow.when({"state": "request"}), "Request | None"),
        (lambda flow: flow.when({"state": "request.topic"}), "str"),
        (lambda flow: flow.when({"event": "rung", "state": "topics"}), "?"),
        (lambda flow: flow.when({"event": "rung", "state": "topics"}, mode="simple_or"), "int | list[str]"),
        (lambda flow: flow.when(["rung"]), "?"),
        (lambda flow: flow.when("rung").collect("votes", "a"), "?"),
    ],
)  # fmt: skip
def test_an_edge_carries_what_its_source_gives(wire: Callable[[Any], Any], tp: str) -> None:
    assert carried(lambda flow: wire(flow)).removeprefix("Never") == tp


@pytest.mark.parametrize("tp", [int, str, bytes, dict[str, int], set[int], list[int] | None, Request])
def test_a_type_that_is_no_sequence_is_refused_by_for_each(tp: Any) -> None:
    assert "TF709" in problems(lambda flow: flow.to(gives(tp)).for_each().end_for_each())


# -- child flows


class Kid(Contract):
    input: str
    result: int


def kid() -> Any:
    flow = Flow(Kid, name="kid")
    flow.to(gives(int)).end()
    return flow


def test_the_mappings_of_a_child_flow_are_checked_with_the_whole_flow() -> None:
    """B41."""

    def wire(flow: Any) -> None:
        flow.to_sub_flow(kid(), capture={"input": "state.topix"}, write_back={"state": {"topics": "result"}})

    numbers = [line.split(":")[0].strip() for line in problems(wire).splitlines()[1:]]
    assert numbers == ["TF304", "TF406"]


def test_a_child_gives_its_result_to_the_step_behind() -> None:
    def wire(flow: Any) -> None:
        flow.to(search).to(first).to_sub_flow(kid()).to(first)

    assert "TF4" in problems(wire)
    assert "list[str]" in problems(wire)


def test_one_problem_of_a_child_is_told_once_for_all_steps_behind() -> None:
    def wire(flow: Any) -> None:
        child = flow.to(search).to(first).to_sub_flow(kid(), write_back={"state": {"nope": "result"}})
        child.to(first)
        child.to(count)

    assert problems(wire).count("TF404") == 1


class Handle:
    """A class that cannot be copied."""


class Bundle(msgspec.Struct):
    handle: Handle
    topic: str


class Holding(Contract):
    input: Bundle
    result: Any


class Held(Contract):
    input: Handle
    result: Handle


def held() -> Any:
    flow = Flow(Held, name="held")
    flow.to(lambda data: data.value).end()
    return flow


def test_what_a_child_is_given_must_be_copyable() -> None:
    assert problems(lambda flow: flow.to_sub_flow(held(), capture={"input": "value.handle"}), Holding) == (
        "TF316: step 'held' of flow 'review', capture[\"input\"] = \"value.handle\": 'value.handle' cannot be copied: "
        "nothing is known of how to copy Handle "
        "(capture the parts that are data; hand a live object over as a resource)"
    )


class Named(Contract):
    input: str
    result: str


def test_a_value_that_is_written_into_must_be_copyable() -> None:
    child: Any = Flow(Named, name="named")
    child.to(gives(str)).end()
    mappings: Any = {"capture": {"input": "value.topic"}, "write_back": {"value": {"topic": "result"}}}
    found = problems(lambda flow: flow.to_sub_flow(child, **mappings), Holding)
    assert found.count("TF4") == 1
    assert "nothing is known of how to copy Handle" in found


class Slots(msgspec.Struct):
    first: Any
    second: Any


class Slotted(Contract):
    input: Slots
    result: Any


class Lends(Contract):
    input: None
    result: Handle


@pytest.mark.parametrize("targets, copied", [(["first"], 0), (["first", "second"], 1)])
def test_a_result_that_goes_to_two_targets_must_be_copyable(targets: list[str], copied: int) -> None:
    child: Any = Flow(Lends, name="lends")
    child.to(gives(Handle)).end()
    mappings: Any = {"capture": {}, "write_back": {"value": dict.fromkeys(targets, "result")}}
    found = problems(lambda flow: flow.to_sub_flow(child, **mappings), Slotted)
    assert found.count("TF416") == copied
    assert found.count("nothing is known of how to copy Handle") == copied


def test_a_batch_takes_child_flows() -> None:
    flow: Any = Flow(Kid)
    flow.batch().branch(kid()).branch(kid(), name="other").end_batch()
    flow.validate()
    names = [node.name for node in flow._runtime.builder.draft().nodes]
    assert names == ["start", "batch", "kid", "other", "end_batch"]


@pytest.mark.parametrize("tp", ["Missing", list["Missing"], Any])  # type: ignore[name-defined]  # noqa: F821
def test_what_says_nothing_is_not_known(tp: Any) -> None:
    assert known(tp) is UNKNOWN


@pytest.mark.parametrize("tp", [Any, Never])
def test_of_any_value_the_items_are_not_known(tp: Any) -> None:
    assert item_type(parse(tp)) is UNKNOWN


def test_many_cases_are_looked_at_once_each() -> None:
    """Each case against each other, per case, would take minutes here."""
    flow: Any = Flow(Nothing)
    at = flow.match()
    for number in range(2000):
        at = at.case(number)
    at.case(7).to(lambda data: None).end_match().end()
    with pytest.raises(ContractError) as caught:
        flow.validate()
    assert [problem.number for problem in caught.value.problems] == ["TF707"]


class Streams(Contract):
    input: int
    result: int
    stream: int


class Speaks(Contract):
    input: int
    result: int
    stream: str


class Silent(Contract):
    input: int
    result: int


@pytest.mark.parametrize(
    "parent, child, fits",
    [(Streams, Streams, True), (Streams, Speaks, False), (Streams, Silent, True), (Silent, Speaks, True)],
)
def test_the_items_of_a_child_go_into_the_stream_of_its_parent(parent: Any, child: Any, fits: bool) -> None:
    inner: Any = Flow(child, name="inner")
    inner.to(lambda data: data.value).end()
    flow: Any = Flow(parent, name="outer")
    flow.to_sub_flow(inner).end()
    if fits:
        flow.validate()
        return
    with pytest.raises(ContractError) as caught:
        flow.validate()
    assert str(caught.value) == (
        "TF725: step 'inner' of flow 'outer': child flow 'inner' puts str in the stream, and contract 'Streams' "
        "declares int (widen the parent's stream to take str, or declare none there)"
    )


def test_child_flows_are_checked_with_their_parent_each_once() -> None:
    def takes_text(data: Data[Any, str]) -> int:
        return 1

    inner: Any = Flow(Silent, name="inner")
    inner.to(takes_text).end()
    middle: Any = Flow(Silent, name="middle")
    middle.to_sub_flow(inner).to_sub_flow(inner).to_sub_flow(middle).for_each()
    outer: Any = Flow(Silent, name="outer")
    outer.to_sub_flow(inner).to_sub_flow(middle).to(lambda data: 1).to(takes_text).end()
    with pytest.raises(ContractError) as caught:
        outer.validate()
    places = [(problem.number, problem.where) for problem in caught.value.problems]
    assert places == [
        ("TF701", "flow 'inner'"),
        ("TF703", "flow 'middle'"),
        ("TF709", "step 'for_each' of flow 'middle'"),
    ]
