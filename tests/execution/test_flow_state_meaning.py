"""A flow_state means the same with every store, and with none: what is written is what is stored."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import conninfo_of
from typedflow import Contract, Data, Flow, FlowState, Retry
from typedflow.stores import FileStore, MemoryStore, PostgresStore, SQLiteStore

AMOUNT = [1]


class Ledger(FlowState):
    booked: list[int] = []
    total: int = 0
    tries: int = 0


class Job(Contract):
    input: list[int]
    result: int
    flow_state: Ledger


Book = Data[Job, list[int]]
Handler = Callable[[Book], int]


def stores(folder: Path) -> dict[str, Any]:
    return {
        "none": lambda: None,
        "memory": MemoryStore,
        "file": lambda: FileStore(folder / "files"),
        "sqlite": lambda: SQLiteStore(folder / "runs.db"),
        "postgres": lambda: PostgresStore(conninfo_of(folder)),
    }


@pytest.fixture(params=["none", "memory", "file", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    made = stores(tmp_path)[request.param]()
    yield made
    if made is not None:
        await made.close()


def loop_variable(data: Book) -> int:
    for amount in data.value:
        data.update_flow_state(lambda ledger: ledger.booked.append(amount))  # noqa: B023  # on purpose
    return 0


def name_that_is_assigned_again(data: Book) -> int:
    amount = 3
    data.update_flow_state(lambda ledger: setattr(ledger, "total", ledger.total + amount))
    amount = 0
    return amount


def list_that_is_filled_afterwards(data: Book) -> int:
    amounts = [1, 2]
    data.update_flow_state(lambda ledger: ledger.booked.extend(amounts))
    amounts.append(99)
    return 0


def list_that_is_filled_after_it_was_assigned(data: Book) -> int:
    def assign(ledger: Ledger) -> None:
        ledger.booked = amounts

    amounts = [1]
    data.update_flow_state(assign)
    amounts.append(99)
    return 0


def global_variable(data: Book) -> int:
    AMOUNT[:] = [1]
    data.update_flow_state(lambda ledger: ledger.booked.extend(AMOUNT))
    AMOUNT[:] = [99]
    return 0


def partial_with_a_list(data: Book) -> int:
    def extend(amounts: list[int], ledger: Ledger) -> None:
        ledger.booked.extend(amounts)

    amounts = [1, 2]
    data.update_flow_state(functools.partial(extend, amounts))
    amounts.clear()
    return 0


def defaults(data: Book) -> int:
    for amount in data.value:

        def add(ledger: Ledger, *, by: int = amount) -> None:
            ledger.total += by

        data.update_flow_state(add)
    return 0


def read_of_data(data: Book) -> int:
    data.update_flow_state(lambda ledger: ledger.booked.extend(data.value))
    return 0


def written_and_updated(data: Book) -> int:
    data.flow_state.total = 5
    data.update_flow_state(lambda ledger: setattr(ledger, "total", ledger.total * 2))
    data.flow_state.booked.append(7)
    return 0


def changed_in_place_and_updated(data: Book) -> int:
    data.flow_state.booked.append(7)
    data.update_flow_state(lambda ledger: setattr(ledger, "total", len(ledger.booked)))
    return 0


@pytest.mark.parametrize(
    "handler, booked, total",
    [
        (loop_variable, [1, 2, 3], 0),
        (name_that_is_assigned_again, [], 3),
        (list_that_is_filled_afterwards, [1, 2], 0),
        (list_that_is_filled_after_it_was_assigned, [1], 0),
        (global_variable, [1], 0),
        (partial_with_a_list, [1, 2], 0),
        (defaults, [], 6),
        (read_of_data, [1, 2, 3], 0),
        (written_and_updated, [7], 10),
        (changed_in_place_and_updated, [7], 1),
    ],
)
@pytest.mark.thin(3)
async def test_update_means_what_it_says_when_it_is_called(
    handler: Handler, booked: list[int], total: int, store: Any
) -> None:
    flow: Any = Flow(Job)
    flow.to(handler).end()
    await flow.create_execution(store=store).async_start([1, 2, 3])
    assert (flow.flow_state.booked, flow.flow_state.total) == (booked, total)
    if store is not None and store.shares_flow_state:
        again: Any = Flow(Job)
        again.to(lambda data: 0, name="look").end()
        await again.create_execution(store=store).async_start([])
        assert (again.flow_state.booked, again.flow_state.total) == (booked, total)


def by_update(data: Book) -> None:
    data.update_flow_state(lambda ledger: setattr(ledger, "tries", ledger.tries + 1))


def by_write(data: Book) -> None:
    data.flow_state.tries += 1


def in_place(data: Book) -> None:
    data.flow_state.booked.append(data.attempt)
    data.flow_state.tries = len(data.flow_state.booked)


@pytest.mark.parametrize("change", [by_update, by_write, in_place])
@pytest.mark.parametrize("thread", [False, True])
async def test_changes_of_failed_attempts_stand(change: Any, thread: bool, store: Any) -> None:
    def attempt(data: Book) -> int:
        change(data)
        if data.attempt < 3:
            raise ConnectionError
        return data.flow_state.tries

    flow: Any = Flow(Job)
    flow.to(attempt, retry=Retry(attempts=3), thread=thread).end()
    execution = flow.create_execution(store=store)
    await execution.async_start([])
    assert (execution.result, flow.flow_state.tries) == (3, 3)


@pytest.mark.parametrize("change", [by_update, by_write, in_place])
async def test_changes_of_a_step_that_fails_for_good_stand(change: Any, store: Any) -> None:
    def fail(data: Book) -> int:
        change(data)
        raise ConnectionError

    flow: Any = Flow(Job)
    flow.to(fail).end()
    with pytest.raises(ConnectionError):
        await flow.create_execution(store=store).async_start([])
    assert flow.flow_state.tries == 1
    with pytest.raises(ConnectionError):
        await flow.create_execution(store=store).async_start([])
    assert flow.flow_state.tries == 2


async def test_value_from_before_the_first_store_is_stored(store: Any) -> None:
    flow: Any = Flow(Job)
    flow.to(lambda data: data.flow_state.total, name="look").end()
    for amount in (1, 2, 3):
        flow.update_flow_state(lambda ledger, amount=amount: ledger.booked.append(amount))
    await flow.create_execution().async_start([])
    await flow.create_execution(store=store).async_start([])
    await flow.create_execution(store=store).async_start([])
    assert flow.flow_state.booked == [1, 2, 3]
    if store is not None and store.shares_flow_state:
        other: Any = Flow(Job)
        other.update_flow_state(lambda ledger: ledger.booked.append(99))
        other.to(lambda data: len(data.flow_state.booked), name="look").end()
        execution = other.create_execution(store=store)
        await execution.async_start([])
        assert (execution.result, other.flow_state.booked) == (3, [1, 2, 3])
