"""Arguments in `*args` and `**kwargs` are unknown, and not left out; so are the entries that are spread into a display."""

from __future__ import annotations

from typing import Any, Final, TypedDict, reveal_type

import msgspec

from typedflow import Contract, Data, Events, Execution, Flow, Resources, Retry, State, binding


class Request(msgspec.Struct):
    topic: str
    limit: int = 0


class Log: ...


class Tools(Resources):
    log: Log | None = None


class Memory(State):
    count: int | None = None
    names: list[str] = []
    sizes: dict[str, int] = {}
    request: Request | None = None


class Happenings(Events):
    done: Request
    other: str


class C(Contract):
    input: Request
    result: str
    events: Happenings
    state: Memory
    resources: Tools


class Child(Contract):
    input: str
    result: int


child = Flow(Child)


class OnlyName(TypedDict):
    name: str


class MayCapture(TypedDict, total=False):
    capture: Any


class WritesBack(TypedDict):
    write_back: Any


class Payload(TypedDict):
    payload: str


def takes(data: Data[C, str]) -> str:
    return ""


def is_long(data: Data[C, Request]) -> bool:
    return True


def first(data: Data[C, Request]) -> Request:
    return data.value


def children(
    flow: Flow[C], options: dict[str, Any], name: OnlyName, may: MayCapture, back: WritesBack, args: list[Any], **kw: Any
) -> None:
    reveal_type(flow.to_sub_flow(child, **kw))
    #           ^ R: typedflow.api.process.Process[spread_arguments.C, Any, None]
    flow.to_sub_flow(child, name="x", **options)
    flow.to_sub_flow(child, **may)
    flow.to_sub_flow(*args)
    flow.to_sub_flow(**options)
    flow.to_sub_flow(child, capture={"input": "value.topic"}, **options).to(takes)
    flow.to(first).to_sub_flow(child, **kw).to(takes).end()
    flow.to(first).to_sub_flow(child, **kw).match().case(is_long)
    flow.to_sub_flow(child, capture={"input": "value.topic"}, **back).to(takes).end()
    # what is known
    flow.to_sub_flow(child, **name)
    #                ^ E: TF306: capture, left out, is {"input": "value"}: 'input' of the child takes str, and 'value' of the parent is Request (take a part of it, "value.field")  [typedflow-capture]
    flow.to_sub_flow(child, **back)
    #                ^ E: TF306: capture, left out, is {"input": "value"}: 'input' of the child takes str, and 'value' of the parent is Request (take a part of it, "value.field")  [typedflow-capture]
    flow.to_sub_flow(child, capture={"input": "valu"}, **options)
    #                                         ^ E: TF301: capture["input"] = "valu": 'valu' is not a scope (did you mean 'value'?)  [typedflow-capture]
    flow.to_sub_flow(child, write_back={"valu": "result"}, **options)
    #                                   ^ E: TF401: write_back["valu"]: 'valu' is not a scope of write_back (did you mean 'value'?)  [typedflow-write-back]
    flow.to_sub_flow(capture={"input": "value.topic"}, child=child).to(takes)
    #                                                        ^ E: TF411: write_back, left out, is {"value": "result"}: the next step takes str, and would get int (take another part of the result, or put a step in between that makes str of it)  [typedflow-write-back]


BASE: Final = {"input": "value.topic"}
BOUND = binding({"input": "value.topic"})


def displays(flow: Flow[C], options: dict[str, Any], texts: dict[str, str]) -> None:
    flow.to_sub_flow(child, capture={**options})
    flow.to_sub_flow(child, capture={"input": "valu", **texts})
    flow.to_sub_flow(child, capture={"input": {**options}})
    flow.to_sub_flow(child, capture={**BASE})
    flow.to_sub_flow(child, capture={**BOUND, "stat": "value"})
    #                                         ^ E: TF301: capture["stat"]: 'stat' is not a scope of capture (did you mean 'state'?)  [typedflow-capture]
    flow.to_sub_flow(child, capture={**BASE, "input": "valu"})
    #                                                 ^ E: TF301: capture["input"] = "valu": 'valu' is not a scope (did you mean 'value'?)  [typedflow-capture]
    flow.to_sub_flow(child, capture={"input": "valu", **BASE})
    reveal_type(flow.to_sub_flow(child, capture=BASE, write_back={**texts}))
    #           ^ R: typedflow.api.process.Process[spread_arguments.C, Any, None]
    reveal_type(flow.to_sub_flow(child, capture=BASE, write_back={"state": {**options}}))
    #           ^ R: typedflow.api.process.Process[spread_arguments.C, Any, None]
    flow.to_sub_flow(child, capture=BASE, write_back={**texts}).to(takes)
    flow.create_execution(state={**options, "cont": 1})
    #                                       ^ E: TF602: Memory has no field 'cont' (did you mean 'count'?)  [typedflow-state]
    flow.create_execution(state={**options, "request": {"topik": 1, **options}})
    #                                                   ^ E: TF602: Request has no field 'topik' (did you mean 'topic'?)  [typedflow-state]
    flow.when({**options, "event": "dne"})
    #                              ^ E: TF501: contract 'C' declares no event 'dne' (did you mean 'done'?)  [typedflow-event]


