"""when: events and paths that are declared, and the value that they give."""

from __future__ import annotations

from typing import Any, Final, Literal, reveal_type

from shop import Approval, Plain, Report, Shop

from typedflow import Data, Flow


def judge(data: Data[Shop, Approval]) -> Report:
    return Report(text="")


def takes_text(data: Data[Shop, str]) -> Report:
    return Report(text="")


flow = Flow(Shop)
reveal_type(flow.when("approved"))
#           ^ R: typedflow.api.process.Process[shop.Shop, shop.Approval, None]
flow.when("approved").to(judge).end()
flow.when("approved").to(takes_text).end()
#                        ^ E: TF701: step 'takes_text' takes str, and gets Approval (annotate its parameter Data[…, Approval], or put a step in between that makes str of it)  [typedflow-flow]
flow.when("aproved")
#         ^ E: TF501: contract 'Shop' declares no event 'aproved' (did you mean 'approved'?)  [typedflow-event]
reveal_type(flow.when({"event": "approved", "state": "request.topic"}, mode="simple_or"))
#           ^ R: typedflow.api.process.Process[shop.Shop, shop.Approval | str, None]
reveal_type(flow.when({"event": ["approved", "ticked"], "flow_state": "reviewed"}, mode="or"))
#           ^ R: typedflow.api.process.Process[shop.Shop, tuple[Literal['event'], Literal['approved'], shop.Approval] | tuple[Literal['event'], Literal['ticked'], int] | tuple[Literal['flow_state'], Literal['reviewed'], int], None]
reveal_type(flow.when({"event": ["approved", "ticked"], "state": ["count"]}, mode="and"))
#           ^ R: typedflow.api.process.Process[shop.Shop, TypedDict({'event': TypedDict({'approved': shop.Approval, 'ticked': int}), 'state': TypedDict({'count': int})}), None]
flow.when({"event": ["approved", "tickd"], "state": "request.topik"}, mode="and")
#                                ^ E: TF501: contract 'Shop' declares no event 'tickd' (did you mean 'ticked'?)  [typedflow-event]
#                                                   ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
flow.when({"events": "approved"})
#          ^ E: TF719: when() has no trigger 'events' (did you mean 'event'?)  [typedflow-flow]
flow.when({})
#         ^ E: TF719: when() waits for nothing (name an event, when("approved"), or paths, when({"state": "request.topic"}))  [typedflow-flow]
flow.when("approved", mode="xor")
#                          ^ E: TF715: when has no mode 'xor' (did you mean 'or'?)  [typedflow-flow]
Flow(Plain).when("approved")
#                ^ E: TF503: contract 'Plain' declares no events (add an Events class to Plain: `events: PlainEvents`)  [typedflow-event]
Flow(Plain).when({"state": "x"})
#                          ^ E: TF611: contract 'Plain' declares no state, only 'input', 'result' (add `state: …` to Plain, a subclass of State)  [typedflow-state]


def takes_dict(data: Data[Shop, dict[str, dict[str, Any]]]) -> str:
    return ""


def takes_any(data: Data[Shop, dict[str, Any]]) -> str:
    return ""


def takes_texts(data: Data[Shop, dict[str, str]]) -> str:
    return ""


both = flow.when({"event": ["approved", "ticked"]}, mode="and")
both.to(takes_dict)
both.to(takes_any)
both.to(takes_texts)
#       ^ E: TF701: step 'takes_texts' takes dict[str, str], and gets {'event': {'approved': Approval, 'ticked': int}} (annotate its parameter Data[…, {'event': {'approved': Approval, 'ticked': int}}], or put a step in between that makes dict[str, str] of it)  [typedflow-flow]


def collecting(flow: Flow[Shop]) -> None:
    reveal_type(flow.when("approved").collect("all", "approval"))
    #           ^ R: typedflow.api.process.Process[shop.Shop, TypedDict({'approval': shop.Approval, 'tick': Any}), None]
    every = flow.when("ticked").collect("all", "tick")
    reveal_type(every)
    #           ^ R: typedflow.api.process.Process[shop.Shop, TypedDict({'approval': shop.Approval, 'tick': int}), None]
    every.to(takes_any)
    every.to(takes_texts)
    #        ^ E: TF701: step 'takes_texts' takes dict[str, str], and gets {'approval': Approval, 'tick': int} (annotate its parameter Data[…, {'approval': Approval, 'tick': int}], or put a step in between that makes dict[str, str] of it)  [typedflow-flow]
    flow.when("ticked").collect("others", "tick")


