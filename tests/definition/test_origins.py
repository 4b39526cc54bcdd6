"""A problem of a definition names the file and line at which the user attached the node."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from typedflow import Contract, ContractError, Data, Events, Flow

if TYPE_CHECKING:
    from decimal import Decimal


class Count(Contract):
    input: int
    result: str


class Bells(Events):
    rung: int


class Rings(Contract):
    input: int
    result: str
    events: Bells


def tell(data: Data[Count, int]) -> str:
    return str(data.value)


def shout(data: Data[Count, list[str]]) -> str:
    return data.value[0]


def is_long(data: Data[Count, str]) -> bool:
    return bool(data.value)


def price(data: Data[Count, Decimal]) -> str:
    return str(data.value)


def is_dear(data: Data[Count, Decimal]) -> bool:
    return bool(data.value)


def no_step() -> Flow[Count]:
    return Flow(Count)  # TF723


def a_step() -> Flow[Any]:
    flow = Flow(Count)
    (
        flow.to(tell)
        .to(shout)  # type: ignore[arg-type]  # TF701
        .end()
    )
    return flow


def a_case() -> Flow[Any]:
    flow: Flow[Any] = Flow(Count)
    (
        flow.match()
        .case(1)
        .to(tell)
        .case(is_long)  # TF701
        .to(tell)
        .case_else()
        .to(tell)
        .end_match()
        .end()
    )
    return flow


def an_open_block() -> Flow[Any]:
    flow: Flow[Any] = Flow(Count)
    flow.batch().branch(tell)  # TF703
    return flow


def a_trigger() -> Flow[Any]:
    flow = Flow(Rings)
    flow.to(lambda data: "", name="go").end()
    flow.when("runk").to(print)  # TF501
    return flow


def an_annotation() -> Flow[Any]:
    flow: Flow[Any] = Flow(Count)
    flow.to(price).end()  # TF610
    return flow


def an_annotation_of_a_case() -> Flow[Any]:
    flow: Flow[Any] = Flow(Count)
    (
        flow.if_condition(is_dear)  # TF610
        .to(tell)
        .else_condition()
        .to(tell)
        .end_condition()
        .end()
    )
    return flow


def a_former_name() -> Flow[Any]:
    flow = Flow(Count)
    flow.to(tell).to(is_long, formerly=("tell",)).to(lambda data: "").end()  # TF740
    return flow


def a_child() -> Flow[Any]:
    child = Flow(Count)
    child.to(tell)
    child.to(shout)  # type: ignore[arg-type]  # TF701
    flow = Flow(Count)
    flow.to_sub_flow(child).end()
    return flow


BUILDS = [
    *(no_step, a_step, a_case, an_open_block, a_trigger, an_annotation),
    *(an_annotation_of_a_case, a_former_name, a_child),
]


@pytest.mark.parametrize("build", BUILDS)
def test_a_problem_names_the_line_of_its_node(build: Callable[[], Flow[Any]]) -> None:
    lines, first = inspect.getsourcelines(build)
    [(line, number)] = [
        (first + at, text.rpartition("# TF")[2].strip()) for at, text in enumerate(lines) if "# TF" in text
    ]
    with pytest.raises(ContractError) as caught:
        build().validate()
    assert {(problem.number, problem.file, problem.line) for problem in caught.value.problems} == {
        (f"TF{number}", __file__, line)
    }
    assert __file__ not in str(caught.value)  # a message names no path of a machine


def test_two_problems_differ_by_what_is_wrong_and_not_by_its_line() -> None:
    [first, second] = [_problem(no_step), _problem(lambda: Flow(Count))]
    assert first == second
    assert first.line != second.line


def _problem(build: Callable[[], Flow[Any]]) -> Any:
    with pytest.raises(ContractError) as caught:
        build().validate()
    return caught.value.problems[0]
