"""What a parent may hand to a child flow, and what it gets back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import reveal_type

from review import Review, Score, count, search, size

from typedflow import Contract, Flow, Process, binding

score = Flow(Score)
score.to(count).end()

flow = Flow(Review)
hits = flow.to(search)
reveal_type(hits.for_each().to_sub_flow(score).end_for_each())  # R: Process[Review, list[int]]
reveal_type(hits.to_sub_flow(score, capture={"input": "state.topic"}))  # R: Process[Review, int]
written = hits.to_sub_flow(score, capture={"input": "state.topic"}, write_back={"flow_state": {"reviewed": "result"}})
reveal_type(written)  # R: Process[Review, list[str]]
reveal_type(flow.to_sub_flow(score, capture={"input": "value.topic"}))  # R: Process[Review, int]
pair = hits.for_each().batch().branch(score).branch(size).end_batch()
reveal_type(pair)  # R: Process[Review, tuple[int, int], Each[Never, None]]
whole = binding({"input": "state.topic"})
hits.to_sub_flow(score)  # E
hits.to_sub_flow(score, capture={"inputs": "state.topic"})  # E
hits.to_sub_flow(score, write_back={"resources": {"logger": "result"}})  # E
flow.batch().branch(score)  # E


# A child may take more than the value that it gets, and never less.
class Topics(Contract):
    input: Sequence[str]
    result: int


class Anything(Contract):
    input: object
    result: str


class Perhaps(Contract):
    input: str | None
    result: bytes


class Texts(Contract):
    input: list[str]
    result: int


def a_child_may_take_more(text: Process[Review, str], texts: Process[Review, list[str]]) -> None:
    reveal_type(texts.to_sub_flow(Flow(Topics)))  # R: Process[Review, int]
    reveal_type(text.to_sub_flow(Flow(Perhaps)))  # R: Process[Review, bytes]
    reveal_type(text.to_sub_flow(Flow(Anything), write_back={"value": "result"}))  # R: Process[Review, str]
    reveal_type(texts.to_sub_flow(Flow(Topics), write_back={}))  # R: Process[Review, list[str]]
    reveal_type(flow.to_sub_flow(Flow(Anything)))  # R: Process[Review, str]
    reveal_type(text.batch().branch(Flow(Perhaps)).branch(score).end_batch())  # R: Process[Review, tuple[bytes, int]]
    reveal_type(texts.for_each().to_sub_flow(Flow(Perhaps)).end_for_each())  # R: Process[Review, list[bytes]]


def a_child_may_not_take_less(maybe: Process[Review, str | None], topics: Process[Review, Sequence[str]]) -> None:
    maybe.to_sub_flow(score)  # E
    maybe.to_sub_flow(score, write_back={})  # E
    maybe.to_sub_flow(score, write_back={"value": "result"})  # E
    maybe.batch().branch(score)  # E
    topics.to_sub_flow(Flow(Texts))  # E
    topics.batch().branch(Flow(Texts))  # E
    flow.to_sub_flow(Flow(Texts), write_back={})  # E
    given = maybe.to_sub_flow(score, capture={"input": "state.topic"}, write_back={})
    reveal_type(given)  # R: Process[Review, str | None]
