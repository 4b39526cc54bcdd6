"""Cases by class and by value, in the flow's own terms: what they take, and what they leave over."""

from __future__ import annotations

import enum
from typing import Any, Literal, NewType, TypeVar, reveal_type

import msgspec

from typedflow import Contract, Data, Flow, Process

UserId = NewType("UserId", int)
T = TypeVar("T")


class Approve(msgspec.Struct, tag=True):
    note: str = ""


class Reject(msgspec.Struct, tag=True):
    why: str = ""


class Later(msgspec.Struct, tag=True):
    days: int = 0


class Sooner(Later):
    pass


class Color(enum.Enum):
    RED = "r"
    BLUE = "b"
    GREEN = "g"


class Ticket(Contract):
    input: Approve | Reject | Later
    result: str


class Words(Contract):
    input: str
    result: str


def approve(data: Data[Ticket, Approve]) -> int:
    return 1


def text(data: Data[Ticket, object]) -> str:
    return ""


flow = Flow(Ticket)
reveal_type(flow.match().case_type(Approve).to(approve).case_type(Reject, Later).to(text).end_match())
#           ^ R: typedflow.api.process.Process[matches.Ticket, int | str, None]
flow.match().case_type(Approve).to(approve).end_match()
#                                           ^ E: TF743: this match has no case for Reject | Later (add .case_type(…) or .case_value(…) for it, or .case_else())  [typedflow-flow]
flow.match().case_type(Approve).to(approve).case_type(Later).to(text).end_match()
#                                                                     ^ E: TF743: this match has no case for Reject (add .case_type(…) or .case_value(…) for it, or .case_else())  [typedflow-flow]
flow.match().case_type(Approve).to(approve).case_else().to(text).end_match()
flow.match(mode="hit_all").case_type(Approve).to(approve).end_match()
flow.match().case_type(Approve).to(approve).case_type(Reject, Later).to(approve)
#    ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
#                                                                       ^ E: TF701: step 'approve' takes Approve, and gets Reject | Later (annotate its parameter Data[…, Reject | Later], or put a step in between that makes Approve of it)  [typedflow-flow]
flow.match().case(Approve).to(text)
#    ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
#                 ^ E: TF741: case(Approve) would compare the value with the class itself (to match by class, use .case_type(Approve))  [typedflow-flow]
flow.match().case("a").to(text).case(list[str]).to(text)
#    ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
#                                    ^ E: TF741: case(list[str]) would compare the value with the class itself (to match by class, use .case_type(list[str]))  [typedflow-flow]
flow.match().case_type(Approve | Reject).to(text).case_type(Later).to(text).end_match()
#                      ^ E: TF742: case_type takes classes, not the union Approve | Reject (pass them one by one: .case_type(Approve, Reject))  [typedflow-flow]
flow.match().case_type(None).to(text)
#    ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
#                      ^ E: TF742: case_type takes classes, not None (use .case_type(type(None)), or .case_value(None))  [typedflow-flow]
flow.match().case_type(3).to(text)
#    ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
#                      ^ E: TF742: case_type takes classes, not 3 (int)  [typedflow-flow]
flow.match().case_type(UserId)
#    ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
#                      ^ E: TF742: case_type takes classes, and 'UserId' is a NewType: its values are of class int (use .case(function), or a Struct of its own)  [typedflow-flow]
flow.match().case_type(str)
#    ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
#                      ^ E: TF744: no value at this match is str: it gets Approve | Reject | Later (take the case out, or widen the type of the step before)  [typedflow-flow]
flow.match().case_type(Approve).to(text).case_type(Sooner)
#    ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
#                                                  ^ E: TF744: no value at this match is Sooner: it gets Approve | Reject | Later (take the case out, or widen the type of the step before)  [typedflow-flow]
flow.match(mode="hit_all").case_type(Approve).to(text).case_type(Approve).to(text).end_match()
flow.match().case_type(Approve).to(text).case_type(Approve, Reject).to(text).case_else().to(text).end_match()
flow.match().case_type(Approve, Reject).to(text).case_type(Reject).to(text).case_else().to(text).end_match()
#                                                          ^ E: TF744: the cases before this one take every value that is Reject (take the case out)  [typedflow-flow]
flow.match().case_type()
#    ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
#            ^ E: TF742: case_type takes one to four classes, not 0 (name the classes of this case: .case_type(Approve))  [typedflow-flow]
flow.match().case_type(Approve, Reject, Later, str, int)
#    ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
#            ^ E: TF742: case_type takes one to four classes, not 5 (split it into several cases)  [typedflow-flow]
flow.to(text).case_type(Approve)
#             ^ E: TF704: case_type() belongs to a match block, and no block is open here (open one, or take it out)  [typedflow-flow]
flow.match().case_type(Approve).to(text).case_else().to(text).case_type(Reject)
#    ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
#                                                             ^ E: TF722: a case follows case_else(), which catches all the rest (put the else case last)  [typedflow-flow]
flow.match().case_value()
#    ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
#            ^ E: TF742: case_value takes one value or more, not 0 (name them: .case_value("a", "b"))  [typedflow-flow]
flow.match().case_value(1.5)
#    ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
#                       ^ E: TF742: case_value takes literals, enum members and None, not 1.5 (float) (to compare with another value, use .case(value))  [typedflow-flow]
flow.match().case_value("a")
#    ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
#                       ^ E: TF744: no value at this match is Literal['a']: it gets Approve | Reject | Later (take the case out, or widen the type of the step before)  [typedflow-flow]


