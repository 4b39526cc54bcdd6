"""Flows whose result no call sets that the plugin can find; whatever is not certain is left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from shop import Shop, find

from typedflow import Contract, Data, Flow, FlowState, Process


class Request(msgspec.Struct):
    topic: str


class C(Contract):
    input: Request
    result: str


class Counters(FlowState):
    count: int = 0


class Counting(C):
    flow_state: Counters


class Nothing(Contract):
    input: Request
    result: None


class Perhaps(Contract):
    input: Request
    result: str | None


def begin(data: Data[C, Request]) -> str:
    return data.value.topic


async def go_on(data: Data[C, str]) -> str:
    return data.value


def hands_on(data: Data[C, Request]) -> str:
    return inner(data)


def inner(data: Data[C, Request]) -> str:
    return data.value.topic


def of_any(data: Data[Any, Request]) -> str:
    return data.value.topic


# nothing sets it
unset = Flow(C)
#       ^ N: TF726: no end() and no set_result() was found for the result of this flow, str by contract 'C' (call .end() on a chain, or data.set_result(value) in a handler, or declare `result: None`)
unset.to(begin).to(go_on)

also_unset: Flow[C] = Flow(C, name="also")
#                     ^ N: TF726: no end() and no set_result() was found for the result of this flow, str by contract 'C' (call .end() on a chain, or data.set_result(value) in a handler, or declare `result: None`)
also_unset.to(begin).match().case(lambda data: data.value).to(go_on).end_match()
also_unset.side_branch(lambda data: print(data.value)).batch().branch(begin).end_batch()
also_unset.validate()


def in_a_function(flag: bool) -> str:
    flow = Flow(C)
    #      ^ N: TF726: no end() and no set_result() was found for the result of this flow, str by contract 'C' (call .end() on a chain, or data.set_result(value) in a handler, or declare `result: None`)
    started = flow.to(begin)
    started.to(go_on)
    if flag:
        started.side_branch(go_on)
    return flow.start(Request("x"))


async def updates_the_flow_state() -> None:
    flow = Flow(Counting)
    #      ^ N: TF726: no end() and no set_result() was found for the result of this flow, str by contract 'Counting' (call .end() on a chain, or data.set_result(value) in a handler, or declare `result: None`)
    flow.to(begin)
    flow.update_flow_state(lambda counters: counters.count)
    await flow.async_update_flow_state(lambda counters: counters.count)


# something does
ended = Flow(C)
ended.to(begin).to(go_on).end()

elsewhere_ended = Flow(C)
chain = elsewhere_ended.to(begin)
for _ in range(2):
    chain.to(go_on).end()

# there is none, or it may be None
no_result = Flow(Nothing)
no_result.to(of_any)

no_result_is_right = Flow(Perhaps)
no_result_is_right.to(of_any)

# what is not seen may
not_wired_here = Flow(C)

handler_of_another_module = Flow(Shop)
handler_of_another_module.to(find)

handed_on = Flow(C)
handed_on.to(hands_on)

open_at_the_top = Flow(C)
tail = open_at_the_top.to(begin)

chunk = Flow(C)
chunk.to("begin")
#        ^ E: TF706: no chunk is registered as 'begin' (register one first: @flow.chunk("begin"))  [typedflow-flow]

given: Callable[[Data[C, Request]], str] = begin
by_name = Flow(C)
by_name.to(given)


def returned() -> Flow[C]:
    flow_to_return = Flow(C)
    flow_to_return.to(begin)
    return flow_to_return


def passed(finish: Callable[[Flow[C]], None]) -> None:
    flow_to_pass = Flow(C)
    flow_to_pass.to(begin)
    finish(flow_to_pass)


def chain_passed(finish: Callable[[Process[C, str]], None]) -> None:
    flow_of_chain = Flow(C)
    finish(flow_of_chain.to(begin))


def in_a_loop() -> None:
    flow_of_loop = Flow(C)
    step = flow_of_loop.to(begin)
    for _ in range(3):
        step = step.to(go_on)


def in_a_block(flag: bool) -> None:
    if flag:
        conditional = Flow(C)
        conditional.to(begin)


class Holder:
    def __init__(self) -> None:
        self.flow = Flow(C)
        self.flow.to(begin)


# names that are used twice
def method_name(data: Data[C, Request]) -> str:
    return data.value.topic


class Others:
    def method_name(self) -> None: ...


def same_name_in_another_scope(unset: int) -> int:
    return unset


def again() -> None:
    def local(data: Data[C, Request]) -> str:
        return data.value.topic

    flow = Flow(C)
    #      ^ N: TF726: no end() and no set_result() was found for the result of this flow, str by contract 'C' (call .end() on a chain, or data.set_result(value) in a handler, or declare `result: None`)
    flow.to(method_name)
    flow.to(local)


def bound_twice() -> None:
    flow = Flow(C)
    flow.to(begin)
    flow = Flow(C)
    flow.to(begin).end()


def handlers_for_errors() -> None:
    def step(data: Data[C, Any]) -> Any:
        return data.value

    def handle(data: Data[C, Any]) -> Any:
        return str(data)

    never = Flow(C)
    #       ^ N: TF726: no end() and no set_result() was found for the result of this flow, str by contract 'C' (call .end() on a chain, or data.set_result(value) in a handler, or declare `result: None`)
    never.to(step, on_error=step).match().case_type(str).to(step).case_value(1).to(step).case_else().end_match()
    never.observe(print)
    perhaps = Flow(C)
    perhaps.to(step, on_error=handle)
    perhaps_child = Flow(C)
    perhaps_child.to(step).to_sub_flow(perhaps, on_error=handle)
