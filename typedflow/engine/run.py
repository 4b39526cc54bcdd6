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
from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeAlias

from typedflow.contract import executions, flows
from typedflow.contract.problems import Problem
from typedflow.contract.wording import describe
from typedflow.engine.places import Places
from typedflow.engine.plan import LAST_TASK, Edge, Kind, Plan, PlanNode
from typedflow.engine.pools import Pools
from typedflow.engine.status import TRANSITIONS, Status
from typedflow.engine.tokens import UNSET, Interrupt, Join, Paused, Scope, Signal, Token, scope_in
from typedflow.errors import ContractError, FinishedError
from typedflow.schema.check import Mismatch

Work: TypeAlias = list[tuple[Sequence[Edge], Any, Scope | None, int, int]]
"""What is to be spread: edges, value, scope, producer, visit."""


class Run:
    """Hold the state of one run, and move it on."""

    __slots__ = (
        "errors",
        "fired",
        "interrupts",
        "joins",
        "live",
        "parked",
        "places",
        "plan",
        "pools",
        "result",
        "status",
    )

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.status = Status.CREATED
        self.live: dict[Token, None] = {}
        """The tokens that are ready or running, in the order they became so."""
        self.interrupts: dict[str, Paused] | None = None
        """The steps that wait for an answer, by interrupt id."""
        self.parked: dict[Token, None] | None = None
        """The tokens in front of child flows that wait for an answer."""
        self.places: Places | None = None
        """The places of bounded rounds, once there was one; it has what waits for a place too."""
        self.joins: dict[Join, None] | None = None
        """The rounds that are still open."""
        self.pools: Pools | None = None
        """What `collect` and `when(mode="and")` have gathered, by node and the item they hang in."""
        self.fired: dict[int, int] | None = None
        """How often each listener and collect has fired."""
        self.result: Any = UNSET
        self.errors: list[Exception] | None = None

    # -- what happened

    def started(self, value: Any) -> list[Token]:
        """Enter the flow with its input."""
        self._become(Status.RUNNING)
        return self._spread([(self.plan.nodes[0].arms[0], value, None, 0, 0)])

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
                self._fire(signal, work)
        return self._spread(work)

    def chosen(self, token: Token, hits: Sequence[int], signals: Iterable[Signal] | None = None) -> list[Token]:
        """Take the arms of a match that were hit, in case order; of a hit_first one at the most."""
        del self.live[token]
        node = self.plan.nodes[token.node]
        self._leave(token.scope)
        if not hits and node.has_else:
            hits = (len(node.arms) - 1,)
        work: Work = []
        if node.hit_all:
            self._open(node, token, token.value, tuple(hits), len(hits), work)
        else:
            edges = node.arms[hits[0]] if hits else self.plan.nodes[node.join].arms[0]
            work.append((edges, token.value, token.scope, token.producer, token.visit))
        if signals is not None:
            for signal in signals:
                self._fire(signal, work)
        return self._spread(work)

    def emitted(self, signals: Iterable[Signal]) -> list[Token]:
        """Take signals from outside of any step."""
        work: Work = []
        for signal in signals:
            self._fire(signal, work)
        return self._spread(work)

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
        return self._spread([(node.arms[0], value, token.scope, token.node, token.visit)])

    def child_waits(self, token: Token) -> list[Token]:
        """Take a token out of the run whose child flow waits for an answer."""
        del self.live[token]
        if self.parked is None:
            self.parked = {}
        self.parked[token] = None
        self._leave(token.scope)
        return self._spread([])

    def child_resumes(self, token: Token) -> bool:
        """Take a token back whose child flow goes on; nothing changes where other branches of the child still run.

        Says whether the child may go on: where the token waits for a place, it is given as ready when it has one.
        """
        self._wake()
        if self.parked is not None and token in self.parked:
            del self.parked[token]
            if self._is_admitted(token):
                self.live[token] = None
        return token in self.live

    def restored(self, tokens: Iterable[Token], parked: Iterable[Token]) -> None:
        """Take what was in flight when the run was saved; what had no place in a bounded round has none again."""
        self.places = Places()
        self.live = {token: None for token in tokens if self._is_admitted(token)}
        self.parked = dict.fromkeys(parked) or None

    def failed(self, error: Exception) -> None:
        """Note that a step failed: its token stays live, and so do those that are cut off by it."""
        if self.errors is None:
            self.errors = []
        self.errors.append(error)
        if self.status is not Status.FAILED:
            self._become(Status.FAILED)

    def retried(self) -> list[Token]:
        """Give all live tokens once more, also those of a run that was only cut off."""
        if self.status is not Status.RUNNING:
            self._become(Status.RUNNING)
        tasks: list[Token] = []
        work: Work = []
        for token in list(self.live):
            if self.plan.nodes[token.node].kind <= LAST_TASK:
                tasks.append(token)
            else:
                del self.live[token]
                self._leave(token.scope)
                work.append((((token.node, 0),), token.value, token.scope, token.producer, token.visit))
        return [*tasks, *self._spread(work)]

    def cancelled(self) -> None:
        """Drop everything that is in flight, for good."""
        self._become(Status.CANCELLED)
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
            self._become(Status.WAITING if self.interrupts or self.parked else Status.COMPLETED)
        return self.status

    def set_result(self, value: Any) -> None:
        """Set the result; the first one wins."""
        if self.result is UNSET:
            self.result = value

    def woken(self) -> None:
        """Go on with what came to a run that waits."""
        if self.live:
            self._wake()

    # -- questions

    def in_flight(self) -> list[Token]:
        """Give all tokens but those that wait for answers themselves: those that hold a place before those that do not.

        The order is that in which a snapshot has them: whoever reads it gives the places to the first ones.
        """
        return [*self.live, *self.held, *(self.parked or ())]

    @property
    def held(self) -> Collection[Token]:
        """Give the tokens that wait for a place in a bounded round."""
        return () if self.places is None else self.places.held

    def unfilled(self) -> dict[str, list[str]]:
        """Name the joins that opened or gathered something and were never filled, each with what it waits for."""
        nodes = self.plan.nodes
        waits: dict[str, list[str]] = {}
        for join in self.joins or ():
            slots = (f"item {item}" for item, value in enumerate(join.slots) if value is UNSET)
            waits.setdefault(nodes[join.node].name, []).extend(slots)
        for (index, _, _), pool in (self.pools or {}).items():
            node = nodes[index]
            names = node.branches or tuple(trigger.name for trigger in node.triggers)
            absent = [name for slot, name in enumerate(names) if slot not in pool]
            if absent:
                waits.setdefault(node.name, []).extend(absent)
        return waits

    def key(self, token: Token) -> str:
        """Give the token's place, the same over retries and loads: its blocks, items, visits and node."""
        nodes = self.plan.nodes
        parts = [f"{nodes[token.node].name}@{token.visit}"]
        scope = token.scope
        while scope is not None:
            join = scope.join
            parts.append(f"{nodes[join.node].name}@{join.visit}[{scope.item}]")
            scope = join.scope
        return "/".join(reversed(parts))

    # -- inside

    def _wake(self) -> None:
        if self.status is Status.WAITING:
            self._become(Status.RUNNING)

    def _leave(self, scope: Scope | None) -> None:
        """Have the bounded rounds round a scope know that a token in there is not live any more."""
        if scope is not None and scope.bounded:
            assert self.places is not None
            self.places.leave(scope)

    def _is_admitted(self, token: Token) -> bool:
        """Say whether a token may become live; one that has no place in a bounded round is held until it has."""
        if token.scope is None or not token.scope.bounded:
            return True
        assert self.places is not None
        return self.places.admit(token)

    def _give_places(self, places: Places, ready: list[Token]) -> Work:
        """Give free places away, to what was answered and then to the next items; gives what that is to spread."""
        work: Work = []
        while not work and (join := places.find_free()) is not None:
            held = places.next_held(join)
            if not held:
                self._launch(self.plan.nodes[join.node], join, work)
            for token in held:
                if places.admit(token):
                    self.live[token] = None
                    ready.append(token)
        return work

    def _become(self, status: Status) -> None:
        if status not in TRANSITIONS[self.status]:
            raise FinishedError(executions.wrong_status(self.status, status))
        self.status = status

    def _spread(self, work: Work) -> list[Token]:
        """Follow edges until every value stands in front of a task; the worklist keeps it flat."""
        ready: list[Token] = []
        fault: ContractError | None = None
        nodes = self.plan.nodes
        while True:
            for edges, value, scope, producer, visit in work:
                for target, slot in edges:
                    node = nodes[target]
                    token = Token(target, scope, value, producer, visit)
                    if node.kind <= LAST_TASK:
                        if scope is None or not scope.bounded or self._is_admitted(token):
                            self.live[token] = None
                            ready.append(token)
                        continue
                    try:
                        self._pass(node, slot, token, work)
                    except ContractError as error:
                        fault = fault or error
                        self._leave_in_front(token)
            if self.places is None or not (work := self._give_places(self.places, ready)):
                break
        if fault is not None:
            if self.status is Status.RUNNING:
                self.failed(fault)
            raise fault
        return ready

    def _leave_in_front(self, token: Token) -> None:
        """Keep a token in front of a node that cannot take its value; in a run that stands still it is left out."""
        if self.status is Status.RUNNING:
            self.live[token] = None
            if self.places is not None:
                self.places.enter(token.scope)

    def _pass(self, node: PlanNode, slot: int, token: Token, work: Work) -> None:
        """Let a value through a node of the run's own."""
        kind = node.kind
        if kind == Kind.JOIN:
            self._arrive(node, token, work)
        elif kind == Kind.PASS:
            work.append((node.arms[0], token.value, token.scope, token.producer, token.visit))
        elif kind == Kind.EACH:
            items = items_of(token.value, node.name)
            self._open(node, token, items, None, len(items), work)
        elif kind == Kind.BATCH:
            self._open(node, token, token.value, None, len(node.arms), work)
        elif kind == Kind.COLLECT:
            self._gather(node, slot, token, work)
        else:
            self._end(node, token)

    def _open(
        self, node: PlanNode, token: Token, source: Any, hits: tuple[int, ...] | None, size: int, work: Work
    ) -> None:
        """Open a round of a block, and let in what its bound allows."""
        join = Join(node.index, token.scope, token.visit, token.producer, source, [UNSET] * size, size, 0, hits)
        if size == 0:
            self._close(join, work)
            return
        if self.joins is None:
            self.joins = {}
        self.joins[join] = None
        if 0 < node.limit < size:
            join.bound(node.limit)
            self.places = self.places or Places()
        for _ in range(min(size, node.limit or size)):
            self._launch(node, join, work)

    def _launch(self, node: PlanNode, join: Join, work: Work) -> None:
        """Let the next item of a round in."""
        item = join.launched
        join.launched = item + 1
        scope = scope_in(join, item)
        if join.inside is not None:
            assert self.places is not None
            self.places.reserve(scope)
        if node.kind == Kind.EACH:
            work.append((node.arms[0], join.source[item], scope, node.index, 0))
        else:
            arm = item if join.hits is None else join.hits[item]
            work.append((node.arms[arm], join.source, scope, join.producer, 0))

    def _arrive(self, node: PlanNode, token: Token, work: Work) -> None:
        """Fill one slot of a round; the last one closes it."""
        assert token.scope is not None
        join, item = token.scope.join, token.scope.item
        if join.slots[item] is not UNSET:
            return
        join.slots[item] = token.value
        join.remaining -= 1
        if join.remaining == 0:
            assert self.joins is not None
            del self.joins[join]
            self._close(join, work)

    def _close(self, join: Join, work: Work) -> None:
        node = self.plan.nodes[self.plan.nodes[join.node].join]
        if self.pools:
            self.pools.drop_in(join)
        value = tuple(join.slots) if node.as_tuple else join.slots
        work.append((node.arms[0], value, join.scope, node.index, join.visit))

    def _gather(self, node: PlanNode, slot: int, token: Token, work: Work) -> None:
        """Give a collect one branch's value; when all have one, it fires."""
        if self.pools is None:
            self.pools = Pools()
        pool = self.pools.pool(node, token.scope)
        pool[slot] = token.value
        if len(pool) < len(node.branches):
            return
        value = {branch: pool[index] for index, branch in enumerate(node.branches)}
        if not node.keeps:
            self.pools.drop(node, token.scope)
        work.append((node.arms[0], value, token.scope, node.index, self._visit(node.index)))

    def _fire(self, signal: Signal, work: Work) -> None:
        """Start the chains that listen to a signal, or fill their pools."""
        for index in self.plan.listeners.get((signal.kind, signal.name), ()):
            node = self.plan.nodes[index]
            value = signal.value
            if node.mode == "or":
                value = (signal.kind, signal.name, value)
            elif node.mode == "and":
                if self.pools is None:
                    self.pools = Pools()
                pool = self.pools.pool(node, None)
                slot = next(i for i, t in enumerate(node.triggers) if (t.kind, t.name) == (signal.kind, signal.name))
                pool[slot] = value
                if len(pool) < len(node.triggers):
                    continue
                value = {}
                for i, trigger in enumerate(node.triggers):
                    value.setdefault(str(trigger.kind), {})[trigger.name] = pool[i]
                self.pools.drop(node, None)
            work.append((node.arms[0], value, None, index, self._visit(index)))

    def _visit(self, index: int) -> int:
        if self.fired is None:
            self.fired = {}
        visit = self.fired.get(index, 0) + 1
        self.fired[index] = visit
        return visit

    def _end(self, node: PlanNode, token: Token) -> None:
        value = token.value
        if node.check_in is not None:
            try:
                value = node.check_in(value)
            except Mismatch as mismatch:
                raise ContractError(executions.wrong_value("result", str(mismatch)).at(self._place(token))) from None
        self.set_result(value)

    def _place(self, token: Token) -> str:
        return f"step '{self.plan.nodes[token.producer].name}' of flow '{self.plan.flow}'"


def items_of(value: Any, name: str) -> tuple[Any, ...]:
    """Give the items of a sequence as they are now; a str, bytes, dict, set or iterator is none."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview):
        return tuple(value)
    problem: Problem = flows.not_a_sequence(describe(value))
    raise ContractError(problem.at(f"'{name}'"))
