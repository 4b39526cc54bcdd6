"""Targets given twice, and targets that are part of each other."""

from __future__ import annotations

import msgspec

from typedflow import Contract, Data, Flow, FlowState, State


class Author(msgspec.Struct):
    name: str
    email: str = ""


class Request(msgspec.Struct):
    topic: str
    author: Author
    note: str = ""


class ReviewState(State):
    topic: str = ""
    author: Author = msgspec.field(default_factory=lambda: Author(""))


class Counters(FlowState):
    author: Author = msgspec.field(default_factory=lambda: Author(""))


class Review(Contract):
    input: Request
    result: Request
    state: ReviewState
    flow_state: Counters


class Audit(Contract):
    input: Request
    result: Request
    state: ReviewState
    flow_state: Counters


def work(data: Data[Audit, Request]) -> Request:
    return data.value


audit = Flow(Audit)
audit.to(work).end()


def neighbours_are_fine() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={
            "input": {"topic": "value.topic", "author.name": "value.note", "author.email": "value.note"},
            "state": {"author.name": "value.topic", "author.email": "value.topic"},
        },
        write_back={"value": {"topic": "result.note", "note": "result.topic"}},
    ).end()
    return flow


def one_source_for_several_targets() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={"input": "value", "state": {"author": "value.author"}, "flow_state": {"author": "value.author"}},
        write_back={"state": {"author": "result.author"}, "flow_state": {"author": "result.author"}},
    ).end()
    return flow


def a_part_beside_its_whole() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={
            "input": "value",
            "state": {
                "author": "value.author",
                # P key TF308: capture["state"]["author.name"]: 'state.author.name' is part of 'state.author', and both
                #   are given (give the whole or its parts)
                "author.name": "value.topic",
            },
        },
    ).end()
    return flow


def a_whole_beside_its_part() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={
            "input": {
                "topic": "value.topic",
                "author.name": "value.topic",
                # P key TF308: capture["input"]["author"]: 'input.author.name' is part of 'input.author', and both are
                #   given (give the whole or its parts)
                "author": "value.author",
            },
        },
    ).end()
    return flow


def an_alias_beside_its_scope_with_the_same_field() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={
            "input": "value",
            "state": {"topic": "value.topic"},
            # P key TF309: capture["runtime_data"]["topic"]: 'state.topic' is given twice, and 'runtime_data' is another
            #   name of 'state' (keep one of the two)
            "runtime_data": {"topic": "value.note"},
        },
    ).end()
    return flow


def an_alias_before_its_scope_with_the_same_field() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={
            "input": "value",
            "flow_data": {"author.name": "value.topic"},
            # P key TF309: capture["flow_state"]["author.name"]: 'flow_state.author.name' is given twice, and
            #   'flow_state' is another name of 'flow_data' (keep one of the two)
            "flow_state": {"author.name": "value.note"},
        },
    ).end()
    return flow


def an_alias_beside_its_scope_with_other_fields() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={
            "input": "value",
            "state": {"topic": "value.topic"},
            "runtime_data": {"author": "value.author"},
        },
    ).end()
    return flow


def an_alias_with_a_part_of_what_its_scope_gives() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={
            "input": "value",
            "state": {"author": "value.author"},
            # P key TF308: capture["runtime_data"]["author.name"]: 'state.author.name' is part of 'state.author', and
            #   both are given (give the whole or its parts)
            "runtime_data": {"author.name": "value.topic"},
        },
    ).end()
    return flow


def conflicts_and_duplicates_of_write_back() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        write_back={
            "value": {
                "author": "result.author",
                # P key TF408: write_back["value"]["author.name"]: 'value.author.name' is part of 'value.author', and
                #   both are given (give the whole or its parts)
                "author.name": "result.topic",
            },
            "state": {"topic": "result.topic"},
            # P key TF409: write_back["runtime_data"]["topic"]: 'state.topic' is given twice, and 'runtime_data' is
            #   another name of 'state' (keep one of the two)
            "runtime_data": {"topic": "result.note"},
            "flow_state": {"author": "result.author"},
            # P key TF408: write_back["flow_data"]["author.email"]: 'flow_state.author.email' is part of
            #   'flow_state.author', and both are given (give the whole or its parts)
            "flow_data": {"author.email": "result.note"},
        },
    ).end()
    return flow
