"""Failures that become values: which ones, where, and how what is left of the failed part is stopped.

A step with `on_error` catches its own failure (`execution.steps`). The failure of a child flow with `on_error`, and
that of an item of a for_each that collects, may leave other steps of the same part running: they are cancelled and
awaited before the failure becomes a value, and everything inside of the part is dropped.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from typedflow.definition.failed import Failed
from typedflow.engine.dropping import is_inside, source_of
from typedflow.engine.plan import Kind
from typedflow.engine.status import Status
from typedflow.engine.tokens import UNSET, Scope, Token
from typedflow.errors import ChildFailedError, ContractError, ResourceError, SnapshotError, StoreError
from typedflow.execution.failures import class_name, is_a, leaves
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.rules.concealment import redacted
from typedflow.rules.wording import text_of

NEVER_A_VALUE: Final = (ContractError, ResourceError, SnapshotError, StoreError)
"""Errors that always fail the run: they are faults of the program or of its surroundings, not of the step's work."""


def can_be_value(error: BaseException) -> bool:
    """Return whether a failure may become a value: an Exception, with none of `NEVER_A_VALUE` in it."""
    if not is_a(error, Exception):
        return False
    inside = leaves(error) if is_a(error, BaseExceptionGroup) else [error]
    return not any(issubclass(type(each), NEVER_A_VALUE) or _is_fault_of_child(each) for each in inside)


def _is_fault_of_child(error: BaseException) -> bool:
    return type(error) is ChildFailedError and error.is_fault


def failure_of(value: Any, error: Exception, attempts: int) -> Failed[Any]:
    """Return a failure as a value that can be saved; text of the resources in use is replaced by '…'."""
    name, text = class_name(error), text_of(error)
    if type(error) is ChildFailedError:
        name, text = error.error, error.text
    return Failed(value, _writable(redacted(name)), _writable(redacted(text)), attempts)


def _writable(text: str) -> str:
    """Return a text that every format can encode: lone surrogates are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True, slots=True)
class Region:
    """The part of an execution whose failure becomes a value: one item of a for_each, or one child flow."""

    runtime: ExecutionRuntime
    """The execution that goes on."""
    token: Token | None = None
    """Of a child flow: the token at its node."""
    scope: Scope | None = None
    """Of an item: its scope."""

    def holds(self, runtime: ExecutionRuntime, token: Token) -> bool:
        """Return whether a token of an execution in the same tree is inside."""
        while runtime is not self.runtime:
            if runtime.parent is None:
                return False
            runtime, token = runtime.parent
        if self.scope is not None:
            return is_inside(token.scope, self.scope.block, self.scope.item)
        return token is self.token

    def is_open(self) -> bool:
        """Return whether the failure can still become a value: the item has no result, the child flow is not left."""
        if self.scope is None:
            return self.token in self.runtime.run.live
        return self.scope.block.slots[self.scope.item] is UNSET

    def close(self, error: Exception, attempts: int) -> list[Token]:
        """Drop what is inside, and route the failure as a value; returns the tokens that became ready."""
        runtime = self.runtime
        if self.scope is None:
            assert self.token is not None
            child = None if runtime.children is None else runtime.children.get(self.token)
            if runtime.observers is not None and child is not None:
                runtime.observers.child_left(child, Status.FAILED)
            runtime.drop(self.token)
            return runtime.run.caught(self.token, failure_of(self.token.value, error, attempts))
        for token in runtime.run.in_flight():
            if is_inside(token.scope, self.scope.block, self.scope.item):
                runtime.drop(token)
        value = source_of(self.scope.block, self.scope.item)
        return runtime.run.item_failed(self.scope, failure_of(value, error, attempts))


def find_region(runtime: ExecutionRuntime, token: Token, *, is_left: bool) -> Region | None:
    """Return the innermost part around a step whose failure becomes a value; None where it fails the run.

    `is_left` says that the step is a child flow that ended, and what its parent takes of it failed.
    """
    while True:
        if is_left and runtime.plan.nodes[token.node].catches:
            return Region(runtime, token)
        scope = token.scope
        while scope is not None:
            block = scope.block
            if runtime.plan.nodes[block.node].collects:
                region = Region(runtime, scope=scope)
                if region.is_open() and source_of(block, scope.item) is not UNSET:
                    return region
            scope = block.scope
        if runtime.parent is None:
            return None
        is_left = True
        runtime, token = runtime.parent


def items_around(runtime: ExecutionRuntime, token: Token) -> str:
    """Return the items of for_each blocks that a step is in, innermost first, as a note on its error has them."""
    found, owner = "", ""
    while True:
        scope = token.scope
        while scope is not None:
            node = runtime.plan.nodes[scope.block.node]
            if node.kind == Kind.EACH:
                found += f", item {scope.item} of '{node.name}'{owner}"
            scope = scope.block.scope
        if runtime.parent is None:
            return found
        runtime, token = runtime.parent
        owner = f" of flow '{runtime.flow.name}'"


class Catching:
    """Stop what runs in a part that failed; one for each driver whose flows turn failures into values."""

    __slots__ = ("_closing", "_stopping", "at")

    def __init__(self) -> None:
        self.at: dict[asyncio.Task[Any], tuple[ExecutionRuntime, Token]] = {}
        """The step that each worker is at."""
        self._stopping: dict[asyncio.Task[Any], asyncio.Future[None]] = {}
        """The workers whose steps are being stopped."""
        self._closing: list[Region] = []

    def is_closing(self, runtime: ExecutionRuntime, token: Token) -> bool:
        """Return whether a token is in a part that is being stopped: no step of it may begin."""
        return any(region.holds(runtime, token) for region in self._closing)

    async def stop(self, region: Region) -> None:
        """Cancel the steps inside, but for the caller's own, and wait until they have ended."""
        own = asyncio.current_task()
        waiting: list[asyncio.Future[None]] = []
        self._closing.append(region)
        try:
            for task, (runtime, token) in self.at.items():
                if task is not own and region.holds(runtime, token):
                    if task not in self._stopping:
                        self._stopping[task] = asyncio.get_running_loop().create_future()
                        task.cancel()
                    waiting.append(self._stopping[task])
            if waiting:
                await asyncio.wait(waiting)
        finally:
            self._closing.remove(region)

    def is_stopped(self, task: asyncio.Task[Any]) -> bool:
        """Return whether the step that a worker is at is being stopped."""
        return task in self._stopping

    def begin(self, task: asyncio.Task[Any], runtime: ExecutionRuntime, token: Token) -> bool:
        """Note the step that a worker is to begin; return whether it may, or was dropped or is about to be."""
        if token not in runtime.run.live or self.is_closing(runtime, token):
            return False
        self.at[task] = runtime, token
        return True

    def ended(self, task: asyncio.Task[Any]) -> bool:
        """Note that a worker's step has ended; return whether it was stopped, and so has no effect."""
        self.at.pop(task, None)
        stopped = self._stopping.pop(task, None)
        if stopped is None:
            return False
        task.uncancel()
        if not stopped.done():
            stopped.set_result(None)
        return True
