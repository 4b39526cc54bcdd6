"""Contracts that lack a part, and what hangs on their versions: one error each, where it is made."""

from __future__ import annotations

from typing import Any, Final

from migrations import Elsewhere, Unversioned
from shop import Request, Shop

from typedflow import Contract, Data, Execution, Flow

Saved = dict[str, Any]
OLDEST: Final = 1


class NoResult(Contract):
# @0 E: TF606: contract 'NoResult' does not say its result (add `result: …` with the type, or `result: None` where there is none)  [typedflow-state]
    input: Request


class NoInput(Contract):
# @0 E: TF606: contract 'NoInput' does not say its input (add `input: …` with the type, or `input: None` where there is none)  [typedflow-state]
    result: Request


class Base(Contract, abstract=True):
    input: Request


class Whole(Base):
    result: int


class Versioned(Contract, version=3):
    input: str
    result: str


def of_no_result(data: Data[NoResult, Request]) -> str:
    return ""


def of_no_input(data: Data[NoInput, Request]) -> str:
    return ""


def of_base(data: Data[Base, Request]) -> int:
    return 1


# parts that are missing
Flow(NoResult).to(of_no_result).end()
Flow(NoResult).start(Request("x"))
Flow(NoInput).to(of_no_input).end()
Flow(NoInput).batch()
Flow(NoInput).start(1)
Flow(Shop).to_sub_flow(Flow(NoResult)).end()
Flow(Base).to(of_base).end()
#    ^ E: TF606: contract 'Base' does not say its result (add `result: …` with the type, or `result: None` where there is none)  [typedflow-state]
Flow(Whole).to(of_base).end()


def taken(flow: Flow[NoResult], execution: Execution[NoResult]) -> None:
    flow.to(of_no_result).end()


# migrations
@Versioned.migrate(1)
def from_one(saved: Saved) -> Saved:
    return saved


@Versioned.migrate(OLDEST)
#                  ^ E: TF918: contract 'Versioned' cannot take a migration from version 1: there is one already (a migration leads from one version to the next: migrate(1) from 1 to 2)  [typedflow-state]
def from_one_again(saved: Saved) -> Saved:
    return saved


@Versioned.migrate(2)
def from_two(saved: Saved) -> Saved:
    return saved


@Versioned.migrate(3)
#                  ^ E: TF918: contract 'Versioned' cannot take a migration from version 3: its own version is 3 (a migration leads from one version to the next: migrate(1) from 1 to 2)  [typedflow-state]
def from_three(saved: Saved) -> Saved:
    return saved


@Versioned.migrate(version=0)
#                          ^ E: TF918: contract 'Versioned' cannot take a migration from version 0: its own version is 3 (a migration leads from one version to the next: migrate(1) from 1 to 2)  [typedflow-state]
def from_none(saved: Saved) -> Saved:
    return saved


@Elsewhere.migrate(2)
#                  ^ E: TF918: contract 'Elsewhere' cannot take a migration from version 2: its own version is 2 (a migration leads from one version to the next: migrate(1) from 1 to 2)  [typedflow-state]
def from_its_own(saved: Saved) -> Saved:
    return saved


@Unversioned.migrate(1)
def from_the_first(saved: Saved) -> Saved:
    return saved


@Whole.migrate(1)
#              ^ E: TF918: contract 'Whole' cannot take a migration from version 1: its own version is 1 (a migration leads from one version to the next: migrate(1) from 1 to 2)  [typedflow-state]
def from_the_only_one(saved: Saved) -> Saved:
    return saved


def made(version: int) -> None:
    Versioned.migrate(version)(from_two)
    Versioned.migrate(5)(from_two)
    #                 ^ E: TF918: contract 'Versioned' cannot take a migration from version 5: its own version is 3 (a migration leads from one version to the next: migrate(1) from 1 to 2)  [typedflow-state]
