"""Which scope may be filled from which: every pair, and every name that is none."""

from __future__ import annotations

import msgspec

from typedflow import Contract, Data, Flow, FlowState, Resources, State


class Request(msgspec.Struct):
    topic: str


class Tool:
    pass


class ReviewState(State):
    topic: str = ""
    request: Request = msgspec.field(default_factory=lambda: Request(""))


class Counters(FlowState):
    topic: str = ""
    request: Request = msgspec.field(default_factory=lambda: Request(""))


class Tools(Resources):
    search: Tool


class Review(Contract):
    input: Request
    result: Request
    state: ReviewState
    flow_state: Counters
    resources: Tools


class AuditTools(Resources):
    search: Tool | None = None


class Audit(Contract):
    input: Request
    result: Request
    state: ReviewState
    flow_state: Counters
    resources: AuditTools


class Bare(Contract):
    input: Request
    result: Request


def work(data: Data[Audit, Request]) -> Request:
    return data.value


def work_bare(data: Data[Bare, Request]) -> Request:
    return data.value


audit = Flow(Audit)
audit.to(work).end()
bare = Flow(Bare)
bare.to(work_bare).end()


# -- capture: what may be


def the_defaults() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit).end()
    return flow


def input_from_value() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture={"input": "value"}).end()
    return flow


def input_from_state() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture={"input": "state.request"}).end()
    return flow


def input_from_flow_state() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture={"input": "flow_state.request"}).end()
    return flow


def fields_of_the_input_from_value() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture={"input": {"topic": "value.topic"}}).end()
    return flow


def fields_of_the_input_from_state() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture={"input": {"topic": "state.topic"}}).end()
    return flow


def fields_of_the_input_from_flow_state() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture={"input": {"topic": "flow_state.topic"}}).end()
    return flow


def state_from_each_layer() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"topic": "value.topic"}}).end()
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"topic": "state.topic"}}).end()
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"topic": "flow_state.topic"}}).end()
    return flow


def flow_state_from_each_layer() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture={"input": "value", "flow_state": {"topic": "value.topic"}}).end()
    flow.to_sub_flow(audit, capture={"input": "value", "flow_state": {"topic": "state.topic"}}).end()
    flow.to_sub_flow(audit, capture={"input": "value", "flow_state": {"topic": "flow_state.topic"}}).end()
    return flow


def a_field_from_a_whole_value() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"request": "value"}}).end()
    return flow


def resources_from_resources() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"search": "resources.search"}}).end()
    return flow


def aliases_as_targets() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={"input": "value", "runtime_data": {"topic": "value.topic"}, "flow_data": {"topic": "value.topic"}},
    ).end()
    return flow


def aliases_as_sources() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={"input": "runtime_data.request", "state": {"topic": "flow_data.topic"}},
    ).end()
    return flow


# -- capture: what may not be


def input_from_resources() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF302: capture["input"] = "resources.search": 'input' cannot be filled from 'resources', only from
    #   'value', 'state', 'flow_state' (resources go to resources only: they are never part of a value or a state)
    flow.to_sub_flow(audit, capture={"input": "resources.search"}).end()
    return flow


def input_from_result() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF302: capture["input"] = "result": 'input' cannot be filled from 'result', only from 'value', 'state',
    #   'flow_state' (the result is there after the child ran: use it in write_back)
    flow.to_sub_flow(audit, capture={"input": "result"}).end()
    return flow


def input_from_input() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF302: capture["input"] = "input": 'input' cannot be filled from 'input', only from 'value', 'state',
    #   'flow_state' (a capture takes from the parent: its value and its layers)
    flow.to_sub_flow(audit, capture={"input": "input"}).end()
    return flow


def fields_of_the_input_from_resources() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF302: capture["input"]["topic"] = "resources.search": 'input' cannot be filled from 'resources', only
    #   from 'value', 'state', 'flow_state' (resources go to resources only: they are never part of a value or a state)
    flow.to_sub_flow(audit, capture={"input": {"topic": "resources.search"}}).end()
    return flow


def state_from_resources() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF302: capture["state"]["topic"] = "resources.search": 'state' cannot be filled from 'resources', only
    #   from 'value', 'state', 'flow_state' (resources go to resources only: they are never part of a value or a state)
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"topic": "resources.search"}}).end()
    return flow


def state_from_result() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF302: capture["state"]["topic"] = "result.topic": 'state' cannot be filled from 'result', only from
    #   'value', 'state', 'flow_state' (the result is there after the child ran: use it in write_back)
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"topic": "result.topic"}}).end()
    return flow


def state_from_input() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF302: capture["state"]["topic"] = "input.topic": 'state' cannot be filled from 'input', only from
    #   'value', 'state', 'flow_state' (a capture takes from the parent: its value and its layers)
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"topic": "input.topic"}}).end()
    return flow


def flow_state_from_resources() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF302: capture["flow_state"]["topic"] = "resources.search": 'flow_state' cannot be filled from
    #   'resources', only from 'value', 'state', 'flow_state' (resources go to resources only: they are never part of a
    #   value or a state)
    flow.to_sub_flow(audit, capture={"input": "value", "flow_state": {"topic": "resources.search"}}).end()
    return flow


