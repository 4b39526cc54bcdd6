"""How a mapping may be written: a named constant, `binding`, members of an enum; and what is no mapping at all."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import msgspec

from typedflow import Contract, Data, Flow, State, binding
from typedflow.api.blueprint import Capture, WriteBack


class Request(msgspec.Struct):
    topic: str
    limit: int = 10


class ReviewState(State):
    topic: str = ""
    limit: int = 0


class Review(Contract):
    input: Request
    result: Request
    state: ReviewState


class Audit(Contract):
    input: Request
    result: Request
    state: ReviewState


class Field(StrEnum):
    TOPIC = "topic"
    TOPIK = "topik"


def work(data: Data[Audit, Request]) -> Request:
    return data.value


audit = Flow(Audit)
audit.to(work).end()

SOUND: Final[Capture] = {"input": "value", "state": {"topic": "value.topic"}}
BROKEN: Final[Capture] = {"input": "value", "state": {"topik": "value.topic"}}
SOUND_BACK: Final[WriteBack] = {"state": {"topic": "result.topic"}}
BOUND: Final = binding({"input": "value", "state": {"limit": "value.limit"}})
BROKEN_BOUND: Final = binding({"input": "value", "state": {"limit": "value.topic"}})
BROKEN_BACK: Final = binding({"value": "result.topik"})
TARGET: Final = "topic"
WRONG_TARGET: Final = "topik"


def _built(field: str) -> Any:
    return {"input": "value", "state": {field: "value.topic"}}


# -- sound ones


def a_named_constant() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture=SOUND, write_back=SOUND_BACK).end()
    return flow


def a_named_binding() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture=BOUND).end()
    return flow


def a_binding_in_place() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit, capture=binding({"input": "value"}), write_back=binding({"value": {"topic": "result.topic"}})
    ).end()
    return flow


def keys_that_are_constants() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture={"input": "value", "state": {TARGET: "value.topic"}}).end()
    return flow


def keys_that_are_members_of_an_enum() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture={"input": "value", "state": {Field.TOPIC: "value.topic"}}).end()
    return flow


def a_mapping_that_is_built() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture=_built("topic")).end()
    return flow


# -- unsound ones


def a_broken_constant() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF304: capture["state"]["topik"]: ReviewState has no field 'topik' (did you mean 'topic'?)
    flow.to_sub_flow(audit, capture=BROKEN).end()
    return flow


def a_broken_binding() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF306: capture["state"]["limit"] = "value.topic": 'state.limit' of the child takes int, and 'value.topic'
    #   of the parent is str (take another source, or declare the two alike)
    flow.to_sub_flow(audit, capture=BROKEN_BOUND).end()
    return flow


def a_broken_binding_of_write_back() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF404: write_back["value"] = "result.topik": Request has no field 'topik' (did you mean 'topic'?)
    flow.to_sub_flow(audit, write_back=BROKEN_BACK)
    return flow


def a_broken_binding_in_place() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture=binding(
            {
                "input": "value",
                "state": {
                    # P key TF304: capture["state"]["topik"]: ReviewState has no field 'topik' (did you mean 'topic'?)
                    "topik": "value.topic",
                    # P value TF306: capture["state"]["limit"] = "value.topic": 'state.limit' of the child takes int,
                    #   and 'value.topic' of the parent is str (take another source, or declare the two alike)
                    "limit": "value.topic",
                },
            }
        ),
    ).end()
    return flow


def a_broken_key_that_is_a_constant() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF304: capture["state"]["topik"]: ReviewState has no field 'topik' (did you mean 'topic'?)
    flow.to_sub_flow(audit, capture={"input": "value", "state": {WRONG_TARGET: "value.topic"}}).end()
    return flow


def a_broken_key_that_is_a_member_of_an_enum() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF304: capture["state"]["topik"]: ReviewState has no field 'topik' (did you mean 'topic'?)
    flow.to_sub_flow(audit, capture={"input": "value", "state": {Field.TOPIK: "value.topic"}}).end()
    return flow


def a_broken_mapping_that_is_built() -> Flow[Review]:
    flow = Flow(Review)
    # P runtime key TF304: capture["state"]["topik"]: ReviewState has no field 'topik' (did you mean 'topic'?)
    flow.to_sub_flow(audit, capture=_built("topik")).end()
    return flow


# -- what is no mapping


def a_number_for_a_capture() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF313: capture: it has to be a mapping, not 5 (int) (write {"input": "value"}, {"state": {"field":
    #   "value.field"}}, or {} for nothing)
    flow.to_sub_flow(audit, capture=5).end()
    return flow


def a_text_for_a_capture() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF313: capture: it has to be a mapping, not 'value' (str) (write {"input": "value"}, {"state": {"field":
    #   "value.field"}}, or {} for nothing)
    flow.to_sub_flow(audit, capture="value").end()
    return flow


def a_list_for_a_write_back() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF413: write_back: it has to be a mapping, not [] (list) (write {"value": "result"}, {"state": {"field":
    #   "result.field"}}, or {} for nothing)
    flow.to_sub_flow(audit, write_back=[])
    return flow


def a_layer_as_a_whole() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF313: capture["state"] = "state": 'state' is given by fields, not as a whole (write {"state": {"field":
    #   "state"}})
    flow.to_sub_flow(audit, capture={"input": "value", "state": "state"}).end()
    return flow


def a_mapping_for_a_source() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF413: write_back["state"]["topic"]: a source is a str, like "result.field", not {'name': 'result.topic'}
    #   (dict) (a source begins with one of 'result')
    flow.to_sub_flow(audit, write_back={"state": {"topic": {"name": "result.topic"}}}).end()
    return flow


def a_layer_as_a_whole_in_write_back() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF413: write_back["state"] = "result": 'state' is given by fields, not as a whole (write {"state":
    #   {"field": "result"}})
    flow.to_sub_flow(audit, write_back={"state": "result"}).end()
    return flow


def a_number_for_a_scope() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF313: capture["state"]: 'state' takes a mapping of fields, not 5 (int) (write {"input": "value"},
    #   {"state": {"field": "value.field"}}, or {} for nothing)
    flow.to_sub_flow(audit, capture={"input": "value", "state": 5}).end()
    return flow


def a_number_for_a_source() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF313: capture["state"]["limit"]: a source is a str, like "value.field", not 5 (int) (a source begins with
    #   one of 'value', 'state', 'flow_state')
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"limit": 5}}).end()
    return flow


def none_for_the_input() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF313: capture["input"]: 'input' takes a source or a mapping of fields, not None (write {"input":
    #   "value"}, {"state": {"field": "value.field"}}, or {} for nothing)
    flow.to_sub_flow(audit, capture={"input": None}).end()
    return flow


def a_number_for_a_path() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF303: capture["state"]["5 (int)"]: a path is a str, not 5 (int) (a path is field names joined by dots, like
    #   'request.topic')
    flow.to_sub_flow(audit, capture={"input": "value", "state": {5: "value.limit"}}).end()
    return flow


def a_number_for_a_target_scope() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF301: capture["5 (int)"]: 5 (int) is not a scope of capture (scopes: 'input', 'state', 'flow_state',
    #   'resources', 'runtime_data', 'flow_data')
    flow.to_sub_flow(audit, capture={"input": "value", 5: "value"}).end()
    return flow


# -- everything at once


def every_problem_of_a_node() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={
            # P key TF301: capture["inptu"]: 'inptu' is not a scope of capture (did you mean 'input'?)
            "inptu": "value",
            # P value TF301: capture["input"] = "valeu": 'valeu' is not a scope (did you mean 'value'?)
            "input": "valeu",
            "state": {
                # P value TF302: capture["state"]["topic"] = "resources.topic": 'state' cannot be filled from
                #   'resources', only from 'value', 'state', 'flow_state' (resources go to resources only: they are
                #   never part of a value or a state)
                "topic": "resources.topic",
                # P value TF306: capture["state"]["limit"] = "value.topic": 'state.limit' of the child takes int, and
                #   'value.topic' of the parent is str (take another source, or declare the two alike)
                "limit": "value.topic",
                # P key TF304: capture["state"]["tpoic"]: ReviewState has no field 'tpoic' (did you mean 'topic'?)
                "tpoic": "value.topic",
            },
        },
        write_back={
            # P value TF404: write_back["value"] = "result.topik": Request has no field 'topik' (did you mean 'topic'?)
            "value": "result.topik",
            "state": {
                # P value TF406: write_back["state"]["limit"] = "result.topic": 'state.limit' of the parent takes int,
                #   and 'result.topic' of the child is str (take another source, or declare the two alike)
                "limit": "result.topic",
            },
        },
    )
    return flow


def every_problem_of_all_nodes() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF301: capture["input"] = "valeu": 'valeu' is not a scope (did you mean 'value'?)
    first = flow.to_sub_flow(audit, capture={"input": "valeu"})
    # P value TF306: capture["input"]["topic"] = "value.limit": 'input.topic' of the child takes str, and 'value.limit'
    #   of the parent is int (take another source, or declare the two alike)
    second = first.to_sub_flow(audit, capture={"input": {"topic": "value.limit"}})
    # P key TF404: write_back["state"]["topik"]: ReviewState has no field 'topik' (did you mean 'topic'?)
    second.to_sub_flow(audit, write_back={"state": {"topik": "result.topic"}}).end()
    return flow
