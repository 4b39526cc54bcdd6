"""Rule 7: an execution goes on with the earlier definition that saved it, new ones start on the new one."""

from __future__ import annotations

from typing import Any

import pytest

from typedflow import Contract, ContractError, Data, Flow, FlowState, ResourceError, Resources, SnapshotError, Status
from typedflow.stores import MemoryStore, SQLiteStore


class Counters(FlowState):
    seen: int = 0


class Tools(Resources):
    prefix: str
    suffix: str = "."


class Review(Contract):
    input: str
    result: str
    flow_state: Counters
    resources: Tools


def ask(data: Data[Review, str]) -> str:
    data.update_flow_state(count)
    data.pause_for(data.value, interrupt_id="q")


def count(counters: Counters) -> None:
    counters.seen += 1


def wrap(data: Data[Review, str]) -> str:
    return f"{data.require_resource('prefix')}{data.value}{data.resources.suffix}"


def shout(data: Data[Review, str]) -> str:
    data.update_flow_state(count)
    return data.value.upper()


def question(data: Data[Review, str]) -> str:
    data.pause_for(data.value, interrupt_id="other")


def first(name: str = "review") -> Flow[Review]:
    flow = Flow(Review, name=name)
    flow.to(ask).to(wrap).end()
    return flow


def second(*previous: Flow[Any]) -> Flow[Review]:
    flow = Flow(Review, name="review", previous=previous)
    flow.to(question).to(shout).to(wrap).end()
    return flow


def third(*previous: Flow[Any]) -> Flow[Review]:
    flow = Flow(Review, name="review", previous=previous)
    flow.to(question).to(wrap).to(shout).end()
    return flow


GIVEN = {"prefix": "> "}


def saved(flow: Flow[Review]) -> bytes:
    execution = flow.create_execution(runtime_resources=GIVEN)
    assert execution.start("hello") is Status.WAITING
    return execution.save().to_bytes()


def answered(flow: Flow[Review], document: bytes, **resources: Any) -> str:
    execution = flow.create_execution().load(document, runtime_resources=resources or GIVEN)
    (interrupt,) = execution.interrupts
    assert execution.continue_with(interrupt, "yes") is Status.COMPLETED
    return execution.result


def test_an_execution_goes_on_with_the_definition_that_saved_it() -> None:
    document = saved(first())
    assert answered(second(first()), document) == "> yes."
    with pytest.raises(SnapshotError, match="'ask', which the flow does not have any more"):
        second().create_execution().load(document)


def test_a_new_execution_starts_on_the_new_definition() -> None:
    flow = second(first())
    assert answered(flow, saved(flow)) == "> YES."


def test_it_goes_on_with_that_definition_until_it_ends_over_further_saves() -> None:
    flow = Flow(Review, name="review")
    flow.to(ask).to(question).to(wrap).end()
    newest = second(flow)
    execution = newest.create_execution().load(saved(flow), runtime_resources=GIVEN)
    execution.continue_with("q", "again")
    assert execution.status is Status.WAITING
    assert answered(second(flow), execution.save().to_bytes()) == "> yes."


def test_the_earlier_definitions_of_an_earlier_definition_are_taken_over() -> None:
    documents = {"first": saved(first()), "second": saved(second())}
    newest = third(second(first()))
    assert answered(newest, documents["first"]) == "> yes."
    assert answered(newest, documents["second"]) == "> YES."
    assert answered(newest, saved(newest)) == "> YES."
    old = first()
    assert answered(third(second(old), old), documents["first"]) == "> yes."


def test_a_plan_that_no_definition_has_is_read_by_the_newest() -> None:
    between = Flow(Review, name="review")
    between.to(question).to(wrap).end()
    assert answered(second(first()), saved(between)) == "> YES."


def test_a_state_of_another_version_may_stay_with_its_definition() -> None:
    class Later(Contract, version=2):
        input: str
        result: str

    Later.__name__ = Later.__qualname__ = "Review"
    flow: Any = Flow(Later, name="review", previous=(first(),))
    flow.to(lambda data: data.value, name="more").end()
    assert answered(flow, saved(first())) == "> yes."
    assert flow.start("new") == "new"


@pytest.mark.parametrize("kind", [MemoryStore, SQLiteStore])
async def test_an_opened_execution_goes_on_with_its_definition(kind: Any, tmp_path: Any) -> None:
    async with MemoryStore() if kind is MemoryStore else SQLiteStore(tmp_path / "runs.db") as store:
        old = first().create_execution(runtime_resources=GIVEN, store=store, execution_id="old")
        assert await old.async_start("hello") is Status.WAITING
        flow = second(first())
        new = flow.create_execution(runtime_resources=GIVEN, store=store, execution_id="new")
        assert await new.async_start("hello") is Status.WAITING
        for name, result in (("old", "> yes."), ("new", "> YES.")):
            execution = await flow.async_open(name, store=store, runtime_resources=GIVEN)
            await execution.async_continue_with(next(iter(execution.interrupts)), "yes")
            assert execution.result == result
        assert flow.flow_state.seen == 2  # one by the old one's first step, one by the new one's second


def test_the_flow_state_of_the_same_class_is_one() -> None:
    old = first()
    saved(old)
    assert old.flow_state.seen == 1
    flow = second(old)
    assert flow.flow_state.seen == 1
    flow.update_flow_state(count)
    answered(flow, saved(old))
    assert (flow.flow_state.seen, old.flow_state.seen) == (3, 3)


