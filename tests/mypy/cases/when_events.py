"""Events as attributes of their class, and resources picked by a function."""

from __future__ import annotations

from typing import reveal_type

from shop import Approval, Shop, ShopEvents

from typedflow import Contract, Data, Events, Flow, Resources


class Extra(Events):
    named: str


class Same(Events):
    approved: Approval


class Other(Events):
    approved: str


class Browser:
    def go(self) -> int:
        return 1


class Tools(Resources):
    logger: int
    browser: Browser | None = None


class Work(Contract):
    input: str
    result: int
    resources: Tools


class Silent(Contract):
    input: str
    result: int


def approved(data: Data[Shop, Approval]) -> int:
    return 1


def named(data: Data[Shop, str]) -> int:
    return 1


flow = Flow(Shop)
reveal_type(flow.when_event(ShopEvents.approved))
#           ^ R: typedflow.api.process.Process[shop.Shop, shop.Approval, None]
flow.when_event(ShopEvents.approved).to(approved)
flow.when_event(ShopEvents.approved).to(named)
#                                       ^ E: TF701: step 'named' takes str, and gets Approval (annotate its parameter Data[…, Approval], or put a step in between that makes str of it)  [typedflow-flow]
flow.when_event(ShopEvents.aproved)
#               ^ E: "type[ShopEvents]" has no attribute "aproved"  [attr-defined]
flow.when_event(Same.approved).to(approved)
flow.when_event(Other.approved)
#               ^ E: TF501: event 'approved' of Other is none of contract 'Shop' (use the Events class that Shop declares)  [typedflow-event]
flow.when_event(Extra.named)
#               ^ E: TF501: contract 'Shop' declares no event 'named' (declared: 'approved', 'stopped', 'ticked')  [typedflow-event]
flow.when_event("approved")
#               ^ E: TF719: when_event() takes an event of the contract's Events class, not 'approved' (str) (write when_event(ReviewEvents.approved), or when("approved"))  [typedflow-flow]
flow.when_event(3)
#               ^ E: TF719: when_event() takes an event of the contract's Events class, not 3 (int) (write when_event(ReviewEvents.approved), or when("approved"))  [typedflow-flow]
Flow(Silent).when_event(Same.approved)
#                       ^ E: TF503: contract 'Silent' declares no events (add an Events class to Silent: `events: SilentEvents`)  [typedflow-event]


def work(data: Data[Work, str]) -> int:
    reveal_type(data.require(lambda r: r.logger))
    #           ^ R: int
    data.require(lambda r: r.loger)
    #                      ^ E: "Tools" has no attribute "loger"; maybe "logger"?  [attr-defined]
    data.require("browser")
    #            ^ E: Argument 1 to "require" of "Data" has incompatible type "str"; expected "Callable[[Tools], None]"  [arg-type]
    return data.require(lambda r: r.browser).go()


def silent(data: Data[Silent, str]) -> int:
    return data.require(lambda r: r.browser)
    #      ^ E: Invalid self argument "Data[Silent, str]" to attribute function "require" with type "Callable[[Data[HasResources[S], Any], Callable[[S], T | None]], T]"  [misc]
