"""How an answer from outside is taken: found, checked against what the step declares, refused without a trace."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from typedflow.contract import executions
from typedflow.engine.plan import Kind, PlanNode
from typedflow.engine.tokens import Interrupt
from typedflow.errors import InterruptError
from typedflow.execution.runtime import ExecutionRuntime, fault_of
from typedflow.schema.annotations import NEVER, UNKNOWN
from typedflow.schema.check import Mismatch, compile_check
from typedflow.schema.construction import construct
from typedflow.schema.plain import from_plain
from typedflow.schema.render import render


def find_interrupt(root: ExecutionRuntime, interrupt_id: str) -> ExecutionRuntime:
    """Give the execution, the root or an open child, that waits for this answer."""
    for runtime in root.tree():
        if interrupt_id in (runtime.run.interrupts or ()):
            return runtime
    if interrupt_id in (root.answered or ()):
        raise InterruptError(executions.answered_already(interrupt_id).at(root.name))
    pending: Collection[str] = root.interrupt_ids()
    raise InterruptError(executions.unknown_interrupt(interrupt_id, pending).at(root.name))


def accept_answer(runtime: ExecutionRuntime, interrupt_id: str, value: Any) -> Any:
    """Give the value as the declared type has it; a wrong one is an `InterruptError`, and the interrupt stays."""
    assert runtime.run.interrupts is not None
    paused = runtime.run.interrupts[interrupt_id]
    declared = answer_type(runtime, paused.interrupt, runtime.plan.nodes[paused.token.node])
    if declared is UNKNOWN:
        return value
    fault = Mismatch((), render(declared), value)
    for read in (_as_it_is, _by_field_names, from_plain):
        try:
            return read(declared, value)
        except Mismatch as mismatch:
            fault = mismatch if mismatch.path else fault
    problem = executions.wrong_answer(interrupt_id, render(declared), **fault_of(fault))
    raise InterruptError(problem.at(runtime.place(paused.interrupt.step))) from None


def _as_it_is(declared: Any, value: Any) -> Any:
    return compile_check(declared)(value)


def _by_field_names(declared: Any, value: Any) -> Any:
    return compile_check(declared)(construct(declared, value))


def answer_type(runtime: ExecutionRuntime, interrupt: Interrupt, node: PlanNode) -> Any:
    """Give the type that an answer has to have: of the event, the step's return, or the next step's value."""
    if interrupt.resume_event is not None:
        return (runtime.plan.spec.events or {})[interrupt.resume_event]
    if node.result_type is not UNKNOWN and node.result_type is not NEVER:
        return node.result_type
    nodes = runtime.plan.nodes
    behind = [nodes[target] for target, _ in node.arms[0]]
    types = [step.input_type for step in behind if step.kind == Kind.STEP and step.input_type is not UNKNOWN]
    if not types and any(step.kind == Kind.END for step in behind):
        return runtime.plan.spec.result
    return types[0] if types else UNKNOWN
