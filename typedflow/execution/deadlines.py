"""Deadlines of pauses and sleeps: read from what a handler asked for, found when they are due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from typedflow.engine.tokens import UNSET, Interrupt, Paused
from typedflow.errors import ContractError, InterruptError
from typedflow.execution import waiting
from typedflow.execution.answers import WrongAnswer, read_answer
from typedflow.execution.runtime import ExecutionRuntime, fault_of
from typedflow.execution.transaction import StepTransaction
from typedflow.rules import executions
from typedflow.schema.render import render
from typedflow.stores.clock import current_clock


def moment_of(given: Any) -> datetime:
    """Return the moment, in UTC, that a timedelta from now or an aware datetime stands for; raises ContractError."""
    try:
        if isinstance(given, timedelta):
            return current_clock.get().now() + given
        if isinstance(given, datetime) and given.utcoffset() is not None:
            return given.astimezone(UTC)
    except OverflowError:  # past the year 9999, or before the year 1
        raise ContractError(executions.endless_deadline_problem(given)) from None
    raise ContractError(executions.wrong_deadline_problem(given))


def interrupt_of_sleep(step: StepTransaction, until: Any) -> Interrupt:
    """Return what suspends a step that sleeps; `until` is what its handler returned."""
    interrupt_id = f"sleep.{step.runtime.interrupt_id(step.token)}"
    return Interrupt(interrupt_id, "sleep", None, None, step.node.name, deadline=moment_of(until))


def check_default(step: StepTransaction, interrupt: Interrupt, default: Any) -> Any:
    """Return the default answer of a pause as its step declares it; raises ContractError for one that does not fit."""
    if default is UNSET:
        return UNSET
    if interrupt.deadline is None:
        raise ContractError(executions.lone_default_problem())
    try:
        return read_answer(step.runtime, interrupt, step.node, default)
    except WrongAnswer as wrong:
        with step.runtime.concealing():
            problem = executions.wrong_default_problem(render(wrong.declared), **fault_of(wrong.fault))
    raise ContractError(problem)


def due_now(root: ExecutionRuntime) -> list[tuple[ExecutionRuntime, Paused]]:
    """Return what is due now, the earliest first."""
    return waiting.due(root, current_clock.get().now())


def require_in_time(runtime: ExecutionRuntime, interrupt_id: str, at: datetime | None = None) -> None:
    """Raise `InterruptError` for an answer that was given at the deadline or later; `at` is when, now by default."""
    assert runtime.run.interrupts is not None
    deadline = runtime.run.interrupts[interrupt_id].interrupt.deadline
    if deadline is not None and deadline <= (at or current_clock.get().now()):
        place = runtime.place(runtime.run.interrupts[interrupt_id].interrupt.step)
        raise InterruptError(executions.late_answer_problem(interrupt_id, deadline.isoformat(" ", "seconds")).at(place))


class Alarm:
    """Call a function when the earliest deadline of a running execution is due.

    It lives as long as one driver runs; `note` takes each deadline that is new, and `stop` ends it.
    """

    __slots__ = ("_at", "_call_off", "_ring")

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._at: datetime | None = None
        self._call_off: Callable[[], None] | None = None

    def note(self, moment: datetime | None) -> None:
        """Set the alarm to this moment if it is earlier."""
        if moment is not None and (self._at is None or moment < self._at):
            self.stop()
            self._at = moment
            self._call_off = current_clock.get().call_at(moment, self._rings)

    def stop(self) -> None:
        """Cancel the alarm."""
        if self._call_off is not None:
            self._call_off()
        self._at = self._call_off = None

    def _rings(self) -> None:
        self._at = self._call_off = None
        self._ring()
