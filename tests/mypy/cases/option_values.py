"""Options out of their range, where it can be seen."""

from __future__ import annotations

from typing import Any, Final

from shop import Request, Shop, find, write

from typedflow import Data, Flow, Retry

NONE: Final = 0
flow = Flow(Shop)


async def late(data: Data[Shop, Request]) -> list[str]:
    return []


def size(data: Data[Shop, str]) -> int:
    return len(data.value)


flow.batch(concurrency=0).branch(find).end_batch()
#                      ^ E: TF718: concurrency is a whole number from 1, not 0 (int) (leave it out for no bound)  [typedflow-flow]
flow.to(find).batch(concurrency=-1)
#             ^ E: TF703: a batch block is never closed (call .end_batch() on the chain inside it)  [typedflow-flow]
#                               ^ E: TF718: concurrency is a whole number from 1, not -1 (int) (leave it out for no bound)  [typedflow-flow]
flow.to(find).batch(concurrency=True)
#             ^ E: TF703: a batch block is never closed (call .end_batch() on the chain inside it)  [typedflow-flow]
#                               ^ E: TF718: concurrency is a whole number from 1, not True (leave it out for no bound)  [typedflow-flow]
flow.to(find).batch(concurrency="two")
#             ^ E: TF703: a batch block is never closed (call .end_batch() on the chain inside it)  [typedflow-flow]
#                               ^ E: TF718: concurrency is a whole number from 1, not 'two' (str) (leave it out for no bound)  [typedflow-flow]
flow.to(find).batch(concurrency=NONE)
#             ^ E: TF703: a batch block is never closed (call .end_batch() on the chain inside it)  [typedflow-flow]
#                               ^ E: TF718: concurrency is a whole number from 1, not 0 (int) (leave it out for no bound)  [typedflow-flow]
flow.to(find).batch(concurrency=2)
#             ^ E: TF703: a batch block is never closed (call .end_batch() on the chain inside it)  [typedflow-flow]
flow.to(find).batch(concurrency=None)
#             ^ E: TF703: a batch block is never closed (call .end_batch() on the chain inside it)  [typedflow-flow]
flow.to(find).for_each(concurrency=0).to(size).end_for_each()
#                                  ^ E: TF718: concurrency is a whole number from 1, not 0 (int) (leave it out for no bound)  [typedflow-flow]
flow.for_each(concurrency=0)
#    ^ E: TF703: a for_each block is never closed (call .end_for_each() on the chain inside it)  [typedflow-flow]
#    ^ E: TF709: for_each goes over a sequence (a list, tuple or range), not Request (put a step before it that returns a list)  [typedflow-flow]
#                         ^ E: TF718: concurrency is a whole number from 1, not 0 (int) (leave it out for no bound)  [typedflow-flow]

flow.to(find, timeout=-1).to(write).end()
#                     ^ E: TF718: timeout is a number of seconds from 0, not -1 (int)  [typedflow-flow]
flow.to(find, timeout=-0.5)
#                     ^ E: TF718: timeout is a number of seconds from 0, not -0.5 (float)  [typedflow-flow]
flow.to(late, timeout=-1).to(write)
#                     ^ E: TF718: timeout is a number of seconds from 0, not -1 (int)  [typedflow-flow]
flow.to(find, timeout="5").to(write)
#                     ^ E: TF718: timeout is a number of seconds from 0, not '5' (str)  [typedflow-flow]
flow.to(find, timeout=0, name="first", thread=True, retry=Retry(2, backoff=0.5))
flow.to(lambda data: data.value.topic, timeout=-1).to(size)
#                                              ^ E: TF718: timeout is a number of seconds from 0, not -1 (int)  [typedflow-flow]
flow.to("a chunk", timeout=-1)
#       ^ E: TF706: no chunk is registered as 'a chunk' (register one first: @flow.chunk("a chunk"))  [typedflow-flow]
#                          ^ E: TF718: timeout is a number of seconds from 0, not -1 (int)  [typedflow-flow]
flow.side_branch(find, timeout=-1)
#                              ^ E: TF718: timeout is a number of seconds from 0, not -1 (int)  [typedflow-flow]
flow.to(find).side_branch(write, name=3)
#                                     ^ E: TF718: the name of a node is a text, not 3 (int)  [typedflow-flow]
flow.batch().branch(find, timeout=-1, name=3).end_batch()
#                                 ^ E: TF718: timeout is a number of seconds from 0, not -1 (int)  [typedflow-flow]
#                                          ^ E: TF718: the name of a node is a text, not 3 (int)  [typedflow-flow]

