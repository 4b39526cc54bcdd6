"""What a parent may hand to a child flow, and what it gets back."""

from __future__ import annotations

from typing import reveal_type

from review import Review, Score, count, search, size

from typedflow import Flow, binding

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
reveal_type(pair)  # R: Process[Review, tuple[int, int], Each[None]]
whole = binding({"input": "state.topic"})
hits.to_sub_flow(score)  # E
hits.to_sub_flow(score, capture={"inputs": "state.topic"})  # E
hits.to_sub_flow(score, write_back={"resources": {"logger": "result"}})  # E
flow.batch().branch(score)  # E
