"""Keys by an enum's auto(), concatenations, f-strings and joins of constants, also of other modules."""

from __future__ import annotations

from enum import StrEnum, auto
from typing import Final, Literal, reveal_type

import key_names
from key_names import (
    BAD,
    DOTTED,
    FORMATTED,
    KIND,
    LEVEL,
    PLAIN,
    REQUEST,
    TOPIC,
    TOPIK,
    Generated,
    Key,
    Making,
    Names,
    Number,
    OfGenerated,
    OfMore,
    Other,
    Shown,
)
from shop import Approval, Request, Shop, ShopState

from typedflow import Data, Execution, Flow

ADDED: Final = REQUEST + ".topik"
FORMED: Final = f"{REQUEST}.topik"
AGAIN: Final = FORMED
RIGHT: Final = f"{REQUEST}.{TOPIC}"
MAPPING: Final = {"input": f"{ADDED}"}


class Here(StrEnum):
    COUNT = auto()
    CONT = auto()


class Own:
    TOPIK: Final = f"{REQUEST}.topik"
    RIGHT: Final = REQUEST + ".topic"

    def read(self, state: ShopState) -> None:
        state.get(self.TOPIK)
        #         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
        reveal_type(state.get(self.RIGHT))
        #           ^ R: str


def enums(data: Data[Shop, Request], execution: Execution[Shop]) -> None:
    state = data.state
    reveal_type(state.get(Key.COUNT))
    #           ^ R: int
    reveal_type(state.get(Key.Note))
    #           ^ R: str | None
    state.get(Key.CONT)
    #         ^ E: TF202: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    state.set(Key.COUNT, "x")
    #                    ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]
    state.get(Key.TOPIK)
    #         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
    reveal_type(state.get(Key.COUNT.value))
    #           ^ R: int
    state.get(Key.CONT.value)
    #         ^ E: TF202: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    state.get(Key.CONT._value_)
    #         ^ E: TF202: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    state.get(key_names.Key.CONT)
    #         ^ E: TF202: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    state.get(OfMore.CONT)
    #         ^ E: TF202: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    reveal_type(state.get(OfMore.COUNT))
    #           ^ R: int
    state.get(Here.CONT)
    #         ^ E: TF202: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    reveal_type(state.get(Here.COUNT))
    #           ^ R: int
    state.get(Other.CONT)
    #         ^ E: TF202: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    state.get(Other.CONT.value)
    #         ^ E: TF202: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    state.get(Other.AUTO)
    state.get(Generated.COUNTS)
    state.get(Generated.CONT)
    #         ^ E: TF202: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    state.get(OfGenerated.COUNTS)
    state.get(Making.COUNT)
    state.get(Shown.CONT)
    #         ^ E: TF202: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    state.get(Number.COUNT)
    #         ^ E: Argument 1 to "get" of "Layer" has incompatible type "Number"; expected "str"  [arg-type]
    data.require_resource(Key.LOGER)
    #                     ^ E: TF101: ShopResources declares no resource 'loger' (did you mean 'logger'?)  [typedflow-resource]
    reveal_type(data.require_resource(Key.LOGGER))
    #           ^ R: logging.Logger
    data.emit(Key.APROVED, Approval(ok=True))
    #         ^ E: TF501: contract 'Shop' declares no event 'aproved' (did you mean 'approved'?)  [typedflow-event]
    data.emit(Key.APPROVED, 1)
    #                       ^ E: TF502: event 'approved' carries Approval, not int (emit it with a value of Approval)  [typedflow-event]
    execution.emit(Key.APROVED, 1)
    #              ^ E: TF501: contract 'Shop' declares no event 'aproved' (did you mean 'approved'?)  [typedflow-event]
    state["cont" if execution else "count"]
    #     ^ E: TF202: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    state[Key.COUNT]


