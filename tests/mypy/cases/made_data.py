"""make_data: what a test gives a handler is declared, and of the declared types."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, reveal_type

from shop import Counters, Plain, Request, Shop, ShopResources, ShopState

from typedflow import Contract, State
from typedflow.testing import emitted, make_data, result_of, streamed


class Other(State):
    count: int = 0


S = TypeVar("S", bound=State)


class Generic_(Contract, Generic[S]):
    input: int
    result: str
    state: S


def given(request: Request, resources: ShopResources, state: ShopState, anything: Any, texts: dict[str, str]) -> None:
    data = make_data(Shop, request, state={"count": 3}, flow_state={"reviewed": 1})
    reveal_type(data)
    #           ^ R: typedflow.execution.data.Data[shop.Shop, shop.Request]
    reveal_type(data.value)
    #           ^ R: shop.Request
    reveal_type(emitted(data))
    #           ^ R: list[tuple[str, Any]]
    reveal_type(result_of(data))
    #           ^ R: shop.Report
    reveal_type(streamed(data))
    #           ^ R: list[str]
    make_data(Shop, request, resources=resources, state=state, flow_state=Counters())
    make_data(Shop, request, resources=anything, state=anything, flow_state=texts)
    make_data(Shop, request, resources={"loger": 3})
    #                                   ^ E: TF101: ShopResources declares no resource 'loger' (did you mean 'logger'?)  [typedflow-resource]
    make_data(Shop, request, resources={"logger": 3})
    #                                             ^ E: TF103: resource 'logger' is declared as Logger, not int (give an instance of Logger)  [typedflow-resource]
    make_data(Shop, request, state={"cuont": 3})
    #                               ^ E: TF602: ShopState has no field 'cuont' (did you mean 'count'?)  [typedflow-state]
    make_data(Shop, request, state={"count": "three"})
    #                                        ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]
    make_data(Shop, request, state=Other())
    #                              ^ E: TF601: 'state' takes ShopState, not Other (give an instance of ShopState itself, or a mapping of its fields)  [typedflow-state]
    make_data(Shop, request, flow_state={"reviewd": 3})
    #                                    ^ E: TF602: Counters has no field 'reviewd' (did you mean 'reviewed'?)  [typedflow-state]
    make_data(Shop, request, flow_state={"reviewed": "three"})
    #                                                ^ E: TF601: 'reviewed' of flow_state takes int, not str  [typedflow-state]
    make_data(Plain, 3, resources={"logger": 3})
    #                              ^ E: TF105: contract 'Plain' declares no resources (add a Resources class to Plain: `resources: PlainResources`)  [typedflow-resource]
    make_data(Plain, 3, state={"count": 3})
    #                         ^ E: TF611: contract 'Plain' declares no state, only 'input', 'result' (add `state: …` to Plain, a subclass of State)  [typedflow-state]
    make_data(Plain, 3, flow_state=Counters())
    #                              ^ E: TF611: contract 'Plain' declares no flow_state, only 'input', 'result' (add `flow_state: …` to Plain, a subclass of FlowState)  [typedflow-state]
    make_data(Shop, request, attempt=0)
    #                                ^ E: TF718: attempt is a whole number from 1, not 0 (int)  [typedflow-flow]
    make_data(Shop, request, key="")
    #                            ^ E: TF718: key is a text that is not empty, not '' (str) (leave it out for one of the step's own)  [typedflow-flow]
    make_data(Shop, request, step=3)
    #                             ^ E: TF718: the name of a node is a text, not 3 (int)  [typedflow-flow]
    make_data(Shop, request, step="search", key="k", attempt=2)
    make_data(Generic_[Other], 3, state={"count": "three"})
    #                                             ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]
    streamed(make_data(Plain, 3))
    #        ^ E: Argument 1 to "streamed" has incompatible type "Data[Plain, Any]"; expected "Data[GivesStream[Never], Any]"  [arg-type]


def later(contract: type[Shop], request: Request) -> None:
    make_data(contract, request, state={"cuont": 3})
    #                                   ^ E: TF602: ShopState has no field 'cuont' (did you mean 'count'?)  [typedflow-state]
