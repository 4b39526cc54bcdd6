"""Shapes of saved types: what is in them, and what a change of them is called."""

from __future__ import annotations

import enum
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict

import msgspec
import pytest
from msgspec import Meta
from typing_extensions import TypeAliasType

from typedflow import FlowState, State
from typedflow.schema.layers import LayerMeta
from typedflow.snapshot.comparison import compare_layers, show
from typedflow.snapshot.shapes import describe_type, fingerprint, shape_of

ROOT = Path(__file__).parents[2]


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Node(msgspec.Struct):
    label: str
    children: list[Node] = []


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Row(msgspec.Struct, array_like=True):
    a: int
    b: str = "b"


class Sparse(msgspec.Struct, omit_defaults=True, rename="camel"):
    first_name: str = "x"
    parts: list[int] = []


class Options(TypedDict, total=False):
    depth: int


class Whole(TypedDict):
    depth: int


class Place(NamedTuple):
    x: int


@dataclass
class Point:
    x: int


class Full(State):
    n: int = 0
    colour: Colour = Colour.RED
    node: Node | None = None
    cat: Cat | None = None
    row: Row | None = None
    sparse: Sparse | None = None


class Counters(FlowState):
    reviewed: int = 0


UserId = NewType("UserId", int)


def test_shape_names_records_once() -> None:
    shape = shape_of(Full, Counters)
    assert shape["state"] == {"ref": "Full"}
    assert shape["flow_state"] == {"ref": "Counters"}
    assert sorted(shape["types"]) == ["Cat", "Colour", "Counters", "Full", "Node", "Row", "Sparse"]
    assert shape["types"]["Node"]["fields"]["children"] == {"type": {"list": {"ref": "Node"}}, "required": False}
    assert shape["types"]["Colour"] == {"enum": {"RED": "red", "BLUE": "blue"}}
    assert shape["types"]["Cat"]["tag"] == ["type", "cat"]
    assert shape["types"]["Row"]["order"] == ["a", "b"]
    assert shape["types"]["Sparse"]["fields"]["firstName"]["omitted"] == '"x"'


def test_absent_layer_is_null() -> None:
    assert shape_of(None, None) == {"state": None, "flow_state": None, "types": {}}


def test_two_classes_of_one_name_are_told_apart() -> None:
    first, second = (msgspec.defstruct("Same", [(name, int)]) for name in ("a", "b"))
    described = describe_type(dict[str, first | list[second]])  # type: ignore[valid-type]  # made at run time
    assert sorted(described["types"]) == ["Same", "Same#2"]


