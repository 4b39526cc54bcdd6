"""capture and write_back: all that can be wrong with them, on the key or the value at fault."""

from __future__ import annotations

from typing import Any, Final, reveal_type

import msgspec
from bindings import GOOD_CAPTURE, WRONG_CAPTURE
from shop import Report, Request, Search, Shop

from typedflow import Contract, Data, Flow, FlowState, Resources, State


class Audit(msgspec.Struct):
    verdict: str
    score: int = 0
    by: str | None = None


class Task(msgspec.Struct):
    topic: str
    depth: int
    note: str | None = None


class ChildState(State):
    request: Request
    seen: int = 0


class ChildCounters(FlowState):
    limit: int = 0


class ChildResources(Resources):
    search: Search
    extra: int | None = None


class Child(Contract):
    input: Task
    result: Audit
    state: ChildState
    flow_state: ChildCounters
    resources: ChildResources


class Small(Contract):
    input: Request
    result: Report


child, small = Flow(Child), Flow(Small)
process = Flow(Shop).to(lambda data: data.value)

# what fits
reveal_type(process.to_sub_flow(small))
#           ^ R: typedflow.api.process.Process[shop.Shop, shop.Report, None]
reveal_type(process.to_sub_flow(small, write_back={}))
#           ^ R: typedflow.api.process.Process[shop.Shop, shop.Request, None]
reveal_type(process.to_sub_flow(small, write_back={"value": "result.score"}))
#           ^ R: typedflow.api.process.Process[shop.Shop, float, None]
reveal_type(Flow(Shop).to_sub_flow(small).end())
#           ^ R: None
good = process.to_sub_flow(
    child,
    capture={
        "input": {"topic": "value.topic", "depth": "state.count"},
        "state": {"request": "value"},
        "resources": {"search": "resources.search"},
    },
    write_back={"value": "result.verdict", "state": {"count": "result.score", "note": "result.by"}},
)
reveal_type(good)
#           ^ R: typedflow.api.process.Process[shop.Shop, str, None]

