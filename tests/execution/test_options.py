"""Options of creating, opening and saving an execution that are not among those there are."""

from __future__ import annotations

from typing import Any

import pytest

from typedflow import Contract, Data, Flow
from typedflow.errors import ContractError
from typedflow.stores import MemoryStore


class Numbers(Contract):
    input: int
    result: int


def passing() -> Flow[Any]:
    def give(data: Data[Numbers, int]) -> int:
        return data.value

    flow: Flow[Any] = Flow(Numbers)
    flow.to(give).end()
    return flow


STORES = "make one: SQLiteStore(path), PostgresStore(conninfo), FileStore(folder) or MemoryStore()"


@pytest.mark.parametrize(
    "options, text",
    [
        (
            {"store": MemoryStore(), "checkpoint": "steps"},
            "TF823: checkpoint is one of 'pause', 'step', not 'steps' (str) (did you mean 'step'?)",
        ),
        ({"store": "x.db"}, f"TF823: store is a SnapshotStore, not 'x.db' (str) ({STORES})"),
        (
            {"checkpoint": "step"},
            "TF823: checkpoint='step' has no effect without a store (give store=…, or leave checkpoint out)",
        ),
    ],
)
async def test_an_option_that_is_none_is_refused_at_creation(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ContractError) as refused:
        passing().create_execution(**options)
    assert str(refused.value) == text


def test_a_class_of_stores_is_no_store() -> None:
    with pytest.raises(ContractError, match="store is a SnapshotStore"):
        passing().create_execution(store=MemoryStore)  # type: ignore[arg-type]


async def test_something_else_cannot_be_opened() -> None:
    with pytest.raises(ContractError, match="store is a SnapshotStore"):
        await passing().async_open("one", store="x.db")  # type: ignore[arg-type]


def test_a_format_that_is_none_is_refused() -> None:
    with pytest.raises(ContractError, match="format is one of 'json', 'msgpack', not 'yaml'"):
        passing().create_execution(execution_id="one").save(format="yaml")  # type: ignore[arg-type]
