"""The contracts and handlers that the samples share; nothing here is wrong."""

from __future__ import annotations

import logging
from typing import Protocol

import msgspec

from typedflow import Contract, Data, Events, FlowState, Resources, State


class Request(msgspec.Struct):
    topic: str


class Report(msgspec.Struct):
    text: str


class ReviewState(State):
    topic: str = ""
    drafts: list[str] = []


class Counters(FlowState):
    reviewed: int = 0


class ReviewResources(Resources):
    logger: logging.Logger


class ReviewEvents(Events):
    approved: bool


class Review(Contract):
    input: Request
    result: Report
    state: ReviewState
    flow_state: Counters
    resources: ReviewResources
    events: ReviewEvents
    stream: str


class Score(Contract):
    input: str
    result: int


class Audit(Contract):
    input: Request
    result: Report


class HasLogger(Protocol):
    @property
    def logger(self) -> logging.Logger: ...


class NeedsLogger(Protocol):
    """A part of a contract: what a handler that serves several flows asks for."""

    @property
    def resources(self) -> HasLogger: ...


async def search(data: Data[Review, Request]) -> list[str]:
    return [data.value.topic]


def size(data: Data[Review, str]) -> int:
    return len(data.value)


async def raw(data: Data[Review, str]) -> bytes:
    return data.value.encode()


def long(data: Data[Review, str]) -> bool:
    return len(data.value) > 3


def log(data: Data[NeedsLogger, object]) -> str:
    data.resources.logger.info("seen")
    return "x"


def report(data: Data[Review, list[int]]) -> Report:
    return Report(text=str(data.value))


def count(data: Data[Score, str]) -> int:
    return len(data.value)


def audited(data: Data[Audit, Request]) -> Report:
    return Report(text=data.value.topic)