@pytest.mark.parametrize(
    "tp, shown",
    [
        (int, "int"),
        (UserId, "int"),
        (None, "None"),
        (Any, "Any"),
        (list[int], "list[int]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (tuple[int, str], "tuple[int, str]"),
        (tuple[()], "tuple[()]"),
        (dict[str, Node], "dict[str, Node]"),
        (int | None, "None | int"),
        (Literal["b", "a"], "Literal['a', 'b']"),
        (Annotated[int, Meta(ge=3)], "int (ge=3)"),
        (Annotated[str, Meta(pattern="a")], "str (pattern='a')"),
        (type, "type"),
    ],
)
def test_type_is_shown_as_it_is_written(tp: Any, shown: str) -> None:
    assert show(describe_type(tp)["type"]) == shown


@pytest.mark.parametrize(
    "odd", [None, 5, [], {}, {"a": 1, "b": 2, "c": 3}, {"limited": "int", "limits": 3}, {"union": 3}]
)
def test_any_document_can_be_shown(odd: Any) -> None:
    assert isinstance(show(odd), str)


Ids = TypeAliasType("Ids", list[int])
Names = TypeAliasType("Names", list[str])


def test_alias_is_described_by_its_name() -> None:
    assert describe_type(Ids) == {"type": {"ref": "Ids"}, "types": {"Ids": {"alias": {"list": "int"}}}}
    old, new = (shape_of(state_of(a=tp), None) for tp in (Ids, Names))
    assert compare_layers(old, new)["state"].differences == ("field 'a' was list[int] and is list[str]",)


def test_default_made_by_a_factory_is_described_by_its_name() -> None:
    assert describe_type(Sparse)["types"]["Sparse"]["fields"]["parts"]["omitted"] == "list"


def test_order_of_a_union_does_not_matter() -> None:
    assert describe_type(int | None) == describe_type(None | int)


def test_flavours_of_records_are_described() -> None:
    depth = describe_type(Options)["types"]["Options"]["fields"]["depth"]
    assert depth == {"type": "int", "required": False, "omitted": "absent"}
    assert describe_type(Place)["types"]["Place"]["order"] == ["x"]
    assert describe_type(Point)["types"]["Point"] == {"fields": {"x": {"type": "int", "required": True}}}


def test_fingerprint_is_the_same_in_another_process() -> None:
    script = (
        "import msgspec\nfrom typedflow import State\nfrom typedflow.snapshot.shapes import shape_of, fingerprint\n"
        "class Item(msgspec.Struct):\n    name: str\n"
        "class S(State):\n    names: set[str] = set()\n    item: Item | None = None\n"
        "print(fingerprint(shape_of(S, None)))"
    )
    run = [sys.executable, "-c", script]
    first, second = (
        subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    )
    assert first == second
    assert first.strip() == "ce866d45dae84389f3da856c279cd1a983c48b118ea845d68a15c850eb441f0f"


def test_fingerprint_goes_by_content() -> None:
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


# -- changes


def state_of(**fields: Any) -> type[State]:
    """Make a State with these fields; a pair has a default."""
    annotations = {name: tp[0] if isinstance(tp, tuple) else tp for name, tp in fields.items()}
    defaults = {name: tp[1] for name, tp in fields.items() if isinstance(tp, tuple)}
    made: Any = LayerMeta("S", (State,), {"__annotations__": annotations, **defaults})
    return made  # type: ignore[no-any-return]  # a class made at run time


def struct(name: str, *fields: Any, **options: Any) -> Any:
    return msgspec.defstruct(name, fields, **options)


class OldColour(enum.StrEnum):
    RED = "red"


CHANGES: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    ({"a": int}, {"a": int}, []),
    ({"a": int}, {"a": int, "b": (int, 0)}, []),
    ({"a": int}, {"a": (int, 0)}, []),
    ({"a": int}, {"a": UserId}, []),
    ({"a": int, "b": int}, {"b": int, "a": int}, []),
    ({"a": struct("Old", ("x", int))}, {"a": struct("New", ("x", int))}, []),
    ({"a": struct("I", ("x", int))}, {"a": struct("I", ("x", int), ("y", int, 0))}, []),
    ({"a": int | None}, {"a": None | int}, []),
    ({"topic": (str, "")}, {"subject": (str, "")}, ["field 'topic' is gone", "field 'subject' is new"]),
    ({"a": int}, {"a": int, "b": int}, ["field 'b' is new and has no default"]),
    ({"a": int}, {"a": str}, ["field 'a' was int and is str"]),
    ({"a": int}, {"a": int | None}, ["field 'a' was int and is None | int"]),
    ({"a": int | None}, {"a": int | None | str}, ["field 'a' was None | int and is None | int | str"]),
    ({"a": list[int]}, {"a": list[str]}, ["field 'a' was list[int] and is list[str]"]),
    ({"a": list[int]}, {"a": set[int]}, ["field 'a' was list[int] and is set[int]"]),
    ({"a": dict[str, int]}, {"a": dict[str, str]}, ["field 'a' was dict[str, int] and is dict[str, str]"]),
    ({"a": Literal["a"]}, {"a": Literal["b"]}, ["field 'a' was Literal['a'] and is Literal['b']"]),
    (
        {"a": Annotated[int, Meta(ge=1)]},
        {"a": Annotated[int, Meta(ge=2)]},
        ["field 'a' was int (ge=1) and is int (ge=2)"],
    ),
    (
        {"a": Annotated[int, Meta(ge=1)]},
        {"a": Annotated[float, Meta(ge=1)]},
        ["field 'a' was int (ge=1) and is float (ge=1)"],
    ),
    ({"a": dict[str, int]}, {"a": dict[int, int]}, ["field 'a' was dict[str, int] and is dict[int, int]"]),
    ({"a": tuple[int, int]}, {"a": tuple[int, str]}, ["field 'a' was tuple[int, int] and is tuple[int, str]"]),
    ({"a": tuple[int, int]}, {"a": tuple[int]}, ["field 'a' was tuple[int, int] and is tuple[int]"]),
    ({"a": OldColour}, {"a": Colour}, []),
    ({"a": Colour}, {"a": Node}, ["field 'a' is Node, which was something else"]),
    (
        {"a": struct("I", ("x", int))},
        {"a": struct("I", ("y", int))},
        ["field 'x' of I is gone", "field 'y' of I is new and has no default"],
    ),
    ({"a": struct("I", ("x", int))}, {"a": list[struct("I", ("x", str))]}, ["field 'a' was I and is list[I]"]),  # type: ignore[misc]
    ({"a": struct("I", ("x", int))}, {"a": struct("I", ("x", str))}, ["field 'x' of I was int and is str"]),
    ({"a": struct("I", tag="i")}, {"a": struct("I", tag="j")}, ["the tag of I was 'i' and is 'j'"]),
    ({"a": struct("I")}, {"a": struct("I", tag="j")}, ["the tag of I was none and is 'j'"]),
    (
        {"a": struct("I", ("x", int), ("y", int), array_like=True)},
        {"a": struct("I", ("y", int), ("x", int), array_like=True)},
        ["the order of the fields of I is another"],
    ),
    (
        {"a": struct("I", ("x", int, 1), omit_defaults=True)},
        {"a": struct("I", ("x", int, 2), omit_defaults=True)},
        ["field 'x' of I is left out of documents where it has its default, which is another now"],
    ),
    ({"a": struct("I", ("x", int, 1))}, {"a": struct("I", ("x", int, 2), omit_defaults=True)}, []),
    (
        {"a": Options},
        {"a": Whole},
        ["field 'depth' of Whole may be absent in documents, and is required now"],
    ),
    (
        {"a": struct("I", ("x", int | msgspec.UnsetType, msgspec.UNSET))},
        {"a": struct("I", ("x", int | msgspec.UnsetType, 5))},
        ["field 'x' of I is left out of documents where it has its default, which is another now"],
    ),
    (
        {"a": struct("I", ("x", int | msgspec.UnsetType, 5))},
        {"a": struct("I", ("x", int | msgspec.UnsetType, msgspec.UNSET))},
        [],
    ),
]