def events(
    data: Data[C, object], ex: Execution[C], pay: Payload, two: tuple[str, Request], args: list[Any], **kw: Any
) -> None:
    data.emit("done", **kw)
    data.emit("done", *args)
    data.emit(*two)
    data.emit(*args)
    data.emit(**kw)
    ex.emit(event="done", **kw)
    data.emit("other", **pay)
    # what is known
    data.emit("done", *())
    #         ^ E: TF502: event 'done' carries Request, not None (emit it with a value of Request)  [typedflow-event]
    data.emit("done", **pay)
    #                   ^ E: Argument "payload" to "emit" of "Data" has incompatible type "str"; expected "Request"  [arg-type]
    data.emit("dne", **kw)
    #         ^ E: TF501: contract 'C' declares no event 'dne' (did you mean 'done'?)  [typedflow-event]


def listeners(flow: Flow[C], options: dict[str, Any], args: list[Any], **kw: Any) -> None:
    reveal_type(flow.when("done", **kw))
    #           ^ R: typedflow.api.process.Process[spread_arguments.C, Any, None]
    reveal_type(flow.when(**kw))
    #           ^ R: typedflow.api.process.Process[spread_arguments.C, Any, None]
    reveal_type(flow.when("done", *()))
    #           ^ R: typedflow.api.process.Process[spread_arguments.C, spread_arguments.Request, None]
    reveal_type(flow.when({"event": "done", **options}))
    #           ^ R: typedflow.api.process.Process[spread_arguments.C, Any, None]
    reveal_type(flow.to(first).collect("a", "b", **kw))
    #           ^ R: typedflow.api.process.Process[spread_arguments.C, dict[str, Any], None]
    reveal_type(flow.to(first).collect(*args))
    #           ^ R: typedflow.api.process.Process[spread_arguments.C, dict[str, Any], None]


def layers(data: Data[C, object], args: list[Any], **kw: Any) -> None:
    reveal_type(data.state.get("sizes.x", **kw))
    #           ^ R: int | Any
    reveal_type(data.state.get("sizes.x", *args))
    #           ^ R: int | Any
    reveal_type(data.state.get("sizes.x"))
    #           ^ R: int | None
    reveal_type(data.state.get(*args))
    #           ^ R: Any
    data.state.set("count", *args)
    data.state.set(**kw)
    data.state.append("names", **kw)
    data.state.set("request", {"topik": "", **kw})
    #                          ^ E: TF602: Request has no field 'topik' (did you mean 'topic'?)  [typedflow-state]
    data.state.set("request", {**kw})
    reveal_type(data.get_resource("log", **kw))
    #           ^ R: spread_arguments.Log | Any
    reveal_type(data.get_resource("log"))
    #           ^ R: spread_arguments.Log | None
    reveal_type(data.require_resource(*args))
    #           ^ R: Any
    data.set_resource("log", *args)
    data.pause_for(*args, **kw)


def chains(flow: Flow[C], args: list[Any], **kw: Any) -> None:
    flow.to(*args, **kw)
    flow.to(**kw).to(takes)
    flow.to(handler=first, **kw).to(takes)
    flow.batch(**kw).branch(first, **kw).branch(*args).end_batch()
    flow.match(**kw).case(*args)
    flow.if_condition(*args).else_condition().end_condition()
    flow.if_condition(**kw)
    flow.side_branch(*args, **kw)
    flow.create_execution(**kw).start(*args)
    flow.create_execution().load(*args, **kw)
    flow.start(Request("x"), **kw)
    Retry(**kw)
    Retry(*args)
    Flow(C, **kw)
    Flow(*args)


ABSTRACT: dict[str, Any] = {"abstract": True}


class MayBeAbstract(Contract, **ABSTRACT):
    input: int


class MayHaveAnyVersion(
    Contract,
    **ABSTRACT,
):
    input: int
    result: int


class IsWhole(Contract):
# @0 E: TF606: contract 'IsWhole' does not say its result (add `result: …` with the type, or `result: None` where there is none)  [typedflow-state]
    input: int


@MayHaveAnyVersion.migrate(4)
def lift(saved: dict[str, Any]) -> dict[str, Any]:
    return saved
