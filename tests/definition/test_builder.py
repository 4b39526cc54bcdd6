"""What a flow's wiring refuses at the call, and what it names its nodes."""

from __future__ import annotations

import enum
import functools
import types
from collections.abc import Callable
from math import inf
from typing import Any

import pytest

from typedflow import Contract, ContractError, Data, Events, Flow, Retry, State


class Notes(State):
    topic: str = ""


class Bells(Events):
    rung: int


class Review(Contract):
    input: Any
    result: Any
    state: Notes
    events: Bells


def step(data: Data[Review, Any]) -> Any:
    return data.value


async def later(data: Data[Review, Any]) -> Any:
    return data.value


def refused(wire: Callable[[Any], object]) -> str:
    """Return the text of what is refused."""
    with pytest.raises(ContractError) as refusal:
        wire(Flow(Review, name="review"))
    return str(refusal.value).replace("flow 'review', ", "").replace("flow 'review': ", "")


def twice(flow: Any) -> None:
    chain = flow.for_each().to(step)
    chain.end_for_each()
    chain.end_for_each()


def frozen(flow: Any) -> Any:
    flow.to(step).end()
    flow.create_execution()
    return flow


def with_chunk(flow: Any) -> Any:
    flow.chunk("search")(step)
    return flow


def two_collects(flow: Any, branch: str = "b", mode: str = "filled_then_empty") -> None:
    flow.to(step).collect("votes", "a")
    flow.to(step).collect("votes", branch, mode=mode)


def collect_in_two_blocks(flow: Any) -> None:
    flow.to(step).collect("votes", "a")
    flow.for_each().collect("votes", "b")


def second_finish(flow: Any) -> None:
    arm = flow.match().case("x").to(step)
    arm.case("y")
    arm.case("z")


def arm_left_open(flow: Any) -> None:
    match = flow.match()
    match.case("x").to(step)
    match.case("y")


def batch_after_its_end(flow: Any) -> None:
    batch = flow.batch().branch(step)
    batch.end_batch()
    batch.branch(step, name="late")


def match_after_its_end(flow: Any) -> None:
    arm = flow.match().case("x").to(step)
    arm.end_match()
    arm.case("y")


number: Any = 5
word: Any = "a"


def oddly_named() -> Any:
    def condition(data: Any) -> bool:
        return True

    condition.__name__ = "a\ud800"
    return condition


