"""What a child requires and nothing supplies, with the line to add; defaults; `{}`."""

from __future__ import annotations

import msgspec

from typedflow import Contract, Data, Flow, FlowState, Resources, State


class Author(msgspec.Struct):
    name: str
    email: str | None = None


class Request(msgspec.Struct):
    topic: str
    author: Author
    limit: int = 10


class Search:
    pass


class Clock:
    pass


class ReviewState(State):
    topic: str = ""
    depth: int = 0
    maybe_depth: int | None = None
    author: Author | None = None


class ReviewTools(Resources):
    search: Search


class Review(Contract):
    input: Request
    result: Request
    state: ReviewState
    resources: ReviewTools


class Plain(Contract):
    input: Request
    result: Request


class AuditState(State):
    topic: str
    depth: int
    note: str = ""


class AuditCounters(FlowState):
    done: int = 0


class AuditTools(Resources):
    search: Search
    clock: Clock
    cache: Search | None = None


class Audit(Contract):
    input: Request
    result: Request
    state: AuditState
    flow_state: AuditCounters
    resources: AuditTools


class NoInput(Contract):
    input: None
    result: Request


class MaybeInput(Contract):
    input: Request | None
    result: Request


class AllDefaults(msgspec.Struct):
    topic: str = ""
    limit: int = 10


class DefaultInput(Contract):
    input: AllDefaults
    result: Request


class NeedsState(Contract):
    input: None
    result: None
    state: AuditState


class NestedState(State):
    request: Request
    author: Author


class Nested(Contract):
    input: None
    result: None
    state: NestedState


def audit_work(data: Data[Audit, Request]) -> Request:
    return data.value


def no_input_work(data: Data[NoInput, None]) -> Request:
    return Request("", Author(""))


def maybe_work(data: Data[MaybeInput, Request | None]) -> Request:
    return Request("", Author(""))


def default_work(data: Data[DefaultInput, AllDefaults]) -> Request:
    return Request("", Author(""))


def state_work(data: Data[NeedsState, None]) -> None:
    return None


def nested_work(data: Data[Nested, None]) -> None:
    return None


audit = Flow(Audit)
audit.to(audit_work).end()
equipped = Flow(Audit, name="equipped")
equipped.to(audit_work).end()
equipped.update_runtime_resources(search=Search(), clock=Clock())
no_input = Flow(NoInput)
no_input.to(no_input_work).end()
maybe_input = Flow(MaybeInput)
maybe_input.to(maybe_work).end()
default_input = Flow(DefaultInput)
default_input.to(default_work).end()
needs_state = Flow(NeedsState)
needs_state.to(state_work).end()
nested = Flow(Nested)
nested.to(nested_work).end()


# -- complete ones


def everything_is_supplied() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        equipped, capture={"input": "value", "state": {"topic": "value.topic", "depth": "state.depth"}}
    ).end()
    return flow


def nothing_is_required() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(no_input, capture={}).end()
    return flow


def an_input_that_may_be_none() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(maybe_input, capture={}).end()
    return flow


def an_input_of_its_required_fields() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(maybe_input, capture={"input": {"topic": "value.topic", "author.name": "value.topic"}}).end()
    return flow


def empty_fields_are_nothing() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(maybe_input, capture={"input": {}, "state": {}, "resources": {}}, write_back={"state": {}}).end()
    return flow


def one_field_of_an_input_of_defaults() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(default_input, capture={"input": {"limit": "value.limit"}}).end()
    return flow


# -- the input


