"""The same write again, with values of other forms: what is known of a path says nothing of the value."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Literal, reveal_type

from shop import ShopState

from typedflow import Contract, Data, Resources


class Level(IntEnum):
    LOW = 1


def first(state: ShopState, number: int, text: str) -> None:
    state.set("count", number)
    state.set("note", text)


def names(state: ShopState, number: int, text: str, flag: bool, level: Level, one: Literal[1], known: Any) -> None:
    state.set("count", number)
    state.set("count", flag)
    state.set("count", level)
    #                  ^ E: TF601: 'count' of state takes int, not Level  [typedflow-state]
    state.set("count", one)
    state.set("count", known)
    state.set("count", text)
    #                  ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]
    state.set("note", number)
    #                 ^ E: TF601: 'note' of state takes str | None, not int  [typedflow-state]
    state.set("count", number.missing)
    #                  ^ E: "int" has no attribute "missing"  [attr-defined]


def sums(state: ShopState, number: int, text: str, ratio: float, level: Level, one: Literal[1], known: Any) -> None:
    state.set("count", number + 1)
    state.set("count", number * 2 - 1)
    state.set("count", number // 2 % 7)
    state.set("count", one + 1)
    state.set("count", level + 1)
    state.set("count", known + 1)
    state.set("count", number / 2)
    #                  ^ E: TF601: 'count' of state takes int, not float  [typedflow-state]
    state.set("count", ratio + 1)
    #                  ^ E: TF601: 'count' of state takes int, not float  [typedflow-state]
    state.set("count", text * 2)
    #                  ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]
    state.set("note", text * 2)
    state.set("note", number + 1)
    #                 ^ E: TF601: 'note' of state takes str | None, not int  [typedflow-state]
    state.set("count", text + 1)
    #                         ^ E: Unsupported operand types for + ("str" and "int")  [operator]
    state.set("count", number.missing + 1)
    #                  ^ E: "int" has no attribute "missing"  [attr-defined]


def narrowed(state: ShopState, number: int | str | None) -> None:
    state.set("count", number)
    #                  ^ E: TF601: 'count' of state takes int, not int | str | None  [typedflow-state]
    if isinstance(number, int):
        state.set("count", number)
        state.set("count", number + 1)
    elif number is not None:
        state.set("count", number)
        #                  ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]
        state.set("count", number * 2)
        #                  ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]


class Number(Resources):
    tool: int


class Text(Resources):
    tool: str


class OfNumber(Contract):
    input: int
    result: None
    resources: Number


class OfText(Contract):
    input: int
    result: None
    resources: Text


def one_order(data: Data[OfNumber | OfText, int]) -> None:
    reveal_type(data.require_resource("tool"))
    #           ^ R: int | str


def other_order(data: Data[OfText | OfNumber, int]) -> None:
    reveal_type(data.require_resource("tool"))
    #           ^ R: str | int


def by_name(state: ShopState) -> None:
    reveal_type(state.get("count"))
    #           ^ R: int
    reveal_type(state.get(*["count"]))
    #           ^ R: Any
    reveal_type(state.get(*"count"))
    #           ^ R: Any
