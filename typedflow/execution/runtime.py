"""What one execution is: `ExecutionRuntime`, with its run, its layers and its open children.

`Flow`, `Execution` and `Data` are facades of this and of the `FlowRuntime` that all executions of a flow share; the
driver and the steps use both directly.
"""

from __future__ import annotations

import copy
import hashlib
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from typedflow.engine.run import Run
from typedflow.engine.tokens import Signal, Token
from typedflow.errors import ContractError, FinishedError
from typedflow.execution.checkpointer import Checkpointer
from typedflow.execution.flow_runtime import FlowRuntime, sharing_store
from typedflow.execution.observing import Observers
from typedflow.execution.pending_writes import EndedWrites
from typedflow.execution.resources import ResourceLayers
from typedflow.execution.state_changes import StateChanges
from typedflow.rules import events, executions
from typedflow.rules.concealment import concealing
from typedflow.rules.schema import undeclared_layer_problem
from typedflow.rules.wording import ABSENT
from typedflow.schema.check import Mismatch
from typedflow.schema.layers import State
from typedflow.schema.mismatch import MISSING, render_path
from typedflow.schema.render import describe, render
from typedflow.schema.starting import fresh
from typedflow.snapshot.kept_values import KeptValues
from typedflow.stores.flow_state_sharing import FlowStateStore

MISSING_STATE: Final = "TF811"
"""The number of a required field of the state that nothing supplies."""

ANSWERS_KEPT: Final = 100
"""How many answered interrupts an execution remembers, and its snapshots name."""


class Works(Protocol):
    """What an execution asks of the driver that runs it."""

    def push(self, runtime: ExecutionRuntime, tokens: Iterable[Token]) -> None:
        """Work on tokens that became ready outside of a step."""
        ...

    def deliver(self, item: Any) -> None:
        """Send an item to the reader of the stream, if there is one; callable from any thread."""
        ...

    def listen(self, sink: Any) -> bool:
        """Send stream items to a queue, unless one gets them already; None ends that. Returns whether this changed."""
        ...

    def cancel(self) -> None:
        """Stop everything that runs."""
        ...

    def fail(self, error: Exception) -> None:
        """Stop everything that runs, for an error outside of all steps."""
        ...

    def note_deadline(self, moment: datetime) -> None:
        """Check at this moment whether something is due."""
        ...

    def is_worker(self, task: object) -> bool:
        """Return whether steps run in this task."""
        ...


class RemoteChildren(Protocol):
    """What the rest of this package asks of `execution.remote_children.RemoteChildren`."""

    submitted: dict[str, tuple[ExecutionRuntime, str]]
    """The children that no save has inserted yet, each with the key of the step that waits for it."""

    def submit(self, child: ExecutionRuntime, parent: ExecutionRuntime, token: Token) -> None:
        """Note a child that the next save is to insert."""
        ...

    def take(self, child: str) -> tuple[ExecutionRuntime, Token] | None:
        """Return the execution and the token that wait for a child that has ended, once; None if none does."""
        ...

    def find(self, child: str) -> tuple[ExecutionRuntime, Token] | None:
        """Return the execution and the token that wait for a child; None if none does, any more."""
        ...

    def open(self) -> set[str]:
        """Return the ids of the children that something waits for."""
        ...

    def dropped(self) -> set[str]:
        """Return the ids of the children that the stored execution waits for, and nothing does any more."""
        ...

    def saved(self, waited_for: Collection[str]) -> None:
        """Note a save that has come through, and the children that were open in it."""
        ...


class Owners(NamedTuple):
    """The child executions that wait for answers, by interrupt id, of one root; valid for one run of it."""

    run: Run
    by_id: dict[str, ExecutionRuntime]
    limit: int
    """How many entries there may be until they are collected anew: a child that was dropped leaves its own."""


