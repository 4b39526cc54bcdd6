# No `from __future__ import annotations`: the annotations here are objects, evaluated where they are written.
"""Local contracts and handlers whose annotations are evaluated at once; for texts see test_handlers.py."""

from typing import Any, Protocol

import msgspec
import pytest

from typedflow import Contract, ContractError, Data, Flow, Resources, State


def test_a_local_contract_and_its_handlers_work() -> None:
    class Topic(msgspec.Struct):
        name: str

    class LocalState(State):
        topic: Topic | None = None

    class Local(Contract):
        input: Topic
        result: int
        state: LocalState

    def keep(data: Data[Local, Topic]) -> Topic:
        data.state.topic = data.value
        return data.value

    async def measure(data: Data[Local, Topic]) -> int:
        assert data.state.topic is not None
        return len(data.state.topic.name)

    flow = Flow(Local)
    flow.to(keep).to(measure).end()
    assert flow.start(Topic("abc")) == 3


def test_local_annotations_are_checked() -> None:
    class Local(Contract):
        input: int
        result: int

    def wrong(data: Data[Local, "list[int]"]) -> int:
        return len(data.value)

    flow: Flow[Any] = Flow(Local)
    flow.to(wrong).end()
    with pytest.raises(ContractError, match=r"^TF701: flow 'Local': step 'wrong' takes list\[int\], and gets int"):
        flow.validate()


def test_a_local_protocol_of_a_contract_works() -> None:
    class LocalResources(Resources):
        factor: int

    class Local(Contract):
        input: int
        result: int
        resources: LocalResources

    class HasFactor(Protocol):
        @property
        def factor(self) -> int: ...

    class NeedsFactor(Protocol):
        @property
        def resources(self) -> HasFactor: ...

    def scale(data: Data[NeedsFactor, int]) -> int:
        return data.value * data.resources.factor

    flow = Flow(Local)
    flow.to(scale).end()
    assert flow.start(2, runtime_resources={"factor": 3}) == 6


def test_a_chunk_that_is_defined_later_is_resolved_in_its_own_frame() -> None:
    class Local(Contract):
        input: int
        result: int

    flow = Flow(Local)

    @flow.chunk
    def first(data: "Data[Local, int]") -> int:
        return data.value + 1

    @flow.chunk("second")
    async def other(data: "Data[Local, int]") -> int:
        return first(data) * 10

    flow.to("first").to("second").end()
    assert flow.start(1) == 30