REFUSALS: list[tuple[Callable[[Any], object], str]] = [
    (twice, "TF704: this for_each block is closed already (go on from what .end_for_each() returned)"),
    (batch_after_its_end, "TF704: this batch block is closed already (go on from what .end_batch() returned)"),
    (match_after_its_end, "TF704: this match block is closed already (go on from what .end_match() returned)"),
    (second_finish, "TF704: case() ends a case that is ended already "
     "(go on from what the first call returned; one case has one chain)"),
    (lambda flow: flow.to(step).end_for_each(),
     "TF704: end_for_each() belongs to a for_each block, and no block is open here (open one, or take it out)"),
    (lambda flow: flow.match().case("x").to(step).end_for_each(),
     "TF704: end_for_each() belongs to a for_each block, and the innermost open block is a match "
     "(close that one first, with .end_match())"),
    (lambda flow: flow.to(step).end_match(),
     "TF704: end_match() belongs to a match block, and no block is open here (open one, or take it out)"),
    (lambda flow: flow.for_each().else_condition(),
     "TF704: else_condition() belongs to a match block, and the innermost open block is a for_each "
     "(close that one first, with .end_for_each())"),
    (lambda flow: flow.batch().branch(step).branch(step),
     "TF705: there are two branches named 'step' (name one of them otherwise: .branch(handler, name=…))"),
    (lambda flow: flow.to(step, name="a").to(step, name="a"),
     "TF705: there are two nodes named 'a' (explicit names are unique)"),
    (lambda flow: flow.to(step).to(step, name="step"),
     "TF705: there are two nodes named 'step' (explicit names are unique)"),
    (lambda flow: flow.to(step, name=""), "TF705: the name of a node cannot be empty (leave name= out, or give one)"),
    (lambda flow: with_chunk(flow).chunk("search")(later),
     "TF705: there are two chunks named 'search' (explicit names are unique)"),
    (lambda flow: two_collects(flow, "a"), "TF705: collect 'votes': there are two branches named 'a' "
     "(name one of them otherwise: .branch(handler, name=…))"),
    (lambda flow: with_chunk(flow).to("serach"),
     "TF706: no chunk is registered as 'serach' (did you mean 'search'?)"),
    (lambda flow: flow.to("search"),
     "TF706: no chunk is registered as 'search' (register one first: @flow.chunk(\"search\"))"),
    (lambda flow: frozen(flow).to(step), "TF708: the flow has an execution already, and cannot be changed any more "
     "(put the whole flow together first, or make a new Flow)"),
    (collect_in_two_blocks, "TF711: the members of collect 'votes' hang in different blocks "
     "(collect them in one block, or give each its own collect)"),
    (lambda flow: two_collects(flow, mode="filled_and_update"),
     "TF712: collect 'votes' has mode 'filled_then_empty', and is given mode 'filled_and_update' "
     "(give every member of a collect the same mode)"),
    (lambda flow: flow.batch().end_batch(),
     "TF714: a batch has no branch (add .branch(handler) between .batch() and .end_batch())"),
    (lambda flow: flow.match(mode="hit_frist"), "TF715: match has no mode 'hit_frist' (did you mean 'hit_first'?)"),
    (lambda flow: flow.when("rung", mode="nor"), "TF715: when has no mode 'nor' (did you mean 'or'?)"),
    (lambda flow: flow.to(step).collect("votes", "a", mode=1),
     "TF715: collect has no mode 1 (int) (modes: 'filled_then_empty', 'filled_and_update')"),
    (lambda flow: flow.to(5), "TF717: a handler is a function that takes Data, not 5 (int) "
     "(give a function, a method or a callable object, or the name of a chunk)"),
    (lambda flow: flow.batch().branch(None), "TF717: a handler is a function that takes Data, not None "
     "(give a function, a method or a callable object, or the name of a chunk)"),
    (lambda flow: flow.to(later, thread=True), "TF717: step 'later' is async, and thread=True runs a plain function "
     "in a thread (leave thread=True out, or make the handler a plain def)"),
    (lambda flow: flow.batch(concurrency=0),
     "TF718: concurrency is a whole number from 1, not 0 (int) (leave it out for no bound)"),
    (lambda flow: flow.for_each(concurrency=-1),
     "TF718: concurrency is a whole number from 1, not -1 (int) (leave it out for no bound)"),
    (lambda flow: flow.for_each(concurrency=1.5),
     "TF718: concurrency is a whole number from 1, not 1.5 (float) (leave it out for no bound)"),
    (lambda flow: flow.batch(concurrency="2"),
     "TF718: concurrency is a whole number from 1, not '2' (str) (leave it out for no bound)"),
    (lambda flow: flow.to(step, timeout="x"), "TF718: timeout is a number of seconds from 0, not 'x' (str)"),
    (lambda flow: flow.to(step).to(step, timeout=-1), "TF718: timeout is a number of seconds from 0, not -1 (int)"),
    (lambda flow: flow.to(step, timeout=float("nan")),
     "TF718: timeout is a number of seconds from 0, not nan (float)"),
    (lambda flow: flow.to(step, thread="yes"), "TF718: thread is True or False, not 'yes' (str)"),
    (lambda flow: flow.batch().branch(step, thread=1), "TF718: thread is True or False, not 1 (int)"),
    (lambda flow: flow.to(step, retry=3), "TF718: retry is a Retry, not 3 (int)"),
    (lambda flow: flow.to(step, name=5), "TF718: the name of a node is a text, not 5 (int)"),
    (lambda flow: Flow(Review, name=number), "TF718: the name of a flow is a text, not 5 (int)"),
    (lambda flow: flow.match().case("x", name="a\ud800"), "TF718: the name of a case is a text, and 'a\\ud800' "
     "cannot be written: it holds half of a surrogate pair"),
    (lambda flow: flow.match().case("x").case("y", name="a\0"),
     "TF718: the name of a case is a text, and 'a\\x00' cannot be written: it holds a NUL character"),
    (lambda flow: flow.match().case("x", name=""),
     "TF705: the name of a case cannot be empty (leave name= out, or give one)"),
    (lambda flow: flow.match().case("x", name=5), "TF718: the name of a case is a text, not 5 (int)"),
    (lambda flow: flow.match().case(oddly_named()), "TF718: the name of a case is a text, and 'a\\ud800' "
     "cannot be written: it holds half of a surrogate pair"),
    (lambda flow: flow.to(step, formerly=("ask", "a\ud800")),
     "TF718: a former name is a text, and 'a\\ud800' cannot be written: it holds half of a surrogate pair"),
    (lambda flow: flow.to(step).collect("votes", "a", branch_formerly=("a\0",)),
     "TF718: a former name is a text, and 'a\\x00' cannot be written: it holds a NUL character"),
    (lambda flow: Flow(Review, max_depth=word),
     "TF718: flow of contract 'Review': max_depth is a whole number from 0, not 'a' (str)"),
    (lambda flow: flow.when(5), "TF719: when() takes names, not 5 (int) "
     "(name an event, when(\"approved\"), or paths, when({\"state\": \"request.topic\"}))"),
    (lambda flow: flow.when(b"rung"), "TF719: when() takes names, not b'rung' (bytes) "
     "(name an event, when(\"approved\"), or paths, when({\"state\": \"request.topic\"}))"),
    (lambda flow: flow.when(["rung", None]), "TF719: when() takes names, not ['rung', None] (list) "
     "(name an event, when(\"approved\"), or paths, when({\"state\": \"request.topic\"}))"),
    (lambda flow: flow.when({"event": {"rung": 1}}), "TF719: when() takes names, not {'rung': 1} (dict) "
     "(name an event, when(\"approved\"), or paths, when({\"state\": \"request.topic\"}))"),
    (lambda flow: flow.when([]), "TF719: when() waits for nothing "
     "(name an event, when(\"approved\"), or paths, when({\"state\": \"request.topic\"}))"),
    (lambda flow: flow.when({"event": [], "state": ()}), "TF719: when() waits for nothing "
     "(name an event, when(\"approved\"), or paths, when({\"state\": \"request.topic\"}))"),
    (lambda flow: flow.when({"event": None}), "TF719: when() takes names, not None "
     "(name an event, when(\"approved\"), or paths, when({\"state\": \"request.topic\"}))"),
    (lambda flow: flow.when({"event": [5]}), "TF719: when() takes names, not [5] (list) "
     "(name an event, when(\"approved\"), or paths, when({\"state\": \"request.topic\"}))"),
    (lambda flow: flow.chunk(5), "TF717: a handler is a function that takes Data, not 5 (int) "
     "(give a function, a method or a callable object, or the name of a chunk)"),
    (lambda flow: flow.if_condition("yes"), "TF717: the condition of an if is a function that takes Data, "
     "not 'yes' (str) (to compare with a value, use .match().case(value))"),
    (lambda flow: flow.to(lambda: 1), "TF717: 'lambda' cannot be called with one argument, the Data "
     "(give it one positional parameter, and defaults to all others)"),
    (lambda flow: flow.match().case(lambda data, more: 1), "TF717: 'lambda' cannot be called with one argument, "
     "the Data (give it one positional parameter, and defaults to all others)"),
    (lambda flow: flow.when({"events": "rung"}), "TF719: when() has no trigger 'events' (did you mean 'event'?)"),
    (lambda flow: flow.when({}), "TF719: when() waits for nothing "
     "(name an event, when(\"approved\"), or paths, when({\"state\": \"request.topic\"}))"),
    (lambda flow: flow.for_each().end(), "TF721: end() stands inside a for_each block "
     "(call .end_for_each() first; data.set_result(value) sets the result from inside)"),
    (lambda flow: flow.if_condition(step).end(), "TF721: end() stands inside an if block "
     "(call .end_condition() first; data.set_result(value) sets the result from inside)"),
    (arm_left_open, "TF722: a case of this match block begins while the one before it is open "
     "(call .case() on the end of the chain of the case before)"),
    (lambda flow: flow.match().case("x").case_else().case("y"),
     "TF722: a case follows case_else(), which catches all the rest (put the else case last)"),
    (lambda flow: flow.match().case("x").case_else().case_else(),
     "TF722: a case follows case_else(), which catches all the rest (put the else case last)"),
]  # fmt: skip


