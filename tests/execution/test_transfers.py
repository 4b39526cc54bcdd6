"""What only the values tell when a node moves them: keys, copies, what was changed in place; B37, B40."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Annotated, Any

import msgspec
import pytest

from tests.execution.chains import chain, untyped
from typedflow import Contract, ContractError, Flow, State


class Inner(msgspec.Struct):
    meta: dict[str, str] = {}
    count: int = 0


class Outer(msgspec.Struct):
    inner: Inner
    maybe: Inner | None
    table: dict[str, Inner]
    notes: dict[str, Inner] = {}
    word: str | msgspec.UnsetType = msgspec.UNSET
    deep: Inner | msgspec.UnsetType = msgspec.UNSET


@dataclass
class Checked:
    """A record that refuses a value when it is made."""

    number: int

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError("negative")


class Kept(State):
    inner: Inner = msgspec.field(default_factory=Inner)
    text: str = ""
    numbers: list[int] = []


class Any_(Contract):
    input: Any
    result: Any
    state: Kept


class TakesOuter(Contract):
    input: Outer
    result: Any


class TakesInner(Contract):
    input: Inner
    result: Any


class TakesSmall(Contract):
    input: Annotated[int, msgspec.Meta(le=9)]
    result: Any


def got(data: Any) -> Any:
    return data.value


def captured(contract: Any, value: Any, capture: Any, parent: Any = Any_) -> Any:
    """Run a child with this capture and give the input that it got."""
    flow: Flow[Any] = Flow(parent)
    flow.to_sub_flow(chain(contract, got), capture=capture).end()
    return flow.start(value)


def refused(contract: Any, value: Any, capture: Any, parent: Any = Any_) -> str:
    with pytest.raises(ContractError) as caught:
        captured(contract, value, capture, parent)
    (problem,) = caught.value.problems
    return problem.render()


def outer(**fields: Any) -> Outer:
    return Outer(**{"inner": Inner(), "maybe": None, "table": {}, **fields})


# -- what is built


def test_a_required_record_with_defaults_alone_is_built_where_only_its_inside_is_given() -> None:
    capture = {
        "input": {
            "inner.meta.lang": "value.lang",
            "maybe.meta.lang": "value.lang",
            "table.ada.meta.lang": "value.lang",
        }
    }
    made = Inner({"lang": "en"})
    assert captured(TakesOuter, {"lang": "en"}, capture) == outer(inner=made, maybe=made, table={"ada": made})


def test_parts_and_defaults_of_one_record_are_given_together() -> None:
    capture = {
        "input": {
            "inner.count": "value.n",
            "inner.meta.lang": "value.lang",
            "maybe": "value.maybe",
            "table": "value.table",
        }
    }
    value = {"n": 4, "lang": "en", "maybe": None, "table": {"x": Inner(count=1)}}
    assert captured(TakesOuter, value, capture) == outer(
        inner=Inner({"lang": "en"}, 4), table={"x": Inner(count=1)}
    )  # fmt: skip


# -- what is not there


def test_an_unknown_value_without_the_field_is_told() -> None:
    assert refused(Any_, 5, {"input": "value.topic"}) == (
        "TF317: capture[\"input\"] = \"value.topic\": 'value.topic' is not there: no field 'topic' "
        "(set it before the child runs)"
    )


def test_an_unset_value_on_the_way_is_told() -> None:
    class FromOuter(Contract):
        input: Outer
        result: Any

    assert captured(Any_, outer(deep=Inner(count=3)), {"input": "value.deep.count"}, FromOuter) == 3
    assert refused(Any_, outer(), {"input": "value.deep.count"}, FromOuter).endswith(
        "'value.deep.count' is not there: no field 'count' (set it before the child runs)"
    )


def test_a_missing_key_is_told() -> None:
    assert "'value.lang' is not there: no key 'lang'" in refused(Any_, {}, {"input": "value.lang"})


def test_a_way_into_a_default_that_is_not_there_is_told() -> None:
    given = {"inner": "value.inner", "maybe": "value.maybe", "table": "value.table", "notes.ada.count": "value.n"}
    value: dict[str, Any] = {"inner": Inner(), "maybe": None, "table": {}, "n": 1}
    assert refused(TakesOuter, value, {"input": given}) == (
        "TF317: capture[\"input\"][\"notes.ada.count\"]: 'input.notes.ada.count' cannot be written: no key 'ada' "
        "(write what it lies in as a whole)"
    )


def test_none_on_the_way_is_none() -> None:
    class FromMaybe(Contract):
        input: Inner | None
        result: Any

    assert captured(Any_, None, {"input": "value.meta"}, FromMaybe) is None


# -- what does not fit after all


def test_an_unknown_value_is_checked_against_its_target() -> None:
    assert refused(TakesInner, "no record", {"input": "value"}) == (
        "TF317: capture[\"input\"]: the value does not fit: expected Inner, given 'no record' (str) "
        "(the declared types fit; look for a value that was changed in place)"
    )
    assert refused(TakesSmall, 10, {"input": "value"}).startswith('TF317: capture["input"]: the value does not fit')
    assert refused(TakesInner, {"n": "x"}, {"input": {"count": "value.n"}}).startswith(
        'TF317: capture["input"]["count"]: the value does not fit: expected int'
    )


def test_a_value_that_was_changed_in_place_is_told() -> None:
    def make(data: Any) -> Inner:
        return Inner()

    def spoil(data: Any) -> Any:
        data.value.count = "no number"
        return data.value

    flow: Flow[Any] = Flow(Any_)
    flow.to(make).to(spoil).to_sub_flow(chain(TakesInner, got)).end()
    with pytest.raises(ContractError, match="TF317"):
        flow.start(None)


def test_what_a_record_refuses_as_it_is_made_is_the_childs_failure_to_begin() -> None:
    class TakesChecked(Contract):
        input: Checked
        result: Any

    assert captured(TakesChecked, {"n": 2}, {"input": {"number": "value.n"}}) == Checked(2)
    with pytest.raises(ValueError, match="negative"):
        captured(TakesChecked, {"n": -2}, {"input": {"number": "value.n"}})


@pytest.mark.parametrize("value", [object(), [object()], {"a": (object(),)}, OrderedDict(), SimpleNamespace()])
def test_a_value_that_only_turns_out_not_to_be_copyable_is_told_and_not_shared(value: Any) -> None:
    line = refused(Any_, value, {"input": "value"})
    assert line.startswith('TF316: capture["input"] = "value": \'value\' cannot be copied: ')
    assert "nothing is known of how to copy" in line


# -- write_back


def test_a_part_of_an_unknown_value_is_written_where_it_can_be() -> None:
    flow: Flow[Any] = Flow(Any_)
    child = chain(Any_, lambda data: "new")
    flow.to_sub_flow(child, capture={}, write_back={"value": {"inner.meta.lang": "result"}}).end()
    given = {"inner": Inner({"lang": "old"}), "x": [1]}
    assert flow.start(given) == {"inner": Inner({"lang": "new"}), "x": [1]}
    assert given == {"inner": Inner({"lang": "old"}), "x": [1]}
    broken: list[tuple[Any, str]] = [
        ({}, "no key 'inner'"),
        (5, "'int' object has no attribute 'inner'"),
        ({"inner": Inner(meta=untyped([]))}, "'list' object has no attribute 'lang'"),
    ]
    for value, reason in broken:
        with pytest.raises(ContractError) as caught:
            flow.start(value)
        assert caught.value.code == "TF417"
        assert f"'value.inner.meta.lang' cannot be written: {reason}" in str(caught.value)


def test_an_unknown_result_is_checked_against_its_target() -> None:
    flow: Flow[Any] = Flow(Any_)
    flow.to_sub_flow(
        chain(Any_, lambda data: {"text": 5, "numbers": [1]}),
        capture={},
        write_back={"state": {"numbers": "result.numbers", "text": "result.text"}},
    ).end()
    execution = flow.create_execution()
    with pytest.raises(ContractError) as caught:
        execution.start(None)
    assert caught.value.problems[0].render() == (
        'TF417: write_back["state"]["text"]: the value does not fit: expected str, given 5 (int) '
        "(the declared types fit; look for a value that was changed in place)"
    )
    assert execution.state == Kept()