def no_capture_for_a_required_input() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF310: capture: the child requires an input (Request), and nothing supplies it (add to capture: "input":
    #   "value")
    flow.to_sub_flow(equipped, capture={"state": {"topic": "value.topic", "depth": "state.depth"}}).end()
    return flow


def an_empty_capture_for_a_required_input() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF310: capture: the child requires an input (AllDefaults), and nothing supplies it (add to capture:
    #   "input": {"topic": "value.topic"})
    flow.to_sub_flow(default_input, capture={}).end()
    return flow


def empty_fields_for_a_required_input() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF310: capture: the child requires an input (AllDefaults), and nothing supplies it (add to capture:
    #   "input": {"topic": "value.topic"})
    flow.to_sub_flow(default_input, capture={"input": {}}).end()
    return flow


def a_required_field_of_the_input() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF310: capture: the child requires the input field 'topic' (str), and nothing supplies it (add to
    #   capture: "input": {"topic": "value.topic"})
    flow.to_sub_flow(maybe_input, capture={"input": {"author": "value.author"}}).end()
    return flow


def a_required_field_inside_the_input() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        maybe_input,
        # P mapping TF310: capture: the child requires the input field 'author.name' (str), and nothing supplies it (add
        #   to capture: "input": {"author.name": "…"})
        capture={
            "input": {
                "topic": "value.topic",
                "author.email": "value.author.email",
            },
        },
    ).end()
    return flow


def an_input_of_defaults_only() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF310: capture: the child requires the input field 'topic' (str), and nothing supplies it (add to
    #   capture: "input": {"topic": "value.topic"})
    # P mapping TF310: capture: the child requires the input field 'author' (Author), and nothing supplies it (add to
    #   capture: "input": {"author": "value.author"})
    flow.to_sub_flow(maybe_input, capture={"input": {"limit": "value.limit"}}).end()
    return flow


# -- the state


def two_required_fields_of_the_state() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF311: capture: the child requires the state field 'topic' (str), and nothing supplies it (add to
    #   capture: "state": {"topic": "value.topic"})
    # P mapping TF311: capture: the child requires the state field 'depth' (int), and nothing supplies it (add to
    #   capture: "state": {"depth": "state.depth"})
    flow.to_sub_flow(needs_state, capture={}, write_back={}).end()
    return flow


def a_required_field_that_has_no_namesake() -> Flow[Plain]:
    flow = Flow(Plain)
    # P mapping TF311: capture: the child requires the state field 'depth' (int), and nothing supplies it (add to
    #   capture: "state": {"depth": "…"})
    flow.to_sub_flow(needs_state, capture={"state": {"topic": "value.topic"}}, write_back={}).end()
    return flow


def a_required_field_under_an_alias() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF311: capture: the child requires the state field 'depth' (int), and nothing supplies it (add to
    #   capture: "runtime_data": {"depth": "state.depth"})
    flow.to_sub_flow(needs_state, capture={"runtime_data": {"topic": "value.topic"}}, write_back={}).end()
    return flow


def a_required_field_with_a_source_that_may_be_none() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        needs_state,
        # P value TF307: capture["state"]["depth"] = "state.maybe_depth": 'state.depth' of the child takes int, and
        #   'state.maybe_depth' of the parent may be None (declare the target as int | None, or take a value that is
        #   never None)
        capture={"state": {"topic": "value.topic", "depth": "state.maybe_depth"}},
        write_back={},
    ).end()
    return flow


def required_fields_inside_of_required_fields() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF311: capture: the child requires the state field 'request.author' (Author), and nothing supplies it
    #   (add to capture: "state": {"request.author": "value.author"})
    # P mapping TF311: capture: the child requires the state field 'author' (Author), and nothing supplies it (add to
    #   capture: "state": {"author": "value.author"})
    flow.to_sub_flow(nested, capture={"state": {"request.topic": "value.topic"}}, write_back={}).end()
    return flow


def the_default_capture_leaves_the_state_out() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF311: capture: the child requires the state field 'topic' (str), and nothing supplies it (give
    #   capture={"input": "value", "state": {"topic": "value.topic"}})
    # P mapping TF311: capture: the child requires the state field 'depth' (int), and nothing supplies it (give
    #   capture={"input": "value", "state": {"depth": "state.depth"}})
    flow.to_sub_flow(equipped).end()
    return flow


# -- resources


def required_resources() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        # P runtime mapping TF312: capture: the child requires the resource 'search' (Search), and nothing supplies it
        #   (add to capture: "resources": {"search": "resources.search"})
        # P runtime mapping TF312: capture: the child requires the resource 'clock' (Clock), and nothing supplies it
        #   (add to capture: "resources": {"clock": "resources.clock"}, and declare it in the parent's resources; or
        #   give the child's flow a default)
        capture={"input": "value", "state": {"topic": "value.topic", "depth": "state.depth"}},
    ).end()
    return flow


def a_required_resource_that_the_parent_lacks() -> Flow[Plain]:
    flow = Flow(Plain)
    flow.to_sub_flow(
        audit,
        # P runtime mapping TF312: capture: the child requires the resource 'search' (Search), and nothing supplies it
        #   (add to capture: "resources": {"search": "resources.search"}, and declare it in the parent's resources; or
        #   give the child's flow a default)
        # P runtime mapping TF312: capture: the child requires the resource 'clock' (Clock), and nothing supplies it
        #   (add to capture: "resources": {"clock": "resources.clock"}, and declare it in the parent's resources; or
        #   give the child's flow a default)
        capture={"input": "value", "state": {"topic": "value.topic", "depth": "value.limit"}},
    ).end()
    return flow


def one_of_two_required_resources() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        # P runtime mapping TF312: capture: the child requires the resource 'clock' (Clock), and nothing supplies it
        #   (add to capture: "resources": {"clock": "resources.clock"}, and declare it in the parent's resources; or
        #   give the child's flow a default)
        capture={
            "input": "value",
            "state": {"topic": "value.topic", "depth": "state.depth"},
            "resources": {"search": "resources.search"},
        },
    ).end()
    return flow


def everything_is_missing() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF310: capture: the child requires an input (Request), and nothing supplies it (add to capture: "input":
    #   "value")
    # P mapping TF311: capture: the child requires the state field 'topic' (str), and nothing supplies it (add to
    #   capture: "state": {"topic": "value.topic"})
    # P mapping TF311: capture: the child requires the state field 'depth' (int), and nothing supplies it (add to
    #   capture: "state": {"depth": "state.depth"})
    # P runtime mapping TF312: capture: the child requires the resource 'search' (Search), and nothing supplies it (add
    #   to capture: "resources": {"search": "resources.search"})
    # P runtime mapping TF312: capture: the child requires the resource 'clock' (Clock), and nothing supplies it (add to
    #   capture: "resources": {"clock": "resources.clock"}, and declare it in the parent's resources; or give the
    #   child's flow a default)
    flow.to_sub_flow(audit, capture={}).end()
    return flow
