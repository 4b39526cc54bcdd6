"""What the executions of one flow share: `FlowRuntime`, and the changes of its flow_state that are not stored yet."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from typedflow.definition.builder import Builder
from typedflow.definition.edges import carried_types
from typedflow.definition.nodes import SubFlow
from typedflow.definition.reading import check_annotations
from typedflow.definition.validation import check_definition
from typedflow.engine.plan import Kind, Plan, compile_plan
from typedflow.errors import ContractError
from typedflow.execution.resources import FlowResources
from typedflow.execution.transfers import Transfer, compile_transfer
from typedflow.rules import executions, flows
from typedflow.rules.concealment import concealing
from typedflow.rules.problems import Problem
from typedflow.rules.schema import undeclared_layer_problem
from typedflow.rules.wording import describe
from typedflow.schema.callables import deferral_of, discard, is_deferred
from typedflow.schema.contracts import ContractSpec
from typedflow.schema.copies import compile_copy
from typedflow.schema.layer_fields import layer_fields, require_fields
from typedflow.schema.layers import FlowState
from typedflow.schema.starting import fresh
from typedflow.schema.writing import current_step
from typedflow.snapshot.envelope import Snapshot
from typedflow.snapshot.plans import mark_plan

_compiling = threading.RLock()
"""Held while a flow is compiled with those below it: they may be below others as well, which another thread starts."""


class Change:
    """One change of a shared flow_state that is not stored yet."""

    __slots__ = ("__weakref__", "operation")

    def __init__(self, operation: Callable[[Any], object]) -> None:
        self.operation = operation


class FlowRuntime:
    """Hold what the executions of one flow share: its plan, its flow_state and its resource defaults."""

    __slots__ = (
        "_plan",
        "builder",
        "changes",
        "flow_state",
        "headers",
        "kept_by",
        "lock",
        "max_depth",
        "name",
        "outside",
        "previous",
        "resources",
        "shares",
        "spec",
        "transfers",
        "unstored",
        "updater",
    )

    def __init__(self, name: str, spec: ContractSpec, max_depth: int) -> None:
        self.name = name
        self.spec = spec
        self.max_depth = max_depth
        self.builder = Builder(name)
        self.flow_state: FlowState | None = None if spec.flow_state is None else fresh(spec.flow_state, None)
        self.resources = FlowResources(spec)
        self.headers: dict[str, Any] = {}
        """What every snapshot of the flow begins with, by format; made at the first save."""
        self.lock = threading.Lock()
        self.shares = False
        """Whether a store of some execution keeps the flow_state."""
        self.changes: WeakKeyDictionary[Change, None] = WeakKeyDictionary()
        """What is to be seen on top of the stored flow_state, in order; the steps and executions it is of hold it."""
        self.outside: list[Change] = []
        """What was changed outside of all steps: the next save of any execution takes it along."""
        self.unstored: FlowState | None = None
        """The flow_state from before the first store, if it was changed: a store without a row begins with it."""
        self.updater = 0
        """The thread that is changing the flow_state; 0 where none is."""
        self.transfers: dict[int, Transfer] = {}
        """The compiled capture and write_back of each child node, by the node's index in the plan."""
        self.previous: tuple[FlowRuntime, ...] = ()
        """Earlier definitions of the flow, each once, newest first as they were given."""
        self.kept_by = spec
        """The contract that a store keeps the flow_state by: that of the newest definition which has its class."""
        self._plan: Plan | None = None

    def continue_previous(self, given: Iterable[FlowRuntime]) -> None:
        """Take over earlier definitions, with their own: what the executions of a flow share is shared with theirs.

        Raises ContractError for one of another name. A flow_state of the same class is one, and so are the defaults of
        resources that both declare.
        """
        listed = list(given)
        found = dict.fromkeys(each for flow in listed for each in (flow, *flow.previous))
        problems = [flows.other_previous_problem(each.name, self.name) for each in found if each.name != self.name]
        for at, each in enumerate(listed):
            if each in listed[:at]:
                problems.append(flows.doubled_previous_problem(self.name, at, f"previous[{listed.index(each)}]"))
        if problems:
            raise ContractError(problems)
        self.previous = tuple(found)
        self.resources.previous = tuple(each.resources for each in found)
        alike = [each for each in found if each.flow_state is not None and each.spec.flow_state is self.spec.flow_state]
        for at, each in enumerate(alike):
            if at == 0:  # what ran before this definition was made has left its flow_state there
                self.share_flow_state_of(each)
            each.share_flow_state_of(self)
            each.kept_by = self.spec

    def share_flow_state_of(self, flow: FlowRuntime) -> None:
        """Have one flow_state with another definition of the flow, under one lock."""
        self.flow_state, self.lock = flow.flow_state, flow.lock
        self.changes, self.outside = flow.changes, flow.outside

    def is_shared_by(self, flow: FlowRuntime) -> bool:
        """Return whether an execution of that flow has this flow_state: of the flow, or of an earlier definition."""
        return flow is self or (flow.flow_state is not None and flow.flow_state is self.flow_state)

    def definition_of(self, snapshot: Snapshot) -> FlowRuntime:
        """Return the definition that an execution goes on with: the earlier one that saved it, else this one."""
        if self.previous and not mark_plan(self.plan()).is_unchanged(snapshot):
            for each in self.previous:
                is_its_own = (snapshot.contract, snapshot.flow) == (each.spec.name, each.name)
                if (
                    is_its_own
                    and snapshot.version <= each.spec.version
                    and mark_plan(each.plan()).is_unchanged(snapshot)
                ):
                    return each
        return self

    def doubled_definitions(self) -> list[Problem]:
        """Return the problems of earlier definitions by whose plan no execution is known to be theirs."""
        definition = self.builder.draft()
        today = compile_plan(definition, self.spec, carried_types(definition, self.spec))
        known = {mark_plan(today).fingerprint: "the flow itself"}
        problems: list[Problem] = []
        for at, each in enumerate(self.previous):
            fingerprint = mark_plan(each.plan()).fingerprint
            if fingerprint in known:
                problems.append(flows.doubled_previous_problem(self.name, at, known[fingerprint]))
            known.setdefault(fingerprint, f"previous[{at}]")
        return problems

    def supplied(self) -> Collection[str]:
        """Give the keys of the resources that the flow has defaults for."""
        return self.resources.values.keys()

    def check(self) -> None:
        """Check the flow and all child flows below it, each once; raises one `ContractError` with all problems."""
        problems: list[Problem] = []
        waiting: list[FlowRuntime] = [self]
        seen = {self.builder}  # a child may be the flow itself
        for flow in waiting:
            flow.builder.read_again()
            definition, unreadable = check_annotations(flow.builder.draft())
            carried = carried_types(definition, flow.spec)
            problems += [*flow.builder.problems(), *unreadable, *check_definition(definition, flow.spec, carried)]
            children: list[Any] = [node.child for node in definition.nodes if isinstance(node, SubFlow)]
            for child in children:
                if child.builder not in seen:
                    seen.add(child.builder)
                    waiting.append(child)
        if not problems:
            problems = [problem for flow in waiting if flow.previous for problem in flow.doubled_definitions()]
        if problems:
            raise ContractError(problems)

    def plan(self) -> Plan:
        """Give the compiled plan; the first call checks and freezes the flow, and the child flows below it."""
        if self._plan is None or self.builder.frozen is None:  # frozen last, when every plan below is whole
            with _compiling:
                self._check_and_compile()
        assert self._plan is not None
        return self._plan

    def _check_and_compile(self) -> None:
        if self._plan is not None:  # another thread has done it meanwhile
            return
        self.check()
        compiled: list[FlowRuntime] = []
        try:
            self.compile_into(compiled)
        except Exception:
            for flow in compiled:
                flow.forget_plan()
            raise
        for flow in compiled:
            flow.builder.freeze()

    def compile_into(self, compiled: list[FlowRuntime]) -> None:
        """Compile this flow and those below it that are not compiled yet; none is frozen before all are sound."""
        if self._plan is not None:  # done before, or a child that is itself
            return
        definition = self.builder.draft()
        self._plan = compile_plan(definition, self.spec, carried_types(definition, self.spec))
        compiled.append(self)
        for node in self._plan.nodes:
            if node.kind == Kind.CHILD:
                self.transfers[node.index] = compile_transfer(node, self.spec)
                node.child.compile_into(compiled)

    def forget_plan(self) -> None:
        """Drop a plan that was compiled beside one that could not be."""
        self._plan = None
        self.transfers = {}

    def for_child(self) -> FlowRuntime:
        """Give a runtime of the same flow with a flow_state of its own: a child shares it with nobody."""
        if self.flow_state is None:
            return self
        own = copy.copy(self)
        own.flow_state = compile_copy(type(self.flow_state))(self.flow_state)
        own.lock = threading.Lock()
        return own

    def require_flow_state(self) -> FlowState:
        """Give the flow_state, or say that the contract declares none."""
        if self.flow_state is None:
            raise ContractError(undeclared_layer_problem(self.spec.name, "flow_state", self.spec.declared))
        return self.flow_state

    def initial_flow_state(self) -> FlowState:
        """Give a flow_state as it is before anything has changed it."""
        assert self.spec.flow_state is not None
        return fresh(self.spec.flow_state, None)

    def share(self) -> None:
        """Have a store keep the flow_state from now on; what was changed before is kept for a store without a row."""
        with self.lock:
            if not self.shares and differs(self.flow_state, self.initial_flow_state()):
                self.unstored = compile_copy(type(self.flow_state))(self.flow_state)
            self.shares = True

    def first_flow_state(self) -> FlowState:
        """Return the flow_state that a store without a row begins with."""
        if self.unstored is None:
            return self.initial_flow_state()
        return compile_copy(type(self.unstored))(self.unstored)  # type: ignore[no-any-return]  # of the same class

    def begin_with(self, given: FlowState | Mapping[str, Any]) -> None:
        """Take a flow_state in place of the defaults, copied and checked."""
        self.flow_state = fresh(type(self.require_flow_state()), given)

    def update_flow_state(self, change: Callable[[Any], object]) -> None:
        """Let `change` work on a copy, check it, then take it over: all or nothing, one at a time."""
        current = self.require_flow_state()
        cls = type(current)
        if self.updater == threading.get_ident():
            raise ContractError(executions.nested_update_problem().at(f"flow '{self.name}'"))
        if not callable(change) or deferral_of(change):
            raise self._not_plain(deferral_of(change) or describe(change))
        with self.lock:
            self.updater = threading.get_ident()
            try:
                with concealing(self.resources.in_use):
                    draft = compile_copy(cls)(current)
                    returned = change(draft)
                    if is_deferred(returned):
                        discard(returned)
                        raise self._not_plain(f"one that returned {describe(returned)}")
                    require_fields(draft, cls.__struct_fields__)
                    self._take_over(draft)
            finally:
                self.updater = 0

    def _not_plain(self, given: str) -> ContractError:
        return ContractError(executions.not_plain_problem("update_flow_state", given).at(f"flow '{self.name}'"))

    def note_change(self, operation: Callable[[Any], object]) -> Change:
        """Have a change seen by all executions of this process until it is stored; whoever made it holds it."""
        change = Change(operation)
        self.changes[change] = None
        return change

    def show_flow_state(self, value: FlowState) -> None:
        """Take over a checked flow_state, without any listener."""
        token = current_step.set(None)
        try:
            with self.lock:
                self._take_over(value)
        finally:
            current_step.reset(token)

    def _take_over(self, value: FlowState) -> None:
        """Set the fields that differ, so that whoever holds the flow_state sees them."""
        current = self.require_flow_state()
        for name, field in layer_fields(type(current)).items():
            new, old = field.read(value), field.read(current)
            if differs(new, old) or not is_alike(new, old):
                setattr(current, name, new)


def differs(new: Any, old: Any) -> bool:
    """Return True if two values are not equal, or cannot be compared: a signaling NaN."""
    try:
        return bool(new != old)
    except Exception:  # a user's `__eq__` may raise anything
        return True


def is_alike(new: Any, old: Any) -> bool:
    """Say whether equal values are also written alike: True is not 1, at any depth."""
    if type(new) is not type(old):
        return False
    return type(new) in (int, str, bool, float) or msgspec.msgpack.encode(new) == msgspec.msgpack.encode(old)
