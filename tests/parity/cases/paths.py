"""Where paths lead, on both sides: nested fields, keys, renamed fields, and what cannot be walked through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypedDict

import msgspec

from typedflow import Contract, Data, Flow, FlowState, State


class Author(msgspec.Struct):
    name: str
    email: str | None = None


class Request(msgspec.Struct, rename="camel"):
    topic: str
    author: Author
    max_items: int = 10
    tags: list[str] = []
    meta: dict[str, str] = {}
    table: dict[str, Author] = {}


class Span(NamedTuple):
    first: int
    last: int = 0


class Options(TypedDict):
    lang: str


@dataclass
class Window:
    width: int
    title: str = ""


class Frozen(msgspec.Struct, frozen=True):
    x: int = 0


class Tree(msgspec.Struct):
    label: str
    left: Tree | None = None
    twigs: dict[str, Tree] = {}


class Cat(msgspec.Struct, tag=True):
    name: str
    lives: int = 9


class Dog(msgspec.Struct, tag=True):
    name: str


class ReviewState(State):
    request: Request = msgspec.field(default_factory=lambda: Request("", Author("")))
    maybe: Request | None = None
    span: Span = Span(0)
    options: Options = msgspec.field(default_factory=lambda: Options(lang=""))
    window: Window = msgspec.field(default_factory=lambda: Window(0))
    frozen: Frozen = Frozen()
    tree: Tree = msgspec.field(default_factory=lambda: Tree(""))
    pet: Cat | Dog = msgspec.field(default_factory=lambda: Dog(""))
    notes: dict[str, Author] = {}
    numbers: dict[int, str] = {}
    count: int = 0
    text: str = ""
    maybe_text: str | None = None
    drafts: list[str] = []


class Counters(FlowState):
    author: Author = msgspec.field(default_factory=lambda: Author(""))
    counts: dict[str, int] = {}


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


class Needs(State):
    request: Request
    maybe: Request | None
    notes: dict[str, Author]
    window: Window
    span: Span
    options: Options


class Strict(Contract):
    input: Request
    result: Request
    state: Needs


class Loose(Contract):
    input: Any
    result: Any


def work(data: Data[Audit, Request]) -> Request:
    return data.value


def work_strictly(data: Data[Strict, Request]) -> Request:
    return data.value


def work_loosely(data: Data[Loose, Any]) -> Any:
    return data.value


audit = Flow(Audit)
audit.to(work).end()
strict = Flow(Strict)
strict.to(work_strictly).end()
loose = Flow(Loose)
loose.to(work_loosely).end()


# -- sound ones


def nested_on_both_sides() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={
            "input": {"topic": "state.request.author.name", "author.name": "value.author.name"},
            "state": {"request.author.name": "value.topic", "request.author.email": "value.author.email"},
            "flow_state": {"author.name": "flow_state.author.name"},
        },
        write_back={
            "value": {"author.name": "result.topic"},
            "state": {"request.author.name": "result.author.name", "request.max_items": "result.max_items"},
            "flow_state": {"author.email": "result.author.email"},
        },
    ).end()
    return flow


def through_records_of_every_kind() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={
            "input": "value",
            "state": {"count": "state.span.first", "text": "state.options.lang", "window.width": "state.window.width"},
        },
        write_back={
            "state": {"window.title": "result.topic", "options.lang": "result.topic"},
        },
    ).end()
    return flow


def keys_of_dicts() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={
            "input": "value",
            "state": {"text": "value.meta.lang", "notes.ada": "value.table.ada", "request.meta.lang": "value.topic"},
            "flow_state": {"counts.done": "state.count"},
        },
        write_back={"state": {"notes.ada.name": "result.topic"}, "flow_state": {"counts.done": "result.max_items"}},
    ).end()
    return flow


def recursive_types_to_any_depth() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={"input": "value", "state": {"maybe_text": "state.tree.left.left.left.label", "tree": "state.tree"}},
        write_back={"state": {"tree.twigs.oak.label": "result.topic"}},
    ).end()
    return flow


def a_field_that_all_members_of_a_union_have() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={"input": "value", "state": {"text": "state.pet.name", "pet": "state.pet"}},
        write_back={"state": {"pet.name": "result.topic"}},
    ).end()
    return flow


def through_a_value_of_which_nothing_is_known() -> Flow[Loose]:
    flow = Flow(Loose)
    flow.to_sub_flow(
        loose,
        capture={"input": "value.any.thing"},
        write_back={"value": {"some.thing": "result.some"}},
    ).end()
    return flow


def required_fields_are_built_from_their_parts() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        strict,
        capture={
            "input": {"topic": "value.topic", "author.name": "value.topic"},
            "state": {
                "request.topic": "value.topic",
                "request.author.name": "value.topic",
                "maybe.topic": "value.topic",
                "maybe.author": "value.author",
                "notes.ada.name": "value.topic",
                "window.width": "value.max_items",
                "span.first": "value.max_items",
                "options.lang": "value.topic",
            },
        },
    ).end()
    return flow


# -- paths that are none


def an_empty_path() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF303: capture["state"][""]: a path cannot be empty (a path is field names joined by dots, like
    #   'request.topic')
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"": "value.topic"}}).end()
    return flow


def an_empty_segment() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF303: capture["state"]["request..topic"]: 'request..topic' is not a path: segment 2 is empty (a path is
    #   field names joined by dots, like 'request.topic')
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"request..topic": "value.topic"}}).end()
    return flow


def a_dot_at_the_end() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF303: capture["input"] = "value.": a path cannot be empty (a path is field names joined by dots, like
    #   'request.topic')
    flow.to_sub_flow(audit, capture={"input": "value."}).end()
    return flow


def a_blank_in_a_name() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF303: capture["state"]["text"] = "value. topic": ' topic' is not a path: ' topic' is not a name (a path
    #   is field names joined by dots, like 'request.topic')
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"text": "value. topic"}}).end()
    return flow


def an_index() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF303: capture["state"]["text"] = "value.tags.0": 'tags.0' is not a path: '0' is not a name (a path has no
    #   indexes: read the list, then index it)
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"text": "value.tags.0"}}).end()
    return flow


def an_empty_source() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF303: capture["input"]: a source cannot be empty (a source begins with one of: 'value', 'state',
    #   'flow_state')
    flow.to_sub_flow(audit, capture={"input": ""}).end()
    return flow


def a_malformed_path_of_write_back() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF403: write_back["state"]["drafts[0]"]: 'drafts[0]' is not a path: 'drafts[0]' is not a name (a path is
    #   field names joined by dots, like 'request.topic')
    flow.to_sub_flow(audit, write_back={"state": {"drafts[0]": "result.topic"}}).end()
    return flow


def a_malformed_source_of_write_back() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF403: write_back["state"]["text"] = "result.": a path cannot be empty (a path is field names joined by
    #   dots, like 'request.topic')
    flow.to_sub_flow(audit, write_back={"state": {"text": "result."}}).end()
    return flow


# -- fields that are not there


def an_unknown_field_of_the_target() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF304: capture["state"]["reqeust"]: ReviewState has no field 'reqeust' (did you mean 'request'?)
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"reqeust": "value"}}).end()
    return flow


def an_unknown_field_of_the_source() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF304: capture["state"]["text"] = "value.topik": Request has no field 'topik' (did you mean 'topic'?)
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"text": "value.topik"}}).end()
    return flow


def unknown_fields_deep_inside() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={
            "input": "value",
            "state": {
                # P key TF304: capture["state"]["request.author.nmae"]: Author has no field 'nmae', in
                #   'request.author.nmae' (did you mean 'name'?)
                "request.author.nmae": "value.topic",
                # P value TF304: capture["state"]["text"] = "value.author.mail": Author has no field 'mail', in
                #   'author.mail' (did you mean 'email'?)
                "text": "value.author.mail",
            },
        },
    ).end()
    return flow


def an_unknown_field_on_both_sides() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        capture={
            "input": "value",
            # P key TF304: capture["state"]["txet"]: ReviewState has no field 'txet' (did you mean 'text'?)
            # P value TF304: capture["state"]["txet"] = "value.topik": Request has no field 'topik' (did you mean
            #   'topic'?)
            "state": {"txet": "value.topik"},
        },
    ).end()
    return flow


def an_unknown_field_of_write_back() -> Flow[Review]:
    flow = Flow(Review)
    flow.to_sub_flow(
        audit,
        write_back={
            "state": {
                # P value TF404: write_back["state"]["text"] = "result.topik": Request has no field 'topik' (did you
                #   mean 'topic'?)
                "text": "result.topik",
                # P key TF404: write_back["state"]["cuont"]: ReviewState has no field 'cuont' (did you mean 'count'?)
                "cuont": "result.max_items",
            },
        },
    ).end()
    return flow


def an_unknown_field_without_a_near_name() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF304: capture["flow_state"]["xyz"]: Counters has no field 'xyz' (its fields: 'author', 'counts')
    flow.to_sub_flow(audit, capture={"input": "value", "flow_state": {"xyz": "value.topic"}}).end()
    return flow


def a_name_of_the_encoding() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF304: capture["state"]["count"] = "value.maxItems": Request has no field 'maxItems' (that is its name in
    #   the encoding: use the Python name 'max_items')
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"count": "value.maxItems"}}).end()
    return flow


def a_name_of_the_encoding_as_a_target() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF404: write_back["value"]["maxItems"]: Request has no field 'maxItems' (that is its name in the encoding:
    #   use the Python name 'max_items')
    flow.to_sub_flow(audit, write_back={"value": {"maxItems": "result.max_items"}}).end()
    return flow


def an_unknown_key_of_a_typeddict() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF304: capture["state"]["text"] = "state.options.language": Options has no field 'language', in
    #   'options.language' (its fields: 'lang')
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"text": "state.options.language"}}).end()
    return flow


def an_unknown_field_of_a_namedtuple() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF304: capture["state"]["count"] = "state.span.frist": Span has no field 'frist', in 'span.frist' (did you
    #   mean 'first'?)
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"count": "state.span.frist"}}).end()
    return flow


def an_unknown_field_of_a_dataclass() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF404: write_back["state"]["window.widht"]: Window has no field 'widht', in 'window.widht' (did you mean
    #   'width'?)
    flow.to_sub_flow(audit, write_back={"state": {"window.widht": "result.max_items"}}).end()
    return flow


def a_field_that_one_member_of_a_union_lacks() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF304: capture["state"]["count"] = "state.pet.lives": Cat | Dog has no field 'lives', in 'pet.lives' (its
    #   fields: 'name')
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"count": "state.pet.lives"}}).end()
    return flow


def an_unknown_field_of_a_recursive_type() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF304: capture["state"]["maybe_text"] = "state.tree.left.rigth": Tree has no field 'rigth', in
    #   'tree.left.rigth' (its fields: 'label', 'left', 'twigs')
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"maybe_text": "state.tree.left.rigth"}}).end()
    return flow


# -- types without fields


def through_a_scalar() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF305: capture["state"]["text"] = "value.topic.upper": 'topic.upper' leads nowhere: 'topic' is str, which
    #   has no fields (end the path at 'topic')
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"text": "value.topic.upper"}}).end()
    return flow


def through_a_list() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF305: capture["state"]["drafts.first"]: 'drafts.first' leads nowhere: 'drafts' is list[str], which has no
    #   fields (end the path at 'drafts')
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"drafts.first": "value.topic"}}).end()
    return flow


def through_a_dict_of_numbers() -> Flow[Review]:
    flow = Flow(Review)
    # P value TF305: capture["state"]["text"] = "state.numbers.one": 'numbers.one' leads nowhere: 'numbers' is dict[int,
    #   str], which has no fields (end the path at 'numbers')
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"text": "state.numbers.one"}}).end()
    return flow


def through_a_scalar_in_write_back() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF405: write_back["state"]["count.value"]: 'count.value' leads nowhere: 'count' is int, which has no fields
    #   (end the path at 'count')
    flow.to_sub_flow(audit, write_back={"state": {"count.value": "result.max_items"}}).end()
    return flow


# -- targets that cannot be written


def a_write_through_a_value_that_may_be_none() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF415: write_back["state"]["maybe.topic"]: 'maybe.topic' cannot be written through 'maybe', which may be
    #   None (write 'maybe' as a whole)
    flow.to_sub_flow(audit, write_back={"state": {"maybe.topic": "result.topic"}}).end()
    return flow


def a_capture_through_a_default_that_may_be_none() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF315: capture["state"]["maybe.topic"]: 'maybe.topic' cannot be written through 'maybe', which may be None
    #   (write 'maybe' as a whole)
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"maybe.topic": "value.topic"}}).end()
    return flow


def a_write_into_a_frozen_record() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF415: write_back["state"]["frozen.x"]: 'frozen.x' cannot be written: Frozen is read-only (write 'frozen' as
    #   a whole)
    flow.to_sub_flow(audit, write_back={"state": {"frozen.x": "result.max_items"}}).end()
    return flow


def a_capture_into_a_default_that_is_frozen() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF315: capture["state"]["frozen.x"]: 'frozen.x' cannot be written: Frozen is read-only (write 'frozen' as a
    #   whole)
    flow.to_sub_flow(audit, capture={"input": "value", "state": {"frozen.x": "value.max_items"}}).end()
    return flow


def a_write_into_a_namedtuple() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF415: write_back["state"]["span.last"]: 'span.last' cannot be written: Span is read-only (write 'span' as a
    #   whole)
    flow.to_sub_flow(audit, write_back={"state": {"span.last": "result.max_items"}}).end()
    return flow


def a_write_through_a_recursive_optional() -> Flow[Review]:
    flow = Flow(Review)
    # P key TF415: write_back["state"]["tree.left.label"]: 'tree.left.label' cannot be written through 'tree.left',
    #   which may be None (write 'tree.left' as a whole)
    flow.to_sub_flow(audit, write_back={"state": {"tree.left.label": "result.topic"}}).end()
    return flow