def put_together(data: Data[Shop, Request], kind: Literal["topic", "max_items"], part: str, either: Key) -> None:
    state = data.state
    reveal_type(state.get(REQUEST + ".topic"))
    #           ^ R: str
    state.get(REQUEST + ".topik")
    #         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
    state.get(REQUEST + "." + TOPIC)
    state.get(REQUEST + "." + TOPIK)
    state.get(key_names.REQUEST + ".topik")
    #         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
    state.get(f"{REQUEST}.topik")
    #         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
    reveal_type(state.get(f"{REQUEST}.{TOPIC}"))
    #           ^ R: str
    state.get(f"{key_names.REQUEST}.topik")
    #         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
    state.get(f"{DOTTED}s")
    #         ^ E: TF202: Request has no field 'topics', in 'request.topics' (did you mean 'topic'?)  [typedflow-path]
    state.get(f"{Names.CONT}")
    #         ^ E: TF202: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    state.get(f"{Names().CONT}")
    #         ^ E: TF202: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    reveal_type(state.get(Names().COUNT))
    #           ^ R: int
    reveal_type(state.get(Names().note))
    #           ^ R: str | None
    state.get(f"{REQUEST}.{kind}s")
    #         ^ E: TF202: Request has no field 'max_itemss', in 'request.max_itemss' (did you mean 'max_items'?)  [typedflow-path]
    #         ^ E: TF202: Request has no field 'topics', in 'request.topics' (did you mean 'topic'?)  [typedflow-path]
    reveal_type(state.get(f"{REQUEST}.{kind}"))
    #           ^ R: str | int
    state.get(REQUEST + "." + kind)
    state.get(f"request{LEVEL}")
    #         ^ E: TF202: ShopState has no field 'request3' (did you mean 'request'?)  [typedflow-path]
    state.get(f"request{BAD}")
    #         ^ E: TF202: ShopState has no field 'requestTrue' (its fields: 'started', 'request', 'maybe', 'drafts', 'seen', 'table', 'options', 'point' and 9 more)  [typedflow-path]
    state.get(f"{KIND}.topik")
    #         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
    #         ^ E: TF202: ShopState has no field 'report', in 'report.topik' (its fields: 'started', 'request', 'maybe', 'drafts', 'seen', 'table', 'options', 'point' and 9 more)  [typedflow-path]
    state.get(f"{Key.COUNT}s")
    #         ^ E: TF202: ShopState has no field 'counts' (did you mean 'count'?)  [typedflow-path]
    state.get(f"{Key.COUNT.value}s")
    #         ^ E: TF202: ShopState has no field 'counts' (did you mean 'count'?)  [typedflow-path]
    state.get(Key.COUNT + "s")
    #         ^ E: TF202: ShopState has no field 'counts' (did you mean 'count'?)  [typedflow-path]
    state.get(str(Key.CONT))
    #         ^ E: TF202: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    reveal_type(state.get(str(Key.COUNT)))
    #           ^ R: int
    state.get(f"{Shown.CONT}")
    state.get(f"{Other.CONT}")
    state.get(Other.REQUEST + ".topik")
    #         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
    state.get("".join([Other.REQUEST, ".topik"]))
    #         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
    state.get(".".join((REQUEST, "topik")))
    #         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
    reveal_type(state.get(".".join([REQUEST, TOPIC])))
    #           ^ R: str
    state.get(ADDED)
    #         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
    state.get(FORMED)
    #         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
    state.get(AGAIN)
    #         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
    reveal_type(state.get(RIGHT))
    #           ^ R: str
    state.get(Own.TOPIK)
    #         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
    # not known
    state.get(f"{REQUEST!r}")
    state.get(f"{REQUEST:>9}")
    state.get(f"{REQUEST}.{part}")
    state.get(REQUEST + part)
    state.get(PLAIN + ".topik")
    state.get(".".join([REQUEST, *[part]]))
    state.get(FORMATTED)
    state.get(either)
    state.get(f"{b'x'!s}")
    state.get(part if part else "cont")

    inner: Final = f"{REQUEST}.topik"
    state.get(inner)
    #         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]

    def within() -> None:
        state.get(inner)
        #         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]

    if (walrus := f"{REQUEST}.topik") and state.get(walrus):
        state.get((named := "cont"), named)
        #          ^ E: TF202: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    state.set(f"{REQUEST}.topic", 1)
    #                             ^ E: TF601: 'request.topic' of state takes str, not int  [typedflow-state]
    state.set("request", {f"{TOPIC}": "x", f"{TOPIK}": 1})
    data.set_resource(f"{Key.LOGER}", None)
    #                 ^ E: TF101: ShopResources declares no resource 'loger' (did you mean 'logger'?)  [typedflow-resource]
    data.emit(f"a{'p'}roved", Approval(ok=True))
    #         ^ E: TF501: contract 'Shop' declares no event 'aproved' (did you mean 'approved'?)  [typedflow-event]


flow = Flow(Shop)
flow.when(Key.APROVED)
#         ^ E: TF501: contract 'Shop' declares no event 'aproved' (did you mean 'approved'?)  [typedflow-event]
reveal_type(flow.when(Key.APPROVED))
#           ^ R: typedflow.api.process.Process[shop.Shop, shop.Approval, None]
flow.when({"event": Key.APROVED, "state": f"{REQUEST}.topik"})
#                   ^ E: TF501: contract 'Shop' declares no event 'aproved' (did you mean 'approved'?)  [typedflow-event]
#                                         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
flow.to_sub_flow(flow, capture={"input": f"{ADDED}"})
#                              ^ E: TF311: capture: the child requires the state field 'request' (Request), and nothing supplies it (add to capture: "state": {"request": "state.request"})  [typedflow-capture]
#                                        ^ E: TF301: capture["input"] = "request.topik": 'request' is not a scope (a source begins with one of: 'value', 'state', 'flow_state')  [typedflow-capture]
flow.to_sub_flow(flow, capture={"input": f"value.{TOPIC}k", "state": "state"})
#                                        ^ E: TF304: capture["input"] = "value.topick": Request has no field 'topick' (did you mean 'topic'?)  [typedflow-capture]
#                                                                    ^ E: TF313: capture["state"] = "state": 'state' is given by fields, not as a whole (write {"state": {"field": "state"}})  [typedflow-capture]
flow.to_sub_flow(flow, capture=MAPPING)
#                              ^ E: TF301: capture["input"] = "request.topik": 'request' is not a scope (a source begins with one of: 'value', 'state', 'flow_state')  [typedflow-capture]
#                              ^ E: TF311: capture: the child requires the state field 'request' (Request), and nothing supplies it (add to capture: "state": {"request": "state.request"})  [typedflow-capture]
flow.create_execution(state={f"{Key.CONT}": 1})
#                            ^ E: TF602: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-state]
