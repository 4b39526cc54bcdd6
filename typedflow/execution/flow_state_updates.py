"""One call of `update_flow_state`: its function is called once, on the current value, in the caller's context.

The same call works on the flow_state of this process and on a stored one; the store decides when it is called.
"""

from __future__ import annotations

import contextvars
import functools
import hashlib
import json
import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Protocol

from msgspec.structs import force_setattr

from typedflow.errors import ContractError, StoreError
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.execution.pauses import find_non_json
from typedflow.execution.pending_writes import changed_fields
from typedflow.rules import executions, stores
from typedflow.rules.concealment import concealing
from typedflow.rules.options import KEY, check_name, check_option
from typedflow.rules.wording import describe
from typedflow.schema.callables import deferral_of, discard, is_deferred
from typedflow.schema.concurrent_changes import read_again_if_changed
from typedflow.schema.copies import compile_copy
from typedflow.schema.layer_fields import require_fields
from typedflow.schema.layers import FlowState
from typedflow.schema.mismatch import render_path
from typedflow.snapshot.flow_states import Kept, decode_flow_state, decode_kept, encode_flow_state, encode_kept
from typedflow.stores.flow_state_sharing import FlowStateStore, FlowStateUpdate, UpdateKey

LONGEST_CALL: Final = 300
"""Characters of a key within its step; a longer one is kept as a hash."""


class _Running(threading.local):
    """Mark the threads that run the function of an update."""

    update = False


_running: Final = _Running()


class Updating(Protocol):
    """What an update asks of the step that makes it."""

    is_updating: bool
    """Whether the function is running: what it writes to the flow_state outside of its argument does not count."""

    def key_in(self, store: FlowStateStore, flow: str, function: Callable[..., Any]) -> UpdateKey | None:
        """Return the key of an update of another flow's flow_state; None where the step's keys are in no such store."""
        ...


class UpdateCall:
    """Call the function of one update, and hold what came of it."""

    __slots__ = ("_flow", "_function", "_listened", "_step", "called", "changed", "ended", "new", "returned", "written")

    def __init__(
        self,
        flow: FlowRuntime,
        function: Callable[[Any], Any],
        *,
        step: Updating | None = None,
        written: Mapping[str, Any] | None = None,
        ended: Mapping[str, Any] | None = None,
        listened: Collection[str] = (),
    ) -> None:
        """Refuse what is no plain function, and a call inside another one.

        `written` are the pending writes of the caller: they come first; `ended` are those of ended steps among them,
        with those that the caller has written over since. Inside of a step the returned value has to be
        plain JSON data.
        """
        flow.require_flow_state()
        if _running.update:
            raise ContractError(executions.nested_update_problem().at(f"flow '{flow.name}'"))
        if not callable(function) or deferral_of(function):
            raise _not_plain(flow, deferral_of(function) or describe(function))
        self._flow = flow
        self._function = function
        self._step = step
        self._listened = listened
        self.written = written or {}
        self.ended = ended or {}
        self.called = False
        self.returned: Any = None
        self.changed: list[str] = []
        """The fields that the function has changed."""
        self.new: FlowState | None = None
        """The whole flow_state afterwards, a copy of the function's."""

    def apply(self, current: FlowState) -> FlowState:
        """Call the function on a copy of the value, and check it; raises whatever the function raises."""
        cls = type(current)
        if self.called:
            problem = stores.failed_problem("update the flow_state", "the store has called the change twice")
            raise StoreError(problem.at(f"flow '{self._flow.name}'"))
        self.called = True
        copied = compile_copy(cls)
        draft: FlowState = read_again_if_changed(copied, current)  # a thread may be changing it
        with concealing(self._flow.resources.in_use):
            returned = self._call(draft)
            if is_deferred(returned):
                discard(returned)
                raise _not_plain(self._flow, f"one that returned {describe(returned)}")
            require_fields(draft, cls.__struct_fields__)
            self.returned = self._plain(returned) if self._step is not None else returned
        self.new = copied(draft)
        self.changed = changed_fields(draft, current)
        return draft

    def _call(self, draft: FlowState) -> Any:
        _running.update = True
        if self._step is not None:
            self._step.is_updating = True
        try:
            return self._function(draft)
        finally:
            _running.update = False
            if self._step is not None:
                self._step.is_updating = False

    def apply_to_stored(self, stored: bytes | None) -> FlowStateUpdate:
        """Do what `apply` does, on what a store has: this is the change that a store is given."""
        spec = self._flow.kept_by
        value = self._flow.first_flow_state() if stored is None else decode_flow_state(stored, spec)
        for field, written in self.written.items():
            force_setattr(value, field, written)
        draft = self.apply(value)
        data = encode_flow_state(draft, spec)
        return FlowStateUpdate(data, encode_kept(self.kept(), spec).encode())

    def kept(self) -> Kept:
        """Return what is kept of the update until its step ends."""
        value = self.returned if self._step is not None else None
        fired = tuple(name for name in self.changed if name in self._listened)
        return Kept(value, fired, self.new if fired else None)

    def kept_in(self, stored: bytes) -> Kept:
        """Return what a store has kept of the update, or of an earlier one with its key."""
        return self.kept() if self.called else decode_kept(stored, self._flow.kept_by, "the value of an update")

    def _plain(self, returned: Any) -> Any:
        """Return a copy of what the function returned, which has to be plain JSON data."""
        fault = find_non_json(returned)
        if fault is not None:
            problem = executions.update_not_json_problem(render_path(fault[0]), describe(fault[1]))
            raise ContractError(problem.at(f"flow '{self._flow.name}'"))
        return json.loads(json.dumps(returned))


