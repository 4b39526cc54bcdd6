"""What a handler raises stays its caller's, whatever class it is: it may take no note, compare badly or print badly."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import pytest

from tests.execution.faulty import FaultyStore
from tests.execution.running import Here, Plain, passing, run
from typedflow import Contract, Data, Flow, Retry, SnapshotError, State, Status
from typedflow.stores import MemoryStore


class Masks(Exception):
    """What the broken methods below raise: it must not reach the caller."""


def refuse(*_: Any) -> NoReturn:
    raise Masks


@dataclass(frozen=True)
class Frozen(Exception):
    code: int = 51


class ReadOnly(Exception):
    __setattr__ = refuse


class OtherNotes(Exception):
    __notes__ = "kept by the application"  # type: ignore[assignment]  # the case


class TakesNone(Exception):
    add_note = refuse


class Unlike(Exception):
    __eq__ = refuse
    __hash__ = refuse
    __bool__ = refuse


class Unprintable(Exception):
    __str__ = refuse
    __repr__ = refuse


class Disguised(Exception):
    __class__ = property(refuse)


class Meta(type):
    def __instancecheck__(cls, instance: object) -> bool:
        raise Masks


class Checked(Exception, metaclass=Meta):
    pass


class OddGroup(ExceptionGroup[Exception]):
    derive = refuse
    subgroup = refuse
    split = refuse


class Late(TimeoutError):
    __setattr__ = refuse


def group() -> Exception:
    return OddGroup("both", [Frozen(), ExceptionGroup("inner", [Unlike(), Unprintable()])])


MAKES: tuple[Callable[[], Exception], ...] = (
    Frozen,
    ReadOnly,
    OtherNotes,
    TakesNone,
    Unlike,
    Unprintable,
    Disguised,
    Late,
    group,
)
EVERY = pytest.mark.parametrize("make", MAKES, ids=lambda make: make.__name__)


def raise_it(error: BaseException) -> NoReturn:
    raise error


def raising(error: BaseException) -> Callable[[Here], Any]:
    def step(data: Here) -> Any:
        raise error

    return step


def raising_later(error: BaseException) -> Callable[[Here], Any]:
    async def step(data: Here) -> Any:
        await asyncio.sleep(0)
        raise error

    return step


def in_a_step(error: Exception) -> Flow[Any]:
    flow = Flow(Plain)
    flow.to(passing).to(raising(error)).end()
    return flow


def in_an_async_step(error: Exception) -> Flow[Any]:
    flow = Flow(Plain)
    flow.to(raising_later(error)).end()
    return flow


def in_a_thread(error: Exception) -> Flow[Any]:
    flow = Flow(Plain)
    flow.to(raising(error), thread=True).end()
    return flow


def in_a_child(error: Exception) -> Flow[Any]:
    flow = Flow(Plain)
    flow.to_sub_flow(in_an_async_step(error)).end()
    return flow


def in_a_for_each(error: Exception) -> Flow[Any]:
    flow = Flow(Plain)
    flow.to(lambda data: [1, 2, 3]).for_each().to(raising_later(error)).end_for_each().end()
    return flow


def in_a_batch(error: Exception) -> Flow[Any]:
    async def waiting(data: Here) -> Any:
        await asyncio.sleep(10)

    flow = Flow(Plain)
    flow.batch().branch(waiting).branch(raising_later(error), name="failing").end_batch().end()
    return flow


def in_a_condition(error: Exception) -> Flow[Any]:
    flow = Flow(Plain)
    flow.match().case(raising(error)).to(passing).end_match().end()
    return flow


def in_an_async_condition(error: Exception) -> Flow[Any]:
    flow = Flow(Plain)
    flow.if_condition(raising_later(error)).to(passing).end_condition().end()
    return flow


def in_the_truth_of_a_condition(error: Exception) -> Flow[Any]:
    class Torn:
        def __bool__(self) -> bool:
            raise error

    flow = Flow(Plain)
    flow.if_condition(lambda data: Torn()).to(passing).end_condition().end()
    return flow


def in_the_comparison_with_a_case(error: Exception) -> Flow[Any]:
    class Torn:
        def __eq__(self, other: object) -> bool:
            raise error

        def __hash__(self) -> int:
            return 1

    flow = Flow(Plain)
    flow.match().case(Torn()).to(passing).end_match().end()
    return flow


def under_a_retry(error: Exception) -> Flow[Any]:
    flow = Flow(Plain)
    flow.to(raising(error), retry=Retry(3, on=(KeyError, Checked, Frozen))).end()
    return flow


def under_a_timeout(error: Exception) -> Flow[Any]:
    """Raised when the time is over, in place of the cancellation: newer Pythons set its context then."""

    async def step(data: Here) -> Any:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            raise error  # noqa: B904  # the case

    flow = Flow(Plain)
    flow.to(step, timeout=1).end()
    return flow


def in_an_update(error: Exception) -> Flow[Any]:
    def updating(data: Here) -> None:
        data.update_flow_state(lambda counters: raise_it(error))

    flow = Flow(Plain)
    flow.to(updating).end()
    return flow


def behind_an_event(error: Exception) -> Flow[Any]:
    flow = Flow(Plain)
    flow.to(lambda data: data.emit("rung", 1), name="ringing").end()
    flow.when("rung").to(raising(error))
    return flow


PLACES = (
    in_a_step,
    in_an_async_step,
    in_a_thread,
    in_a_child,
    in_a_for_each,
    in_a_batch,
    in_a_condition,
    in_an_async_condition,
    in_the_truth_of_a_condition,
    in_the_comparison_with_a_case,
    under_a_retry,
    under_a_timeout,
    in_an_update,
    behind_an_event,
)


def raised_by(call: Callable[[], object]) -> BaseException | None:
    """Return what a call raises; `pytest.raises` would look into an exception that must not be looked into."""
    try:
        call()
    except BaseException as error:
        return error
    return None


async def raised_in(work: Coroutine[Any, Any, object]) -> BaseException | None:
    """Return what a coroutine raises: on Python 3.11 `asyncio.run` prints the task that raised it."""
    try:
        await work
    except BaseException as error:
        return error
    return None


def raised(work: Coroutine[Any, Any, object]) -> BaseException | None:
    return run(raised_in(work))


@EVERY
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.thin(7)
def test_a_handlers_exception_is_raised_kept_and_stored(
    place: Callable[[Exception], Flow[Any]], make: Callable[[], Exception], stored: bool
) -> None:
    error = make()
    store = MemoryStore()
    flow = place(error)
    options: dict[str, Any] = {"store": store, "execution_id": "e"} if stored else {}
    execution = flow.create_execution(**options)
    assert raised(execution.async_start(1)) is error
    assert execution.status is Status.FAILED
    assert len(execution.errors) >= 1
    assert all(kept is error for kept in execution.errors)
    if stored:
        record = asyncio.run(store.get("e"))
        assert record is not None
        assert record.status == "failed"
    assert raised(execution.async_retry()) is error


@EVERY
def test_the_sync_forms_raise_it_too(make: Callable[[], Exception]) -> None:
    error = make()
    assert raised_by(lambda: in_a_step(error).start(1)) is error
    execution = in_a_step(error).create_execution()
    assert raised_by(lambda: execution.start(1)) is error
    assert execution.errors[0] is error


@EVERY
def test_the_time_of_an_execution_does_not_mask_what_a_handler_raises(make: Callable[[], Exception]) -> None:
    error = make()

    async def step(data: Here) -> Any:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            raise error  # noqa: B904  # the case

    flow = Flow(Plain)
    flow.to(step).end()
    execution = flow.create_execution()
    assert raised(execution.async_start(1, timeout=1)) is error
    assert execution.status is Status.FAILED


@EVERY
def test_a_stream_raises_what_a_handler_raises(make: Callable[[], Exception]) -> None:
    error = make()

    def step(data: Here) -> Any:
        data.put(1)
        raise error

    flow = Flow(Plain)
    flow.to(step).end()
    execution = flow.create_execution()
    items: list[int] = []

    async def main() -> None:
        async for item in execution.stream(1):
            items.append(item)  # noqa: PERF401  # kept where it raises

    assert raised(main()) is error
    assert items == [1]


@EVERY
def test_who_waits_for_a_running_execution_gets_the_exception_too(make: Callable[[], Exception]) -> None:
    error = make()

    async def failing(data: Here) -> Any:
        await asyncio.sleep(5)
        raise error

    def asking(data: Here) -> Any:
        data.pause_for("?", interrupt_id="ask")

    flow = Flow(Plain)
    flow.batch().branch(failing).branch(asking).end_batch().end()
    execution = flow.create_execution()

    async def main() -> list[BaseException | None]:
        running = asyncio.create_task(raised_in(execution.async_start(1)))
        await asyncio.sleep(1)
        return [await raised_in(execution.async_continue_with("ask", 1)), await running]

    first, second = run(main())
    assert first is error
    assert second is error


def test_two_equal_exceptions_are_both_kept() -> None:
    def step(data: Here) -> Any:
        raise Frozen

    flow = Flow(Plain)
    flow.to(step).end()
    execution = flow.create_execution()
    for _ in range(2):
        with suppress(Frozen):
            run(execution.async_start(1) if execution.status is Status.CREATED else execution.async_retry())
    assert len(execution.errors) == 2


def test_a_retry_takes_an_exception_by_its_classes_as_except_does() -> None:
    class Derived(Checked):
        pass

    attempts: list[int] = []

    def step(data: Here) -> Any:
        attempts.append(data.attempt)
        raise Derived

    flow = Flow(Plain)
    flow.to(step, retry=Retry(3, on=(Checked,))).end()
    assert type(raised(flow.async_start(1))) is Derived
    assert attempts == [1, 2, 3]


@pytest.mark.parametrize("failing", ["before", "conflict"])
@EVERY
def test_a_store_that_fails_too_does_not_mask_it(make: Callable[[], Exception], failing: Any) -> None:
    error = make()
    store = FaultyStore(random.Random(1), {2: failing})
    execution = in_a_step(error).create_execution(store=store)
    assert raised(execution.async_start(1)) is error


class FrozenPanic(BaseException):
    __setattr__ = refuse
    __eq__ = refuse
    __hash__ = refuse
    add_note = refuse


@pytest.mark.parametrize("make", [raising, raising_later])
@pytest.mark.parametrize("wide", [False, True])
def test_what_is_no_exception_goes_through_as_it_is(make: Any, wide: bool) -> None:
    error = FrozenPanic()
    flow = Flow(Plain)
    if wide:
        flow.to(lambda data: [1, 2]).for_each().to(make(error)).end_for_each().end()
    else:
        flow.to(make(error)).end()
    execution = flow.create_execution()
    assert raised(execution.async_start(1)) is error
    assert execution.status is Status.CANCELLED


@EVERY
def test_a_migration_that_raises_it_is_named(make: Callable[[], Exception]) -> None:
    error = make()

    class Saved(State):
        number: int = 0

    class Moved(Contract, version=1):
        input: int
        result: int
        state: Saved

    def ask(data: Data[Any, int]) -> int:
        data.pause_for("?", interrupt_id="ask")

    first = Flow(Moved)
    first.to(ask).end()
    execution = first.create_execution()
    run(execution.async_start(1))
    saved = execution.save().to_bytes()

    class Next(Contract, version=2):
        input: int
        result: int
        state: Saved

    Next.__name__ = "Moved"

    @Next.migrate(1)
    def move(layers: dict[str, Any]) -> dict[str, Any]:
        raise error

    second: Flow[Any] = Flow(Next)
    second.to(ask).end()
    refused = raised_by(lambda: second.create_execution().load(saved))
    assert type(refused) is SnapshotError
    assert refused.code == "TF919"
    assert refused.__cause__ is error
    assert type(error).__name__ in str(refused)


def test_the_notes_of_an_exception_that_takes_them_name_the_step() -> None:
    error = ValueError("mine")
    execution = in_a_step(error).create_execution(execution_id="e")
    assert raised(execution.async_start(1)) is error
    assert error.__notes__ == ["in step 'step' of flow 'Plain', execution 'e'"]
    assert sys.exc_info() == (None, None, None)
