"""Path reads of scalars, which do not note their container: what the end of a step does not see is caught by a save."""

from __future__ import annotations

from typing import Any

import pytest

from typedflow import Contract, Data, Flow, State
from typedflow.errors import ContractError, SnapshotError


class Table(State):
    table: dict[str, int] = {}


class Look(Contract):
    input: None
    result: int
    state: Table


def test_a_wrong_value_in_a_field_that_is_read_by_attribute_is_refused_at_the_end_of_the_step() -> None:
    def change(data: Data[Look, None]) -> int:
        table: Any = data.state.table
        table["b"] = "wrong"
        return 1

    flow = Flow(Look)
    flow.to(change).end()
    with pytest.raises(ContractError, match="table"):
        flow.start(None, state=Table(table={"a": 1}))


async def test_a_wrong_value_by_an_alias_beside_a_path_read_of_a_scalar_is_refused_at_the_save() -> None:
    aliases: list[Any] = []

    def keep(data: Data[Look, None]) -> None:
        aliases.append(data.state.table)

    def change(data: Data[Look, None]) -> int:
        aliases[0]["b"] = "wrong"
        found: int = data.state.get("table.a", 0)
        return found

    def ask(data: Data[Look, int]) -> int:
        return data.pause_for("go on?")

    flow = Flow(Look)
    flow.to(keep).to(change).to(ask).end()
    execution = flow.create_execution(state={"table": {"a": 1}})
    await execution.async_start(None)
    with pytest.raises(SnapshotError, match=r"TF901.*state\.table") as caught:
        execution.save()
    assert caught.value.path.startswith("state.table")