@pytest.mark.parametrize("wire, text", REFUSALS, ids=[text.partition(" (")[0] for _, text in REFUSALS])
@pytest.mark.thin(5)
def test_wrong_wiring_is_refused_at_the_call(wire: Callable[[Any], object], text: str) -> None:
    assert refused(wire) == text


@pytest.mark.parametrize(
    "wire",
    [
        lambda flow, chain: chain.end(),
        lambda flow, chain: chain.batch(),
        lambda flow, chain: flow.when("rung"),
        lambda flow, chain: chain.for_each(),
        lambda flow, chain: chain.match(),
        lambda flow, chain: chain.collect("more", "c"),
        lambda flow, chain: chain.collect("votes", "c"),
        lambda flow, chain: chain.side_branch(step),
    ],
    ids=["end", "batch", "when", "for_each", "match", "new collect", "old collect", "side_branch"],
)
def test_every_way_of_wiring_is_closed_by_the_first_execution(wire: Callable[[Any, Any], Any]) -> None:
    flow: Any = Flow(Review)
    chain = flow.to(step)
    chain.collect("votes", "a")
    flow.create_execution()
    with pytest.raises(ContractError, match="TF708"):
        wire(flow, chain)


def test_a_block_that_was_open_at_the_first_execution_stays_as_it_was() -> None:
    flow: Any = Flow(Review)
    each = flow.for_each()
    each.end_for_each()
    flow.create_execution()
    with pytest.raises(ContractError, match="TF708"):
        each.end_for_each()


