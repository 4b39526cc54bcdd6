"""The state at the level of flows: private to an execution (B1), read steps later (B2), written by path (B3-B6, B8)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypedDict

import msgspec
import pytest

from tests.execution.chains import BOTH_FORMS, Form, chain, run, untyped
from typedflow import Contract, ContractError, Data, Flow, PathError, State


class Request(msgspec.Struct):
    topic: str
    tags: list[str] = []
    depth: int | None = None


class Draft(TypedDict):
    text: str


class Inner(msgspec.Struct):
    numbers: dict[str, int] = {}
    draft: Draft = msgspec.field(default_factory=lambda: Draft(text=""))
    step: int = 0


class ReviewState(State):
    seen: list[int] = []
    request: Request | None = None
    drafts: list[str] = []
    about: dict[str, str] = {}
    labels: set[str] = set()
    inner: Inner = msgspec.field(default_factory=Inner)
    count: int = 0
    share: float = 0.0
    done: bool = False
    note: str | None = None


class Review(Contract):
    input: Any
    result: Any
    state: ReviewState


class Needed(State):
    topic: str
    depth: int
    request: Request = msgspec.field(default_factory=lambda: Request("none"))


class NeedsState(Contract):
    input: int
    result: int
    state: Needed


def keep(data: Data[Review, Any]) -> Any:
    data.state.append("seen", data.value)
    return data.state.seen


def state_after(*writes: Any, form: Form) -> ReviewState:
    """Run one step that makes these writes, and give the state."""

    def write(data: Data[Review, Any]) -> None:
        for one in writes:
            one(data.state)

    state: ReviewState = run(chain(Review, form(write))).state
    return state


def error_of(*writes: Any, form: Form) -> tuple[ContractError, ReviewState]:
    """Run one step that makes these writes and fails, and give the error and the state."""

    def write(data: Data[Review, Any]) -> None:
        for one in writes:
            one(data.state)

    execution = chain(Review, form(write)).create_execution()
    with pytest.raises(ContractError) as caught:
        execution.start(None)
    assert execution.status == "failed"
    return caught.value, execution.state


# -- B1, B2: whose state it is


@BOTH_FORMS
def test_two_executions_share_no_state(form: Form) -> None:
    """B1."""
    flow = chain(Review, form(keep))
    assert [flow.start(1), flow.start(2)] == [[1], [2]]


async def test_executions_that_overlap_share_no_state() -> None:
    """B1."""
    both = asyncio.Barrier(2)

    async def meet(data: Data[Review, Any]) -> Any:
        data.state.append("seen", data.value)
        await both.wait()
        return data.state.seen

    flow = chain(Review, meet)
    async with asyncio.timeout(5):
        results = await asyncio.gather(flow.async_start(1), flow.async_start(2))
    assert list(results) == [[1], [2]]


def test_mutable_defaults_are_never_shared() -> None:
    """B1: not at any depth."""
    flow = chain(Review, keep)
    first, second = flow.create_execution(), flow.create_execution()
    first.state.inner.numbers["a"] = 1
    first.state.inner.draft["text"] = "x"
    assert (second.state.inner.numbers, second.state.inner.draft) == ({}, {"text": ""})


@BOTH_FORMS
def test_a_step_two_hops_away_reads_what_was_written(form: Form) -> None:
    """B2."""

    def write(data: Data[Review, Any]) -> int:
        data.state.request = Request("msgspec")
        return 1

    def pass_on(data: Data[Review, int]) -> int:
        return data.value + 1

    def read(data: Data[Review, int]) -> str:
        assert data.state.request is not None
        return f"{data.state.request.topic} {data.value}"

    assert chain(Review, form(write), form(pass_on), form(read)).start(None) == "msgspec 2"


# -- the state at the start


def test_a_state_given_at_creation_is_copied() -> None:
    given = ReviewState(drafts=["a"])
    execution = run(chain(Review, lambda data: data.state.append("drafts", "b")), state=given)
    assert (execution.state.drafts, given.drafts) == (["a", "b"], ["a"])


def test_a_state_may_be_given_as_a_mapping() -> None:
    execution = run(chain(Review, lambda data: data.state.request), state={"request": {"topic": "x"}})
    assert execution.result == Request("x")


def test_every_required_field_that_nothing_supplies_is_named_before_any_handler() -> None:
    ran: list[Any] = []
    execution = chain(NeedsState, ran.append).create_execution()
    with pytest.raises(ContractError) as caught:
        execution.start(1)
    assert str(caught.value) == (
        "2 problems\n"
        "  TF811: field 'topic' (str) of Needed is required, and nothing supplies it "
        "(give create_execution(state=Needed(…)), or the field a default)\n"
        "  TF811: field 'depth' (int) of Needed is required, and nothing supplies it "
        "(give create_execution(state=Needed(…)), or the field a default)"
    )
    assert (ran, execution.status) == ([], "created")


def test_a_required_field_may_be_supplied_between_creation_and_start() -> None:
    flow = chain(NeedsState, lambda data: data.state.depth)
    execution = flow.create_execution(state={"topic": "x", "depth": 3})
    execution.state.depth = 4
    execution.start(1)
    assert execution.result == 4


def test_a_default_factory_makes_a_value_for_each_execution() -> None:
    flow = chain(NeedsState, lambda data: data.value)
    first, second = (flow.create_execution(state={"topic": "x", "depth": 3}) for _ in range(2))
    assert first.state.request == second.state.request
    assert first.state.request is not second.state.request


# -- B3: set replaces


@BOTH_FORMS
@pytest.mark.parametrize(
    "path, first, second",
    [
        ("drafts", ["a", "b"], []),
        ("about", {"topic": "x"}, {"lang": "y"}),
        ("labels", {"a"}, {"b"}),
        ("inner.numbers", {"a": 1}, {"b": 2}),
        ("inner.draft", {"text": "a"}, {"text": "b"}),
        ("request", Request("a", ["t"]), Request("b")),
    ],
)
def test_set_replaces(form: Form, path: str, first: Any, second: Any) -> None:
    """B3."""
    state = state_after(lambda s: s.set(path, first), lambda s: s.set(path, second), form=form)
    assert state[path] == second


def test_set_of_a_struct_takes_a_mapping_and_merges_nothing() -> None:
    """B3."""
    first = {"topic": "a", "tags": ["t"], "depth": 1}
    state = state_after(lambda s: s.set("request", first), lambda s: s.set("request", {"topic": "b"}), form=lambda h: h)
    assert state.request == Request("b")


def test_the_result_is_replaced_by_nothing_the_first_one_wins() -> None:
    """B3: results are never merged."""

    def early(data: Data[Review, Any]) -> dict[str, int]:
        data.set_result({"a": 1})
        data.set_result({"b": 2})
        return {"c": 3}

    assert chain(Review, early).start(None) == {"a": 1}


# -- B4: missing is not None


@pytest.mark.parametrize(
    "path, found, inside",
    [
        ("note", None, True),
        ("request", None, True),
        ("request.topic", "default", False),
        ("about.lang", "default", False),
        ("inner.numbers.a", "default", False),
        ("inner.draft.text", "", True),
        ("count", 0, True),
    ],
)
def test_get_gives_the_default_only_where_the_path_cannot_be_reached(path: str, found: Any, inside: bool) -> None:
    """B4."""

    def look(data: Data[Review, Any]) -> Any:
        return data.state.get(path, "default"), path in data.state

    assert chain(Review, look).start(None) == (found, inside)


def test_brackets_raise_a_key_error_that_tells_where_the_path_ends() -> None:
    """B4."""

    def look(data: Data[Review, Any]) -> Any:
        return data.state["request.topic"]

    with pytest.raises(KeyError) as caught:
        chain(Review, look).start(None)
    assert isinstance(caught.value, PathError)
    assert str(caught.value) == (
        "TF208: step 'look' of flow 'Review': 'request.topic' is not there now "
        "(use get(path, default), or ask with `in`)"
    )


# -- B5: nested paths


@BOTH_FORMS
def test_set_goes_through_structs_dicts_and_typed_dicts(form: Form) -> None:
    """B5."""
    state = state_after(
        lambda s: s.set("inner.numbers.a", 1),
        lambda s: s.set("inner.draft.text", "x"),
        lambda s: s.set("inner.step", 2),
        lambda s: s.set("about.lang", "en"),
        form=form,
    )
    assert state.inner == Inner({"a": 1}, {"text": "x"}, 2)
    assert state.about == {"lang": "en"}


@BOTH_FORMS
def test_set_through_a_number_is_an_error_and_changes_nothing(form: Form) -> None:
    """B5."""
    error, state = error_of(lambda s: s.set("count", 7), lambda s: s.set("count.x", 1), form=form)
    assert isinstance(error, PathError)
    assert str(error) == (
        "TF203: step 'write' of flow 'Review': 'count.x' leads nowhere: 'count' is int, which has no fields "
        "(end the path at 'count')"
    )
    assert state.count == 7


# -- B6: append and delete


@BOTH_FORMS
def test_append_keeps_duplicates_and_adds_to_sets(form: Form) -> None:
    """B6."""
    writes = [lambda s: s.append("drafts", "a"), lambda s: s.append("labels", "a")]
    state = state_after(*writes, *writes, form=form)
    assert (state.drafts, state.labels) == (["a", "a"], {"a"})


@pytest.mark.parametrize("path", ["count", "about", "inner", "note"])
def test_append_to_anything_else_is_an_error(path: str) -> None:
    """B6."""
    error, _ = error_of(lambda s: s.append(path, "a"), form=lambda h: h)
    assert error.code == "TF206"
    assert error.problems[0].where == "step 'write' of flow 'Review'"


@pytest.mark.parametrize(
    "path, empty, default",
    [("count", 0, 0), ("done", False, False), ("note", "", None), ("drafts", [], []), ("request", None, None)],
)
def test_delete_resets_a_field_that_holds_an_empty_value(path: str, empty: Any, default: Any) -> None:
    """B6."""
    state = state_after(lambda s: s.set(path, empty), lambda s: s.delete(path), form=lambda h: h)
    assert state[path] == default


def test_delete_of_a_field_without_a_default_is_an_error() -> None:
    """B6."""

    def delete(data: Data[NeedsState, int]) -> int:
        data.state.delete("topic")
        return 1

    with pytest.raises(ContractError) as caught:
        chain(NeedsState, delete).start(1, state={"topic": "x", "depth": 1})
    assert str(caught.value) == (
        "TF207: step 'delete' of flow 'NeedsState': 'topic' cannot be deleted: "
        "field 'topic' of Needed has no default (set a value, or give the field a default)"
    )


# -- B8: what does not fit


@BOTH_FORMS
@pytest.mark.parametrize(
    "write, text",
    [
        (lambda s: setattr(s, "count", "x"), "TF601: {}: 'count' of state takes int, not 'x' (str)"),
        (lambda s: s.set("count", "x"), "TF601: {}: 'count' of state takes int, not 'x' (str)"),
        (lambda s: s.append("drafts", 1), "TF601: {}: 'drafts[...]' of state takes str, not 1 (int)"),
        (
            lambda s: setattr(s, "request", Request(untyped(5))),
            "TF601: {}: 'request.topic' of state takes str, not 5 (int)",
        ),
        (
            lambda s: setattr(s, "drafts", ["a", 2]),
            "TF601: {}: 'drafts[1]' of state takes str, not 2 (int)",
        ),
        (lambda s: setattr(s, "cuont", 1), "TF602: {}: ReviewState has no field 'cuont' (did you mean 'count'?)"),
        (
            lambda s: s.set("cuont", 1),
            "TF202: {}: ReviewState has no field 'cuont' (did you mean 'count'?)",
        ),
    ],
)
def test_a_write_that_does_not_fit_names_layer_path_types_and_handler(form: Form, write: Any, text: str) -> None:
    """B8."""
    before = Request("old")
    error, state = error_of(lambda s: s.set("request", before), write, form=form)
    assert str(error) == text.format("step 'write' of flow 'Review'")
    assert (state.count, state.drafts, state.request) == (0, [], before)


def test_the_failure_is_noted_with_step_flow_and_execution() -> None:
    """B8."""

    def write(data: Data[Review, Any]) -> None:
        untyped(data.state).count = "x"

    with pytest.raises(ContractError) as caught:
        chain(Review, write, name="review").start(None)
    (note,) = caught.value.__notes__
    assert note.startswith("in step 'write' of flow 'review', execution '")


@BOTH_FORMS
def test_a_handler_may_catch_the_refusal_and_go_on(form: Form) -> None:
    """B8."""

    def write(data: Data[Review, Any]) -> int:
        try:
            untyped(data.state).count = "x"
        except ContractError:
            data.state.count = 1
        return data.state.count

    assert chain(Review, form(write)).start(None) == 1


def test_values_are_normalised_as_mypy_sees_them() -> None:
    """B8: a bool is an int, an int is a float."""

    def write(data: Data[Review, Any]) -> Any:
        data.state.count = True
        data.state.share = 2
        return [type(data.state.count), type(data.state.share)]

    assert chain(Review, write).start(None) == [int, float]


class Numbers(State):
    whole: list[int] = []
    by_name: dict[str, int] = {}
    seen: set[int] = set()


class Counting(Contract):
    input: int
    result: list[str]
    state: Numbers


def test_what_is_handed_on_as_read_only_is_not_changed_in_the_state() -> None:
    """mypy lets a list[int] pass as a Sequence[float]: there it is one of floats; in the state it stays as it is."""

    def whole(data: Data[Counting, int]) -> Sequence[float]:
        data.state.whole = [1, 2]
        return data.state.whole

    def by_name(data: Data[Counting, Sequence[float]]) -> Mapping[str, float]:
        assert list(map(type, data.value)) == [float, float]
        data.state.by_name = {"a": 1}
        return data.state.by_name

    def seen(data: Data[Counting, Mapping[str, float]]) -> Collection[float]:
        assert type(data.value["a"]) is float
        data.state.seen = {1}
        return data.state.seen

    def look(data: Data[Counting, Collection[float]]) -> list[str]:
        assert list(map(type, data.value)) == [float]
        state = data.state
        return [type(next(iter(part))).__name__ for part in (state.whole, state.by_name.values(), state.seen)]

    flow = Flow(Counting)
    flow.to(whole).to(by_name).to(seen).to(look).end()
    execution = flow.create_execution()
    execution.start(1)
    assert execution.result == ["int", "int", "int"]


@BOTH_FORMS
@pytest.mark.parametrize(
    "change, text",
    [
        (
            lambda s: s.drafts.append(5),
            "'drafts[0]' of state was changed in place: it takes str, and now holds 5 (int)",
        ),
        (
            lambda s: s.about.update(lang=5),
            "'about.lang' of state was changed in place: it takes str, and now holds 5 (int)",
        ),
        (
            lambda s: s.inner.numbers.update(a="x"),
            "'inner.numbers.a' of state was changed in place: it takes int, and now holds 'x' (str)",
        ),
        (
            lambda s: setattr(s.inner, "step", "x"),
            "'inner.step' of state was changed in place: it takes int, and now holds 'x' (str)",
        ),
        (
            lambda s: s.get("inner.numbers").update(a="x"),
            "'inner.numbers.a' of state was changed in place: it takes int, and now holds 'x' (str)",
        ),
    ],
)
def test_a_wrong_item_put_in_place_is_an_error_at_the_end_of_its_handler(form: Form, change: Any, text: str) -> None:
    """B8: the handler that did it is named, and the next one does not run."""
    ran: list[Any] = []

    def first(data: Data[Review, Any]) -> int:
        change(data.state)
        ran.append("first")
        return 1

    def second(data: Data[Review, int]) -> int:
        ran.append("second")
        return data.value

    with pytest.raises(ContractError) as caught:
        chain(Review, form(first), form(second)).start(None)
    assert str(caught.value) == (
        f"TF612: step 'first' of flow 'Review': {text} "
        "(data.state.append(path, value) and .set(path, value) check each value where it is written)"
    )
    assert ran == ["first"]


@BOTH_FORMS
def test_all_that_was_put_in_place_is_told_at_once_in_the_order_of_reading(form: Form) -> None:
    """B8."""

    def push(data: Data[Review, Any]) -> None:
        for name in ("labels", "drafts", "inner", "about"):
            untyped(data.state[name])
        untyped(data.state.drafts).append(5)
        untyped(data.state.labels).add(5)
        untyped(data.state.about)["lang"] = 5

    with pytest.raises(ContractError) as caught:
        chain(Review, form(push)).start(None)
    told = [problem.text.partition(" was ")[0] for problem in caught.value.problems]
    assert told == ["'labels' of state", "'drafts[0]' of state", "'about.lang' of state"]


def test_a_condition_that_changes_the_state_in_place_is_caught_too() -> None:
    """B8."""

    def spoil(data: Data[Review, Any]) -> bool:
        untyped(data.state.drafts).append(5)
        return True

    flow = Flow(Review)
    flow.if_condition(spoil).to(keep).end_condition().end()
    with pytest.raises(ContractError, match=r"^TF612: step 'if' of flow 'Review': 'drafts\[0\]'"):
        flow.start(1)


def test_what_was_put_in_place_is_normalised_as_a_write_would() -> None:
    def push(data: Data[Review, Any]) -> None:
        data.state.inner.numbers["a"] = True

    numbers = run(chain(Review, push)).state.inner.numbers
    assert type(numbers["a"]) is int


def test_only_the_fields_that_a_handler_read_are_looked_at_again() -> None:
    """The cost of a step is that of what it touched: a fault planted elsewhere is found by who reads it."""

    def touch(data: Data[Review, Any]) -> None:
        data.state.about["lang"] = "en"

    def read(data: Data[Review, Any]) -> int:
        return len(data.state.drafts)

    execution = chain(Review, touch, read).create_execution()
    untyped(execution.state.drafts).append(5)
    with pytest.raises(ContractError, match="step 'read' of flow"):
        execution.start(None)


def test_a_contract_without_a_state_says_what_it_has() -> None:
    class Echo(Contract):
        input: int
        result: int

    def write(data: Any) -> Any:
        return data.state

    with pytest.raises(ContractError) as caught:
        chain(Echo, write).start(1)
    assert str(caught.value) == (
        "TF611: contract 'Echo' declares no state, only 'input', 'result' (add `state: …` to Echo, a subclass of State)"
    )


class Box(msgspec.Struct, frozen=True):
    marks: list[float] = []


class Shelf(State):
    marks: list[float] = []
    perhaps: list[float] | None = None
    box: Box = msgspec.field(default_factory=Box)
    pair: tuple[list[float], int] = msgspec.field(default_factory=lambda: ([], 0))
    several: dict[str, list[float]] = {}


class Shelved(Contract):
    input: int
    result: None
    state: Shelf


@pytest.mark.parametrize("other", ["normalises", "replaces"])
async def test_what_a_step_holds_over_an_await_stays_in_the_state_until_it_is_replaced(other: str) -> None:
    """Another step appends an int to lists of floats, to be normalised in place; or it puts new ones there."""
    gate = asyncio.Event()

    def lists(state: Shelf) -> list[list[float]]:
        return [state.marks, state.perhaps or [], state.box.marks, state.pair[0], state.several["a"]]

    async def hold(data: Data[Shelved, int]) -> None:
        held = lists(data.state)
        await gate.wait()
        for each in held:
            each.append(2.5)

    def change(data: Data[Shelved, int]) -> None:
        if other == "normalises":
            for each in lists(data.state):
                each.append(1)
        else:
            data.state.marks, data.state.perhaps, data.state.box = [1.0], [1.0], Box([1.0])
            data.state.pair, data.state.several = ([1.0], 0), {"a": [1.0]}

    def let_go(data: Data[Shelved, Any]) -> None:
        gate.set()

    flow: Any = Flow(Shelved)
    flow.side_branch(hold).to(change).to(let_go)
    execution = flow.create_execution(state={"perhaps": [0.0], "several": {"a": []}})
    await execution.async_start(1)
    held = [] if other == "replaces" else [2.5]
    begun = [[1.0], [0.0, 1.0], [1.0], [1.0], [1.0]] if held else [[1.0]] * 5
    assert lists(execution.state) == [[*each, *held] for each in begun]
    assert [type(mark) for each in lists(execution.state) for mark in each] == [float] * (11 if held else 5)
