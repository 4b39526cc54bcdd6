"""`Flow`: a contract, the chains that fulfil it, and what its executions share."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Literal, Never, TypeAlias, final, overload

from typing_extensions import TypeVar

from typedflow.api.awaited import Later
from typedflow.api.blocks import AllHits, Case, Each, FirstHit
from typedflow.api.blueprint import (
    Blueprint,
    Capture,
    Child,
    WriteBack,
    WritesFields,
    WritesLayers,
    WritesResult,
    require_handler,
    runtime_of,
)
from typedflow.api.configs import export_flow, import_flow
from typedflow.api.execution import Execution, execution_of, overrides
from typedflow.api.process import Batch, Match, Process, batch_of, match_of, options_of, process_at
from typedflow.api.schemas import answer_schema
from typedflow.config.diagrams import compose_dot, compose_mermaid
from typedflow.config.documents import Config, Form
from typedflow.definition.blocks import Cursor
from typedflow.definition.builder import Builder
from typedflow.definition.failed import Failed
from typedflow.definition.names import name_of
from typedflow.definition.nodes import Port, Retry
from typedflow.definition.origins import definition_error
from typedflow.definition.reading import check_annotations
from typedflow.durability.opening import become, keep, kept_of, load_stored, read_stored, require_fork, require_open
from typedflow.durability.options import require_options
from typedflow.engine.status import Status
from typedflow.engine.tokens import Interrupt
from typedflow.errors import ContractError, ExecutionPaused
from typedflow.execution.data import Data
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.execution.flow_state_updates import async_update_outside, update_outside
from typedflow.execution.members import GivesResult, HasFlowState, HasInput, TakesIO
from typedflow.execution.observing import Observer, Observers
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.execution.signatures import plainly_signed
from typedflow.execution.transaction import StepTransaction
from typedflow.rules import executions, flows
from typedflow.rules.concealment import concealing
from typedflow.rules.options import MAX_DEPTH, Checkpoint, CollectMode, MatchMode, WhenMode, check_option, within_reach
from typedflow.rules.wording import quoted
from typedflow.schema.callables import deferral_of
from typedflow.schema.contracts import check_migrations, spec_of
from typedflow.schema.layers import Resources, State
from typedflow.schema.writing import current_step
from typedflow.stores.clock import current_clock
from typedflow.stores.loops import run_sync
from typedflow.stores.protocol import SnapshotStore
from typedflow.stores.records import PendingInterrupt

C = TypeVar("C", covariant=True)
S = TypeVar("S")
T = TypeVar("T")
W = TypeVar("W")
X = TypeVar("X")
Fn = TypeVar("Fn", bound=Callable[..., Any])

Handlers: TypeAlias = Mapping[str, object]
"""Functions by the names that a config knows them by: what `Flow.from_config` takes."""


@final
@plainly_signed
class Flow(Blueprint[C]):
    """A flow of one contract: put together once, then run any number of times.

    `name` is what messages and snapshots call it, the contract's name by default. `max_depth` bounds how deep child
    flows may nest below it. The first execution freezes it: wiring afterwards is a `ContractError`. Its flow_state and
    its resource defaults are shared by its executions, and by no other flow of the same contract.

    `previous` are earlier definitions of the flow, under its name, and with them theirs. An execution that one of them
    has saved (it is known by the fingerprint of its plan) goes on with it until it ends, as a child execution too;
    new ones start on this one. An execution whose plan none of them has is read by this one, by the rules of a changed
    flow. All share the flow_state where its class is the same, and the resource defaults that they declare alike; what
    is given with a load goes to those that declare it. An earlier definition can be dropped when no store has an open
    execution of it any more. It is frozen when this one is; one of another contract does not count for children.

    >>> counting = Flow(Count)
    >>> counting.for_each().to(length).end_for_each().to(total).end()
    >>> counting.start(["a", "bb"])
    3
    """

    __slots__ = ()

    def __init__(
        self,
        contract: type[C],
        *,
        name: str | None = None,
        max_depth: int = 64,
        previous: tuple[Flow[Any], ...] = (),
    ) -> None:
        spec = spec_of(contract)
        problems = check_migrations(spec.cls)
        if problems:
            raise definition_error(*problems)
        problem = check_option(MAX_DEPTH, max_depth)
        if problem is not None:
            raise definition_error(problem.at(f"flow of contract '{spec.name}'"))
        if type(previous) is not tuple or not all(isinstance(each, Flow) for each in previous):
            raise definition_error(flows.wrong_previous_problem(previous).at(f"flow of contract '{spec.name}'"))
        runtime = FlowRuntime(spec.name if name is None else name, spec, max_depth)
        runtime.continue_previous(runtime_of(each) for each in previous)
        super().__init__(runtime)

    def __repr__(self) -> str:
        return f"<Flow {quoted(self.name)} of contract {self._runtime.spec.name}: {self._builder.summary()}>"

    @property
    def name(self) -> str:
        """Return the name of the flow, as messages and snapshots have it."""
        return self._runtime.name

    @property
    def _at(self) -> Cursor:
        return Cursor(Port(0))

    @property
    def _builder(self) -> Builder:
        return self._runtime.builder

    # -- wiring

    @overload
    def to(
        self: Flow[HasInput[T]],
        handler: Callable[[Data[C, T]], Coroutine[Any, Any, W]],
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
    ) -> Process[C, W]: ...
    @overload
    def to(
        self: Flow[HasInput[T]],
        handler: Callable[[Data[C, T]], Later[W]],
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Process[C, W]: ...
    @overload
    def to(
        self: Flow[HasInput[T]],
        handler: Callable[[Data[C, T]], W],
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Process[C, W]: ...
    @overload
    def to(
        self: Flow[HasInput[T]],
        handler: Callable[[Data[C, T]], Coroutine[Any, Any, W]],
        *,
        on_error: Callable[[Data[C, Failed[T]]], Coroutine[Any, Any, X]],
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
    ) -> Process[C, W | X]: ...
    @overload
    def to(
        self: Flow[HasInput[T]],
        handler: Callable[[Data[C, T]], Coroutine[Any, Any, W]],
        *,
        on_error: Callable[[Data[C, Failed[T]]], X],
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
    ) -> Process[C, W | X]: ...
    @overload
    def to(
        self: Flow[HasInput[T]],
        handler: Callable[[Data[C, T]], W],
        *,
        on_error: Callable[[Data[C, Failed[T]]], Coroutine[Any, Any, X]],
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Process[C, W | X]: ...
    @overload
    def to(
        self: Flow[HasInput[T]],
        handler: Callable[[Data[C, T]], W],
        *,
        on_error: Callable[[Data[C, Failed[T]]], X],
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Process[C, W | X]: ...
    @overload
    def to(
        self: Flow[HasInput[T]],
        handler: str,
        *,
        on_error: Callable[[Data[C, Failed[T]]], object] | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Process[C, Any]: ...
    def to(
        self,
        handler: Any,
        *,
        on_error: Any = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Any:
        """Add a step that gets the input; see `Process.to`."""
        require_handler(handler)
        options, frame = options_of(retry, timeout, thread), sys._getframe(1)
        return process_at(
            self._builder, self._builder.step(self._at, handler, frame, name, options, formerly, on_error)
        )

    def side_branch(
        self: Flow[HasInput[T]],
        handler: Callable[[Data[C, T]], object] | str,
        *,
        on_error: Callable[[Data[C, Failed[T]]], object] | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Process[C, T]:
        """Add a step beside the chain that the input starts; see `Process.side_branch`."""
        require_handler(handler)
        options, frame = options_of(retry, timeout, thread), sys._getframe(1)
        self._builder.step(self._at, handler, frame, name, options, formerly, on_error)
        return process_at(self._builder, self._at)

    def batch(
        self: Flow[HasInput[T]],
        *,
        concurrency: int | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Batch[C, T, None]:
        """Open a batch whose branches get the input; see `Process.batch`."""
        return batch_of(self._builder, self._builder.open_batch(self._at, concurrency, name, formerly))

    @overload
    def for_each(
        self: Flow[HasInput[Sequence[T]]],
        *,
        on_error: Literal["collect"],
        concurrency: int | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, T, Each[Failed[T], None]]: ...
    @overload
    def for_each(
        self: Flow[HasInput[Sequence[T]]],
        *,
        on_error: Literal["fail"] = ...,
        concurrency: int | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, T, Each[Never, None]]: ...
    def for_each(
        self,
        *,
        on_error: Any = "fail",
        concurrency: int | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Any:
        """Open a for_each over the input; see `Process.for_each`."""
        return process_at(self._builder, self._builder.open_each(self._at, concurrency, name, formerly, on_error))

    @overload
    def match(
        self: Flow[HasInput[T]], *, mode: Literal["hit_all"], name: str | None = ..., formerly: tuple[str, ...] = ...
    ) -> Match[AllHits, C, T, None]: ...
    @overload
    def match(
        self: Flow[HasInput[T]],
        *,
        mode: Literal["hit_first"] = ...,
        name: str | None = ...,
        formerly: tuple[str, ...] = ...,
    ) -> Match[FirstHit, C, T, None]: ...
    def match(self, *, mode: MatchMode = "hit_first", name: str | None = None, formerly: tuple[str, ...] = ()) -> Any:
        """Open a match on the input; see `Process.match`."""
        return match_of(self._builder, self._builder.open_match(self._at, mode, name=name, formerly=formerly))

    def if_condition(
        self: Flow[HasInput[T]],
        condition: Callable[[Data[C, T]], object],
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, T, Case[FirstHit, T, Never, Never, None]]:
        """Open an if on the input; see `Process.if_condition`."""
        block = self._builder.open_match(self._at, "hit_first", "if", name, formerly)
        return process_at(self._builder, self._builder.case(block, condition, sys._getframe(1)))

    def collect(
        self,
        name: str,
        branch: str,
        *,
        mode: CollectMode = "filled_then_empty",
        formerly: tuple[str, ...] = (),
        branch_formerly: tuple[str, ...] = (),
    ) -> Process[C, dict[str, Any]]:
        """Pass the input to a collect; see `Process.collect`."""
        return process_at(self._builder, self._builder.collect(self._at, name, branch, mode, formerly, branch_formerly))

    @overload
    def to_sub_flow(
        self: Flow[HasInput[T]],
        child: Child[T, S],
        *,
        write_back: WritesResult = ...,
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, S]: ...
    @overload
    def to_sub_flow(
        self: Flow[HasInput[T]],
        child: Blueprint[GivesResult[S]],
        *,
        capture: Capture,
        write_back: WritesResult = ...,
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, S]: ...
    @overload
    def to_sub_flow(
        self: Flow[HasInput[T]],
        child: Child[T, Any],
        *,
        capture: None = None,
        write_back: WritesLayers | WritesFields,
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, T]: ...
    @overload
    def to_sub_flow(
        self: Flow[HasInput[T]],
        child: Blueprint[Any],
        *,
        capture: Capture,
        write_back: WritesLayers | WritesFields,
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, T]: ...
    @overload
    def to_sub_flow(
        self: Flow[HasInput[T]],
        child: Child[T, Any],
        *,
        capture: None = None,
        write_back: WriteBack,
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, Any]: ...
    @overload
    def to_sub_flow(
        self: Flow[HasInput[T]],
        child: Blueprint[Any],
        *,
        capture: Capture,
        write_back: WriteBack,
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, Any]: ...
    @overload
    def to_sub_flow(
        self: Flow[HasInput[T]],
        child: Child[T, S],
        *,
        write_back: WritesResult = ...,
        on_error: Callable[[Data[C, Failed[T]]], Coroutine[Any, Any, X]],
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, S | X]: ...
    @overload
    def to_sub_flow(
        self: Flow[HasInput[T]],
        child: Child[T, S],
        *,
        write_back: WritesResult = ...,
        on_error: Callable[[Data[C, Failed[T]]], X],
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, S | X]: ...
    @overload
    def to_sub_flow(
        self: Flow[HasInput[T]],
        child: Blueprint[GivesResult[S]],
        *,
        capture: Capture,
        write_back: WritesResult = ...,
        on_error: Callable[[Data[C, Failed[T]]], Coroutine[Any, Any, X]],
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, S | X]: ...
    @overload
    def to_sub_flow(
        self: Flow[HasInput[T]],
        child: Blueprint[GivesResult[S]],
        *,
        capture: Capture,
        write_back: WritesResult = ...,
        on_error: Callable[[Data[C, Failed[T]]], X],
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, S | X]: ...
    @overload
    def to_sub_flow(
        self: Flow[HasInput[T]],
        child: Blueprint[Any],
        *,
        capture: Capture | None = None,
        write_back: WritesLayers | WritesFields,
        on_error: Callable[[Data[C, Failed[T]]], Coroutine[Any, Any, X]],
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, T | X]: ...
    @overload
    def to_sub_flow(
        self: Flow[HasInput[T]],
        child: Blueprint[Any],
        *,
        capture: Capture | None = None,
        write_back: WritesLayers | WritesFields,
        on_error: Callable[[Data[C, Failed[T]]], X],
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, T | X]: ...
    @overload
    def to_sub_flow(
        self: Flow[HasInput[T]],
        child: Blueprint[Any],
        *,
        capture: Capture | None = None,
        write_back: WriteBack,
        on_error: Callable[[Data[C, Failed[T]]], object],
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, Any]: ...
    def to_sub_flow(
        self,
        child: Any,
        *,
        capture: Any = None,
        write_back: Any = None,
        on_error: Any = None,
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Any:
        """Run a child flow on the input; see `Process.to_sub_flow`."""
        at = self._builder.sub_flow(
            self._at,
            runtime_of(child),
            capture,
            write_back,
            name,
            formerly,
            on_error,
            sys._getframe(1),
            remote=remote,
        )
        return process_at(self._builder, at)

    def when(
        self,
        triggers: str | Sequence[str] | Mapping[str, str | Sequence[str]],
        *,
        mode: WhenMode | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, Any]:
        """Start a chain each time a trigger fires: an event, or a write to a path of the state or flow_state.

        `"approved"` is an event, and `["approved", "signed"]` are two; in `{"event": …, "state": "request.topic",
        "flow_state": …}` each value is a name or a list of names. The value of the chain depends on the mode: the
        payload or what was written (`simple_or`), `(kind, name, value)` (`or`), or `{"event": {…}, "state": {…}}` once
        all have fired (`and`). Without a mode the form decides: one name, alone or as the only entry of a mapping, is
        `simple_or`; a list, a tuple or a larger mapping is `and`, so that `["approved"]` is `and`. Each firing is on
        its own; a flow_state path fires only in the execution that wrote it.

        >>> flow.when({"state": "found"}).to(lambda data: None, name="noted")  # doctest: +ELLIPSIS
        <...>
        """
        return process_at(self._builder, self._builder.when(triggers, mode, name, formerly))

    def when_event(self, event: T, *, name: str | None = None, formerly: tuple[str, ...] = ()) -> Process[C, T]:
        """Start a chain each time an event fires, `when_event(ReviewEvents.approved)`; its value is the payload.

        It is `when("approved")` with a type that every checker knows: the event is an attribute of the Events class.

        >>> def note(data: Data[Review, int]) -> None:
        ...     print("found", data.value)
        >>> flow.when_event(Heard.found).to(note)  # doctest: +ELLIPSIS
        <...>
        >>> execution = flow.create_execution()
        >>> execution.start(Request("birds"))
        found 2
        <Status.WAITING: 'waiting'>
        """
        return process_at(self._builder, self._builder.when_event(event, self._runtime.spec, name, formerly))

    @overload
    def chunk(self, handler: Fn, /) -> Fn: ...
    @overload
    def chunk(self, name: str, /) -> Callable[[Fn], Fn]: ...
    def chunk(self, handler: Any, /) -> Any:
        """Register a handler under its name or the one given, for `to("name")`; gives the function itself.

        >>> counting = Flow(Count)
        >>> @counting.chunk
        ... def count(data: Data[Count, list[str]]) -> int:
        ...     return len(data.value)
        >>> counting.to("count").end()
        >>> counting.start(["a", "b"])
        2
        """
        if isinstance(handler, str):
            return lambda function: self._register(handler, function)
        return self._register(name_of(handler), handler)

    def _register(self, name: str, handler: Fn) -> Fn:
        self._builder.register(name, handler)
        return handler

    # -- checking

    def validate(self) -> None:
        """Check the whole flow; raises one `ContractError` with all problems. The first execution does it too.

        >>> wrong = Flow(Count)
        >>> wrong.to(total).end()
        >>> wrong.validate()
        Traceback (most recent call last):
        typedflow.errors.ContractError: TF701: flow 'Count': step 'total' takes list[int], and gets list[str] ...
        """
        self._runtime.check()

    # -- showing

    def to_mermaid(self, *, detailed: bool = False) -> str:
        """Return the flow as a Mermaid flowchart; raises what `validate` raises. The flow can still be extended.

        A detailed one names the type of the value on each edge, where it is known. A diagram simplifies; what
        `to_config` returns does not.

        >>> print(flow.to_mermaid().splitlines()[-1].strip())
        n2 --> n3
        """
        self.validate()
        definition, _ = check_annotations(self._runtime.builder.draft())
        return compose_mermaid(definition, self._runtime.spec, detailed=detailed)

    def to_dot(self, *, detailed: bool = False) -> str:
        """Return the flow as a graph in the DOT language of Graphviz; else as `to_mermaid`."""
        self.validate()
        definition, _ = check_annotations(self._runtime.builder.draft())
        return compose_dot(definition, self._runtime.spec, detailed=detailed)

    # -- as a document

    def to_config(self, format: Form = "json") -> str:
        """Return the flow as a document of names, in JSON or YAML; raises what `validate` raises.

        It holds no path to import and none of this machine, and two builds of one flow have equal texts. A handler or
        condition is called by the name of its chunk, else by its own; a lambda without one is a `ContractError`. YAML
        needs the extra `yaml`.

        >>> '"handler": "search"' in flow.to_config()
        True
        """
        self.validate()
        return export_flow(self._runtime, format)

    @staticmethod
    def from_config(
        config: Config,
        *,
        contract: type[T],
        handlers: Handlers | None = None,
        conditions: Handlers | None = None,
        flows: Mapping[str, Flow[Any]] | None = None,
        errors: Mapping[str, type[Exception]] | None = None,
    ) -> Flow[T]:
        """Make a flow of a document: text, bytes, a mapping or a `Path`, in JSON or YAML.

        Each name in it is looked up: handlers, conditions (and constants of cases that are no JSON), child flows,
        exception classes that a `Retry` names and that are not builtins. Entries that it does not name are ignored, so
        that `handlers=vars(module)` will do. Every handler is checked against its edge. Raises one `ContractError` with
        all problems.

        >>> handlers: Handlers = {"search": search, "choose": choose}
        >>> again = Flow.from_config(flow.to_config(), contract=Review, handlers=handlers)
        >>> again.to_config() == flow.to_config()
        True
        """
        spec = spec_of(contract)
        runtime = import_flow(
            config,
            spec,
            sys._getframe(1),
            handlers=handlers or {},
            conditions=conditions or {},
            flows=flows or {},
            errors=errors or {},
        )
        made: Flow[T] = Flow(contract, name=runtime.name, max_depth=runtime.max_depth)
        made._runtime = runtime
        return made

    # -- watching

    def observe(self, observer: Observer) -> None:
        """Call an observer with what happens in the executions that are made from now on, as frozen records.

        The records are in `typedflow.execution.observing`. An observer returns soon, as the execution waits for it. One
        that raises is logged once and dropped; it never fails the run. Child flows report to the observers of the
        execution that they are part of.

        >>> flow.observe(lambda record: print(type(record).__name__))
        >>> _ = flow.create_execution().start(Request("birds"))
        ExecutionStarted
        StepStarted
        StepEnded
        StepStarted
        StepPaused
        ExecutionEnded
        """
        self._runtime.observers.append(_observer(observer))

    # -- running

    def create_execution(
        self,
        *,
        state: State | Mapping[str, Any] | None = None,
        runtime_resources: Resources | Mapping[str, Any] | None = None,
        concurrency: int | None = None,
        execution_id: str | None = None,
        store: SnapshotStore | None = None,
        checkpoint: Checkpoint = "pause",
        history: bool | int = False,
        observers: Sequence[Observer] = (),
    ) -> Execution[C]:
        """Make an execution, ready to start; freezes the flow.

        `state` is checked and copied: a State, or a mapping of its fields; a required field that it lacks is an error
        of the start. `concurrency` bounds the handlers and conditions that run at once, in the whole execution. An
        `execution_id` matches `[A-Za-z0-9][A-Za-z0-9_.-]{0,127}`; by default it is random. With a `store` the
        execution is saved at the start, at each pause and at the end; with `checkpoint="step"` after each step
        as well. `history=True` has the store keep each save as a revision, `history=n` the newest n: see
        `store.history(id)`, `async_open(at=…)` and `async_fork`. `observers` get the records of this
        execution, after those of the flow; see `observe`.

        >>> execution = flow.create_execution(state={"found": ["Sibley"]}, execution_id="r-1")
        >>> execution
        <Execution 'r-1' of flow 'review': created>
        """
        problem = None if execution_id is None else executions.check_id(execution_id)
        if problem is not None:
            raise ContractError(problem)
        require_options(store, checkpoint, history)
        with concealing(lambda: (*self._runtime.resources.in_use(), *overrides(runtime_resources).values())):
            runtime = ExecutionRuntime(self._runtime, execution_id or os.urandom(16).hex(), state)
        _watch(runtime, observers)
        if runtime_resources is not None:
            runtime.resources.give(runtime_resources)
        if store is not None:
            keep(runtime, store, checkpoint, kept_of(history))
        return execution_of(runtime, concurrency)

    async def async_open(
        self,
        execution_id: str,
        *,
        store: SnapshotStore,
        at: int | None = None,
        runtime_resources: Resources | Mapping[str, Any] | None = None,
        concurrency: int | None = None,
        checkpoint: Checkpoint = "pause",
        observers: Sequence[Observer] = (),
    ) -> Execution[C]:
        """Load an execution from a store and keep saving it there; `SnapshotError` where the store has none of this id.

        Of several who open the same one, the first whose next save comes through goes on; the others are refused with a
        `ConflictError` before any handler runs. With `at`, the sequence of a revision (`store.history`), the execution
        is opened as it was then, to be read: whatever would go on from there is a `FinishedError`, and nothing of it
        is saved. Nothing runs and nothing is written by opening.

        >>> async def main() -> str:
        ...     async with MemoryStore() as store:
        ...         await flow.create_execution(store=store, execution_id="r-1").async_start(Request("birds"))
        ...         execution = await flow.async_open("r-1", store=store)
        ...         await execution.async_continue_with("choose", "Sibley")
        ...         return execution.result
        >>> asyncio.run(main())
        'Sibley'
        """
        require_open(store, execution_id, checkpoint, concurrency, at)
        stored = await read_stored(store, execution_id, at)
        runtime = ExecutionRuntime(self._runtime, execution_id)
        checkpoints = None if at is not None else keep(runtime, store, checkpoint, stored.history)
        runtime.past = at
        _watch(runtime, observers)
        execution: Execution[C] = execution_of(runtime, concurrency)
        load_stored(runtime, stored, runtime_resources, checkpoints)
        return execution

    async def async_fork(
        self,
        source: str,
        /,
        *,
        store: SnapshotStore,
        at: int | None = None,
        execution_id: str | None = None,
        history: bool | int | None = None,
        runtime_resources: Resources | Mapping[str, Any] | None = None,
        concurrency: int | None = None,
        checkpoint: Checkpoint = "pause",
    ) -> Execution[C]:
        """Continue from the newest save of an execution, or from a revision, as a new execution with an id of its own.

        The original is only read, and goes on unchanged in its process. The fork, whose steps have keys of their own,
        is stored before this returns; `ConflictError` where its id is in use. What was ready or running then is run by
        `async_retry`, what was asked can be answered in the fork too. `history` is that of the original by default. A
        flow_state that the store shares is not forked.

        >>> async def main() -> tuple[str, str]:
        ...     async with MemoryStore() as store:
        ...         first = flow.create_execution(store=store, execution_id="r-1")
        ...         await first.async_start(Request("birds"))
        ...         second = await flow.async_fork("r-1", store=store, execution_id="r-2")
        ...         await first.async_continue_with("choose", "Sibley")
        ...         await second.async_continue_with("choose", "Svensson")
        ...         return first.result, second.result
        >>> asyncio.run(main())
        ('Sibley', 'Svensson')
        """
        require_open(store, source, checkpoint, concurrency, at)
        new_id = os.urandom(16).hex() if execution_id is None else execution_id
        require_fork(store, new_id, checkpoint, history)
        stored = await read_stored(store, source, at)
        kept = stored.history if history is None else kept_of(history)
        runtime = ExecutionRuntime(self._runtime, source)
        execution: Execution[C] = execution_of(runtime, concurrency)
        load_stored(runtime, stored, runtime_resources)
        become(runtime, new_id)
        await keep(runtime, store, checkpoint, kept, (source, stored.sequence)).commit()
        return execution

    def open(
        self,
        execution_id: str,
        *,
        store: SnapshotStore,
        runtime_resources: Resources | Mapping[str, Any] | None = None,
        concurrency: int | None = None,
        checkpoint: Checkpoint = "pause",
        observers: Sequence[Observer] = (),
    ) -> Execution[C]:
        """Do what `async_open` does, in a loop of its own; refused inside a running loop."""
        return run_sync(
            lambda: self.async_open(
                execution_id,
                store=store,
                runtime_resources=runtime_resources,
                concurrency=concurrency,
                checkpoint=checkpoint,
                observers=observers,
            ),
            "flow.open",
        )

    async def async_start(
        self: Flow[TakesIO[T, S]],
        value: T,
        *,
        state: State | Mapping[str, Any] | None = None,
        runtime_resources: Resources | Mapping[str, Any] | None = None,
        concurrency: int | None = None,
        timeout: float | None = None,
    ) -> S:
        """Run a fresh execution to its result; raises what stops it, `ExecutionPaused` where it pauses.

        While it only sleeps, this waits.
        """
        execution = self.create_execution(state=state, runtime_resources=runtime_resources, concurrency=concurrency)
        began = asyncio.get_running_loop().time()
        status = await execution.async_start(value, timeout=timeout)
        seconds = within_reach(timeout)
        while status is Status.WAITING and not execution.interrupts and execution.next_due is not None:
            async with asyncio.timeout_at(None if seconds is None else began + seconds):
                await current_clock.get().wait_until(execution.next_due)
                status = await execution.async_settle()
        if status is Status.WAITING:
            problem = executions.paused_problem(list(execution.interrupts))
            raise ExecutionPaused(problem.at(f"flow '{self.name}'"), execution=execution)
        return execution.result

    def start(
        self: Flow[TakesIO[T, S]],
        value: T,
        *,
        state: State | Mapping[str, Any] | None = None,
        runtime_resources: Resources | Mapping[str, Any] | None = None,
        concurrency: int | None = None,
        timeout: float | None = None,
    ) -> S:
        """Do what `async_start` does, in a loop of its own; refused inside a running loop."""
        return run_sync(
            lambda: self.async_start(
                value, state=state, runtime_resources=runtime_resources, concurrency=concurrency, timeout=timeout
            ),
            "flow.start",
        )

    def answer_schema(self, interrupt: Interrupt | PendingInterrupt) -> dict[str, Any]:
        """Return the JSON Schema of what answers an interrupt, from `execution.interrupts` or `store.pending()`.

        It describes the return type of the step that pauses, or the payload of its resume event; where the step
        declares no return type, what the steps behind it take (`allOf`, where there are several). What no schema can
        describe is described as anything: `{}`. Raises `InterruptError` where the flow has no such step.

        >>> execution = flow.create_execution()
        >>> _ = execution.start(Request("birds"))
        >>> flow.answer_schema(execution.interrupts["choose"])
        {'type': 'string'}
        """
        return answer_schema(self._runtime, interrupt)

    # -- what executions share

    @property
    def flow_state(self: Flow[HasFlowState[S]]) -> S:
        """Return the flow_state, for reading outside of handlers: as this process has seen it last."""
        return self._runtime.require_flow_state()  # type: ignore[return-value]  # an instance of the declared class

    def update_flow_state(
        self: Flow[HasFlowState[S]], change: Callable[[S], T], *, store: SnapshotStore | None = None
    ) -> T:
        """Change the flow_state atomically, and return what `change` returns; see `Data.update_flow_state`.

        `store` is the one whose flow_state is changed; without it the one that the flow has run with, and where it has
        run with none, the value in this process, which a store without a row of the flow begins with. In a handler of
        the flow it belongs to the step; in one of another flow, whose execution is saved in the same store, it is made
        once, too.

        >>> def count(counters: Counters) -> int:
        ...     counters.reviews += 1
        ...     return counters.reviews
        >>> flow.update_flow_state(count)
        1
        """
        step = self._step_in(store)
        if step is not None:
            return step.update_flow_state(change)  # type: ignore[no-any-return]  # what `change` returns
        return update_outside(self._runtime, change, store, _running_step())  # type: ignore[no-any-return]  # as above

    async def async_update_flow_state(
        self: Flow[HasFlowState[S]], change: Callable[[S], T], *, store: SnapshotStore | None = None
    ) -> T:
        """Do what `update_flow_state` does, and wait for the store without blocking the loop."""
        step = self._step_in(store)
        if step is not None:
            return await step.async_update_flow_state(change)  # type: ignore[no-any-return]  # as above
        return await async_update_outside(self._runtime, change, store, _running_step())  # type: ignore[no-any-return]  # as above

    def _step_in(self, store: SnapshotStore | None) -> StepTransaction | None:
        """Return the running step of this flow that an update belongs to."""
        step = _running_step()
        if step is None or not self._runtime.is_shared_by(step.runtime.flow) or step.revoked:
            return None
        own: object = step.runtime.flow_state_store
        return step if store is None or store is own else None

    def update_runtime_resources(self, given: Resources | Mapping[str, Any] | None = None, /, **resources: Any) -> None:
        """Set default resources of the flow; values are checked against their declared classes, all or nothing.

        >>> flow.update_runtime_resources(library={"bees": ["Seeley"]})
        >>> execution = flow.create_execution()
        >>> _ = execution.start(Request("bees"))
        >>> execution.state.found
        ['Seeley']
        """
        self._runtime.resources.update({**overrides(given), **resources})

    def set_runtime_resource(self, key: str, value: Any) -> None:
        """Set one default resource of the flow."""
        self._runtime.resources.require_key(key)
        self._runtime.resources.update({key: value})

    def get_runtime_resource(self, key: str, default: Any = None) -> Any:
        """Return a default resource of the flow, `default` where there is none."""
        self._runtime.resources.require_key(key)
        return self._runtime.resources.values.get(key, default)

    def del_runtime_resource(self, key: str) -> None:
        """Remove a default resource of the flow; once more changes nothing."""
        self._runtime.resources.discard(key)


def _running_step() -> StepTransaction | None:
    step = current_step.get()
    return step if isinstance(step, StepTransaction) else None


def _observer(given: Observer) -> Observer:
    deferral = deferral_of(given) if callable(given) else ""
    if deferral or not callable(given):
        raise ContractError(executions.no_observer_problem(given, deferral))
    return given


def _watch(runtime: ExecutionRuntime, observers: Sequence[Observer]) -> None:
    """Attach the observers of its flow and its own to an execution."""
    every = [*runtime.flow.observers, *map(_observer, observers)]
    runtime.observers = Observers(every) if every else None
