"""Where one run stands: what is live, which rounds are open, what was gathered, and what came of it.

This is what a snapshot saves. What moves a run on stands above: values by `engine.spreading`, all else by `engine.run`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from typedflow.contract import executions
from typedflow.engine.places import Places
from typedflow.engine.plan import Plan
from typedflow.engine.pools import Pools
from typedflow.engine.status import TRANSITIONS, Status
from typedflow.engine.tokens import UNSET, Join, Paused, Token
from typedflow.errors import FinishedError


class Marking:
    """Hold where one run stands; the word is that of Petri nets, for where the tokens of a net are."""

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

    def become(self, status: Status) -> None:
        """Take a status that may follow the present one; any other is refused."""
        if status not in TRANSITIONS[self.status]:
            raise FinishedError(executions.wrong_status(self.status, status))
        self.status = status

    def failed(self, error: Exception) -> None:
        """Note that a step failed: its token stays live, and so do those that are cut off by it."""
        if self.errors is None:
            self.errors = []
        self.errors.append(error)
        if self.status is not Status.FAILED:
            self.become(Status.FAILED)

    def set_result(self, value: Any) -> None:
        """Set the result; the first one wins."""
        if self.result is UNSET:
            self.result = value

    def is_admitted(self, token: Token) -> bool:
        """Say whether a token may become live; one that has no place in a bounded round is held until it has."""
        if token.scope is None or not token.scope.bounded:
            return True
        assert self.places is not None
        return self.places.admit(token)

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
