"""What a collect put together, handed to a child: as a dict, a Mapping or a TypedDict that its items fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import msgspec

from typedflow import Contract, Data, Events, Flow


class Approval(msgspec.Struct):
    ok: bool


class Both(TypedDict):
    approval: Approval
    tick: int
    note: NotRequired[str]


class Happened(Events):
    approved: Approval
    ticked: int


class Parent(Contract):
    input: None
    result: Any
    events: Happened


class Takes(msgspec.Struct):
    loose: dict[str, Any] | None = None
    mapping: Mapping[str, object] | None = None
    both: Both | None = None
    either: int | dict[str, Approval | int] = 0
    tick: int = 0


class OfDict(Contract):
    input: dict[str, Any]
    result: None


class OfBoth(Contract):
    input: Both
    result: None


class OfParts(Contract):
    input: Takes
    result: None


def take_dict(data: Data[OfDict, dict[str, Any]]) -> None:
    return None


def take_both(data: Data[OfBoth, Both]) -> None:
    return None


def take_parts(data: Data[OfParts, Takes]) -> None:
    return None


of_dict = Flow(OfDict)
of_dict.to(take_dict).end()
of_both = Flow(OfBoth)
of_both.to(take_both).end()
of_parts = Flow(OfParts)
of_parts.to(take_parts).end()


def a_dict_is_the_input() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to_sub_flow(of_dict).end()
    return flow


def a_typed_dict_is_the_input() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to_sub_flow(of_both, capture={"input": "value"}).end()
    return flow


def fields_take_the_whole() -> Flow[Parent]:
    flow = Flow(Parent)
    flow.when("approved").collect("all", "approval")
    every = flow.when("ticked").collect("all", "tick")
    every.to_sub_flow(
        of_parts,
        capture={
            "input": {"loose": "value", "mapping": "value", "both": "value", "either": "value", "tick": "value.tick"}
        },
    ).end()
    return flow


def all_triggers_by_kind() -> Flow[Parent]:
    flow = Flow(Parent)
    every = flow.when({"event": ["approved", "ticked"]}, mode="and")
    every.to_sub_flow(
        of_parts, capture={"input": {"loose": "value", "mapping": "value.event", "tick": "value.event.ticked"}}
    ).end()
    return flow
