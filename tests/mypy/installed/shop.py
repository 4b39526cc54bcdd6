"""What the cases share."""

import msgspec

from typedflow import Contract as Contract
from typedflow import Data as Data
from typedflow import Events, Resources
from typedflow import Flow as Flow
from typedflow import State as State


class Request(msgspec.Struct):
    topic: str


class Search: ...


class ShopState(State):
    request: Request
    count: int = 0


class Tools(Resources):
    search: Search


class Happened(Events):
    ticked: int


class Shop(Contract):
    input: Request
    result: int
    state: ShopState
    resources: Tools
    events: Happened


class Bare(Contract):
    input: str
    result: str


child = Flow(Bare)


def find(data: Data[Shop, Request]) -> list[str]:
    return [data.value.topic]


def write(data: Data[Shop, list[str]]) -> int:
    return len(data.value)
