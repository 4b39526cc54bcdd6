"""What the executions of one flow share: `FlowRuntime`, with the flow_state as this process sees it."""

from __future__ import annotations

import copy
import threading
import weakref
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple
from weakref import WeakSet

from msgspec.structs import force_setattr

from typedflow.definition.builder import Builder
from typedflow.definition.edges import carried_types
from typedflow.definition.nodes import Definition, SubFlow
from typedflow.definition.reading import check_annotations
from typedflow.definition.validation import check_definition
from typedflow.engine.plan import Kind, Plan, PlanNode, compile_plan
from typedflow.errors import ContractError, StoreError
from typedflow.execution.pending_writes import EndedWrites, StepWrites, changed_fields, copies_of
from typedflow.execution.resources import FlowResources
from typedflow.execution.transfers import Transfer, compile_transfer
from typedflow.rules import executions, flows, stores
from typedflow.rules.problems import Problem
from typedflow.rules.schema import undeclared_layer_problem
from typedflow.schema.contracts import ContractSpec
from typedflow.schema.copies import compile_copy
from typedflow.schema.layer_fields import layer_fields
from typedflow.schema.layers import FlowState
from typedflow.schema.starting import fresh, wrong_defaults
from typedflow.schema.writing import current_step
from typedflow.snapshot.envelope import Snapshot
from typedflow.snapshot.flow_states import decode_flow_state
from typedflow.snapshot.plans import mark_plan
from typedflow.stores.flow_state_sharing import FlowStateStore

_compiling = threading.RLock()
"""Held while a flow is compiled with those below it: they may be below others as well, which another thread starts."""


class Draft(NamedTuple):
    """One flow as it is checked."""

    flow: FlowRuntime
    definition: Definition
    supplied: frozenset[str]
    """The resources that it has defaults for: a capture must supply the others."""


