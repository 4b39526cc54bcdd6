"""when: events and paths that are declared, and the value that they give."""

from __future__ import annotations

from typing import reveal_type

from shop import Approval, Plain, Report, Shop

from typedflow import Data, Flow


def judge(data: Data[Shop, Approval]) -> Report:
    return Report(text="")


def takes_text(data: Data[Shop, str]) -> Report:
    return Report(text="")


flow = Flow(Shop)
reveal_type(flow.when("approved"))
#           ^ R: typedflow.execution.process.Process[shop.Shop, shop.Approval, None]
flow.when("approved").to(judge).end()
flow.when("approved").to(takes_text).end()
#                        ^ E: TF701: step 'takes_text' takes str, and gets Approval (annotate its parameter Data[…, Approval], or put a step in between that makes str of it)  [typedflow-flow]
flow.when("aproved")
#         ^ E: TF501: contract 'Shop' declares no event 'aproved' (did you mean 'approved'?)  [typedflow-event]
reveal_type(flow.when({"event": "approved", "state": "request.topic"}))
#           ^ R: typedflow.execution.process.Process[shop.Shop, shop.Approval | str, None]
reveal_type(flow.when({"event": ["approved", "ticked"], "flow_state": "reviewed"}, mode="or"))
#           ^ R: typedflow.execution.process.Process[shop.Shop, tuple[Literal['event'], Literal['approved'], shop.Approval] | tuple[Literal['event'], Literal['ticked'], int] | tuple[Literal['flow_state'], Literal['reviewed'], int], None]
reveal_type(flow.when({"event": ["approved", "ticked"], "state": ["count"]}, mode="and"))
#           ^ R: typedflow.execution.process.Process[shop.Shop, TypedDict({'event': TypedDict({'approved': shop.Approval, 'ticked': int}), 'state': TypedDict({'count': int})}), None]
flow.when({"event": ["approved", "tickd"], "state": "request.topik"}, mode="and")
#                                ^ E: TF501: contract 'Shop' declares no event 'tickd' (did you mean 'ticked'?)  [typedflow-event]
#                                                   ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
flow.when({"events": "approved"})
#          ^ E: TF719: when() has no trigger 'events' (did you mean 'event'?)  [typedflow-flow]
flow.when({})
#         ^ E: TF719: when() waits for nothing (name an event, when("approved"), or paths, when({"state": "request.topic"}))  [typedflow-flow]
flow.when("approved", mode="xor")
#                          ^ E: Argument "mode" to "when" of "Flow" has incompatible type "Literal['xor']"; expected "Literal['simple_or', 'or', 'and']"  [arg-type]
Flow(Plain).when("approved")
#                ^ E: TF503: contract 'Plain' declares no events (add an Events class to Plain: `events: PlainEvents`)  [typedflow-event]
Flow(Plain).when({"state": "x"})
#                          ^ E: TF611: contract 'Plain' declares no state, only 'input', 'result' (add `state: …` to Plain, a subclass of State)  [typedflow-state]
