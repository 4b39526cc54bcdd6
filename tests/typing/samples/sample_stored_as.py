"""Classes that are saved as another type, and functions that run in an executor."""

from __future__ import annotations

import functools
from concurrent.futures import Executor
from pathlib import Path
from typing import Annotated, TypeAlias, reveal_type

from typedflow import Contract, Flow, Process, Resources, State, StoredAs, offload


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents


def to_cents(money: Money) -> int:
    return money.cents


def of_text(text: str) -> Money:
    return Money(int(text))


MONEY = StoredAs(to_cents, Money, int)
StoredMoney: TypeAlias = Annotated[Money, StoredAs(to_cents, Money, int)]

reveal_type(MONEY)  # R: StoredAs[Money, int]
reveal_type(StoredAs(str, Path, str))  # R: StoredAs[Path, str]
StoredAs(to_cents, of_text, int)  # E
StoredAs(to_cents, Money, str)  # E


class Order(State):
    total: Annotated[Money, MONEY]
    parts: list[StoredMoney] = []
    invoice: Path = Path()


def read(order: Order) -> None:
    reveal_type(order.total)  # R: Money
    reveal_type(order.parts)  # R: list[Money]
    reveal_type(order.invoice)  # R: Path


class Pools(Resources):
    pool: Executor


class Count(Contract):
    input: str
    result: int
    resources: Pools


class Model:
    def predict(self, text: str) -> Money:
        return Money(len(text))


def words(text: str) -> int:
    return len(text)


def scale(text: str, by: int = 2) -> Money:
    return Money(by)


def double(number: int) -> int:
    return 2 * number


def build(one: Process[Count, str], many: Process[Count, list[str]]) -> None:
    reveal_type(one.to(offload(words, executor="pool")))  # R: Process[Count, int, None]
    reveal_type(one.to(offload(Model().predict, executor="pool")))  # R: Process[Count, Money, None]
    reveal_type(one.to(offload(functools.partial(scale, by=3), executor="pool")))  # R: Process[Count, Money, None]
    counted = many.for_each().to(offload(words, executor="pool")).end_for_each()
    reveal_type(counted)  # R: Process[Count, list[int], None]
    reveal_type(one.batch().branch(offload(words, executor="pool")).end_batch())  # R: Process[Count, tuple[int], None]
    one.to(offload(double, executor="pool"))  # E
    many.to(offload(words, executor="pool"))  # E
    one.to(offload(words))  # E
    reveal_type(Flow(Count).to(offload(words, executor="pool")))  # R: Process[Count, int, None]
    Flow(Count).to(offload(double, executor="pool"))  # E
