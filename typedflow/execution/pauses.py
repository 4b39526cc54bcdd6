"""How a step pauses: the signal that ends it, and the check of what it asks."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec

from typedflow.engine.plan import Kind, PlanNode
from typedflow.engine.tokens import UNSET, Interrupt
from typedflow.errors import ContractError
from typedflow.execution.failures import is_a, leaves
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.execution.waiting import owner_of
from typedflow.rules import executions, flows
from typedflow.rules.problems import Problem
from typedflow.rules.wording import describe
from typedflow.schema.mismatch import Segment, render_path
from typedflow.snapshot.documents import scalar_fault

_SCALARS: Final = (type(None), bool, int, float, str)


class PauseSignal(BaseException):
    """End a step that pauses. A BaseException, so that no `except Exception` of the handler takes it for a failure.

    >>> try:
    ...     choose(make_data(Review, ["Sibley"]))
    ... except PauseSignal as signal:
    ...     print(signal.interrupt.id, signal.interrupt.payload)
    choose ['Sibley']
    """

    def __init__(self, interrupt: Interrupt, default: Any = UNSET) -> None:
        super().__init__(f"step '{interrupt.step}' pauses for {interrupt.id!r}")
        self.interrupt = interrupt
        self.default = default
        """The answer at the deadline; UNSET where there is none."""


def check_pause(node: PlanNode, interrupt: Interrupt, runtime: ExecutionRuntime) -> None:
    """Refuse a pause that could not be answered, or that would be lost; raises one `ContractError` with all problems.

    In a task of the handler's own it would be taken for a failure of that task.
    """
    if _pause_problems(node, interrupt, runtime):
        with runtime.concealing():  # found again, as the text of a problem shows values
            raise ContractError(_pause_problems(node, interrupt, runtime))


def with_own_payload(interrupt: Interrupt) -> Interrupt:
    """Return an interrupt with a copy of the payload, which is JSON: what is asked does not change any more."""
    if type(interrupt.payload) not in (list, dict):
        return interrupt
    try:
        payload = msgspec.to_builtins(interrupt.payload)
    except RecursionError:  # no save takes it either
        return interrupt
    return msgspec.structs.replace(interrupt, payload=payload)


def _pause_problems(node: PlanNode, interrupt: Interrupt, runtime: ExecutionRuntime) -> list[Problem]:
    problems: list[Problem] = []
    task = _current_task()
    if runtime.driver is not None and task is not None and not runtime.driver.is_worker(task):
        problems.append(executions.pause_in_group_problem())
    if node.kind == Kind.MATCH:
        problems.append(flows.pause_in_condition_problem(node.name))
    if interrupt.resume_event is not None and node.block:
        problems.append(flows.resume_event_inside_problem(node.block, interrupt.resume_event))
    malformed = executions.check_id(interrupt.id, what="interrupt id")
    if malformed is not None:
        problems.append(malformed)
    elif owner_of(runtime.root(), interrupt.id) is not None:
        problems.append(executions.interrupt_in_use_problem(interrupt.id))
    if type(interrupt.type) is not str or scalar_fault(interrupt.type, "json") is not None:
        problems.append(executions.wrong_pause_type_problem(interrupt.type))
    fault = find_non_json(interrupt.payload)
    if fault is not None:
        problems.append(executions.payload_not_json_problem(render_path(fault[0]), describe(fault[1])))
    return problems


def holds_pause(group: BaseExceptionGroup[BaseException]) -> bool:
    """Return whether a group that a handler raised has swallowed a pause, or the refusal of one."""
    return any(map(_is_pause, leaves(group)))


def _is_pause(error: BaseException) -> bool:
    refusal = executions.pause_in_group_problem()
    return is_a(error, PauseSignal) or (is_a(error, ContractError) and refusal in error.problems)


def find_non_json(value: Any) -> tuple[tuple[Segment, ...], Any] | None:
    """Find the first part of a value that is not exactly JSON; NaN, infinities and lone surrogates are not.

    A value that holds itself is one too. The path leads to the part.
    """
    waiting: list[tuple[tuple[Segment, ...], Any, frozenset[int]]] = [((), value, frozenset())]
    while waiting:
        path, part, above = waiting.pop()
        kind = type(part)
        if kind in _SCALARS and scalar_fault(part, "json") is None:
            continue
        if kind not in (list, dict) or id(part) in above:
            return path, part
        inside = above | {id(part)}
        if kind is list:
            waiting.extend(((*path, index), item, inside) for index, item in reversed(list(enumerate(part))))
            continue
        for key, item in reversed(part.items()):
            if type(key) is not str or scalar_fault(key, "json") is not None:
                return path, key
            waiting.append(((*path, key), item, inside))
    return None


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
