"""Matching by class and by value, run: which case a value takes, and that it survives a pause."""

from __future__ import annotations

import enum
from typing import Any, Literal, NamedTuple

import msgspec
import pytest

from tests.execution.running import Here, Plain, Style, both, outcome, run
from typedflow import Contract, ContractError, Data, Flow, InterruptError, Status


class Approve(msgspec.Struct, tag=True):
    note: str = ""


class Reject(msgspec.Struct, tag=True):
    why: str = ""


class Later(msgspec.Struct, tag=True):
    days: int = 0


class Color(enum.Enum):
    RED = "r"
    BLUE = "b"


class Word(str):
    """A subclass: another class than its base."""


class Point(NamedTuple):
    x: int
    y: int


class Ticket(Contract):
    input: Approve | Reject | Later
    result: str


def flow_over(declared: Any) -> Flow[Any]:
    contract = type("Over", (Contract,), {"__annotations__": {"input": declared, "result": str}})
    return Flow(contract)


def saying(text: str) -> Any:
    def said(data: Data[Any, Any]) -> str:
        return text

    said.__name__ = text or "empty"
    return said


@both
def test_the_case_of_its_class_gets_the_value(style: Style) -> None:
    def approve(data: Data[Ticket, Approve]) -> str:
        return f"approved {data.value.note}"

    def other(data: Data[Ticket, Reject | Later]) -> str:
        return type(data.value).__name__

    flow = Flow(Ticket)
    flow.match().case_type(Approve).to(approve).case_type(Reject, Later).to(other).end_match().end()
    assert [outcome(flow, value) for value in (Approve("x"), Reject(), Later())] == ["approved x", "Reject", "Later"]


@pytest.mark.parametrize(
    "declared, case, value, is_taken",
    [
        (bool | int, bool, True, True),
        (bool | int, int, True, False),
        (int | float, float, 1, False),
        (str | None, type(None), None, True),
        (list[str] | str, list[str], ["a"], True),
        (dict[str, int] | str, dict[str, int], {"a": 1}, True),
        (tuple[int, int] | str, tuple[int, int], (1, 2), True),
        (Point | str, Point, Point(1, 2), True),
        (Point | tuple[int, int], tuple[int, int], Point(1, 2), False),
        (Color | str, Color, Color.RED, True),
        (Color | str, str, "r", True),
        (Literal["a"] | Approve, str, "a", True),
    ],
)
def test_a_case_takes_the_values_of_exactly_its_class(declared: Any, case: Any, value: Any, is_taken: bool) -> None:
    flow = flow_over(declared)
    flow.match().case_type(case).to(saying("hit")).case_else().to(saying("else")).end_match().end()
    assert outcome(flow, value) == ("hit" if is_taken else "else")


@pytest.mark.parametrize(
    "values, value, is_taken",
    [
        (("a", "b"), "b", True),
        ((1,), True, False),
        ((True,), True, True),
        ((True,), 1, False),
        ((Color.RED,), Color.RED, True),
        ((Color.RED,), Color.BLUE, False),
        ((None,), None, True),
        (("r",), Color.RED, False),
        (("a",), Word("a"), False),
    ],
)
def test_a_case_takes_the_values_that_it_names(values: tuple[Any, ...], value: Any, is_taken: bool) -> None:
    flow = Flow(Plain)
    flow.match().case_value(*values).to(saying("hit")).case_else().to(saying("else")).end_match().end()
    assert outcome(flow, value) == ("hit" if is_taken else "else")


def test_every_hit_is_taken_where_all_are_wanted() -> None:
    flow = Flow(Plain)
    flow.match(mode="hit_all").case_type(str).to(saying("str")).case_value("a").to(saying("a")).end_match().end()
    assert [outcome(flow, value) for value in ("a", "b", 3)] == [["str", "a"], ["str"], []]


def test_a_value_of_an_unknown_type_without_a_case_fails_its_step() -> None:
    flow = Flow(Plain)
    flow.match(name="triage").case_type(Approve).to(saying("yes")).end_match().end()
    assert outcome(flow, Approve()) == "yes"
    with pytest.raises(ContractError, match=r"^TF743: step 'triage' of flow 'Plain': no case of this match takes 3"):
        outcome(flow, 3)


def test_a_bool_that_one_case_leaves_over_is_named() -> None:
    flow = flow_over(bool | int)
    flow.match().case_value(True).to(saying("yes")).case_type(int).to(saying("no")).end_match().end()
    with pytest.raises(ContractError, match=r"TF743: .*no case for Literal\[False\]"):
        flow.validate()


