"""Random calls on one execution, against a model that knows what each of them has to do.

The flow asks as many questions as it is told to, each in a branch of its own, one of them in a child; an answer of 13
makes the step behind it fail until it is retried. What is saved may be loaded, now or later, and goes on from there.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.budget import budget
from typedflow import Contract, Data, Events, Execution, Flow, State, Status
from typedflow.errors import FinishedError, InterruptError
from typedflow.snapshot.envelope import Snapshot

T = TypeVar("T")
UNLUCKY = 13


class Rung(Events):
    bell: int


class Seen(State):
    bells: list[int] = []
    tried: list[int] = []


class Asking(Contract):
    input: int
    result: list[int]
    state: Seen
    events: Rung


class One(Contract):
    input: int
    result: int


def count(data: Data[Asking, int]) -> list[int]:
    return list(range(data.value))


async def ask(data: Data[One, int]) -> int:
    data.pause_for(data.value, interrupt_id=f"q{data.value}")


def check(data: Data[Asking, int]) -> int:
    data.state.tried.append(data.value)
    if data.value == UNLUCKY and data.state.tried.count(UNLUCKY) == 1:
        raise ArithmeticError("unlucky")
    return data.value


def ring(data: Data[Asking, int]) -> None:
    data.state.bells.append(data.value)


def asking() -> Flow[Any]:
    child: Flow[Any] = Flow(One, name="child")
    child.to(ask).end()
    flow: Flow[Any] = Flow(Asking)
    flow.to(count).for_each().to_sub_flow(child).to(check).end_for_each().end()
    flow.when("bell").to(ring)
    return flow


@dataclass
class Model:
    """What the execution has to be."""

    status: Status = Status.CREATED
    size: int = 0
    answers: dict[int, int] = field(default_factory=dict)
    unlucky: bool = False
    """The unlucky answer was given: the run fails once."""
    ringing: list[int] = field(default_factory=list)
    """Events that came while nothing ran."""
    bells: list[int] = field(default_factory=list)

    def run(self) -> None:
        """Do what a run does until nothing is ready."""
        self.bells, self.ringing = [*self.bells, *self.ringing], []
        self.status = Status.COMPLETED if len(self.answers) == self.size else Status.WAITING


class ExecutionMachine(RuleBasedStateMachine):
    """Compare an execution with the model after every call."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.flow = asking()
        self.execution: Execution[Any] = self.flow.create_execution()
        self.model = Model()
        self.kept: list[tuple[Snapshot, Model]] = []

    def teardown(self) -> None:
        self.loop.close()

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(call)

    @initialize(size=st.integers(0, 3))
    def start(self, size: int) -> None:
        self.model.size = size
        self.model.run()
        assert self.run(self.execution.async_start(size)) is self.model.status

    @rule()
    def start_again(self) -> None:
        with pytest.raises(FinishedError):
            self.run(self.execution.async_start(1))

    @precondition(lambda self: self.model.status is Status.WAITING)
    @rule(which=st.integers(0, 4), answer=st.sampled_from([1, UNLUCKY]))
    def answer_one_that_waits(self, which: int, answer: int) -> None:
        waiting = sorted(set(range(self.model.size)) - set(self.model.answers))
        self.reply(waiting[which % len(waiting)], answer)

    @rule(question=st.integers(0, 4), answer=st.sampled_from([1, 2, UNLUCKY]))
    def answer(self, question: int, answer: int) -> None:
        self.reply(question, answer)

    def reply(self, question: int, answer: int) -> None:
        call = self.execution.async_continue_with(f"q{question}", answer)
        model = self.model
        if model.status in (Status.COMPLETED, Status.CANCELLED, Status.FAILED):
            with pytest.raises(FinishedError):
                self.run(call)
        elif model.status is Status.CREATED or question >= model.size or question in model.answers:
            with pytest.raises(InterruptError):
                self.run(call)
        elif answer == UNLUCKY and not model.unlucky:
            model.answers[question], model.unlucky, model.status = answer, True, Status.FAILED
            model.bells, model.ringing = [*model.bells, *model.ringing], []
            with pytest.raises(ArithmeticError):
                self.run(call)
        else:
            model.answers[question] = answer
            model.run()
            assert self.run(call) is model.status

    @rule(question=st.integers(0, 4))
    def answer_wrongly(self, question: int) -> None:
        with pytest.raises((InterruptError, FinishedError)):
            self.run(self.execution.async_continue_with(f"q{question}", "x"))

    @precondition(lambda self: self.model.status is Status.FAILED)
    @rule()
    def retry_what_failed(self) -> None:
        self.retry()

    @rule()
    def retry(self) -> None:
        rung = self.model.status is Status.WAITING and self.model.ringing
        if self.model.status is Status.FAILED or rung:
            self.model.run()
            assert self.run(self.execution.async_retry()) is self.model.status
        else:
            with pytest.raises(FinishedError):
                self.run(self.execution.async_retry())

    @rule(value=st.integers(0, 9))
    def emit(self, value: int) -> None:
        if self.model.status in (Status.COMPLETED, Status.CANCELLED):
            with pytest.raises(FinishedError):
                self.execution.emit("bell", value)
        elif self.model.status is not Status.CREATED:
            self.execution.emit("bell", value)
            self.model.ringing.append(value)

    @rule(seldom=st.integers(0, 9))
    def cancel(self, seldom: int) -> None:
        if seldom:
            return
        status = self.run(self.execution.async_cancel())
        if self.model.status is not Status.COMPLETED:
            self.model.status = Status.CANCELLED
        assert status is self.model.status

    @rule()
    def save(self) -> None:
        self.kept.append((self.execution.save(), copy.deepcopy(self.model)))

    @precondition(lambda self: self.kept)
    @rule(which=st.integers(0, 100), form=st.sampled_from(["snapshot", "json", "msgpack", "mapping"]))
    def load(self, which: int, form: str) -> None:
        snapshot, model = self.kept[which % len(self.kept)]
        forms: dict[str, Callable[[], Any]] = {
            "snapshot": lambda: snapshot,
            "json": snapshot.to_json,
            "msgpack": snapshot.to_msgpack,
            "mapping": lambda: json.loads(snapshot.to_json()),
        }
        self.execution = asking().create_execution().load(forms[form]())
        self.model = copy.deepcopy(model)

    @invariant()
    def it_is_what_the_model_is(self) -> None:
        model, execution = self.model, self.execution
        assert execution.status is model.status
        open_questions = set() if model.status in (Status.CREATED, Status.CANCELLED) else set(range(model.size))
        assert set(execution.interrupts) == {f"q{number}" for number in open_questions - set(model.answers)}
        if model.status is not Status.CREATED:
            assert sorted(execution.state.bells) == sorted(model.bells)
        if model.status is Status.COMPLETED:
            assert execution.result == [model.answers[number] for number in range(model.size)]


@pytest.mark.long
def test_random_calls_do_what_the_model_does() -> None:
    examples = settings(
        max_examples=int(budget() * 25),
        stateful_step_count=40,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(ExecutionMachine, settings=examples)