def test_the_bound_of_an_execution_is_checked_when_it_is_made() -> None:
    flow: Any = Flow(Review, name="review")
    flow.to(step).end()
    with pytest.raises(ContractError) as refusal:
        flow.create_execution(concurrency=0, execution_id="e1")
    assert str(refusal.value) == (
        "TF718: execution 'e1' of flow 'review': concurrency is a whole number from 1, not 0 (int) "
        "(leave it out for no bound)"
    )


def test_two_wrong_triggers_come_at_once() -> None:
    assert refused(lambda flow: flow.when({"events": "rung", "stat": "topic"})) == (
        "2 problems\n"
        "  TF719: when() has no trigger 'events' (did you mean 'event'?)\n"
        "  TF719: when() has no trigger 'stat' (did you mean 'state'?)"
    )


# -- names


class Tool:
    def method(self, data: Data[Review, Any]) -> Any:
        return data.value

    def __call__(self, data: Data[Review, Any]) -> Any:
        return data.value


def names_of(flow: Any) -> list[tuple[str, bool]]:
    """Return the names of the nodes behind the start, and whether the builder has numbered them."""
    return [(node.name, node.auto) for node in flow._runtime.builder.draft().nodes[1:]]


def test_a_node_is_named_by_its_handler_and_later_uses_are_numbered() -> None:
    flow: Any = Flow(Review)
    flow.to(step).to(later).to(step).to(step)
    assert names_of(flow) == [("step", False), ("later", False), ("step#2", True), ("step#3", True)]


def test_methods_objects_partials_lambdas_and_chunks_lend_their_names() -> None:
    flow: Any = Flow(Review)

    def search(data: Data[Review, Any]) -> Any:
        return data.value

    flow.chunk(search)
    flow.chunk("lookup")(search)
    tool = Tool()
    flow.to(tool.method).to(tool).to(functools.partial(functools.partial(step))).to(lambda data: 1).to(lambda data: 2)
    flow.to("search").to("lookup").to(search)
    assert names_of(flow) == [
        ("method", False), ("Tool", False), ("step", False), ("lambda", True), ("lambda#2", True),
        ("search", False), ("lookup", False), ("search#2", True),
    ]  # fmt: skip


def test_a_number_goes_around_names_that_are_taken() -> None:
    flow: Any = Flow(Review)
    flow.to(step, name="step#2").to(later, name="step").to(step).to(step)
    assert names_of(flow) == [("step#2", False), ("step", False), ("step#3", True), ("step#4", True)]


def test_a_registered_function_is_given_back_and_may_be_registered_again() -> None:
    flow: Any = Flow(Review)
    assert flow.chunk(step) is step
    assert flow.chunk("step")(step) is step


def test_blocks_and_listeners_have_names_too() -> None:
    flow: Any = Flow(Review)
    flow.batch().branch(step, name="a").end_batch().if_condition(step).to(later).end_condition().end()
    flow.when("rung").to(step)
    flow.when({"event": "rung", "state": "topic"})
    assert [name for name, _ in names_of(flow)] == [
        "batch", "a", "end_batch", "if", "later", "end_if", "end", "when rung", "step", "when",
    ]  # fmt: skip


def test_a_trigger_that_is_named_twice_counts_once() -> None:
    flow: Any = Flow(Review)
    flow.when({"event": ["rung", "rung"], "state": ("topic",)})
    (node,) = flow._runtime.builder.draft().nodes[1:]
    assert [(trigger.kind, trigger.name) for trigger in node.triggers] == [("event", "rung"), ("state", "topic")]


