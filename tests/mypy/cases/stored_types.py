"""Fields of types that are saved as another type: paths, pydantic models, classes with a StoredAs."""

from __future__ import annotations

import sqlite3
from pathlib import Path, PurePosixPath
from typing import Annotated, TypeAlias

import msgspec
import pydantic
from msgspec import Meta

from typedflow import State, StoredAs


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents


class Person(pydantic.BaseModel):
    name: str


def to_cents(money: Money) -> int:
    return money.cents


MONEY = StoredAs(to_cents, Money, int)
StoredMoney: TypeAlias = Annotated[Money, StoredAs(to_cents, Money, int)]


class Price(msgspec.Struct):
    amount: Annotated[Money, MONEY]
    where: Path


class Stored(State):
    home: Path = Path()
    pure: PurePosixPath | None = None
    paths: dict[str, set[Path]] = {}
    person: Person | None = None
    people: list[Person] = []
    money: Annotated[Money, MONEY] | None = None
    called: Annotated[Money, StoredAs(to_cents, Money, int)] | None = None
    moneys: list[Annotated[Money, MONEY]] = []
    aliased: StoredMoney | None = None
    price: Price | None = None
    limited: Annotated[int, Meta(ge=1)] = 1


class Bare(State):
    money: Money
    #      ^ E: TF603: field 'money' of Bare cannot be saved: Money cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    link: sqlite3.Connection | None = None
    #     ^ E: TF603: field 'link' of Bare cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    by_path: dict[Path, int] = {}
    #        ^ E: TF603: field 'by_path' of Bare cannot be saved: JSON has no keys of type Path (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    either: Path | str = ""
    #       ^ E: TF603: field 'either' of Bare cannot be saved: Path is saved as another type, and cannot be told apart from str: only None may stand beside it (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]

