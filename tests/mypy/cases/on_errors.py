"""Handlers for errors, in the flow's own terms, and what a for_each does with a failed item."""

from __future__ import annotations

from typing import reveal_type

from shop import Approval, Plain, Report, Request, Shop, find, write

from typedflow import Contract, Data, Failed, Flow


def size(data: Data[Shop, str]) -> int:
    return len(data.value)


async def measure(data: Data[Shop, str]) -> float:
    return 0.5


def lost(data: Data[Shop, Failed[str]]) -> Approval:
    return Approval(ok=False)


async def lost_async(data: Data[Shop, Failed[str]]) -> Approval:
    return Approval(ok=False)


def lost_request(data: Data[Shop, Failed[Request]]) -> list[str]:
    return [data.value.text]


def lost_report(data: Data[Shop, Failed[Request]]) -> Report:
    return Report(text=data.value.text)


def of_other(data: Data[Plain, Failed[str]]) -> int:
    return 1


def of_plain(data: Data[Shop, str]) -> int:
    return 1


def judge(data: Data[Shop, int | Approval]) -> str:
    return ""


flow = Flow(Shop)
flow.to(find, on_error=lost_request).to(write, on_error=lambda data: Report(text=data.value.text)).end()
words = flow.to(find).for_each()
reveal_type(words.to(size, on_error=lost))
#           ^ R: typedflow.api.process.Process[shop.Shop, int | shop.Approval, typedflow.api.blocks.Each[Never, None]]
reveal_type(words.to(measure, on_error=lost_async))
#           ^ R: typedflow.api.process.Process[shop.Shop, float | shop.Approval, typedflow.api.blocks.Each[Never, None]]
words.to(size, on_error=lost).to(judge)
words.to(measure, on_error=lost).to(judge)
#                                   ^ E: TF701: step 'judge' takes int | Approval, and gets float | Approval (annotate its parameter Data[…, float | Approval], or put a step in between that makes int | Approval of it)  [typedflow-flow]
words.to(size, on_error=of_other)
#                       ^ E: TF716: step 'of_other' takes Data[Plain, …], and its flow is of contract 'Shop' (annotate its parameter Data[Shop, …], or with a protocol of the parts that it needs)  [typedflow-flow]
words.to(size, on_error=of_plain)
#                       ^ E: TF701: step 'of_plain' takes str, and gets Failed[str] (annotate its parameter Data[…, Failed[str]], or put a step in between that makes str of it)  [typedflow-flow]
words.to(size, on_error=lost_request)
#                       ^ E: TF701: step 'lost_request' takes Failed[Request], and gets Failed[str] (annotate its parameter Data[…, Failed[str]], or put a step in between that makes Failed[Request] of it)  [typedflow-flow]
words.to(measure, on_error=3)
#                          ^ E: TF717: a handler is a function that takes Data, not 3 (int) (give a function, a method or a callable object, or the name of a chunk)  [typedflow-flow]
words.to(size, on_error=lambda: 1)
#                       ^ E: TF717: 'lambda' cannot be called with one argument, the Data (give it one positional parameter, and defaults to all others)  [typedflow-flow]
reveal_type(words.to(lambda data: 1, on_error=lambda data: data.value.text))
#           ^ R: typedflow.api.process.Process[shop.Shop, int | str, typedflow.api.blocks.Each[Never, None]]
reveal_type(words.to(lambda data: 1, on_error=lost_async))
#           ^ R: typedflow.api.process.Process[shop.Shop, int | shop.Approval, typedflow.api.blocks.Each[Never, None]]
words.to("chunk", on_error=of_plain)
#                          ^ E: TF701: step 'of_plain' takes str, and gets Failed[str] (annotate its parameter Data[…, Failed[str]], or put a step in between that makes str of it)  [typedflow-flow]

flow.to(find).for_each(on_error="colect")
#             ^ E: TF703: a for_each block is never closed (call .end_for_each() on the chain inside it)  [typedflow-flow]
#                               ^ E: TF718: on_error of a for_each is 'fail' or 'collect', not 'colect' (str)  [typedflow-flow]
reveal_type(flow.to(find).for_each(on_error="collect").to(size).end_for_each())
#           ^ R: typedflow.api.process.Process[shop.Shop, list[int | typedflow.definition.failed.Failed[str]], None]

class Small(Contract):
    input: Request
    result: Report


child = Flow(Small)
reveal_type(flow.to_sub_flow(child, on_error=lost_report))
#           ^ R: typedflow.api.process.Process[shop.Shop, shop.Report, None]
reveal_type(flow.to_sub_flow(child, write_back={}, on_error=lost_report))
#           ^ R: typedflow.api.process.Process[shop.Shop, shop.Request | shop.Report, None]
reveal_type(flow.to_sub_flow(child, capture={"input": "value"}, on_error=lambda data: data.value.attempts))
#           ^ R: typedflow.api.process.Process[shop.Shop, shop.Report | int, None]
flow.to_sub_flow(child, on_error=lost)
#                                ^ E: TF701: step 'lost' takes Failed[str], and gets Failed[Request] (annotate its parameter Data[…, Failed[Request]], or put a step in between that makes Failed[str] of it)  [typedflow-flow]
flow.to_sub_flow(child, on_error=3)
#                                ^ E: TF717: a handler is a function that takes Data, not 3 (int) (give a function, a method or a callable object, or the name of a chunk)  [typedflow-flow]
flow.to_sub_flow(child, on_error=lambda data: 1).to(write)
#                                                   ^ E: TF701: step 'write' takes list[str], and gets Report | int (annotate its parameter Data[…, Report | int], or put a step in between that makes list[str] of it)  [typedflow-flow]

# a flow where a handler belongs
flow.to(child)
#       ^ E: TF717: flow 'Small' is no handler (run it as a child flow, with .to_sub_flow(…))  [typedflow-flow]
flow.to(find).to(Flow(Small, name="inner"))
#                ^ E: TF717: flow 'inner' is no handler (run it as a child flow, with .to_sub_flow(…))  [typedflow-flow]
flow.to(find).side_branch(child)
#                         ^ E: TF717: flow 'Small' is no handler (run it as a child flow, with .to_sub_flow(…))  [typedflow-flow]

batch = flow.to(find).for_each().batch()
reveal_type(batch.branch(size, on_error=lost).branch(measure).end_batch())
#           ^ R: typedflow.api.process.Process[shop.Shop, tuple[int | shop.Approval, float], typedflow.api.blocks.Each[Never, None]]
reveal_type(batch.branch(measure, on_error=lost_async).end_batch())
#           ^ R: typedflow.api.process.Process[shop.Shop, tuple[float | shop.Approval], typedflow.api.blocks.Each[Never, None]]
batch.branch(size, on_error=of_other)
#                           ^ E: TF716: step 'of_other' takes Data[Plain, …], and its flow is of contract 'Shop' (annotate its parameter Data[Shop, …], or with a protocol of the parts that it needs)  [typedflow-flow]
batch.branch(size, on_error=of_plain)
#                           ^ E: TF701: step 'of_plain' takes str, and gets Failed[str] (annotate its parameter Data[…, Failed[str]], or put a step in between that makes str of it)  [typedflow-flow]
words.side_branch(size, on_error=lost).to(size)
words.side_branch(size, on_error=of_plain)
#                                ^ E: TF701: step 'of_plain' takes str, and gets Failed[str] (annotate its parameter Data[…, Failed[str]], or put a step in between that makes str of it)  [typedflow-flow]
