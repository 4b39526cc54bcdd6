"""An attribute that no class declares is refused where the step ends, or at the save, wherever its object is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest

from typedflow import (
    Contract,
    ContractError,
    Data,
    Events,
    Flow,
    FlowState,
    SnapshotError,
    State,
    TypedflowError,
)
from typedflow.stores import FileStore, MemoryStore, SQLiteStore


@dataclass
class Point:
    x: int


@dataclass
class Made:
    x: int

    def __post_init__(self) -> None:
        self.double = 2 * self.x


class Loose(msgspec.Struct, dict=True):
    x: int


@attrs.define(slots=False)
class Open:
    x: int


class Holder(msgspec.Struct):
    point: Any = None


def extra(cls: Any) -> Any:
    value = cls(1)
    value.extra = 1
    return value


@pytest.fixture(params=[Point, Loose, Open])
def cls(request: pytest.FixtureRequest) -> Any:
    return request.param


class Job:
    """A flow of which everything is of one class, in a list."""

    def __init__(self, cls: Any) -> None:
        class Inner(msgspec.Struct):
            items: list[cls]

        class Kept(State):
            one: cls | None = None
            table: dict[str, list[cls]] = {}
            inner: Inner | None = None

        class Shared(FlowState):
            one: cls | None = None
            items: list[cls] = []

        class Given(Events):
            given: cls

        class Contracted(Contract):
            input: object
            result: cls | None
            state: Kept
            flow_state: Shared
            events: Given

        self.inner = Inner
        self.contract = Contracted

    def run(self, handler: Callable[[Any], Any], **options: Any) -> Any:
        flow: Any = Flow(self.contract)
        flow.to(handler).end()
        return flow.start(1, **options)


WAYS: dict[str, Callable[[Job, Any, Any], Any]] = {
    "write": lambda job, data, value: setattr(data.state, "one", value),
    "path": lambda job, data, value: data.state.set("table.k", [value]),
    "append": lambda job, data, value: data.state.append("table.k", value),
    "struct": lambda job, data, value: setattr(data.state, "inner", job.inner([value])),
    "in place": lambda job, data, value: data.state.table["k"].append(value),
    "later": lambda job, data, value: setattr(data.state.table["k"][0], "extra", 1),
    "flow_state": lambda job, data, value: setattr(data.flow_state, "one", value),
    "flow_state in place": lambda job, data, value: data.flow_state.items.append(value),
    "update": lambda job, data, value: data.update_flow_state(lambda shared: shared.items.append(value)),
    "emit": lambda job, data, value: data.emit("given", value),
    "result": lambda job, data, value: data.set_result(value),
    "return": lambda job, data, value: value,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_step_is_refused_at_its_end(way: str, cls: Any) -> None:
    job = Job(cls)

    def handler(data: Any) -> Any:
        if way in ("later", "in place", "append"):
            data.state.table = {"k": [cls(1)]}
        return WAYS[way](job, data, extra(cls))

    handler.__annotations__["return"] = cls | None
    with pytest.raises(ContractError) as caught:
        job.run(handler)
    reason = "declares no field 'extra'" if way != "emit" else "in it is the fields of"
    assert reason in str(caught.value)
    assert "extra" in str(caught.value)


def test_a_step_in_a_for_each_and_one_in_a_child_are_refused(cls: Any) -> None:
    class Items(Contract):
        input: list[int]
        result: list[cls]

    class Child(Contract):
        input: int
        result: cls

    def item(data: Data[Any, int]) -> cls:
        return extra(cls)

    flow: Any = Flow(Items)
    flow.for_each().to(item).end_for_each().end()
    with pytest.raises(ContractError, match="extra"):
        flow.start([1, 2])
    child: Any = Flow(Child)
    child.to(item).end()
    parent: Any = Flow(Items)
    parent.for_each().to_sub_flow(child).end_for_each().end()
    with pytest.raises(ContractError, match="extra"):
        parent.start([1, 2])


def test_an_answer_is_refused_and_the_interrupt_stays(cls: Any) -> None:
    class Asks(Contract):
        input: int
        result: cls

    def ask(data: Data[Any, int]) -> cls:
        data.pause_for("?", interrupt_id="ask")

    flow: Any = Flow(Asks)
    flow.to(ask).end()
    execution = flow.create_execution()
    execution.start(1)
    with pytest.raises(TypedflowError, match=r"TF810.*extra"):
        execution.continue_with("ask", extra(cls))
    assert execution.continue_with("ask", cls(2)) == "completed"


@pytest.mark.parametrize("format", ["json", "msgpack"])
def test_what_is_set_after_a_step_is_refused_by_the_save(format: str, cls: Any) -> None:
    job, kept = Job(cls), []

    def keep(data: Any) -> Any:
        kept.append(cls(1))
        data.state.inner = job.inner([kept[0]])

    flow: Any = Flow(job.contract)
    flow.to(keep).end()
    execution = flow.create_execution()
    execution.start(1)
    execution.save(format=format)
    kept[0].extra = 1
    for _ in range(2):
        with pytest.raises(SnapshotError) as caught:
            execution.save(format=format)
        reason = f"{cls.__name__} declares no field 'extra', and a save would drop it"
        assert str(caught.value) == f"TF901: 'state.inner.items[0].extra' cannot be saved: {reason}"
    del kept[0].extra
    execution.save(format=format)


@pytest.mark.parametrize("format", ["json", "msgpack"])
def test_a_value_on_an_edge_is_refused_by_the_save(format: str, cls: Any) -> None:
    class Hands(Contract):
        input: int
        result: None

    kept = [cls(1)]

    def give(data: Data[Any, int]) -> list[cls]:
        return kept

    def fail(data: Data[Any, list[cls]]) -> None:
        raise RuntimeError

    flow: Any = Flow(Hands)
    flow.to(give).to(fail).end()
    execution = flow.create_execution()
    with pytest.raises(RuntimeError):
        execution.start(1)
    kept[0].extra = 1
    for _ in range(2):
        with pytest.raises(SnapshotError, match=r"TF901: 'tokens\[0\].value\[0\].extra' cannot be saved"):
            execution.save(format=format)
    del kept[0].extra
    saved = execution.save(format=format).tokens
    kept[0].extra = 1
    assert execution.save(format=format).tokens == saved  # as it was produced


@pytest.mark.parametrize("format", ["json", "msgpack"])
def test_what_post_init_sets_is_compared_with_what_came_back(format: str) -> None:
    job, kept = Job(Made), []

    def keep(data: Any) -> Any:
        kept.append(Made(1))
        data.state.table = {"k": [kept[0]]}

    flow: Any = Flow(job.contract)
    flow.to(keep).end()
    execution = flow.create_execution()
    execution.start(1)
    loaded = flow.create_execution().load(execution.save(format=format))
    assert vars(loaded.state.table["k"][0]) == {"x": 1, "double": 2}
    kept[0].double = 5
    with pytest.raises(SnapshotError, match=r"'state.table.k\[0\].double' cannot be saved: Made declares no field"):
        execution.save(format=format)


@pytest.mark.parametrize("make", [lambda folder: MemoryStore(), FileStore, lambda folder: SQLiteStore(folder / "db")])
async def test_a_store_gets_nothing_of_a_value_with_more(make: Callable[[Path], Any], tmp_path: Path, cls: Any) -> None:
    job, kept = Job(cls), []

    def keep(data: Any) -> Any:
        kept.append(cls(1))
        data.state.one = kept[0]

    def spoil(data: Any) -> Any:
        kept[0].extra = 1

    flow: Any = Flow(job.contract)
    flow.to(keep).to(spoil).end()
    async with make(tmp_path) as store:
        execution = flow.create_execution(store=store, checkpoint="step", execution_id="a")
        with pytest.raises(SnapshotError, match=r"'state\.one\.extra' cannot be saved"):
            await execution.async_start(1)
        opened = await flow.async_open("a", store=store)
        assert opened.state.one == cls(1)


@attrs.define
class Private:
    _x: int
    y: int = 0


def test_an_attrs_class_with_a_private_field_is_refused_in_a_state_and_carried_on_an_edge() -> None:
    class Kept(State):
        private: Private | None = None

    with pytest.raises(ContractError, match="TF603: field 'private' of Kept cannot be saved: msgspec leaves out '_x'"):

        class WithState(Contract):
            input: int
            result: None
            state: Kept

    class Hands(Contract):
        input: int
        result: Private

    def give(data: Data[Any, int]) -> Private:
        return Private(x=3, y=4)

    def ask(data: Data[Any, Private]) -> Private:
        if data.attempt == 1 and not allowed:
            raise RuntimeError
        return data.value

    allowed: list[int] = []
    flow: Any = Flow(Hands)
    flow.to(give).to(ask).end()
    execution = flow.create_execution()
    with pytest.raises(RuntimeError):
        execution.start(1)
    for format in ("json", "msgpack"):
        loaded = flow.create_execution().load(execution.save(format=format))
        allowed.append(1)
        loaded_status = run_again(loaded)
        assert (loaded_status, loaded.result) == ("completed", Private(x=3, y=4))
        allowed.clear()


def run_again(execution: Any) -> str:
    return str(asyncio.run(execution.async_retry()))
