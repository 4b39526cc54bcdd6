"""Records against records: subclasses, unions, generics, TypedDicts, NamedTuples, dataclasses, recursion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, NamedTuple, NotRequired, TypedDict, TypeVar

import msgspec

from typedflow import Contract, Data, Flow, State

T = TypeVar("T")


class Animal(msgspec.Struct):
    name: str


class Hound(Animal):
    breed: str = ""


class Twin(msgspec.Struct):
    name: str


class Cat(msgspec.Struct, tag=True):
    name: str


class Dog(msgspec.Struct, tag=True):
    name: str


class Fish(msgspec.Struct, tag=True):
    name: str


class Box(msgspec.Struct, Generic[T]):
    item: T


class Lid(msgspec.Struct, Generic[T], frozen=True):
    item: T


class Movie(TypedDict):
    title: str
    year: int


class Film(TypedDict):
    title: str
    year: int


class Sketch(TypedDict):
    title: str
    year: NotRequired[int]


class Short(TypedDict):
    title: str


class FloatYear(TypedDict):
    title: str
    year: float


class Span(NamedTuple):
    first: int
    last: int = 0


class Range(NamedTuple):
    first: int
    last: int = 0


@dataclass
class Window:
    width: int


@dataclass
class Pane:
    width: int


class Tree(msgspec.Struct):
    label: str
    twigs: list[Tree] = []


class Bush(msgspec.Struct):
    label: str
    twigs: list[Bush] = []


class Values(msgspec.Struct):
    animal: Animal
    hound: Hound
    twin: Twin
    cat: Cat
    pet: Cat | Dog
    creature: Cat | Dog | Fish
    int_box: Box[int]
    str_box: Box[str]
    box_of_boxes: Box[Box[int]]
    int_lid: Lid[int]
    movie: Movie
    film: Film
    sketch: Sketch
    short: Short
    span: Span
    range: Range
    window: Window
    pane: Pane
    tree: Tree
    bush: Bush
    hounds: list[Hound]
    pets: list[Cat | Dog]
    cats_by_name: dict[str, Cat]


class Targets(msgspec.Struct):
    animal: Animal | None = None
    hound: Hound | None = None
    cat: Cat | None = None
    pet: Cat | Dog | None = None
    creature: Cat | Dog | Fish | None = None
    int_box: Box[int] | None = None
    float_box: Box[float] | None = None
    box_of_boxes: Box[Box[int]] | None = None
    float_lid: Lid[float] | None = None
    movie: Movie | None = None
    sketch: Sketch | None = None
    short: Short | None = None
    float_year: FloatYear | None = None
    span: Span | None = None
    pair: tuple[int, int] | None = None
    window: Window | None = None
    tree: Tree | None = None
    animals: list[Animal] = []
    creatures: list[Cat | Dog | Fish] = []
    creatures_by_name: dict[str, Cat | Dog] = {}
    a_str: str = ""
    an_int: int = 0


class Parent(Contract):
    input: Values
    result: Values


class Child(Contract):
    input: Targets
    result: None


class Needs(State):
    movie: Movie
    sketch: Sketch
    span: Span
    window: Window
    box: Box[float]
    pet: Cat | Dog
    tree: Tree


class TakesPet(Contract):
    input: Cat | Dog | None
    result: None


class Builds(Contract):
    input: None
    result: None
    state: Needs


def work(data: Data[Child, Targets]) -> None:
    return None


class Echo(Contract):
    input: Values
    result: Values


def repeat(data: Data[Echo, Values]) -> Values:
    return data.value


echo = Flow(Echo)
echo.to(repeat).end()


def build(data: Data[Builds, None]) -> None:
    return None


child = Flow(Child)
child.to(work).end()


def feed(data: Data[TakesPet, Cat | Dog | None]) -> None:
    return None


takes_pet = Flow(TakesPet)
takes_pet.to(feed).end()
builds = Flow(Builds)
builds.to(build).end()


# -- sound ones


def animal_into_animal() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"animal": "value.animal"}}, write_back={}).end()
    return flow


def hound_into_hound() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"hound": "value.hound"}}, write_back={}).end()
    return flow


def cat_into_cat() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"cat": "value.cat"}}, write_back={}).end()
    return flow


def cat_into_pet() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"pet": "value.cat"}}, write_back={}).end()
    return flow


def pet_into_pet() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"pet": "value.pet"}}, write_back={}).end()
    return flow


def pet_into_creature() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"creature": "value.pet"}}, write_back={}).end()
    return flow


def int_box_into_int_box() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"int_box": "value.int_box"}}, write_back={}).end()
    return flow


def box_of_boxes_into_box_of_boxes() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"box_of_boxes": "value.box_of_boxes"}}, write_back={}).end()
    return flow


def int_box_item_into_an_int() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"an_int": "value.int_box.item"}}, write_back={}).end()
    return flow


def str_box_item_into_a_str() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"a_str": "value.str_box.item"}}, write_back={}).end()
    return flow


def box_of_boxes_item_item_into_an_int() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"an_int": "value.box_of_boxes.item.item"}}, write_back={}).end()
    return flow


def movie_into_movie() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"movie": "value.movie"}}, write_back={}).end()
    return flow


def film_into_movie() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"movie": "value.film"}}, write_back={}).end()
    return flow


def sketch_into_sketch() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"sketch": "value.sketch"}}, write_back={}).end()
    return flow


def movie_year_into_an_int() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"an_int": "value.movie.year"}}, write_back={}).end()
    return flow


def span_into_span() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"span": "value.span"}}, write_back={}).end()
    return flow


def span_into_pair() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["pair"] = "value.span": 'input.pair' of the child takes tuple[int, int] | None,
    #   and 'value.span' of the parent is Span (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"pair": "value.span"}}, write_back={}).end()
    return flow


def window_into_window() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"window": "value.window"}}, write_back={}).end()
    return flow


def tree_into_tree() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"tree": "value.tree"}}, write_back={}).end()
    return flow


def cats_by_name_tom_into_cat() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"cat": "value.cats_by_name.tom"}}, write_back={}).end()
    return flow


# -- unsound ones


def hound_into_animal() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["animal"] = "value.hound": 'input.animal' of the child takes Animal | None, and
    #   'value.hound' of the parent is Hound (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"animal": "value.hound"}}, write_back={}).end()
    return flow


def twin_into_animal() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["animal"] = "value.twin": 'input.animal' of the child takes Animal | None, and
    #   'value.twin' of the parent is Twin (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"animal": "value.twin"}}, write_back={}).end()
    return flow


def animal_into_hound() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["hound"] = "value.animal": 'input.hound' of the child takes Hound | None, and
    #   'value.animal' of the parent is Animal (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"hound": "value.animal"}}, write_back={}).end()
    return flow


def pet_into_cat() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["cat"] = "value.pet": 'input.cat' of the child takes Cat | None, and 'value.pet'
    #   of the parent is Cat | Dog (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"cat": "value.pet"}}, write_back={}).end()
    return flow


def creature_into_pet() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["pet"] = "value.creature": 'input.pet' of the child takes Cat | Dog | None, and
    #   'value.creature' of the parent is Cat | Dog | Fish (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"pet": "value.creature"}}, write_back={}).end()
    return flow


def int_box_into_float_box() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["float_box"] = "value.int_box": 'input.float_box' of the child takes Box[float] |
    #   None, and 'value.int_box' of the parent is Box[int] (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"float_box": "value.int_box"}}, write_back={}).end()
    return flow


def str_box_into_int_box() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["int_box"] = "value.str_box": 'input.int_box' of the child takes Box[int] | None,
    #   and 'value.str_box' of the parent is Box[str] (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"int_box": "value.str_box"}}, write_back={}).end()
    return flow


def str_box_item_into_an_int() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["an_int"] = "value.str_box.item": 'input.an_int' of the child takes int, and
    #   'value.str_box.item' of the parent is str (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"an_int": "value.str_box.item"}}, write_back={}).end()
    return flow


def int_lid_into_float_lid() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["float_lid"] = "value.int_lid": 'input.float_lid' of the child takes Lid[float] |
    #   None, and 'value.int_lid' of the parent is Lid[int] (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"float_lid": "value.int_lid"}}, write_back={}).end()
    return flow


def sketch_into_movie() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["movie"] = "value.sketch": 'input.movie' of the child takes Movie | None, and
    #   'value.sketch' of the parent is Sketch (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"movie": "value.sketch"}}, write_back={}).end()
    return flow


def movie_into_sketch() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["sketch"] = "value.movie": 'input.sketch' of the child takes Sketch | None, and
    #   'value.movie' of the parent is Movie (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"sketch": "value.movie"}}, write_back={}).end()
    return flow


def movie_into_short() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["short"] = "value.movie": 'input.short' of the child takes Short | None, and
    #   'value.movie' of the parent is Movie (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"short": "value.movie"}}, write_back={}).end()
    return flow


def short_into_movie() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["movie"] = "value.short": 'input.movie' of the child takes Movie | None, and
    #   'value.short' of the parent is Short (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"movie": "value.short"}}, write_back={}).end()
    return flow


def movie_into_float_year() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["float_year"] = "value.movie": 'input.float_year' of the child takes FloatYear |
    #   None, and 'value.movie' of the parent is Movie (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"float_year": "value.movie"}}, write_back={}).end()
    return flow


def span_first_into_a_str() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["a_str"] = "value.span.first": 'input.a_str' of the child takes str, and
    #   'value.span.first' of the parent is int (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"a_str": "value.span.first"}}, write_back={}).end()
    return flow


def range_into_span() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["span"] = "value.range": 'input.span' of the child takes Span | None, and
    #   'value.range' of the parent is Range (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"span": "value.range"}}, write_back={}).end()
    return flow


def pane_into_window() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["window"] = "value.pane": 'input.window' of the child takes Window | None, and
    #   'value.pane' of the parent is Pane (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"window": "value.pane"}}, write_back={}).end()
    return flow


def bush_into_tree() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["tree"] = "value.bush": 'input.tree' of the child takes Tree | None, and
    #   'value.bush' of the parent is Bush (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"tree": "value.bush"}}, write_back={}).end()
    return flow


def hounds_into_animals() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["animals"] = "value.hounds": 'input.animals' of the child takes list[Animal], and
    #   'value.hounds' of the parent is list[Hound] (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"animals": "value.hounds"}}, write_back={}).end()
    return flow


def pets_into_creatures() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["creatures"] = "value.pets": 'input.creatures' of the child takes list[Cat | Dog |
    #   Fish], and 'value.pets' of the parent is list[Cat | Dog] (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"creatures": "value.pets"}}, write_back={}).end()
    return flow


def cats_by_name_into_creatures_by_name() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"]["creatures_by_name"] = "value.cats_by_name": 'input.creatures_by_name' of the
    #   child takes dict[str, Cat | Dog], and 'value.cats_by_name' of the parent is dict[str, Cat] (take another source,
    #   or declare the two alike)
    flow.to_sub_flow(child, capture={"input": {"creatures_by_name": "value.cats_by_name"}}, write_back={}).end()
    return flow


def cats_by_name_tom_into_pet() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"pet": "value.cats_by_name.tom"}}, write_back={}).end()
    return flow


# -- built from their parts


def every_record_from_its_parts() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(
        builds,
        capture={
            "state": {
                "movie.title": "value.film.title",
                "movie.year": "value.film.year",
                "sketch.title": "value.film.title",
                "span.first": "value.range.first",
                "window.width": "value.pane.width",
                "box.item": "value.int_box.item",
                "pet": "value.cat",
                "tree.label": "value.bush.label",
            },
        },
        write_back={},
    ).end()
    return flow


def parts_that_are_not_enough() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(
        builds,
        # P mapping TF311: capture: the child requires the state field 'movie.year' (int), and nothing supplies it (add
        #   to capture: "state": {"movie.year": "…"})
        # P mapping TF311: capture: the child requires the state field 'sketch.title' (str), and nothing supplies it
        #   (add to capture: "state": {"sketch.title": "…"})
        # P mapping TF311: capture: the child requires the state field 'span.first' (int), and nothing supplies it (add
        #   to capture: "state": {"span.first": "…"})
        # P mapping TF311: capture: the child requires the state field 'box' (Box[float]), and nothing supplies it (add
        #   to capture: "state": {"box": "…"})
        # P mapping TF311: capture: the child requires the state field 'tree.label' (str), and nothing supplies it (add
        #   to capture: "state": {"tree.label": "…"})
        capture={
            "state": {
                "movie.title": "value.film.title",
                "sketch.year": "value.film.year",
                "span.last": "value.range.first",
                "window": "value.window",
                "pet": "value.pet",
                "tree.twigs": "value.tree.twigs",
            },
        },
        write_back={},
    ).end()
    return flow


def a_part_of_the_wrong_type() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(
        builds,
        capture={
            "state": {
                "movie": "value.movie",
                "sketch": "value.sketch",
                "span.first": "value.range.first",
                # P value TF304: capture["state"]["span.last"] = "value.range.second": Range has no field 'second', in
                #   'range.second' (its fields: 'first', 'last')
                "span.last": "value.range.second",
                # P value TF306: capture["state"]["window.width"] = "value.film.title": 'state.window.width' of the
                #   child takes int, and 'value.film.title' of the parent is str (take another source, or declare the
                #   two alike)
                "window.width": "value.film.title",
                # P value TF306: capture["state"]["box.item"] = "value.str_box.item": 'state.box.item' of the child
                #   takes float, and 'value.str_box.item' of the parent is str (take another source, or declare the two
                #   alike)
                "box.item": "value.str_box.item",
                "pet": "value.pet",
                # P value TF306: capture["state"]["tree.label"] = "value.tree.twigs": 'state.tree.label' of the child
                #   takes str, and 'value.tree.twigs' of the parent is list[Tree] (take another source, or declare the
                #   two alike)
                "tree.label": "value.tree.twigs",
            },
        },
        write_back={},
    ).end()
    return flow


def a_union_from_its_parts() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(
        builds,
        capture={
            "state": {
                "movie": "value.movie",
                "sketch": "value.sketch",
                "span": "value.span",
                "window": "value.window",
                "box.item": "value.int_box.item",
                # P key TF315: capture["state"]["pet.name"]: 'pet.name' cannot be built: 'pet' is one of Cat | Dog, and
                #   nothing tells which (give 'pet' as a whole)
                "pet.name": "value.cat.name",
                "tree": "value.tree",
            },
        },
        write_back={},
    ).end()
    return flow


def a_union_input_from_its_parts() -> Flow[Parent]:
    flow = Flow(Parent)
    # P key TF315: capture["input"]["name"]: 'name' cannot be built: 'input' is one of Cat | Dog, and nothing tells
    #   which (give 'input' as a whole)
    flow.to_sub_flow(takes_pet, capture={"input": {"name": "value.cat.name"}}, write_back={}).end()
    return flow


def a_part_of_a_union_on_the_way_back() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(echo, write_back={"value": {"pet.name": "result.cat.name"}}).end()
    return flow
