"""Defaults of the fields of layers: none that all instances would share and can change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import msgspec
from shop import Frozen, Request

from typedflow import FlowState, Resources, State


class Open(msgspec.Struct):
    name: str = ""


class StillOpen(Frozen, frozen=False):
# @0 E: Non-frozen dataclass cannot inherit from a frozen dataclass  [misc]
    other: int = 0


class StillFrozen(Frozen):
# @0 E: Non-frozen dataclass cannot inherit from a frozen dataclass  [misc]
    other: int = 0


@dataclass
class Page:
    number: int = 1


class Good(State):
    empty: list[str] = []
    nothing: dict[str, int] = {}
    many: tuple[int, ...] = (1, 2)
    frozen: Frozen = Frozen(name="a")
    child: StillFrozen = StillFrozen()
    page: Page = Page()
    made: list[str] = msgspec.field(default_factory=lambda: ["a"])
    named: int = msgspec.field(default=1, name="n")
    known: ClassVar[list[str]] = ["a"]
    maybe: Request | None = None


class Shared(State):
    drafts: list[str] = ["a"]
    #                   ^ E: TF616: field 'drafts' of Shared has as its default a list with something in it, and every Shared would share it (let a factory make it anew: `msgspec.field(default_factory=lambda: …)`)  [typedflow-state]
    limits: dict[str, int] = {"a": 1}
    #                        ^ E: TF616: field 'limits' of Shared has as its default a dict with something in it, and every Shared would share it (let a factory make it anew: `msgspec.field(default_factory=lambda: …)`)  [typedflow-state]
    seen: set[int] = {1}
    #                ^ E: TF616: field 'seen' of Shared has as its default a set with something in it, and every Shared would share it (let a factory make it anew: `msgspec.field(default_factory=lambda: …)`)  [typedflow-state]
    request: Request = Request("x")
    #                  ^ E: TF616: field 'request' of Shared has as its default Request(…), which is not frozen, and every Shared would share it (let a factory make it anew: `msgspec.field(default_factory=lambda: …)`, or declare Request frozen)  [typedflow-state]
    open: Open | None = Open()
    #                   ^ E: TF616: field 'open' of Shared has as its default Open(…), which is not frozen, and every Shared would share it (let a factory make it anew: `msgspec.field(default_factory=lambda: …)`, or declare Open frozen)  [typedflow-state]
    field: list[str] = msgspec.field(default=["a"])
    #                                        ^ E: TF616: field 'field' of Shared has as its default a list with something in it, and every Shared would share it (let a factory make it anew: `msgspec.field(default_factory=lambda: …)`)  [typedflow-state]
    again: Request = msgspec.field(default=Request("x"))
    #                                      ^ E: TF616: field 'again' of Shared has as its default Request(…), which is not frozen, and every Shared would share it (let a factory make it anew: `msgspec.field(default_factory=lambda: …)`, or declare Request frozen)  [typedflow-state]


class Counters(FlowState):
    limits: dict[str, int] = {"a": 1}
    #                        ^ E: TF616: field 'limits' of Counters has as its default a dict with something in it, and every Counters would share it (let a factory make it anew: `msgspec.field(default_factory=lambda: …)`)  [typedflow-state]


class Tools(Resources):
    names: list[str] = ["a"]
    #                  ^ E: TF616: field 'names' of Tools has as its default a list with something in it, and every Tools would share it (let a factory make it anew: `msgspec.field(default_factory=lambda: …)`)  [typedflow-state]
    request: Request = Request("x")
    #                  ^ E: TF616: field 'request' of Tools has as its default Request(…), which is not frozen, and every Tools would share it (let a factory make it anew: `msgspec.field(default_factory=lambda: …)`, or declare Request frozen)  [typedflow-state]


class Local:
    def method(self) -> None:
        class Inner(State):
            drafts: list[str] = ["a"]
            #                   ^ E: TF616: field 'drafts' of Inner has as its default a list with something in it, and every Inner would share it (let a factory make it anew: `msgspec.field(default_factory=lambda: …)`)  [typedflow-state]
