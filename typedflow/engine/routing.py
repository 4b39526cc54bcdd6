"""Routing: which tokens an output makes. Values follow the edges until each is at a task.

Tasks are the nodes that a driver works on: steps, matches and child flows. All other nodes are handled here: blocks
open and close, collects and listeners gather, an end sets the result. One worklist, without recursion.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from typedflow.definition.failed import Failed
from typedflow.engine.causes import derive, merge
from typedflow.engine.permits import Permits
from typedflow.engine.plan import LAST_TASK, Edge, Kind, PlanNode
from typedflow.engine.pools import Pools
from typedflow.engine.run_state import RunState
from typedflow.engine.status import Status
from typedflow.engine.tokens import UNSET, BlockInstance, Contribution, Scope, Signal, Token, scope_in
from typedflow.errors import ContractError
from typedflow.rules import executions, flows
from typedflow.rules.problems import Problem
from typedflow.rules.wording import describe
from typedflow.schema.check import Mismatch

Work: TypeAlias = list[tuple[Sequence[Edge], Any, Scope | None, int, str]]
"""Outputs to route, each as (edges, value, scope, index of the producer, cause)."""


def route(run: RunState, work: Work) -> list[Token]:
    """Follow the edges until every value is at a task; return the tokens that became ready.

    Where a node cannot take its value, the rest is still routed; then the run fails with the first ContractError.
    """
    ready: list[Token] = []
    fault: ContractError | None = None
    nodes = run.plan.nodes
    while True:
        for edges, value, scope, producer, cause in work:
            for target, slot in edges:
                node = nodes[target]
                token = Token(target, scope, value, producer, cause)
                if node.kind <= LAST_TASK:
                    if scope is None or not scope.bounded or run.is_admitted(token):
                        run.live[token] = None
                        ready.append(token)
                    continue
                try:
                    _pass(run, node, slot, token, work)
                except ContractError as error:
                    fault = fault or error
                    _keep_at_node(run, token)
        if run.permits is None or not (work := _release_permits(run, run.permits, ready)):
            break
    if fault is not None:
        if run.status is Status.RUNNING:
            run.failed(fault)
        raise fault
    return ready


def _release_permits(run: RunState, permits: Permits, ready: list[Token]) -> Work:
    """Pass free permits on, to resumed tokens first, then to the next items; return the outputs that this routes."""
    work: Work = []
    while not work and (block := permits.find_free()) is not None:
        queued = permits.next_queued(block)
        if not queued:
            _launch(run, run.plan.nodes[block.node], block, work)
        for token in queued:
            if permits.admit(token):
                run.live[token] = None
                ready.append(token)
    return work


def _keep_at_node(run: RunState, token: Token) -> None:
    """Keep the token at a node that cannot take its value, for a retry.

    Drop one outside of all blocks where the run is not running; the item of a block would never end without it.
    """
    if run.status is Status.RUNNING or token.scope is not None:
        run.live[token] = None
        if run.permits is not None:
            run.permits.enter(token.scope)


def _pass(run: RunState, node: PlanNode, slot: int, token: Token, work: Work) -> None:
    """Move a value through a node that is no task."""
    kind = node.kind
    if kind == Kind.JOIN:
        assert token.scope is not None
        fill(run, token.scope.block, token.scope.item, token.value, work)
    elif kind == Kind.PASS:
        work.append((node.ports[0], token.value, token.scope, token.producer, token.cause))
    elif kind == Kind.CATCH:
        work.append((node.ports[0], token.value, token.scope, node.index, token.cause))
    elif kind == Kind.EACH:
        items = items_of(token.value, node.name)
        open_block(run, node, token, items, None, len(items), work)
    elif kind == Kind.BATCH:
        open_block(run, node, token, token.value, None, len(node.ports), work)
    elif kind == Kind.COLLECT:
        _gather(run, node, slot, token, work)
    else:
        _end(run, node, token)


def open_block(
    run: RunState, node: PlanNode, token: Token, source: Any, hits: tuple[int, ...] | None, size: int, work: Work
) -> None:
    """Open a block instance, and start as many items as its limit allows."""
    block = BlockInstance(
        node.index, token.scope, token.cause, run.key(token), token.producer, source, [UNSET] * size, size, 0, hits
    )
    if size == 0:
        _close(run, block, work)
        return
    if run.blocks is None:
        run.blocks = {}
    run.blocks[block] = None
    if 0 < node.limit < size:
        block.set_limit(node.limit)
        run.permits = run.permits or Permits()
    for _ in range(min(size, node.limit or size)):
        _launch(run, node, block, work)


def _launch(run: RunState, node: PlanNode, block: BlockInstance, work: Work) -> None:
    """Start the next item of a block instance."""
    item = block.launched
    block.launched = item + 1
    scope = scope_in(block, item)
    if block.holders is not None:
        assert run.permits is not None
        run.permits.reserve(scope)
    if node.kind == Kind.EACH:
        work.append((node.ports[0], block.source[item], scope, node.index, derive(block.key, item)))
    else:
        branch = item if block.hits is None else block.hits[item]
        work.append((node.ports[branch], block.source, scope, block.producer, block.cause))


def fill(run: RunState, block: BlockInstance, item: int, value: Any, work: Work) -> None:
    """Fill one slot of a block instance, unless it is filled; the last one closes it."""
    if block.slots[item] is not UNSET:
        return
    block.slots[item] = value
    block.remaining -= 1
    if block.unsaved_slots is not None:
        block.unsaved_slots.append(item)
    if run.item_results is not None:
        run.item_results.append((block, item, len(block.slots) - block.remaining, type(value) is Failed))
    if block.remaining == 0:
        assert run.blocks is not None
        del run.blocks[block]
        _close(run, block, work)


def _close(run: RunState, block: BlockInstance, work: Work) -> None:
    node = run.plan.nodes[run.plan.nodes[block.node].join]
    if run.pools:
        run.pools.drop_in(block)
    slots = block.slots if block.hits is None else in_branch_order(block.hits, block.slots)
    value = tuple(slots) if node.as_tuple else slots
    work.append((node.ports[0], value, block.scope, node.index, block.cause))


def in_branch_order(hits: Sequence[int], slots: Sequence[Any]) -> list[Any]:
    """Return the results of a block in the order of its branches: a change of the flow may have moved some."""
    return [slot for _, slot in sorted(zip(hits, slots, strict=True), key=lambda pair: pair[0])]


def fire(run: RunState, signals: Iterable[Signal], sender: str, work: Work) -> None:
    """Start the chains that listen to the signals of one sender, or fill their pools; `sender` is its key."""
    sent: dict[tuple[str, str], int] = {}
    for signal in signals:
        name = (signal.kind, signal.name)
        ordinal = sent[name] = sent.get(name, -1) + 1
        if name in run.plan.listeners:
            fire_one(run, signal, derive(sender, *name, ordinal), work)


def fire_one(run: RunState, signal: Signal, cause: str, work: Work) -> None:
    """Start the chains that listen to a signal, or fill their pools."""
    for index in run.plan.listeners.get((signal.kind, signal.name), ()):
        node = run.plan.nodes[index]
        value, because = signal.value, cause
        if node.mode == "or":
            value = (signal.kind, signal.name, value)
        elif node.mode == "and":
            if run.pools is None:
                run.pools = Pools()
            pool = run.pools.pool(node, None)
            slot = next(i for i, t in enumerate(node.triggers) if (t.kind, t.name) == (signal.kind, signal.name))
            pool[slot] = Contribution(value, cause)
            if len(pool) < len(node.triggers):
                continue
            value = {}
            for i, trigger in enumerate(node.triggers):
                value.setdefault(str(trigger.kind), {})[trigger.name] = pool[i].value
            because = merge((f"{t.kind} {t.name}", pool[i].cause) for i, t in enumerate(node.triggers))
            run.pools.drop(node, None)
        work.append((node.ports[0], value, None, index, because))


def _gather(run: RunState, node: PlanNode, slot: int, token: Token, work: Work) -> None:
    """Gather one branch's value of a collect; fire it when every branch has one."""
    if run.pools is None:
        run.pools = Pools()
    pool = run.pools.pool(node, token.scope)
    pool[slot] = Contribution(token.value, token.cause)
    if len(pool) < len(node.branches):
        return
    value = {branch: pool[index].value for index, branch in enumerate(node.branches)}
    cause = merge((branch, pool[index].cause) for index, branch in enumerate(node.branches))
    if not node.keeps:
        run.pools.drop(node, token.scope)
    work.append((node.ports[0], value, token.scope, node.index, cause))


def _end(run: RunState, node: PlanNode, token: Token) -> None:
    value = token.value
    if node.check_in is not None:
        try:
            value = node.check_in(value)
        except Mismatch as mismatch:
            raise ContractError(
                executions.wrong_value_problem("result", str(mismatch)).at(_where(run, token))
            ) from None
    run.set_result(value)


def _where(run: RunState, token: Token) -> str:
    return f"step '{run.plan.nodes[token.producer].name}' of flow '{run.plan.flow}'"


def items_of(value: Any, name: str) -> tuple[Any, ...]:
    """Return the items of a sequence as a tuple; raises ContractError for a str, bytes, dict, set or iterator."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview):
        return tuple(value)
    problem: Problem = flows.not_a_sequence_problem(describe(value))
    raise ContractError(problem.at(f"'{name}'"))