def call_name(
    function: Callable[..., Any], attempt: int, counts: dict[str, int], key: str | None = None, flow: str = ""
) -> str:
    """Return the name of an update within its step; `counts` are the calls of this attempt by function.

    With `key` it is the same in every attempt. `flow` is that of the flow_state, where it is not the step's own.
    """
    if key is not None:
        problem = check_name(KEY, key) if key else check_option(KEY, key)
        if problem is not None:
            raise ContractError(problem)
        name = f"key {key}"
    else:
        function_name = f"{flow} {qualified_name(function)}" if flow else qualified_name(function)
        counts[function_name] = ordinal = counts.get(function_name, 0) + 1
        name = f"{attempt} {function_name} {ordinal}"
    return name if len(name) <= LONGEST_CALL else hashlib.sha256(name.encode()).hexdigest()


def qualified_name(function: Any) -> str:
    """Return the qualified name of a function; of a partial that of its function, of an object that of its class."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__qualname__", None)
    return name if isinstance(name, str) else type(function).__qualname__


def update_locally(flow: FlowRuntime, call: UpdateCall) -> None:
    """Apply an update to the flow_state of this process."""
    with flow.lock:
        call.apply(flow.require_flow_state())
        assert call.new is not None
        flow.show_flow_state(call.new)


def update_stored(store: FlowStateStore, flow: FlowRuntime, key: UpdateKey | None, call: UpdateCall) -> bytes:
    """Apply an update to what a store has, in a plain call."""
    update = getattr(store, "update_flow_state_sync", None)
    if update is None:
        raise ContractError(executions.awaited_update_problem(type(store).__name__).at(f"flow '{flow.name}'"))
    stored: bytes = update(flow.name, key, call.apply_to_stored)
    return stored


async def async_update_stored(
    store: FlowStateStore, flow: FlowRuntime, key: UpdateKey | None, call: UpdateCall
) -> bytes:
    """Apply an update to what a store has; the function is called in the caller's context, in whatever thread."""
    context = contextvars.copy_context()
    return await store.update_flow_state(flow.name, key, lambda stored: context.run(call.apply_to_stored, stored))


def update_outside(flow: FlowRuntime, function: Callable[[Any], Any], store: Any, step: Updating | None) -> Any:
    """Update a flow_state that is not the running step's, in the given store, or in the one that the flow has run with.

    The step of another flow makes it once, if its execution is saved in that store.
    """
    chosen, key, call = _outside(flow, function, store, step)
    if chosen is None:
        update_locally(flow, call)
        return call.returned
    return _value(flow, call, update_stored(chosen, flow, key, call))


async def async_update_outside(
    flow: FlowRuntime, function: Callable[[Any], Any], store: Any, step: Updating | None
) -> Any:
    """Do what `update_outside` does, in a coroutine."""
    chosen, key, call = _outside(flow, function, store, step)
    if chosen is None:
        update_locally(flow, call)
        return call.returned
    return _value(flow, call, await async_update_stored(chosen, flow, key, call))


def _outside(
    flow: FlowRuntime, function: Callable[[Any], Any], store: Any, step: Updating | None
) -> tuple[FlowStateStore | None, UpdateKey | None, UpdateCall]:
    """Return the store of an update, the key under which it is made once, and the call."""
    chosen = flow.choose_store(store)
    key = None if chosen is None or step is None else step.key_in(chosen, flow.name, function)
    return chosen, key, UpdateCall(flow, function, step=None if key is None else step)


def _value(flow: FlowRuntime, call: UpdateCall, stored: bytes) -> Any:
    """Show what an update has stored; returns its value."""
    if call.new is None:
        return call.kept_in(stored).value
    flow.has_stored = True
    flow.show_flow_state(call.new)
    return call.returned


def _not_plain(flow: FlowRuntime, given: str) -> ContractError:
    problem = executions.not_plain_problem("update_flow_state", given)
    return ContractError(problem.at(f"flow '{flow.name}'"))