def build(
    literal: Process[Ticket, Literal["a", "b"] | Approve],
    color: Process[Ticket, Color | None],
    flag: Process[Ticket, bool | int],
    lists: Process[Ticket, list[str] | list[int]],
    one_list: Process[Ticket, list[str] | dict[str, int] | tuple[int, str]],
    user: Process[Ticket, UserId | str],
    unknown: Process[Ticket, Any],
    anything: Process[Ticket, object],
    words: Process[Ticket, str],
) -> None:
    reveal_type(literal.match().case_value("a", "b").to(text).case_type(Approve).to(approve).end_match())
    #           ^ R: typedflow.api.process.Process[matches.Ticket, str | int, None]
    literal.match().case_value("a").to(text).end_match()
    #                                        ^ E: TF743: this match has no case for Literal['b'] | Approve (add .case_type(…) or .case_value(…) for it, or .case_else())  [typedflow-flow]
    literal.match().case_value("a").to(text).case_value("c")
    #                                                   ^ E: TF744: no value at this match is Literal['c']: it gets Literal['a', 'b'] | Approve (take the case out, or widen the type of the step before)  [typedflow-flow]
    literal.match().case_type(Approve).to(text).end_match()
    #                                           ^ E: TF743: this match has no case for Literal['a', 'b'] (add .case_type(…) or .case_value(…) for it, or .case_else())  [typedflow-flow]
    literal.match().case_type(str).to(text).case_type(Approve).to(text).end_match()
    literal.match().case_type(str).to(text).case_value("a", "b").to(text).case_else().to(text).end_match()
    #                                                  ^ E: TF744: the cases before this one take every value that is Literal['a', 'b'] (take the case out)  [typedflow-flow]
    literal.match().case_value("a").to(text).case_value("b").to(text).case_type(str).to(text).case_else().to(text).end_match()
    #                                                                           ^ E: TF744: the cases before this one take every value that is str (take the case out)  [typedflow-flow]
    unknown.match().case_type(Approve).to(text).case_type(Approve).to(text).end_match()
    #                                                     ^ E: TF744: the cases before this one take every value that is Approve (take the case out)  [typedflow-flow]
    color.match().case_value(Color.RED).to(text).case_value(None).to(text).end_match()
    #                                                                      ^ E: TF743: this match has no case for Literal[Color.BLUE, Color.GREEN] (add .case_type(…) or .case_value(…) for it, or .case_else())  [typedflow-flow]
    color.match().case_value(Color.RED, Color.BLUE, Color.GREEN, None).to(text).end_match()
    color.match().case_value(None).to(text).end_match()
    #                                       ^ E: TF743: this match has no case for Color (add .case_type(…) or .case_value(…) for it, or .case_else())  [typedflow-flow]
    color.match().case_type(Color).to(text).case_type(type(None)).to(text).end_match()
    flag.match().case_type(bool).to(text).case_type(int).to(text).end_match()
    lists.match().case_type(list[str])
    #                       ^ E: TF744: values of list[str] | list[int] have one class, so that case_type(list[str]) cannot tell them apart (use .case(function), or give each a Struct of its own)  [typedflow-flow]
    one_list.match().case_type(list[str]).to(text).case_type(dict[str, int]).to(text).end_match()
    #                                                                                 ^ E: TF743: this match has no case for tuple[int, str] (add .case_type(…) or .case_value(…) for it, or .case_else())  [typedflow-flow]
    one_list.match().case_type(list[int]).to(text)
    #                          ^ E: TF744: no value at this match is list[int]: it gets list[str] | dict[str, int] | tuple[int, str] (take the case out, or widen the type of the step before)  [typedflow-flow]
    user.match().case_type(int).to(text).case_type(str).to(text).end_match()
    unknown.match().case_type(Approve).to(text).end_match()
    anything.match().case_type(Approve).to(text).end_match()
    #                                            ^ E: TF743: this match has no case for object (add .case_type(…) or .case_value(…) for it, or .case_else())  [typedflow-flow]
    words.match().case_value("a").to(text).end_match()
    #                                      ^ E: TF743: this match has no case for str (add .case_type(…) or .case_value(…) for it, or .case_else())  [typedflow-flow]
    words.match().case_value("a").to(text).case_else().to(text).end_match()


def generic(process: Process[Ticket, T], cls: type[T], other: type[Approve], given: str) -> None:
    Flow(Words).match().case_value(given).to(text).end_match()
    #                                        ^ E: TF716: step 'text' takes Data[Ticket, …], and its flow is of contract 'Words' (annotate its parameter Data[Words, …], or with a protocol of the parts that it needs)  [typedflow-flow]
    process.match().case_type(cls).to(text).end_match()
    flow.match().case_type(other).to(text).case_else().to(text).end_match()


def by_a_class_that_is_given(kind: type[Any], anything: Any) -> None:
    flow.match().case_type(Approve).to(approve).case_type(kind).to(text)
    flow.match().case_type(Approve).to(approve).case_type(Approve, kind).to(text)
    flow.match().case_type(Approve).to(approve).case_type(anything).to(text)
