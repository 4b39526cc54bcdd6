"""What an answer may be: its type is shown, its tags are named, and an unknown field is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

import msgspec
import pytest

from tests.execution.running import Plain, run
from typedflow import Data, Execution, Flow, InterruptError, Status


class Approve(msgspec.Struct, tag=True):
    note: str = ""


class Reject(msgspec.Struct, tag="no", rename="camel"):
    the_reason: str = ""


class Inner(msgspec.Struct):
    size: int


class Outer(msgspec.Struct):
    inner: list[Inner]
    by_name: dict[str, Inner] = {}


@dataclass
class Plainly:
    ok: bool = False


class Keyed(TypedDict):
    ok: bool


def asking(declared: Any) -> Execution[Any]:
    def ask(data: Data[Plain, Any]) -> Any:
        return data.pause_for(interrupt_id="q")

    ask.__annotations__["return"] = declared
    flow = Flow(Plain)
    flow.to(ask).end()
    execution = flow.create_execution()
    run(execution.async_start(1))
    return execution


def answer(execution: Execution[Any], value: Any) -> Any:
    assert run(execution.async_continue_with("q", value)) is Status.COMPLETED
    return execution.result


@pytest.mark.parametrize(
    "declared, shown",
    [(Approve | Reject, "Approve | Reject"), (list[Inner], "list[Inner]"), (int | None, "int | None"), (Any, "")],
)
def test_an_interrupt_shows_the_type_of_its_answer(declared: Any, shown: str) -> None:
    assert asking(declared).interrupts["q"].answer == shown


def test_an_answer_that_steps_behind_take_is_shown() -> None:
    def ask(data: Data[Plain, Any]) -> Any:
        return data.pause_for(interrupt_id="q")

    def takes(data: Data[Plain, Inner]) -> int:
        return data.value.size

    flow = Flow(Plain)
    flow.to(ask).to(takes).end()
    execution = flow.create_execution()
    run(execution.async_start(1))
    assert execution.interrupts["q"].answer == "Inner"


@pytest.mark.parametrize("value", [{"type": "Aprove"}, {"type": 3}, {"type": "Aprove", "note": "x"}, {}])
def test_a_wrong_tag_names_the_right_ones(value: Any) -> None:
    execution = asking(Approve | Reject)
    with pytest.raises(InterruptError, match=r"TF810: .*answer it again, with 'type' one of 'Approve', 'no'"):
        answer(execution, value)
    assert answer(execution, {"type": "no", "theReason": "late"}) == Reject("late")


class Small(msgspec.Struct, tag=True):
    size: int


class Large(msgspec.Struct, tag=True):
    size: int


@pytest.mark.parametrize("declared, value", [(Small | Large, {"size": 1}), (list[Small | Large], [{"size": 1}])])
def test_which_of_two_records_was_meant_is_not_guessed(declared: Any, value: Any) -> None:
    execution = asking(declared)
    with pytest.raises(InterruptError, match=r"TF810: .* Small \| Large, not {'size': 1} \(dict\)"):
        answer(execution, value)
    assert execution.status is Status.WAITING


@pytest.mark.parametrize(
    "declared, value",
    [
        (list[Small] | list[Large], [{"size": 1}]),
        (tuple[Small, int] | tuple[Large, int], [{"size": 1}, 2]),
    ],
)
def test_nor_is_it_guessed_in_a_list(declared: Any, value: Any) -> None:
    with pytest.raises(InterruptError, match="TF810"):
        answer(asking(declared), value)


def test_a_value_of_which_all_members_make_the_same_is_taken() -> None:
    assert answer(asking(list[int] | list[float]), [1]) == [1]


def test_a_record_that_is_the_only_one_to_fit_needs_no_tag() -> None:
    assert answer(asking(Approve | Reject | Inner), {"size": 1}) == Inner(1)


@pytest.mark.parametrize(
    "declared, value, text",
    [
        (Inner, {"size": 1, "sise": 2}, "answered with Inner, and Inner has no field 'sise'"),
        (Outer, {"inner": [{"size": 1, "more": 2}]}, "Inner has no field 'more'"),
        (Outer, {"inner": [], "by_name": {"a": {"size": 1, "more": 2}}}, "Inner has no field 'more'"),
        (list[Inner], [{"size": 1, "more": 2}], "Inner has no field 'more'"),
        (Approve | Reject, {"type": "no", "theReason": "x", "more": 2}, "Reject has no field 'more'"),
        (Plainly, {"ok": True, "more": 2}, "Plainly has no field 'more'"),
        (Keyed, {"ok": True, "more": 2}, "'more'"),
    ],
)
def test_an_unknown_field_is_refused_and_the_interrupt_stays(declared: Any, value: Any, text: str) -> None:
    execution = asking(declared)
    with pytest.raises(InterruptError, match="TF810") as caught:
        answer(execution, value)
    assert text in str(caught.value)
    assert "still pending" in str(caught.value)
    assert list(execution.interrupts) == ["q"]


def test_plain_data_with_the_declared_fields_is_taken() -> None:
    value = {"inner": [{"size": 1}], "by_name": {"a": {"size": 2}}}
    assert answer(asking(Outer), value) == Outer([Inner(1)], {"a": Inner(2)})
    assert answer(asking(dict[int, Inner]), {"1": {"size": 2}}) == {1: Inner(2)}
