"""The types that `samples/sample_mappings.py` has for the value behind a child are those of the values at run time."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.typing.samples import bindings
from typedflow import Contract, Data, Flow, State, WriteBack


class Request(msgspec.Struct):
    topic: str


class Report(msgspec.Struct):
    text: str


class Topic(State):
    topic: str | Report | None = None


class Parent(Contract):
    input: Request
    result: Any
    state: Topic


class Audit(Contract):
    input: Request
    result: Report


def audited(data: Data[Audit, Request]) -> Report:
    return Report(text=data.value.topic.upper())


@pytest.mark.parametrize("on", ["flow", "process"])
@pytest.mark.parametrize(
    "write_back, value",
    [
        # the whole result: `Report` in every checker
        ({"value": "result"}, Report("A")),
        (bindings.RESULT, Report("A")),
        (bindings.RESULT_AND_STATE, Report("A")),
        ({"value": "result", "state": {"topic": "result.text"}}, Report("A")),
        # a part of it: `str` with the plugin, else Any
        ({"value": "result.text"}, "A"),
        (bindings.PART, "A"),
        # fields of the value, or nothing of it: `Request` in every checker
        ({"value": {"topic": "result.text"}}, Request("A")),
        ({"value": {}}, Request("a")),
        (bindings.FIELDS, Request("A")),
        ({"state": {"topic": "result.text"}}, Request("a")),
        (bindings.LAYERS, Request("a")),
        ({}, Request("a")),
        (bindings.NOTHING, Request("a")),
        # what is only known as a WriteBack: Any in every checker
        (bindings.WRITE_BACK, Report("A")),
        (bindings.FINAL_WRITE_BACK, Report("A")),
        (bindings.LAYERS_WRITE_BACK, Request("a")),
    ],
)
def test_the_value_behind_a_child_has_the_type_of_the_sample(on: str, write_back: WriteBack, value: object) -> None:
    child = Flow(Audit)
    child.to(audited).end()
    flow = Flow(Parent)
    if on == "flow":
        flow.to_sub_flow(child, write_back=write_back).end()
    else:
        flow.to(lambda data: data.value).to_sub_flow(child, write_back=write_back).end()
    assert flow.start(Request("a")) == value
