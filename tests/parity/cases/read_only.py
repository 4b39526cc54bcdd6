"""Keys of a TypedDict that are declared ReadOnly: read as any other, and set only with the whole."""

from __future__ import annotations

from typing import NotRequired, TypedDict

import msgspec
from typing_extensions import ReadOnly

from typedflow import Contract, Data, Flow


class Animal(msgspec.Struct):
    name: str


class Cat(Animal):
    lives: int = 9


class Loose(TypedDict):
    name: str
    size: int


class Fixed(TypedDict):
    name: ReadOnly[str]
    size: ReadOnly[int]


class Wider(TypedDict):
    name: ReadOnly[str | None]
    size: ReadOnly[float]


class Maybe(TypedDict):
    name: NotRequired[ReadOnly[str]]
    size: ReadOnly[NotRequired[int]]


class Unlocked(Fixed):
    size: int


class OfCat(TypedDict):
    animal: Cat


class OfAnimal(TypedDict):
    animal: ReadOnly[Animal]


class Values(msgspec.Struct):
    loose: Loose
    fixed: Fixed
    maybe: Maybe
    unlocked: Unlocked
    of_cat: OfCat


class Targets(msgspec.Struct):
    loose: Loose | None = None
    fixed: Fixed | None = None
    wider: Wider | None = None
    maybe: Maybe | None = None
    unlocked: Unlocked | None = None
    of_animal: OfAnimal | None = None
    text: str = ""
    count: int = 0


class Parent(Contract):
    input: Values
    result: Values


class Child(Contract):
    input: Targets
    result: Targets


class Needs(msgspec.Struct):
    fixed: Fixed
    there: Fixed = msgspec.field(default_factory=lambda: Fixed(name="", size=0))


class Builds(Contract):
    input: Needs
    result: int


def echo(data: Data[Child, Targets]) -> Targets:
    return data.value


def build(data: Data[Builds, Needs]) -> int:
    return 1


def end(data: Data[Parent, Values]) -> Values:
    return data.value


child = Flow(Child)
child.to(echo).end()
builds = Flow(Builds)
builds.to(build).end()


def a_key_that_is_read_only_is_read() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(
        child, capture={"input": {"text": "value.fixed.name", "count": "value.unlocked.size"}}, write_back={}
    ).end()
    return flow


def a_key_that_can_be_written_is_taken_where_it_is_read_only() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"fixed": "value.loose"}}, write_back={}).end()
    return flow


def a_key_that_is_read_only_is_not_taken_where_it_can_be_written() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["loose"] = "value.fixed": 'input.loose' of the child takes Loose | None, and
    #   'value.fixed' of the parent is Fixed (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"loose": "value.fixed"}}, write_back={}).end()
    return flow


def a_wider_type_is_taken_where_it_is_only_read() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"wider": "value.loose"}}, write_back={}).end()
    return flow


def a_required_key_is_taken_where_it_may_be_left_out_and_is_only_read() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"maybe": "value.fixed"}}, write_back={}).end()
    return flow


def a_key_that_may_be_left_out_is_not_taken_where_it_is_required() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["fixed"] = "value.maybe": 'input.fixed' of the child takes Fixed | None, and
    #   'value.maybe' of the parent is Maybe (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"fixed": "value.maybe"}}, write_back={}).end()
    return flow


def a_key_that_a_subclass_declares_anew_can_be_written() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(
        child,
        capture={"input": {"unlocked": "value.unlocked", "fixed": "value.unlocked"}},
        write_back={"value": {"unlocked.size": "result.count"}},
    ).to(end).end()
    return flow


def a_record_of_a_subclass_is_not_taken_for_its_base() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["of_animal"] = "value.of_cat": 'input.of_animal' of the child takes OfAnimal |
    #   None, and 'value.of_cat' of the parent is OfCat (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"of_animal": "value.of_cat"}}, write_back={}).end()
    return flow


def a_key_that_is_read_only_is_not_written() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(
        child,
        capture={"input": {"text": "value.fixed.name"}},
        # P key TF415: write_back["value"]["fixed.size"]: 'fixed.size' cannot be written: key 'size' of Fixed is
        #   ReadOnly (write 'fixed' as a whole)
        # P key TF415: write_back["value"]["unlocked.name"]: 'unlocked.name' cannot be written: key 'name' of Unlocked
        #   is ReadOnly (write 'unlocked' as a whole)
        write_back={"value": {"fixed.size": "result.count", "unlocked.name": "result.text"}},
    ).end()
    return flow


def a_key_that_is_read_only_is_built_with_the_whole() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(
        builds,
        capture={"input": {"fixed.name": "value.fixed.name", "fixed.size": "value.fixed.size"}},
        write_back={},
    ).end()
    return flow


def a_key_that_is_read_only_is_not_written_into_a_default() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(
        builds,
        # P key TF315: capture["input"]["there.size"]: 'there.size' cannot be written: key 'size' of Fixed is ReadOnly
        #   (write 'there' as a whole)
        capture={"input": {"fixed": "value.fixed", "there.size": "value.fixed.size"}},
        write_back={},
    ).end()
    return flow
