"""What a proof accepts: exactly what the check would leave alone, whatever compares equal to it."""

from __future__ import annotations

import collections.abc as abc
import enum
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, Never, NewType, NotRequired, Protocol, TypedDict, runtime_checkable

import msgspec
import pytest
from typing_extensions import TypeAliasType

from typedflow import State
from typedflow.errors import ContractError
from typedflow.schema.check import Mismatch, compile_check
from typedflow.schema.layer_fields import require_fields
from typedflow.schema.parsing import parse
from typedflow.schema.proofs import LARGE, compile_proof


class Colour(enum.StrEnum):
    RED = "red"


class Item(msgspec.Struct):
    x: int
    name: str = "red"
    price: float = 2.0
    tags: list[str] = []


class Twin(msgspec.Struct):
    x: int
    name: str = "red"
    price: float = 2.0
    tags: list[str] = []


class Lesser(Item):
    pass


@dataclass
class Job:
    title: str

    @cached_property
    def length(self) -> int:
        return len(self.title)


class Options(TypedDict):
    name: str
    depth: NotRequired[int]


@runtime_checkable
class Named(Protocol):
    name: str


class Text(str):
    __slots__ = ()


Odd = msgspec.defstruct("Odd", [("class", int)])
UserId = NewType("UserId", int)
Json = TypeAliasType("Json", "list[Json] | dict[str, Json] | int | str | None")
Nested = TypeAliasType("Nested", "list[Nested]")
Five = Annotated[list[int], msgspec.Meta(max_length=5)]


def job_with(**attributes: Any) -> Job:
    job = Job("a")
    vars(job).update(attributes)
    return job


PROVEN: list[tuple[Any, Any]] = [
    (Item, Item(1)),
    (Item | None, None),
    (Item | None, Item(1, tags=["a"])),
    (Literal[1, "a"], "a"),
    (str | None, "a"),
    (str | Literal[1] | None, 1),
    (Colour, Colour.RED),
    (UserId, 3),
    (dict[str, list[Item]], {"a": [Item(1)]}),
    (abc.Sequence[Item], (Item(1),)),
    (abc.Mapping[str, Item], {"a": Item(1)}),
    (tuple[int, str], (1, "a")),
    (tuple[Item, ...], (Item(1),)),
    (frozenset[str], frozenset("a")),
    (Options, {"name": "a"}),
    (Options, {"name": "a", "depth": 1}),
    (Job, Job("a")),
    (Job, job_with(length=1)),
    (Json, [1, {"a": [None]}]),
    (Nested, [[], [[]]]),
    (Odd, Odd(1)),
    (Five, [1, 2]),
    (Named, Item(1)),
    (abc.Callable[[], int], len),
    (Any, object()),
    (object, 3),
]
UNPROVEN: list[tuple[Any, Any]] = [
    (Item, Twin(1)),
    (Item, Lesser(1)),
    (Item, {"x": 1}),
    (Item, Item(True)),
    (Item, Item(1, price=2)),
    (Item, Item(1, Colour.RED)),
    (Item, Item(1, Text("red"))),
    (Item, Item(1, tags=["a", 1])),  # type: ignore[list-item]
    (Item, Item(1, tags=("a",))),  # type: ignore[arg-type]
    (list[Item], [Item(1), Twin(1)]),
    (dict[str, Item], {Text("a"): Item(1)}),
    (dict[str, Item], {"a": Twin(1)}),
    (Literal[1, "a"], True),
    (str | Literal[1] | None, True),
    (Item | None, Twin(1)),
    (abc.Sequence[Item], "a"),
    (tuple[int, str], (1,)),
    (tuple[int, str], (1, "a", 2)),
    (Options, {}),
    (Options, {"name": "a", "deep": 1}),
    (Options, {"name": Colour.RED}),
    (Job, job_with(lost=1)),
    (Job, object.__new__(Job)),
    (Json, [1.5]),
    (Odd, Odd(True)),
    (Five, [1, 2, 3, 4, 5, 6]),
    (Named, 3),
    (abc.Callable[[], int], 3),
    (Never, 3),
]


@pytest.mark.parametrize("tp, value", PROVEN)
def test_what_the_check_returns_unchanged_is_proven(tp: Any, value: Any) -> None:
    prove = compile_proof(parse(tp))
    assert prove is not None
    assert prove(value)
    assert compile_check(tp)(value) is value


@pytest.mark.parametrize("tp, value", UNPROVEN)
def test_what_the_check_refuses_or_changes_is_not_proven(tp: Any, value: Any) -> None:
    prove = compile_proof(parse(tp))
    assert prove is not None
    assert not prove(value)


@pytest.mark.parametrize(
    "tp, value", [(list[list[int] | list[str]], [["a"]]), (list[int] | list[str], [1]), (Named | int, 1)]
)
def test_a_union_that_only_checks_can_distinguish_is_not_proven(tp: Any, value: Any) -> None:
    assert compile_proof(parse(tp)) is None
    assert compile_check(list[tp])([value] * LARGE)


def test_a_value_that_holds_itself_is_left_to_the_check() -> None:
    value: list[Any] = []
    value += [value] * LARGE
    prove = compile_proof(parse(Nested))
    assert prove is not None
    assert not prove(value)
    with pytest.raises(Mismatch, match="holds itself"):
        compile_check(Nested)(value)


@pytest.mark.parametrize("at", [0, LARGE // 2, LARGE])
@pytest.mark.parametrize(
    "part, expected",
    [
        (Twin(1), "items[{at}]: expected Item"),
        ({"x": 1}, "items[{at}]: expected Item"),
        (Item("a"), "items[{at}].x"),  # type: ignore[arg-type]
        (Item(1, tags=[1]), "items[{at}].tags[0]"),  # type: ignore[list-item]
    ],
    ids=["other class", "dict", "field", "nested"],
)
def test_a_fault_anywhere_in_a_large_container_is_reported_at_its_place(at: int, part: Any, expected: str) -> None:
    items: list[Any] = [Item(n) for n in range(LARGE)]
    items.insert(at, part)
    with pytest.raises(ContractError) as caught:
        require_fields(_shelf(items), ["items"])
    assert expected.format(at=at).split(":")[0] in str(caught.value)


def test_what_is_equal_and_of_another_class_is_normalised_in_a_large_container() -> None:
    items = [Item(n) for n in range(LARGE)]
    items[7].price, items[8].name = 2, Colour.RED
    require_fields(_shelf(items), ["items"])
    assert [type(items[7].price), type(items[8].name)] == [float, str]


class Shelf(State):
    items: list[Item] = []
    table: dict[str, Item] = {}


def _shelf(items: list[Any]) -> Shelf:
    shelf = Shelf()
    shelf.items.extend(items)
    return shelf
