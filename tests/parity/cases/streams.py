"""What a child puts in its stream, and whether the stream of its parent takes it."""

from __future__ import annotations

from typing import Any

import msgspec

from typedflow import Contract, Data, Flow


class Report(msgspec.Struct):
    text: str


class Detailed(Report):
    details: str = ""


class Review(Contract):
    input: str
    result: str
    stream: Report


class Wide(Contract):
    input: str
    result: str
    stream: Report | int | None


class Open(Contract):
    input: str
    result: str
    stream: Any


class Silent(Contract):
    input: str
    result: str


class Search(Contract):
    input: str
    result: str
    stream: int


class Detail(Contract):
    input: str
    result: str
    stream: Detailed


def work(data: Data[Any, str]) -> str:
    return data.value


search = Flow(Search)
search.to(work).end()
named = Flow(Search, name="finder")
named.to(work).end()
detail = Flow(Detail)
detail.to(work).end()
silent = Flow(Silent)
silent.to(work).end()
wide = Flow(Wide)
wide.to(work).end()
opened = Flow(Open)
opened.to(work).end()


# -- sound ones


def an_item_of_the_parents_type() -> Flow[Wide]:
    flow = Flow(Wide)
    flow.to_sub_flow(search).end()
    return flow


def a_subclass_of_the_parents_type() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(detail).end()
    return flow


def no_stream_in_the_child() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(silent).end()
    return flow


def no_stream_in_the_parent() -> Flow[Silent]:
    flow = Flow(Silent)
    flow.to_sub_flow(search).end()
    return flow


def anything_in_the_parent() -> Flow[Open]:
    flow = Flow(Open)
    flow.to_sub_flow(search).end()
    return flow


def anything_in_the_child() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(opened).end()
    return flow


# -- unsound ones


def an_item_of_another_type() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF725: child flow 'Search' puts int in the stream, and contract 'Review' declares Report (widen the
    #   parent's stream to take int, or declare none there)
    flow.to_sub_flow(search).end()
    return flow


def a_child_with_a_name() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF725: child flow 'finder' puts int in the stream, and contract 'Review' declares Report (widen the
    #   parent's stream to take int, or declare none there)
    flow.to_sub_flow(named, capture={"input": "value"}, write_back={}).end()
    return flow


def one_of_several() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF725: child flow 'Wide' puts Report | int | None in the stream, and contract 'Review' declares Report
    #   (widen the parent's stream to take Report | int | None, or declare none there)
    flow.to_sub_flow(wide).end()
    return flow


def a_child_as_a_branch() -> Flow[Silent]:
    flow = Flow(Silent)
    flow.batch().branch(work).branch(search).end_batch().to(lambda data: data.value[0]).end()
    return flow
