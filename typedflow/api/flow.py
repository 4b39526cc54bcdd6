"""`Flow`: a contract, the chains that fulfil it, and what its executions share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Literal, Never, final, overload

from typing_extensions import TypeVar

from typedflow.api.blocks import AllHits, Case, Each, FirstHit
from typedflow.api.blueprint import (
    Blueprint,
    Capture,
    Child,
    WriteBack,
    WritesFields,
    WritesLayers,
    WritesResult,
    runtime_of,
)
from typedflow.api.configs import export_flow, import_flow
from typedflow.api.execution import Execution, overrides
from typedflow.api.loops import run_sync
from typedflow.api.process import Batch, Match, Process, options_of
from typedflow.config.diagrams import compose_dot, compose_mermaid
from typedflow.config.documents import Config, Form
from typedflow.definition.blocks import Cursor
from typedflow.definition.builder import Builder
from typedflow.definition.names import name_of
from typedflow.definition.nodes import CollectMode, MatchMode, Port, Retry, WhenMode
from typedflow.definition.reading import check_annotations
from typedflow.durability.checkpoints import Checkpoint, Checkpoints, require_options, require_savable
from typedflow.engine.status import Status
from typedflow.errors import ContractError, ExecutionPaused, SnapshotError
from typedflow.execution.data import Data
from typedflow.execution.fixed_functions import as_it_is_now
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.execution.members import GivesResult, HasFlowState, HasInput, TakesIO
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.execution.transaction import StepTransaction
from typedflow.rules import executions, snapshots
from typedflow.rules.concealment import concealing
from typedflow.rules.options import CONCURRENCY, MAX_DEPTH, check_option
from typedflow.rules.wording import quoted
from typedflow.schema.contracts import check_migrations, spec_of
from typedflow.schema.layers import Resources, State
from typedflow.schema.writing import current_step
from typedflow.snapshot.reading import MAX_BYTES
from typedflow.stores.protocol import SnapshotStore

C = TypeVar("C", covariant=True)
S = TypeVar("S")
T = TypeVar("T")
W = TypeVar("W")
Fn = TypeVar("Fn", bound=Callable[..., Any])


@final
class Flow(Blueprint[C]):
    """A flow of one contract: put together once, then run any number of times.

    `name` is what messages and snapshots call it, the contract's name by default. `max_depth` bounds how deep child
    flows may nest below it. The first execution freezes it: wiring afterwards is a `ContractError`. Its flow_state and
    its resource defaults are shared by its executions, and by no other flow of the same contract.
    """

    __slots__ = ()

    def __init__(self, contract: type[C], *, name: str | None = None, max_depth: int = 64) -> None:
        spec = spec_of(contract)
        problems = check_migrations(spec.cls)
        if problems:
            raise ContractError(problems)
        problem = check_option(MAX_DEPTH, max_depth)
        if problem is not None:
            raise ContractError(problem.at(f"flow of contract '{spec.name}'"))
        super().__init__(FlowRuntime(spec.name if name is None else name, spec, max_depth))

    @property
    def name(self) -> str:
        """Give the name by which messages and snapshots know the flow."""
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
        handler: str,
        *,
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
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Any:
        """Add a step that gets the input; see `Process.to`."""
        options = options_of(retry, timeout, thread)
        return Process(self._builder, self._builder.step(self._at, handler, sys._getframe(1), name, options, formerly))

    def side_branch(
        self: Flow[HasInput[T]],
        handler: Callable[[Data[C, T]], object] | str,
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Process[C, T]:
        """Add a step beside the chain that the input starts; see `Process.side_branch`."""
        self._builder.step(self._at, handler, sys._getframe(1), name, options_of(retry, timeout, thread), formerly)
        return Process(self._builder, self._at)

    def batch(
        self: Flow[HasInput[T]],
        *,
        concurrency: int | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Batch[C, T, None]:
        """Open a batch whose branches get the input; see `Process.batch`."""
        return Batch(self._builder, self._builder.open_batch(self._at, concurrency, name, formerly))

    def for_each(
        self: Flow[HasInput[Sequence[T]]],
        *,
        concurrency: int | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, T, Each[None]]:
        """Open a for_each over the input; see `Process.for_each`."""
        return Process(self._builder, self._builder.open_each(self._at, concurrency, name, formerly))

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
        return Match(self._builder, self._builder.open_match(self._at, mode, name=name, formerly=formerly))

    def if_condition(
        self: Flow[HasInput[T]],
        condition: Callable[[Data[C, T]], object],
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, T, Case[FirstHit, T, Never, None]]:
        """Open an if on the input; see `Process.if_condition`."""
        block = self._builder.open_match(self._at, "hit_first", "if", name, formerly)
        return Process(self._builder, self._builder.case(block, condition, sys._getframe(1)))

    def collect(
        self,
        name: str,
        branch: str,
        *,
        mode: CollectMode = "filled_then_empty",
        formerly: tuple[str, ...] = (),
        branch_formerly: tuple[str, ...] = (),
    ) -> Process[C, dict[str, Any]]:
        """Give the input to a collect; see `Process.collect`."""
        return Process(self._builder, self._builder.collect(self._at, name, branch, mode, formerly, branch_formerly))

    @overload
    def to_sub_flow(
        self: Flow[HasInput[T]],
        child: Child[T, S],
        *,
        write_back: WritesResult = ...,
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
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, Any]: ...
    def to_sub_flow(
        self,
        child: Any,
        *,
        capture: Any = None,
        write_back: Any = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Any:
        """Run a child flow on the input; see `Process.to_sub_flow`."""
        at = self._builder.sub_flow(self._at, runtime_of(child), capture, write_back, name, formerly)
        return Process(self._builder, at)

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
        """
        return Process(self._builder, self._builder.when(triggers, mode, name, formerly))

    @overload
    def chunk(self, handler: Fn, /) -> Fn: ...
    @overload
    def chunk(self, name: str, /) -> Callable[[Fn], Fn]: ...
    def chunk(self, handler: Any, /) -> Any:
        """Register a handler under its name or the one given, for `to("name")`; gives the function itself."""
        if isinstance(handler, str):
            return lambda function: self._register(handler, function)
        return self._register(name_of(handler), handler)

    def _register(self, name: str, handler: Fn) -> Fn:
        self._builder.register(name, handler)
        return handler

    # -- checking

    def validate(self) -> None:
        """Check the whole flow; raises one `ContractError` with all problems. The first execution does it too."""
        self._runtime.check()

    # -- showing

    def to_mermaid(self, *, detailed: bool = False) -> str:
        """Return the flow as a Mermaid flowchart; raises what `validate` raises. The flow can still be extended.

        A detailed one names the type of the value on each edge, where it is known. A diagram simplifies; what
        `to_config` returns does not.
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
        """
        self.validate()
        return export_flow(self._runtime, format)

    @staticmethod
    def from_config(
        config: Config,
        *,
        contract: type[T],
        handlers: Mapping[str, object] | None = None,
        conditions: Mapping[str, object] | None = None,
        flows: Mapping[str, Blueprint[Any]] | None = None,
        errors: Mapping[str, type[Exception]] | None = None,
    ) -> Flow[T]:
        """Make a flow of a document: text, bytes, a mapping or a `Path`, in JSON or YAML.

        Each name in it is looked up: handlers, conditions (and constants of cases that are no JSON), child flows,
        exception classes that a `Retry` names and that are not builtins. Entries that it does not name are ignored, so
        that `handlers=vars(module)` will do. Every handler is checked against its edge. Raises one `ContractError` with
        all problems.
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
    ) -> Execution[C]:
        """Make an execution, ready to start; freezes the flow.

        `state` is checked and copied: a State, or a mapping of its fields; a required field that it lacks is an error
        of the start. `concurrency` bounds the handlers and conditions that run at once, in the whole execution. An
        `execution_id` matches `[A-Za-z0-9][A-Za-z0-9_.-]{0,127}`; by default it is random. With a `store` the
        execution is saved at the start, at each pause and at the end; with `checkpoint="step"` after each step
        as well.
        """
        problem = None if execution_id is None else executions.check_id(execution_id)
        if problem is not None:
            raise ContractError(problem)
        require_options(store, checkpoint)
        with concealing(lambda: (*self._runtime.resources.in_use(), *overrides(runtime_resources).values())):
            runtime = ExecutionRuntime(self._runtime, execution_id or os.urandom(16).hex(), state)
        if runtime_resources is not None:
            runtime.resources.give(runtime_resources)
        if store is not None:
            _keep(runtime, store, checkpoint)
        return Execution(runtime, concurrency)

    async def async_open(
        self,
        execution_id: str,
        *,
        store: SnapshotStore,
        runtime_resources: Resources | Mapping[str, Any] | None = None,
        concurrency: int | None = None,
        checkpoint: Checkpoint = "pause",
    ) -> Execution[C]:
        """Load an execution from a store and keep saving it there; `SnapshotError` where the store has none of this id.

        Of several who open the same one, the first whose next save comes through goes on; the others are refused with a
        `ConflictError` before any handler runs.
        """
        require_options(store, checkpoint)
        problem = executions.no_store_problem(store) if store is None else executions.check_id(execution_id)
        problem = problem or check_option(CONCURRENCY, concurrency)
        if problem is not None:
            raise ContractError(problem)
        stored = await store.get(execution_id)
        if stored is None:
            raise SnapshotError(snapshots.not_stored_problem(execution_id), path=execution_id)
        runtime = ExecutionRuntime(self._runtime, execution_id)
        checkpoints = _keep(runtime, store, checkpoint)
        execution: Execution[C] = Execution(runtime, concurrency)
        largest = max(len(stored.data), MAX_BYTES)
        try:
            execution.load(stored.data, runtime_resources=runtime_resources, max_bytes=largest)
            checkpoints.take_up(stored)
        except SnapshotError as error:
            where = f"execution {quoted(execution_id)} in the store"
            raise SnapshotError((problem.at(where) for problem in error.problems), path=error.path) from error
        return execution

    async def async_start(
        self: Flow[TakesIO[T, S]],
        value: T,
        *,
        state: State | Mapping[str, Any] | None = None,
        runtime_resources: Resources | Mapping[str, Any] | None = None,
        concurrency: int | None = None,
        timeout: float | None = None,
    ) -> S:
        """Run a fresh execution to its result; raises what stops it, `ExecutionPaused` where it pauses."""
        execution = self.create_execution(state=state, runtime_resources=runtime_resources, concurrency=concurrency)
        if await execution.async_start(value, timeout=timeout) is Status.WAITING:
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

    # -- what executions share

    @property
    def flow_state(self: Flow[HasFlowState[S]]) -> S:
        """Give the flow_state, for reading outside of handlers."""
        return self._runtime.require_flow_state()  # type: ignore[return-value]  # an instance of the declared class

    def update_flow_state(self: Flow[HasFlowState[S]], change: Callable[[S], object]) -> None:
        """Change the flow_state atomically; see `Data.update_flow_state`.

        Inside of a handler of the flow it belongs to the step. Elsewhere, where a store shares the flow_state, it is
        stored with the next save of any execution of the flow.
        """
        step = current_step.get()
        if isinstance(step, StepTransaction) and step.runtime.flow is self._runtime and not step.revoked:
            step.update_flow_state(change)
            return
        again = as_it_is_now(change)
        self._runtime.update_flow_state(change)
        if self._runtime.shares:
            self._runtime.outside.append(self._runtime.note_change(again))

    def update_runtime_resources(self, given: Resources | Mapping[str, Any] | None = None, /, **resources: Any) -> None:
        """Set default resources of the flow; values are checked against their declared classes, all or nothing."""
        self._runtime.resources.update({**overrides(given), **resources})

    def set_runtime_resource(self, key: str, value: Any) -> None:
        """Set one default resource of the flow."""
        self._runtime.resources.require_key(key)
        self._runtime.resources.update({key: value})

    def get_runtime_resource(self, key: str, default: Any = None) -> Any:
        """Give a default resource of the flow, `default` where there is none."""
        self._runtime.resources.require_key(key)
        return self._runtime.resources.values.get(key, default)

    def del_runtime_resource(self, key: str) -> None:
        """Remove a default resource of the flow; once more changes nothing."""
        self._runtime.resources.discard(key)


def _keep(runtime: ExecutionRuntime, store: SnapshotStore, checkpoint: Checkpoint) -> Checkpoints:
    """Have an execution saved in a store; raises `ContractError` where values of its flow can never be saved."""
    require_savable(runtime.plan)
    runtime.checkpoints = checkpoints = Checkpoints(runtime, store, checkpoint, None)
    return checkpoints