# what does not
process.to_sub_flow(child)
#                   ^ E: TF306: capture, left out, is {"input": "value"}: 'input' of the child takes Task, and 'value' of the parent is Request (map its fields, {"input": {"field": "value.field"}})  [typedflow-capture]
#                   ^ E: TF311: capture: the child requires the state field 'request' (Request), and nothing supplies it (give capture={"input": "value", "state": {"request": "state.request"}})  [typedflow-capture]
process.to_sub_flow(
    child,
    capture={
        "input": {"topic": "value.topik", "depht": "state.count", "depth": "state.note"},
        #                  ^ E: TF304: capture["input"]["topic"] = "value.topik": Request has no field 'topik' (did you mean 'topic'?)  [typedflow-capture]
        #                                 ^ E: TF304: capture["input"]["depht"]: Task has no field 'depht' (did you mean 'depth'?)  [typedflow-capture]
        #                                                                  ^ E: TF306: capture["input"]["depth"] = "state.note": 'input.depth' of the child takes int, and 'state.note' of the parent is str | None (take another source, or declare the two alike)  [typedflow-capture]
        "state": {"request": "state.maybe", "seen.x": "state.count", "": "value"},
        #                    ^ E: TF307: capture["state"]["request"] = "state.maybe": 'state.request' of the child takes Request, and 'state.maybe' of the parent may be None (declare the target as Request | None, or take a value that is never None)  [typedflow-capture]
        #                                   ^ E: TF305: capture["state"]["seen.x"]: 'seen.x' leads nowhere: 'seen' is int, which has no fields (end the path at 'seen')  [typedflow-capture]
        #                                                            ^ E: TF303: capture["state"][""]: a path cannot be empty (a path is field names joined by dots, like 'request.topic')  [typedflow-capture]
        "flow_state": {"limit": "flow_state.reviewed", "limits": "result.x"},
        #                                              ^ E: TF304: capture["flow_state"]["limits"]: ChildCounters has no field 'limits' (did you mean 'limit'?)  [typedflow-capture]
        #                                                        ^ E: TF302: capture["flow_state"]["limits"] = "result.x": 'flow_state' cannot be filled from 'result', only from 'value', 'state', 'flow_state' (the result is there after the child ran: use it in write_back)  [typedflow-capture]
        "resources": {"search": "resources.serch", "extra": "value.topic", "a.b": "resources.search"},
        #                       ^ E: TF304: capture["resources"]["search"] = "resources.serch": ShopResources has no field 'serch' (did you mean 'search'?)  [typedflow-capture]
        #                                                   ^ E: TF302: capture["resources"]["extra"] = "value.topic": 'resources' cannot be filled from 'value', only from 'resources' (resources go to resources only: they are never part of a value or a state)  [typedflow-capture]
        #                                                                  ^ E: TF303: capture["resources"]["a.b"]: 'a.b' is not a resource key (take 'a' and read its attributes: resources are given whole, a key has no dots)  [typedflow-capture]
        "inputs": "value",
        # @8 E: TF301: capture["inputs"]: 'inputs' is not a scope of capture (did you mean 'input'?)  [typedflow-capture]
    },
    write_back={
        "value": "result.verdic",
        #        ^ E: TF404: write_back["value"] = "result.verdic": Audit has no field 'verdic' (did you mean 'verdict'?)  [typedflow-write-back]
        "state": {"count": "result.by", "request.topic": "result.by", "maybe.topic": "result.verdict"},
        #                  ^ E: TF406: write_back["state"]["count"] = "result.by": 'state.count' of the parent takes int, and 'result.by' of the child is str | None (take another source, or declare the two alike)  [typedflow-write-back]
        #                                                ^ E: TF407: write_back["state"]["request.topic"] = "result.by": 'state.request.topic' of the parent takes str, and 'result.by' of the child may be None (declare the target as str | None, or take a value that is never None)  [typedflow-write-back]
        #                                                             ^ E: TF415: write_back["state"]["maybe.topic"]: 'maybe.topic' cannot be written through 'maybe', which may be None (write 'maybe' as a whole)  [typedflow-write-back]
        "resources": {"search": "result"},
        # @8 E: TF410: write_back["resources"]: resources are never written back: a child's resources stay with the child (return what the parent needs as the child's result)  [typedflow-write-back]
        "flow_state": "result",
        #             ^ E: TF413: write_back["flow_state"] = "result": 'flow_state' is given by fields, not as a whole (write {"flow_state": {"field": "result"}})  [typedflow-write-back]
    },
)
process.to_sub_flow(small, capture={"input": "value"}, write_back={"state": {"request": {"topic": "result.text"}}})
#                                                                                       ^ E: TF413: write_back["state"]["request"]: a source is a str, like "result.field", not {'topic': 'result.text'} (dict) (a source begins with one of 'result')  [typedflow-write-back]
process.to_sub_flow(
    small,
    capture={"input": "value", "state": {"a": "value"}},
    #                                    ^ E: TF314: capture["state"]["a"]: the child's contract declares no state (declare `state: …` there, or leave the entry out)  [typedflow-capture]
    write_back={"state": {"request": "result.text", "request.topic": "result.text"}, "flow_state": {"reviewed": 3}},
    #                                ^ E: TF406: write_back["state"]["request"] = "result.text": 'state.request' of the parent takes Request, and 'result.text' of the child is str (take another source, or declare the two alike)  [typedflow-write-back]
    #                                               ^ E: TF408: write_back["state"]["request.topic"]: 'state.request.topic' is part of 'state.request', and both are given (give the whole or its parts)  [typedflow-write-back]
    #                                                                                                           ^ E: TF413: write_back["flow_state"]["reviewed"]: a source is a str, like "result.field", not 3 (int) (a source begins with one of 'result')  [typedflow-write-back]
)
process.to_sub_flow(
    child,
    capture={"state": {"request": "value"}, "runtime_data": {"request": "value"}, "input": "value", "input": "state"},
    #                                                        ^ E: TF309: capture["runtime_data"]["request"]: 'state.request' is given twice, and 'runtime_data' is another name of 'state' (keep one of the two)  [typedflow-capture]
    #                                                                                               ^ E: TF309: capture["input"]: 'input' is given twice (keep one of the two)  [typedflow-capture]
    #                                                                                                        ^ E: TF306: capture["input"] = "state": 'input' of the child takes Task, and 'state' of the parent is ShopState (map its fields, {"input": {"field": "state.field"}})  [typedflow-capture]
    #                                                                                                        ^ E: TF306: capture["input"] = "value": 'input' of the child takes Task, and 'value' of the parent is Request (map its fields, {"input": {"field": "value.field"}})  [typedflow-capture]
)
process.to_sub_flow(small, capture={"input": 3}, write_back={"value": None})
#                                            ^ E: TF313: capture["input"]: 'input' takes a source or a mapping of fields, not 3 (int) (write {"input": "value"}, {"state": {"field": "value.field"}}, or {} for nothing)  [typedflow-capture]
#                                                                     ^ E: TF413: write_back["value"]: 'value' takes a source or a mapping of fields, not None (write {"value": "result"}, {"state": {"field": "result.field"}}, or {} for nothing)  [typedflow-write-back]

# names
process.to_sub_flow(child, capture=GOOD_CAPTURE)
process.to_sub_flow(child, capture=WRONG_CAPTURE)
#                                  ^ E: TF304: capture["input"]["topic"] = "value.topik": Request has no field 'topik' (did you mean 'topic'?)  [typedflow-capture]
HERE: Final = {"input": "valu"}
process.to_sub_flow(small, capture=HERE)
#                                  ^ E: TF301: capture["input"] = "valu": 'valu' is not a scope (did you mean 'value'?)  [typedflow-capture]
TOPIC: Final = "value.topik"
process.to_sub_flow(child, capture={"input": {"topic": TOPIC, "depth": "state.count"}, "state": {"request": "value"}})
#                                                      ^ E: TF304: capture["input"]["topic"] = "value.topik": Request has no field 'topik' (did you mean 'topic'?)  [typedflow-capture]


def dynamic(text: str, spread: dict[str, str], flow: Flow[Any]) -> None:
    reveal_type(process.to_sub_flow(small, capture={"input": text}))
    #           ^ R: typedflow.api.process.Process[shop.Shop, shop.Report, None]
    process.to_sub_flow(small, write_back={"state": {**spread}})
    process.to_sub_flow(flow)


def branches(data: Data[Shop, Request]) -> int:
    return 1


reveal_type(process.batch().branch(branches).branch(small).end_batch())
#           ^ R: typedflow.api.process.Process[shop.Shop, tuple[int, shop.Report], None]
process.batch().branch(child).end_batch()
#                      ^ E: TF306: capture, left out, is {"input": "value"}: 'input' of the child takes Task, and 'value' of the parent is Request (map its fields, {"input": {"field": "value.field"}})  [typedflow-capture]
#                      ^ E: TF311: capture: the child requires the state field 'request' (Request), and nothing supplies it (give capture={"input": "value", "state": {"request": "state.request"}})  [typedflow-capture]
