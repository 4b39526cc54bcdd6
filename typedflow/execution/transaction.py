"""`StepTransaction`: what one attempt of a step has written, emitted and read, until it ends.

`Data` is the facade that the handler gets; the steps, the children and the layers use the transaction.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

from typedflow.engine.plan import PlanNode
from typedflow.engine.tokens import UNSET, Signal, Token
from typedflow.errors import ContractError, FinishedError
from typedflow.execution.failures import is_a
from typedflow.execution.fixed_functions import as_it_is_now
from typedflow.execution.flow_runtime import Change, differs, is_alike
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.rules import executions
from typedflow.schema.concurrent_changes import read_again_if_changed
from typedflow.schema.layer_fields import layer_fields, require_fields
from typedflow.schema.writing import FLAT, current_step, outside


class StepTransaction:
    """Collect what one attempt of a step does; the run takes it when the step ends, and none of it if it fails.

    It lives from the call of the handler to the end of the attempt. It is the `StepInProgress` of the layers
    (`schema.writing`): they report writes and reads of containers to it.
    """

    __slots__ = (
        "checked",
        "held",
        "node",
        "operations",
        "replaying",
        "result",
        "revoked",
        "runtime",
        "signals",
        "token",
        "touched",
    )

    def __init__(self, runtime: ExecutionRuntime, token: Token, node: PlanNode) -> None:
        self.runtime = runtime
        self.token = token
        self.node = node
        self.signals: list[Signal] | None = None
        """The events that it emitted and the paths that it wrote which have listeners, in order."""
        self.touched: dict[tuple[bool, str], None] | None = None
        """The fields whose containers it read: of the state (True) or the flow_state (False)."""
        self.checked = False
        """Whether all of them have been checked since the handler returned."""
        if runtime.touched is not None:
            self._take_over(runtime.touched.pop(token, None))
        self.result: Any = UNSET
        """What the handler set with `set_result`."""
        self.operations: list[Change] | None = None
        """Its changes of a shared flow_state, in order."""
        self.held: list[tuple[str, Any, Any]] | None = None
        """Of a shared flow_state: the containers that were read, each with its field and a copy as it was then."""
        self.replaying = False
        """Whether `update_flow_state` is running, whose change is an operation of its own."""
        self.revoked = False
        """Whether the attempt is over: a write raises `FinishedError` then."""

    @property
    def name(self) -> str:
        """Name the step, for messages."""
        return self.runtime.place(self.node.name)

    def require_context(self, layer: str) -> None:
        """Refuse a step that is over from outside of it: there a write would count as somebody else's.

        In a task or a thread of its own the layer can be read, and refuses the write itself.
        """
        if current_step.get() is not self:
            raise FinishedError(executions.step_over_problem(self.node.name, f"a write to data.{layer}"))

    def require_open(self, call: str) -> None:
        """Refuse a call after the end of the step; raises `FinishedError`."""
        if self.revoked:
            raise FinishedError(executions.step_over_problem(self.node.name, call))

    def signal(self, signal: Signal) -> None:
        """Queue an event, or the write of a path that has listeners, for the end of the step."""
        if self.signals is None:
            self.signals = []
        self.signals.append(signal)

    def operate(self, operation: Callable[[Any], object]) -> None:
        """Keep a change of a shared flow_state, to be replayed in the store when this step is committed."""
        if self.runtime.shares_flow_state:
            if self.operations is None:
                self.operations = []
            self.operations.append(self.runtime.flow.note_change(operation))

    def check_touched(self) -> None:
        """Check what the handler may have changed in place, in the fields that it read."""
        runtime = self.runtime
        for layer, is_state in ((runtime.state, True), (runtime.flow.flow_state, False)):
            touched = tuple(self.touched or ())  # a thread that was left behind may be putting more into it
            fields = [field for of_state, field in touched if of_state is is_state]
            if layer is not None and fields:
                require_fields(layer, fields)
        self.checked = True
        self.keep_held()

    def failed(self, error: BaseException) -> None:
        """Check what an attempt that failed has left behind, and have the next one answer for what is wrong there.

        What it changed in the flow_state stands, as without a store: it goes along with the next save.
        """
        touched, runtime = self.touched, self.runtime
        if touched is None:
            self.hand_over_operations()
            return
        if runtime.touched is None:
            runtime.touched = {}
        runtime.touched[self.token] = touched
        if is_a(error, Exception):
            try:
                self.check_touched()
            except ContractError as fault:
                if is_a(error, ContractError) and fault.problems == error.problems:  # what the attempt has failed of
                    return
                raise fault from error
            finally:
                self.hand_over_operations()
                self.checked = False  # whoever was at it may be so still: a thread that was left behind
            del runtime.touched[self.token]

    def hand_over_operations(self) -> None:
        """Let the next save take the changes of a shared flow_state along."""
        if self.operations is not None:
            if self.runtime.operations is None:
                self.runtime.operations = []
            self.runtime.operations.extend(self.operations)
            self.operations = None

    def end(self) -> None:
        """Take nothing more: the step, or this attempt, is over."""
        self.revoked = True
        if self.touched is not None:
            self.runtime.let_go(self, checked=self.checked)

    def keep_held(self) -> None:
        """Make operations of what was changed in place in a shared flow_state; what was only read stays as it is."""
        held, self.held = self.held, None
        for field, value, before in held or ():
            if differs(value, before) or not is_alike(value, before):
                self.operate(_set(field, _copied(value)))

    def update_flow_state(self, change: Callable[[Any], object]) -> None:
        """Change the flow_state atomically, as an operation of this step; see `Data.update_flow_state`."""
        self.require_open("update_flow_state")
        self.keep_held()
        again = as_it_is_now(change) if self.runtime.shares_flow_state else change
        self.replaying = True
        try:
            self.runtime.flow.update_flow_state(change)
        finally:
            self.replaying = False
        self.operate(again)

    # -- what the layers report

    def wrote(self, layer: Any, path: str, value: object) -> None:
        """Queue the listeners of a path that was written in this execution's layers."""
        runtime = self.runtime
        if layer is runtime.state:
            if type(value) not in FLAT:
                runtime.touch(path.partition(".")[0])
            if path in runtime.plan.state_paths:
                self.signal(Signal("state", path, value))
        elif layer is runtime.flow.flow_state:
            if path in runtime.plan.flow_state_paths:
                self.signal(Signal("flow_state", path, value))
            if runtime.shares_flow_state and not self.replaying:
                self.operate(_set(path, _copied(value)))
        elif type(value) not in FLAT:
            outside.touched()

    def read_container(self, layer: Any, field: str) -> None:
        """Remember a field whose value the handler may change in place."""
        is_state = layer is self.runtime.state
        if is_state or layer is self.runtime.flow.flow_state:
            if is_state and self.revoked:
                self.runtime.touch(field)
                return
            if self.touched is None:
                self.touched = {}
            if is_state:
                if (True, field) not in self.touched:
                    self.runtime.hold(self, self.touched)
            elif self.runtime.shares_flow_state and not self.replaying:
                self._hold(layer, field)
            self.touched[is_state, field] = None
        else:
            outside.touched()

    def _take_over(self, touched: dict[tuple[bool, str], None] | None) -> None:
        """Answer for what an attempt before this one has left."""
        self.touched = touched
        if touched is not None:
            self.runtime.hold(self, touched)

    def _hold(self, layer: Any, field: str) -> None:
        """Remember a container of the shared flow_state as it is now; another save may put a new one in its place."""
        value = layer_fields(type(layer))[field].read(layer)
        if self.held is None:
            self.held = []
        if not any(known is value for _, known, _ in self.held):
            self.held.append((field, value, _copied(value)))


def _copied(value: Any) -> Any:
    """Copy a value that another step may be changing in a thread."""
    return read_again_if_changed(partial(copy.deepcopy, value))


def _set(path: str, value: Any) -> Callable[[Any], object]:
    """Give the operation that a plain write to a shared flow_state amounts to: the last one wins."""
    return lambda layer: layer.set(path, value, emit=False)