def flow_state_from_result() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF302: capture["flow_state"]["topic"] = "result.topic": 'flow_state' cannot be filled from 'result', only
    #   from 'value', 'state', 'flow_state' (the result is there after the child ran: use it in write_back)
    flow.to_sub_flow(audit, capture={"input": "value", "flow_state": {"topic": "result.topic"}}).end()
    return flow


def flow_state_from_input() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF302: capture["flow_state"]["topic"] = "input.topic": 'flow_state' cannot be filled from 'input', only
    #   from 'value', 'state', 'flow_state' (a capture takes from the parent: its value and its layers)
    flow.to_sub_flow(audit, capture={"input": "value", "flow_state": {"topic": "input.topic"}}).end()
    return flow


def resources_from_value() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF302: capture["resources"]["search"] = "value": 'resources' cannot be filled from 'value', only from
    #   'resources' (resources go to resources only: they are never part of a value or a state)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"search": "value"}}).end()
    return flow


def resources_from_state() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF302: capture["resources"]["search"] = "state.topic": 'resources' cannot be filled from 'state', only
    #   from 'resources' (resources go to resources only: they are never part of a value or a state)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"search": "state.topic"}}).end()
    return flow


def resources_from_flow_state() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF302: capture["resources"]["search"] = "flow_state.topic": 'resources' cannot be filled from
    #   'flow_state', only from 'resources' (resources go to resources only: they are never part of a value or a state)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"search": "flow_state.topic"}}).end()
    return flow


def resources_from_result() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF302: capture["resources"]["search"] = "result": 'resources' cannot be filled from 'result', only from
    #   'resources' (resources go to resources only: they are never part of a value or a state)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"search": "result"}}).end()
    return flow


def resources_from_input() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF302: capture["resources"]["search"] = "input": 'resources' cannot be filled from 'input', only from
    #   'resources' (resources go to resources only: they are never part of a value or a state)
    flow.to_sub_flow(audit, capture={"input": "value", "resources": {"search": "input"}}).end()
    return flow


# -- write_back: what may be


def value_from_result() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, write_back={"value": "result"}).end()
    return flow


def value_from_a_part_of_the_result() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, write_back={"value": "result.topic"})
    return flow


def fields_of_the_value_from_result() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, write_back={"value": {"topic": "result.topic"}}).end()
    return flow


def both_layers_from_result() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, write_back={"state": {"topic": "result.topic"}, "flow_state": {"request": "result"}}).end()
    return flow


def aliases_in_write_back() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit, write_back={"runtime_data": {"topic": "result.topic"}, "flow_data": {"request": "result"}}
    ).end()
    return flow


def nothing_written_back() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, write_back={}).end()
    return flow


# -- write_back: what may not be


def value_from_all_that_is_no_result() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF402: write_back["value"] = "value": 'value' cannot be filled from 'value', only from 'result' (a child
    #   gives back its result alone: return what the parent needs)
    flow.to_sub_flow(audit, write_back={"value": "value"})
    # P value TF402: write_back["value"] = "state.topic": 'value' cannot be filled from 'state', only from 'result' (a
    #   child gives back its result alone: return what the parent needs)
    flow.to_sub_flow(audit, write_back={"value": "state.topic"})
    # P value TF402: write_back["value"] = "flow_state.topic": 'value' cannot be filled from 'flow_state', only from
    #   'result' (a child gives back its result alone: return what the parent needs)
    flow.to_sub_flow(audit, write_back={"value": "flow_state.topic"})
    # P value TF402: write_back["value"] = "resources.search": 'value' cannot be filled from 'resources', only from
    #   'result' (resources go to resources only: they are never part of a value or a state)
    flow.to_sub_flow(audit, write_back={"value": "resources.search"})
    # P value TF402: write_back["value"] = "input": 'value' cannot be filled from 'input', only from 'result' (a child
    #   gives back its result alone: return what the parent needs)
    flow.to_sub_flow(audit, write_back={"value": "input"})
    return flow


def fields_of_the_value_from_the_childs_state() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF402: write_back["value"]["topic"] = "state.topic": 'value' cannot be filled from 'state', only from
    #   'result' (a child gives back its result alone: return what the parent needs)
    flow.to_sub_flow(audit, write_back={"value": {"topic": "state.topic"}}).end()
    return flow


def parent_state_from_value() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF402: write_back["state"]["topic"] = "value.topic": 'state' cannot be filled from 'value', only from
    #   'result' (a child gives back its result alone: return what the parent needs)
    flow.to_sub_flow(audit, write_back={"state": {"topic": "value.topic"}}).end()
    return flow


def parent_state_from_the_childs_layers() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        write_back={
            "state": {
                # P value TF402: write_back["state"]["topic"] = "state.topic": 'state' cannot be filled from 'state',
                #   only from 'result' (a child gives back its result alone: return what the parent needs)
                "topic": "state.topic",
                # P value TF402: write_back["state"]["request"] = "input": 'state' cannot be filled from 'input', only
                #   from 'result' (a child gives back its result alone: return what the parent needs)
                "request": "input",
            },
            "flow_state": {
                # P value TF402: write_back["flow_state"]["topic"] = "flow_state.topic": 'flow_state' cannot be filled
                #   from 'flow_state', only from 'result' (a child gives back its result alone: return what the parent
                #   needs)
                "topic": "flow_state.topic",
            },
        },
    ).end()
    return flow


