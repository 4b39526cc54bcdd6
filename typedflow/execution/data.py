"""`Data`: what a handler is given. One object for one attempt of one step, over when the attempt is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Never, NoReturn, final

from typing_extensions import TypeVar, deprecated

from typedflow.engine.tokens import UNSET, Interrupt
from typedflow.errors import ContractError
from typedflow.execution.deadlines import check_default, moment_of
from typedflow.execution.members import HasFlowState, HasResources, HasState, TakesResult, TakesStream
from typedflow.execution.pauses import PauseSignal, check_pause, with_own_payload
from typedflow.execution.resources import key_of
from typedflow.execution.signatures import plainly_signed
from typedflow.execution.transaction import StepTransaction
from typedflow.rules.schema import undeclared_layer_problem
from typedflow.schema.layers import Layer
from typedflow.stores.clock import current_clock

C = TypeVar("C", covariant=True)
V = TypeVar("V", covariant=True)
S = TypeVar("S")
T = TypeVar("T")


@final
@plainly_signed
class Data(Generic[C, V]):
    """What a handler gets: its value, the three layers of its contract, and the ways to act on the run.

    `C` is the contract, or a protocol of the parts a handler needs; `V` is the type of the value. It is valid until the
    handler returns: afterwards `emit`, `set_result` and writes to the layers raise `FinishedError`, because the step's
    transaction is closed; tasks and threads that the handler has left behind may still read. Values are not copied
    between steps: do not change `value` in place.

    >>> def shout(data: Data[Review, Request]) -> str:
    ...     data.state.request = data.value
    ...     return f"{data.step} of {data.execution_id}: {data.value.topic.upper()}"
    >>> shout(make_data(Review, Request("birds"), step="shout"))
    'shout of test: BIRDS'
    """

    __slots__ = ("_step", "_value", "attempt")
    __typedflow_data__: ClassVar[bool] = True

    attempt: int
    """Which attempt of the step this is; 1 is the first. A retry of a failed execution continues the count."""

    if TYPE_CHECKING:
        _step: StepTransaction
        _value: Any

        def __init__(self, made_by_a_flow: Never, /) -> None: ...

    # -- the value and the layers

    @property
    def value(self) -> V:
        """Return what the step before returned; the input in the first step, the payload behind an event."""
        return self._value  # type: ignore[no-any-return]  # checked when it was made

    @property
    def state(self: Data[HasState[S], Any]) -> S:
        """Return the state of this execution; saved and restored with it."""
        if self._step.revoked:
            self._step.require_context("state")
        state = self._step.runtime.state
        return self._step.runtime.require_state() if state is None else state  # type: ignore[return-value]  # of the contract

    @property
    def flow_state(self: Data[HasFlowState[S], Any]) -> S:
        """Return the state that all executions of the flow share; `update_flow_state` changes it atomically.

        With a store that shares it, plain writes are stored field by field with the next save, as the fields are when
        the step ends; the last save of a field wins.
        """
        if self._step.revoked:
            self._step.require_context("flow_state")
        state = self._step.runtime.flow.flow_state
        return self._step.runtime.flow.require_flow_state() if state is None else state  # type: ignore[return-value]  # same

    @property
    def resources(self: Data[HasResources[S], Any]) -> S:
        """Return the injected resources, read-only, as they are now."""
        if self._step.runtime.plan.spec.resources is None:
            spec = self._step.runtime.plan.spec
            raise ContractError(undeclared_layer_problem(spec.name, "resources", spec.declared).at(self._step.name))
        return self._step.runtime.resources.view()  # type: ignore[return-value]  # an instance of the declared class

    def update_flow_state(self: Data[HasFlowState[S], Any], change: Callable[[S], T], *, key: str | None = None) -> T:
        """Change the flow_state atomically: `change` gets it, changes it in place, and what it returns is returned.

        It is called once, at once, in this context: with a store that shares the flow_state on the stored value, in a
        transaction that holds its lock, after the plain writes of this step. If it raises, nothing has changed. What it
        returns is plain JSON data, of which the caller gets a copy. The update stands, also if the step fails.

        A step that runs again after a crash does not count again: `change` is not called, and the value is the one that
        was returned the first time. An update is known by the attempt, the qualified name of `change`, and how often
        the attempt has called that before; in tasks that run in no fixed order give each a `key` of its own, which is
        the same in all attempts. With a store a call blocks for a commit, and while others hold the lock, for 5 seconds
        at the most; then it is a `StoreError`, and nothing has changed. `async_update_flow_state` does not block.

        >>> def count(counters: Counters) -> int:
        ...     counters.reviews += 1
        ...     return counters.reviews
        >>> make_data(Review, "birds").update_flow_state(count)
        1
        """
        return self._step.update_flow_state(change, key)  # type: ignore[no-any-return]  # what `change` returns

    async def async_update_flow_state(
        self: Data[HasFlowState[S], Any], change: Callable[[S], T], *, key: str | None = None
    ) -> T:
        """Do what `update_flow_state` does, and wait for the store without blocking the loop.

        `change` is a plain function here too. A store may have only this form.
        """
        return await self._step.async_update_flow_state(change, key)  # type: ignore[no-any-return]  # as above

    # -- resources by key

    def get_resource(self, key: str, default: Any = None) -> Any:
        """Return a resource, `default` where it is absent or None. A key that is not declared is a `ResourceError`."""
        return self._step.runtime.resources.get(key, default)

    def require_resource(self, key: str) -> Any:
        """Return a resource; one that is absent or None is a `ResourceError` that lists what there is."""
        return self._step.runtime.resources.require(key)

    def require(self: Data[HasResources[S], Any], pick: Callable[[S], T | None], /) -> T:
        """Return the resource that `pick` names, as `require_resource` does: `data.require(lambda r: r.browser)`.

        Every type checker knows its type, without None. `pick` is called with a stand-in, not with the resources: it
        returns one of their attributes, and does nothing else.

        >>> data = make_data(Review, "birds", resources=tools)
        >>> data.require(lambda resources: resources.library)["birds"]
        ['Sibley', 'Svensson']
        """
        return self._step.runtime.resources.require(key_of(pick))  # type: ignore[no-any-return]  # checked at injection

    def set_resource(self, key: str, value: Any) -> None:
        """Set a resource for the rest of this execution; the flow's default stays. Never saved."""
        self._step.require_open("set_resource")
        self._step.runtime.resources.set_in_run(key, value)

    def del_resource(self, key: str) -> None:
        """Uncover the flow's default; once more changes nothing."""
        self._step.require_open("del_resource")
        self._step.runtime.del_resource(key)

    # -- acting on the run

    def emit(self, event: str, payload: Any = None) -> None:
        """Queue an event: its listeners start when this step ends, together with its output; never if it fails.

        >>> data = make_data(Review, Request("birds"), resources=tools)
        >>> search(data)
        ['Sibley', 'Svensson']
        >>> emitted(data)
        [('found', 2)]
        """
        self._step.require_open("emit")
        self._step.signal(self._step.runtime.event(event, payload))

    def put(self: Data[TakesStream[S], Any], item: S) -> None:
        """Send an item to the stream at once; dropped if there is no reader.

        >>> def write(data: Data[Review, str]) -> None:
        ...     for word in data.value.split():
        ...         data.put(word)
        >>> data = make_data(Review, "two words")
        >>> write(data)
        >>> streamed(data)
        ['two', 'words']
        """
        self._step.require_open("put")
        self._step.runtime.put(item)

    def set_result(self: Data[TakesResult[S], Any], value: S) -> None:
        """Set the result of the execution when this step ends; the first result wins, and nothing is cancelled."""
        self._step.require_open("set_result")
        value = self._step.runtime.result(value)
        if self._step.result is UNSET:
            self._step.result = value

    def pause_for(
        self,
        payload: Any = None,
        *,
        type: str = "pause",
        resume_event: str | None = None,
        interrupt_id: str | None = None,
        deadline: timedelta | datetime | None = None,
        default: Any = UNSET,
    ) -> NoReturn:
        """Stop this step, and with it its own branch, until `execution.async_continue_with(id, value)` answers.

        `payload` is what is asked: JSON-typed, saved with the execution. Without `resume_event` the answer becomes the
        output of this step, so it has to fit its return type; with it the branch ends here and the answer is emitted as
        that event. `interrupt_id` is unique among those that are pending; by default it is derived from `key`, and used
        once. Never returns: what stands behind it is not run. Emits of the step so far stand.

        From `deadline` on (a time from now, or a datetime with a time zone) no answer is taken, and `default` is the
        answer; without it the step fails with TimeoutError. That happens in the next call that runs the execution,
        never before the deadline and never by opening it: see `Execution.async_settle`.

        >>> def ask(data: Data[Review, list[str]]) -> str:
        ...     return data.pause_for(data.value, deadline=timedelta(days=3), default="none of them")
        >>> asking = Flow(Review)
        >>> asking.to(search).to(ask).end()
        >>> run_flow(asking, Request("birds"), answers={"ask": "Sibley"}, resources=tools)
        'Sibley'
        >>> run_flow(asking, Request("birds"), resources=tools)
        'none of them'
        """
        self._step.require_open("pause_for")
        if resume_event is not None:
            self._step.runtime.require_event(resume_event)
        if interrupt_id is None:
            interrupt_id = self._step.runtime.interrupt_id(self._step.token)
        until = None if deadline is None else moment_of(deadline)
        interrupt = Interrupt(
            interrupt_id,
            type,
            payload,
            resume_event,
            self._step.node.name,
            key=self.key,
            since=current_clock.get().now(),
            within=self._step.runtime.within(),
            deadline=until,
        )
        check_pause(self._step.node, interrupt, self._step.runtime)
        raise PauseSignal(with_own_payload(interrupt), check_default(self._step, interrupt, default))

    # -- identity

    @property
    def key(self) -> str:
        """Return the idempotency key of this step, for side effects: execution id, step and cause.

        The same cause has the same key, over retries, kills, loads and any order in which concurrent branches finish:
        the item of a for_each, the signal that fired a listener, the contributors of a join. No two steps of an
        execution have the same key. Its length does not grow with the run: id, step's name and at most 22 characters.
        """
        return self._step.runtime.key(self._step.token)

    @property
    def execution_id(self) -> str:
        """Return the id of the execution."""
        return self._step.runtime.id

    @property
    def step(self) -> str:
        """Return the name of the step's node."""
        return self._step.node.name

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
        if self._step.revoked:
            self._step.require_context(name)
        return self._step.runtime.require_state() if name == "state" else self._step.runtime.flow.require_flow_state()


def transaction_of(data: Data[Any, Any]) -> StepTransaction:
    """Return the transaction behind a `Data`, for what tests ask of a handler that they have called."""
    return data._step  # noqa: SLF001  # the one way behind the facade


def data_of(step: StepTransaction, value: Any, attempt: int = 1) -> Data[Any, Any]:
    """Return the Data of one attempt. Users do not make one: so it has no `__init__` that `help` would show."""
    made: Data[Any, Any] = object.__new__(Data)
    made._step = step  # noqa: SLF001  # in the place of an __init__
    made._value = value  # noqa: SLF001  # in the place of an __init__
    made.attempt = attempt
    return made
