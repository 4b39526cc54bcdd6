"""Bases and members that a State, FlowState, Resources or Events class cannot have: a problem with a text (TF617)."""

from __future__ import annotations

import abc
import collections.abc
import dataclasses
import enum
import types
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec
import pytest
from typing_extensions import TypeAliasType

from typedflow.errors import ContractError
from typedflow.schema.contracts import Contract
from typedflow.schema.layers import Events, FlowState, LayerMeta, Resources, State

T = TypeVar("T")
TWO = "inherit from one of them, and declare the fields of the other in Made"
OUT = "leave it out, and keep what you need of it in a field"
ABSTRACT = "leave it out: a class fits a protocol by its fields, and an ABC by register()"
KIND = "declare one class for each kind"


class Sizes(State):
    pages: int = 0


class Names(State):
    author: str = ""


class Longer(Sizes):
    words: int = 0


class Wider(Sizes):
    lines: int = 0


class Again(Sizes):
    pages: int = 1


class Empty(State): ...


class Counters(FlowState):
    runs: int = 0


class Tools(Resources):
    logger: int = 0


class Others(Resources):
    other: int = 0


class Rung(Events):
    rung: int


class Knocked(Events):
    knocked: int


class Plain(msgspec.Struct):
    text: str = ""


class Slotted:
    __slots__ = ("slot",)


class Mixin:
    def shown(self) -> str:
        return "shown"


class Makes:
    def __init__(self) -> None: ...


class MakesAnew:
    def __new__(cls) -> Any:
        return object.__new__(cls)


class Inherits(Makes): ...


@dataclasses.dataclass
class Record:
    text: str = ""


class Pair(NamedTuple):
    first: int


class HasPages(Protocol):
    pages: int


def both(first: str, second: str) -> str:
    return f"TF617: Made cannot have the bases '{first}', '{second}': each has fields or slots of its own ({TWO})"


def kinds(first: str, second: str, *bases: str) -> str:
    named = ", ".join(map(repr, bases))
    return f"TF617: Made cannot be both {first} and {second}: its bases are {named} ({KIND})"


def defines(base: str, method: str) -> str:
    return f"TF617: Made cannot have the base '{base}', which defines {method} ({OUT})"


def abstract(base: str) -> str:
    return f"TF617: Made cannot have the base '{base}', an ABC or a protocol ({ABSTRACT})"


def made(*bases: Any, **body: Any) -> Any:
    """Make a class of these bases, as a class statement does."""
    namespace = {"__module__": __name__, "__qualname__": "Made", **body}
    return types.new_class("Made", bases, {}, lambda found: found.update(namespace))


def refused(make: Callable[[], Any]) -> list[str]:
    with pytest.raises(ContractError) as caught:
        make()
    return [problem.render() for problem in caught.value.problems]


@pytest.mark.parametrize(
    "bases, problems",
    [
        ((Sizes, Names), [both("Sizes", "Names")]),
        ((Empty, Sizes, Names), [both("Sizes", "Names")]),
        ((Longer, Wider), [both("Longer", "Wider")]),
        ((Sizes, Plain), [both("Sizes", "Plain")]),
        ((Plain, Sizes), [both("Plain", "Sizes")]),
        ((Tools, Others), [both("Tools", "Others")]),
        ((Rung, Knocked), [both("Rung", "Knocked")]),
        ((Sizes, Slotted), [both("Sizes", "Slotted")]),
        ((Sizes, Counters), [kinds("State", "FlowState", "Sizes", "Counters")]),
        ((State, FlowState), [kinds("State", "FlowState", "State", "FlowState")]),
        ((Empty, Mixin, Resources), [kinds("State", "Resources", "Empty", "Mixin", "Resources")]),
        ((State, Makes), [defines("Makes", "__init__")]),
        ((State, Inherits), [defines("Inherits", "__init__")]),
        ((State, MakesAnew), [defines("MakesAnew", "__new__")]),
        ((State, Record), [defines("Record", "__init__")]),
        ((State, Pair), [defines("Pair", "__new__")]),
        ((Events, dict), [defines("dict", "__init__")]),
        ((Resources, Exception), [defines("Exception", "__init__")]),
        ((State, Contract), [defines("Contract", "__new__")]),
        ((State, abc.ABC), [abstract("ABC")]),
        ((abc.ABC, FlowState), [abstract("ABC")]),
        ((State, HasPages), [abstract("HasPages")]),
        ((Resources, collections.abc.Sized), [abstract("Sized")]),
        ((Sizes, abc.ABC, Makes), [abstract("ABC"), defines("Makes", "__init__")]),
        ((Sizes, Sizes), ["TF617: Made cannot have the bases 'Sizes', 'Sizes': duplicate base class Sizes "
                          "(inherit from one of them)"]),
    ],
)  # fmt: skip
def test_bases_that_cannot_be_combined(bases: tuple[Any, ...], problems: list[str]) -> None:
    assert refused(lambda: made(*bases)) == problems


