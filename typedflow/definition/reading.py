"""Resolve the annotations of handlers: when they are attached, and again before the flow is checked.

A name can be bound after the line that attaches a handler. If annotations of a handler, or of a class in them, cannot
be resolved yet, the handler is kept with the frame of that line and resolved again later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import msgspec

from typedflow.definition.names import name_of
from typedflow.definition.nodes import Case, Definition, Handler, Match, Node, Step
from typedflow.definition.origins import Origin
from typedflow.rules.problems import Problem
from typedflow.rules.schema import unresolved_handler_problem, unresolved_within_problem
from typedflow.schema.annotations import NEVER, UNKNOWN, HandlerTypes, handler_types
from typedflow.schema.check import compile_check
from typedflow.schema.parsing import Unresolved
from typedflow.schema.render import render
from typedflow.schema.settling import settle


class Pending(msgspec.Struct):
    """A handler whose annotations could not be resolved when it was attached."""

    handler: Handler
    frame: FrameType | None
    put: Callable[[HandlerTypes], None]
    """Replaces the types in the definition."""

    def retry(self) -> bool:
        """Read the annotations again; return whether all of them could be resolved."""
        types, is_whole = read_types(self.handler, self.frame)
        self.put(types)
        return is_whole


class Attached:
    """The handlers of one flow with unresolved annotations; a frame is released when its handler is resolved."""

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending: list[Pending] = []

    def read(self, handler: Handler, frame: FrameType | None, put: Callable[[HandlerTypes], None]) -> HandlerTypes:
        """Return the types of a handler attached in `frame`; later resolutions pass the new types to `put`."""
        types, is_whole = read_types(handler, frame)
        if not is_whole:
            self._pending.append(Pending(handler, frame if _has_locals(frame) else None, put))
        return types

    def retry(self) -> None:
        """Resolve again the annotations that could not be resolved so far."""
        self._pending = [pending for pending in self._pending if not pending.retry()]


def read_types(handler: Handler, frame: FrameType | None) -> tuple[HandlerTypes, bool]:
    """Return the types of a handler, and whether all could be resolved.

    Classes in them are resolved with the names of the frame too. Names that do not depend on the frame's locals count
    as resolved.
    """
    types = handler_types(handler, frame)
    if not _has_locals(frame):
        return types, not types.unreadable
    unsettled = [settle(tp, frame) for tp in (types.value, types.result) if tp is not UNKNOWN and tp is not NEVER]
    return types, not types.unreadable and not any(unsettled)


def _has_locals(frame: FrameType | None) -> bool:
    return frame is not None and frame.f_locals is not frame.f_globals


def check_annotations(definition: Definition) -> tuple[Definition, list[Problem]]:
    """Check that what the handlers annotate can be resolved at any depth (TF610).

    Returns the definition with UNKNOWN for the types that cannot be resolved, so that the rest can be checked.
    """
    problems: list[Problem] = []
    nodes: list[Node] = []
    for index, node in enumerate(definition.nodes):
        origin = definition.origin_of(index)
        if isinstance(node, Step):
            types = _readable(node.name, node.types, "step", origin, problems)
            nodes.append(node if types is node.types else msgspec.structs.replace(node, types=types))
        elif isinstance(node, Match):
            cases = tuple(_readable_case(case, problems) for case in node.cases)
            nodes.append(node if cases == node.cases else msgspec.structs.replace(node, cases=cases))
        else:
            nodes.append(node)
    if not problems:
        return definition, []
    placed = [problem.at(f"flow '{definition.flow}'") for problem in problems]
    return msgspec.structs.replace(definition, nodes=tuple(nodes)), placed


def _readable_case(case: Case, problems: list[Problem]) -> Case:
    if case.types is None:
        return case
    types = _readable(name_of(case.condition), case.types, "condition", case.origin, problems)
    return case if types is case.types else msgspec.structs.replace(case, types=types)


def _readable(name: str, types: HandlerTypes, kind: str, origin: Origin, problems: list[Problem]) -> HandlerTypes:
    """Append the problems of one handler's annotations; return its types, UNKNOWN for those with a problem."""
    found = [unresolved_handler_problem(name, it.name, it.text, it.reason, kind=kind) for it in types.unreadable]
    if taken := list(_unresolved_in(name, "takes", types.value, kind)):
        types = msgspec.structs.replace(types, value=UNKNOWN)
    if returned := list(_unresolved_in(name, "returns", types.result, kind)):
        types = msgspec.structs.replace(types, result=UNKNOWN)
    problems += [problem.located(*origin) for problem in [*found, *taken, *returned]]
    return types


def _unresolved_in(name: str, verb: str, tp: Any, kind: str) -> Iterator[Problem]:
    if tp is UNKNOWN or tp is NEVER:
        return
    said = f"{kind} '{name}' {verb} {render(tp)}"
    unsettled = settle(tp, None)
    for it in unsettled:
        yield unresolved_within_problem(said, it.owner.__name__, it.field, it.failure.text, it.failure.reason)
    if not unsettled:
        try:
            compile_check(tp)
        except Unresolved as failure:  # in an alias, or the bound of a type variable
            yield unresolved_within_problem(said, "", "", "", str(failure))
