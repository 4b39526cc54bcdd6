"""Every option of a public call: a value of the wrong type, or out of range, is refused before anything runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from tests.execution.running import Bells, Counters, Notes, Tools
from typedflow import Contract, ContractError, Data, Flow, Retry, Status
from typedflow.errors import StoreError, TypedflowError
from typedflow.stores import FileStore, MemoryStore, SQLiteStore, StoredSnapshot
from typedflow.testing import make_data

ran: list[Any] = []


class Typed(Contract):
    input: int
    result: int
    state: Notes
    flow_state: Counters
    resources: Tools
    events: Bells
    stream: int


Here = Data[Typed, Any]


def passing(data: Here) -> Any:
    return data.value


class Hostile:
    """A value that can neither be compared nor printed nor asked for its truth."""

    def refuse(self, *_: Any) -> Any:
        raise RuntimeError("nobody may ask")

    __eq__ = refuse
    __bool__ = refuse
    __repr__ = refuse
    __lt__ = refuse
    __ge__ = refuse
    __len__ = refuse
    __hash__ = None  # type: ignore[assignment]  # the case


NOT_NUMBERS: list[Any] = ["5", b"5", True, False, [5], {}, Decimal(5), Fraction(5), timedelta(5), 1j, object, Hostile()]
NOT_SECONDS = [*NOT_NUMBERS, nan, -1, -0.5, -inf]
NOT_COUNTS = [*NOT_NUMBERS, 0, -1, 1.0, nan, inf]
NOT_FLAGS: list[Any] = [None, 0, 1, "yes", [], Hostile()]
NOT_NAMES: list[Any] = ["", 5, True, b"name", ["a"], ("a",), {}, Hostile()]
UNWRITABLE = ["a\0b", "\ud800", "a\udfffb"]
NOT_IDS: list[Any] = [*NOT_NAMES, *UNWRITABLE, "a b", "ä", "x" * 129, ".x", "a/b", "a\n"]
NOT_MODES: list[Any] = [None, 5, "", "both", [], Hostile()]
NOT_PATHS: list[Any] = [5, True, b"runs", [], object(), Hostile()]
NOT_RESOURCES: list[Any] = [5, "tool", [1], Hostile(), {5: 1}, {"": 1}, {"nothing": 1}]


def fresh_flow() -> Any:
    return Flow(Typed)


def note(data: Here) -> Any:
    ran.append(data.value)
    return data.value


def complete(**options: Any) -> Flow[Any]:
    flow: Flow[Any] = Flow(Typed, **options)
    flow.to(note).end()
    return flow


def waiting() -> Any:
    def ask(data: Here) -> Any:
        data.pause_for("?", interrupt_id="ask")

    flow: Flow[Any] = Flow(Typed)
    flow.to(ask).to(note).end()
    execution = flow.create_execution()
    execution.start(1)
    return execution


def failed() -> Any:
    def fail(data: Here) -> Any:
        raise KeyError

    flow: Flow[Any] = Flow(Typed)
    flow.to(fail).end()
    execution = flow.create_execution()
    with pytest.raises(KeyError):
        execution.start(1)
    return execution


def in_a_handler(call: Callable[[Any], Any]) -> Any:
    flow: Flow[Any] = Flow(Typed)
    flow.to(call, name="calling").end()
    flow.start(1)


def opened(**options: Any) -> Any:
    arguments: dict[str, Any] = {"execution_id": "none", "store": MemoryStore()} | options
    return asyncio.run(complete().async_open(arguments.pop("execution_id"), **arguments))


def saved() -> Any:
    return complete().create_execution(execution_id="e").save().to_bytes()


CALLS: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
    "Flow(name)": (lambda given: Flow(Typed, name=given), [*NOT_NAMES, *UNWRITABLE]),
    "Flow(max_depth)": (lambda given: Flow(Typed, max_depth=given), [*NOT_NUMBERS, None, -1, 1.0, nan]),
    "Flow(contract)": (lambda given: Flow(given), [None, 5, "Typed", int, Typed.__mro__[1], Hostile()]),
    "to(handler)": (lambda given: fresh_flow().to(given), [None, 5, "nobody", [], Hostile()]),
    "to(name)": (lambda given: fresh_flow().to(note, name=given), [*NOT_NAMES, *UNWRITABLE]),
    "to(retry)": (lambda given: fresh_flow().to(note, retry=given), [3, True, "3", {}, Retry, Hostile()]),
    "to(timeout)": (lambda given: fresh_flow().to(note, timeout=given), NOT_SECONDS),
    "to(thread)": (lambda given: fresh_flow().to(note, thread=given), NOT_FLAGS),
    "process.to(name)": (lambda given: fresh_flow().to(note).to(note, name=given), [*NOT_NAMES, *UNWRITABLE]),
    "side_branch(name)": (lambda given: fresh_flow().side_branch(note, name=given), [*NOT_NAMES, *UNWRITABLE]),
    "side_branch(timeout)": (lambda given: fresh_flow().side_branch(note, timeout=given), NOT_SECONDS),
    "side_branch(thread)": (lambda given: fresh_flow().side_branch(note, thread=given), NOT_FLAGS),
    "batch(concurrency)": (lambda given: fresh_flow().batch(concurrency=given), NOT_COUNTS),
    "for_each(concurrency)": (lambda given: fresh_flow().for_each(concurrency=given), NOT_COUNTS),
    "branch(name)": (lambda given: fresh_flow().batch().branch(note, name=given), [*NOT_NAMES, *UNWRITABLE]),
    "branch(timeout)": (lambda given: fresh_flow().batch().branch(note, timeout=given), NOT_SECONDS),
    "branch(child, name)": (lambda given: fresh_flow().batch().branch(complete(), name=given), [5, *UNWRITABLE]),
    "branch(child, timeout)": (lambda given: fresh_flow().batch().branch(complete(), timeout=given), [5, "5"]),
    "branch(child, thread)": (lambda given: fresh_flow().batch().branch(complete(), thread=given), [True, 1]),
    "match(mode)": (lambda given: fresh_flow().match(mode=given), NOT_MODES),
    "when(triggers)": (lambda given: fresh_flow().when(given), [None, 5, b"rung", [1], {}, {"bell": "x"}, {5: "x"}]),
    "when(mode)": (lambda given: fresh_flow().when("rung", mode=given), NOT_MODES[1:]),
    "collect(name)": (lambda given: fresh_flow().collect(given, "a"), [*NOT_NAMES, None, *UNWRITABLE]),
    "collect(branch)": (lambda given: fresh_flow().collect("both", given), [*NOT_NAMES, None, *UNWRITABLE]),
    "collect(mode)": (lambda given: fresh_flow().collect("both", "a", mode=given), NOT_MODES),
    "chunk(name)": (lambda given: fresh_flow().chunk(given)(note), ["", 5, None, b"x", *UNWRITABLE]),
    "to_sub_flow(child)": (lambda given: fresh_flow().to_sub_flow(given), [None, 5, Typed, note, Hostile()]),
    "to_sub_flow(name)": (lambda given: fresh_flow().to_sub_flow(complete(), name=given), [*NOT_NAMES, *UNWRITABLE]),
    "create_execution(concurrency)": (lambda given: complete().create_execution(concurrency=given), NOT_COUNTS),
    "create_execution(execution_id)": (lambda given: complete().create_execution(execution_id=given), NOT_IDS),
    "create_execution(store)": (
        lambda given: complete().create_execution(store=given),
        [5, "x.db", MemoryStore, object(), Hostile()],
    ),
    "create_execution(checkpoint)": (
        lambda given: complete().create_execution(store=MemoryStore(), checkpoint=given),
        [None, 5, "", [], Hostile()],
    ),
    "create_execution(state)": (lambda given: complete().create_execution(state=given), [5, "x", [1], Hostile()]),
    "create_execution(runtime_resources)": (
        lambda given: complete().create_execution(runtime_resources=given),
        NOT_RESOURCES,
    ),
    "async_open(execution_id)": (lambda given: opened(execution_id=given), [None, *NOT_IDS]),
    "async_open(store)": (lambda given: opened(store=given), [None, 5, MemoryStore]),
    "async_open(concurrency)": (lambda given: opened(concurrency=given), NOT_COUNTS),
    "flow.start(value)": (lambda given: complete().start(given), [None, "1", 1.5, Hostile()]),
    "flow.start(timeout)": (lambda given: complete().start(1, timeout=given), NOT_SECONDS),
    "flow.start(concurrency)": (lambda given: complete().start(1, concurrency=given), NOT_COUNTS),
    "execution.start(timeout)": (lambda given: complete().create_execution().start(1, timeout=given), NOT_SECONDS),
    "stream(timeout)": (lambda given: complete().create_execution().stream(1, timeout=given), NOT_SECONDS),
    "continue_with(timeout)": (lambda given: waiting().continue_with("ask", 1, timeout=given), NOT_SECONDS),
    "stream_continue(timeout)": (lambda given: waiting().stream_continue("ask", 1, timeout=given), NOT_SECONDS),
    "async_retry(timeout)": (lambda given: asyncio.run(failed().async_retry(timeout=given)), NOT_SECONDS),
    "continue_with(id)": (lambda given: waiting().continue_with(given, 1), [None, 5, "", [], {}, Hostile()]),
    "emit(event)": (lambda given: waiting().emit(given, 1), [None, 5, "", [], {}, Hostile(), *UNWRITABLE]),
    "save(format)": (lambda given: waiting().save(format=given), [None, 5, "yaml", [], Hostile()]),
    "save(path)": (lambda given: waiting().save(given), [*NOT_PATHS, *UNWRITABLE]),
    "load(source)": (lambda given: complete().create_execution().load(given), [None, 5, [], Hostile()]),
    "load(path)": (lambda given: complete().create_execution().load(Path(given)), UNWRITABLE),
    "load(max_bytes)": (
        lambda given: complete().create_execution().load(saved(), max_bytes=given),
        [*NOT_NUMBERS, None, -1, 1.5, nan],
    ),
    "load(runtime_resources)": (
        lambda given: complete().create_execution().load(saved(), runtime_resources=given),
        NOT_RESOURCES,
    ),
    "flow.set_runtime_resource": (
        lambda given: complete().set_runtime_resource(given, 1),
        [None, 5, "", [], "tool.x", *UNWRITABLE],
    ),
    "flow.get_runtime_resource": (lambda given: complete().get_runtime_resource(given), [None, 5, "", [], *UNWRITABLE]),
    "flow.del_runtime_resource": (lambda given: complete().del_runtime_resource(given), [None, 5, "", [], *UNWRITABLE]),
    "flow.update_runtime_resources": (lambda given: complete().update_runtime_resources(given), NOT_RESOURCES),
    "execution.set_runtime_resource": (
        lambda given: waiting().set_runtime_resource(given, 1),
        [None, 5, "", [], *UNWRITABLE],
    ),
    "execution.get_runtime_resource": (lambda given: waiting().get_runtime_resource(given), [None, 5, [], *UNWRITABLE]),
    "execution.del_runtime_resource": (lambda given: waiting().del_runtime_resource(given), [None, 5, [], *UNWRITABLE]),
    "execution.update_runtime_resources": (lambda given: waiting().update_runtime_resources(given), NOT_RESOURCES),
    "data.get_resource": (
        lambda given: in_a_handler(lambda data: data.get_resource(given)),
        [None, 5, [], *UNWRITABLE],
    ),
    "data.require_resource": (lambda given: in_a_handler(lambda data: data.require_resource(given)), [None, [], "\0"]),
    "data.set_resource": (lambda given: in_a_handler(lambda data: data.set_resource(given, 1)), [None, [], "\0"]),
    "data.del_resource": (lambda given: in_a_handler(lambda data: data.del_resource(given)), [None, [], "\0"]),
    "data.emit": (lambda given: in_a_handler(lambda data: data.emit(given, 1)), [None, 5, [], Hostile(), "\0"]),
    "data.put": (lambda given: in_a_handler(lambda data: data.put(given)), [None, "1", Hostile()]),
    "data.set_result": (lambda given: in_a_handler(lambda data: data.set_result(given)), [None, "1", Hostile()]),
    "pause_for(interrupt_id)": (
        lambda given: in_a_handler(lambda data: data.pause_for("?", interrupt_id=given)),
        NOT_IDS,
    ),
    "pause_for(type)": (
        lambda given: in_a_handler(lambda data: data.pause_for("?", type=given)),
        [None, 5, [], Hostile(), "\ud800"],
    ),
    "pause_for(resume_event)": (
        lambda given: in_a_handler(lambda data: data.pause_for("?", resume_event=given)),
        ["", 5, [], Hostile(), "\0"],
    ),
    "pause_for(payload)": (
        lambda given: in_a_handler(lambda data: data.pause_for(given)),
        [object(), {5: 1}, nan, Hostile(), "\ud800", {"\ud800": 1}],
    ),
    "state.get": (lambda given: in_a_handler(lambda data: data.state.get(given)), [None, 5, [], "", *UNWRITABLE]),
    "state.set": (lambda given: in_a_handler(lambda data: data.state.set(given, 1)), [None, 5, [], "", *UNWRITABLE]),
    "state.append": (lambda given: in_a_handler(lambda data: data.state.append(given, 1)), [None, [], "", *UNWRITABLE]),
    "state.delete": (lambda given: in_a_handler(lambda data: data.state.delete(given)), [None, [], "", *UNWRITABLE]),
    "state[…]": (lambda given: in_a_handler(lambda data: data.state[given]), [None, 5, [], "", *UNWRITABLE]),
    "… in state": (lambda given: in_a_handler(lambda data: given in data.state), [None, 5, [], "", *UNWRITABLE]),
    "make_data(execution_id)": (lambda given: make_data(Typed, 1, execution_id=given), [None, *NOT_IDS]),
}


@pytest.mark.parametrize(
    "call, given",
    [pytest.param(call, given, id=f"{name}-{number}") for name, (call, every) in CALLS.items()
     for number, given in enumerate(every)],
)  # fmt: skip
@pytest.mark.thin(7)
def test_what_an_option_cannot_be_is_refused(call: Callable[[Any], Any], given: Any) -> None:
    ran.clear()
    with pytest.raises(TypedflowError) as refused:
        call(given)
    assert refused.value.code.startswith("TF")
    assert refused.value.code != "TF716"  # of the flow of this test
    assert str(refused.value)
    str(refused.value).encode()  # it can be printed and logged
    assert ran == []


@pytest.mark.parametrize(
    "call",
    [
        lambda: waiting().continue_with("ask", 1, timeout="5"),
        lambda: waiting().stream_continue("ask", 1, timeout="5"),
    ],
)
def test_a_refused_option_leaves_the_question_open(call: Callable[[], Any]) -> None:
    with pytest.raises(ContractError) as refused:
        call()
    assert "timeout is a number of seconds from 0, not '5' (str)" in str(refused.value)


def test_a_refused_timeout_starts_nothing() -> None:
    execution = complete().create_execution()
    with pytest.raises(ContractError, match="TF718"):
        execution.start(1, timeout=nan)
    assert execution.status is Status.CREATED
    assert execution.start(1) is Status.COMPLETED


@pytest.mark.parametrize("seconds", [inf, 10**400, 1e308, 10**12, None])
def test_a_timeout_that_never_comes_is_none(seconds: Any) -> None:
    flow: Flow[Any] = Flow(Typed)
    flow.to(passing, timeout=seconds).end()
    assert flow.start(1, timeout=seconds) == 1
    execution = waiting()
    assert execution.continue_with("ask", 2, timeout=seconds) is Status.COMPLETED


# -- the names that functions lend


@pytest.mark.parametrize("name", UNWRITABLE)
def test_a_function_cannot_lend_a_name_that_cannot_be_written(name: str) -> None:
    def handler(data: Here) -> Any:
        return data.value

    handler.__name__ = name
    flow = fresh_flow()
    for attach in (flow.to, flow.side_branch, flow.batch().branch, flow.chunk):
        with pytest.raises(ContractError, match="TF718"):
            attach(handler)
    flow = fresh_flow()
    flow.to(handler, name="written").end()
    assert flow.start(1) == 1


# -- retry


@pytest.mark.parametrize("option", ["attempts", "backoff", "factor", "max_backoff"])
@pytest.mark.parametrize("given", NOT_SECONDS)
@pytest.mark.thin(5)
def test_a_retry_refuses_it_when_it_is_made(option: str, given: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^Retry\("):
        Retry(**{option: given})


@pytest.mark.parametrize("given", [None, 5, "Error", [KeyError], (KeyError, 5), BaseException, (KeyboardInterrupt,)])
def test_a_retry_is_on_exceptions(given: Any) -> None:
    with pytest.raises(TypeError, match=r"^Retry\(on=…\) is a tuple of exception classes"):
        Retry(on=given)


# -- stores


STORES: list[Any] = [FileStore, SQLiteStore]


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("path", [*NOT_PATHS, None, *UNWRITABLE, *(Path(each) for each in UNWRITABLE)])
def test_a_store_refuses_what_is_no_path(store: Any, path: Any) -> None:
    with pytest.raises(StoreError, match="TF950") as refused:
        store(path)
    str(refused.value).encode()


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("timeout", [None, *NOT_SECONDS])
def test_a_store_refuses_what_is_no_timeout(store: Any, timeout: Any, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="TF950"):
        store(tmp_path / "store", timeout=timeout)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("timeout", [0, 1.5, inf, 10**400, 1e300])
async def test_a_store_takes_any_number_of_seconds(store: Any, timeout: Any, tmp_path: Path) -> None:
    async with store(tmp_path / "store", timeout=timeout) as opened_store:
        assert await opened_store.list() == []


EVERY_STORE = pytest.mark.parametrize(
    "make", [lambda path: MemoryStore(), lambda path: FileStore(path), lambda path: SQLiteStore(path / "x")]
)


@EVERY_STORE
@pytest.mark.parametrize("given", [5, True, b"x", [], Hostile(), "\ud800", "a\udfffb"])
async def test_a_store_refuses_what_is_no_name(make: Any, given: Any, tmp_path: Path) -> None:
    async with make(tmp_path) as store:
        calls: tuple[Callable[[], Any], ...] = (
            lambda: store.list(flow=given),
            lambda: store.list(status=given),
            lambda: store.get_flow_state(given),
            lambda: store.get(given),
            lambda: store.delete(given),
        )
        for call in calls:
            with pytest.raises(StoreError, match=r"TF950|TF816") as refused:
                await call()
            str(refused.value).encode()


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@EVERY_STORE
@pytest.mark.parametrize(
    "record",
    [
        None,
        5,
        Hostile(),
        StoredSnapshot("e", 5, "running", 1, NOW, b""),  # type: ignore[arg-type]  # the case
        StoredSnapshot("e", "f\ud800", "running", 1, NOW, b""),
        StoredSnapshot("e", "f", None, 1, NOW, b""),  # type: ignore[arg-type]  # the case
        StoredSnapshot("e", "f", "running", True, NOW, b""),
        StoredSnapshot("e", "f", "running", 1, "now", b""),  # type: ignore[arg-type]  # the case
        StoredSnapshot("e", "f", "running", 1, NOW, "text"),  # type: ignore[arg-type]  # the case
        StoredSnapshot("e", "f", "running", 1, NOW, None),  # type: ignore[arg-type]  # the case
    ],
    ids=range(10),
)
async def test_a_store_refuses_what_is_no_record(make: Any, record: Any, tmp_path: Path) -> None:
    async with make(tmp_path) as store:
        with pytest.raises(StoreError, match="TF950"):
            await store.put(record, expected=None)
        assert await store.list() == []


@EVERY_STORE
@pytest.mark.parametrize("expected", ["1", 1.0, True, [], nan])
async def test_a_store_refuses_what_is_no_sequence(make: Any, expected: Any, tmp_path: Path) -> None:
    async with make(tmp_path) as store:
        with pytest.raises(StoreError, match="TF950"):
            await store.put(StoredSnapshot("e", "f", "running", 2, NOW, b""), expected=expected)