class Kind(str, enum.Enum):  # noqa: UP042  # its members' str() is not their value
    EVENT = "event"
    RUNG = "rung"


@pytest.mark.parametrize(
    "triggers, mode",
    [
        ("rung", "simple_or"),
        ({"event": "rung"}, "simple_or"),
        ({"state": "request.topic"}, "simple_or"),
        (Kind.RUNG, "simple_or"),
        ({Kind.EVENT: Kind.RUNG}, "simple_or"),
        (["rung"], "and"),
        (("rung",), "and"),
        (["rung", "rung"], "and"),
        ({"rung"}, "and"),
        ({"event": ["rung"]}, "and"),
        ({"event": ("rung",)}, "and"),
        ({"event": ["rung", "knocked"]}, "and"),
        ({"event": "rung", "state": "topic"}, "and"),
        ({"event": "rung", "state": []}, "and"),
        (types.MappingProxyType({"event": "rung"}), "simple_or"),
    ],
)
def test_the_form_of_the_triggers_decides_the_mode(triggers: Any, mode: str) -> None:
    flow: Any = Flow(Review)
    flow.when(triggers)
    for explicit in ("and", "or", "simple_or", None):
        flow.when(triggers, mode=explicit)
    nodes = flow._runtime.builder.draft().nodes[1:]
    assert [node.mode for node in nodes] == [mode, "and", "or", "simple_or", mode]


def test_the_names_of_triggers_are_plain_texts_and_those_of_a_set_are_in_order() -> None:
    flow: Any = Flow(Review)
    flow.when({Kind.EVENT: Kind.RUNG, "state": {"b", "a"}})
    (node,) = flow._runtime.builder.draft().nodes[1:]
    assert [(trigger.kind, trigger.name) for trigger in node.triggers] == [
        ("event", "rung"), ("state", "a"), ("state", "b"),
    ]  # fmt: skip
    assert {type(text) for trigger in node.triggers for text in (trigger.kind, trigger.name)} == {str}


def test_every_call_of_a_collect_gives_the_same_continuation() -> None:
    flow: Any = Flow(Review)
    first = flow.to(step).collect("votes", "a")
    second = flow.to(later).collect("votes", "b")
    assert first._at == second._at


def test_a_case_is_named_after_a_value_of_any_length() -> None:
    flow: Any = Flow(Review)
    flow.match().case(10**5000).to(step).case(-(10**5000)).to(step).end_match().end()
    cases = flow._runtime.builder.draft().nodes[1].cases
    assert [case.name for case in cases] == ["int", "int#2"]


def test_a_condition_is_told_from_a_value() -> None:
    async def is_fine(data: Data[Review, Any]) -> bool:
        return True

    class Asks:
        async def __call__(self, data: Data[Review, Any]) -> bool:
            return True

    flow: Any = Flow(Review)
    match = flow.match().case("x").case(3).case(step).case(is_fine).case(functools.partial(is_fine)).case(Asks())
    match.end_match()
    cases = flow._runtime.builder.draft().nodes[1].cases
    assert [(case.is_function, case.is_async) for case in cases] == [
        (False, False), (False, False), (True, False), (True, True), (True, True), (True, True),
    ]  # fmt: skip


# -- retry


@pytest.mark.parametrize(
    "options, text",
    [
        ({"attempts": 0}, "counts the first attempt: at least 1 expected, 0 given"),
        ({"backoff": -1}, "expects numbers of 0 or more"),
        ({"factor": -1}, "expects numbers of 0 or more"),
        ({"max_backoff": -1}, "expects numbers of 0 or more"),
    ],
)
def test_a_retry_out_of_range_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Retry(**options)


def test_a_retry_waits_longer_each_time_up_to_its_bound() -> None:
    retry = Retry(5, backoff=0.5, factor=4, max_backoff=5)
    assert [retry.wait_before(attempt) for attempt in (2, 3, 4, 5)] == [0.5, 2, 5, 5]
    assert Retry(3).wait_before(2) == 0