class FlowRuntime:
    """What the executions of one flow share: its plan, its flow_state and its resource defaults."""

    __slots__ = (
        "_plan",
        "_remote_steps",
        "builder",
        "checked",
        "flow_state",
        "has_stored",
        "headers",
        "kept_by",
        "lock",
        "max_depth",
        "name",
        "observers",
        "pending",
        "previous",
        "resources",
        "savable",
        "shares",
        "spec",
        "stores",
        "transfers",
        "unstored",
    )

    def __init__(self, name: str, spec: ContractSpec, max_depth: int) -> None:
        self.name = name
        self.spec = spec
        self.max_depth = max_depth
        self.builder = Builder(name)
        self.flow_state: FlowState | None = None if spec.flow_state is None else fresh(spec.flow_state, None)
        self.resources = FlowResources(spec)
        self.observers: list[Callable[[Any], object]] = []
        """Those of all executions that are made from now on."""
        self.headers: dict[str, Any] = {}
        """What every snapshot of the flow begins with, by format; made at the first save."""
        self.lock = threading.RLock()
        self.shares = False
        """Whether a store of some execution keeps the flow_state."""
        self.has_stored = False
        """Whether the flow_state has shown what a store has."""
        self.stores: list[Callable[[], Any]] = []
        """The stores that have kept it, as weak references where they can be."""
        self.pending: WeakSet[StepWrites | EndedWrites] = WeakSet()
        """The plain writes of steps and executions that are not stored yet: what is stored does not hide them."""
        self.unstored: dict[str, Any] = {}
        """The fields that were changed without a store: a store without a row begins with them."""
        self.transfers: dict[int, Transfer] = {}
        """The compiled capture and write_back of each child node, by the node's index in the plan."""
        self.previous: tuple[FlowRuntime, ...] = ()
        """Earlier definitions of the flow, each once, newest first as they were given."""
        self.kept_by = spec
        """The contract that a store keeps the flow_state by: that of the newest definition which has its class."""
        self.checked: list[Draft] | None = None
        """What the last check without a problem has checked: as long as it is the same, it is not checked again."""
        self._remote_steps: tuple[Plan, list[PlanNode]] | None = None
        """What `remote_steps` has found in a plan."""
        self.savable = False
        """Whether all values of the plan can be saved: known from the first execution with a store on."""
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
        """Share the flow_state of another definition of the flow, and its lock."""
        self.flow_state, self.lock = flow.flow_state, flow.lock
        self.stores, self.pending, self.unstored = flow.stores, flow.pending, flow.unstored

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
        """Return the keys of the resources that the flow has defaults for."""
        return self.resources.values.keys()

    def check(self) -> None:
        """Check the flow and all child flows below it, each once; raises one `ContractError` with all problems.

        What `validate` has found sound is not checked again by the first execution, unless it was extended meanwhile.
        """
        drafts = self._drafts()
        if drafts == self.checked:
            return
        problems: list[Problem] = []
        for flow, draft, _ in drafts:
            definition, unreadable = check_annotations(draft)
            carried = carried_types(definition, flow.spec)
            problems += [*flow.builder.problems(), *unreadable, *check_definition(definition, flow.spec, carried)]
        for state in dict.fromkeys(flow.spec.state for flow, *_ in drafts):
            problems += [] if state is None else wrong_defaults(state)
        if not problems:
            problems = [each for flow, *_ in drafts if flow.previous for each in flow.doubled_definitions()]
        if problems:
            raise ContractError(problems)
        self.checked = drafts

    def _drafts(self) -> list[Draft]:
        """Return what is to be checked: this flow and all child flows below it, each once."""
        drafts: list[Draft] = []
        waiting: list[FlowRuntime] = [self]
        seen = {self.builder}  # a child may be the flow itself
        for flow in waiting:
            flow.builder.read_again()
            drafts.append(Draft(flow, flow.builder.draft(), frozenset(flow.supplied())))
            children: list[Any] = [node.child for node in drafts[-1].definition.nodes if isinstance(node, SubFlow)]
            for child in children:
                if child.builder not in seen:
                    seen.add(child.builder)
                    waiting.append(child)
        return drafts

    def plan(self) -> Plan:
        """Return the compiled plan; the first call checks and freezes the flow, and the child flows below it."""
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

    def remote_steps(self) -> list[PlanNode]:
        """Return the steps whose child is remote, here and in the child flows below.

        What is below a remote child concerns the worker that runs that child.
        """
        plan = self.plan()
        if self._remote_steps is None or self._remote_steps[0] is not plan:
            self._remote_steps = plan, self._find_remote_steps()
        return self._remote_steps[1]

    def _find_remote_steps(self) -> list[PlanNode]:
        found, waiting, seen = list[PlanNode](), [self], {self}
        for flow in waiting:
            for node in flow.plan().nodes:
                if node.remote:
                    found.append(node)
                elif node.kind == Kind.CHILD and node.child not in seen:
                    seen.add(node.child)
                    waiting.append(node.child)
        return found

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
        self._plan, self.savable = None, False
        self.transfers = {}

    def for_child(self) -> FlowRuntime:
        """Return a runtime of the same flow with a flow_state of its own: a child does not share it."""
        if self.flow_state is None:
            return self
        own = copy.copy(self)
        own.flow_state = compile_copy(type(self.flow_state))(self.flow_state)
        own.lock = threading.RLock()
        own.shares, own.has_stored, own.stores, own.pending, own.unstored = False, False, [], WeakSet(), {}
        return own

    def require_flow_state(self) -> FlowState:
        """Return the flow_state, or say that the contract declares none."""
        if self.flow_state is None:
            raise ContractError(undeclared_layer_problem(self.spec.name, "flow_state", self.spec.declared))
        return self.flow_state

    def initial_flow_state(self) -> FlowState:
        """Return a flow_state as it is before anything has changed it."""
        assert self.spec.flow_state is not None
        return fresh(self.spec.flow_state, None)

    def share(self, store: FlowStateStore) -> None:
        """Keep the flow_state in a store from now on."""
        self.require_flow_state()
        with self.lock:
            self.shares = True
            if not any(known() is store for known in self.stores):
                self.stores.append(_reference(store))

    def choose_store(self, given: object) -> FlowStateStore | None:
        """Return the store for an update outside of all steps: the given one, or the one that the flow has run with.

        None where it has run with none. Several are a `ContractError`, a store that shares none is a `StoreError`.
        """
        store = None if given is None else sharing_store(given)
        if store is not None:
            self.share(store)
        elif given is not None:
            raise StoreError(stores.no_flow_state_problem(type(given).__name__))
        elif not self.shares:
            return None
        else:
            known = [store for store in (reference() for reference in self.stores) if store is not None]
            if len(known) != 1:
                raise ContractError(executions.unclear_store_problem(len(known)).at(f"flow '{self.name}'"))
            store = known[0]
        self.keep_first()
        return store

    def keep_first(self) -> None:
        """Keep what was set before the flow_state has shown what a store has."""
        with self.lock:
            if not self.has_stored:
                self.keep_unstored(changed_fields(self.require_flow_state(), self.initial_flow_state()))

    def take_stored(self, stored: bytes | None) -> None:
        """Show what a store has; what was set before the first time is kept for a store without a row."""
        self.keep_first()
        self.has_stored = True
        self.show_flow_state(self.first_flow_state() if stored is None else decode_flow_state(stored, self.kept_by))

    def keep_unstored(self, names: Collection[str]) -> None:
        """Keep fields that were changed without a store, as they are now."""
        self.unstored |= copies_of(self.require_flow_state(), names)

    def first_flow_state(self) -> FlowState:
        """Return the flow_state that a store without a row begins with."""
        first = self.initial_flow_state()
        for name, value in self.unstored.items():
            force_setattr(first, name, copy.deepcopy(value))
        return first

    def begin_with(self, given: FlowState | Mapping[str, Any]) -> None:
        """Take a flow_state in place of the defaults, copied and checked."""
        self.flow_state = fresh(type(self.require_flow_state()), given)

    def show_flow_state(self, value: FlowState) -> None:
        """Take over a checked flow_state, without any listener, but for the fields with pending writes.

        Fields that do not differ keep their objects, so that a reference to one stays a reference into the flow_state.
        """
        step = current_step.set(None)
        try:
            with self.lock:
                current = self.require_flow_state()
                pending = {name for writes in self.pending for name in writes.pending(current)}
                for name in changed_fields(value, current):
                    if name not in pending:
                        setattr(current, name, layer_fields(type(current))[name].read(value))
        finally:
            current_step.reset(step)


def sharing_store(store: Any) -> FlowStateStore | None:
    """Return a store as one that shares flow_states; None where it does not."""
    shares = getattr(store, "shares_flow_state", False) is True and hasattr(store, "update_flow_state")
    return store if shares else None


def _reference(store: object) -> Callable[[], Any]:
    try:
        return weakref.ref(store)
    except TypeError:  # its class has slots
        return lambda: store