flow.to(find, retry=3).to(write)
#                   ^ E: TF718: retry is a Retry, not 3 (int)  [typedflow-flow]
flow.to(find, retry=None)
flow.to(find, thread=1).to(write)
#                    ^ E: TF718: thread is True or False, not 1 (int)  [typedflow-flow]
flow.to(find, name=3).to(write)
#                  ^ E: TF718: the name of a node is a text, not 3 (int)  [typedflow-flow]
flow.to(late, thread=True).to(write)
#                    ^ E: TF717: step 'late' is async, and thread=True runs a plain function in a thread (leave thread=True out, or make the handler a plain def)  [typedflow-flow]
flow.to(late, thread=False)
flow.to(find).side_branch(late, thread=True)
#                                      ^ E: TF717: step 'late' is async, and thread=True runs a plain function in a thread (leave thread=True out, or make the handler a plain def)  [typedflow-flow]
flow.to(size, timeout=-1)
#       ^ E: TF701: step 'size' takes str, and gets Request (annotate its parameter Data[…, Request], or put a step in between that makes str of it)  [typedflow-flow]
#                     ^ E: TF718: timeout is a number of seconds from 0, not -1 (int)  [typedflow-flow]

flow.to(find, retry=Retry(0)).to(write)
#                         ^ E: TF718: Retry(attempts=…) counts the first attempt: at least 1 expected, 0 given  [typedflow-flow]
Retry(attempts=-1, backoff=-1)
#              ^ E: TF718: Retry(attempts=…) counts the first attempt: at least 1 expected, -1 given  [typedflow-flow]
#                          ^ E: TF718: Retry(backoff=…, factor=…, max_backoff=…) expects numbers of 0 or more  [typedflow-flow]
Retry(max_backoff=-1.0, factor=-2)
#                              ^ E: TF718: Retry(backoff=…, factor=…, max_backoff=…) expects numbers of 0 or more  [typedflow-flow]
Retry(attempts=NONE)
#              ^ E: TF718: Retry(attempts=…) counts the first attempt: at least 1 expected, 0 given  [typedflow-flow]

Flow(Shop, name=3)
#               ^ E: TF718: the name of a flow is a text, not 3 (int)  [typedflow-flow]
Flow(Shop, max_depth=-1)
#                    ^ E: TF718: max_depth is a whole number from 0, not -1 (int)  [typedflow-flow]
Flow(Shop, max_depth="deep").to(find)
#                    ^ E: TF718: max_depth is a whole number from 0, not 'deep' (str)  [typedflow-flow]
Flow(Shop, name="shop", max_depth=0)

flow.create_execution(concurrency=0)
#                                 ^ E: TF718: concurrency is a whole number from 1, not 0 (int) (leave it out for no bound)  [typedflow-flow]
flow.start(Request("x"), concurrency=0, timeout=-1)
#    ^ E: TF102: resource 'logger', declared as Logger, is missing (give it with update_runtime_resources(logger=…) on the flow, or runtime_resources={'logger': …})  [typedflow-resource]
#    ^ E: TF102: resource 'search', declared as Search, is missing (give it with update_runtime_resources(search=…) on the flow, or runtime_resources={'search': …})  [typedflow-resource]
#                                    ^ E: TF718: concurrency is a whole number from 1, not 0 (int) (leave it out for no bound)  [typedflow-flow]


def computed(number: int, anything: Any, text: str) -> None:
    flow.batch(concurrency=number)
    flow.batch(concurrency=anything)
    flow.to(find, timeout=number, retry=anything, name=text)
    flow.to(find, timeout=text)
    #                     ^ E: TF718: timeout is a number of seconds from 0, not str  [typedflow-flow]
    Flow(Shop, max_depth=number)
