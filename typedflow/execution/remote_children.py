"""Child flows that run as executions of their own: submitted with a save of their parent, and taken when they ended.

The parent's save inserts the child, in its transaction, and the child's last save leaves a message for the parent; what
runs it in between is a worker. The id of a child follows from its place, so that a step of the parent that runs again
finds the child that it had. What is written of them is in `durability.family`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import final

from typedflow.engine.plan import PlanNode
from typedflow.engine.status import Status
from typedflow.engine.tokens import ChildOutcome, Token
from typedflow.errors import ChildFailedError, ContractError
from typedflow.execution.children import child_id, make_input, write_back
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.rules import executions
from typedflow.schema.writing import current_step


@final
class RemoteChildren:
    """The remote children of one root and of what is open below it."""

    __slots__ = ("_places", "_taken", "stored", "submitted")

    def __init__(self) -> None:
        self._places: dict[str, tuple[ExecutionRuntime, Token]] = {}
        self.submitted: dict[str, tuple[ExecutionRuntime, str]] = {}
        """The children that no save has inserted yet, each with the key under which its parent knows it."""
        self.stored: set[str] = set()
        """Those that the stored execution waits for."""
        self._taken: set[str] = set()
        """Those of them that have ended since."""

    def submit(self, child: ExecutionRuntime, parent: ExecutionRuntime, token: Token) -> None:
        """Note a child that the next save is to insert."""
        self.submitted[child.id] = child, _key_of(parent, token)
        self._places[child.id] = parent, token
        self._taken.discard(child.id)

    def restore(self, child: str, parent: ExecutionRuntime, token: Token) -> None:
        """Note a child that the loaded execution waits for."""
        self._places[child] = parent, token
        self.stored.add(child)

    def take(self, child: str) -> tuple[ExecutionRuntime, Token] | None:
        """Return the execution and the token that wait for a child that has ended, once; None if none does."""
        place = self.find(child)
        if place is not None:
            del self._places[child]
            self._taken.add(child)
        return place

    def find(self, child: str) -> tuple[ExecutionRuntime, Token] | None:
        """Return the execution and the token that wait for a child; None if none does, any more."""
        place = self._places.get(child)
        return place if place is not None and _waits(*place) else None

    def saved(self, waited_for: Collection[str]) -> None:
        """Note a save that has come through, and the children that were open in it."""
        self.stored = set(waited_for)
        self._taken &= self.stored
        for child in waited_for:
            self.submitted.pop(child, None)

    def dropped(self) -> set[str]:
        """Return the ids of the children that the stored execution waits for, and nothing does any more."""
        return self.stored - self._taken - self.open()

    def open(self) -> set[str]:
        """Return the ids of the children that something waits for; those that were dropped are forgotten."""
        gone = [child for child, place in self._places.items() if not _waits(*place)]
        for child in gone:
            del self._places[child]
            self.submitted.pop(child, None)
        return set(self._places)


def _key_of(parent: ExecutionRuntime, token: Token) -> str:
    """Return the key of the step that waits, and when its execution was created: an id may be used again."""
    created = datetime.fromtimestamp(parent.root().created, UTC)
    return f"{parent.key(token)} {created.isoformat(timespec='microseconds')}"


def _waits(parent: ExecutionRuntime, token: Token) -> bool:
    remotes = parent.run.remotes
    return remotes is not None and token in remotes and remotes[token] is None and parent.is_open()


def collect_remotes(root: ExecutionRuntime) -> None:
    """Note the remote children that a loaded execution, and what is open below it, waits for."""
    found = list(_waiting(root))
    root.remotes = RemoteChildren() if found else None
    for parent, token in found:
        assert root.remotes is not None
        root.remotes.restore(child_id(parent, token), parent, token)


def _waiting(root: ExecutionRuntime) -> Iterator[tuple[ExecutionRuntime, Token]]:
    for parent in root.tree():
        for token, outcome in (parent.run.remotes or {}).items():
            if outcome is None:
                yield parent, token


def submit_child(runtime: ExecutionRuntime, token: Token, node: PlanNode) -> list[Token]:
    """Make a child execution with what it is given, for the next save to insert, and wait for it."""
    current_step.set(None)
    root = runtime.root()
    if root.checkpoints is None:
        raise ContractError(executions.remote_without_store_problem(node.name, None).at(runtime.name))
    child = ExecutionRuntime(node.child, child_id(runtime, token))
    value = make_input(runtime, token, child)
    child.run.started(value)
    if root.remotes is None:
        root.remotes = RemoteChildren()
    root.remotes.submit(child, runtime, token)
    if runtime.observers is not None:
        runtime.observers.child_submitted(runtime, token, child.id)
    return runtime.run.child_submitted(token)


def take_child(runtime: ExecutionRuntime, token: Token, node: PlanNode, outcome: ChildOutcome) -> list[Token]:
    """Continue behind a child that is completed; raises `ChildFailedError` for one that is not."""
    child = child_id(runtime, token)
    if outcome.error:
        what = f"failed: {outcome.error}: {outcome.text}"
        problem = executions.child_failed_problem(child, node.child.name, what).at(runtime.place(node.name))
        if runtime.observers is not None:
            runtime.observers.child_taken(runtime, token, child, Status.FAILED)
        raise ChildFailedError(
            problem, execution_id=child, error=outcome.error, text=outcome.text, is_fault=outcome.is_fault
        )
    tokens = write_back(runtime, token, outcome.result, f"execution '{child}' of flow '{node.child.name}'")
    runtime.run.forget_outcome(token)
    if runtime.observers is not None:
        runtime.observers.child_taken(runtime, token, child, Status.COMPLETED)
    return tokens
