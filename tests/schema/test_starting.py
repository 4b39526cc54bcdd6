"""A layer at its start: converted, checked, copied (B1)."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypedDict

import msgspec
import pytest

from typedflow import Contract, Flow
from typedflow.errors import ContractError
from typedflow.schema.layers import State
from typedflow.schema.starting import fresh


class Request(msgspec.Struct):
    topic: str
    tags: list[str] = []


class Dog(msgspec.Struct, tag=True):
    name: str


class Cat(msgspec.Struct, tag=True):
    name: str


class Keys(TypedDict, total=False):
    request: Request


@dataclass
class Plain:
    request: Request
    others: list[Request] = field(default_factory=list)


class Point(NamedTuple):
    x: int
    request: Request | None = None


class Named(State):
    topic: str
    when: int


class Wide(State):
    request: Request = msgspec.field(default_factory=lambda: Request("default"))
    seen: list[int] = []
    pet: Dog | Cat | None = None
    keys: Keys = {}
    plain: Plain | None = None
    point: Point | None = None
    pair: tuple[Request, int] | None = None
    many: dict[str, Request] = {}
    either: Request | dict[str, int] | None = None
    items: list[Request] | None = None
    factory: list[str] = msgspec.field(default_factory=lambda: ["a"])


def test_mutable_defaults_are_never_shared() -> None:
    first, second = fresh(Wide), fresh(Wide)
    first.seen.append(1)
    first.request.tags.append("x")
    first.factory.append("b")
    assert (second.seen, second.request, second.factory) == ([], Request("default"), ["a"])
    assert fresh(Wide) == second


def test_what_is_given_is_copied() -> None:
    seen, request = [1], Request("a", ["t"])
    made = fresh(Wide, {"seen": seen, "request": request})
    made.seen.append(2)
    made.request.tags.append("u")
    assert (seen, request) == ([1], Request("a", ["t"]))
    again = fresh(Wide, made)
    again.seen.append(3)
    assert made.seen == [1, 2]


@pytest.mark.parametrize(
    "name, value, expected",
    [
        ("request", {"topic": "a"}, Request("a")),
        ("pet", {"type": "Cat", "name": "Tom"}, Cat("Tom")),
        ("keys", {"request": {"topic": "a"}}, {"request": Request("a")}),
        ("plain", {"request": {"topic": "a"}, "others": [{"topic": "b"}]}, Plain(Request("a"), [Request("b")])),
        ("point", {"x": 1, "request": {"topic": "a"}}, Point(1, Request("a"))),
        ("pair", ({"topic": "a"}, 1), (Request("a"), 1)),
        ("many", {"k": {"topic": "a"}, "l": Request("b")}, {"k": Request("a"), "l": Request("b")}),
        ("either", {"topic": "a"}, Request("a")),
        ("either", {"n": 1}, {"n": 1}),
        ("items", [{"topic": "a"}], [Request("a")]),
        ("items", None, None),
    ],
)
def test_mappings_become_records_at_any_depth(name: str, value: Any, expected: Any) -> None:
    assert getattr(fresh(Wide, {name: value}), name) == expected


@pytest.mark.parametrize(
    "cls, given, expected",
    [
        (
            Named,
            {},
            [
                "TF811: field 'topic' (str) of Named is required, and nothing supplies it (give "
                "create_execution(state=Named(…)), or the field a default)",
                "TF811: field 'when' (int) of Named is required, and nothing supplies it (give "
                "create_execution(state=Named(…)), or the field a default)",
            ],
        ),
        (
            Named,
            {"topik": "a", "topic": 1},
            [
                "TF602: Named has no field 'topik' (did you mean 'topic'?)",
                "TF601: 'topic' of state takes str, not 1 (int)",
                "TF811: field 'when' (int) of Named is required, and nothing supplies it (give "
                "create_execution(state=Named(…)), or the field a default)",
            ],
        ),
        (
            Named,
            5,
            ["TF601: 'state' takes Named, not 5 (int) (give an instance of Named itself, or a mapping of its fields)"],
        ),
        (Named, Named(topic="a", when="x"), ["TF601: 'when' of state takes int, not 'x' (str)"]),  # type: ignore[arg-type]  # wrong on purpose
        (Wide, {"request": {}}, ["TF601: 'request.topic' of state (str) is missing"]),
        (Wide, {"request": {"topik": "a"}}, ["TF602: Request has no field 'topik' (did you mean 'topic'?)"]),
        (
            Wide,
            {"request": {"topic": 1}},
            ["TF601: 'request.topic' of state takes str, not 1 (int)"],
        ),
        (Wide, {"items": [{"topic": 1}]}, None),
        (Wide, {"pet": {"type": "Bird", "name": "x"}}, None),
        (Wide, {"pet": {"type": "Dog", "nam": "x"}}, ["TF602: Dog has no field 'nam' (did you mean 'name'?)"]),
        (Wide, {"plain": {"others": []}}, None),
    ],
)
def test_all_that_is_wrong_with_a_start(cls: Any, given: Any, expected: list[str] | None) -> None:
    with pytest.raises(ContractError) as caught:
        fresh(cls, given)
    assert expected is None or [problem.render() for problem in caught.value.problems] == expected


def test_a_subclass_instance_is_refused() -> None:
    class More(Named):
        more: int = 0

    with pytest.raises(ContractError, match="TF601: 'state' takes Named"):
        fresh(Named, More(topic="a", when=1))


def test_what_cannot_be_copied_is_an_error() -> None:
    class Locked(State):
        lock: Any = None

    with pytest.raises(ContractError, match="TF601: 'lock' takes a value that can be copied"):
        fresh(Locked, {"lock": threading.Lock()})


class Slip(State):
    count: int = "many"  # type: ignore[assignment]  # wrong on purpose
    note: str | None = None
    tags: list[str] = msgspec.field(default_factory=list)
    made: int = msgspec.field(default_factory=lambda: 1 // 0)


def test_a_default_that_does_not_fit_is_a_problem_of_the_definition_and_no_factory_is_called() -> None:
    class Sloppy(Contract):
        input: str
        result: str
        state: Slip

    parent, child = Flow(Sloppy, name="parent"), Flow(Sloppy, name="child")
    child.to(lambda data: data.value).end()
    parent.to_sub_flow(child, capture={"input": "value"}, write_back={"value": "result"}).end()
    with pytest.raises(ContractError) as caught:
        parent.validate()
    expected = "TF601: default of Slip: 'count' of state takes int, not 'many' (str)"
    assert [problem.render() for problem in caught.value.problems] == [expected]
