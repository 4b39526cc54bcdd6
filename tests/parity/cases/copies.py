"""Values that the child would share with its parent: what cannot be copied is refused (resources are never copied)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from typedflow import Contract, Data, Flow, Resources


class Session:
    pass


@dataclass
class Wrapped:
    name: str
    session: Session


class Request(msgspec.Struct):
    topic: str
    session: Session
    wrapped: Wrapped
    maybe: Session | None
    several: list[Session]
    by_name: dict[str, Session]
    lines: Iterator[str]
    hook: Callable[[], None]
    anything: Any
    logger: logging.Logger


class Taken(msgspec.Struct):
    topic: str = ""
    session: Session | None = None
    wrapped: Wrapped | None = None
    several: list[Session] = []
    by_name: dict[str, Session] = {}
    lines: Iterator[str] | None = None
    hook: Callable[[], None] | None = None
    anything: Any = None
    logger: logging.Logger | None = None


class Tools(Resources):
    session: Session


class Review(Contract):
    input: Request
    result: Request
    resources: Tools


class Audit(Contract):
    input: Taken
    result: Taken
    resources: Tools


class Whole(Contract):
    input: Request
    result: Request


def work(data: Data[Audit, Taken]) -> Taken:
    return data.value


def work_whole(data: Data[Whole, Request]) -> Request:
    return data.value


audit = Flow(Audit)
audit.to(work).end()
whole = Flow(Whole)
whole.to(work_whole).end()


def a_resource_is_not_copied() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={"input": {"topic": "value.topic"}, "resources": {"session": "resources.session"}},
        write_back={},
    ).end()
    return flow


def a_part_that_is_data() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={
            "input": {"topic": "value.wrapped.name", "anything": "value.anything"},
            "resources": {"session": "resources.session"},
        },
        write_back={},
    ).end()
    return flow


def a_session() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        # P runtime value TF316: capture["input"]["session"] = "value.session": 'value.session' cannot be copied:
        #   nothing is known of how to copy Session (capture the parts that are data; hand a live object over as a
        #   resource)
        capture={"input": {"session": "value.session"}, "resources": {"session": "resources.session"}},
        write_back={},
    ).end()
    return flow


def a_session_that_may_be_none() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        # P runtime value TF316: capture["input"]["session"] = "value.maybe": 'value.maybe' cannot be copied: nothing is
        #   known of how to copy Session (capture the parts that are data; hand a live object over as a resource)
        capture={"input": {"session": "value.maybe"}, "resources": {"session": "resources.session"}},
        write_back={},
    ).end()
    return flow


def sessions_inside_of_other_values() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={
            "input": {
                # P runtime value TF316: capture["input"]["wrapped"] = "value.wrapped": 'value.wrapped' cannot be
                #   copied: session: nothing is known of how to copy Session (capture the parts that are data; hand a
                #   live object over as a resource)
                "wrapped": "value.wrapped",
                # P runtime value TF316: capture["input"]["several"] = "value.several": 'value.several' cannot be
                #   copied: nothing is known of how to copy Session (capture the parts that are data; hand a live object
                #   over as a resource)
                "several": "value.several",
                # P runtime value TF316: capture["input"]["by_name"] = "value.by_name": 'value.by_name' cannot be
                #   copied: nothing is known of how to copy Session (capture the parts that are data; hand a live object
                #   over as a resource)
                "by_name": "value.by_name",
                # P runtime value TF316: capture["input"]["lines"] = "value.lines": 'value.lines' cannot be copied:
                #   nothing is known of how to copy Iterator[str] (capture the parts that are data; hand a live object
                #   over as a resource)
                "lines": "value.lines",
                # P runtime value TF316: capture["input"]["logger"] = "value.logger": 'value.logger' cannot be copied:
                #   nothing is known of how to copy Logger (capture the parts that are data; hand a live object over as
                #   a resource)
                "logger": "value.logger",
                "hook": "value.hook",
            },
            "resources": {"session": "resources.session"},
        },
        write_back={},
    ).end()
    return flow


def the_whole_value() -> Flow[Review]:
    flow = Flow(Review)
    # P runtime value TF316: capture["input"] = "value": 'value' cannot be copied: session: nothing is known of how to
    #   copy Session (capture the parts that are data; hand a live object over as a resource)
    flow.to_sub_flow(whole, capture={"input": "value"}).end()
    return flow


def the_whole_value_by_default() -> Flow[Review]:
    flow = Flow(Review)
    # P runtime mapping TF316: capture, left out, is {"input": "value"}: 'value' cannot be copied: session: nothing is
    #   known of how to copy Session (capture the parts that are data; hand a live object over as a resource)
    flow.to_sub_flow(whole).end()
    return flow


def a_value_that_is_changed_in_part() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={"input": {"topic": "value.topic"}, "resources": {"session": "resources.session"}},
        write_back={
            # P runtime key TF416: write_back["value"]["topic"]: 'value' cannot be changed in part, because it cannot be
            #   copied: session: nothing is known of how to copy Session (write another value as a whole, or write to
            #   the state)
            "value": {"topic": "result.topic"},
        },
    ).end()
    return flow
