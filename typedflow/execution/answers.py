"""How an answer from outside is taken: found, checked against what the step declares, refused without a trace."""

from __future__ import annotations

import collections.abc as abc
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from typedflow.definition.edges import NoSequence, child_scopes, item_type, known
from typedflow.engine.plan import Edge, Kind, Plan, PlanNode
from typedflow.engine.tokens import Interrupt, Paused
from typedflow.errors import InterruptError
from typedflow.execution.runtime import ExecutionRuntime, fault_of
from typedflow.execution.transfers import kind_at
from typedflow.execution.waiting import owner_of
from typedflow.rules import executions
from typedflow.rules.problems import Problem
from typedflow.schema.annotations import NEVER, UNKNOWN
from typedflow.schema.check import Mismatch
from typedflow.schema.construction import UndeclaredKey, tags_of
from typedflow.schema.parsing import parse
from typedflow.schema.plain import READERS, UnfitStored, as_it_is
from typedflow.schema.render import render
from typedflow.schema.shape import TypeShape
from typedflow.schema.types import CollectionOf, TupleOf, see_through, union_of
from typedflow.stores.records import PendingInterrupt


def find_interrupt(root: ExecutionRuntime, interrupt_id: str) -> ExecutionRuntime:
    """Return the execution, the root or an open child, that waits for this answer."""
    owner = owner_of(root, interrupt_id) if isinstance(interrupt_id, str) else None
    if owner is not None and not (owner.run.interrupts or {})[interrupt_id].asleep:
        return owner
    if isinstance(interrupt_id, str) and interrupt_id in (root.answered or ()):
        raise InterruptError(executions.answered_already_problem(interrupt_id).at(root.name))
    pending: Collection[str] = root.interrupt_ids()
    raise InterruptError(executions.unknown_interrupt_problem(interrupt_id, pending).at(root.name))


def interrupt_id_of(root: ExecutionRuntime, given: str | Interrupt | PendingInterrupt) -> str:
    """Return the id of an interrupt that is to be answered; a text is its id, or its key.

    Raises `InterruptError` for one of another execution, and for an older one whose id stands for another question now:
    its answer was meant for what was asked then. An id alone is taken for what is pending under it.
    """
    match given:
        case str():
            return _id_of_text(root, given)
        case Interrupt():
            id_ = given.id
        case PendingInterrupt():
            id_ = given.interrupt_id
            if given.execution_id != root.id:
                raise InterruptError(executions.foreign_interrupt_problem(id_, given.execution_id).at(root.name))
        case _:
            return given  # no id at all: refused when it is looked up
    if given.key and any(given.key != now.key for now in _pending_under(root, id_)):
        raise InterruptError(executions.older_interrupt_problem(id_).at(root.name))
    return id_


def _id_of_text(root: ExecutionRuntime, text: str) -> str:
    if owner_of(root, text) is None:
        for runtime in root.tree():
            for id_, paused in (runtime.run.interrupts or {}).items():
                if paused.interrupt.key == text and not paused.asleep:
                    return id_
    return text


def _pending_under(root: ExecutionRuntime, interrupt_id: str) -> Iterator[Interrupt]:
    for runtime in root.tree():
        paused = (runtime.run.interrupts or {}).get(interrupt_id)
        if paused is not None:
            yield paused.interrupt


def accept_answer(runtime: ExecutionRuntime, interrupt_id: str, value: Any) -> Any:
    """Return the value as the declared type has it; a wrong one is an `InterruptError`, and the interrupt stays.

    Where several steps take the answer, the first of them says how it is read, and all of them have to take it.
    """
    assert runtime.run.interrupts is not None
    paused = runtime.run.interrupts[interrupt_id]
    try:
        return read_answer(runtime, paused.interrupt, runtime.plan.nodes[paused.token.node], value)
    except WrongAnswer as wrong:
        problem = _wrong(interrupt_id, wrong)
    raise InterruptError(problem.at(runtime.place(paused.interrupt.step)))


class WrongAnswer(Exception):
    """An answer that does not fit what is declared."""

    def __init__(self, declared: Any, fault: Mismatch, value: Any) -> None:
        self.declared = declared
        self.fault = fault
        self.value = value
        super().__init__(render(declared))


def read_answer(runtime: ExecutionRuntime, interrupt: Interrupt, node: PlanNode, value: Any) -> Any:
    """Return an answer as the declared type has it; raises `WrongAnswer`."""
    asked = demands(runtime.plan, interrupt.resume_event, node)
    for number, demand in enumerate(asked):
        fault = Mismatch((), render(demand.declared), value)
        for read in READERS if number == 0 else (as_it_is,):
            try:
                taken = demand.read(read, value)
            except Mismatch as mismatch:
                fault = mismatch if mismatch.path or isinstance(mismatch, UndeclaredKey) else fault
            else:
                if len(asked) == 1 or read is not as_it_is:  # of several each has 1 as 1.0 by itself
                    value = taken
                break
        else:
            raise WrongAnswer(demand.declared, fault, value)
    return value


def answer_type(runtime: ExecutionRuntime, paused: Paused) -> str:
    """Return the type that an answer has to be of, for people; empty where nothing declares it.

    Where several steps take the answer, it has to be of all of their types: `int & float`.
    """
    asked = demands(runtime.plan, paused.interrupt.resume_event, runtime.plan.nodes[paused.token.node])
    return " & ".join(
        dict.fromkeys(render(demand.declared) for demand in asked if known(demand.declared) is not UNKNOWN)
    )


