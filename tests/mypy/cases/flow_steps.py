"""Steps that fit their place, blocks, and the end."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar, reveal_type

from shop import Approval, NeedsLogger, Partial, Plain, Report, Request, Shop, find, write

from typedflow import Data, Execution, Flow

T = TypeVar("T")


def size(data: Data[Shop, str]) -> int:
    return len(data.value)


async def measure(data: Data[Shop, list[int]]) -> float:
    return 0.5


def other(data: Data[Plain, str]) -> int:
    return 1


def log(data: Data[NeedsLogger, T]) -> T:
    return data.value


def ask(data: Data[Shop, Report]) -> NoReturn:
    data.pause_for("ok?")


def answered(data: Data[Shop, Report]) -> Approval:
    data.pause_for("ok?")


def judge(data: Data[Shop, Approval]) -> Report:
    return Report(text="")


class Handler:
    def __call__(self, data: Data[Shop, Request]) -> str:
        return ""

    def method(self, data: Data[Shop, int]) -> str:
        return ""


flow = Flow(Shop)
flow.to(find).to(write).end()
flow.to(find).to(log).to(write).end()
flow.to(Handler()).to(size)
flow.to(lambda data: data.value.topic).to(size)
flow.to(size)
#       ^ E: TF701: step 'size' takes str, and gets Request (annotate its parameter Data[…, Request], or put a step in between that makes str of it)  [typedflow-flow]
flow.to(Handler().method)
#       ^ E: TF701: step 'method' takes int, and gets Request (annotate its parameter Data[…, Request], or put a step in between that makes int of it)  [typedflow-flow]
reveal_type(flow.to(find).to(measure))
#           ^ R: typedflow.api.process.Process[shop.Shop, float, None]
#                            ^ E: TF701: step 'measure' takes list[int], and gets list[str] (annotate its parameter Data[…, list[str]], or put a step in between that makes list[int] of it)  [typedflow-flow]
flow.to(find).to(size, name="measure").to(log)
#                ^ E: TF701: step 'measure' takes str, and gets list[str] (annotate its parameter Data[…, list[str]], or put a step in between that makes str of it)  [typedflow-flow]
flow.to(find).side_branch(size).to(write).end()
#                         ^ E: TF701: step 'size' takes str, and gets list[str] (annotate its parameter Data[…, list[str]], or put a step in between that makes str of it)  [typedflow-flow]
flow.to(find).for_each().to(other)
#             ^ E: TF703: a for_each block is never closed (call .end_for_each() on the chain inside it)  [typedflow-flow]
#                           ^ E: TF716: step 'other' takes Data[Plain, …], and its flow is of contract 'Shop' (annotate its parameter Data[Shop, …], or with a protocol of the parts that it needs)  [typedflow-flow]
Flow(Plain).to(log)
#              ^ E: TF716: step 'log' takes Data[NeedsLogger, …], and its flow is of contract 'Plain', which has no 'resources' (annotate its parameter Data[Plain, …], or with a protocol of the parts that it needs)  [typedflow-flow]
Flow(Partial).to(log)
#                ^ E: TF716: step 'log' takes Data[NeedsLogger, …], and its flow is of contract 'Partial', which has no 'resources.logger' (annotate its parameter Data[Partial, …], or with a protocol of the parts that it needs)  [typedflow-flow]
flow.to(find).batch().branch(write).branch(size).end_batch()
#                                          ^ E: TF701: step 'size' takes str, and gets list[str] (annotate its parameter Data[…, list[str]], or put a step in between that makes str of it)  [typedflow-flow]
flow.to(find).to(print)

# the end
flow.to(find).end()
#             ^ E: TF702: end() sets the result of contract 'Shop', Report, and gets list[str] (add a step before end() that returns Report)  [typedflow-flow]
(
    flow.to(find)
    .for_each()
    .to(size)
    .end_for_each()
    .end()
    #^ E: TF702: end() sets the result of contract 'Shop', Report, and gets list[int] (add a step before end() that returns Report)  [typedflow-flow]
)
flow.to(find).for_each().to(size).end()
#                                 ^ E: TF721: end() stands inside a for_each block (call .end_for_each() first; data.set_result(value) sets the result from inside)  [typedflow-flow]
flow.to(find).if_condition(lambda data: True).to(write).end()
#                                                       ^ E: TF721: end() stands inside an if block (call .end_condition() first; data.set_result(value) sets the result from inside)  [typedflow-flow]
flow.to(find).to(write).to(answered).to(judge).end()
flow.to(find).to(write).to(ask).to(judge).end()
#                          ^ E: TF720: step 'ask' pauses and returns NoReturn: nothing says which type answers it (annotate its return with the type of the answer: `-> Approval`)  [typedflow-flow]
flow.to(find).to(write).to(ask).end()
#                          ^ E: TF720: step 'ask' pauses and returns NoReturn: nothing says which type answers it (annotate its return with the type of the answer: `-> Approval`)  [typedflow-flow]
flow.to(find).to(write).to(ask)

# blocks
flow.to(find).end_for_each()
#             ^ E: TF704: end_for_each() belongs to a for_each block, and no block is open here (open one, or take it out)  [typedflow-flow]
flow.to(find).end_match()
#             ^ E: TF704: end_match() belongs to a match block, and no block is open here (open one, or take it out)  [typedflow-flow]
flow.to(find).for_each().end_condition()
#                        ^ E: TF704: end_condition() belongs to an if block, and the innermost open block is a for_each (close that one first, with .end_for_each())  [typedflow-flow]
flow.to(find).case("x")
#             ^ E: TF704: case() belongs to a match block, and no block is open here (open one, or take it out)  [typedflow-flow]
flow.to(find).match().case("x").end_for_each()
#                               ^ E: TF704: end_for_each() belongs to a for_each block, and the innermost open block is a match (close that one first, with .end_match())  [typedflow-flow]
flow.to(find).match().case("x").case_else().to(size).case("y")
#             ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
#                                              ^ E: TF701: step 'size' takes str, and gets list[str] (annotate its parameter Data[…, list[str]], or put a step in between that makes str of it)  [typedflow-flow]
#                                                    ^ E: TF722: a case follows case_else(), which catches all the rest (put the else case last)  [typedflow-flow]
flow.to(find).to(write).for_each()
#                       ^ E: TF703: a for_each block is never closed (call .end_for_each() on the chain inside it)  [typedflow-flow]
#                       ^ E: TF709: for_each goes over a sequence (a list, tuple or range), not Report (put a step before it that returns a list)  [typedflow-flow]
flow.for_each()
#    ^ E: TF703: a for_each block is never closed (call .end_for_each() on the chain inside it)  [typedflow-flow]
#    ^ E: TF709: for_each goes over a sequence (a list, tuple or range), not Request (put a step before it that returns a list)  [typedflow-flow]


def layers(data: Data[Plain, str], execution: Execution[Plain], both: Data[Plain | Shop, str]) -> None:
    data.state
    #    ^ E: TF611: contract 'Plain' declares no state, only 'input', 'result' (add `state: …` to Plain, a subclass of State)  [typedflow-state]
    data.flow_state.get("x")
    #    ^ E: TF611: contract 'Plain' declares no flow_state, only 'input', 'result' (add `flow_state: …` to Plain, a subclass of FlowState)  [typedflow-state]
    data.resources.search
    #    ^ E: TF611: contract 'Plain' declares no resources, only 'input', 'result' (add `resources: …` to Plain, a subclass of Resources)  [typedflow-state]
    data.put("x")
    #    ^ E: TF611: contract 'Plain' declares no stream, only 'input', 'result' (add `stream: …` to Plain, a type)  [typedflow-state]
    execution.state
    #         ^ E: TF611: contract 'Plain' declares no state, only 'input', 'result' (add `state: …` to Plain, a subclass of State)  [typedflow-state]
    Flow(Plain).flow_state
    #           ^ E: TF611: contract 'Plain' declares no flow_state, only 'input', 'result' (add `flow_state: …` to Plain, a subclass of FlowState)  [typedflow-state]
    both.state
    #    ^ E: TF611: contract 'Plain' declares no state, only 'input', 'result' (add `state: …` to Plain, a subclass of State)  [typedflow-state]


def unknown(flow: Flow[Any]) -> None:
    flow.to(find).end()


async def later(data: Data[Shop, Request]) -> list[str]:
    return []


# lambdas
reveal_type(flow.to(lambda data: data.value.max_items))
#           ^ R: typedflow.api.process.Process[shop.Shop, int, None]
reveal_type(flow.to(lambda data: later(data)))
#           ^ R: typedflow.api.process.Process[shop.Shop, list[str], None]
flow.to(lambda data: data.emit("aproved", None))
#                              ^ E: TF501: contract 'Shop' declares no event 'aproved' (did you mean 'approved'?)  [typedflow-event]
flow.to(lambda data: data.state.set("drafts", ["a", 1]))
#                                                   ^ E: List item 1 has incompatible type "int"; expected "str"  [list-item]
flow.to(lambda data: data.value.limit)
#                    ^ E: "Request" has no attribute "limit"  [attr-defined]

# sequences
Flow(Plain).for_each()
#           ^ E: TF709: for_each goes over a sequence (a list, tuple or range), not str (put a step before it that returns a list)  [typedflow-flow]
flow.to(find).for_each().for_each()
#                        ^ E: TF703: a for_each block is never closed (call .end_for_each() on the chain inside it)  [typedflow-flow]
#                        ^ E: TF709: for_each goes over a sequence (a list, tuple or range), not str (put a step before it that returns a list)  [typedflow-flow]
flow.to(find).if_condition(lambda data: True).batch().branch(write).end_batch().end()
#                                                                               ^ E: TF721: end() stands inside an if block (call .end_condition() first; data.set_result(value) sets the result from inside)  [typedflow-flow]
