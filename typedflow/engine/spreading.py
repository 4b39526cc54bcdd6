"""How values go along the edges: through the nodes of the run's own, until each stands in front of a task.

A run's own nodes are those that nobody has to be asked for: blocks open rounds and close them, collects and listeners
gather, an end takes the result. It is one worklist, without recursion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from typedflow.contract import executions, flows
from typedflow.contract.problems import Problem
from typedflow.contract.wording import describe
from typedflow.engine.marking import Marking
from typedflow.engine.places import Places
from typedflow.engine.plan import LAST_TASK, Edge, Kind, PlanNode
from typedflow.engine.pools import Pools
from typedflow.engine.status import Status
from typedflow.engine.tokens import UNSET, Join, Scope, Signal, Token, scope_in
from typedflow.errors import ContractError
from typedflow.schema.check import Mismatch

Work: TypeAlias = list[tuple[Sequence[Edge], Any, Scope | None, int, int]]
"""What is to be spread: edges, value, scope, producer, visit."""


def spread(run: Marking, work: Work) -> list[Token]:
    """Follow edges until every value stands in front of a task; the worklist keeps it flat."""
    ready: list[Token] = []
    fault: ContractError | None = None
    nodes = run.plan.nodes
    while True:
        for edges, value, scope, producer, visit in work:
            for target, slot in edges:
                node = nodes[target]
                token = Token(target, scope, value, producer, visit)
                if node.kind <= LAST_TASK:
                    if scope is None or not scope.bounded or run.is_admitted(token):
                        run.live[token] = None
                        ready.append(token)
                    continue
                try:
                    _pass(run, node, slot, token, work)
                except ContractError as error:
                    fault = fault or error
                    _leave_in_front(run, token)
        if run.places is None or not (work := _give_places(run, run.places, ready)):
            break
    if fault is not None:
        if run.status is Status.RUNNING:
            run.failed(fault)
        raise fault
    return ready


def _give_places(run: Marking, places: Places, ready: list[Token]) -> Work:
    """Give free places away, to what was answered and then to the next items; gives what that is to spread."""
    work: Work = []
    while not work and (join := places.find_free()) is not None:
        held = places.next_held(join)
        if not held:
            _launch(run, run.plan.nodes[join.node], join, work)
        for token in held:
            if places.admit(token):
                run.live[token] = None
                ready.append(token)
    return work


def _leave_in_front(run: Marking, token: Token) -> None:
    """Keep a token in front of a node that cannot take its value; in a run that stands still it is left out."""
    if run.status is Status.RUNNING:
        run.live[token] = None
        if run.places is not None:
            run.places.enter(token.scope)


def _pass(run: Marking, node: PlanNode, slot: int, token: Token, work: Work) -> None:
    """Let a value through a node of the run's own."""
    kind = node.kind
    if kind == Kind.JOIN:
        _arrive(run, node, token, work)
    elif kind == Kind.PASS:
        work.append((node.arms[0], token.value, token.scope, token.producer, token.visit))
    elif kind == Kind.EACH:
        items = items_of(token.value, node.name)
        open_round(run, node, token, items, None, len(items), work)
    elif kind == Kind.BATCH:
        open_round(run, node, token, token.value, None, len(node.arms), work)
    elif kind == Kind.COLLECT:
        _gather(run, node, slot, token, work)
    else:
        _end(run, node, token)


def open_round(
    run: Marking, node: PlanNode, token: Token, source: Any, hits: tuple[int, ...] | None, size: int, work: Work
) -> None:
    """Open a round of a block, and let in what its bound allows."""
    join = Join(node.index, token.scope, token.visit, token.producer, source, [UNSET] * size, size, 0, hits)
    if size == 0:
        _close(run, join, work)
        return
    if run.joins is None:
        run.joins = {}
    run.joins[join] = None
    if 0 < node.limit < size:
        join.bound(node.limit)
        run.places = run.places or Places()
    for _ in range(min(size, node.limit or size)):
        _launch(run, node, join, work)