@pytest.mark.parametrize("old, new, differences", CHANGES)
def test_change_is_named(old: dict[str, Any], new: dict[str, Any], differences: list[str]) -> None:
    verdict = compare_layers(shape_of(state_of(**old), None), shape_of(state_of(**new), None))["state"]
    assert list(verdict.differences) == differences
    assert verdict.accepted is (not differences)


def test_added_fields_are_named() -> None:
    old = shape_of(state_of(a=struct("I", ("x", int))), None)
    new = shape_of(state_of(a=struct("I", ("x", int), ("y", int, 0)), b=(int, 0)), None)
    assert compare_layers(old, new)["state"].added == {"I.y", "S.b"}


def test_layer_that_came_or_went_is_a_change() -> None:
    with_it, without = shape_of(state_of(a=int), Counters), shape_of(state_of(a=int), None)
    gone, come = (compare_layers(*pair)["flow_state"].differences for pair in ((with_it, without), (without, with_it)))
    assert gone == ("flow_state was Counters and is nothing",)
    assert come == ("flow_state was nothing and is Counters",)


def test_recursive_types_are_compared() -> None:
    shape = shape_of(state_of(a=Node), None)
    assert compare_layers(shape, shape)["state"].accepted


@pytest.mark.parametrize(
    "odd",
    [
        None,
        5,
        [],
        {},
        {"state": {"ref": 5}},
        {"state": {"ref": "S"}, "types": 3},
        {"state": {"ref": "S"}, "types": {"S": 3}},
        {"state": {"ref": "S"}, "types": {"S": {"fields": 3}}},
        {"state": {"ref": "S"}, "types": {"S": {"fields": {"a": 3}}}},
        {"state": {"ref": "S"}, "types": {"S": {"fields": {"a": {"type": {"list": 3}}}}}},
        {"state": {"ref": "S"}, "types": {"S": {"fields": {}, "tag": 3, "order": 4}}},
        {"state": {"ref": "S"}, "types": {"S": {"enum": {"RED": [1]}}}},
    ],
)
def test_a_saved_shape_may_be_anything(odd: Any) -> None:
    verdicts = compare_layers(odd, shape_of(state_of(a=int), None))
    assert not all(verdict.accepted for verdict in verdicts.values())
