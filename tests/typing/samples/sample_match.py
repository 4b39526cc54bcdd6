"""Matching by class and by value: the narrowed value, and whether all of the union has a case."""

from __future__ import annotations

import enum
from typing import Any, Literal, reveal_type

import msgspec

from typedflow import Contract, Data, Flow, Process


class Approve(msgspec.Struct, tag=True):
    note: str = ""


class Reject(msgspec.Struct, tag=True):
    why: str = ""


class Later(msgspec.Struct, tag=True):
    days: int = 0


class Color(enum.Enum):
    RED = "r"
    BLUE = "b"


class Ticket(Contract):
    input: Approve | Reject | Later
    result: str


def approve(data: Data[Ticket, Approve]) -> int:
    return 1


async def reject(data: Data[Ticket, Reject]) -> bytes:
    return b""


def later(data: Data[Ticket, Later]) -> list[int]:
    return [1]


def two(data: Data[Ticket, Approve | Reject]) -> str:
    return ""


def whole(data: Data[Ticket, Approve | Reject | Later]) -> str:
    return ""


def is_long(data: Data[Ticket, object]) -> bool:
    return True


def of_str(data: Data[Ticket, str]) -> int:
    return 1


def of_none(data: Data[Ticket, None]) -> bytes:
    return b""


def of_literal(data: Data[Ticket, Literal["a", "b"]]) -> int:
    return 1


def of_color(data: Data[Ticket, Color]) -> int:
    return 1


def of_list(data: Data[Ticket, list[str]]) -> int:
    return 1


def of_anything(data: Data[Ticket, object]) -> str:
    return ""


flow = Flow(Ticket)
cases = flow.match().case_type(Approve).to(approve).case_type(Reject).to(reject)
every_case = cases.case_type(Later).to(later).end_match()
reveal_type(every_case)  # R: Process[Ticket, int | bytes | list[int]]
two_at_once = flow.match().case_type(Approve, Reject).to(two).case_type(Later).to(later).end_match()
reveal_type(two_at_once)  # R: Process[Ticket, str | list[int]]
with_else = flow.match().case_type(Approve).to(approve).case_else().to(whole).end_match()
reveal_type(with_else)  # R: Process[Ticket, int | str]
all_hits = flow.match(mode="hit_all").case_type(Approve).to(approve).case_type(Reject).to(reject).end_match()
reveal_type(all_hits)  # R: Process[Ticket, list[int | bytes]]
with_function = flow.match().case(is_long).to(whole).case_type(Approve, Reject, Later).to(whole).end_match()
reveal_type(with_function)  # R: Process[Ticket, str]
no_class = flow.match().case(is_long).to(whole).end_match()
reveal_type(no_class)  # R: Process[Ticket, str | Approve | Reject | Later]

# What is left over is an error, in mypy with the plugin.
flow.match().case(is_long).to(whole).case_type(Approve).to(approve).end_match()  # E[plugin, pyright, ty, pyrefly]
flow.match().case_type(Approve).to(approve).end_match()  # E[plugin, pyright, ty, pyrefly]
left = cases.end_match()  # E[plugin, pyright, ty, pyrefly]
widened = flow.match().case_type(Approve, Reject, Later).to(whole)
widened.case_type(Color).to(of_color).end_match()  # E[plugin, pyright, ty, pyrefly]

flow.match().case_type(Approve).to(reject)  # E
flow.match().case_type(Approve).to(approve).case_type(Reject).to(later)  # E
flow.match().case_type(Approve, Reject).to(approve)  # E
flow.match().case_type(Approve).to(approve).case_else().to(later)  # E
flow.match().case_type(3)  # E
flow.match().case_type(Approve | Reject)  # E[mypy, plugin, pyright, ty]
flow.match().case_type(Approve).to(approve).end()  # E
with_else.to(approve)  # E


def build(
    text: Process[Ticket, str | None],
    several: Process[Ticket, list[Approve | Reject]],
    literal: Process[Ticket, Literal["a", "b"]],
    color: Process[Ticket, Color],
    either: Process[Ticket, str | list[str]],
    unknown: Process[Ticket, Any],
    mixed: Process[Ticket, Literal["a"] | Approve],
    maybe: Process[Ticket, Color | None],
) -> None:
    by_none = text.match().case_type(str).to(of_str).case_type(type(None)).to(of_none).end_match()
    reveal_type(by_none)  # R: Process[Ticket, int | bytes]
    inside = several.for_each().match().case_type(Approve).to(approve).case_type(Reject).to(reject).end_match()
    reveal_type(inside.end_for_each())  # R: Process[Ticket, list[int | bytes]]
    by_value = literal.match().case_value("a").to(of_literal).case_value("b").to(of_literal).end_match()
    reveal_type(by_value)  # R: Process[Ticket, int]
    by_member = color.match().case_value(Color.RED).to(of_color).case_value(Color.BLUE).to(of_color).end_match()
    reveal_type(by_member)  # R: Process[Ticket, int]
    literal.match().case_value("c")  # E
    literal.match().case_value("a").to(of_literal).case_value("c")  # E
    color.match().case_value("r")  # E
    by_list = either.match().case_type(list[str]).to(of_list).case_type(str).to(of_str).end_match()
    reveal_type(by_list)  # R: Process[Ticket, int]
    or_else = unknown.match().case_type(Approve).to(approve).case_else().to(whole).end_match()
    reveal_type(or_else)  # R: Process[Ticket, int | str]
    known_part = unknown.match().case_type(Approve).to(approve).end_match()
    reveal_type(known_part)  # R: Process[Ticket, int]
    class_or_value = mixed.match().case_value("a").to(of_anything).case_type(Approve).to(approve).end_match()
    reveal_type(class_or_value)  # R: Process[Ticket, str | int]
    value_or_none = maybe.match().case_type(Color).to(of_color).case_value(None).to(of_anything).end_match()
    reveal_type(value_or_none)  # R: Process[Ticket, int | str]
    class_or_none = maybe.match().case_type(Color).to(of_color).case_type(type(None)).to(of_none).end_match()
    reveal_type(class_or_none)  # R: Process[Ticket, int | bytes]