class ExecutionRuntime(StateChanges):
    """What one execution consists of: its run, its layers, its identity."""

    __slots__ = (
        "answered",
        "checkpoints",
        "children",
        "complete_at",
        "created",
        "depth",
        "ended",
        "ended_steps",
        "ended_writes",
        "expired",
        "flow",
        "flow_state_store",
        "given_state",
        "id",
        "kept_values",
        "mail",
        "observers",
        "owners",
        "parent",
        "past",
        "plan",
        "queued",
        "remotes",
        "resources",
        "run",
        "saved_keys",
        "saves",
        "state",
        "timed",
        "top",
        "works",
    )

    def __init__(
        self,
        flow: FlowRuntime,
        id_: str,
        state: State | Mapping[str, Any] | None = None,
        parent: tuple[ExecutionRuntime, Token] | None = None,
    ) -> None:
        super().__init__()
        self.flow = flow
        self.plan = flow.plan()
        self.id = id_
        self.run = Run(self.plan)
        self.parent = parent
        """Of a child execution: its parent, and the token that waits there for its result."""
        self.top: ExecutionRuntime = self if parent is None else parent[0].top
        """The root: the execution that no other has started."""
        if parent is not None:
            self.run.changed_interrupts = self.top.run.changed_interrupts  # saves look at the root's
        self.depth: int = 0 if parent is None else parent[0].depth + 1
        self.answered: dict[str, None] | None = None
        """Of a root: the last interrupts that were answered: a second answer can be told from a wrong one."""
        self.children: dict[Token, ExecutionRuntime] | None = None
        """The open child executions, by the token that waits for them."""
        self.queued = False
        """Of a child while a driver runs it: an answer came, and its step in the parent still waits for a place."""
        self.resources = ResourceLayers(flow.resources)
        self.works: Works | None = None
        """Of a root: the driver that runs it and all below it."""
        self.owners: Owners | None = None
        """Of a root with children: which of them waits for each answer; see `execution.waiting`."""
        self.timed: list[tuple[datetime, str]] | None = None
        """Of a root: a heap of the deadlines, with their interrupt ids; those that are over among them."""
        self.remotes: RemoteChildren | None = None
        """Of a root: its children that run as executions of their own, and those of what is open below it."""
        self.observers: Observers | None = None if parent is None else parent[0].observers
        """Those of the root; None where there are none."""
        self.complete_at = -1
        """Of a root: the count of removed resources of flows when nothing was missing here and below; -1 if unknown."""
        self.checkpoints: Checkpointer | None = None
        """Of a root with a store: what saves it."""
        self.ended: list[str] | None = None if parent is None else parent[0].ended
        """Of an execution with a history: the steps that ended and are in no save yet, those of children included."""
        self.past: int | None = None
        """Of a root that was opened at a revision: its sequence. It can only be read."""
        self.mail = 0
        """Of a root: the number of the last message from outside that it has taken; see `stores.work`."""
        self.flow_state_store: FlowStateStore | None = None
        """Of a root: the store that keeps the flow_state, for all that use the store."""
        self.ended_writes: EndedWrites | None = None
        """What its ended steps have written to a flow_state that a store keeps."""
        self.ended_steps: dict[str, None] | None = None
        """The keys of ended steps whose updates the store still remembers."""
        self.created = time.time()
        self.kept_values: KeptValues | None = None
        """The bytes of the values in flight, from the first save on."""
        self.saves = 0
        """The sequence of the last save without a store."""
        self.saved_keys: tuple[str, ...] = ()
        """The resource keys that were at hand when it was saved, until it is run: they may not be supplied yet."""
        self.given_state: State | Mapping[str, Any] | None = None
        """A state that still lacks required fields."""
        self.state: State | None = None
        self.expired: set[Token] | None = None
        """The tokens of steps that were not answered in time: they fail when they are taken next."""
        if state is not None:
            self._take_state(state)

    def values_in_flight(self) -> KeptValues:
        """Return the bytes of the values in flight that saves have written."""
        if self.kept_values is None:
            self.kept_values = KeptValues()
        return self.kept_values

    def drop(self, token: Token) -> None:
        """Forget what was kept of a token that does not go on; the child executions behind it have nothing to run."""
        for kept in (self.run.attempts, self.run.updates, self.to_recheck):
            if kept is not None:
                kept.pop(token, None)
        child = None if self.children is None else self.children.pop(token, None)
        for below in () if child is None else child.tree():
            below.run.live.clear()
            for interrupt_id in below.run.interrupts or ():
                below.run.note_interrupt(interrupt_id)

    def become(self, flow: FlowRuntime) -> Callable[[], None]:
        """Become an execution of an earlier definition of the flow, which saved it; return a function that undoes that.

        Of the resources that were given it gets those that its contract declares.
        """
        before = self.flow, self.plan, self.run, self.resources, self.state, self.given_state
        self.flow, self.plan = flow, flow.plan()
        self.run, self.state, self.given_state = Run(self.plan), None, None
        given, self.resources = self.resources.given, ResourceLayers(flow.resources)
        if given:
            self.resources.give(flow.resources.fitting(given))
        if self.checkpoints is not None:
            self.share_flow_state(self.checkpoints.store)

        def undo() -> None:
            self.flow, self.plan, self.run, self.resources, self.state, self.given_state = before

        return undo

    def place(self, node: str) -> str:
        """Name a step, for messages."""
        return f"step '{node}' of flow '{self.flow.name}'"

    def concealing(self, given: Iterable[object] = ()) -> AbstractContextManager[None]:
        """Keep the text of the resources, and of those that are about to be given, out of errors made meanwhile."""
        return concealing(lambda: (*given, *self._in_use()))

    def _in_use(self) -> Iterator[object]:
        for runtime in self.root().tree():
            yield from runtime.resources.in_use()

    def require_state(self) -> State:
        """Return the state; it is made when it is first asked for, or at the start."""
        if self.state is None:
            cls = self.plan.spec.state
            if cls is None:
                raise ContractError(undeclared_layer_problem(self.plan.spec.name, "state", self.plan.spec.declared))
            self.state = fresh(cls, self.given_state)
            self.given_state = None
        return self.state

    def _take_state(self, given: State | Mapping[str, Any]) -> None:
        """Check and copy a state that was given; only what it lacks may wait until it is asked for."""
        cls = self.plan.spec.state
        if cls is None:
            raise ContractError(undeclared_layer_problem(self.plan.spec.name, "state", self.plan.spec.declared))
        try:
            self.state = fresh(cls, given)
        except ContractError as error:
            wrong = [problem for problem in error.problems if problem.number != MISSING_STATE]
            if wrong:
                raise ContractError(wrong) from None
            self.given_state = copy.deepcopy(given)

    def event(self, name: str, payload: Any) -> Signal:
        """Make the signal of an event, checked against what the contract declares."""
        check = self.plan.check_events.get(name) if isinstance(name, str) else None
        if check is None:
            problem = events.check_event(name, self.plan.spec.events, contract=self.plan.spec.name)
            assert problem is not None
            raise ContractError(problem)
        try:
            return Signal("event", name, check(payload))
        except Mismatch as mismatch:
            assert self.plan.spec.events is not None
            with self.concealing():
                problem = events.wrong_payload_problem(name, render(self.plan.spec.events[name]), **fault_of(mismatch))
        raise ContractError(problem)

    def require_event(self, name: str) -> None:
        """Refuse an event that the contract does not declare."""
        problem = events.check_event(name, self.plan.spec.events, contract=self.plan.spec.name)
        if problem is not None:
            raise ContractError(problem)

    def key(self, token: Token) -> str:
        """Return the idempotency key of a step: the same over retries, re-runs and loads."""
        return f"{self.id}:{self.run.key(token)}"

    def note_ended(self, node: str) -> None:
        """Note that a step has ended, for the history of the execution."""
        if self.ended is not None:
            self.ended.append("/".join((*self.within(), node)))

    def require_present(self) -> None:
        """Refuse to go on from a revision, which is past."""
        if self.past is not None:
            raise FinishedError(executions.past_problem(self.id, self.past).at(self.name))

    def within(self) -> tuple[str, ...]:
        """Return the names of the sub_flow nodes that this execution is inside of, outermost first."""
        names: list[str] = []
        runtime = self
        while runtime.parent is not None:
            runtime, token = runtime.parent
            names.append(runtime.plan.nodes[token.node].name)
        return tuple(reversed(names))

    def interrupt_id(self, token: Token) -> str:
        """Return the id of an interrupt that its step does not name: the step, and a hash of its place below the root.

        The same over re-runs and loads, and an id by the rules of ids.
        """
        place = self.key(token).removeprefix(self.root().id)
        step = re.sub(r"[^A-Za-z0-9_.-]", "-", self.plan.nodes[token.node].name).lstrip("_.-")[:100]
        return f"{step or 'step'}-{hashlib.sha256(place.encode()).hexdigest()[:16]}"

    def resource_keys(self) -> Collection[str]:
        """Return the keys of what is injected here, and of what was injected at the save, if it has not run since."""
        return [*self.resources.injected(), *self.saved_keys]

    def note_answered(self, interrupt_id: str) -> None:
        """Remember an answer; a loop that asks for ever forgets the oldest ones."""
        if self.answered is None:
            self.answered = {}
        self.answered.pop(interrupt_id, None)
        self.answered[interrupt_id] = None
        if len(self.answered) > ANSWERS_KEPT:
            del self.answered[next(iter(self.answered))]

    def interrupt_ids(self) -> Collection[str]:
        """Return the ids of what waits for an answer here and in the open children."""
        return {
            id_
            for runtime in self.tree()
            for id_, paused in (runtime.run.interrupts or {}).items()
            if not paused.asleep
        }

    def del_resource(self, key: str) -> None:
        """Uncover the flow's default of a resource."""
        self.resources.del_in_run(key)
        self.top.complete_at = -1

    @property
    def driver(self) -> Works | None:
        """Return the driver that runs the root, and with it this; None while none runs."""
        return self.top.works

    def stream_item(self, item: Any) -> Any:
        """Return an item as the stream takes it; raises where the contract declares no stream, or another type."""
        check = self.plan.check_stream
        if check is None:
            raise ContractError(executions.undeclared_stream_problem(self.plan.spec.name))
        try:
            return check(item)
        except Mismatch as mismatch:
            with self.concealing():
                problem = executions.wrong_item_problem(render(self.plan.spec.stream), **fault_of(mismatch))
            raise ContractError(problem) from None

    def put(self, item: Any) -> None:
        """Check an item, and send it to the stream; dropped if there is no reader."""
        item = self.stream_item(item)
        if self.parent is not None:
            if self.parent[0].plan.check_stream is not None:
                self.parent[0].put(item)
        elif self.driver is not None:
            self.driver.deliver(item)

    @property
    def shares_flow_state(self) -> bool:
        """Return whether a store keeps the flow_state of this execution, for all that use the store."""
        return self.flow_state_store is not None

    def share_flow_state(self, store: object) -> None:
        """Keep the flow_state in a store, if the store can and the contract has one."""
        sharing = None if self.flow.flow_state is None else sharing_store(store)
        if sharing is not None:
            self.flow_state_store = sharing
            self.ended_writes, self.ended_steps = EndedWrites(), {}
            self.flow.share(sharing)
            with self.flow.lock:
                self.flow.pending.add(self.ended_writes)

    @property
    def name(self) -> str:
        """Name the execution, for messages."""
        return f"execution '{self.id}' of flow '{self.flow.name}'"

    def root(self) -> ExecutionRuntime:
        """Return the execution that no other has started."""
        return self.top

    def is_open(self) -> bool:
        """Return whether this is a root, or reachable from one: not a child that was left or dropped."""
        runtime = self
        while runtime.parent is not None:
            above, token = runtime.parent
            if (above.children or {}).get(token) is not runtime:
                return False
            runtime = above
        return True

    def ready(self) -> list[Token]:
        """Return the live tokens to work on: not those whose child is open, unless it has nothing more to run.

        Below a step that waits for a place in a bounded block there are none.
        """
        if self.is_queued():
            return []
        open_ = self.children or {}
        return [token for token in self.run.live if token not in open_ or not open_[token].run.live]

    def is_queued(self) -> bool:
        """Return whether this, or an execution above it, waits for a place in a bounded block of its parent."""
        runtime = self
        while runtime.parent is not None and not runtime.queued:
            runtime = runtime.parent[0]
        return runtime.queued

    def tree(self) -> Iterator[ExecutionRuntime]:
        """Return this execution and all open ones below it, parents first."""
        waiting = [self]
        for runtime in waiting:
            yield runtime
            waiting.extend((runtime.children or {}).values())

    def result(self, value: Any) -> Any:
        """Check a result that a handler sets itself."""
        try:
            return self.plan.check_result(value)
        except Mismatch as mismatch:
            with self.concealing():
                problem = executions.wrong_value_problem("result", str(mismatch))
            raise ContractError(problem) from None


def fault_of(mismatch: Mismatch) -> dict[str, str]:
    """Return what a message says of a value that does not fit: given, path and expected."""
    given = ABSENT if mismatch.given is MISSING else describe(mismatch.given)
    if not mismatch.path:
        return {"given": given}
    return {"given": given, "path": render_path(mismatch.path), "expected": mismatch.expected}
