"""One run of a plan, as a state machine: reports come in, ready tokens go out, no handler is called.

A driver reports what happened (`started`, `finished`, `chosen`, `paused`, `resumed`, `failed`, …) and gets the tokens
that became ready. When no token is live, it calls `settle`. A token stays live until it is reported finished, so a run
can be saved at any moment, and a load continues with its live tokens.

Each report is one transition. If a node cannot take its value (a for_each over a number, a result of the wrong type),
the token stays at that node, the run fails, and ContractError is raised. In a run that is not running, an event from
outside that a listener cannot take changes nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from typedflow.definition.failed import Failed
from typedflow.definition.nodes import FAILURE
from typedflow.engine.causes import MAIN, derive
from typedflow.engine.dropping import drop_item
from typedflow.engine.permits import Permits
from typedflow.engine.plan import LAST_TASK
from typedflow.engine.routing import Work, fill, fire, fire_one, open_block, route
from typedflow.engine.run_state import RunState
from typedflow.engine.status import Status
from typedflow.engine.tokens import UNSET, ChildOutcome, Interrupt, Paused, Scope, Signal, Token


class Run(RunState):
    """Apply reports to the state of one run."""

    __slots__ = ()

    # -- what happened

    def started(self, value: Any) -> list[Token]:
        """Start the run with its input; return the tokens that became ready."""
        self.change_status(Status.RUNNING)
        return route(self, [(self.plan.nodes[0].ports[0], value, None, 0, MAIN)])

    def finished(self, token: Token, value: Any, signals: Iterable[Signal] | None = None) -> list[Token]:
        """Route a step's output and its signals, as one transition; return the tokens that became ready."""
        del self.live[token]
        node, scope = self.plan.nodes[token.node], token.scope
        target = node.next_step
        if target >= 0 and signals is None:
            ready = Token(target, scope, value, token.node, token.cause)
            self.live[ready] = None
            return [ready]
        if scope is not None and scope.bounded:
            self._leave(scope)
        work: Work = [(node.ports[0], value, scope, token.node, token.cause)]
        if signals is not None:
            fire(self, signals, self.key(token), work)
        return route(self, work)

    def caught(self, token: Token, failed: Failed[Any]) -> list[Token]:
        """Route the failure of a step or child flow, as a value, to its handler for errors."""
        del self.live[token]
        self._leave(token.scope)
        self.forget_outcome(token)
        node = self.plan.nodes[token.node]
        return route(self, [(node.ports[FAILURE], failed, token.scope, token.node, token.cause)])

    def item_failed(self, scope: Scope, failed: Failed[Any]) -> list[Token]:
        """Take a failure as the result of an item, of which nothing is left; its slot must be empty."""
        drop_item(self, scope.block, scope.item)
        work: Work = []
        fill(self, scope.block, scope.item, failed, work)
        return route(self, work)

    def chosen(self, token: Token, hits: Sequence[int], signals: Iterable[Signal] | None = None) -> list[Token]:
        """Route the value of a match to the branches that were hit, in case order; hit_first takes one at most."""
        del self.live[token]
        node = self.plan.nodes[token.node]
        self._leave(token.scope)
        if not hits and node.has_else:
            hits = (len(node.ports) - 1,)
        work: Work = []
        if node.hit_all:
            open_block(self, node, token, token.value, tuple(hits), len(hits), work)
        else:
            edges = node.ports[hits[0]] if hits else self.plan.nodes[node.join].ports[0]
            work.append((edges, token.value, token.scope, token.producer, token.cause))
        if signals is not None:
            fire(self, signals, self.key(token), work)
        return route(self, work)

    def emitted(self, signals: Iterable[Signal]) -> list[Token]:
        """Route signals from outside, as one message."""
        self.received += 1
        work: Work = []
        fire(self, signals, f"message {self.received}", work)
        return route(self, work)

    def paused(
        self,
        token: Token,
        interrupt: Interrupt,
        signals: Iterable[Signal] | None = None,
        *,
        default: Any = UNSET,
        asleep: bool = False,
    ) -> list[Token]:
        """Suspend a step until its interrupt is answered, or until it has slept; its signals are routed now."""
        del self.live[token]
        if self.interrupts is None:
            self.interrupts = {}
        self.interrupts[interrupt.id] = Paused(interrupt, token, default, asleep)
        self.note_interrupt(interrupt.id)
        self._leave(token.scope)
        work: Work = []
        fire(self, signals or (), self.key(token), work)
        return route(self, work)

    def resumed(self, interrupt_id: str, value: Any) -> list[Token]:
        """Route a valid answer, as the step's output or as the event that the step named."""
        assert self.interrupts is not None
        paused = self.interrupts.pop(interrupt_id)
        self.note_interrupt(interrupt_id)
        self._wake()
        token, event = paused.token, paused.interrupt.resume_event
        if event is not None:
            work: Work = []
            fire_one(self, Signal("event", event, value), derive(self.key(token), "answer"), work)
            return route(self, work)
        node = self.plan.nodes[token.node]
        return route(self, [(node.ports[0], value, token.scope, token.node, token.cause)])

    def expired(self, interrupt_id: str) -> list[Token]:
        """Make a step ready again that was not answered in time; one without a permit becomes ready later."""
        assert self.interrupts is not None
        token = self.interrupts.pop(interrupt_id).token
        self.note_interrupt(interrupt_id)
        self._wake()
        if not self.is_admitted(token):
            return []
        self.live[token] = None
        return [token]

    def child_waits(self, token: Token) -> list[Token]:
        """Suspend the token of a child flow that waits for an answer."""
        del self.live[token]
        if self.awaiting_child is None:
            self.awaiting_child = {}
        self.awaiting_child[token] = None
        self.note_waiting(token)
        self._leave(token.scope)
        return route(self, [])

    def child_resumes(self, token: Token) -> bool:
        """Resume the token of a child flow; return whether the child may go on now.

        Nothing changes where other branches of the child still run. A token that waits for a permit is returned as
        ready by the report that frees one.
        """
        self._wake()
        if self.awaiting_child is not None and token in self.awaiting_child:
            del self.awaiting_child[token]
            self.note_waiting(token)
            if self.is_admitted(token):
                self.live[token] = None
        return token in self.live

    def child_submitted(self, token: Token) -> list[Token]:
        """Suspend the token of a child flow that runs as an execution of its own; its item keeps its permits."""
        del self.live[token]
        if self.awaiting_child is None:
            self.awaiting_child = {}
        if self.remotes is None:
            self.remotes = {}
        self.awaiting_child[token] = self.remotes[token] = None
        self.note_waiting(token)
        return []

    def child_ended(self, token: Token, outcome: ChildOutcome) -> list[Token]:
        """Make the token of a child that ran as an execution of its own ready, to take how it has ended."""
        assert self.awaiting_child is not None
        assert self.remotes is not None
        del self.awaiting_child[token]
        self.note_waiting(token)
        self._wake()
        self.remotes[token], self.live[token] = outcome, None
        return [token]

    def outcome_of(self, token: Token) -> ChildOutcome | None:
        """Return how the child of a live token has ended; None where none did."""
        return None if self.remotes is None else self.remotes.get(token)

    def forget_outcome(self, token: Token) -> None:
        """Forget how the child of a token has ended: it was taken."""
        if self.remotes is not None:
            self.remotes.pop(token, None)

    def restored(self, tokens: Iterable[Token], awaiting_child: Iterable[Token]) -> None:
        """Install the tokens of a snapshot, in its order; tokens without a permit are queued again."""
        self.permits = Permits()
        awaiting_child = list(awaiting_child)
        for token in awaiting_child:
            if token in (self.remotes or ()):
                self.permits.enter(token.scope)
        self.live = {token: None for token in tokens if self.is_admitted(token)}
        self.awaiting_child = dict.fromkeys(awaiting_child) or None

    def retried(self) -> list[Token]:
        """Return all live tokens again, of a failed run or of one whose process was killed.

        The children that have failed run again, where this has failed too.
        """
        if self.status is not Status.RUNNING:
            self.change_status(Status.RUNNING)
            for token in [token for token, outcome in (self.remotes or {}).items() if outcome and outcome.error]:
                self.forget_outcome(token)
        tasks: list[Token] = []
        work: Work = []
        for token in list(self.live):
            if self.plan.nodes[token.node].kind <= LAST_TASK:
                tasks.append(token)
            else:
                del self.live[token]
                self._leave(token.scope)
                work.append((((token.node, 0),), token.value, token.scope, token.producer, token.cause))
        return [*tasks, *route(self, work)]

    def cancelled(self) -> None:
        """Drop every token, block instance, pool and interrupt; the run is final."""
        self.change_status(Status.CANCELLED)
        self.live.clear()
        self.blocks = self.pools = self.interrupts = self.awaiting_child = self.remotes = self.permits = None

    def copied(self) -> Run:
        """Return a copy to call `cancelled` on; it shares all that `cancelled` does not change in place."""
        run = copy.copy(self)
        run.live = dict(self.live)
        return run

    def settle(self) -> Status:
        """Return the status; a running run without live tokens becomes waiting or completed first."""
        if not self.live and self.status is Status.RUNNING:
            self.change_status(Status.WAITING if self.interrupts or self.awaiting_child else Status.COMPLETED)
        return self.status

    def woken(self) -> None:
        """Change a waiting run that has live tokens to running."""
        if self.live:
            self._wake()

    # -- inside

    def _wake(self) -> None:
        if self.status is Status.WAITING:
            self.change_status(Status.RUNNING)

    def _leave(self, scope: Scope | None) -> None:
        """Release the permits that the enclosing blocks hold for a token that is no longer live."""
        if scope is not None and scope.bounded:
            assert self.permits is not None
            self.permits.leave(scope)
