"""Executions of a store that hold something else than was saved: refused by name, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from typedflow import Contract, Data, Flow, SnapshotError
from typedflow.stores import MemoryStore


class Job(Contract):
    input: int
    result: int


def flow_that_asks() -> Any:
    def ask(data: Data[Job, int]) -> int:
        data.pause_for("?", interrupt_id="ask")

    flow: Any = Flow(Job)
    flow.to(ask).end()
    return flow


@pytest.mark.parametrize(
    "changed, text",
    [
        ({"data": b""}, "TF905: execution 'a' in the store: the snapshot is malformed: it is empty"),
        ({"data": b"{"}, "TF905: execution 'a' in the store: the snapshot is malformed"),
        (
            {"status": "sleeping"},
            "TF905: execution 'a' in the store: the store has it with status 'sleeping', in its document it is",
        ),
        (
            {"status": "completed"},
            "TF905: execution 'a' in the store: the store has it with status 'completed', in its document it is",
        ),
    ],
)
async def test_a_damaged_record_is_refused_by_the_name_of_its_execution(changed: dict[str, Any], text: str) -> None:
    flow, store = flow_that_asks(), MemoryStore()
    await flow.create_execution(store=store, execution_id="a").async_start(1)
    await flow.create_execution(store=store, execution_id="b").async_start(1)
    saved = await store.get("a")
    assert saved is not None
    await store.put(replace(saved, sequence=saved.sequence + 1, **changed), expected=saved.sequence)
    with pytest.raises(SnapshotError) as caught:
        await flow.async_open("a", store=store)
    assert str(caught.value).startswith(text)
    assert {entry.execution_id for entry in await store.list()} == {"a", "b"}
    execution = await flow.async_open("b", store=store)
    assert await execution.async_continue_with("ask", 2) == "completed"


async def test_the_document_of_another_execution_is_refused() -> None:
    flow, store = flow_that_asks(), MemoryStore()
    for execution_id in ("a", "b"):
        await flow.create_execution(store=store, execution_id=execution_id).async_start(1)
    mine, other = await store.get("a"), await store.get("b")
    assert mine is not None
    assert other is not None
    await store.put(replace(mine, sequence=9, data=other.data), expected=mine.sequence)
    with pytest.raises(SnapshotError, match="the store has it with execution_id 'a', in its document it is 'b'"):
        await flow.async_open("a", store=store)
