"""Nodes that were made elsewhere, from a document, in place of the calls that wire a flow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from types import FrameType

from msgspec.structs import replace

from typedflow.definition.arguments import check_options
from typedflow.definition.nodes import Match, Node, Sleep, Step
from typedflow.definition.origins import calling_origin
from typedflow.definition.wiring import Wiring
from typedflow.errors import ContractError
from typedflow.rules import flows
from typedflow.rules.problems import Problem
from typedflow.schema.annotations import HandlerTypes


def adopt(wiring: Wiring, nodes: Sequence[Node], frame: FrameType) -> list[Problem]:
    """Take over nodes that fit together, in place of all calls; return the problems of their handlers.

    `frame` is the caller's, to resolve annotations with local names. `Names.adopt` takes over their names.
    """
    wiring.nodes = [*nodes]
    wiring.origins = [calling_origin()] * len(nodes)
    problems: list[Problem] = []
    for index, node in enumerate(nodes):
        try:
            if isinstance(node, Step):
                _adopt_step(wiring, node, index, frame)
            elif isinstance(node, Sleep):
                _adopt_sleep(wiring, node, index, frame)
            elif isinstance(node, Match):
                _adopt_cases(wiring, node, index, frame)
        except ContractError as error:
            problems += error.problems
    return problems


def _adopt_step(wiring: Wiring, step: Step, index: int, frame: FrameType) -> None:
    wiring.require_callable(wiring.names.handler_of(step.handler))
    wiring.require_none(check_options(step.options))
    types = wiring.read(step.handler, frame, index)
    if step.options.thread and types.is_async:
        raise wiring.error(flows.async_in_thread_problem(step.name))
    wiring.retype(index, types)


def _adopt_sleep(wiring: Wiring, sleep: Sleep, index: int, frame: FrameType) -> None:
    if not isinstance(sleep.until, timedelta):
        wiring.require_callable(sleep.until)
        wiring.retype(index, wiring.read(sleep.until, frame, index))


def _adopt_cases(wiring: Wiring, match: Match, index: int, frame: FrameType) -> None:
    for number, case in enumerate(match.cases):
        if case.is_function:
            wiring.require_callable(case.condition)
            put = partial(_retype_case, wiring, index, number)
            put(wiring.attached.read(case.condition, frame, put))


def _retype_case(wiring: Wiring, index: int, number: int, types: HandlerTypes) -> None:
    """Replace the types of a condition."""
    match = wiring.nodes[index]
    assert isinstance(match, Match)
    cases = list(match.cases)
    cases[number] = replace(cases[number], types=types, origin=wiring.origins[index])
    wiring.nodes[index] = replace(match, cases=tuple(cases))
