"""What may be a handler: functions, methods, partials and callable objects, annotated in any way that Python has."""

from __future__ import annotations

import functools
from typing import Any, Protocol

import msgspec
import pytest

from tests.execution.chains import BOTH_FORMS, Form, chain
from typedflow import Contract, ContractError, Data, Flow, Resources, State


class Log(list[str]):
    """A logger that can be read."""


class LogResources(Resources):
    log: Log


class HasLog(Protocol):
    @property
    def log(self) -> Log: ...


class NeedsLog(Protocol):
    @property
    def resources(self) -> HasLog: ...


class HasTopic(Protocol):
    topic: str


class NeedsTopic(Protocol):
    @property
    def state(self) -> HasTopic: ...


class TopicState(State):
    topic: str = ""


class Small(Contract):
    input: int
    result: int
    resources: LogResources


class Large(Contract):
    input: int
    result: int
    resources: LogResources
    state: TopicState


class Larger(Large):
    stream: str


class Bare(Contract):
    input: int
    result: int


def log_it(data: Data[NeedsLog, object]) -> int:
    data.resources.log.append(repr(data.value))
    assert isinstance(data.value, int)
    return data.value + 1


def name_it(data: Data[NeedsTopic, int]) -> int:
    data.state.topic = f"topic {data.value}"
    return data.value


def of_large(data: Data[Large, int]) -> int:
    data.state.topic = "large"
    return data.value


class Adder:
    """Handlers as methods, sync and async, and as a callable object."""

    def __init__(self, by: int) -> None:
        self.by = by

    def add(self, data: Data[Bare, int]) -> int:
        return data.value + self.by

    async def add_later(self, data: Data[Bare, int]) -> int:
        return data.value + self.by

    @staticmethod
    def add_one(data: Data[Bare, int]) -> int:
        return data.value + 1

    @classmethod
    def add_two(cls, data: Data[Bare, int]) -> int:
        return data.value + 2

    def __call__(self, data: Data[Bare, int]) -> int:
        return data.value + self.by


class LaterAdder(Adder):
    async def __call__(self, data: Data[Bare, int]) -> int:  # type: ignore[override]  # the other form, on purpose
        return data.value + self.by


def add(by: int, data: Data[Bare, int], *, times: int = 1) -> int:
    return data.value + by * times


async def add_async(by: int, data: Data[Bare, int], *, times: int = 1) -> int:
    return data.value + by * times


# -- protocols of contracts


@BOTH_FORMS
@pytest.mark.parametrize("contract", [Small, Large])
def test_a_handler_over_a_protocol_serves_several_contracts(form: Form, contract: Any) -> None:
    log = Log()
    assert chain(contract, form(log_it)).start(1, runtime_resources={"log": log}) == 2
    assert log == ["1"]


def test_a_protocol_may_ask_for_a_state() -> None:
    execution = chain(Large, name_it).create_execution(runtime_resources={"log": Log()})
    execution.start(3)
    assert execution.state.topic == "topic 3"


def test_a_handler_of_the_contract_that_this_one_extends_is_taken() -> None:
    assert chain(Larger, of_large).start(1, runtime_resources={"log": Log()}) == 1


@pytest.mark.parametrize(
    "handler, text",
    [
        (
            log_it,
            "step 'log_it' takes Data[NeedsLog, …], and its flow is of contract 'Bare', which has no 'resources'",
        ),
        (name_it, "step 'name_it' takes Data[NeedsTopic, …], and its flow is of contract 'Bare', which has no 'state'"),
        (of_large, "step 'of_large' takes Data[Large, …], and its flow is of contract 'Bare'"),
    ],
)
def test_a_handler_that_needs_more_than_the_contract_has_is_refused(handler: Any, text: str) -> None:
    with pytest.raises(ContractError) as caught:
        chain(Bare, handler).validate()
    hint = "annotate its parameter Data[Bare, …], or with a protocol of the parts that it needs"
    assert str(caught.value) == f"TF716: flow 'Bare': {text} ({hint})"


# -- methods, partials, callable objects


