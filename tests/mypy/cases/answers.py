"""Answers to an interrupt of which the id is written out, in the module of the handler that asks."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from typedflow import Contract, Data, Events, Execution, Flow
from typedflow.distributed import answer
from typedflow.stores import WorkStore


class Verdict(msgspec.Struct):
    ok: bool


class Other(msgspec.Struct):
    no: bool


class Said(Events):
    said: int


class Talk(Contract):
    input: int
    result: object
    events: Said


class Elsewhere(Contract):
    input: int
    result: object


def number(data: Data[Talk, int]) -> int:
    return data.pause_for("?", interrupt_id="number")


async def verdict(data: Data[Talk, object]) -> Verdict | None:
    return data.pause_for("?", interrupt_id="verdict")


def choice(data: Data[Talk, object]) -> Literal["a", "b"]:
    return data.pause_for("?", interrupt_id="choice")


def moment(data: Data[Talk, object]) -> datetime:
    return data.pause_for("?", interrupt_id="moment")


def event(data: Data[Talk, object]) -> None:
    data.pause_for("?", interrupt_id="event", resume_event="said")


def once(data: Data[Talk, object]) -> int:
    return data.pause_for("?", interrupt_id="twice")


def twice(data: Data[Talk, object]) -> str:
    return data.pause_for("?", interrupt_id="twice")


NUMBER: Final = "number"


async def answered(execution: Execution[Talk], other: Execution[Elsewhere], any_id: str) -> None:
    execution.continue_with("number", 3)
    execution.continue_with("number", "three")
    #                                 ^ E: TF810: interrupt 'number' is answered with int, not str (it is still pending: answer it again)  [typedflow-flow]
    await execution.async_continue_with(NUMBER, None)
    #                                           ^ E: TF810: interrupt 'number' is answered with int, not None (it is still pending: answer it again)  [typedflow-flow]
    execution.continue_with("verdict", {"ok": True})
    execution.continue_with("verdict", None)
    execution.continue_with("verdict", Verdict(ok=True))
    execution.continue_with("verdict", Other(no=True))
    #                                  ^ E: TF810: interrupt 'verdict' is answered with Verdict | None, not Other (it is still pending: answer it again)  [typedflow-flow]
    execution.continue_with("choice", "a")
    execution.continue_with("choice", "c")
    #                                 ^ E: TF810: interrupt 'choice' is answered with Literal['a', 'b'], not Literal['c'] (it is still pending: answer it again)  [typedflow-flow]
    execution.continue_with("moment", "2026-01-01T00:00:00Z")
    execution.continue_with("event", 3)
    execution.continue_with("event", "three")
    #                                ^ E: TF810: interrupt 'event' is answered with int, not str (it is still pending: answer it again)  [typedflow-flow]
    execution.continue_with("twice", 3.5)
    execution.continue_with("unknown", "anything")
    execution.continue_with(any_id, "anything")
    other.continue_with("number", "of another contract")


flow = Flow(Talk)
flow.to(number).end()


async def stored(store: WorkStore) -> None:
    await answer(store, flow, "a", "number", 3)
    await answer(store, flow, "a", "number", "three")
    #                                        ^ E: TF810: interrupt 'number' is answered with int, not str (it is still pending: answer it again)  [typedflow-flow]
