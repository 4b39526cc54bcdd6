"""The state that an execution is given."""

from __future__ import annotations

from typing import Any

from shop import Box, LongReport, Plain, Report, Request, Shop, ShopState

from typedflow import Data, Flow, State

flow = Flow(Shop)
request = Request("x")


class Other(State):
    count: int = 0


def size(data: Data[Plain, str]) -> int:
    return len(data.value)


def plain() -> Flow[Plain]:
    flow = Flow(Plain)
    flow.to(size).end()
    return flow


class LongState(ShopState):
    more: int = 0


# sound
flow.create_execution(state={"request": request, "drafts": ["a"], "count": 3, "ratio": 1})
flow.create_execution(state={})
flow.create_execution(state=None)
flow.create_execution(state=ShopState(request=request))
flow.create_execution(state={"request": {"topic": "x"}, "maybe": None, "page": {"number": 1}})
flow.create_execution(state={"tree": {"name": "a", "children": [{"name": "b"}], "parent": {"name": "c"}}})
flow.create_execution(state={"box": {"item": {"ok": True}}, "options": {"depth": 2}, "seen": {1}})
flow.create_execution(state={"table": {"a": {"topic": "x"}}, "either": {"type": "Request", "topic": "x"}})

# keys
flow.create_execution(state={"reqest": request})
#                            ^ E: TF602: ShopState has no field 'reqest' (did you mean 'request'?)  [typedflow-state]
flow.create_execution(state={"request": {"topik": "x"}})
#                                        ^ E: TF602: Request has no field 'topik' (did you mean 'topic'?)  [typedflow-state]
flow.create_execution(state={"request": {"max_items": 3}})
#                                       ^ E: TF601: 'request.topic' of state (str) is missing  [typedflow-state]
flow.create_execution(state={"tree": {"name": "a", "children": [{"nme": "b"}]}})
#                                                                ^ E: TF602: Tree has no field 'nme' (did you mean 'name'?)  [typedflow-state]
flow.start(request, state={"request": request, "coutn": 3})
#    ^ E: TF102: resource 'logger', declared as Logger, is missing (give it with update_runtime_resources(logger=…) on the flow, or runtime_resources={'logger': …})  [typedflow-resource]
#    ^ E: TF102: resource 'search', declared as Search, is missing (give it with update_runtime_resources(search=…) on the flow, or runtime_resources={'search': …})  [typedflow-resource]
#                                              ^ E: TF602: ShopState has no field 'coutn' (did you mean 'count'?)  [typedflow-state]
flow.async_start(request, state={"coutn": 3})
# @0 E: Value of type "Coroutine[Any, Any, Report]" must be used  [unused-coroutine]  (Are you missing an await?)
#    ^ E: TF102: resource 'logger', declared as Logger, is missing (give it with update_runtime_resources(logger=…) on the flow, or runtime_resources={'logger': …})  [typedflow-resource]
#    ^ E: TF102: resource 'search', declared as Search, is missing (give it with update_runtime_resources(search=…) on the flow, or runtime_resources={'search': …})  [typedflow-resource]
#                                ^ E: TF602: ShopState has no field 'coutn' (did you mean 'count'?)  [typedflow-state]

# values
flow.create_execution(state={"request": "x", "count": "3", "drafts": "a", "note": 3})
#                                       ^ E: TF601: 'request' of state takes Request, not str  [typedflow-state]
#                                                     ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]
#                                                                    ^ E: TF601: 'drafts' of state takes list[str], not str  [typedflow-state]
#                                                                                 ^ E: TF601: 'note' of state takes str | None, not int  [typedflow-state]
flow.create_execution(state={"drafts": ["a", 3], "seen": {"a"}, "options": {"deep": 1}, "point": (1, "x")})
#                                            ^ E: TF601: 'drafts[1]' of state takes str, not int  [typedflow-state]
#                                                        ^ E: TF601: 'seen' of state takes set[int], not set[str]  [typedflow-state]
#                                                                          ^ E: TF601: 'options' of state takes Options, not dict[str, int]  [typedflow-state]
#                                                                                                ^ E: TF601: 'point' of state takes Point, not tuple[int, str]  [typedflow-state]
flow.create_execution(state={"request": {"topic": 3}, "tree": {"name": "a", "children": [3, {"name": 3}]}})
#                                                 ^ E: TF601: 'request.topic' of state takes str, not int  [typedflow-state]
#                                                                                        ^ E: TF601: 'tree.children[0]' of state takes Tree, not int  [typedflow-state]
#                                                                                                    ^ E: TF601: 'tree.children[1].name' of state takes str, not int  [typedflow-state]
flow.create_execution(state={"count": 1.5, "ratio": "x", "either": LongReport(text=""), "maybe": Report(text="")})
#                                     ^ E: TF601: 'count' of state takes int, not float  [typedflow-state]
#                                                   ^ E: TF601: 'ratio' of state takes float, not str  [typedflow-state]
#                                                                  ^ E: TF601: 'either' of state takes Request | Report | None, not LongReport  [typedflow-state]
#                                                                                                ^ E: TF601: 'maybe' of state takes Request | None, not Report  [typedflow-state]
flow.create_execution(state={"table": {"a": 3}, "box": Box(3)})
#                                           ^ E: TF601: 'table.a' of state takes Request, not int  [typedflow-state]
#                                                      ^ E: TF601: 'box' of state takes Box[Approval] | None, not Box[int]  [typedflow-state]
flow.create_execution(state={"count": Request.nowhere})
#                                     ^ E: "type[Request]" has no attribute "nowhere"  [attr-defined]

# instances
flow.create_execution(state=Other())
#                           ^ E: TF601: 'state' takes ShopState, not Other (give an instance of ShopState itself, or a mapping of its fields)  [typedflow-state]
flow.create_execution(state=LongState(request=request))
#                           ^ E: TF601: 'state' takes ShopState, not LongState (give an instance of ShopState itself, or a mapping of its fields)  [typedflow-state]
flow.create_execution(state=request)
#                           ^ E: Argument "state" to "create_execution" of "Flow" has incompatible type "Request"; expected "State | Mapping[str, Any] | None"  [arg-type]
plain().create_execution(state={"count": 3})
#                              ^ E: TF611: contract 'Plain' declares no state, only 'input', 'result' (add `state: …` to Plain, a subclass of State)  [typedflow-state]
plain().create_execution(state=Other())
#                              ^ E: TF611: contract 'Plain' declares no state, only 'input', 'result' (add `state: …` to Plain, a subclass of State)  [typedflow-state]


def unknown(key: str, value: Any, values: dict[str, int], state: State, flow_: Flow[Any]) -> None:
    flow.create_execution(state={key: 3, "count": value, **values})
    flow.create_execution(state=values)
    flow.create_execution(state=state)
    flow.create_execution(state=value)
    flow_.create_execution(state={"reqest": 3})
    flow.create_execution(state={"table": values, "tree": {"name": "a", "children": [values]}})