@pytest.mark.parametrize(
    "options, attempt, wait",
    [
        ({"backoff": 1}, 2_000, 60),
        ({"backoff": 1}, 10**6, 60),
        ({"backoff": 1, "factor": 10**400}, 2, 1),
        ({"backoff": 1, "factor": 10**400}, 3, 60),
        ({"backoff": 1, "factor": inf}, 2, 1),
        ({"backoff": 1, "factor": inf}, 3, 60),
        ({"backoff": 0, "factor": inf}, 3, 0),
        ({"backoff": 0}, 5_000, 0),
        ({"backoff": inf}, 2, 60),
        ({"backoff": inf, "factor": 0}, 3, 0),
        ({"backoff": inf, "factor": 0.5}, 5_000, 60),
        ({"backoff": 10**400}, 2, 60),
        ({"backoff": 1, "factor": 0}, 2, 1),
        ({"backoff": 1, "factor": 0}, 3, 0),
        ({"backoff": 1, "factor": 0.5}, 10**6, 0),
        ({"backoff": 1, "max_backoff": inf}, 5_000, inf),
        ({"backoff": 1, "max_backoff": 10**400}, 5_000, inf),
        ({"backoff": 1, "max_backoff": 10**400}, 4, 4),
    ],
)
def test_the_wait_of_any_attempt_is_bounded_and_never_overflows(
    options: dict[str, Any], attempt: int, wait: float
) -> None:
    given = Retry(10**9, **options).wait_before(attempt)
    assert type(given) is float
    assert given == wait


def test_a_retry_may_name_one_class() -> None:
    assert Retry(on=KeyError).on == (KeyError,)  # type: ignore[arg-type]  # taken all the same


@pytest.mark.parametrize(
    "options, text",
    [
        ({"attempts": "3"}, r"Retry\(attempts=…\) is a whole number, not '3' \(str\)"),
        ({"attempts": 1.5}, r"Retry\(attempts=…\) is a whole number, not 1.5 \(float\)"),
        ({"backoff": "1"}, r"Retry\(backoff=…\) is a number, not '1' \(str\)"),
        ({"on": ("x",)}, r"Retry\(on=…\) is a tuple of exception classes, not \('x',\) \(tuple\)"),
        ({"on": 5}, r"Retry\(on=…\) is a tuple of exception classes, not 5 \(int\)"),
    ],
)
def test_a_retry_of_the_wrong_types_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(TypeError, match=text):
        Retry(**options)


def one_of_two(prefix: Any, data: Any) -> Any:
    return data


class Calls:
    def __call__(self, data: Any) -> Any:
        return data

    def two(self, data: Any, more: Any) -> Any:
        return data

    @staticmethod
    def one(data: Any, *, more: int = 1) -> Any:
        return data


def needs_keyword(data: Any, *, more: Any) -> Any:
    return data


@pytest.mark.parametrize(
    "handler",
    [step, lambda data, more=1: 1, lambda *data: 1, functools.partial(one_of_two, 1), Calls(), Calls().one, abs],
)
def test_what_takes_one_argument_is_a_handler(handler: Any) -> None:
    flow: Any = Flow(Review)
    flow.to(handler)
    flow.match().case(handler).to(handler).end_match()
    step, match, inside, _ = flow._runtime.builder.draft().nodes[1:]
    assert (step.handler, inside.handler) == (handler, handler)
    assert match.cases[0].is_function


def test_a_class_is_a_handler_and_no_case() -> None:
    flow: Any = Flow(Review)
    flow.to(str)
    assert flow._runtime.builder.draft().nodes[1].handler is str
    with pytest.raises(ContractError, match=r"^TF741"):
        flow.match().case(str)


@pytest.mark.parametrize(
    "handler", [one_of_two, functools.partial(one_of_two, 1, 2), Calls().two, needs_keyword, lambda **more: 1]
)
def test_what_cannot_be_called_with_one_argument_is_no_handler(handler: Any) -> None:
    flow: Any = Flow(Review)
    with pytest.raises(ContractError, match="TF717"):
        flow.to(handler)


def test_a_chunk_may_be_a_partial() -> None:
    flow: Any = Flow(Review)
    flow.chunk(functools.partial(one_of_two, 1))
    flow.to("one_of_two").end()
    flow.validate()
    assert names_of(flow)[0] == ("one_of_two", False)


def test_a_condition_is_resolved_where_it_is_attached() -> None:
    class Local(Contract):
        input: int
        result: int

    def is_text(data: Data[Local, str]) -> bool:
        return True

    flow: Any = Flow(Local)
    flow.match().case(is_text).end_match().end()
    other: Any = Flow(Local)
    other.if_condition(is_text).end_condition().end()
    for wrong in (flow, other):
        with pytest.raises(ContractError, match=r"TF701.* takes str, and gets int"):
            wrong.validate()