@pytest.mark.parametrize(
    "handler, name",
    [
        (Adder(2).add, "add"),
        (Adder(2).add_later, "add_later"),
        (Adder.add_one, "add_one"),
        (Adder.add_two, "add_two"),
        (Adder(2), "Adder"),
        (LaterAdder(2), "LaterAdder"),
        (functools.partial(add, 2), "add"),
        (functools.partial(add, 1, times=2), "add"),
        (functools.partial(add_async, 2), "add_async"),
        (functools.partial(functools.partial(add_async, times=2), 1), "add_async"),
        (functools.partial(Adder(2).add), "add"),
    ],
)
def test_methods_partials_and_callable_objects_are_handlers(handler: Any, name: str) -> None:
    steps: list[str] = []

    def note(data: Data[Bare, int]) -> int:
        steps.append(data.step)
        return data.value

    flow = chain(Bare, handler, note)
    assert flow.start(1) == (2 if name == "add_one" else 3)
    wrong: Flow[Any] = Flow(Bare)
    wrong.to(lambda data: data.value).to(handler).to(takes_text)
    with pytest.raises(ContractError, match=r"^TF701: .*step 'takes_text' takes str, and gets int"):
        wrong.validate()


def takes_text(data: Data[Bare, str]) -> str:
    return data.value


@pytest.mark.parametrize("given", [5, "nobody", None])
def test_anything_else_is_refused(given: Any) -> None:
    with pytest.raises(ContractError, match=r"^TF7(17|06): "):
        Flow(Bare).to(given)


# -- handlers and contracts that are defined in a function: here with annotations as texts


def test_a_local_contract_and_its_handlers_work_with_annotations_as_texts() -> None:
    class Topic(msgspec.Struct):
        name: str

    class LocalState(State):
        topic: Topic | None = None

    class Local(Contract):
        input: Topic
        result: int
        state: LocalState

    def keep(data: Data[Local, Topic]) -> Topic:
        data.state.topic = data.value
        return data.value

    async def measure(data: Data[Local, Topic]) -> int:
        assert data.state.topic is not None
        return len(data.state.topic.name)

    flow = Flow(Local)
    flow.to(keep).to(measure).end()
    assert flow.start(Topic("abc")) == 3


def test_local_annotations_as_texts_are_checked() -> None:
    class Topic(msgspec.Struct):
        name: str

    class Local(Contract):
        input: Topic
        result: int

    def wrong(data: Data[Local, list[Topic]]) -> int:
        return len(data.value)

    flow: Flow[Any] = Flow(Local)
    flow.to(wrong).end()
    with pytest.raises(ContractError, match=r"^TF701: flow 'Local': step 'wrong' takes list\[Topic\], and gets Topic"):
        flow.validate()


def test_an_annotation_that_cannot_be_resolved_is_a_problem() -> None:
    def vague(data: Data[Bare, NowhereToBeFound]) -> AlsoNowhere:  # type: ignore[name-defined]  # noqa: F821  # the case
        return data.value

    with pytest.raises(ContractError) as caught:
        chain(Bare, vague).start(4)
    assert [problem.number for problem in caught.value.problems] == ["TF610", "TF610"]


def test_a_return_value_is_checked_against_its_annotation() -> None:
    def lie(data: Data[Bare, int]) -> int:
        return "x"  # type: ignore[return-value]  # the case

    with pytest.raises(ContractError) as caught:
        chain(Bare, lie).start(1)
    assert str(caught.value) == (
        "TF813: step 'lie' of flow 'Bare': the return value does not fit: expected int, given 'x' (str) "
        "(change the value, or the annotation)"
    )


def test_an_unannotated_value_is_checked_where_it_is_taken() -> None:
    def take(data: Data[Bare, int]) -> int:
        return data.value

    with pytest.raises(ContractError) as caught:
        chain(Bare, lambda data: "x", take).start(1)
    assert str(caught.value) == (
        "TF813: step 'take' of flow 'Bare': the value does not fit: expected int, given 'x' (str) "
        "(change the value, or the annotation)"
    )


def test_a_wrong_result_is_refused_at_the_end() -> None:
    with pytest.raises(ContractError) as caught:
        chain(Bare, lambda data: "x").start(1)
    assert caught.value.code == "TF813"
