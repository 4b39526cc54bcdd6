"""`StepTransaction`: what one attempt of a step has written, emitted and read, until it ends.

`Data` is the facade that the handler gets; the steps, the children and the layers use the transaction.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from typedflow.engine.plan import PlanNode
from typedflow.engine.tokens import UNSET, Signal, Token
from typedflow.errors import ContractError, FinishedError
from typedflow.execution import failpoints
from typedflow.execution.failures import is_a
from typedflow.execution.flow_state_updates import (
    UpdateCall,
    async_update_stored,
    call_name,
    update_locally,
    update_stored,
)
from typedflow.execution.pending_writes import StepWrites, copies_of
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.rules import executions
from typedflow.schema.layer_fields import layer_fields, require_fields
from typedflow.schema.writing import FLAT, current_step, outside
from typedflow.snapshot.flow_states import Kept
from typedflow.stores.flow_state_sharing import FlowStateStore, UpdateKey


class StepTransaction:
    """Collect what one attempt of a step does; the run takes it when the step ends, and none of it if it fails.

    It lives from the call of the handler to the end of the attempt. It is the `StepInProgress` of the layers
    (`schema.writing`): they report writes and reads of containers to it.
    """

    __slots__ = (
        "attempt",
        "calls",
        "checked",
        "containers",
        "in_thread",
        "is_updating",
        "node",
        "result",
        "revoked",
        "runtime",
        "signals",
        "token",
        "writes",
    )

    def __init__(self, runtime: ExecutionRuntime, token: Token, node: PlanNode, attempt: int = 1) -> None:
        self.runtime = runtime
        self.attempt = attempt
        self.token = token
        self.node = node
        self.signals: list[Signal] | None = None
        """The events that it emitted and the paths that it wrote which have listeners, in order."""
        self.containers: dict[tuple[bool, str], None] | None = None
        """The fields whose containers it read: of the state (True) or the flow_state (False)."""
        self.checked = False
        """Whether all of them have been checked since the handler returned."""
        if runtime.to_recheck is not None:
            self._take_over(runtime.to_recheck.pop(token, None))
        self.result: Any = UNSET
        """What the handler set with `set_result`."""
        self.writes: StepWrites | None = None
        """Its plain writes to a flow_state that a store keeps."""
        self.calls: dict[str, int] | None = None
        """How often it has called each function with `update_flow_state`; None where it has updated nothing."""
        self.is_updating = False
        """Whether the function of an update is running, whose changes are no plain writes."""
        self.in_thread = False
        """Whether a thread runs the handler; one that was left behind does so after the end of the attempt."""
        self.revoked = False
        """Whether the attempt is over: a write raises `FinishedError` then."""

    @property
    def name(self) -> str:
        """Name the step, for messages."""
        return self.runtime.place(self.node.name)

    def require_context(self, layer: str) -> None:
        """Refuse a step that is over from outside of it: there a write would count as that of another step.

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

    def recheck_containers(self) -> None:
        """Check the containers that the handler has read, and may have changed in place."""
        runtime = self.runtime
        for layer, is_state in ((runtime.state, True), (runtime.flow.flow_state, False)):
            containers = tuple(self.containers or ())  # a thread that was left behind may be putting more into it
            fields = [field for of_state, field in containers if of_state is is_state]
            if layer is not None and fields:
                require_fields(layer, fields)
        self.checked = True

    def failed(self, error: BaseException) -> None:
        """Recheck the containers of an attempt that failed; if they are invalid, the next attempt rechecks them too.

        What it changed in the flow_state stands, as without a store: it goes along with the next save.
        """
        try:
            self._check_failed(error)
        finally:
            self.hand_over_writes()
            self.checked = False  # a thread that was left behind may still change them

    def _check_failed(self, error: BaseException) -> None:
        containers, runtime = self.containers, self.runtime
        if containers is None:
            return
        if runtime.to_recheck is None:
            runtime.to_recheck = {}
        runtime.to_recheck[self.token] = containers
        if is_a(error, Exception):
            try:
                self.recheck_containers()
            except ContractError as fault:
                if is_a(error, ContractError) and fault.problems == error.problems:  # what the attempt has failed of
                    return
                raise fault from error
            del runtime.to_recheck[self.token]

    def hand_over_writes(self) -> None:
        """Add the plain writes to a shared flow_state to the next save of the execution, as they are now.

        What was changed in place goes along if it has been checked.
        """
        writes, flow, ended = self.writes, self.runtime.flow, self.runtime.ended_writes
        if writes is None:
            return
        self.writes = None
        with flow.lock:
            layer = flow.require_flow_state()
            names = [*(writes.pending(layer) if self.checked else writes.assigned)]
            if ended is not None:
                ended.values |= copies_of(layer, names)
            else:
                flow.keep_unstored(names)

    def close_updates(self) -> None:
        """Mark the keys of the updates for deletion by the next save: the step has ended, or failed for good."""
        runtime = self.runtime
        if self.calls is not None:
            ended = runtime.root().ended_steps
            if ended is not None:
                ended[runtime.key(self.token)] = None
        if runtime.run.updates is not None:
            runtime.run.updates.pop(self.token, None)

    def end(self) -> None:
        """Revoke this attempt: it takes nothing more, and its fields are not lent any more."""
        self.revoked = True
        if self.containers is not None:
            self.runtime.take_back(self, checked=self.checked)
            if self.in_thread:  # it was left behind, and may write until it is over
                self.runtime.lend(self, self.containers)
                self._leave_if_over()

    def run_in_thread(self, handler: Callable[[Any], Any], data: Any) -> Any:
        """Call the handler, in a thread that may be left behind."""
        self.in_thread = True
        try:
            return handler(data)
        finally:
            self.in_thread = False
            self._leave_if_over()

    def _leave_if_over(self) -> None:
        """Take back the lent fields if the attempt is over, and so is its thread."""
        if self.revoked and not self.in_thread:
            self.runtime.take_back(self, checked=False)

    # -- updates of the flow_state

    def update_flow_state(self, function: Callable[[Any], Any], key: str | None = None) -> Any:
        """Change the flow_state atomically, once for the key; see `Data.update_flow_state`."""
        call, name, store = self._begin_update(function, key)
        if store is None:
            return self._update_locally(call, name)
        return self._updated(call, update_stored(store, self.runtime.flow, self._update_key(name), call))

    async def async_update_flow_state(self, function: Callable[[Any], Any], key: str | None = None) -> Any:
        """Do what `update_flow_state` does, in a coroutine."""
        call, name, store = self._begin_update(function, key)
        if store is None:
            return self._update_locally(call, name)
        return self._updated(call, await async_update_stored(store, self.runtime.flow, self._update_key(name), call))

    def _begin_update(
        self, function: Callable[[Any], Any], key: str | None
    ) -> tuple[UpdateCall, str, FlowStateStore | None]:
        self.require_open("update_flow_state")
        runtime = self.runtime
        if self.calls is None:
            self.calls = {}
        written, ended = self._pending_writes()
        call = UpdateCall(
            runtime.flow,
            function,
            step=self,
            written=written,
            ended=ended,
            listened=runtime.plan.flow_state_paths,
        )
        return call, call_name(function, self.attempt, self.calls, key), runtime.flow_state_store

    def _pending_writes(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what this step and the ended ones have written and no save has stored yet; and that of the ended."""
        ended, flow = self.runtime.ended_writes, self.runtime.flow
        if ended is None:
            return {}, {}
        with flow.lock:
            layer = flow.require_flow_state()
            mine = {} if self.writes is None else copies_of(layer, list(self.writes.pending(layer)))
            return {**ended.values, **mine}, dict(ended.values)

    def _update_key(self, name: str) -> UpdateKey:
        return UpdateKey(self.runtime.id, self.runtime.key(self.token), name, self._holder())

    def _holder(self) -> str | None:
        checkpoints = self.runtime.root().checkpoints
        return None if checkpoints is None else checkpoints.holder

    def key_in(self, store: FlowStateStore, flow: str, function: Callable[..., Any]) -> UpdateKey | None:
        """Return the key of an update of another flow's flow_state; None where the step's keys are in no such store."""
        root = self.runtime.root()
        if self.revoked or root.flow_state_store is not store:
            return None
        if self.calls is None:
            self.calls = {}
        name = call_name(function, self.attempt, self.calls, flow=flow)
        return UpdateKey(root.id, self.runtime.key(self.token), name, self._holder())

    def _update_locally(self, call: UpdateCall, name: str) -> Any:
        """Update the flow_state of this process; a step that is taken again gets what it got the first time."""
        run, flow = self.runtime.run, self.runtime.flow
        if run.updates is None:
            run.updates = {}
        known: dict[str, Kept] = run.updates.setdefault(self.token, {})
        if name not in known:
            update_locally(flow, call)
            if flow.shares:
                flow.keep_unstored(call.changed)
            known[name] = call.kept()
        return self._fired(known[name])

    def _updated(self, call: UpdateCall, stored: bytes) -> Any:
        """Show what an update has stored, together with the writes of this step that it has stored."""
        flow, ended = self.runtime.flow, self.runtime.ended_writes
        if call.new is not None and ended is not None:
            with flow.lock:
                ended.stored(call.ended)
                if self.writes is not None:
                    self.writes.stored(flow.require_flow_state(), call.written)
                flow.show_flow_state(call.new)
        return self._fired(call.kept_in(stored))

    def _fired(self, kept: Kept) -> Any:
        """Queue the listeners of what an update has changed; returns a copy of what it returned."""
        failpoints.at("flow_state.updated")
        for name in kept.fired:
            value = layer_fields(type(kept.flow_state))[name].read(kept.flow_state)
            self.signal(Signal("flow_state", name, value))
        return copy.deepcopy(kept.value)

    # -- what the layers report

    def wrote(self, layer: Any, path: str, value: object, *, emit: bool = True, appended: bool = False) -> None:
        """Queue the listeners of a path that was written in this execution's layers."""
        runtime = self.runtime
        if layer is runtime.state:
            if appended and type(value) is list and "." not in path:
                runtime.note_appended(path)
            elif type(value) not in FLAT:
                runtime.note_written(path.partition(".")[0])
            elif runtime.changed is not None:
                runtime.changed[path.partition(".")[0]] = True
            if emit and path in runtime.plan.state_paths:
                self.signal(Signal("state", path, value))
        elif layer is runtime.flow.flow_state:
            if emit and path in runtime.plan.flow_state_paths:
                self.signal(Signal("flow_state", path, value))
            if runtime.flow.shares and not self.is_updating:
                self._noted().write(path.partition(".")[0])
        elif type(value) not in FLAT:
            outside.note_read()

    def read_container(self, layer: Any, field: str) -> None:
        """Remember a field whose value the handler may change in place."""
        is_state = layer is self.runtime.state
        if is_state or layer is self.runtime.flow.flow_state:
            if is_state and self.revoked and not self.in_thread:
                self.runtime.note_written(field)
                return
            if self.containers is None:
                self.containers = {}
            if is_state:
                if (True, field) not in self.containers:
                    self.runtime.lend(self, self.containers)
            elif self.runtime.flow.shares and not self.is_updating and not self.revoked:
                self._noted().read_container(layer, field)
            self.containers[is_state, field] = None
        else:
            outside.note_read()

    def _noted(self) -> StepWrites:
        """Return where plain writes to a shared flow_state are noted."""
        if self.writes is None:
            self.writes = StepWrites()
            if self.runtime.ended_writes is not None:
                with self.runtime.flow.lock:
                    self.runtime.flow.pending.add(self.writes)
        return self.writes

    def _take_over(self, containers: dict[tuple[bool, str], None] | None) -> None:
        """Recheck, at the end of this attempt, also the containers of the attempt before it."""
        self.containers = containers
        if containers is not None:
            self.runtime.lend(self, containers)
