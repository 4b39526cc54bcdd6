"""What an attempt that fails has changed in place: the state is checked all the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.execution.running import Style, both, run
from typedflow import Contract, Data, Execution, Flow, Retry, State, Status
from typedflow.errors import ContractError


class Basket(State):
    items: list[int] = []


class Shop(Contract):
    input: int
    result: int
    state: Basket


def spoil(data: Data[Shop, int]) -> None:
    items: list[Any] = data.state.items  # a mistake that only the run can see
    items.append("wrong")


def spoiling_once(seen: list[int]) -> Any:
    def handler(data: Data[Shop, int]) -> int:
        seen.append(1)
        if len(seen) == 1:
            spoil(data)
            raise OSError("down")
        return data.value

    return handler


@both
@pytest.mark.parametrize("retry", [None, Retry(attempts=2)])
def test_a_bad_state_that_a_failed_attempt_leaves_is_an_error_until_it_is_mended(
    style: Style, retry: Retry | None
) -> None:
    flow: Flow[Any] = Flow(Shop)
    flow.to(style(spoiling_once([])), name="spoil", retry=retry).end()

    async def main() -> None:
        execution: Execution[Any] = flow.create_execution()
        with pytest.raises(ContractError, match="items") as caught:
            await execution.async_start(1)
        assert isinstance(caught.value.__cause__, OSError)
        with pytest.raises(ContractError, match="items"):
            await execution.async_retry()
        execution.state.items = []
        assert await execution.async_retry() is Status.COMPLETED

    run(main())


def test_a_bad_state_that_a_cancelled_step_leaves_is_an_error_of_its_retry() -> None:
    seen: list[int] = []

    async def slow(data: Data[Shop, int]) -> int:
        seen.append(1)
        if len(seen) == 1:
            spoil(data)
            await asyncio.sleep(5)
        return data.value

    async def fail(data: Data[Shop, int]) -> int:
        await asyncio.sleep(1)
        if len(seen) == 1:
            raise OSError("down")
        return data.value

    flow: Flow[Any] = Flow(Shop)
    flow.batch().branch(slow).branch(fail).end_batch().to(lambda data: sum(data.value), name="sum").end()

    async def main() -> None:
        execution: Execution[Any] = flow.create_execution()
        with pytest.raises(OSError, match="down"):
            await execution.async_start(1)
        with pytest.raises(ContractError, match="items"):
            await execution.async_retry()

    run(main())
