"""Dropping what is inside of one item of a block: its failure became a value, and nothing of it goes on."""

from __future__ import annotations

from typing import Any

from typedflow.engine.run_state import RunState
from typedflow.engine.tokens import UNSET, BlockInstance, Scope


def is_inside(scope: Scope | None, block: BlockInstance, item: int) -> bool:
    """Return whether a scope is that of an item, or is inside of it."""
    while scope is not None:
        if scope.block is block:
            return scope.item == item
        scope = scope.block.scope
    return False


def source_of(block: BlockInstance, item: int) -> Any:
    """Return the value that an item started with; UNSET where a load has not restored it."""
    return block.source[item] if item < len(block.source) else UNSET


def drop_item(run: RunState, block: BlockInstance, item: int) -> None:
    """Drop the tokens, interrupts, pools and inner blocks of an item, and release its permits.

    The child executions of dropped tokens are the caller's to drop. The slot of the item stays as it is.
    """
    for token in [token for token in run.live if is_inside(token.scope, block, item)]:
        del run.live[token]
        if run.remotes is not None:
            run.remotes.pop(token, None)
        if run.permits is not None:
            run.permits.leave(token.scope)
    if run.awaiting_child is not None:
        for token in [token for token in run.awaiting_child if is_inside(token.scope, block, item)]:
            del run.awaiting_child[token]
            run.note_waiting(token)
            if run.remotes is not None and token in run.remotes:  # it keeps its permits while it is open
                del run.remotes[token]
                if run.permits is not None:
                    run.permits.leave(token.scope)
    if run.interrupts is not None:
        for id_ in [id_ for id_, paused in run.interrupts.items() if is_inside(paused.token.scope, block, item)]:
            del run.interrupts[id_]
            run.note_interrupt(id_)
    if run.permits is not None:
        for token in [token for token in run.permits.queued if is_inside(token.scope, block, item)]:
            run.permits.drop(token)
    assert run.blocks is not None  # the block itself is open
    for inner in [inner for inner in run.blocks if is_inside(inner.scope, block, item)]:
        del run.blocks[inner]
        inner.launched = len(inner.slots)  # so that a permit that becomes free starts no item of it
    if run.pools is not None:
        for key in [key for key in run.pools if key[1] is not None and _is_in(key[1], key[2], block, item)]:
            del run.pools[key]


def _is_in(inner: BlockInstance, inner_item: int, block: BlockInstance, item: int) -> bool:
    """Return whether an item is another one, or is inside of it."""
    return inner_item == item if inner is block else is_inside(inner.scope, block, item)
