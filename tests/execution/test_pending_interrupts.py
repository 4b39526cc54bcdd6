"""What waits for an answer, as a store lists it without opening an execution, and how it is answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NoReturn

import msgspec
import pytest

from tests.execution.pausing import CASES
from tests.postgres import conninfo_of
from typedflow import Contract, Data, Events, Execution, Flow, InterruptError, Status
from typedflow.distributed import answer
from typedflow.errors import ContractError
from typedflow.stores import MemoryStore, PostgresStore, SQLiteStore

Open = Callable[[Path], Any]
STORES: dict[str, Open] = {
    "memory": lambda path: MemoryStore(),
    "sqlite": lambda path: SQLiteStore(path / "s.db"),
    "postgres": lambda path: PostgresStore(conninfo_of(path)),
}


class Turn(Contract):
    input: int
    result: int


def ask(data: Data[Turn, int]) -> int:
    data.pause_for({"turn": data.value}, type="human", interrupt_id="q")


def fail(data: Data[Turn, int]) -> int:
    raise OSError("broken")


def asking_for_ever() -> Flow[Turn]:
    """Return a flow that asks again and again under one interrupt id."""
    flow = Flow(Turn, name="turns")
    first = flow.to(ask)
    for _ in range(3):
        first = first.to(ask)
    first.end()
    return flow


# -- the list


@pytest.mark.parametrize("checkpoint", ["pause", "step"])
@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("name", ["chain", "for_each", "child in child", "each in child", "by event", "loop"])
async def test_a_store_lists_what_an_execution_asks(
    name: str, kind: str, checkpoint: Literal["pause", "step"], tmp_path: Path
) -> None:
    case = CASES[name]
    async with STORES[kind](tmp_path) as store:
        begin = datetime.now(UTC)
        execution = case.build().create_execution(execution_id="case", store=store, checkpoint=checkpoint)
        await execution.async_start(case.value)
        while execution.status is Status.WAITING:
            found = await store.pending()
            assert {each.interrupt_id: as_asked(each) for each in found} == {
                id_: as_asked(each) for id_, each in execution.interrupts.items()
            }
            assert all(begin <= each.since <= datetime.now(UTC) for each in found)
            assert {(each.execution_id, each.flow) for each in found} == {("case", execution._runtime.flow.name)}
            opened = await case.build().async_open("case", store=store)
            assert opened.interrupts == execution.interrupts
            chosen = found[-1]
            await execution.async_continue_with(chosen, case.answers[str(chosen.payload)])
        assert execution.result == case.result
        assert await store.pending() == []


def as_asked(asked: Any) -> tuple[Any, ...]:
    return asked.type, asked.payload, asked.since, asked.step, asked.within, asked.resume_event, asked.key


@pytest.mark.parametrize("kind", STORES)
async def test_an_execution_that_failed_asks_nothing_until_it_is_retried(kind: str, tmp_path: Path) -> None:
    broken = [True]

    def breaks(data: Data[Turn, int]) -> int:
        if broken:
            raise OSError("broken")
        return data.value

    flow = Flow(Turn)
    flow.to(ask).end()
    flow.side_branch(breaks)
    async with STORES[kind](tmp_path) as store:
        execution = flow.create_execution(execution_id="a", store=store)
        with pytest.raises(OSError, match="broken"):
            await execution.async_start(1)
        assert await store.pending() == []
        broken.clear()
        opened = await flow.async_open("a", store=store)
        await opened.async_retry()
        assert [each.interrupt_id for each in await store.pending()] == ["q"]
        await opened.async_cancel()
        assert await store.pending() == []


async def test_a_snapshot_that_is_loaded_into_a_store_asks_there() -> None:
    flow = asking_for_ever()
    first = flow.create_execution(execution_id="a")
    await first.async_start(1)
    store = MemoryStore()
    loaded = flow.create_execution(store=store).load(first.save())
    await loaded.async_continue_with("q", 5)
    (found,) = await store.pending()
    assert (found.execution_id, found.payload) == ("a", {"turn": 5})


# -- the answer


async def test_an_older_interrupt_of_the_same_id_is_refused() -> None:
    execution = asking_for_ever().create_execution(execution_id="a")
    await execution.async_start(1)
    first = execution.interrupts["q"]
    await execution.async_continue_with(first, 10)
    with pytest.raises(InterruptError) as caught:
        await execution.async_continue_with(first, 20)
    assert str(caught.value) == (
        "TF808: execution 'a' of flow 'turns': interrupt 'q' was answered already, and its id is used again for another"
        " question (take the new one from execution.interrupts or store.pending())"
    )
    loaded: Execution[Turn] = asking_for_ever().create_execution().load(execution.save())
    with pytest.raises(InterruptError, match="used again for another question"):
        await loaded.async_continue_with(first, 20)
    await loaded.async_continue_with(execution.interrupts["q"], 20)
    assert loaded.interrupts["q"].payload == {"turn": 20}


async def test_a_key_answers_its_question_and_no_later_one_of_the_same_id() -> None:
    flow = asking_for_ever()
    execution = flow.create_execution(execution_id="a")
    await execution.async_start(1)
    first = execution.interrupts["q"].key
    await execution.async_continue_with(first, 10)
    for opened in (execution, flow.create_execution().load(execution.save())):
        with pytest.raises(InterruptError, match="TF807"):
            await opened.async_continue_with(first, 20)
        assert opened.interrupts["q"].payload == {"turn": 10}
    await execution.async_continue_with(execution.interrupts["q"].key, 20)
    assert execution.interrupts["q"].payload == {"turn": 20}


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_an_answer_by_mail_says_which_question_it_answers(kind: str, tmp_path: Path) -> None:
    flow = asking_for_ever()
    async with STORES[kind](tmp_path) as store:
        await flow.create_execution(execution_id="a", store=store).async_start(1)
        (first,) = await store.pending()
        opened = await flow.async_open("a", store=store)
        key = opened.interrupts["q"].key
        await opened.async_continue_with("q", 10)
        with pytest.raises(InterruptError, match="used again for another question"):
            await answer(store, flow, "a", first, 20)
        with pytest.raises(InterruptError, match="TF807"):
            await answer(store, flow, "a", key, 20)
        await answer(store, flow, "a", opened.interrupts["q"].key, 20)


async def test_an_interrupt_that_was_answered_is_refused_as_its_id_is() -> None:
    flow = Flow(Turn)
    flow.to(ask).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    asked = execution.interrupts["q"]
    await execution.async_continue_with(asked, 10)
    assert execution.result == 10


@pytest.mark.parametrize("kind", STORES)
async def test_a_pending_interrupt_of_another_execution_is_refused(kind: str, tmp_path: Path) -> None:
    flow = asking_for_ever()
    async with STORES[kind](tmp_path) as store:
        one, other = (flow.create_execution(execution_id=id_, store=store) for id_ in ("a", "b"))
        await one.async_start(1)
        await other.async_start(2)
        found = {each.execution_id: each for each in await store.pending()}
        with pytest.raises(InterruptError) as caught:
            await one.async_continue_with(found["b"], 5)
        assert str(caught.value) == (
            "TF807: execution 'a' of flow 'turns': interrupt 'q' is one of execution 'b' "
            "(open that execution, and answer it there)"
        )
        await one.async_continue_with(found["a"], 5)
        with pytest.raises(InterruptError, match="used again for another question"):
            await one.async_continue_with(found["a"], 6)


# -- the schema of an answer


class Verdict(msgspec.Struct, rename="camel"):
    is_good: bool
    note: str = ""


class Bells(Events):
    rung: Verdict


class Asks(Contract):
    input: int
    result: object
    events: Bells


def by_union(data: Data[Asks, int]) -> int | list[str] | None:
    data.pause_for(interrupt_id="q")


def by_struct(data: Data[Asks, int]) -> Verdict:
    data.pause_for(interrupt_id="q")


def by_event(data: Data[Asks, int]) -> None:
    data.pause_for(interrupt_id="q", resume_event="rung")


def by_next(data: Data[Asks, int]) -> NoReturn:
    data.pause_for(interrupt_id="q")


def takes_literal(data: Data[Asks, Literal["yes", "no"]]) -> str:
    return data.value


class A(msgspec.Struct):
    a: int


class B(msgspec.Struct):
    b: int


def by_untagged(data: Data[Asks, int]) -> A | B:
    data.pause_for(interrupt_id="q")


VERDICT = {
    "$ref": "#/$defs/Verdict",
    "$defs": {
        "Verdict": {
            "title": "Verdict",
            "type": "object",
            "properties": {"isGood": {"type": "boolean"}, "note": {"type": "string", "default": ""}},
            "required": ["isGood"],
        }
    },
}


UNION = {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "string"}}, {"type": "null"}]}


def of(*handlers: Any) -> Flow[Any]:
    flow: Flow[Any] = Flow(Asks)
    process: Any = flow
    for handler in handlers:
        process = process.to(handler)
    process.end()
    return flow


def listening() -> Flow[Any]:
    flow: Flow[Any] = Flow(Asks)
    flow.to(by_event)
    flow.when("rung").end()
    return flow


def with_items() -> Flow[Any]:
    flow: Any = Flow(Asks)
    flow.to(by_next).for_each().to(takes_literal).end_for_each().end()
    return flow  # type: ignore[no-any-return]  # of any contract


def in_child() -> Flow[Any]:
    flow: Flow[Any] = Flow(Asks)
    flow.to_sub_flow(of(by_struct), name="inner").end()
    return flow


@pytest.mark.parametrize(
    "flow, schema",
    [
        (of(by_union), UNION),
        (of(by_struct), VERDICT),
        (listening(), VERDICT),
        (of(by_next, takes_literal), {"enum": ["no", "yes"]}),
        (with_items(), {"type": "array", "items": {"enum": ["no", "yes"]}}),
        (in_child(), VERDICT),
        (of(lambda data: data.pause_for(interrupt_id="q")), {}),
    ],
    ids=["union", "struct", "event", "next", "items", "child", "anything"],
)  # fmt: skip
async def test_a_flow_gives_the_json_schema_of_an_answer(flow: Flow[Any], schema: dict[str, Any]) -> None:
    store = MemoryStore()
    execution = flow.create_execution(store=store)
    await execution.async_start(1)
    (asked,) = await store.pending()
    assert flow.answer_schema(execution.interrupts["q"]) == schema
    assert flow.answer_schema(asked) == schema


async def test_a_union_that_msgspec_does_not_take_has_a_schema_of_its_members() -> None:
    flow = of(by_untagged)
    execution = flow.create_execution()
    await execution.async_start(1)
    schema = flow.answer_schema(execution.interrupts["q"])
    assert schema["anyOf"] == [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]
    assert {name: each["required"] for name, each in schema["$defs"].items()} == {"A": ["a"], "B": ["b"]}


async def test_a_renamed_step_is_found_and_an_unknown_one_is_refused() -> None:
    execution = of(by_struct).create_execution()
    await execution.async_start(1)
    asked = execution.interrupts["q"]
    renamed: Flow[Any] = Flow(Asks)
    renamed.to(by_struct, name="judge", formerly=("by_struct",)).end()
    assert renamed.answer_schema(asked) == VERDICT
    with pytest.raises(InterruptError) as caught:
        of(by_union).answer_schema(asked)
    assert str(caught.value) == (
        "TF807: flow 'Asks': there is no step 'by_struct' that could ask (ask the flow that the interrupt is of, "
        "or declare formerly=('by_struct',) where the step was renamed)"
    )


async def test_an_event_that_a_flow_does_not_declare_any_more_is_refused() -> None:
    execution = listening().create_execution()
    await execution.async_start(1)
    asked = msgspec.structs.replace(execution.interrupts["q"], resume_event="gone")
    with pytest.raises(ContractError, match="gone"):
        listening().answer_schema(asked)
