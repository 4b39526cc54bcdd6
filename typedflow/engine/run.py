"""One run of a plan: tokens go in and out, nothing is called.

A driver tells the run what happened (`started`, `finished`, `chosen`, `paused`, `resumed`, `failed`, …) and
gets back the tokens that became ready; when nothing is live any more it asks the run to `settle`. Every token handed
out stays live until it is reported finished, so a run can be saved at any moment: what is live is what is ready.

Each report is all or nothing to those outside: a node of the run's own that cannot take its value (a for_each over a
number, a result of the wrong type) leaves a live token in front of it, marks the run failed and raises. In a run that
stands still nothing is marked: the listener of an event from outside that cannot take it is left out.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from typedflow.engine.marking import Marking
from typedflow.engine.places import Places
from typedflow.engine.plan import LAST_TASK
from typedflow.engine.spreading import Work, fire, open_round, spread
from typedflow.engine.status import Status
from typedflow.engine.tokens import Interrupt, Paused, Scope, Signal, Token


class Run(Marking):
    """Hold the state of one run, and move it on."""

    __slots__ = ()

    # -- what happened

    def started(self, value: Any) -> list[Token]:
        """Enter the flow with its input."""
        self.become(Status.RUNNING)
        return spread(self, [(self.plan.nodes[0].arms[0], value, None, 0, 0)])

    def finished(self, token: Token, value: Any, signals: Iterable[Signal] | None = None) -> list[Token]:
        """Take a step's output and its signals, as one transition."""
        del self.live[token]
        node, scope = self.plan.nodes[token.node], token.scope
        target = node.next_step
        if target >= 0 and signals is None:
            ready = Token(target, scope, value, token.node, token.visit)
            self.live[ready] = None
            return [ready]
        if scope is not None and scope.bounded:
            self._leave(scope)
        work: Work = [(node.arms[0], value, scope, token.node, token.visit)]
        if signals is not None:
            for signal in signals:
                fire(self, signal, work)
        return spread(self, work)

    def chosen(self, token: Token, hits: Sequence[int], signals: Iterable[Signal] | None = None) -> list[Token]:
        """Take the arms of a match that were hit, in case order; of a hit_first one at the most."""
        del self.live[token]
        node = self.plan.nodes[token.node]
        self._leave(token.scope)
        if not hits and node.has_else:
            hits = (len(node.arms) - 1,)
        work: Work = []
        if node.hit_all:
            open_round(self, node, token, token.value, tuple(hits), len(hits), work)
        else:
            edges = node.arms[hits[0]] if hits else self.plan.nodes[node.join].arms[0]
            work.append((edges, token.value, token.scope, token.producer, token.visit))
        if signals is not None:
            for signal in signals:
                fire(self, signal, work)
        return spread(self, work)

    def emitted(self, signals: Iterable[Signal]) -> list[Token]:
        """Take signals from outside of any step."""
        work: Work = []
        for signal in signals:
            fire(self, signal, work)
        return spread(self, work)

    def paused(self, token: Token, interrupt: Interrupt, signals: Iterable[Signal] | None = None) -> list[Token]:
        """Take a step out of the run until it is answered; what it has emitted stands."""
        del self.live[token]
        if self.interrupts is None:
            self.interrupts = {}
        self.interrupts[interrupt.id] = Paused(interrupt, token)
        self._leave(token.scope)
        return self.emitted(signals or ())

    def resumed(self, interrupt_id: str, value: Any) -> list[Token]:
        """Take a valid answer: it is the step's output, or the event that the step asked for."""
        assert self.interrupts is not None
        paused = self.interrupts.pop(interrupt_id)
        self._wake()
        token, event = paused.token, paused.interrupt.resume_event
        if event is not None:
            return self.emitted([Signal("event", event, value)])
        node = self.plan.nodes[token.node]
        return spread(self, [(node.arms[0], value, token.scope, token.node, token.visit)])

    def child_waits(self, token: Token) -> list[Token]:
        """Take a token out of the run whose child flow waits for an answer."""
        del self.live[token]
        if self.parked is None:
            self.parked = {}
        self.parked[token] = None
        self._leave(token.scope)
        return spread(self, [])

    def child_resumes(self, token: Token) -> bool:
        """Take a token back whose child flow goes on; nothing changes where other branches of the child still run.

        Says whether the child may go on: where the token waits for a place, it is given as ready when it has one.
        """
        self._wake()
        if self.parked is not None and token in self.parked:
            del self.parked[token]
            if self.is_admitted(token):
                self.live[token] = None
        return token in self.live

    def restored(self, tokens: Iterable[Token], parked: Iterable[Token]) -> None:
        """Take what was in flight when the run was saved; what had no place in a bounded round has none again."""
        self.places = Places()
        self.live = {token: None for token in tokens if self.is_admitted(token)}
        self.parked = dict.fromkeys(parked) or None

    def retried(self) -> list[Token]:
        """Give all live tokens once more, also those of a run that was only cut off."""
        if self.status is not Status.RUNNING:
            self.become(Status.RUNNING)
        tasks: list[Token] = []
        work: Work = []
        for token in list(self.live):
            if self.plan.nodes[token.node].kind <= LAST_TASK:
                tasks.append(token)
            else:
                del self.live[token]
                self._leave(token.scope)
                work.append((((token.node, 0),), token.value, token.scope, token.producer, token.visit))
        return [*tasks, *spread(self, work)]

    def cancelled(self) -> None:
        """Drop everything that is in flight, for good."""
        self.become(Status.CANCELLED)
        self.live.clear()
        self.joins = self.pools = self.interrupts = self.parked = self.places = None

    def copied(self) -> Run:
        """Give a copy to cancel: of what is in flight, only what `cancelled` would change in place."""
        run = copy.copy(self)
        run.live = dict(self.live)
        return run

    def settle(self) -> Status:
        """Say how a run stands that has nothing live: waiting for an answer, or completed."""
        if not self.live and self.status is Status.RUNNING:
            self.become(Status.WAITING if self.interrupts or self.parked else Status.COMPLETED)
        return self.status

    def woken(self) -> None:
        """Go on with what came to a run that waits."""
        if self.live:
            self._wake()

    # -- inside

    def _wake(self) -> None:
        if self.status is Status.WAITING:
            self.become(Status.RUNNING)

    def _leave(self, scope: Scope | None) -> None:
        """Have the bounded rounds round a scope know that a token in there is not live any more."""
        if scope is not None and scope.bounded:
            assert self.places is not None
            self.places.leave(scope)
