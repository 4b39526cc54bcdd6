"""Arguments that fit no overload, said in the flow's own terms, and in the place of mypy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, reveal_type

from shop import Plain, Request, Shop, find, shop, write

from typedflow import Data, Flow

flow = Flow(Shop)


def is_long(data: Data[Shop, str]) -> bool:
    return True


def is_short(data: Data[Shop, list[str]]) -> bool:
    return True


async def is_late(data: Data[Shop, str]) -> bool:
    return True


def is_other(data: Data[Plain, list[str]]) -> bool:
    return True


def count(data: Data[Shop, list[str]]) -> int:
    return len(data.value)


def log(data: Data[Shop, list[str]]) -> None: ...


def takes_nothing() -> int:
    return 1


def takes_two(data: Data[Shop, Request], limit: int) -> int:
    return limit


def takes_more(data: Data[Shop, Request], limit: int = 1, *rest: int, **options: int) -> int:
    return limit


def takes_by_name(data: Data[Shop, Request], *, limit: int) -> int:
    return limit


def takes_text(text: str) -> int:
    return len(text)


class Judge:
    def __call__(self, data: Data[Shop, list[str]]) -> bool:
        return True


class Made:
    def __init__(self, data: Data[Shop, Request]) -> None: ...


# handlers
flow.to(3)
#       ^ E: TF717: a handler is a function that takes Data, not 3 (int) (give a function, a method or a callable object, or the name of a chunk)  [typedflow-flow]
flow.to(None)
#       ^ E: TF717: a handler is a function that takes Data, not None (give a function, a method or a callable object, or the name of a chunk)  [typedflow-flow]
flow.to(Request("x"))
#       ^ E: TF717: a handler is a function that takes Data, not Request (give a function, a method or a callable object, or the name of a chunk)  [typedflow-flow]
flow.to(Request)
#       ^ E: TF717: a handler is a function that takes Data, not type[Request] (give a function, a method or a callable object, or the name of a chunk)  [typedflow-flow]
flow.to(Made)
flow.to(find(3))
#            ^ E: Argument 1 to "find" has incompatible type "int"; expected "Data[Shop, Request]"  [arg-type]
flow.to(takes_nothing)
#       ^ E: TF717: 'takes_nothing' cannot be called with one argument, the Data (give it one positional parameter, and defaults to all others)  [typedflow-flow]
flow.to(takes_two)
#       ^ E: TF717: 'takes_two' cannot be called with one argument, the Data (give it one positional parameter, and defaults to all others)  [typedflow-flow]
flow.to(takes_by_name)
#       ^ E: TF717: 'takes_by_name' cannot be called with one argument, the Data (give it one positional parameter, and defaults to all others)  [typedflow-flow]
flow.to(takes_more)
flow.to(takes_text)
#       ^ E: TF717: a handler is a function that takes Data, not Callable[[str], int] (give a function, a method or a callable object, or the name of a chunk)  [typedflow-flow]
flow.to(shop)
#       ^ E: TF717: flow 'Shop' is no handler (run it as a child flow, with .to_sub_flow(…))  [typedflow-flow]
flow.to((find, write))
#       ^ E: TF717: a handler is a function that takes Data, not tuple[Callable[[Data[Shop, Request]], list[str]], Callable[[Data[Shop, list[str]]], Coroutine[Any, Any, Report]]] (give a function, a method or a callable object, or the name of a chunk)  [typedflow-flow]
flow.to(find).to(3).to(write)
#                ^ E: TF717: a handler is a function that takes Data, not 3 (int) (give a function, a method or a callable object, or the name of a chunk)  [typedflow-flow]
flow.to(find).side_branch(3).to(write)
#                         ^ E: TF717: a handler is a function that takes Data, not 3 (int) (give a function, a method or a callable object, or the name of a chunk)  [typedflow-flow]
flow.side_branch(takes_two)
#                ^ E: TF717: 'takes_two' cannot be called with one argument, the Data (give it one positional parameter, and defaults to all others)  [typedflow-flow]
flow.batch().branch(3).branch(find).end_batch()
#                   ^ E: TF717: a handler is a function that takes Data, not 3 (int) (give a function, a method or a callable object, or the name of a chunk)  [typedflow-flow]
flow.to("a chunk")
#       ^ E: TF706: no chunk is registered as 'a chunk' (register one first: @flow.chunk("a chunk"))  [typedflow-flow]
reveal_type(flow.to(3))
#           ^ R: typedflow.api.process.Process[shop.Shop, Any, None]
#                   ^ E: TF717: a handler is a function that takes Data, not 3 (int) (give a function, a method or a callable object, or the name of a chunk)  [typedflow-flow]
reveal_type(flow.to(takes_two))
#           ^ R: typedflow.api.process.Process[shop.Shop, int, None]
#                   ^ E: TF717: 'takes_two' cannot be called with one argument, the Data (give it one positional parameter, and defaults to all others)  [typedflow-flow]

# child flows
flow.to_sub_flow(3)
#                ^ E: TF717: a child flow is a Flow, not 3 (int) (a function goes to to(…))  [typedflow-flow]
flow.to_sub_flow(find, capture={"input": "value"}, write_back={})
#                ^ E: TF717: a child flow is a Flow, not Callable[[Data[Shop, Request]], list[str]] (a function goes to to(…))  [typedflow-flow]
flow.to(find).to_sub_flow(None).end()
#                         ^ E: TF717: a child flow is a Flow, not None (a function goes to to(…))  [typedflow-flow]

# modes
flow.match(mode="hit_al").case(3).end_match()
#               ^ E: TF715: match has no mode 'hit_al' (did you mean 'hit_all'?)  [typedflow-flow]
flow.to(find).match(mode="hit_al").case(3).to(count).end_match().to(write)
#                        ^ E: TF715: match has no mode 'hit_al' (did you mean 'hit_all'?)  [typedflow-flow]
flow.to(find).match(mode=3)
#             ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
#                        ^ E: TF715: match has no mode 3 (int) (modes: 'hit_first', 'hit_all')  [typedflow-flow]
flow.to(find).match(mode="hit_all").case(["a"]).end_match()
flow.collect("all", "a", mode="filled")
#                             ^ E: TF715: collect has no mode 'filled' (modes: 'filled_then_empty', 'filled_and_update')  [typedflow-flow]
flow.when("approved", mode="nd")
#                          ^ E: TF715: when has no mode 'nd' (modes: 'simple_or', 'or', 'and')  [typedflow-flow]
flow.when(3)
#         ^ E: TF719: when() takes names, not 3 (int) (name an event, when("approved"), or paths, when({"state": "request.topic"}))  [typedflow-flow]
flow.when({"event": 3, "state": ["drafts"]})
#                   ^ E: TF719: when() takes names, not 3 (int) (name an event, when("approved"), or paths, when({"state": "request.topic"}))  [typedflow-flow]
flow.when({"event": ("approved", "ticked")})
flow.when(["approved", 3])
#         ^ E: TF719: when() takes names, not list[object] (name an event, when("approved"), or paths, when({"state": "request.topic"}))  [typedflow-flow]
flow.when({"event": ("approved", None)})
#                   ^ E: TF719: when() takes names, not tuple[str, None] (name an event, when("approved"), or paths, when({"state": "request.topic"}))  [typedflow-flow]
flow.when({"event": {"approved": 1}})
#                   ^ E: TF719: when() takes names, not dict[str, int] (name an event, when("approved"), or paths, when({"state": "request.topic"}))  [typedflow-flow]
flow.when([])
#         ^ E: TF719: when() waits for nothing (name an event, when("approved"), or paths, when({"state": "request.topic"}))  [typedflow-flow]
flow.when({"event": [], "state": ()})
#         ^ E: TF719: when() waits for nothing (name an event, when("approved"), or paths, when({"state": "request.topic"}))  [typedflow-flow]
flow.when(("approved",), mode=None)
flow.when(["aproved"])
#          ^ E: TF501: contract 'Shop' declares no event 'aproved' (did you mean 'approved'?)  [typedflow-event]

# contracts
Flow("x")
#    ^ E: TF605: a contract is a subclass of Contract, not 'x' (str) (declare `class …(Contract): …`)  [typedflow-state]
Flow(3).to(find)
#    ^ E: TF605: a contract is a subclass of Contract, not 3 (int) (declare `class …(Contract): …`)  [typedflow-state]
Flow(find)
#    ^ E: TF605: a contract is a subclass of Contract, not Callable[[Data[Shop, Request]], list[str]] (declare `class …(Contract): …`)  [typedflow-state]
Flow(Request)
#    ^ E: TF605: a contract is a subclass of Contract, not Request (declare `class …(Contract): …`)  [typedflow-state]
Flow(shop)
#    ^ E: TF605: a contract is a subclass of Contract, not Flow[Shop] (declare `class …(Contract): …`)  [typedflow-state]

# conditions of an if
flow.to(find).if_condition(3).end_condition()
#                          ^ E: TF717: the condition of an if is a function that takes Data, not 3 (int) (to compare with a value, use .match().case(value))  [typedflow-flow]
flow.to(find).if_condition(True).to(write).else_condition().to(write).end_condition().end()
#                          ^ E: TF717: the condition of an if is a function that takes Data, not True (to compare with a value, use .match().case(value))  [typedflow-flow]
flow.to(find).if_condition(Request).end_condition()
#                          ^ E: TF717: the condition of an if is a function that takes Data, not type[Request] (to compare with a value, use .match().case(value))  [typedflow-flow]
flow.to(find).if_condition(is_long).end_condition()
#                          ^ E: TF701: condition 'is_long' takes str, and gets list[str] (annotate its parameter Data[…, list[str]], or put a step in between that makes str of it)  [typedflow-flow]
flow.to(find).if_condition(is_other).end_condition()
#                          ^ E: TF716: condition 'is_other' takes Data[Plain, …], and its flow is of contract 'Shop' (annotate its parameter Data[Shop, …], or with a protocol of the parts that it needs)  [typedflow-flow]
flow.to(find).if_condition(takes_nothing).end_condition()
#                          ^ E: TF717: 'takes_nothing' cannot be called with one argument, the Data (give it one positional parameter, and defaults to all others)  [typedflow-flow]
flow.to(find).if_condition(takes_text).end_condition()
#                          ^ E: TF717: the condition of an if is a function that takes Data, not Callable[[str], int] (to compare with a value, use .match().case(value))  [typedflow-flow]
flow.to(find).if_condition(is_short).elif_condition(is_late).elif_condition(None).end_condition()
#                                                   ^ E: TF701: condition 'is_late' takes str, and gets list[str] (annotate its parameter Data[…, list[str]], or put a step in between that makes str of it)  [typedflow-flow]
#                                                                           ^ E: TF717: the condition of an if is a function that takes Data, not None (to compare with a value, use .match().case(value))  [typedflow-flow]
flow.to(find).if_condition(is_short).elif_condition(Judge()).elif_condition(lambda data: data.value).end_condition()

# conditions of a match
flow.to(find).match().case(is_long).end_match()
#                          ^ E: TF701: condition 'is_long' takes str, and gets list[str] (annotate its parameter Data[…, list[str]], or put a step in between that makes str of it)  [typedflow-flow]
flow.to(find).match().case(is_short).case(is_late).end_match()
#                                         ^ E: TF701: condition 'is_late' takes str, and gets list[str] (annotate its parameter Data[…, list[str]], or put a step in between that makes str of it)  [typedflow-flow]
flow.to(find).match().case(is_other).end_match()
#                          ^ E: TF716: condition 'is_other' takes Data[Plain, …], and its flow is of contract 'Shop' (annotate its parameter Data[Shop, …], or with a protocol of the parts that it needs)  [typedflow-flow]
flow.to(find).match(mode="hit_all").case(takes_two).case(Judge()).case(log).end_match()
#                                        ^ E: TF717: 'takes_two' cannot be called with one argument, the Data (give it one positional parameter, and defaults to all others)  [typedflow-flow]
flow.to(find).match().case("x").case(None).case(count).case(print).case(takes_text).end_match()
flow.to(find).match().case(lambda data: data.value[0].topic).case(lambda data: data.vaule).end_match()
#                                       ^ E: "str" has no attribute "topic"  [attr-defined]
#                                                                              ^ E: "Data[Shop, list[str]]" has no attribute "vaule"; maybe "value"?  [attr-defined]
flow.to(find).for_each().match().case(is_long).to(is_long).case(is_short).end_match().end_for_each()
#                                                               ^ E: TF701: condition 'is_short' takes list[str], and gets str (annotate its parameter Data[…, str], or put a step in between that makes list[str] of it)  [typedflow-flow]


def unknown(anything: Any, mode: str, some: Callable[..., int], either: Literal["hit_all", "hit_first"]) -> None:
    flow.to(anything).to(write)
    flow.to(some)
    flow.to_sub_flow(anything)
    flow.match(mode=anything)
    flow.match(mode=either)
    flow.match(mode=mode)
    #               ^ E: TF715: match has no mode str (modes: 'hit_first', 'hit_all')  [typedflow-flow]
    Flow(anything)
    flow.if_condition(anything).elif_condition(some).end_condition()
    flow.match().case(anything).case(some).end_match()
    flow.to(Request.nowhere)
    #       ^ E: "type[Request]" has no attribute "nowhere"  [attr-defined]
    flow.match().case(Request.nowhere).end_match()
    #                 ^ E: "type[Request]" has no attribute "nowhere"  [attr-defined]


def generic(contract: type[Plain]) -> Flow[Plain]:
    return Flow(contract)
