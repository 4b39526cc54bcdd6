"""Limits of `Meta`: mypy drops them, so only the runtime can tell."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from typedflow import Contract, Data, Flow, State

Percent = Annotated[int, Meta(ge=0, le=100)]


class Values(Struct):
    number: int
    percent: Percent
    tenth: Annotated[int, Meta(ge=0, le=10)]
    positive: Annotated[int, Meta(gt=0)]
    short: Annotated[str, Meta(max_length=5)]
    text: str
    even: Annotated[int, Meta(multiple_of=4)]
    few: Annotated[list[int], Meta(max_length=3)]
    many: list[int]
    pair: tuple[int, int]


class Targets(State):
    number: int = 0
    percent: Percent = 0
    from_zero: Annotated[int, Meta(ge=0)] = 0
    part: Annotated[float, Meta(ge=0.5)] = 0.5
    longer: Annotated[str, Meta(max_length=10)] = ""
    code: Annotated[str, Meta(pattern="^[a-z]+$")] = "a"
    even: Annotated[int, Meta(multiple_of=2)] = 0
    few: Annotated[list[int], Meta(max_length=3)] = []
    number_or_none: Annotated[int, Meta(ge=0)] | None = None


class Parent(Contract):
    input: Values
    result: Values
    state: Targets


class Child(Contract):
    input: None
    result: Values
    state: Targets


def work(data: Data[Child, None]) -> Values:
    raise NotImplementedError


child = Flow(Child)
child.to(work).end()


def narrower_limits_fit() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(
        child,
        capture={
            "state": {
                "number": "value.percent",
                "percent": "value.tenth",
                "from_zero": "value.positive",
                "part": "value.positive",
                "longer": "value.short",
                "even": "value.even",
                "few": "value.few",
                "number_or_none": "value.percent",
            },
        },
    ).end()
    return flow


def wider_limits_do_not() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(
        child,
        capture={
            "state": {
                # P runtime value TF306: capture["state"]["percent"] = "value.positive": 'state.percent' of the child
                #   takes Annotated[int, Meta(ge=0, le=100)], and 'value.positive' of the parent is Annotated[int,
                #   Meta(gt=0)] (take another source, or declare the two alike)
                "percent": "value.positive",
                # P runtime value TF306: capture["state"]["from_zero"] = "value.number": 'state.from_zero' of the child
                #   takes Annotated[int, Meta(ge=0)], and 'value.number' of the parent is int (take another source, or
                #   declare the two alike)
                "from_zero": "value.number",
                # P runtime value TF306: capture["state"]["part"] = "value.percent": 'state.part' of the child takes
                #   Annotated[float, Meta(ge=0.5)], and 'value.percent' of the parent is Annotated[int, Meta(ge=0,
                #   le=100)] (take another source, or declare the two alike)
                "part": "value.percent",
                # P runtime value TF306: capture["state"]["longer"] = "value.text": 'state.longer' of the child takes
                #   Annotated[str, Meta(max_length=10)], and 'value.text' of the parent is str (take another source, or
                #   declare the two alike)
                "longer": "value.text",
                # P runtime value TF306: capture["state"]["code"] = "value.short": 'state.code' of the child takes
                #   Annotated[str, Meta(pattern='^[a-z]+$')], and 'value.short' of the parent is Annotated[str,
                #   Meta(max_length=5)] (take another source, or declare the two alike)
                "code": "value.short",
                # P runtime value TF306: capture["state"]["even"] = "value.percent": 'state.even' of the child takes
                #   Annotated[int, Meta(multiple_of=2)], and 'value.percent' of the parent is Annotated[int, Meta(ge=0,
                #   le=100)] (take another source, or declare the two alike)
                "even": "value.percent",
                # P runtime value TF306: capture["state"]["few"] = "value.many": 'state.few' of the child takes
                #   Annotated[list[int], Meta(max_length=3)], and 'value.many' of the parent is list[int] (take another
                #   source, or declare the two alike)
                "few": "value.many",
                # P runtime value TF306: capture["state"]["number_or_none"] = "value.number": 'state.number_or_none' of
                #   the child takes Annotated[int, Meta(ge=0)] | None, and 'value.number' of the parent is int (take
                #   another source, or declare the two alike)
                "number_or_none": "value.number",
            },
        },
    ).end()
    return flow


def nor_do_they_in_write_back() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.to_sub_flow(
        child,
        capture={},
        write_back={
            "state": {
                # P runtime value TF406: write_back["state"]["percent"] = "result.number": 'state.percent' of the parent
                #   takes Annotated[int, Meta(ge=0, le=100)], and 'result.number' of the child is int (take another
                #   source, or declare the two alike)
                "percent": "result.number",
            },
            "value": {
                # P runtime value TF406: write_back["value"]["tenth"] = "result.percent": 'value.tenth' of the parent
                #   takes Annotated[int, Meta(ge=0, le=10)], and 'result.percent' of the child is Annotated[int,
                #   Meta(ge=0, le=100)] (take another source, or declare the two alike)
                "tenth": "result.percent",
            },
        },
    ).end()
    return flow
