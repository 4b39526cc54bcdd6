"""`Process`, `Match` and `Batch`: the typed facade of the builder.

Each method returns a new object; going on twice from the same one forks the chain. The contract, the value and the open
blocks are type parameters, so that a wrong step, a wrong result or a block closed that is not open is an error in every
type checker. A handler comes in two overloads, Coroutine first: mypy solves a union of both to `Never`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Literal, Never, final, overload

from typing_extensions import TypeVar, TypeVarTuple

from typedflow.api.awaited import Later
from typedflow.api.blocks import AllHits, Case, Each, Else, FirstHit
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
from typedflow.definition.blocks import BatchBlock, Cursor, MatchBlock
from typedflow.definition.builder import Builder
from typedflow.definition.failed import Failed
from typedflow.definition.nodes import PLAIN, Retry, StepOptions
from typedflow.execution.data import Data
from typedflow.execution.members import GivesResult, TakesResult
from typedflow.execution.signatures import plainly_signed
from typedflow.rules.options import CollectMode, MatchMode

C = TypeVar("C", covariant=True)
V = TypeVar("V", covariant=True)
K = TypeVar("K", default=None)
K2 = TypeVar("K2")
T = TypeVar("T")
S = TypeVar("S")
W = TypeVar("W")
X = TypeVar("X")
Fail = TypeVar("Fail")
R = TypeVar("R")
M = TypeVar("M")
N = TypeVar("N")
N2 = TypeVar("N2")
N3 = TypeVar("N3")
N4 = TypeVar("N4")
M_co = TypeVar("M_co", covariant=True)
In = TypeVar("In")
Seen = TypeVar("Seen")
Done = TypeVar("Done")
Outer = TypeVar("Outer")
Ts = TypeVarTuple("Ts")


def options_of(retry: Retry | None, timeout: float | None, thread: bool) -> StepOptions:
    """Return the options of a step; the common case shares one object."""
    return PLAIN if retry is None and timeout is None and thread is False else StepOptions(retry, timeout, thread)


@final
@plainly_signed
class Process(Generic[C, V, K]):
    """A chain under construction: where it stands, and the type of the value there.

    >>> counting = Flow(Count)
    >>> chain = counting.for_each().to(length).end_for_each()
    >>> chain.to(total).end()
    """

    __slots__ = ("_at", "_builder")

    if TYPE_CHECKING:
        _builder: Builder
        _at: Cursor

        def __init__(self, made_by_a_flow: Never, /) -> None: ...

    # -- steps

    @overload
    def to(
        self,
        handler: Callable[[Data[C, V]], Coroutine[Any, Any, W]],
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
    ) -> Process[C, W, K]: ...
    @overload
    def to(
        self,
        handler: Callable[[Data[C, V]], Later[W]],
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Process[C, W, K]: ...
    @overload
    def to(
        self,
        handler: Callable[[Data[C, V]], W],
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Process[C, W, K]: ...
    @overload
    def to(
        self,
        handler: Callable[[Data[C, V]], Coroutine[Any, Any, W]],
        *,
        on_error: Callable[[Data[C, Failed[V]]], Coroutine[Any, Any, X]],
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
    ) -> Process[C, W | X, K]: ...
    @overload
    def to(
        self,
        handler: Callable[[Data[C, V]], Coroutine[Any, Any, W]],
        *,
        on_error: Callable[[Data[C, Failed[V]]], X],
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
    ) -> Process[C, W | X, K]: ...
    @overload
    def to(
        self,
        handler: Callable[[Data[C, V]], W],
        *,
        on_error: Callable[[Data[C, Failed[V]]], Coroutine[Any, Any, X]],
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Process[C, W | X, K]: ...
    @overload
    def to(
        self,
        handler: Callable[[Data[C, V]], W],
        *,
        on_error: Callable[[Data[C, Failed[V]]], X],
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Process[C, W | X, K]: ...
    @overload
    def to(
        self,
        handler: str,
        *,
        on_error: Callable[[Data[C, Failed[V]]], object] | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Process[C, Any, K]: ...
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
        """Add a step; the value from here on is what the handler returns.

        `handler` is a function of `Data`, sync or async, or the name of a chunk. If a plain function returns an
        awaitable, such as a Future or a Task, the step awaits it, once, and the value is the result of the await, at
        run time, for `validate()` and for type checkers. mypy needs the plugin for awaitables that are neither
        coroutines nor Futures; a union of a value and an awaitable is resolved by the plugin only.
        `timeout` bounds each attempt, in seconds. `thread=True` runs a plain function in a thread of its own: it
        cannot be cancelled, only ignored; an awaitable that it returns is awaited in the loop.

        If the last attempt fails, `on_error` is called with `Data` of a `Failed`, and what it returns is the value from
        here on. It gets the Exceptions of the handler and its timeout; never a cancellation, the timeout of the
        execution, ContractError, ResourceError, SnapshotError or StoreError. It is a step of its own, under its own
        name: it may pause, and if it fails, the run fails.

        >>> class Fetch(Contract):
        ...     input: str
        ...     result: str
        >>> async def fetch(data: Data[Fetch, str]) -> str:
        ...     if data.attempt == 1:
        ...         raise ConnectionError
        ...     return f"the page of {data.value}"
        >>> fetching = Flow(Fetch)
        >>> fetching.to(fetch, retry=Retry(attempts=2, on=(ConnectionError,)), timeout=10).end()
        >>> fetching.start("example.org")
        'the page of example.org'
        """
        require_handler(handler)
        options, frame = options_of(retry, timeout, thread), sys._getframe(1)
        return process_at(
            self._builder, self._builder.step(self._at, handler, frame, name, options, formerly, on_error)
        )

    def side_branch(
        self,
        handler: Callable[[Data[C, V]], object] | str,
        *,
        on_error: Callable[[Data[C, Failed[V]]], object] | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Process[C, V, K]:
        """Add a step beside the chain: the chain goes on with its own value, and does not wait.

        What it returns is dropped; if it fails, the run fails, even after the result is set, unless `on_error` takes
        the failure, as for `to`.

        >>> def show(data: Data[Count, list[int]]) -> None:
        ...     print(data.value)
        >>> counting = Flow(Count)
        >>> counting.for_each().to(length).end_for_each().side_branch(show).to(total).end()
        >>> counting.start(["a", "bb"])
        [1, 2]
        3
        """
        require_handler(handler)
        options, frame = options_of(retry, timeout, thread), sys._getframe(1)
        self._builder.step(self._at, handler, frame, name, options, formerly, on_error)
        return self

    def end(self: Process[TakesResult[R], R, None]) -> None:
        """Set the result to the chain's value, unless it is set when the value gets here; cancels nothing."""
        self._builder.end(self._at)

    def sleep(
        self,
        until: timedelta | Callable[[Data[C, V]], datetime],
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, V, K]:
        """Wait, and go on with the same value: for a time, or until the datetime that a function of `Data` returns.

        The wait outlives the process: the moment is saved with the execution, and no process has to run meanwhile. It
        is not an interrupt, and cannot be answered. What waits is `waiting`, and goes on in the first call that runs
        the execution at that moment or later: see `Execution.async_settle`. An item of a for_each that sleeps does not
        count as running. A datetime needs a time zone.

        >>> def pass_on(data: Data[Count, list[str]]) -> int:
        ...     return len(data.value)
        >>> slow = Flow(Count)
        >>> slow.to(pass_on).sleep(timedelta(days=1)).end()
        >>> with fake_clock():
        ...     slow.start(["a"])
        1
        """
        return process_at(self._builder, self._builder.sleep(self._at, until, sys._getframe(1), name, formerly))

    # -- child flows

    @overload
    def to_sub_flow(
        self: Process[Any, T, Any],
        child: Child[T, S],
        *,
        write_back: WritesResult = ...,
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, S, K]: ...
    @overload
    def to_sub_flow(
        self,
        child: Blueprint[GivesResult[S]],
        *,
        capture: Capture,
        write_back: WritesResult = ...,
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, S, K]: ...
    @overload
    def to_sub_flow(
        self: Process[Any, T, Any],
        child: Child[T, Any],
        *,
        capture: None = None,
        write_back: WritesLayers | WritesFields,
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, V, K]: ...
    @overload
    def to_sub_flow(
        self,
        child: Blueprint[Any],
        *,
        capture: Capture,
        write_back: WritesLayers | WritesFields,
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, V, K]: ...
    @overload
    def to_sub_flow(
        self: Process[Any, T, Any],
        child: Child[T, Any],
        *,
        capture: None = None,
        write_back: WriteBack,
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, Any, K]: ...
    @overload
    def to_sub_flow(
        self,
        child: Blueprint[Any],
        *,
        capture: Capture,
        write_back: WriteBack,
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, Any, K]: ...
    @overload
    def to_sub_flow(
        self: Process[C, T, Any],
        child: Child[T, S],
        *,
        write_back: WritesResult = ...,
        on_error: Callable[[Data[C, Failed[T]]], Coroutine[Any, Any, X]],
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, S | X, K]: ...
    @overload
    def to_sub_flow(
        self: Process[C, T, Any],
        child: Child[T, S],
        *,
        write_back: WritesResult = ...,
        on_error: Callable[[Data[C, Failed[T]]], X],
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, S | X, K]: ...
    @overload
    def to_sub_flow(
        self,
        child: Blueprint[GivesResult[S]],
        *,
        capture: Capture,
        write_back: WritesResult = ...,
        on_error: Callable[[Data[C, Failed[V]]], Coroutine[Any, Any, X]],
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, S | X, K]: ...
    @overload
    def to_sub_flow(
        self,
        child: Blueprint[GivesResult[S]],
        *,
        capture: Capture,
        write_back: WritesResult = ...,
        on_error: Callable[[Data[C, Failed[V]]], X],
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, S | X, K]: ...
    @overload
    def to_sub_flow(
        self,
        child: Blueprint[Any],
        *,
        capture: Capture | None = None,
        write_back: WritesLayers | WritesFields,
        on_error: Callable[[Data[C, Failed[V]]], Coroutine[Any, Any, X]],
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, V | X, K]: ...
    @overload
    def to_sub_flow(
        self,
        child: Blueprint[Any],
        *,
        capture: Capture | None = None,
        write_back: WritesLayers | WritesFields,
        on_error: Callable[[Data[C, Failed[V]]], X],
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, V | X, K]: ...
    @overload
    def to_sub_flow(
        self,
        child: Blueprint[Any],
        *,
        capture: Capture | None = None,
        write_back: WriteBack,
        on_error: Callable[[Data[C, Failed[V]]], object],
        remote: bool = False,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, Any, K]: ...
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
        """Run a child flow, which shares nothing with this one.

        `capture` says what it is given, once, when the node runs: `{"input": "value"}` by default. `write_back` says
        what of its result goes where: `{"value": "result"}` by default; all or nothing. `{}` means nothing. Values are
        copied, resources go by identity; the child has its own state and flow_state, and its flow's resource defaults
        below what is captured. Both mappings are checked with the whole flow, by `validate()`.

        If the child fails, all of it is cancelled and dropped, and `on_error` is called as it is for `to`; the value of
        the `Failed` is the one that the child got here. Nothing is written back then.

        With `remote` the child is an execution of its own in the same store, which any worker with its flow runs, while
        this one waits; its resources are that worker's. It needs a store for workers; see the page on workers.
        """
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

    # -- batch

    def batch(
        self, *, concurrency: int | None = None, name: str | None = None, formerly: tuple[str, ...] = ()
    ) -> Batch[C, V, K]:
        """Open a batch: every branch gets this value. `concurrency` bounds the branches that run at once.

        A branch that waits for an answer gives its place away; see `for_each`.

        >>> def first(data: Data[Count, list[str]]) -> int:
        ...     return len(data.value[0])
        >>> def last(data: Data[Count, list[str]]) -> int:
        ...     return len(data.value[-1])
        >>> def most(data: Data[Count, tuple[int, int]]) -> int:
        ...     return max(data.value)
        >>> counting = Flow(Count)
        >>> counting.batch().branch(first).branch(last).end_batch().to(most).end()
        >>> counting.start(["a", "bb"])
        2
        """
        return batch_of(self._builder, self._builder.open_batch(self._at, concurrency, name, formerly))

    # -- for_each

    @overload
    def for_each(
        self: Process[C, Sequence[T], K],
        *,
        on_error: Literal["collect"],
        concurrency: int | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, T, Each[Failed[T], K]]: ...
    @overload
    def for_each(
        self: Process[C, Sequence[T], K],
        *,
        on_error: Literal["fail"] = ...,
        concurrency: int | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, T, Each[Never, K]]: ...
    def for_each(
        self,
        *,
        on_error: Any = "fail",
        concurrency: int | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Any:
        """Open a block that is run for each item of a sequence; `concurrency` bounds the items at once.

        An item in which everything waits for answers gives its place to the next one; when it is answered, what
        follows waits until a place is free, and goes before the items that have not begun. So the bound always holds,
        and a question that takes days stops no other item.

        With `on_error="collect"` a step that fails stops only its own item, with everything in it: running steps are
        cancelled, child flows and pending interrupts dropped. The result of the item is then a `Failed` with the item,
        and `async_retry` does not run it again. What `on_error` of `to` never gets fails the run here too. So does a
        side branch that fails after its item has a result.

        >>> counting = Flow(Count)
        >>> counting.for_each(concurrency=2).to(length).end_for_each().to(total).end()
        >>> counting.start(["a", "bb", "ccc"])
        6
        """
        return process_at(self._builder, self._builder.open_each(self._at, concurrency, name, formerly, on_error))

    def end_for_each(self: Process[C, W, Each[Fail, K2]]) -> Process[C, list[W | Fail], K2]:
        """Close a for_each: the value is the list of the items' results, in input order; [] for no items.

        With `on_error="collect"` the result of an item that failed is its `Failed`.
        """
        return process_at(self._builder, self._builder.close_each(self._at))

    # -- match and if

    @overload
    def match(
        self, *, mode: Literal["hit_all"], name: str | None = ..., formerly: tuple[str, ...] = ...
    ) -> Match[AllHits, C, V, K]: ...
    @overload
    def match(
        self, *, mode: Literal["hit_first"] = ..., name: str | None = ..., formerly: tuple[str, ...] = ...
    ) -> Match[FirstHit, C, V, K]: ...
    def match(self, *, mode: MatchMode = "hit_first", name: str | None = None, formerly: tuple[str, ...] = ()) -> Any:
        """Open a match; its cases are asked in order. `hit_first` takes one, `hit_all` every one that is hit.

        >>> def is_empty(data: Data[Count, list[str]]) -> bool:
        ...     return not data.value
        >>> def zero(data: Data[Count, list[str]]) -> int:
        ...     return 0
        >>> def some(data: Data[Count, list[str]]) -> int:
        ...     return len(data.value)
        >>> counting = Flow(Count)
        >>> counting.match().case(is_empty).to(zero).case_else().to(some).end_match().end()
        >>> counting.start([]), counting.start(["a"])
        (0, 1)
        """
        return match_of(self._builder, self._builder.open_match(self._at, mode, name=name, formerly=formerly))

    def case(
        self: Process[C, W, Case[M, In, Seen, Done, K2]],
        condition: object,
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, In, Case[M, In, Seen, Done | W, K2]]:
        """Finish the case before and open the next: a function of `Data`, or a value compared with `==`.

        A class is neither: `case_type` matches by class.
        """
        block = self._builder.finish_branch(self._at, "case")
        return process_at(self._builder, self._builder.case(block, condition, sys._getframe(1), name, formerly))

    @overload
    def case_type(
        self: Process[C, W, Case[M, In, Seen, Done, K2]],
        cls: type[N],
        /,
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, N, Case[M, In, Seen | N, Done | W, K2]]: ...
    @overload
    def case_type(
        self: Process[C, W, Case[M, In, Seen, Done, K2]],
        cls: type[N],
        cls2: type[N2],
        /,
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, N | N2, Case[M, In, Seen | N | N2, Done | W, K2]]: ...
    @overload
    def case_type(
        self: Process[C, W, Case[M, In, Seen, Done, K2]],
        cls: type[N],
        cls2: type[N2],
        cls3: type[N3],
        /,
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, N | N2 | N3, Case[M, In, Seen | N | N2 | N3, Done | W, K2]]: ...
    @overload
    def case_type(
        self: Process[C, W, Case[M, In, Seen, Done, K2]],
        cls: type[N],
        cls2: type[N2],
        cls3: type[N3],
        cls4: type[N4],
        /,
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, N | N2 | N3 | N4, Case[M, In, Seen | N | N2 | N3 | N4, Done | W, K2]]: ...
    def case_type(self, *classes: Any, name: str | None = None, formerly: tuple[str, ...] = ()) -> Any:
        """Finish the case before and open the next, for values of one to four classes; inside they have that type.

        The class of the value is compared, a subclass is another class. `list[str]` is a class here if it is the only
        list of the union; None is `type(None)`. In a match that takes its first hit and has no else, the cases by class
        and value have to cover the whole union; `case(function)` covers nothing.
        """
        block = self._builder.finish_branch(self._at, "case_type")
        return process_at(self._builder, self._builder.case_type(block, classes, name, formerly))

    def case_value(
        self: Process[C, W, Case[M, In, Seen, Done, K2]],
        *values: In,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, In, Case[M, In, In, Done | W, K2]]:
        """Finish the case before and open the next, for some values: literals, enum members, None.

        A value is taken if it is equal and of the same class. As with `case_type`, all values need a case.

        >>> class Say(Contract):
        ...     input: Literal["yes", "no"]
        ...     result: str
        >>> def agree(data: Data[Say, str]) -> str:
        ...     return "good"
        >>> def refuse(data: Data[Say, str]) -> str:
        ...     return "a pity"
        >>> say = Flow(Say)
        >>> say.match().case_value("yes").to(agree).case_value("no").to(refuse).end_match().end()
        >>> say.start("no")
        'a pity'
        """
        block = self._builder.finish_branch(self._at, "case_value")
        return process_at(self._builder, self._builder.case_value(block, values, name, formerly))

    def case_else(self: Process[C, W, Case[M, In, Seen, Done, K2]]) -> Process[C, In, Else[M, Done | W, K2]]:
        """Finish the case before and open the one for no hit; its value has the whole type of the match."""
        block = self._builder.finish_branch(self._at, "case_else")
        return process_at(self._builder, self._builder.case_else(block))

    @overload
    def end_match(self: Process[C, W, Else[AllHits, Done, K2]]) -> Process[C, list[Done | W], K2]: ...
    @overload
    def end_match(self: Process[C, W, Case[AllHits, Any, Any, Done, K2]]) -> Process[C, list[Done | W], K2]: ...
    @overload
    def end_match(self: Process[C, W, Else[FirstHit, Done, K2]]) -> Process[C, Done | W, K2]: ...
    @overload
    def end_match(self: Process[C, W, Case[FirstHit, In, Never, Done, K2]]) -> Process[C, Done | W | In, K2]: ...
    @overload
    def end_match(self: Process[C, W, Case[FirstHit, In, In, Done, K2]]) -> Process[C, Done | W, K2]: ...
    def end_match(self) -> Any:
        """Close a match: the value is that of the case taken; of hit_all the list of them, in case order.

        With no hit and no else, hit_first passes its own value on, unless a case is by class or value: then it is an
        error, which the checks of the flow rule out. hit_all returns [].
        """
        return process_at(self._builder, self._builder.close_match(self._builder.finish_branch(self._at, "end_match")))

    def if_condition(
        self: Process[C, T, K],
        condition: Callable[[Data[C, T]], object],
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, T, Case[FirstHit, T, Never, Never, K]]:
        """Open an if: a match that takes its first hit."""
        block = self._builder.open_match(self._at, "hit_first", "if", name, formerly)
        return process_at(self._builder, self._builder.case(block, condition, sys._getframe(1)))

    def elif_condition(
        self: Process[C, W, Case[M, In, Seen, Done, K2]],
        condition: Callable[[Data[C, In]], object],
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, In, Case[M, In, Seen, Done | W, K2]]:
        """Finish the branch before and open the next."""
        block = self._builder.finish_branch(self._at, "elif_condition")
        return process_at(self._builder, self._builder.case(block, condition, sys._getframe(1), name, formerly))

    def else_condition(self: Process[C, W, Case[M, In, Seen, Done, K2]]) -> Process[C, In, Else[M, Done | W, K2]]:
        """Finish the branch before and open the one for no hit."""
        block = self._builder.finish_branch(self._at, "else_condition")
        return process_at(self._builder, self._builder.case_else(block))

    @overload
    def end_condition(self: Process[C, W, Else[FirstHit, Done, K2]]) -> Process[C, Done | W, K2]: ...
    @overload
    def end_condition(self: Process[C, W, Case[FirstHit, In, Never, Done, K2]]) -> Process[C, Done | W | In, K2]: ...
    def end_condition(self) -> Any:
        """Close an if: the value is that of the branch taken; with no hit and no else it passes."""
        return process_at(
            self._builder, self._builder.close_match(self._builder.finish_branch(self._at, "end_condition"))
        )

    # -- collect

    def collect(
        self,
        name: str,
        branch: str,
        *,
        mode: CollectMode = "filled_then_empty",
        formerly: tuple[str, ...] = (),
        branch_formerly: tuple[str, ...] = (),
    ) -> Process[C, dict[str, Any], K]:
        """Pass this chain's value to a collect, as one of its branches, and go on behind it with all of them.

        It fires when every branch has a value, with the last one of each. `filled_then_empty` starts over then;
        `filled_and_update` keeps the values and fires with each new one. Every call gives the same continuation.
        """
        return process_at(self._builder, self._builder.collect(self._at, name, branch, mode, formerly, branch_formerly))


@final
@plainly_signed
class Match(Generic[M, C, In, Outer]):
    """A match that was opened; its first case follows."""

    __slots__ = ("_block", "_builder")

    if TYPE_CHECKING:
        _builder: Builder
        _block: MatchBlock

        def __init__(self, made_by_a_flow: Never, /) -> None: ...

    def case(
        self, condition: object, *, name: str | None = None, formerly: tuple[str, ...] = ()
    ) -> Process[C, In, Case[M, In, Never, Never, Outer]]:
        """Open the first case: a function of `Data` (sync or async, any truthiness), or a value compared with `==`."""
        return process_at(self._builder, self._builder.case(self._block, condition, sys._getframe(1), name, formerly))

    @overload
    def case_type(
        self,
        cls: type[N],
        /,
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, N, Case[M, In, N, Never, Outer]]: ...
    @overload
    def case_type(
        self,
        cls: type[N],
        cls2: type[N2],
        /,
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, N | N2, Case[M, In, N | N2, Never, Outer]]: ...
    @overload
    def case_type(
        self,
        cls: type[N],
        cls2: type[N2],
        cls3: type[N3],
        /,
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, N | N2 | N3, Case[M, In, N | N2 | N3, Never, Outer]]: ...
    @overload
    def case_type(
        self,
        cls: type[N],
        cls2: type[N2],
        cls3: type[N3],
        cls4: type[N4],
        /,
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Process[C, N | N2 | N3 | N4, Case[M, In, N | N2 | N3 | N4, Never, Outer]]: ...
    def case_type(self, *classes: Any, name: str | None = None, formerly: tuple[str, ...] = ()) -> Any:
        """Open the first case, for values of one to four classes; see `Process.case_type`."""
        return process_at(self._builder, self._builder.case_type(self._block, classes, name, formerly))

    def case_value(
        self, *values: In, name: str | None = None, formerly: tuple[str, ...] = ()
    ) -> Process[C, In, Case[M, In, In, Never, Outer]]:
        """Open the first case, for some values; see `Process.case_value`."""
        return process_at(self._builder, self._builder.case_value(self._block, values, name, formerly))


@final
@plainly_signed
class Batch(Generic[C, V, Outer, *Ts]):
    """A batch that was opened: its branches so far are the types in `Ts`."""

    __slots__ = ("_block", "_builder")

    if TYPE_CHECKING:
        _builder: Builder
        _block: BatchBlock

        def __init__(self, made_by_a_flow: Never, /) -> None: ...

    @overload
    def branch(
        self,
        handler: Callable[[Data[C, V]], Coroutine[Any, Any, W]],
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
    ) -> Batch[C, V, Outer, *Ts, W]: ...
    @overload
    def branch(
        self,
        handler: Callable[[Data[C, V]], Later[W]],
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Batch[C, V, Outer, *Ts, W]: ...
    @overload
    def branch(
        self,
        handler: Callable[[Data[C, V]], W],
        *,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Batch[C, V, Outer, *Ts, W]: ...
    @overload
    def branch(
        self,
        handler: Callable[[Data[C, V]], Coroutine[Any, Any, W]],
        *,
        on_error: Callable[[Data[C, Failed[V]]], Coroutine[Any, Any, X]],
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
    ) -> Batch[C, V, Outer, *Ts, W | X]: ...
    @overload
    def branch(
        self,
        handler: Callable[[Data[C, V]], Coroutine[Any, Any, W]],
        *,
        on_error: Callable[[Data[C, Failed[V]]], X],
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
    ) -> Batch[C, V, Outer, *Ts, W | X]: ...
    @overload
    def branch(
        self,
        handler: Callable[[Data[C, V]], W],
        *,
        on_error: Callable[[Data[C, Failed[V]]], Coroutine[Any, Any, X]],
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Batch[C, V, Outer, *Ts, W | X]: ...
    @overload
    def branch(
        self,
        handler: Callable[[Data[C, V]], W],
        *,
        on_error: Callable[[Data[C, Failed[V]]], X],
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Batch[C, V, Outer, *Ts, W | X]: ...
    @overload
    def branch(
        self: Batch[C, T, Outer, *Ts], handler: Child[T, W], *, name: str | None = None, formerly: tuple[str, ...] = ()
    ) -> Batch[C, T, Outer, *Ts, W]: ...
    @overload
    def branch(
        self: Batch[C, T, Outer, *Ts],
        handler: Child[T, W],
        *,
        on_error: Callable[[Data[C, Failed[T]]], Coroutine[Any, Any, X]],
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Batch[C, T, Outer, *Ts, W | X]: ...
    @overload
    def branch(
        self: Batch[C, T, Outer, *Ts],
        handler: Child[T, W],
        *,
        on_error: Callable[[Data[C, Failed[T]]], X],
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Batch[C, T, Outer, *Ts, W | X]: ...
    @overload
    def branch(
        self,
        handler: str,
        *,
        on_error: Callable[[Data[C, Failed[V]]], object] | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        retry: Retry | None = None,
        timeout: float | None = None,
        thread: bool = False,
    ) -> Batch[C, V, Outer, *Ts, Any]: ...
    def branch(
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
        """Add a branch: one step, or a child flow; two of one name are an error.

        `on_error` supplies the value of the branch where it fails, as for `to` and `to_sub_flow`.
        """
        options, frame = options_of(retry, timeout, thread), sys._getframe(1)
        if isinstance(handler, Blueprint):
            self._builder.branch_child(self._block, runtime_of(handler), name, options, formerly, on_error, frame)
            return self
        self._builder.branch(self._block, handler, frame, name, options, formerly, on_error)
        return self

    def end_batch(self) -> Process[C, tuple[*Ts], Outer]:
        """Close the batch: the value is the tuple of what the branches gave, in their order."""
        return process_at(self._builder, self._builder.close_batch(self._block))


# Users do not make these, so that they have no `__init__` that `help` would show.


def process_at(builder: Builder, at: Cursor) -> Process[Any, Any, Any]:
    """Return a chain that goes on at a place."""
    made: Process[Any, Any, Any] = object.__new__(Process)
    made._builder = builder  # noqa: SLF001  # in the place of an __init__
    made._at = at  # noqa: SLF001  # in the place of an __init__
    return made


def match_of(builder: Builder, block: MatchBlock) -> Match[Any, Any, Any, Any]:
    """Return a match that was opened."""
    made: Match[Any, Any, Any, Any] = object.__new__(Match)
    made._builder = builder  # noqa: SLF001  # in the place of an __init__
    made._block = block  # noqa: SLF001  # in the place of an __init__
    return made


def batch_of(builder: Builder, block: BatchBlock) -> Batch[Any, Any, Any, *tuple[Any, ...]]:
    """Return a batch that was opened."""
    made: Batch[Any, Any, Any, *tuple[Any, ...]] = object.__new__(Batch)
    made._builder = builder  # noqa: SLF001  # in the place of an __init__
    made._block = block  # noqa: SLF001  # in the place of an __init__
    return made
