"""What a test gives a handler, and what it sees of it."""

from __future__ import annotations

from typing import reveal_type

from review import NeedsLogger, Request, Review, ReviewResources, ReviewState, Score

from typedflow import Data, Flow
from typedflow.testing import emitted, make_data, result_of, run_flow, streamed


def needs_logger(data: Data[NeedsLogger, object]) -> None: ...


def reads(data: Data[Review, Request]) -> str:
    return data.value.topic


def test(resources: ReviewResources, request: Request) -> None:
    data = make_data(Review, request, resources=resources, state=ReviewState(), step="reads", key="k", attempt=2)
    reveal_type(data)  # R: Data[Review, Request]
    reads(data)
    needs_logger(data)
    reveal_type(emitted(data))  # R: list[tuple[str, Any]]
    reveal_type(streamed(data))  # R: list[str]
    reveal_type(result_of(data))  # R: Report
    reads(make_data(Review, 3))  # E
    needs_logger(make_data(Score, "x"))  # E
    streamed(make_data(Score, "x"))  # E
    make_data(Review, request, attempt="2")  # E
    make_data(Review, request, key=3)  # E
    make_data(Review, request, state={"topik": "x"})  # E[plugin]


reveal_type(run_flow(Flow(Review), Request(topic="a"), answers={"ask": True}))  # R: Report
run_flow(Flow(Review), 3)  # E
