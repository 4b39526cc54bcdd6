"""By what the outputs of nodes are saved where no type says what a whole is: each part by its own source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from typedflow import Contract, Flow
from typedflow.definition.edges import Parts, carried_types, codes_of
from typedflow.schema.annotations import UNKNOWN
from typedflow.schema.parsing import parse


class Review(Contract):
    input: int
    result: Any


def text(data: Any) -> str:
    return "a"


def untyped(data):  # type: ignore[no-untyped-def]  # a source that says nothing of its type
    return data.value


def ask(data: Any) -> NoReturn:
    data.pause_for("ok?")
    raise AssertionError


def pair(flow: Any) -> Any:
    return flow.batch().branch(text).branch(untyped).end_batch()


def code(wire: Callable[[Any], object]) -> Any:
    """Return the code of the last node that a flow has."""
    flow: Any = Flow(Review)
    wire(flow)
    definition = flow._runtime.builder.draft()
    return codes_of(definition, carried_types(definition, flow._runtime.spec))[-1]


STR, INT = parse(str), parse(int)
PAIR = Parts(tuple, (STR, UNKNOWN))


@pytest.mark.parametrize(
    "wire, expected",
    [
        (lambda flow: flow.to(text), STR),
        (lambda flow: flow.to(untyped), UNKNOWN),
        (lambda flow: flow.to(ask), UNKNOWN),  # what goes on is the answer
        (pair, PAIR),
        (lambda flow: flow.to(text).collect("all", "texts"), Parts(dict, (STR,), ("texts",))),
        (lambda flow: flow.to(text).collect("all", "texts").for_each(), UNKNOWN),
        (lambda flow: pair(flow).for_each(), UNKNOWN),
        (lambda flow: flow.batch().branch(untyped).branch(untyped, name="b").end_batch().for_each(), UNKNOWN),
        (lambda flow: pair(pair(flow).for_each()).end_for_each(), Parts(list, (PAIR,))),
        (lambda flow: pair(pair(flow).for_each()).end_for_each().for_each(), PAIR),
        (lambda flow: pair(flow.match().case(1)).case_else().to(untyped).end_match(), UNKNOWN),
        (lambda flow: pair(pair(flow.match().case(1)).case_else()).end_match(), PAIR),
        (lambda flow: pair(flow.match().case(1)).end_match(), UNKNOWN),
        (lambda flow: pair(flow.match(mode="hit_all").case(1)).end_match(), Parts(list, (PAIR,))),
    ],
)
def test_a_part_is_saved_by_what_its_own_source_carries(wire: Callable[[Any], object], expected: Any) -> None:
    assert code(wire) == expected