def _launch(run: Marking, node: PlanNode, join: Join, work: Work) -> None:
    """Let the next item of a round in."""
    item = join.launched
    join.launched = item + 1
    scope = scope_in(join, item)
    if join.inside is not None:
        assert run.places is not None
        run.places.reserve(scope)
    if node.kind == Kind.EACH:
        work.append((node.arms[0], join.source[item], scope, node.index, 0))
    else:
        arm = item if join.hits is None else join.hits[item]
        work.append((node.arms[arm], join.source, scope, join.producer, 0))


def _arrive(run: Marking, node: PlanNode, token: Token, work: Work) -> None:
    """Fill one slot of a round; the last one closes it."""
    assert token.scope is not None
    join, item = token.scope.join, token.scope.item
    if join.slots[item] is not UNSET:
        return
    join.slots[item] = token.value
    join.remaining -= 1
    if join.remaining == 0:
        assert run.joins is not None
        del run.joins[join]
        _close(run, join, work)


def _close(run: Marking, join: Join, work: Work) -> None:
    node = run.plan.nodes[run.plan.nodes[join.node].join]
    if run.pools:
        run.pools.drop_in(join)
    value = tuple(join.slots) if node.as_tuple else join.slots
    work.append((node.arms[0], value, join.scope, node.index, join.visit))


def fire(run: Marking, signal: Signal, work: Work) -> None:
    """Start the chains that listen to a signal, or fill their pools."""
    for index in run.plan.listeners.get((signal.kind, signal.name), ()):
        node = run.plan.nodes[index]
        value = signal.value
        if node.mode == "or":
            value = (signal.kind, signal.name, value)
        elif node.mode == "and":
            if run.pools is None:
                run.pools = Pools()
            pool = run.pools.pool(node, None)
            slot = next(i for i, t in enumerate(node.triggers) if (t.kind, t.name) == (signal.kind, signal.name))
            pool[slot] = value
            if len(pool) < len(node.triggers):
                continue
            value = {}
            for i, trigger in enumerate(node.triggers):
                value.setdefault(str(trigger.kind), {})[trigger.name] = pool[i]
            run.pools.drop(node, None)
        work.append((node.arms[0], value, None, index, _visit(run, index)))


def _gather(run: Marking, node: PlanNode, slot: int, token: Token, work: Work) -> None:
    """Give a collect one branch's value; when all have one, it fires."""
    if run.pools is None:
        run.pools = Pools()
    pool = run.pools.pool(node, token.scope)
    pool[slot] = token.value
    if len(pool) < len(node.branches):
        return
    value = {branch: pool[index] for index, branch in enumerate(node.branches)}
    if not node.keeps:
        run.pools.drop(node, token.scope)
    work.append((node.arms[0], value, token.scope, node.index, _visit(run, node.index)))


def _visit(run: Marking, index: int) -> int:
    if run.fired is None:
        run.fired = {}
    visit = run.fired.get(index, 0) + 1
    run.fired[index] = visit
    return visit


def _end(run: Marking, node: PlanNode, token: Token) -> None:
    value = token.value
    if node.check_in is not None:
        try:
            value = node.check_in(value)
        except Mismatch as mismatch:
            raise ContractError(executions.wrong_value("result", str(mismatch)).at(_place(run, token))) from None
    run.set_result(value)


def _place(run: Marking, token: Token) -> str:
    return f"step '{run.plan.nodes[token.producer].name}' of flow '{run.plan.flow}'"


def items_of(value: Any, name: str) -> tuple[Any, ...]:
    """Give the items of a sequence as they are now; a str, bytes, dict, set or iterator is none."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview):
        return tuple(value)
    problem: Problem = flows.not_a_sequence(describe(value))
    raise ContractError(problem.at(f"'{name}'"))
