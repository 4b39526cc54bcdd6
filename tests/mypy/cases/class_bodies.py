"""States, resources and contracts, as they are written."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar, Generic, Literal, NewType, TypeVar

import attrs
import msgspec
from shop import Counters, Options, Point, Report, Request, ShopResources, ShopState, Tree

from typedflow import Contract, Data, Events, Flow, FlowState, Resources, State

UserId = NewType("UserId", str)
T = TypeVar("T")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Odd(Enum):
    ONE = 1
    TWO = "two"


class Later(State):
    """Refers to a class that follows."""

    below: Below | None = None
    #      ^ E: TF603: field 'below' of Later cannot be saved at 'below.connection': Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    fine: Fine | None = None


class Fine(msgspec.Struct):
    name: str
    below: Fine | None = None


class Below(msgspec.Struct):
    connection: sqlite3.Connection
    name: str = ""


class Cat(msgspec.Struct, tag=True):
    name: str


class Dog(msgspec.Struct, tag="dog"):
    name: str


@attrs.define
class Private:
    _key: int
    text: str = ""


@dataclass
class Holder:
    call: Callable[[], None]


class Good(State):
    limit: ClassVar[int] = 3
    request: Request | None = None
    tree: Tree | None = None
    colour: Colour = Colour.RED
    user: UserId | None = None
    at: datetime | None = None
    pets: list[Cat | Dog] = []
    options: Options = msgspec.field(default_factory=lambda: Options(depth=1))
    point: Point = Point(0)
    table: dict[str, tuple[int, str]] = {}
    mode: Literal["a", "b"] = "a"
    flags: set[str] = set()


class Bad(State):
    connection: sqlite3.Connection | None = None
    #           ^ E: TF603: field 'connection' of Bad cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    private: list[Private] = []
    #        ^ E: TF603: field 'private' of Bad cannot be saved: msgspec leaves out '_key', as it does all private fields of an attrs class like Private (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    call: Callable[[], None] | None = None
    #     ^ E: TF603: field 'call' of Bad cannot be saved: Callable[[], None] cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    log: list[logging.Logger] = []
    #    ^ E: TF603: field 'log' of Bad cannot be saved: Logger cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    anything: Any = None
    #         ^ E: TF603: field 'anything' of Bad cannot be saved: Any comes back as plain builtins: say what it holds (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    thing: object = None
    #      ^ E: TF603: field 'thing' of Bad cannot be saved: object comes back as plain builtins: say what it holds (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    items: Sequence[int] = ()
    #      ^ E: TF603: field 'items' of Bad cannot be saved: what is declared as Sequence[int] may come back as another class: say list[…] or tuple[…, ...] (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    either: str | datetime = ""
    #       ^ E: TF603: field 'either' of Bad cannot be saved: str and datetime cannot be told apart when read back (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    structs: Request | Report | None = None
    table: dict[tuple[int, int], str] = {}
    #      ^ E: TF603: field 'table' of Bad cannot be saved: JSON has no keys of type tuple[int, int] (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    odd: Odd = Odd.ONE
    #    ^ E: TF603: field 'odd' of Bad cannot be saved: the values of Odd are neither all str nor all int (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    holder: Holder | None = None
    #       ^ E: TF603: field 'holder' of Bad cannot be saved at 'holder.call': Callable[[], None] cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    resources: ShopResources | None = None
    #          ^ E: TF604: field 'resources' of Bad is ShopResources, a Resources class: resources are never saved (declare it as the contract's `resources`, read it as data.resources)  [typedflow-state]
    lists: set[list[int]] = set()
    #      ^ E: TF603: field 'lists' of Bad cannot be saved: list[int] is not hashable, so no set can hold it (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    get: int = 0
    # @4 E: TF608: Bad cannot have a field 'get': the name is a method of every layer, or Python's own (rename it, to 'get_value' for instance)  [typedflow-state]
    to_dict: str = ""
    # @4 E: TF608: Bad cannot have a field 'to_dict': the name is a method of every layer, or Python's own (rename it, to 'to_dict_value' for instance)  [typedflow-state]


class Child(Bad):
    more: bytes = b""


class Wide(FlowState):
    limits: dict[str, int] = {}
    last: ShopPayload | None = None
    #     ^ N: TF615: field 'last' of Wide is ShopPayload | None, which can grow: a flow_state is for flags and counters (keep what belongs to one execution in its State)


class ShopPayload(msgspec.Struct):
    lines: list[str] = []


class Frozen(State, frozen=True):
#                          ^ E: TF609: Frozen cannot be declared with frozen: a state is there to be written (leave frozen out)  [typedflow-state]
    x: int = 0


class OfFrozen(Frozen):
    y: int = 0


class AgainFrozen(Frozen, frozen=True):
#                                ^ E: TF609: AgainFrozen cannot be declared with frozen: a state is there to be written (leave frozen out)  [typedflow-state]
    y: int = 0


class FrozenFlow(FlowState, frozen=True):
#                                  ^ E: TF609: FrozenFlow cannot be declared with frozen: a state is there to be written (leave frozen out)  [typedflow-state]
    x: int = 0


class OfFrozens(Contract):
    input: int
    result: int
    state: Frozen
    flow_state: FrozenFlow


def write_frozen(data: Data[OfFrozens, int]) -> int:
    data.state.x = 1
    data.state.set("x", 1)
    data.flow_state.x = 1
    data.flow_state.set("x", 1)
    return Frozen(x=1).x


class Loose(State, forbid_unknown_fields=False):
#                                        ^ E: TF609: Loose cannot be declared with forbid_unknown_fields=False: an unknown field in a saved state is an error, never dropped (leave forbid_unknown_fields=False out)  [typedflow-state]
    x: int = 0


class Tagged(State, tag="x"):
#                       ^ E: TF609: Tagged cannot be declared with tag: a state is saved under its contract, which names it already (leave tag out)  [typedflow-state]
    x: int = 0


class Tools(Resources):
    get: int
    # @4 E: TF608: Tools cannot have a field 'get': the name is a method of every layer, or Python's own (rename it, to 'get_value' for instance)  [typedflow-state]
    connection: sqlite3.Connection


class Happened(Events):
    get: int


class Fits(Contract, version=2):
    input: str
    result: None
    state: Good
    flow_state: Wide
    resources: Tools
    events: Happened


class Half(Contract, abstract=True):
    input: str


class Whole(Half):
    result: int


class Box(Contract, Generic[T]):
    input: T
    result: T


class Wrong(Contract, version=0):
# @0 E: TF606: contract 'Wrong' does not say its result (add `result: …` with the type, or `result: None` where there is none)  [typedflow-state]
#                             ^ E: TF614: the version of contract 'Wrong' is a whole number from 1, not 0 (int) (write `class Wrong(Contract, version=2)`)  [typedflow-state]
    input: str
    state: Counters
    #      ^ E: TF605: 'state' of contract 'Wrong' has to be a subclass of State, not Counters (declare `class WrongState(State): …` and name it here)  [typedflow-state]
    flow_state: ShopState
    #           ^ E: TF605: 'flow_state' of contract 'Wrong' has to be a subclass of FlowState, not ShopState (declare `class WrongFlowState(FlowState): …` and name it here)  [typedflow-state]
    resources: Request
    #          ^ E: TF605: 'resources' of contract 'Wrong' has to be a subclass of Resources, not Request (declare `class WrongResources(Resources): …` and name it here)  [typedflow-state]
    events: int | None
    #       ^ E: TF605: 'events' of contract 'Wrong' has to be a subclass of Events, not int | None (declare `class WrongEvents(Events): …` and name it here)  [typedflow-state]
    stat: int
    # @4 E: TF607: contract 'Wrong' has no part 'stat' (parts: 'result')  [typedflow-state]
    stream: str = ""
    # @4 E: TF613: 'stream' of contract 'Wrong' has a value: a contract holds annotations only (write `stream: …` with the type, and no `=`)  [typedflow-state]
    other = 3
    # @4 E: TF607: contract 'Wrong' has no part 'other' (parts: 'result')  [typedflow-state]

    def method(self) -> None: ...
    # @4 E: TF607: contract 'Wrong' has no part 'method' (parts: 'result')  [typedflow-state]


Flow(Fits)
Flow(Box[int])
Flow(Request)
#    ^ E: TF605: a contract is a subclass of Contract, not Request (declare `class …(Contract): …`)  [typedflow-state]
