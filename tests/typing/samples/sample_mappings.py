"""The value behind a child flow, for each form of a write_back, and captures under a name."""

from __future__ import annotations

from typing import Literal, TypedDict, reveal_type

from bindings import (
    CAPTURE,
    FIELDS,
    FINAL_CAPTURE,
    FINAL_WRITE_BACK,
    LAYERS,
    LAYERS_WRITE_BACK,
    NOTHING,
    PART,
    RESULT,
    RESULT_AND_STATE,
    TOPIC,
    TOPIC_AND_LOGGER,
    WRITE_BACK,
)
from review import Audit, Request, Review, Score, audited, count

from typedflow import Capture, Flow, Process, WriteBack, binding

score = Flow(Score)
score.to(count).end()
audit = Flow(Audit)
audit.to(audited).end()
flow = Flow(Review)


def captures(hits: Process[Review, list[str]], text: Process[Review, str]) -> None:
    here = binding({"input": "state.topic"})
    hinted: Capture = {"input": "state.topic"}
    reveal_type(text.to_sub_flow(score))  # R: Process[Review, int]
    reveal_type(hits.to_sub_flow(score, capture=here))  # R: Process[Review, int]
    reveal_type(hits.to_sub_flow(score, capture=hinted))  # R: Process[Review, int]
    reveal_type(hits.to_sub_flow(score, capture=TOPIC))  # R: Process[Review, int]
    reveal_type(hits.to_sub_flow(score, capture=CAPTURE))  # R: Process[Review, int]
    reveal_type(hits.to_sub_flow(score, capture=FINAL_CAPTURE))  # R: Process[Review, int]
    reveal_type(flow.to_sub_flow(score, capture=CAPTURE))  # R: Process[Review, int]
    reveal_type(flow.to_sub_flow(score, capture=TOPIC))  # R: Process[Review, int]
    hits.to_sub_flow(score, capture=TOPIC_AND_LOGGER)  # E[plugin]
    hits.to_sub_flow(score, capture=LAYERS)  # E[plugin]
    hits.to_sub_flow(score, capture=RESULT)  # E
    hits.to_sub_flow(score, capture={"input": 3})  # E


def the_whole_result(hits: Process[Review, list[str]], text: Process[Review, str]) -> None:
    here = binding({"value": "result"})
    reveal_type(text.to_sub_flow(score, write_back={"value": "result"}))  # R: Process[Review, int]
    reveal_type(hits.to_sub_flow(score, capture=TOPIC, write_back={"value": "result"}))  # R: Process[Review, int]
    both = hits.to_sub_flow(score, capture=TOPIC, write_back={"value": "result", "flow_state": {"reviewed": "result"}})
    reveal_type(both)  # R: Process[Review, int]
    reveal_type(hits.to_sub_flow(score, capture=TOPIC, write_back=here))  # R: Process[Review, int]
    reveal_type(hits.to_sub_flow(score, capture=TOPIC, write_back=RESULT))  # R: Process[Review, int]
    reveal_type(flow.to_sub_flow(score, capture=TOPIC, write_back=RESULT))  # R: Process[Review, int]
    reveal_type(flow.to_sub_flow(score, capture=TOPIC, write_back={"value": "result"}))  # R: Process[Review, int]


def a_part_of_the_result(request: Process[Review, Request]) -> None:
    here = request.to_sub_flow(audit, write_back={"value": "result.text"})
    reveal_type(here)  # R[plugin]: Process[Review, str]  # R: Process[Review, Any]
    named = request.to_sub_flow(audit, write_back=PART)
    reveal_type(named)  # R[plugin]: Process[Review, str]  # R: Process[Review, Any]
    reveal_type(flow.to_sub_flow(audit, write_back=PART))  # R[plugin]: Process[Review, str]  # R: Process[Review, Any]


def fields_of_the_value(request: Process[Review, Request]) -> None:
    here = request.to_sub_flow(audit, write_back={"value": {"topic": "result.text"}})
    reveal_type(here)  # R: Process[Review, Request]
    reveal_type(request.to_sub_flow(audit, write_back=FIELDS))  # R: Process[Review, Request]
    reveal_type(flow.to_sub_flow(audit, write_back={"value": {"topic": "result.text"}}))  # R: Process[Review, Request]