# without a mode the form decides
reveal_type(flow.when({"event": "approved"}))
#           ^ R: typedflow.api.process.Process[shop.Shop, shop.Approval, None]
reveal_type(flow.when("approved", mode=None))
#           ^ R: typedflow.api.process.Process[shop.Shop, shop.Approval, None]
reveal_type(flow.when(["approved"]))
#           ^ R: typedflow.api.process.Process[shop.Shop, TypedDict({'event': TypedDict({'approved': shop.Approval})}), None]
reveal_type(flow.when(("approved",)))
#           ^ R: typedflow.api.process.Process[shop.Shop, TypedDict({'event': TypedDict({'approved': shop.Approval})}), None]
reveal_type(flow.when(["approved", "approved"]))
#           ^ R: typedflow.api.process.Process[shop.Shop, TypedDict({'event': TypedDict({'approved': shop.Approval})}), None]
reveal_type(flow.when(["approved", "ticked"]))
#           ^ R: typedflow.api.process.Process[shop.Shop, TypedDict({'event': TypedDict({'approved': shop.Approval, 'ticked': int})}), None]
reveal_type(flow.when({"event": ["approved"]}))
#           ^ R: typedflow.api.process.Process[shop.Shop, TypedDict({'event': TypedDict({'approved': shop.Approval})}), None]
reveal_type(flow.when({"event": ("approved", "ticked")}))
#           ^ R: typedflow.api.process.Process[shop.Shop, TypedDict({'event': TypedDict({'approved': shop.Approval, 'ticked': int})}), None]
reveal_type(flow.when({"event": "approved", "state": "count"}))
#           ^ R: typedflow.api.process.Process[shop.Shop, TypedDict({'event': TypedDict({'approved': shop.Approval}), 'state': TypedDict({'count': int})}), None]
reveal_type(flow.when({"event": "ticked", "event": "approved"}))
#           ^ R: typedflow.api.process.Process[shop.Shop, shop.Approval, None]
reveal_type(flow.when("approved", mode="and"))
#           ^ R: typedflow.api.process.Process[shop.Shop, TypedDict({'event': TypedDict({'approved': shop.Approval})}), None]
reveal_type(flow.when("approved", mode="or"))
#           ^ R: typedflow.api.process.Process[shop.Shop, tuple[Literal['event'], Literal['approved'], shop.Approval], None]
reveal_type(flow.when(["approved", "ticked"], mode="simple_or"))
#           ^ R: typedflow.api.process.Process[shop.Shop, shop.Approval | int, None]
flow.when(["approved"]).to(judge)
#                          ^ E: TF701: step 'judge' takes Approval, and gets {'event': {'approved': Approval}} (annotate its parameter Data[…, {'event': {'approved': Approval}}], or put a step in between that makes Approval of it)  [typedflow-flow]
flow.when([])
#         ^ E: TF719: when() waits for nothing (name an event, when("approved"), or paths, when({"state": "request.topic"}))  [typedflow-flow]
flow.when({"event": []})
#         ^ E: TF719: when() waits for nothing (name an event, when("approved"), or paths, when({"state": "request.topic"}))  [typedflow-flow]
flow.when({"event": [], "state": "count"})
flow.when(["approved", 3])
#         ^ E: TF719: when() takes names, not list[object] (name an event, when("approved"), or paths, when({"state": "request.topic"}))  [typedflow-flow]
flow.when({"event": {"approved": 1}})
#                   ^ E: TF719: when() takes names, not dict[str, int] (name an event, when("approved"), or paths, when({"state": "request.topic"}))  [typedflow-flow]
flow.when(("aproved",))
#          ^ E: TF501: contract 'Shop' declares no event 'aproved' (did you mean 'approved'?)  [typedflow-event]


NAME: Final = "approved"
NAMES: Final = ("approved", "ticked")


def by_form(
    flow: Flow[Shop],
    name: str,
    names: list[str],
    one: Literal["approved", "ticked"],
    given: dict[str, str],
    mode: Literal["and", "or"] | None,
    anything: Any,
) -> None:
    reveal_type(flow.when(NAME))
    #           ^ R: typedflow.api.process.Process[shop.Shop, shop.Approval, None]
    reveal_type(flow.when([NAME]))
    #           ^ R: typedflow.api.process.Process[shop.Shop, TypedDict({'event': TypedDict({'approved': shop.Approval})}), None]
    reveal_type(flow.when(NAMES))
    #           ^ R: typedflow.api.process.Process[shop.Shop, Any, None]
    reveal_type(flow.when(name))
    #           ^ R: typedflow.api.process.Process[shop.Shop, Any, None]
    reveal_type(flow.when(names))
    #           ^ R: typedflow.api.process.Process[shop.Shop, Any, None]
    reveal_type(flow.when([*names, "approved"]))
    #           ^ R: typedflow.api.process.Process[shop.Shop, Any, None]
    reveal_type(flow.when(one))
    #           ^ R: typedflow.api.process.Process[shop.Shop, shop.Approval | int, None]
    reveal_type(flow.when([one]))
    #           ^ R: typedflow.api.process.Process[shop.Shop, Any, None]
    reveal_type(flow.when(given))
    #           ^ R: typedflow.api.process.Process[shop.Shop, Any, None]
    reveal_type(flow.when("approved", mode=mode))
    #           ^ R: typedflow.api.process.Process[shop.Shop, Any, None]
    reveal_type(flow.when(anything))
    #           ^ R: typedflow.api.process.Process[shop.Shop, Any, None]
    reveal_type(flow.when({"event": anything}))
    #           ^ R: typedflow.api.process.Process[shop.Shop, Any, None]
    reveal_type(flow.when({"event": anything, "state": "count"}))
    #           ^ R: typedflow.api.process.Process[shop.Shop, Any, None]
