"""Wire a plan, and drive its run by hand: what a driver does, without a loop, a clock or a handler."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from typedflow import Contract, Events, FlowState, State
from typedflow.definition.blocks import Cursor
from typedflow.definition.builder import Builder
from typedflow.definition.edges import carried_types
from typedflow.definition.nodes import Handler, Port
from typedflow.engine.plan import Plan, compile_plan
from typedflow.engine.run import Run
from typedflow.engine.tokens import Signal, Token
from typedflow.schema.contracts import spec_of


class Request(msgspec.Struct):
    topic: str = ""


class Notes(State):
    request: Request | None = None
    seen: list[int] = []


class Counters(FlowState):
    runs: int = 0


class Bells(Events):
    rung: int
    knocked: int


class Plain(Contract):
    input: Any
    result: Any
    state: Notes
    flow_state: Counters
    events: Bells


class Numbers(Contract):
    input: int
    result: float


START = Cursor(Port(0))


def handler(name: str) -> Handler:
    """Return a handler that a run must never call; of its types nothing is known."""

    def body(data: Any) -> Any:
        raise AssertionError("a run calls nothing")

    body.__name__ = name
    return body


class Wiring:
    """Put a definition together with few words."""

    def __init__(self, contract: type[Contract] = Plain) -> None:
        self.spec = spec_of(contract)
        self.builder = Builder("review")

    def to(self, at: Cursor, *names: str) -> Cursor:
        for name in names:
            at = self.builder.step(at, handler(name), sys._getframe())
        return at

    def call(self, at: Cursor, function: Handler) -> Cursor:
        return self.builder.step(at, function, sys._getframe())

    def batch(self, at: Cursor, *names: str, concurrency: int | None = None) -> Cursor:
        block = self.builder.open_batch(at, concurrency)
        for name in names:
            self.builder.branch(block, handler(name), sys._getframe())
        return self.builder.close_batch(block)

    def each(self, at: Cursor, *names: str, concurrency: int | None = None) -> Cursor:
        return self.builder.close_each(self.to(self.builder.open_each(at, concurrency), *names))

    def match(self, at: Cursor, mode: Any, *cases: str, otherwise: str | None = None) -> Cursor:
        """Make each case one step, named as the value that it is for."""
        block = self.builder.open_match(at, mode)
        for name in cases:
            self.builder.finish_branch(self.to(self.builder.case(block, name), name), "case")
        if otherwise is not None:
            self.builder.finish_branch(self.to(self.builder.case_else(block), otherwise), "case")
        return self.builder.close_match(block)

    def plan(self) -> Plan:
        definition = self.builder.freeze()
        return compile_plan(definition, self.spec, carried_types(definition, self.spec))


def event(name: str, value: Any) -> Signal:
    return Signal("event", name, value)


class Drive:
    """Reports to a run what happened, by the names of its steps; the oldest live token of a name is meant."""

    def __init__(self, wiring: Wiring, value: Any = None) -> None:
        self.run = Run(wiring.plan())
        self.run.started(value)

    @property
    def live(self) -> list[tuple[str, Any]]:
        """Return what is live: the nodes, with the values that stand in front of them."""
        return [self.show(token) for token in self.run.live]

    def show(self, token: Token) -> tuple[str, Any]:
        return (self.run.plan.nodes[token.node].name, token.value)

    def token(self, name: str) -> Token:
        return next(token for token in self.run.live if self.show(token)[0] == name)

    def finish(self, name: str, value: Any, *signals: Signal) -> list[tuple[str, Any]]:
        """Finish a step; gives what became ready."""
        return [self.show(token) for token in self.run.finished(self.token(name), value, signals or None)]

    def choose(self, name: str, hits: Sequence[int], *signals: Signal) -> list[tuple[str, Any]]:
        return [self.show(token) for token in self.run.chosen(self.token(name), hits, signals or None)]

    def emit(self, *signals: Signal) -> list[tuple[str, Any]]:
        return [self.show(token) for token in self.run.emitted(signals)]

    def retry(self) -> list[tuple[str, Any]]:
        return [self.show(token) for token in self.run.retried()]