def parent_state_from_resources() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF402: write_back["state"]["topic"] = "resources.search": 'state' cannot be filled from 'resources', only
    #   from 'result' (resources go to resources only: they are never part of a value or a state)
    flow.to_sub_flow(audit, write_back={"state": {"topic": "resources.search"}}).end()
    return flow


def parent_flow_state_from_value() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF402: write_back["flow_state"]["topic"] = "value.topic": 'flow_state' cannot be filled from 'value', only
    #   from 'result' (a child gives back its result alone: return what the parent needs)
    flow.to_sub_flow(audit, write_back={"flow_state": {"topic": "value.topic"}}).end()
    return flow


def parent_flow_state_from_resources() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF402: write_back["flow_state"]["topic"] = "resources.search": 'flow_state' cannot be filled from
    #   'resources', only from 'result' (resources go to resources only: they are never part of a value or a state)
    flow.to_sub_flow(audit, write_back={"flow_state": {"topic": "resources.search"}}).end()
    return flow


def resources_from_the_childs_resources() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF410: write_back["resources"]: resources are never written back: a child's resources stay with the child
    #   (return what the parent needs as the child's result)
    flow.to_sub_flow(audit, write_back={"resources": {"search": "resources.search"}}).end()
    return flow


def resources_from_the_result() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF410: write_back["resources"]: resources are never written back: a child's resources stay with the child
    #   (return what the parent needs as the child's result)
    flow.to_sub_flow(audit, write_back={"value": "result", "resources": {"search": "result"}}).end()
    return flow


# -- names that are no scopes


def an_unknown_target() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF301: capture["inptu"]: 'inptu' is not a scope of capture (did you mean 'input'?)
    flow.to_sub_flow(audit, capture={"inptu": "value", "input": "value"}).end()
    return flow


def an_unknown_source() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF301: capture["input"] = "valeu": 'valeu' is not a scope (did you mean 'value'?)
    flow.to_sub_flow(audit, capture={"input": "valeu"}).end()
    return flow


def a_source_without_a_scope() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF301: capture["input"]["topic"] = "topic": 'topic' is not a scope (a source begins with one of: 'value',
    #   'state', 'flow_state')
    flow.to_sub_flow(audit, capture={"input": {"topic": "topic"}}).end()
    return flow


def a_source_of_write_back_as_a_target_of_capture() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF301: capture["value"]: 'value' is not a scope of capture (scopes: 'input', 'state', 'flow_state',
    #   'resources', 'runtime_data', 'flow_data')
    flow.to_sub_flow(audit, capture={"input": "value", "value": "value"}).end()
    return flow


def an_unknown_target_of_write_back() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF401: write_back["vaule"]: 'vaule' is not a scope of write_back (did you mean 'value'?)
    flow.to_sub_flow(audit, write_back={"vaule": "result"}).end()
    return flow


def an_unknown_source_of_write_back() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF401: write_back["value"] = "resutl": 'resutl' is not a scope (did you mean 'result'?)
    flow.to_sub_flow(audit, write_back={"value": "resutl"})
    return flow


def input_as_a_target_of_write_back() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF401: write_back["input"]: 'input' is not a scope of write_back (scopes: 'value', 'state', 'flow_state',
    #   'runtime_data', 'flow_data')
    flow.to_sub_flow(audit, write_back={"input": "result"}).end()
    return flow


# -- layers that a contract does not declare


def a_layer_that_the_child_lacks() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF314: capture["state"]["topic"]: the child's contract declares no state (declare `state: …` there, or leave
    #   the entry out)
    flow.to_sub_flow(bare, capture={"input": "value", "state": {"topic": "value.topic"}}).end()
    return flow


def resources_that_the_child_lacks() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF314: capture["resources"]["search"]: the child's contract declares no resources (declare `resources: …`
    #   there, or leave the entry out)
    flow.to_sub_flow(bare, capture={"input": "value", "resources": {"search": "resources.search"}}).end()
    return flow


def a_layer_that_the_parent_lacks() -> Flow[Bare]:
    flow = Flow(Bare)
    # P value TF314: capture["input"] = "state.request": the parent's contract declares no state (declare `state: …`
    #   there, or leave the entry out)
    flow.to_sub_flow(audit, capture={"input": "state.request"}).end()
    return flow


def a_layer_that_the_parent_lacks_for_write_back() -> Flow[Bare]:
    flow = Flow(Bare)
    # P key TF414: write_back["flow_state"]["topic"]: the parent's contract declares no flow_state (declare `flow_state:
    #   …` there, or leave the entry out)
    flow.to_sub_flow(audit, write_back={"flow_state": {"topic": "result.topic"}}).end()
    return flow
