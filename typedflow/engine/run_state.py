"""The state of one run: live tokens, open block instances, what was gathered, the status and the result.

A snapshot saves exactly this. `engine.routing` moves values along the edges; `engine.run` makes every other change.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from typedflow.engine.permits import Permits
from typedflow.engine.plan import Plan
from typedflow.engine.pools import Pools
from typedflow.engine.status import TRANSITIONS, Status
from typedflow.engine.tokens import UNSET, BlockInstance, ChildOutcome, Paused, Token
from typedflow.errors import FinishedError
from typedflow.rules import executions


class RunState:
    """The tokens, block instances and pools of one run. What a run without blocks or pauses never uses is None."""

    __slots__ = (
        "attempts",
        "awaiting_child",
        "blocks",
        "changed_interrupts",
        "changed_waiting",
        "errors",
        "interrupts",
        "item_results",
        "live",
        "permits",
        "plan",
        "pools",
        "received",
        "remotes",
        "result",
        "status",
        "updates",
    )

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.status = Status.CREATED
        self.live: dict[Token, None] = {}
        """The tokens that are ready or running, in the order in which they became ready."""
        self.interrupts: dict[str, Paused] | None = None
        """The steps that wait for an answer, by interrupt id."""
        self.changed_interrupts: dict[str, None] | None = None
        """The ids of the interrupts that came or went since the last save, in this order; None where no save asks.

        One dict for a root and all below it.
        """
        self.changed_waiting: dict[Token, None] | None = None
        """The tokens that began or ceased to wait for their children since the last save; None where no save asks."""
        self.awaiting_child: dict[Token, None] | None = None
        """The tokens at child flows that wait for an answer, or that run as executions of their own."""
        self.remotes: dict[Token, ChildOutcome | None] | None = None
        """The tokens at child flows that run as executions of their own: None while one is open, then how it ended."""
        self.permits: Permits | None = None
        """The permits of blocks with a limit, from the first one on; the tokens that wait for one are in there."""
        self.blocks: dict[BlockInstance, None] | None = None
        """The block instances that have empty slots."""
        self.pools: Pools | None = None
        """What `collect` and `when(mode="and")` have gathered, by node and scope."""
        self.attempts: dict[Token, int] | None = None
        """How many attempts of a step have failed so far, by token; a retry of the run continues the count."""
        self.updates: dict[Token, dict[str, Any]] | None = None
        """What the flow_state updates of open steps have returned, by token and call: they are not made twice."""
        self.received = 0
        """The number of messages from outside so far; the cause of what an event from outside starts."""
        self.result: Any = UNSET
        self.errors: list[Exception] | None = None
        self.item_results: list[tuple[BlockInstance, int, int, bool]] | None = None
        """With observers: the items that got their results, each with the number of results and whether it failed."""

    def change_status(self, status: Status) -> None:
        """Change the status; raises FinishedError where the present status does not allow it."""
        if status not in TRANSITIONS[self.status]:
            raise FinishedError(executions.wrong_status_problem(self.status, status))
        self.status = status

    def failed(self, error: Exception) -> None:
        """Record that a step failed: its token stays live, and so do the tokens of the steps that it cancels."""
        if self.errors is None:
            self.errors = []
        self.errors.append(error)
        if self.status is not Status.FAILED:
            self.change_status(Status.FAILED)

    def set_result(self, value: Any) -> None:
        """Set the result; the first one wins."""
        if self.result is UNSET:
            self.result = value

    def is_admitted(self, token: Token) -> bool:
        """Return whether a token may become live; one without a permit is queued until it gets one."""
        if token.scope is None or not token.scope.bounded:
            return True
        assert self.permits is not None
        return self.permits.admit(token)

    def note_interrupt(self, interrupt_id: str) -> None:
        """Note that an interrupt came or went: the next save looks at it."""
        changed = self.changed_interrupts
        if changed is not None:
            changed.pop(interrupt_id, None)  # the last change decides its place
            changed[interrupt_id] = None

    def note_waiting(self, token: Token) -> None:
        """Note that a token began or ceased to wait for its child: the next save looks at it."""
        changed = self.changed_waiting
        if changed is not None:
            changed.pop(token, None)  # the last change decides its place
            changed[token] = None

    # -- questions

    def in_flight(self) -> list[Token]:
        """Return all tokens but those of pending interrupts; those with a permit come before those without.

        A snapshot keeps this order, and a load gives the permits to the first tokens.
        """
        return [*self.live, *self.queued, *(self.awaiting_child or ())]

    @property
    def queued(self) -> Collection[Token]:
        """Return the tokens that wait for a permit of a block with a limit."""
        return () if self.permits is None else self.permits.queued

    def unfilled(self) -> dict[str, list[str]]:
        """Return the joins that were opened and never filled, by node name, each with the names of its empty slots."""
        nodes = self.plan.nodes
        waits: dict[str, list[str]] = {}
        for block in self.blocks or ():
            slots = (f"item {item}" for item, value in enumerate(block.slots) if value is UNSET)
            waits.setdefault(nodes[block.node].name, []).extend(slots)
        for (index, _, _), pool in (self.pools or {}).items():
            node = nodes[index]
            names = node.branches or tuple(trigger.name for trigger in node.triggers)
            absent = [name for slot, name in enumerate(names) if slot not in pool]
            if absent:
                waits.setdefault(node.name, []).extend(absent)
        return waits

    def key(self, token: Token) -> str:
        """Return the token's key: node name and cause; unique in this run, the same over retries, kills and loads."""
        return token.key or f"{self.plan.nodes[token.node].name}@{token.cause}"
