"""What a handler may read and write through its `Data`."""

from __future__ import annotations

from typing import assert_type, reveal_type

from review import Counters, NeedsLogger, Request, Review, ReviewResources, ReviewState, Score

from typedflow import Data


def add(counters: Counters) -> int:
    counters.reviewed += 1
    return counters.reviewed


async def layers_have_their_declared_types(data: Data[Review, Request]) -> list[str]:
    assert_type(data.state, ReviewState)
    assert_type(data.flow_state, Counters)
    assert_type(data.resources, ReviewResources)
    reveal_type(data.value)  # R: Request
    reveal_type(data.state.drafts)  # R: list[str]
    reveal_type(data.flow_state.reviewed)  # R: int
    reveal_type(data.update_flow_state(lambda counters: counters.reviewed, key="k"))  # R: int
    reveal_type(await data.async_update_flow_state(add))  # R: int
    data.update_flow_state(lambda counters: counters.review)  # E
    data.update_flow_state(len)  # E
    return [data.value.topic]


async def misspelt_fields_are_errors(data: Data[Review, Request]) -> None:
    data.state.topic = "a"
    data.state.topik  # E
    data.state.topik = "a"  # E
    data.state.topic = 1  # E
    data.resources.loger  # E


async def stream_items_are_typed(data: Data[Review, Request]) -> None:
    data.put("x")
    data.put(3)  # E


def undeclared_layers_are_errors(data: Data[Score, str]) -> int:
    data.state  # E
    data.flow_state  # E
    data.resources  # E
    data.put("x")  # E
    return 1


def a_part_of_a_contract_is_enough(data: Data[NeedsLogger, object]) -> None:
    data.resources.logger.info("seen")
    data.state  # E


def values_may_be_wider(data: Data[Review, str]) -> None:
    wider: Data[NeedsLogger, object] = data
    narrower: Data[Review, int] = data  # E
    other: Data[Score, str] = data  # E
