"""The file and line of definition problems, and chains that one line wired twice."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.execution.running import Bells, Plain, outcome, passing
from typedflow import Contract, ContractError, Data, Flow


class Narrow(Contract):
    input: str
    result: int


def of_int(data: Data[Narrow, int]) -> int:
    return data.value


CHILD = Flow(Plain, name="child")
CHILD.to(passing).end()


def line() -> int:
    return sys._getframe(1).f_lineno


def problems_of(call: Callable[[], object]) -> list[tuple[str, str, int]]:
    with pytest.raises(ContractError) as caught:
        call()
    return [(problem.number, problem.file, problem.line) for problem in caught.value.problems]


# -- file and line


def test_each_problem_of_a_whole_flow_has_the_line_of_its_node() -> None:
    flow: Any = Flow(Narrow)
    first = line() + 1
    flow.to(of_int).to(lambda data: "x").end()
    block = line() + 1
    flow.for_each()
    event = line() + 1
    flow.when("rang").to(of_int)
    assert problems_of(flow.validate) == [
        ("TF703", __file__, block),
        ("TF701", __file__, first),
        ("TF709", __file__, block),
        ("TF503", __file__, event),
    ]


def test_a_problem_of_one_call_has_the_line_of_that_call() -> None:
    flow: Any = Flow(Narrow)
    assert problems_of(lambda: flow.to(3)) == [("TF717", __file__, line())]
    assert problems_of(lambda: flow.to("unknown")) == [("TF706", __file__, line())]
    assert problems_of(lambda: flow.when(["a", 3])) == [("TF719", __file__, line())]
    assert problems_of(lambda: flow.to_sub_flow(3)) == [("TF717", __file__, line())]
    assert problems_of(lambda: Flow(Narrow, max_depth=-1)) == [("TF718", __file__, line())]


def test_a_flow_without_steps_has_the_line_where_it_was_made() -> None:
    flow = Flow(Narrow)
    assert problems_of(flow.validate) == [("TF723", __file__, line() - 1)]


def test_a_name_that_cannot_be_resolved_has_the_line_where_the_handler_was_attached() -> None:
    def lost(data: Data[Narrow, Undefined]) -> int:  # type: ignore[name-defined]  # noqa: F821  # what is tested
        return 1

    flow: Any = Flow(Narrow)
    flow.to(lost).end()
    assert problems_of(flow.validate) == [("TF610", __file__, line() - 1)]


def test_the_line_is_a_note_on_the_exception() -> None:
    flow: Any = Flow(Narrow)
    flow.to(of_int).end()
    with pytest.raises(ContractError) as caught:
        flow.validate()
    [note] = caught.value.__notes__
    assert note.startswith("TF701: ")
    assert note.endswith(f"test_lines.py:{line() - 5}")
    assert "test_lines.py" not in str(caught.value).partition("\n")[0]


# -- wired twice


def bound(number: int) -> Callable[[Any], int]:
    return lambda data: number


def wire(flow: Any) -> None:
    """Wire a flow as a notebook cell does: what it defines is new each time, and equal."""

    def own(data: Any) -> Any:
        return data.value

    flow.to(own).to(passing).end()


def test_a_chain_that_is_wired_again_is_noticed() -> None:
    flow = Flow(Plain)
    wire(flow)
    flow.validate()
    wire(flow)
    with pytest.raises(ContractError, match=r"TF745: flow 'Plain': one line attached 'own' twice"):
        flow.validate()


@pytest.mark.parametrize(
    "attach",
    [
        lambda flow: flow.to(passing),
        lambda flow: flow.side_branch(passing),
        lambda flow: flow.to_sub_flow(CHILD),
        lambda flow: flow.for_each().to(passing).end_for_each(),
        lambda flow: flow.batch().branch(passing).end_batch(),
        lambda flow: flow.match().case(1).to(passing).end_match(),
        lambda flow: flow.when("rung").to(passing),
        lambda flow: flow.when_event(Bells.rung).to(passing),
    ],
)
def test_every_construct_that_is_wired_again_is_noticed(attach: Any) -> None:
    flow = Flow(Plain)
    for _ in range(2):
        attach(flow)
    assert {number for number, _, _ in problems_of(flow.validate)} == {"TF745"}


def test_what_is_meant_is_no_repetition() -> None:
    flow = Flow(Plain)
    for number in range(2):
        flow.to(passing, name=f"named {number}")
        flow.to(functools.partial(passing))
        flow.to(bound(number))
    flow.to(passing)
    flow.to(passing)
    chain: Any = flow
    for _ in range(3):
        chain = chain.to(passing)
    chain.end()
    assert outcome(flow, 1) == 1


# -- a flow where a handler belongs


def test_a_flow_is_no_handler_and_the_way_out_is_named() -> None:
    flow: Any = Flow(Plain)
    for call in (flow.to, flow.side_branch, flow.to(passing).to, flow.to(passing).side_branch):
        with pytest.raises(ContractError, match=r"^TF717: flow 'child' is no handler .*to_sub_flow"):
            call(CHILD)
