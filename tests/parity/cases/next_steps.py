"""What the write_back leaves as the value, and whether the step behind takes it."""

from __future__ import annotations

import msgspec

from typedflow import Contract, Data, Flow, FlowState, State


class Request(msgspec.Struct):
    topic: str
    tags: list[str] = []


class Report(msgspec.Struct):
    text: str
    score: int = 0
    note: str | None = None


class Detailed(Report):
    details: str = ""


class ReviewState(State):
    report: Report | None = None


class Counters(FlowState):
    score: int = 0


class Review(Contract):
    input: Request
    result: Report
    state: ReviewState
    flow_state: Counters


class Audit(Contract):
    input: Request
    result: Report


class Deep(Contract):
    input: Request
    result: Detailed


class Many(Contract):
    input: Request
    result: Request


class Silent(Contract):
    input: Request
    result: None


def work(data: Data[Audit, Request]) -> Report:
    return Report(data.value.topic)


def work_deeply(data: Data[Deep, Request]) -> Detailed:
    return Detailed(data.value.topic)


def work_on_many(data: Data[Many, Request]) -> Request:
    return data.value


def work_silently(data: Data[Silent, Request]) -> None:
    return None


def take_request(data: Data[Review, Request]) -> Report:
    return Report(data.value.topic)


def take_report(data: Data[Review, Report]) -> Report:
    return data.value


def take_str(data: Data[Review, str]) -> Report:
    return Report(data.value)


def take_int(data: Data[Review, int]) -> Report:
    return Report(str(data.value))


def take_anything(data: Data[Review, object]) -> Report:
    return Report("")


audit = Flow(Audit)
audit.to(work).end()
deep = Flow(Deep)
deep.to(work_deeply).end()
many = Flow(Many)
many.to(work_on_many).end()
silent = Flow(Silent)
silent.to(work_silently)


# -- sound ones


def the_result_by_default() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit).to(take_report).end()
    return flow


def a_part_of_the_result() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, write_back={"value": "result.text"}).to(take_str).end()
    return flow


def the_value_as_it_was() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, write_back={}).to(take_request).end()
    return flow


def the_value_as_it_was_beside_layers() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, write_back={"state": {"report": "result"}, "flow_state": {"score": "result.score"}}).to(
        take_request
    ).end()
    return flow


def the_value_with_other_fields() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit, write_back={"value": {"topic": "result.text"}}).to(take_request).end()
    return flow


def a_step_that_takes_anything() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit).to(take_anything).end()
    return flow


def a_subclass_for_its_base() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF411: write_back, left out, is {"value": "result"}: the next step takes Report, and would get Detailed
    #   (take another part of the result, or put a step in between that makes Report of it)
    flow.to_sub_flow(deep).to(take_report).end()
    return flow


# -- unsound ones