def layers_only(request: Process[Review, Request], text: Process[Review, str]) -> None:
    state = request.to_sub_flow(audit, write_back={"state": {"topic": "result.text"}})
    reveal_type(state)  # R: Process[Review, Request]
    nothing = text.to_sub_flow(audit, capture={"input": {"topic": "value"}}, write_back={})
    reveal_type(nothing)  # R: Process[Review, str]
    reveal_type(request.to_sub_flow(audit, write_back=LAYERS))  # R: Process[Review, Request]
    reveal_type(request.to_sub_flow(audit, write_back={}))  # R: Process[Review, Request]
    reveal_type(request.to_sub_flow(audit, write_back=NOTHING))  # R: Process[Review, Request]
    reveal_type(flow.to_sub_flow(audit, write_back={}))  # R: Process[Review, Request]


def a_constant_of_the_public_type(request: Process[Review, Request]) -> None:
    here: WriteBack = {"value": "result"}
    reveal_type(request.to_sub_flow(audit, write_back=WRITE_BACK))  # R: Process[Review, Any]
    reveal_type(request.to_sub_flow(audit, write_back=FINAL_WRITE_BACK))  # R: Process[Review, Any]
    reveal_type(request.to_sub_flow(audit, write_back=LAYERS_WRITE_BACK))  # R: Process[Review, Any]
    reveal_type(request.to_sub_flow(audit, write_back=here))  # R: Process[Review, Any]
    reveal_type(flow.to_sub_flow(audit, write_back=WRITE_BACK))  # R: Process[Review, Any]


class MayBeThere(TypedDict, total=False):
    value: Literal["result"]


def takes_capture(mapping: Capture) -> None: ...
def takes_write_back(mapping: WriteBack) -> None: ...


def a_name_fits_the_public_types(request: Process[Review, Request]) -> None:
    hinted: Capture = binding({"input": {"topic": "value.topic"}})
    back: WriteBack = binding({"value": "result.text", "state": {"topic": "result.text"}})
    table: dict[str, Capture] = {"topic": TOPIC, "layers": LAYERS, "here": binding({"input": "value"})}
    takes_capture(TOPIC)
    takes_capture(TOPIC_AND_LOGGER)
    takes_capture(NOTHING)
    takes_capture(LAYERS)
    takes_write_back(LAYERS)
    takes_write_back(NOTHING)
    takes_write_back(RESULT)
    takes_write_back(RESULT_AND_STATE)
    takes_write_back(PART)
    takes_write_back(FIELDS)
    takes_write_back(binding({"value": "result"}))
    takes_capture(RESULT)  # E[mypy, pyright, ty, pyrefly]
    takes_write_back(TOPIC)  # E[mypy, pyright, ty, pyrefly]
    reveal_type(request.to_sub_flow(audit, capture=hinted))  # R: Process[Review, Report]
    reveal_type(request.to_sub_flow(audit, capture=table["here"]))  # R: Process[Review, Report]
    TOPIC["input"] = "value"  # E
    hinted["input"] = "value"  # E


def one_of_several(request: Process[Review, Request], first: bool, text: str) -> None:
    reveal_type(request.to_sub_flow(audit, write_back=RESULT if first else LAYERS))  # R: Process[Review, Any]
    reveal_type(request.to_sub_flow(audit, write_back=RESULT if first else PART))  # R: Process[Review, Any]
    chosen = RESULT if first else NOTHING
    reveal_type(request.to_sub_flow(audit, write_back=chosen))  # R: Process[Review, Any]
    for each in (RESULT, LAYERS):
        reveal_type(request.to_sub_flow(audit, write_back=each))  # R: Process[Review, Any]
    part: Literal["result", "result.text"] = "result" if first else "result.text"
    reveal_type(request.to_sub_flow(audit, write_back={"value": part}))  # R: Process[Review, Any]
    reveal_type(request.to_sub_flow(audit, write_back={"value": text}))  # R: Process[Review, Any]
    reveal_type(request.to_sub_flow(audit, write_back=WriteBack(value="result")))  # R: Process[Review, Any]


def a_key_that_may_be_missing_is_no_write_back(request: Process[Review, Request], given: MayBeThere) -> None:
    request.to_sub_flow(audit, write_back=given)  # E


def wrong_mappings(request: Process[Review, Request], text: Process[Review, str]) -> None:
    binding({"inputs": "value"})  # E
    binding({"value": "result", "input": "value"})  # E
    request.to_sub_flow(audit, write_back=TOPIC)  # E
    request.to_sub_flow(audit, write_back=CAPTURE)  # E
    request.to_sub_flow(audit, write_back={"value": 3})  # E
    request.to_sub_flow(audit, write_back={"value": "result", "resources": {"logger": "result"}})  # E
