"""`offload`: plain functions of the value in an executor, in processes too."""

from __future__ import annotations

import functools
import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from typedflow import Contract, ContractError, Data, Failed, Flow, ResourceError, Resources, Retry, offload


class Text(msgspec.Struct):
    words: list[str]


class Pools(Resources):
    pool: Executor
    other: Any = None


class Count(Contract):
    input: list[Text]
    result: list[int]
    resources: Pools


class One(Contract):
    input: int
    result: int
    resources: Pools


class Bare(Contract):
    input: int
    result: int


def count(text: Text) -> int:
    return len(text.words)


def times(number: int, by: int) -> int:
    return number * by


def process(number: int) -> int:
    return os.getpid()


def half(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


def untyped(number):  # type: ignore[no-untyped-def]
    return number + 1


async def coroutine(number: int) -> int:
    return number


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def flow_of(handler: Any, contract: Any = One, **options: Any) -> Flow[Any]:
    flow: Flow[Any] = Flow(contract)
    flow.to(handler, **options).end()
    return flow


def test_items_are_counted_in_processes(pool: ProcessPoolExecutor) -> None:
    flow = Flow(Count)
    flow.for_each(concurrency=2).to(offload(count, executor="pool")).end_for_each().end()
    texts = [Text(words=["a"] * size) for size in (3, 0, 2)]
    assert flow.start(texts, runtime_resources={"pool": pool}) == [3, 0, 2]


def test_the_function_runs_in_another_process(pool: ProcessPoolExecutor) -> None:
    assert flow_of(offload(process, executor="pool")).start(1, runtime_resources={"pool": pool}) != os.getpid()


def test_what_it_raises_is_the_error_of_the_step(pool: ProcessPoolExecutor) -> None:
    with pytest.raises(ValueError, match="3 is odd"):
        flow_of(offload(half, executor="pool")).start(3, runtime_resources={"pool": pool})


def test_retries_and_handlers_for_errors_work(pool: ProcessPoolExecutor) -> None:
    seen: list[int] = []

    def handle(data: Data[One, Failed[int]]) -> int:
        seen.append(data.value.attempts)
        return -1

    flow = flow_of(offload(half, executor="pool"), retry=Retry(attempts=2), on_error=handle)
    assert flow.start(3, runtime_resources={"pool": pool}) == -1
    assert seen == [2]


def test_a_function_that_no_process_can_import_is_refused(pool: ProcessPoolExecutor) -> None:
    def inner(number: int) -> int:
        return number

    flow = flow_of(offload(inner, executor="pool"))
    with pytest.raises(ContractError, match=r"TF825.*inner' cannot be called in a process of the executor 'pool'"):
        flow.start(1, runtime_resources={"pool": pool})


def test_threads_take_any_function(threads: ThreadPoolExecutor) -> None:
    flow = flow_of(offload(lambda number: threading.get_ident(), executor="pool"))
    assert flow.start(1, runtime_resources={"pool": threads}) != threading.get_ident()


def test_the_step_has_the_name_and_the_types_of_the_function() -> None:
    flow: Flow[Any] = Flow(One)
    counted: Any = offload(count, executor="pool")
    flow.to(offload(functools.partial(times, by=3), executor="pool")).to(counted).end()
    with pytest.raises(ContractError, match="'count' takes Text, and gets int"):
        flow.validate()


@pytest.mark.parametrize("function", [untyped, len, int])
def test_a_function_without_annotations_is_not_checked(function: Any) -> None:
    flow_of(offload(function, executor="pool")).validate()


@pytest.mark.parametrize("function, given", [(coroutine, "a coroutine function"), (4, "4")])
def test_what_is_no_plain_function_is_refused(function: Any, given: str) -> None:
    with pytest.raises(ContractError, match=rf"TF825: offload\(\) takes a plain function.* not {given}"):
        offload(function, executor="pool")


@pytest.mark.parametrize(
    "contract, key, text",
    [
        (One, "pol", "TF101.*declares no resource 'pol' .did you mean 'pool'"),
        (Bare, "pool", "TF105: .*'Bare' declares no resources"),
    ],
)
def test_the_executor_is_a_declared_resource(contract: Any, key: str, text: str) -> None:
    with pytest.raises(ContractError, match=text):
        flow_of(offload(half, executor=key), contract).validate()


def test_the_executor_has_to_be_there_before_anything_runs() -> None:
    with pytest.raises(ResourceError, match="TF102"):
        flow_of(offload(half, executor="pool")).start(1)


def test_a_resource_that_is_no_executor_is_refused(threads: ThreadPoolExecutor) -> None:
    with pytest.raises(ResourceError, match=r"TF103: .*'other' is declared as Executor, not str"):
        flow_of(offload(half, executor="other")).start(1, runtime_resources={"pool": threads, "other": "text"})