def _wrong(interrupt_id: str, wrong: WrongAnswer) -> Problem:
    """Return the problem of an answer: an unknown field by name, else the type, with the tags that there are."""
    shown, fault = render(wrong.declared), wrong.fault
    if isinstance(fault, UndeclaredKey):
        return executions.undeclared_answer_problem(interrupt_id, shown, fault.problem.text, fault.problem.hint)
    field, tags = tags_of(parse(wrong.declared)) if isinstance(wrong.value, Mapping) else ("", ())
    reason = fault.hint if isinstance(fault, UnfitStored) else ""
    return executions.wrong_answer_problem(interrupt_id, shown, **fault_of(fault), tag=field, tags=tags, reason=reason)


class Demand(msgspec.Struct, frozen=True):
    """The type that a consumer of a paused step's answer takes."""

    declared: Any
    is_source: bool = False
    """A for_each goes over it: a str, which is a sequence of str, is none that a for_each takes."""

    def read(self, reader: Callable[[Any, Any], Any], value: Any) -> Any:
        """Read a value as one of the declared type, or raise `Mismatch`."""
        if self.is_source and isinstance(value, str | bytes | bytearray | memoryview):
            raise Mismatch((), render(self.declared), value)
        return reader(self.declared, value)


def demands(plan: Plan, resume_event: str | None, node: PlanNode) -> list[Demand]:
    """Return what an answer has to be: the event's payload, the step's return, or what all the steps behind it take."""
    if resume_event is not None:
        return [Demand((plan.spec.events or {})[resume_event])]
    if known(node.result_type) is not UNKNOWN and node.result_type is not NEVER:
        return [Demand(node.result_type)]
    return list(dict.fromkeys(_demands_behind(plan, node.ports[0])))


def _demands_behind(plan: Plan, edges: Sequence[Edge]) -> Iterator[Demand]:
    """Return what the first steps behind some edges take, those inside of the blocks that begin there too.

    Every case of a match has to take the value, as in a validated flow: which of them is hit is not known yet. Where a
    block ends at once, what is behind it takes another value, but for a hit_first match, which lets its own pass. Of
    what a block or a collect puts together, the steps behind it say what its parts are.
    """
    waiting = list(edges)
    seen = set(waiting)
    for target, slot in waiting:
        node = plan.nodes[target]
        if node.kind == Kind.STEP and known(node.input_type) is not UNKNOWN and node.input_type is not NEVER:
            yield Demand(node.input_type)
        elif node.kind == Kind.END:
            yield Demand(plan.spec.result)
        elif node.kind == Kind.EACH:
            items = [demand.declared for demand in _demands_behind(plan, node.ports[0])]
            yield from (Demand(CollectionOf(abc.Sequence, parse(item)), is_source=True) for item in items or [Any])
        elif node.kind in (Kind.JOIN, Kind.COLLECT):
            parts = (_part(node, slot, demand.declared) for demand in _demands_behind(plan, node.ports[0]))
            yield from (Demand(part) for part in parts if known(part) is not UNKNOWN)
        elif node.kind == Kind.MATCH and node.is_closed:
            yield Demand(union_of(kind for case in node.cases for kind in case.kinds))
        elif node.kind == Kind.CHILD:
            yield from _captured(node)
        further = [edge for edge in _passed_on(plan, node) if edge not in seen]
        waiting.extend(further)
        seen.update(further)


def _passed_on(plan: Plan, node: PlanNode) -> Sequence[Edge]:
    """Return where a node hands the value that it gets on to, the same or with other parts."""
    if node.kind in (Kind.BATCH, Kind.MATCH, Kind.PASS) or node.sleeps:
        further = [edge for port in _open_ports(node) for edge in port]
        if node.kind == Kind.MATCH and not (node.hit_all or node.has_else or node.is_closed):
            further.extend(plan.nodes[node.join].ports[0])
        return further
    if node.kind == Kind.CHILD and not any(
        each.target.scope == "value" and not each.target.path for each in node.write_back
    ):
        return node.ports[0]
    return ()


def _open_ports(node: PlanNode) -> Sequence[Sequence[Edge]]:
    """Return the ports by which any value may leave a node: not those of cases by class or value."""
    if node.kind != Kind.MATCH:
        return node.ports
    return [port for index, port in enumerate(node.ports) if index >= len(node.cases) or not node.cases[index].kinds]


def _part(node: PlanNode, slot: int, whole: Any) -> Any:
    """Return the type that a step takes for one part of a value that a block or collect builds; UNKNOWN if open."""
    kind = see_through(parse(whole))
    if node.kind == Kind.COLLECT:
        part = TypeShape(kind).child(node.branches[slot])
        return UNKNOWN if part is None else part.kind
    if node.as_tuple and isinstance(kind, TupleOf) and slot < len(kind.items):
        return kind.items[slot]
    try:
        return item_type(kind)
    except NoSequence:
        return UNKNOWN


def _captured(node: PlanNode) -> Iterator[Demand]:
    """Return what a child flow takes the value as: its input, and fields of its layers."""
    targets = child_scopes(node.child.spec)
    for each in node.capture:
        if each.source.scope == "value" and not each.source.path:
            yield Demand(kind_at(targets[each.target.scope], each.target.path))
