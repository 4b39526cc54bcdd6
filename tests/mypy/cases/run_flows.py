"""What `run_flow` gives a flow in a test: its layers by the contract of the flow."""

from __future__ import annotations

from typing import reveal_type

from shop import Plain, Request, Search, Shop

from typedflow import Flow
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
    # @4 E: Cannot infer value of type parameter "T" of "run_flow"  [misc]
    run_flow(flow, request, answers={"ask": 3}, reload=True)