@pytest.mark.parametrize(
    "bases",
    [
        (State, Plain),
        (Plain, State),
        (Sizes, Empty, Mixin),
        (Mixin, Sizes),
        (Again, Sizes),
        (Longer, Sizes),
        (State, Slotted),
        (Events,),
    ],
)
def test_bases_that_can_be_combined(bases: tuple[Any, ...]) -> None:
    assert set(bases) <= set(made(*bases).mro())


def test_an_order_of_bases_that_python_refuses() -> None:
    (problem,) = refused(lambda: made(Sizes, Longer))
    assert problem.startswith("TF617: Made cannot have the bases 'Sizes', 'Longer': Cannot create a consistent method")


@pytest.mark.parametrize("base", [State, FlowState, Resources, Events, Sizes])
@pytest.mark.parametrize(
    "name, value, hint",
    [
        ("__init__", lambda self: None, "a Struct takes its fields as parameters: give them defaults, or define "
         "__post_init__"),
        ("__new__", lambda cls: None, "a Struct takes its fields as parameters: give them defaults, or define "
         "__post_init__"),
        ("__slots__", (), "a Struct has a slot for each of its fields: leave it out"),
    ],
)  # fmt: skip
def test_members_that_a_class_cannot_define(base: Any, name: str, value: Any, hint: str) -> None:
    assert refused(lambda: made(base, **{name: value})) == [f"TF617: Made cannot define {name} ({hint})"]


@pytest.mark.parametrize("base", [State, FlowState, Resources, Events])
@pytest.mark.parametrize(
    "value, kind", [(3, "int"), ("a", "str"), ([], "list"), (None, "…"), (msgspec.field(default=1), "…")]
)
def test_a_value_without_an_annotation_is_no_field(base: Any, value: Any, kind: str) -> None:
    assert refused(lambda: made(base, draft=value)) == [
        "TF617: 'draft' of Made has a value and no annotation: it is no field"
        f" (write `draft: {kind} = …`, or `draft: ClassVar[{kind}] = …` for a constant of the class)"
    ]


def test_a_default_of_an_inherited_field_takes_its_annotation() -> None:
    assert len(refused(lambda: made(Sizes, pages=7))) == 1


@pytest.mark.parametrize("base", [State, FlowState, Resources, Events])
def test_what_is_no_value_needs_no_annotation(base: Any) -> None:
    class Inner(msgspec.Struct):
        pages: int = 0

    made(
        base,
        _secret=3,
        measure=len,
        total=property(lambda self: 0),
        Inner=Inner,
        other=staticmethod(max),
        call=lambda self: 1,
    )
    made(base, Item=int | str, T=TypeVar("T"), Alias=TypeAliasType("Alias", int), json=abc)


def test_all_that_is_wrong_with_a_class_comes_at_once() -> None:
    assert len(refused(lambda: made(Sizes, Names, __slots__=(), __init__=len))) == 3


@pytest.mark.parametrize("options", [{}, {"frozen": True}, {"slots": True}, {"kw_only": True}])
@pytest.mark.parametrize("base", [State, FlowState, Resources, Events])
def test_a_class_is_not_made_a_dataclass(base: Any, options: Any) -> None:
    cls = made(base, __annotations__={"text": str})
    assert refused(lambda: dataclasses.dataclass(**options)(cls)) == [
        "TF617: Made cannot be made a dataclass: it is a Struct (take @dataclass away)"
    ]


def test_other_attributes_of_a_class_can_be_set() -> None:
    cls = made(State)
    cls.shown = 3
    assert cls.shown == 3


def test_a_class_with_another_metaclass_is_left_to_python() -> None:
    with pytest.raises(TypeError, match="metaclass conflict"):
        made(State, enum.Enum)


def test_abcs_and_protocols_take_no_part_in_checks_of_instances() -> None:
    assert isinstance(Longer(), Sizes)
    assert not isinstance(Names(), Sizes)
    assert issubclass(Longer, State)
    assert not issubclass(Tools, State)
    assert vars(type.mro(LayerMeta)[1])["__instancecheck__"] is type.__instancecheck__


def test_a_generic_class_can_be_called_with_its_arguments() -> None:
    class Paged(State, Generic[T]):
        pages: list[T] = []

    class Held(Resources, Generic[T]):
        tool: T

    assert Paged[int](pages=[1]).pages == [1]
    assert Held[int](tool=3).tool == 3
