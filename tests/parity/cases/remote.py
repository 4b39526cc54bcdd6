"""What a remote child takes from its parent: values only."""

from __future__ import annotations

from typedflow import Contract, Data, Flow, FlowState, Resources, State


class Tools(Resources):
    search: str


class Seen(FlowState):
    count: int = 0


class Topic(State):
    text: str = ""


class Review(Contract):
    input: str
    result: str
    state: Topic
    flow_state: Seen
    resources: Tools


class Audit(Contract):
    input: str
    result: str
    state: Topic
    flow_state: Seen
    resources: Tools
    stream: bytes


class Streaming(Contract):
    input: str
    result: str
    stream: str


def judge(data: Data[Audit, str]) -> str:
    return data.value


audit = Flow(Audit)
audit.to(judge).end()


def it_needs_no_resources_of_its_parent() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, remote=True, capture={"input": "value", "state": {"text": "state.text"}}).end()
    return flow


def it_takes_none() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF318: capture["resources"]["search"]: a remote child takes no resources from its parent: a worker runs it,
    #   maybe in another process (leave it out, and give the worker a factory: Worker(store, flows, resources={…}))
    flow.to_sub_flow(audit, remote=True, capture={"input": "value", "resources": {"search": "resources.search"}}).end()
    return flow


def it_shares_its_flow_state() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF318: capture["flow_state"]["count"]: a remote child takes no flow_state from its parent: it shares that of
    #   its flow, as the store keeps it (leave it out, or pass the value in the child's input or state)
    flow.to_sub_flow(audit, remote=True, capture={"input": "value", "flow_state": {"count": "flow_state.count"}}).end()
    return flow


def what_is_wrong_with_a_source_is_said_first() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF304: capture["resources"]["search"] = "resources.serch": Tools has no field 'serch' (did you mean
    #   'search'?)
    flow.to_sub_flow(audit, remote=True, capture={"input": "value", "resources": {"search": "resources.serch"}}).end()
    return flow


def its_result_is_written_back_as_that_of_any_child() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        remote=True,
        # P value TF406: write_back["flow_state"]["count"] = "result": 'flow_state.count' of the parent takes int, and
        #   'result' of the child is str (take another source, or declare the two alike)
        write_back={"state": {"text": "result"}, "flow_state": {"count": "result"}},
    ).end()
    return flow


def its_items_go_nowhere() -> Flow[Streaming]:
    flow = Flow(Streaming)
    flow.to_sub_flow(audit, remote=True).end()
    return flow
