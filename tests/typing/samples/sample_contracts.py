"""Contracts that are generic in a layer, and what narrows them."""

from __future__ import annotations

from typing import Generic, reveal_type

from typing_extensions import TypeVar

from typedflow import Contract, Data, Flow, Resources, State


class Kept(State):
    topic: str = ""


class More(Kept):
    drafts: int = 0


class Tools(Resources):
    size: int


class Better(Tools):
    name: str


S = TypeVar("S", covariant=True, bound=Kept, default=Kept)
R = TypeVar("R", covariant=True, bound=Tools, default=Tools)


class Base(Contract, Generic[S, R]):
    input: int
    result: str
    state: S
    resources: R


class Middle(Base[S, Better], Generic[S]): ...


class Sub(Middle[More]): ...


class Wrong(Base[Better]): ...  # E


def on_base(data: Data[Base, int]) -> int:
    reveal_type(data.state)  # R: Kept
    data.state.drafts  # E
    return data.resources.size


def on_sub(data: Data[Sub, int]) -> str:
    reveal_type(data.state)  # R: More
    reveal_type(data.resources)  # R: Better
    return data.resources.name


flow = Flow(Sub)
flow.to(on_base).to(on_sub).end()
reveal_type(flow.create_execution().state)  # R: More
Flow(Base[Kept, Tools]).to(on_sub)  # E