def the_result_where_the_value_is_taken() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF411: write_back["value"] = "result": the next step takes Request, and would get Report (take another
    #   part of the result, or put a step in between that makes Request of it)
    flow.to_sub_flow(audit, write_back={"value": "result"}).to(take_request).end()
    return flow


def the_default_where_the_value_is_taken() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF411: write_back, left out, is {"value": "result"}: the next step takes Request, and would get Report
    #   (take another part of the result, or put a step in between that makes Request of it)
    flow.to_sub_flow(audit).to(take_request).end()
    return flow


def the_value_where_the_result_is_taken() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF411: write_back: the next step takes Report, and would get Request, the value as it was before the
    #   child (add to write_back: "value": "result", or a part of the result)
    flow.to_sub_flow(audit, write_back={}).to(take_report).end()
    return flow


def the_value_with_other_fields_where_the_result_is_taken() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF411: write_back: the next step takes Report, and would get Request, the value as it was before the
    #   child but for the fields given (give the value as a whole: "value": "result", or a part of the result)
    flow.to_sub_flow(audit, write_back={"value": {"topic": "result.text"}}).to(take_report).end()
    return flow


def only_layers_where_the_result_is_taken() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF411: write_back: the next step takes Report, and would get Request, the value as it was before the
    #   child (add to write_back: "value": "result", or a part of the result)
    flow.to_sub_flow(audit, write_back={"flow_state": {"score": "result.score"}}).to(take_report).end()
    return flow


def a_part_of_the_wrong_type() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF411: write_back["value"] = "result.score": the next step takes str, and would get int (take another part
    #   of the result, or put a step in between that makes str of it)
    flow.to_sub_flow(audit, write_back={"value": "result.score"}).to(take_str).end()
    return flow


def a_part_that_may_be_none() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF411: write_back["value"] = "result.note": the next step takes str, and would get str | None (take
    #   another part of the result, or put a step in between that makes str of it)
    flow.to_sub_flow(audit, write_back={"value": "result.note"}).to(take_str).end()
    return flow


def none_where_something_is_taken() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF411: write_back, left out, is {"value": "result"}: the next step takes Report, and would get None
    #   (take another part of the result, or put a step in between that makes Report of it)
    flow.to_sub_flow(silent).to(take_report).end()
    return flow


def two_steps_behind() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF411: write_back["value"] = "result.score": the next step takes str, and would get int (take another part
    #   of the result, or put a step in between that makes str of it)
    # P value TF411: write_back["value"] = "result.score": the next step takes Request, and would get int (take another
    #   part of the result, or put a step in between that makes Request of it)
    found = flow.to_sub_flow(audit, write_back={"value": "result.score"})
    found.to(take_str).end()
    found.to(take_int).end()
    found.side_branch(take_request)
    return flow


def the_next_child() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF306: capture, left out, is {"input": "value"}: 'input' of the child takes Request, and 'value' of the
    #   parent is str (map its fields, {"input": {"field": "value.field"}})
    flow.to_sub_flow(audit, write_back={"value": "result.text"}).to_sub_flow(audit).end()
    return flow


def take_list(data: Data[Review, list[str]]) -> Report:
    return Report(data.value[0])


def is_long(data: Data[Review, Report]) -> bool:
    return len(data.value.text) > 9


def is_topic(data: Data[Review, Request]) -> bool:
    return bool(data.value.topic)


def first(data: Data[Review, tuple[Report, Report]]) -> Report:
    return data.value[0]


def first_of(data: Data[Review, list[Report]]) -> Report:
    return data.value[0]


# -- blocks that hand the value on


def what_the_branches_take() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit).batch().branch(take_report).branch(take_report, name="b").end_batch().to(first).end()
    return flow


def what_the_branches_do_not_take() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF411: write_back["value"] = "result": the next step takes Request, and would get Report (take another
    #   part of the result, or put a step in between that makes Request of it)
    found = flow.to_sub_flow(audit, write_back={"value": "result"})
    found.batch().branch(take_request).branch(take_report).end_batch().to(first).end()
    return flow


def what_the_conditions_and_cases_take() -> Flow[Review]:
    flow = Flow(Review)
    match = flow.to_sub_flow(audit).match().case(is_long).to(take_report).case("x").to(take_report)
    match.case_else().to(take_report).end_match().end()
    return flow


def what_a_condition_does_not_take() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF411: write_back, left out, is {"value": "result"}: the next step takes Request, and would get Report
    #   (take another part of the result, or put a step in between that makes Request of it)
    found = flow.to_sub_flow(audit)
    found.match().case(is_topic).to(take_report).case_else().to(take_report).end_match().end()
    return flow


def what_a_later_condition_does_not_take() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF411: write_back, left out, is {"value": "result"}: the next step takes Request, and would get Report
    #   (take another part of the result, or put a step in between that makes Request of it)
    found = flow.to_sub_flow(audit)
    found.match().case(is_long).to(take_report).case(is_topic).to(take_report).end_match().end()
    return flow


def what_the_condition_of_an_if_does_not_take() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF411: write_back, left out, is {"value": "result"}: the next step takes Request, and would get Report
    #   (take another part of the result, or put a step in between that makes Request of it)
    flow.to_sub_flow(audit).if_condition(is_topic).to(take_report).end_condition().end()
    return flow


def what_a_case_does_not_take() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF411: write_back["value"] = "result.text": the next step takes Request, and would get str (take another
    #   part of the result, or put a step in between that makes Request of it)
    flow.to_sub_flow(audit, write_back={"value": "result.text"}).match().case("x").to(take_request).case_else().to(
        take_str
    ).end_match().end()
    return flow


def what_the_else_does_not_take() -> Flow[Review]:
    flow = Flow(Review)
    # P mapping TF411: write_back, left out, is {"value": "result"}: the next step takes Request, and would get Report
    #   (take another part of the result, or put a step in between that makes Request of it)
    flow.to_sub_flow(audit).if_condition(is_long).batch().branch(take_report).branch(
        take_report, name="b"
    ).end_batch().to(first).else_condition().to(take_request).end_condition().end()
    return flow


def items_that_the_step_takes() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(many, write_back={"value": "result.tags"}).for_each().to(take_str).end_for_each().to(
        first_of
    ).end()
    return flow


def items_that_the_step_does_not_take() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF411: write_back["value"] = "result.tags": the next step takes Sequence[int], and would get list[str]
    #   (take another part of the result, or put a step in between that makes Sequence[int] of it)
    flow.to_sub_flow(many, write_back={"value": "result.tags"}).for_each().to(take_int).end_for_each().to(
        first_of
    ).end()
    return flow


def a_branch_in_a_for_each() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF411: write_back["value"] = "result.tags": the next step takes Sequence[int], and would get list[str]
    #   (take another part of the result, or put a step in between that makes Sequence[int] of it)
    flow.to_sub_flow(many, write_back={"value": "result.tags"}).for_each().batch().branch(take_int).branch(
        take_str
    ).end_batch().end_for_each().to(lambda data: Report("")).end()
    return flow


def behind_the_block() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(audit).if_condition(is_long).to(take_report).end_condition().to(take_report).end()
    return flow
