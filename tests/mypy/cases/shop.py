"""The contracts that the cases share; nothing here is wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, NotRequired, Protocol, TypedDict, TypeVar

import msgspec

from typedflow import Contract, Data, Events, Flow, FlowState, Resources, State

T = TypeVar("T")


class Request(msgspec.Struct, rename="camel", tag=True):
    topic: str
    max_items: int = 10


class Approval(msgspec.Struct):
    ok: bool
    note: str = ""


class Report(msgspec.Struct, tag=True):
    text: str
    score: float = 0.0
    author: str | None = None


class LongReport(Report):
    chapters: list[str] = []


class Point(NamedTuple):
    x: int
    y: int = 0


@dataclass
class Page:
    number: int
    text: str = ""


@dataclass(frozen=True)
class Stamp:
    by: str


class Options(TypedDict):
    depth: int
    strict: NotRequired[bool]


class Box(msgspec.Struct, Generic[T]):
    item: T


class Tree(msgspec.Struct):
    name: str
    parent: Tree | None = None
    children: list[Tree] = []


class Frozen(msgspec.Struct, frozen=True):
    name: str = ""


class BaseState(State):
    started: bool = False


class ShopState(BaseState):
    request: Request
    maybe: Request | None = None
    drafts: list[str] = []
    seen: set[int] = set()
    table: dict[str, Request] = {}
    options: Options = msgspec.field(default_factory=lambda: Options(depth=1))
    point: Point = Point(0)
    page: Page = msgspec.field(default_factory=lambda: Page(1))
    stamp: Stamp | None = None
    box: Box[Approval] | None = None
    tree: Tree = msgspec.field(default_factory=lambda: Tree(""))
    frozen: Frozen = Frozen()
    either: Request | Report | None = None
    count: int = 0
    ratio: float = 0.0
    note: str | None = None


class Counters(FlowState):
    reviewed: int = 0
    limits: dict[str, int] = {}


class Search:
    def find(self, topic: str) -> list[str]:
        return [topic]


class DeepSearch(Search): ...


class ShopResources(Resources):
    logger: logging.Logger
    search: Search
    browser: Search | None = None
    on_done: Callable[[str], None] | None = None


class ShopEvents(Events):
    approved: Approval
    stopped: None
    ticked: int


class Shop(Contract):
    input: Request
    result: Report
    state: ShopState
    flow_state: Counters
    resources: ShopResources
    events: ShopEvents
    stream: str


class Plain(Contract):
    input: str
    result: int


class PartialResources(Resources):
    search: Search


class Partial(Contract):
    input: str
    result: str
    resources: PartialResources


class HasLogger(Protocol):
    @property
    def logger(self) -> logging.Logger: ...


class NeedsLogger(Protocol):
    @property
    def resources(self) -> HasLogger: ...


def find(data: Data[Shop, Request]) -> list[str]:
    return [data.value.topic]


async def write(data: Data[Shop, list[str]]) -> Report:
    return Report(text=",".join(data.value))


shop = Flow(Shop)