def test_a_step_of_an_earlier_definition_changes_the_flow_state_of_the_flow() -> None:
    def count_again(data: Data[Review, str]) -> str:
        newest.update_flow_state(count)
        return f"{data.value}{data.flow_state.seen}{newest.flow_state.seen}"

    old = Flow(Review, name="review")
    old.to(ask).to(count_again).end()
    newest = second(old)
    assert answered(newest, saved(old)) == "yes22"
    assert newest.flow_state.seen == 2


def test_resource_defaults_reach_the_earlier_definition() -> None:
    document = saved(first())
    flow = second(first())
    flow.update_runtime_resources(prefix="= ", suffix="!")
    execution = flow.create_execution().load(document)
    execution.continue_with("q", "yes")
    assert execution.result == "= yes!"
    flow.del_runtime_resource("prefix")
    execution = flow.create_execution().load(document)
    with pytest.raises(ResourceError, match="prefix"):
        execution.continue_with("q", "yes")


class NewTools(Resources):
    prefix: str
    speaker: int = 0


class Spoken(Contract):
    input: str
    result: str
    resources: NewTools


Spoken.__name__ = Spoken.__qualname__ = "Review"


def spoken(*previous: Flow[Any]) -> Any:
    flow: Any = Flow(Spoken, name="review", previous=previous)
    flow.to(lambda data: data.value, name="say").end()
    return flow


def test_what_is_given_goes_to_the_definition_that_declares_it() -> None:
    document = saved(first())
    assert answered(spoken(first()), document, prefix="1 ", suffix="2", speaker=3) == "1 yes2"
    flow = spoken(first())
    flow.update_runtime_resources(prefix="# ", speaker=5)
    execution = flow.create_execution(runtime_resources={"speaker": 1}).load(document)
    execution.continue_with("q", "yes")
    assert execution.result == "# yes."


def test_a_resource_that_no_definition_declares_is_refused_and_nothing_changes() -> None:
    flow = spoken(first())
    execution = flow.create_execution()
    with pytest.raises(ResourceError, match="'sufix'"):
        execution.load(saved(first()), runtime_resources={"sufix": "!"})
    assert execution.status is Status.CREATED
    with pytest.raises(ResourceError, match="prefix"):
        execution.start("new")
    execution.update_runtime_resources(prefix="")
    assert execution.start("new") is Status.COMPLETED
    assert execution.result == "new"


class Parent(Contract):
    input: str
    result: str
    resources: Tools


def parent(child: Flow[Review]) -> Flow[Parent]:
    flow = Flow(Parent, name="parent")
    flow.to_sub_flow(
        child, capture={"input": "value", "resources": {"prefix": "resources.prefix"}}, write_back={"value": "result"}
    ).end()
    return flow


def test_a_child_goes_on_with_the_definition_that_saved_it() -> None:
    execution = parent(first()).create_execution(runtime_resources=GIVEN)
    assert execution.start("hello") is Status.WAITING
    document = execution.save().to_bytes()
    loaded = parent(second(first())).create_execution().load(document, runtime_resources=GIVEN)
    loaded.continue_with("q", "yes")
    assert loaded.result == "> yes."
    with pytest.raises(SnapshotError, match="'ask', which the flow does not have any more"):
        parent(second()).create_execution().load(document)


def test_a_child_of_another_contract_is_read_by_the_definition_of_today() -> None:
    """What a parent writes back is checked against today's contract of its child."""

    class Text(Contract):
        input: str
        result: str

    Text.__name__ = Text.__qualname__ = "Review"
    child: Any = Flow(Text, name="review", previous=(first(),))
    child.to(lambda data: data.value, name="more").end()
    flow: Any = Flow(Parent, name="parent")
    flow.to_sub_flow(child).end()
    execution = parent(first()).create_execution(runtime_resources=GIVEN)
    execution.start("hello")
    with pytest.raises(SnapshotError) as refused:
        flow.create_execution().load(execution.save(), runtime_resources=GIVEN)
    assert refused.value.code in ("TF916", "TF920")


@pytest.mark.parametrize(
    "previous, text",
    [
        (lambda: [first()], "previous is a tuple of earlier definitions of the flow, not "),
        (lambda: first(), "previous is a tuple of earlier definitions"),
        (lambda: ("review",), "previous is a tuple of earlier definitions"),
        (lambda: (first("old"),), "flow 'old' is no earlier definition of flow 'review': it has another name"),
        (lambda: (second(first()), first("old")), "flow 'old' is no earlier definition"),
        (lambda: (first(),) * 2, "previous[1] of flow 'review' has the same plan as previous[0]"),
    ],
)
def test_what_is_no_earlier_definition_is_refused_at_the_definition(previous: Any, text: str) -> None:
    with pytest.raises(ContractError) as refused:
        Flow(Review, name="review", previous=previous())
    assert refused.value.code == "TF750"
    assert text in str(refused.value)


@pytest.mark.parametrize(
    "flow, text",
    [
        (lambda: second(second()), "previous[0] of flow 'review' has the same plan as the flow itself"),
        (lambda: second(first(), first()), "previous[1] of flow 'review' has the same plan as previous[0]"),
        (lambda: third(second(first()), first()), "previous[2] of flow 'review' has the same plan as previous[1]"),
        (lambda: parent(second(second())), "previous[0] of flow 'review' has the same plan as the flow itself"),
    ],
)
def test_two_definitions_of_one_plan_are_refused_with_the_whole_flow(flow: Any, text: str) -> None:
    with pytest.raises(ContractError) as refused:
        flow().validate()
    assert refused.value.code == "TF750"
    assert text in str(refused.value)


def test_an_earlier_definition_that_is_not_valid_is_refused_with_the_whole_flow() -> None:
    broken: Any = Flow(Review, name="review")
    broken.to(ask).for_each()
    with pytest.raises(ContractError, match="for_each"):
        second(broken).create_execution()