def test_a_case_whose_classes_all_stand_before_is_reported_once() -> None:
    flow = Flow(Ticket)
    match = flow.match().case_type(Approve, Reject, Later).to(saying("all"))
    match.case_type(Later).to(saying("again")).end_match().end()
    with pytest.raises(ContractError) as refused:
        flow.validate()
    [problem] = refused.value.problems
    assert problem.render().startswith(
        "TF744: step 'match' of flow 'Ticket': the cases before this one take every value "
    )


@pytest.mark.parametrize("kind", ["ab", Literal["a", "b"], Any])
def test_a_case_whose_values_all_go_to_those_before_is_reported(kind: Any) -> None:
    flow = flow_over(Literal["a", "b"] if kind == "ab" else kind)
    before = flow.match().case_type(str) if kind == "ab" else flow.match().case_value("a", "b")
    before.to(saying("all")).case_value("b").to(saying("b")).case_else().to(saying("else")).end_match().end()
    with pytest.raises(ContractError, match=r"TF744: .* take every value that is Literal\['b'\] \(take the case out\)"):
        flow.validate()


@pytest.mark.parametrize("mode", ["hit_first", "hit_all"])
def test_a_case_that_takes_something_new_as_well_is_no_problem(mode: Any) -> None:
    flow = flow_over(Literal["a", "b"])
    match = flow.match(mode=mode).case_value("a").to(saying("a")).case_value("a", "b").to(saying("b"))
    match.end_match().side_branch(saying("over"))
    flow.validate()


def test_a_condition_that_stands_before_is_reported_and_what_is_behind_it_is_not() -> None:
    flow = flow_over(str)
    match = flow.match().case("a").to(saying("one")).case("a").to(saying("two"), name="two").to(saying("three"))
    match.case_else().to(saying("else")).end_match().end()
    with pytest.raises(ContractError) as refused:
        flow.validate()
    [problem] = refused.value.problems
    assert problem.number == "TF707"
    assert problem.text == "step 'two' is never reached: a case before its own has the same condition"


def test_a_step_behind_a_case_gets_the_type_of_the_case() -> None:
    def other(data: Data[Ticket, Reject]) -> str:
        return ""

    flow: Any = Flow(Ticket)
    flow.match().case_type(Approve).to(other).case_else().to(saying("")).end_match().end()
    with pytest.raises(ContractError, match="step 'other' takes Reject, and gets Approve "):
        flow.validate()


@pytest.mark.parametrize("format", ["json", "msgpack"])
def test_a_pause_in_a_case_survives_a_load(format: Any) -> None:
    def build() -> Flow[Ticket]:
        def ask(data: Data[Ticket, Later]) -> str:
            return data.pause_for({"days": data.value.days})

        flow = Flow(Ticket)
        flow.match().case_type(Later).to(ask).case_type(Approve, Reject).to(saying("now")).end_match().end()
        return flow

    execution = build().create_execution()

    async def main() -> str:
        assert await execution.async_start(Later(2)) is Status.WAITING
        again = build().create_execution().load(execution.save(format=format).to_bytes())
        await again.async_continue_with(next(iter(again.interrupts)), "later")
        return str(again.result)

    assert run(main()) == "later"


def test_an_answer_that_goes_into_a_match_is_one_of_its_cases() -> None:
    """The step says nothing of its answer: the match behind it does."""

    def ask(data: Here) -> Any:
        return data.pause_for(interrupt_id="q")

    def approve(data: Data[Plain, Approve]) -> str:
        return data.value.note

    def reject(data: Data[Plain, Reject]) -> str:
        return data.value.why

    flow = Flow(Plain)
    flow.to(ask).match().case_type(Approve).to(approve).case_type(Reject).to(reject).end_match().end()
    execution = flow.create_execution()

    async def main() -> object:
        await execution.async_start(1)
        with pytest.raises(InterruptError, match=r"TF810: .*answered with Approve \| Reject"):
            await execution.async_continue_with("q", 3)
        await execution.async_continue_with("q", {"type": "Reject", "why": "no"})
        return execution.result

    assert run(main()) == "no"


@pytest.mark.parametrize("given", [int, list[str], str | int, Approve])
def test_a_class_is_no_value_of_a_case(given: Any) -> None:
    match = Flow(Plain).match()
    with pytest.raises(ContractError, match=r"^TF741: .*case_type"):
        match.case(given)
