"""`Data`: what a handler is given. One object for one attempt of one step, over when the attempt is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, ClassVar, Generic, NoReturn, final

from typing_extensions import TypeVar, deprecated

from typedflow.engine.plan import PlanNode
from typedflow.engine.tokens import UNSET, Interrupt, Signal, Token
from typedflow.errors import ContractError, FinishedError
from typedflow.execution.failures import is_a
from typedflow.execution.flow_runtime import Change, differs
from typedflow.execution.members import HasFlowState, HasResources, HasState, TakesResult, TakesStream
from typedflow.execution.pauses import PauseSignal, check_pause
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.rules import executions
from typedflow.rules.schema import undeclared_layer_problem
from typedflow.schema.layer_fields import layer_fields, require_fields
from typedflow.schema.layers import Layer
from typedflow.schema.writing import FLAT, current_step, outside

C = TypeVar("C", covariant=True)
V = TypeVar("V", covariant=True)
S = TypeVar("S")


@final
class Data(Generic[C, V]):
    """Give a handler its value, the three layers of its contract, and the ways to act on the run.

    `C` is the contract, or a protocol of the parts a handler needs; `V` is the type of the value. It is valid until the
    handler returns: afterwards `emit`, `set_result` and writes to the layers raise `FinishedError`, because the step's
    transaction is closed; tasks and threads that the handler has left behind may still read. Values are not copied
    between steps: do not change `value` in place.
    """

    __slots__ = (
        "_early",
        "_held",
        "_node",
        "_operations",
        "_replaying",
        "_runtime",
        "_signals",
        "_sound",
        "_token",
        "_touched",
        "_value",
        "attempt",
        "revoked",
    )
    __typedflow_data__: ClassVar[bool] = True

    attempt: int
    """Which attempt of the step this is; 1 is the first."""

    def __init__(self, runtime: ExecutionRuntime, token: Token, node: PlanNode, value: Any) -> None:
        self._runtime = runtime
        self._token = token
        self._node = node
        self._value = value
        self._signals: list[Signal] | None = None
        self._touched: dict[tuple[bool, str], None] | None = None
        """The fields that it got hold of: of the state (True) or the flow_state."""
        self._sound = False
        """All of them have been checked since."""
        if runtime.touched is not None:
            self._take_over(runtime.touched.pop(token, None))
        self._early: Any = UNSET
        self._operations: list[Change] | None = None
        self._held: list[tuple[str, Any, Any]] | None = None
        """Of a shared flow_state: the containers that were read, each with its field and a copy as it was then."""
        self._replaying = False
        self.attempt = 1
        self.revoked = False

    # -- the value and the layers

    @property
    def value(self) -> V:
        """Give what the step before returned; the input in the first step, the payload behind an event."""
        return self._value  # type: ignore[no-any-return]  # checked when it was made

    @property
    def state(self: Data[HasState[S], Any]) -> S:
        """Give the state of this execution; saved and restored with it."""
        if self.revoked:
            self._require_context("state")
        state = self._runtime.state
        return self._runtime.require_state() if state is None else state  # type: ignore[return-value]  # of the contract

    @property
    def flow_state(self: Data[HasFlowState[S], Any]) -> S:
        """Give the state that all executions of the flow share; `update_flow_state` changes it atomically."""
        if self.revoked:
            self._require_context("flow_state")
        state = self._runtime.flow.flow_state
        return self._runtime.flow.require_flow_state() if state is None else state  # type: ignore[return-value]  # same

    @property
    def resources(self: Data[HasResources[S], Any]) -> S:
        """Give the injected resources, read-only, as they are now."""
        if self._runtime.plan.spec.resources is None:
            spec = self._runtime.plan.spec
            raise ContractError(undeclared_layer_problem(spec.name, "resources", spec.declared).at(self.name))
        return self._runtime.resources.view()  # type: ignore[return-value]  # an instance of the declared class

    def update_flow_state(self: Data[HasFlowState[S], Any], change: Callable[[S], object]) -> None:
        """Change the flow_state atomically: `change` gets it and changes it in place.

        If it raises, nothing changed. It must be pure: with a shared store it is replayed on what is stored.
        """
        self._require_open("update_flow_state")
        self._keep_held()
        self._replaying = True
        try:
            self._runtime.flow.update_flow_state(change)
        finally:
            self._replaying = False
        self._operate(change)

    # -- resources by key

    def get_resource(self, key: str, default: Any = None) -> Any:
        """Give a resource, `default` where it is absent or None. A key that is not declared is a `ResourceError`."""
        return self._runtime.resources.get(key, default)

    def require_resource(self, key: str) -> Any:
        """Give a resource; one that is absent or None is a `ResourceError` that lists what there is."""
        return self._runtime.resources.require(key)

    def set_resource(self, key: str, value: Any) -> None:
        """Set a resource for the rest of this execution; the flow's default stays. Never saved."""
        self._require_open("set_resource")
        self._runtime.resources.set_in_run(key, value)

    def del_resource(self, key: str) -> None:
        """Uncover the flow's default; once more changes nothing."""
        self._require_open("del_resource")
        self._runtime.resources.del_in_run(key)

    # -- acting on the run

    def emit(self, event: str, payload: Any = None) -> None:
        """Queue an event: its listeners start when this step ends, together with its output; never if it fails."""
        self._require_open("emit")
        self._signal(self._runtime.event(event, payload))

    def put(self: Data[TakesStream[S], Any], item: S) -> None:
        """Hand an item to the stream at once; dropped when nobody listens."""
        self._require_open("put")
        self._runtime.put(item)

    def set_result(self: Data[TakesResult[S], Any], value: S) -> None:
        """Set the result of the execution when this step ends; the first result wins, and nothing is cancelled."""
        self._require_open("set_result")
        value = self._runtime.result(value)
        if self._early is UNSET:
            self._early = value

    def pause_for(
        self,
        payload: Any = None,
        *,
        type: str = "pause",
        resume_event: str | None = None,
        interrupt_id: str | None = None,
    ) -> NoReturn:
        """Stop this step, and with it its own branch, until `execution.async_continue_with(id, value)` answers.

        `payload` is what is asked: JSON-typed, saved with the execution. Without `resume_event` the answer becomes the
        output of this step, so it has to fit its return type; with it the branch ends here and the answer is emitted as
        that event. `interrupt_id` is unique in the execution; by default it is derived from `key`. Never returns: what
        stands behind it is not run. Emits of the step so far stand.
        """
        self._require_open("pause_for")
        if resume_event is not None:
            self._runtime.require_event(resume_event)
        if interrupt_id is None:
            interrupt_id = self._runtime.interrupt_id(self._token)
        interrupt = Interrupt(interrupt_id, type, payload, resume_event, self._node.name)
        check_pause(self._node, interrupt, self._runtime)
        raise PauseSignal(interrupt)

    # -- identity

    @property
    def key(self) -> str:
        """Return the idempotency key of this step, for side effects: execution id, step and cause.

        The same cause has the same key, over retries, kills, loads and any order in which concurrent branches finish:
        the item of a for_each, the signal that fired a listener, the contributors of a join. No two steps of an
        execution have the same key. Its length does not grow with the run: id, step's name and at most 22 characters.
        """
        return self._runtime.key(self._token)

    @property
    def execution_id(self) -> str:
        """Give the id of the execution."""
        return self._runtime.id

    @property
    def step(self) -> str:
        """Give the name of the step's node."""
        return self._node.name

    # -- legacy names

    @deprecated("use data.state.get(path, default)", category=None)
    def get_runtime_data(self, path: str, default: Any = None) -> Any:
        """Read the state by path."""
        return self._layer("state").get(path, default)

    @deprecated("use data.state.set(path, value)", category=None)
    def set_runtime_data(self, path: str, value: Any, *, emit: bool = True) -> None:
        """Write the state by path."""
        self._layer("state").set(path, value, emit=emit)

    @deprecated("use data.state.append(path, value)", category=None)
    def append_runtime_data(self, path: str, value: Any, *, emit: bool = True) -> None:
        """Append to a list or set of the state."""
        self._layer("state").append(path, value, emit=emit)

    @deprecated("use data.state.delete(path)", category=None)
    def del_runtime_data(self, path: str, *, emit: bool = True) -> None:
        """Reset a field of the state."""
        self._layer("state").delete(path, emit=emit)

    @deprecated("use data.flow_state.get(path, default)", category=None)
    def get_flow_data(self, path: str, default: Any = None) -> Any:
        """Read the flow_state by path."""
        return self._layer("flow_state").get(path, default)

    @deprecated("use data.flow_state.set(path, value)", category=None)
    def set_flow_data(self, path: str, value: Any, *, emit: bool = True) -> None:
        """Write the flow_state by path."""
        self._layer("flow_state").set(path, value, emit=emit)

    @deprecated("use data.flow_state.append(path, value)", category=None)
    def append_flow_data(self, path: str, value: Any, *, emit: bool = True) -> None:
        """Append to a list or set of the flow_state."""
        self._layer("flow_state").append(path, value, emit=emit)

    @deprecated("use data.flow_state.delete(path)", category=None)
    def del_flow_data(self, path: str, *, emit: bool = True) -> None:
        """Reset a field of the flow_state."""
        self._layer("flow_state").delete(path, emit=emit)

    def _layer(self, name: str) -> Layer:
        if self.revoked:
            self._require_context(name)
        return self._runtime.require_state() if name == "state" else self._runtime.flow.require_flow_state()

    def _signal(self, signal: Signal) -> None:
        if self._signals is None:
            self._signals = []
        self._signals.append(signal)

    def _operate(self, operation: Callable[[Any], object]) -> None:
        """Keep a change of a shared flow_state, to be replayed in the store when this step is committed."""
        if self._runtime.shares_flow_state:
            if self._operations is None:
                self._operations = []
            self._operations.append(self._runtime.flow.note_change(operation))

    def _require_context(self, layer: str) -> None:
        """Refuse a step that is over from outside of it: there a write would count as somebody else's.

        In a task or a thread of its own the layer can be read, and refuses the write itself.
        """
        if current_step.get() is not self:
            raise FinishedError(executions.step_over_problem(self._node.name, f"a write to data.{layer}"))

    def _require_open(self, call: str) -> None:
        if self.revoked:
            raise FinishedError(executions.step_over_problem(self._node.name, call))

    def _check_touched(self) -> None:
        """Check what the handler may have changed in place, in the fields that it read."""
        runtime = self._runtime
        for layer, is_state in ((runtime.state, True), (runtime.flow.flow_state, False)):
            touched = tuple(self._touched or ())  # a thread that was left behind may be putting more into it
            fields = [field for of_state, field in touched if of_state is is_state]
            if layer is not None and fields:
                require_fields(layer, fields)
        self._sound = True
        self._keep_held()

    def _failed(self, error: BaseException) -> None:
        """Check what an attempt that failed has left behind, and have the next one answer for what is wrong there."""
        touched, runtime = self._touched, self._runtime
        if touched is None:
            self._operations = None
            return
        if runtime.touched is None:
            runtime.touched = {}
        runtime.touched[self._token] = touched
        if is_a(error, Exception):
            try:
                self._check_touched()
            except ContractError as fault:
                if is_a(error, ContractError) and fault.problems == error.problems:  # what the attempt has failed of
                    return
                raise fault from error
            finally:
                self._operations = None
                self._sound = False  # whoever was at it may be so still: a thread that was left behind
            del runtime.touched[self._token]

    def _take_over(self, touched: dict[tuple[bool, str], None] | None) -> None:
        """Answer for what an attempt before this one has left."""
        self._touched = touched
        if touched is not None:
            self._runtime.hold(self, touched)

    def _end(self) -> None:
        """Take nothing more: the step, or this attempt, is over."""
        self.revoked = True
        if self._touched is not None:
            self._runtime.let_go(self, checked=self._sound)

    def _keep_held(self) -> None:
        """Make operations of what was changed in place in a shared flow_state; what was only read stays as it is."""
        held, self._held = self._held, None
        for field, value, before in held or ():
            if differs(value, before):
                self._operate(_set(field, copy.deepcopy(value)))

    # -- what the layers ask of the step in progress (schema.writing.StepInProgress)

    @property
    def name(self) -> str:
        """Name the step, for messages."""
        return self._runtime.place(self._node.name)

    def wrote(self, layer: Any, path: str, value: object) -> None:
        """Queue the listeners of a path that was written in this execution's layers."""
        runtime = self._runtime
        if layer is runtime.state:
            if type(value) not in FLAT:
                runtime.touch(path.partition(".")[0])
            if path in runtime.plan.state_paths:
                self._signal(Signal("state", path, value))
        elif layer is runtime.flow.flow_state:
            if path in runtime.plan.flow_state_paths:
                self._signal(Signal("flow_state", path, value))
            if runtime.shares_flow_state and not self._replaying:
                self._operate(_set(path, copy.deepcopy(value)))
        elif type(value) not in FLAT:
            outside.touched()

    def read_container(self, layer: Any, field: str) -> None:
        """Remember a field whose value the handler may change in place."""
        is_state = layer is self._runtime.state
        if is_state or layer is self._runtime.flow.flow_state:
            if is_state and self.revoked:
                self._runtime.touch(field)
                return
            if self._touched is None:
                self._touched = {}
            if is_state:
                if (True, field) not in self._touched:
                    self._runtime.hold(self, self._touched)
            elif self._runtime.shares_flow_state and not self._replaying:
                self._hold(layer, field)
            self._touched[is_state, field] = None
        else:
            outside.touched()

    def _hold(self, layer: Any, field: str) -> None:
        """Remember a container of the shared flow_state as it is now; another save may put a new one in its place."""
        value = layer_fields(type(layer))[field].read(layer)
        if self._held is None:
            self._held = []
        if not any(known is value for _, known, _ in self._held):
            self._held.append((field, value, copy.deepcopy(value)))


def _set(path: str, value: Any) -> Callable[[Any], object]:
    """Give the operation that a plain write to a shared flow_state amounts to: the last one wins."""
    return lambda layer: layer.set(path, value, emit=False)
