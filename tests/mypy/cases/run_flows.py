"""What `run_flow` gives a flow in a test, and what reaches one in a store: checked by the contract of the flow."""

from __future__ import annotations

from typing import reveal_type

from shop import Plain, Request, Search, Shop

from typedflow import Flow
from typedflow.distributed import emit, submit
from typedflow.stores import WorkStore
from typedflow.testing import run_flow

flow = Flow(Shop)
plain = Flow(Plain)


def test(search: Search, request: Request) -> None:
    reveal_type(run_flow(flow, request, resources={"search": search}))
    #           ^ R: shop.Report
    run_flow(flow, request, resources={"serch": search})
    #                                  ^ E: TF101: ShopResources declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
    run_flow(flow, request, resources={"search": 3})
    #                                            ^ E: TF103: resource 'search' is declared as Search, not int (give an instance of Search)  [typedflow-resource]
    run_flow(flow, request, state={"topik": 1})
    #                              ^ E: TF602: ShopState has no field 'topik' (its fields: 'started', 'request', 'maybe', 'drafts', 'seen', 'table', 'options', 'point' and 9 more)  [typedflow-state]
    run_flow(flow, request, timeout=-1)
    #                               ^ E: TF718: timeout is a number of seconds from 0, not -1 (int)  [typedflow-flow]
    run_flow(flow, "x")
    #              ^ E: Argument 2 to "run_flow" has incompatible type "str"; expected "Request"  [arg-type]
    run_flow(flow, request, answers={"ask": 3}, reload=True)


async def submitted(store: WorkStore, request: Request) -> None:
    await submit(store, flow, request, state={"topik": 1})
    #                                         ^ E: TF602: ShopState has no field 'topik' (its fields: 'started', 'request', 'maybe', 'drafts', 'seen', 'table', 'options', 'point' and 9 more)  [typedflow-state]
    await submit(store, flow, request, state={"drafts": 1})
    #                                                   ^ E: TF601: 'drafts' of state takes list[str], not int  [typedflow-state]
    await submit(store, flow, request, state={"drafts": ["x"]})
    await submit(store, flow, "x")
    #                         ^ E: Argument 3 to "submit" has incompatible type "str"; expected "Request"  [arg-type]
    await submit(store, plain, "x")


async def sent(store: WorkStore) -> None:
    await emit(store, flow, "a", "tickd", 3)
    #                            ^ E: TF501: contract 'Shop' declares no event 'tickd' (did you mean 'ticked'?)  [typedflow-event]
    await emit(store, flow, "a", "ticked", "x")
    #                                      ^ E: TF502: event 'ticked' carries int, not str (emit it with a value of int)  [typedflow-event]
    await emit(store, flow, "a", "ticked", payload=3)
    await emit(store, flow, "a", "ticked")
    #                            ^ E: TF502: event 'ticked' carries int, not None (emit it with a value of int)  [typedflow-event]
    await emit(store, flow, "a", "stopped")
    await emit(store, plain, "a", "found")
    #                             ^ E: TF503: contract 'Plain' declares no events (add an Events class to Plain: `events: PlainEvents`)  [typedflow-event]
