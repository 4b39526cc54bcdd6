"""Whether a source fits its target: scalars, containers, Optional, Literal, NewType, enums."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Any, Literal, NewType

import msgspec

from typedflow import Contract, Data, Flow, State

UserId = NewType("UserId", int)


class Colour(Enum):
    RED = "red"


class Mood(StrEnum):
    GOOD = "good"


class Level(IntEnum):
    LOW = 1


class Values(msgspec.Struct):
    """One source of every type."""

    a_bool: bool
    an_int: int
    a_float: float
    a_str: str
    some_bytes: bytes
    maybe_int: int | None
    nothing: None
    int_or_str: int | str
    ints: list[int]
    bools: list[bool]
    strs: list[str]
    a_set: set[int]
    frozen: frozenset[int]
    pair: tuple[int, str]
    triple: tuple[int, str, int]
    int_tuple: tuple[int, ...]
    sequence: Sequence[int]
    by_name: dict[str, int]
    by_number: dict[int, int]
    floats_by_name: dict[str, float]
    red_or_blue: Literal["red", "blue"]
    red: Literal["red"]
    one_or_two: Literal[1, 2]
    user: UserId
    colour: Colour
    mood: Mood
    level: Level
    date: dt.date
    moment: dt.datetime
    anything: Any
    limited: Annotated[int, msgspec.Meta(ge=0)]


class Targets(State):
    """One target of every type."""

    a_bool: bool = False
    an_int: int = 0
    a_float: float = 0.0
    a_str: str = ""
    some_bytes: bytes = b""
    maybe_int: int | None = None
    int_or_str: int | str = 0
    int_str_or_none: int | str | None = 0
    ints: list[int] = []
    floats: list[float] = []
    maybe_ints: list[int | None] = []
    a_set: set[int] = set()
    pair: tuple[int, str] = (0, "")
    float_pair: tuple[float, str] = (0, "")
    int_tuple: tuple[int, ...] = ()
    float_tuple: tuple[float, ...] = ()
    by_name: dict[str, int] = {}
    floats_by_name: dict[str, float] = {}
    red_or_blue: Literal["red", "blue"] = "red"
    red_or_green: Literal["red", "green"] = "red"
    user: UserId = UserId(0)
    colour: Colour = Colour.RED
    mood: Mood = Mood.GOOD
    date: dt.date = dt.date(2000, 1, 1)
    moment: dt.datetime = dt.datetime(2000, 1, 1)


class Readers(msgspec.Struct):
    """Targets that a state cannot have."""

    sequence: Sequence[float] = []
    mapping: Mapping[str, float] = {}


class Parent(Contract):
    input: Values
    result: Values


class Child(Contract):
    input: Readers | None
    result: None
    state: Targets


class Echo(Contract):
    input: Values
    result: Values


class Keeper(Contract):
    input: Values
    result: Values
    state: Targets


class TakesFloat(Contract):
    input: float
    result: int


def work(data: Data[Child, Readers | None]) -> None:
    return None


def echo_work(data: Data[Echo, Values]) -> Values:
    return data.value


def round_it(data: Data[TakesFloat, float]) -> int:
    return int(data.value)


child = Flow(Child)
child.to(work).end()
echo = Flow(Echo)
echo.to(echo_work).end()
takes_float = Flow(TakesFloat)
takes_float.to(round_it).end()


# -- sound ones


def int_into_int() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"an_int": "value.an_int"}}, write_back={}).end()
    return flow


def int_into_float() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"a_float": "value.an_int"}}, write_back={}).end()
    return flow


def bool_into_int() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"an_int": "value.a_bool"}}, write_back={}).end()
    return flow


def bool_into_float() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"a_float": "value.a_bool"}}, write_back={}).end()
    return flow


def int_into_maybe_int() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"maybe_int": "value.an_int"}}, write_back={}).end()
    return flow


def nothing_into_maybe_int() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"maybe_int": "value.nothing"}}, write_back={}).end()
    return flow


def int_into_int_or_str() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"int_or_str": "value.an_int"}}, write_back={}).end()
    return flow


def int_or_str_into_int_str_or_none() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"int_str_or_none": "value.int_or_str"}}, write_back={}).end()
    return flow


def maybe_int_into_int_str_or_none() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"int_str_or_none": "value.maybe_int"}}, write_back={}).end()
    return flow


def ints_into_ints() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"ints": "value.ints"}}, write_back={}).end()
    return flow


def ints_into_sequence() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"sequence": "value.ints"}}, write_back={}).end()
    return flow


def pair_into_pair() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"pair": "value.pair"}}, write_back={}).end()
    return flow


def pair_into_float_pair() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"float_pair": "value.pair"}}, write_back={}).end()
    return flow


def int_tuple_into_float_tuple() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"float_tuple": "value.int_tuple"}}, write_back={}).end()
    return flow


def sequence_into_sequence() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"sequence": "value.sequence"}}, write_back={}).end()
    return flow


def by_name_into_by_name() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"by_name": "value.by_name"}}, write_back={}).end()
    return flow


def by_name_into_mapping() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"input": {"mapping": "value.by_name"}}, write_back={}).end()
    return flow


def red_or_blue_into_str() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"a_str": "value.red_or_blue"}}, write_back={}).end()
    return flow


def red_into_red_or_blue() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"red_or_blue": "value.red"}}, write_back={}).end()
    return flow


def red_into_red_or_green() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"red_or_green": "value.red"}}, write_back={}).end()
    return flow


def red_into_str() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"a_str": "value.red"}}, write_back={}).end()
    return flow


def one_or_two_into_int() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"an_int": "value.one_or_two"}}, write_back={}).end()
    return flow


def one_or_two_into_float() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"a_float": "value.one_or_two"}}, write_back={}).end()
    return flow


def user_into_int() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"an_int": "value.user"}}, write_back={}).end()
    return flow


def mood_into_mood() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"mood": "value.mood"}}, write_back={}).end()
    return flow


def colour_into_colour() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"colour": "value.colour"}}, write_back={}).end()
    return flow


def anything_into_int() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"an_int": "value.anything"}}, write_back={}).end()
    return flow


def limited_into_int() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"an_int": "value.limited"}}, write_back={}).end()
    return flow


def moment_into_moment() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(child, capture={"state": {"moment": "value.moment"}}, write_back={}).end()
    return flow


# -- unsound ones


def float_into_int() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["an_int"] = "value.a_float": 'state.an_int' of the child takes int, and
    #   'value.a_float' of the parent is float (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"an_int": "value.a_float"}}, write_back={}).end()
    return flow


def str_into_int() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["an_int"] = "value.a_str": 'state.an_int' of the child takes int, and
    #   'value.a_str' of the parent is str (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"an_int": "value.a_str"}}, write_back={}).end()
    return flow


def int_into_str() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["a_str"] = "value.an_int": 'state.a_str' of the child takes str, and
    #   'value.an_int' of the parent is int (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"a_str": "value.an_int"}}, write_back={}).end()
    return flow


def int_into_bool() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["a_bool"] = "value.an_int": 'state.a_bool' of the child takes bool, and
    #   'value.an_int' of the parent is int (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"a_bool": "value.an_int"}}, write_back={}).end()
    return flow


def str_into_some_bytes() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["some_bytes"] = "value.a_str": 'state.some_bytes' of the child takes bytes, and
    #   'value.a_str' of the parent is str (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"some_bytes": "value.a_str"}}, write_back={}).end()
    return flow


def maybe_int_into_int() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF307: capture["state"]["an_int"] = "value.maybe_int": 'state.an_int' of the child takes int, and
    #   'value.maybe_int' of the parent may be None (declare the target as int | None, or take a value that is never
    #   None)
    flow.to_sub_flow(child, capture={"state": {"an_int": "value.maybe_int"}}, write_back={}).end()
    return flow


def nothing_into_int() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["an_int"] = "value.nothing": 'state.an_int' of the child takes int, and
    #   'value.nothing' of the parent is None (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"an_int": "value.nothing"}}, write_back={}).end()
    return flow


def maybe_int_into_float() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF307: capture["state"]["a_float"] = "value.maybe_int": 'state.a_float' of the child takes float, and
    #   'value.maybe_int' of the parent may be None (declare the target as float | None, or take a value that is never
    #   None)
    flow.to_sub_flow(child, capture={"state": {"a_float": "value.maybe_int"}}, write_back={}).end()
    return flow


def maybe_int_into_int_or_str() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF307: capture["state"]["int_or_str"] = "value.maybe_int": 'state.int_or_str' of the child takes int |
    #   str, and 'value.maybe_int' of the parent may be None (declare the target as int | str | None, or take a value
    #   that is never None)
    flow.to_sub_flow(child, capture={"state": {"int_or_str": "value.maybe_int"}}, write_back={}).end()
    return flow


def int_or_str_into_int() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["an_int"] = "value.int_or_str": 'state.an_int' of the child takes int, and
    #   'value.int_or_str' of the parent is int | str (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"an_int": "value.int_or_str"}}, write_back={}).end()
    return flow


def ints_into_floats() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["floats"] = "value.ints": 'state.floats' of the child takes list[float], and
    #   'value.ints' of the parent is list[int] (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"floats": "value.ints"}}, write_back={}).end()
    return flow


def ints_into_maybe_ints() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["maybe_ints"] = "value.ints": 'state.maybe_ints' of the child takes list[int |
    #   None], and 'value.ints' of the parent is list[int] (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"maybe_ints": "value.ints"}}, write_back={}).end()
    return flow


def bools_into_ints() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["ints"] = "value.bools": 'state.ints' of the child takes list[int], and
    #   'value.bools' of the parent is list[bool] (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"ints": "value.bools"}}, write_back={}).end()
    return flow


def strs_into_ints() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["ints"] = "value.strs": 'state.ints' of the child takes list[int], and
    #   'value.strs' of the parent is list[str] (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"ints": "value.strs"}}, write_back={}).end()
    return flow


def set_into_ints() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["ints"] = "value.a_set": 'state.ints' of the child takes list[int], and
    #   'value.a_set' of the parent is set[int] (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"ints": "value.a_set"}}, write_back={}).end()
    return flow


def frozen_into_set() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["a_set"] = "value.frozen": 'state.a_set' of the child takes set[int], and
    #   'value.frozen' of the parent is frozenset[int] (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"a_set": "value.frozen"}}, write_back={}).end()
    return flow


def triple_into_pair() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["pair"] = "value.triple": 'state.pair' of the child takes tuple[int, str], and
    #   'value.triple' of the parent is tuple[int, str, int] (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"pair": "value.triple"}}, write_back={}).end()
    return flow


def int_tuple_into_pair() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["pair"] = "value.int_tuple": 'state.pair' of the child takes tuple[int, str], and
    #   'value.int_tuple' of the parent is tuple[int, ...] (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"pair": "value.int_tuple"}}, write_back={}).end()
    return flow


def sequence_into_ints() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["ints"] = "value.sequence": 'state.ints' of the child takes list[int], and
    #   'value.sequence' of the parent is Sequence[int] (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"ints": "value.sequence"}}, write_back={}).end()
    return flow


def by_name_into_floats_by_name() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["floats_by_name"] = "value.by_name": 'state.floats_by_name' of the child takes
    #   dict[str, float], and 'value.by_name' of the parent is dict[str, int] (take another source, or declare the two
    #   alike)
    flow.to_sub_flow(child, capture={"state": {"floats_by_name": "value.by_name"}}, write_back={}).end()
    return flow


def by_number_into_by_name() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["by_name"] = "value.by_number": 'state.by_name' of the child takes dict[str, int],
    #   and 'value.by_number' of the parent is dict[int, int] (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"by_name": "value.by_number"}}, write_back={}).end()
    return flow


def str_into_red_or_blue() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["red_or_blue"] = "value.a_str": 'state.red_or_blue' of the child takes
    #   Literal['red', 'blue'], and 'value.a_str' of the parent is str (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"red_or_blue": "value.a_str"}}, write_back={}).end()
    return flow


def red_or_blue_into_red_or_green() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["red_or_green"] = "value.red_or_blue": 'state.red_or_green' of the child takes
    #   Literal['red', 'green'], and 'value.red_or_blue' of the parent is Literal['red', 'blue'] (take another source,
    #   or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"red_or_green": "value.red_or_blue"}}, write_back={}).end()
    return flow


def one_or_two_into_red_or_blue() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["red_or_blue"] = "value.one_or_two": 'state.red_or_blue' of the child takes
    #   Literal['red', 'blue'], and 'value.one_or_two' of the parent is Literal[1, 2] (take another source, or declare
    #   the two alike)
    flow.to_sub_flow(child, capture={"state": {"red_or_blue": "value.one_or_two"}}, write_back={}).end()
    return flow


def int_into_user() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["user"] = "value.an_int": 'state.user' of the child takes UserId, and
    #   'value.an_int' of the parent is int (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"user": "value.an_int"}}, write_back={}).end()
    return flow


def str_into_colour() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["colour"] = "value.a_str": 'state.colour' of the child takes Colour, and
    #   'value.a_str' of the parent is str (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"colour": "value.a_str"}}, write_back={}).end()
    return flow


def str_into_mood() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["mood"] = "value.a_str": 'state.mood' of the child takes Mood, and 'value.a_str'
    #   of the parent is str (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"mood": "value.a_str"}}, write_back={}).end()
    return flow


def date_into_moment() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["state"]["moment"] = "value.date": 'state.moment' of the child takes datetime, and
    #   'value.date' of the parent is date (take another source, or declare the two alike)
    flow.to_sub_flow(child, capture={"state": {"moment": "value.date"}}, write_back={}).end()
    return flow


# -- as the whole input, and on the way back


def int_as_a_float_input() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(takes_float, capture={"input": "value.an_int"}, write_back={}).end()
    return flow


def str_as_a_float_input() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"] = "value.a_str": 'input' of the child takes float, and 'value.a_str' of the parent
    #   is str (take another source, or declare the two alike)
    flow.to_sub_flow(takes_float, capture={"input": "value.a_str"}, write_back={}).end()
    return flow


def maybe_int_as_a_float_input() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF307: capture["input"] = "value.maybe_int": 'input' of the child takes float, and 'value.maybe_int' of
    #   the parent may be None (declare the target as float | None, or take a value that is never None)
    flow.to_sub_flow(takes_float, capture={"input": "value.maybe_int"}, write_back={}).end()
    return flow


def the_value_as_another_input() -> Flow[Parent]:
    flow = Flow(Parent)
    # P value TF306: capture["input"] = "value": 'input' of the child takes float, and 'value' of the parent is Values
    #   (take a part of it, "value.field")
    flow.to_sub_flow(takes_float, capture={"input": "value"}, write_back={}).end()
    return flow


def the_value_as_another_input_by_default() -> Flow[Parent]:
    flow = Flow(Parent)
    # P mapping TF306: capture, left out, is {"input": "value"}: 'input' of the child takes float, and 'value' of the
    #   parent is Values (take a part of it, "value.field")
    flow.to_sub_flow(takes_float, write_back={}).end()
    return flow


def every_misfit_of_write_back() -> Flow[Keeper]:
    flow = Flow(Keeper)
    flow.to_sub_flow(
        echo,
        write_back={
            "state": {
                # P value TF406: write_back["state"]["an_int"] = "result.a_float": 'state.an_int' of the parent takes
                #   int, and 'result.a_float' of the child is float (take another source, or declare the two alike)
                "an_int": "result.a_float",
                "a_float": "result.an_int",
                # P value TF406: write_back["state"]["a_str"] = "result.maybe_int": 'state.a_str' of the parent takes
                #   str, and 'result.maybe_int' of the child is int | None (take another source, or declare the two
                #   alike)
                "a_str": "result.maybe_int",
                "maybe_int": "result.maybe_int",
                # P value TF407: write_back["state"]["int_or_str"] = "result.maybe_int": 'state.int_or_str' of the
                #   parent takes int | str, and 'result.maybe_int' of the child may be None (declare the target as int |
                #   str | None, or take a value that is never None)
                "int_or_str": "result.maybe_int",
                # P value TF406: write_back["state"]["floats"] = "result.ints": 'state.floats' of the parent takes
                #   list[float], and 'result.ints' of the child is list[int] (take another source, or declare the two
                #   alike)
                "floats": "result.ints",
                # P value TF406: write_back["state"]["red_or_blue"] = "result.a_str": 'state.red_or_blue' of the parent
                #   takes Literal['red', 'blue'], and 'result.a_str' of the child is str (take another source, or
                #   declare the two alike)
                "red_or_blue": "result.a_str",
                "red_or_green": "result.red",
                # P value TF406: write_back["state"]["by_name"] = "result": 'state.by_name' of the parent takes
                #   dict[str, int], and 'result' of the child is Values (take another source, or declare the two alike)
                "by_name": "result",
            },
            "value": {
                # P value TF406: write_back["value"]["pair"] = "result.triple": 'value.pair' of the parent takes
                #   tuple[int, str], and 'result.triple' of the child is tuple[int, str, int] (take another source, or
                #   declare the two alike)
                "pair": "result.triple",
                # P value TF406: write_back["value"]["user"] = "result.an_int": 'value.user' of the parent takes UserId,
                #   and 'result.an_int' of the child is int (take another source, or declare the two alike)
                "user": "result.an_int",
                "anything": "result",
            },
        },
    ).end()
    return flow
