"""Chains that were wired twice: one line attached the same thing to the same place again, as a notebook cell does."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from types import FunctionType
from typing import Any

from typedflow.definition.nodes import (
    Batch,
    Definition,
    Each,
    End,
    Match,
    Node,
    Sleep,
    Step,
    SubFlow,
    When,
    sources_of,
)
from typedflow.definition.origins import UNKNOWN_ORIGIN
from typedflow.rules.flows import wired_twice_problem
from typedflow.rules.problems import Problem


def check_repeats(definition: Definition) -> Iterator[Problem]:
    """Report the nodes that the same line attached before, behind the same node and without a name of their own."""
    seen: dict[Hashable, str] = {}
    for index, node in enumerate(definition.nodes):
        origin, what = definition.origin_of(index), _what(node)
        if origin in (UNKNOWN_ORIGIN, definition.origin_of(0)) or what is None:  # one line makes all of a document
            continue
        key = (type(node), tuple((port.node, port.branch) for port in sources_of(node)), origin, what)
        first = seen.setdefault(key, node.name)
        if first != node.name and _is_numbered(node, first):
            yield wired_twice_problem(first).located(*origin)


def _is_numbered(node: Node, first: str) -> bool:
    """Return whether a node has no name of its own, so that it has that of the first one with a number."""
    return node.name.startswith(f"{first.partition('#')[0]}#")


def _what(node: Node) -> Hashable | None:
    """Return what a node does, equal for what the same lines define when they run again; None for a node without."""
    match node:
        case Step():
            return _function(node.handler)
        case Sleep():
            return _function(node.until) if callable(node.until) else node.until
        case SubFlow():
            return id(node.child)
        case When():
            return (node.mode, tuple((trigger.kind, trigger.name) for trigger in node.triggers))
        case Batch() | Each() | Match() | End():
            return ""
        case _:
            return None


def _function(handler: Any) -> Hashable:
    """Return what identifies a function: its code, unless values are bound to it, which may differ."""
    if type(handler) is FunctionType and not (handler.__closure__ or handler.__defaults__ or handler.__kwdefaults__):
        return (handler.__module__, handler.__qualname__, handler.__code__)
    return id(handler)
