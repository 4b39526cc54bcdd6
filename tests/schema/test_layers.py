"""The three layers by attribute: every write checked where it is made (B2, B8), nothing shared (B1)."""

from __future__ import annotations

import copy
import enum
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, NewType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta
from typing_extensions import TypeAliasType

from typedflow.errors import ContractError, FinishedError
from typedflow.schema.layer_fields import NotedField, is_changeable, layer_fields
from typedflow.schema.layers import Events, FlowState, Resources, State, require_fields
from typedflow.schema.starting import fresh
from typedflow.schema.writing import current_step


class Request(msgspec.Struct):
    topic: str
    tags: list[str] = []


class Frozen(msgspec.Struct, frozen=True):
    names: tuple[str, ...] = ()


class FrozenWithList(msgspec.Struct, frozen=True):
    names: list[str] = []


class Node(msgspec.Struct, frozen=True):
    next: Node | None = None


class ReviewState(State):
    kind: ClassVar[str] = "review"
    request: Request | None = None
    drafts: list[str] = []
    count: int = 0
    share: float = 0.0
    fixed: Frozen = Frozen()
    node: Node | None = None


class Counters(FlowState):
    reviewed: int = 0


class Bounded(State):
    depth: Annotated[int, Meta(ge=1)] = 1
    names: list[Annotated[str, Meta(max_length=3)]] = []
    shares: dict[str, Annotated[float, Meta(le=1)]] = {}


@dataclass
class Step:
    name: str = "step 'draft' of flow 'review'"
    revoked: bool = False
    writes: list[tuple[str, object]] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)

    def wrote(self, layer: Any, path: str, value: object, *, emit: bool = True, appended: bool = False) -> None:
        if emit:
            self.writes.append((path, value))

    def read_container(self, layer: Any, field: str) -> None:
        self.reads.append(field)


@contextmanager
def in_step(step: Step) -> Iterator[Step]:
    token = current_step.set(step)
    try:
        yield step
    finally:
        current_step.reset(token)


@pytest.mark.parametrize(
    "layer, name, value, text",
    [
        (ReviewState, "count", "x", "TF601: 'count' of state takes int, not 'x' (str)"),
        (ReviewState, "drafts", ["a", 1], "TF601: 'drafts[1]' of state takes str, not 1 (int)"),
        (ReviewState, "request", Request(3), "TF601: 'request.topic' of state takes str, not 3 (int)"),  # type: ignore[arg-type]  # wrong on purpose
        (ReviewState, "countt", 1, "TF602: ReviewState has no field 'countt' (did you mean 'count'?)"),
        (ReviewState, "kind", "x", None),
        (Counters, "reviewed", None, "TF601: 'reviewed' of flow_state takes int, not None"),
    ],
)
def test_a_wrong_write_is_refused_and_the_old_value_stays(layer: Any, name: str, value: Any, text: str | None) -> None:
    made = layer()
    before = copy.deepcopy(made)
    with pytest.raises(ContractError) as caught:
        setattr(made, name, value)
    assert text is None or str(caught.value) == text
    assert made == before


@pytest.mark.parametrize(
    "write",
    [
        lambda state: setattr(state, "depth", 0),
        lambda state: state.set("depth", 0),
        lambda state: setattr(state, "names", ["abcd"]),
        lambda state: state.append("names", "abcd"),
        lambda state: setattr(state, "shares", {"a": 1.5}),
        lambda state: state.set("shares.a", 1.5),
    ],
)
def test_a_write_past_the_limits_of_a_type_is_refused(write: Callable[[Any], object]) -> None:
    state = Bounded()
    with pytest.raises(ContractError, match=r"^TF601: .* of state takes Annotated\["):
        write(state)
    assert state == Bounded()


def test_a_wrong_write_names_its_handler() -> None:
    with in_step(Step()) as step, pytest.raises(ContractError) as caught:
        ReviewState().count = "x"  # type: ignore[assignment]  # wrong on purpose
    assert str(caught.value) == "TF601: step 'draft' of flow 'review': 'count' of state takes int, not 'x' (str)"
    assert step.writes == []


def test_a_write_is_normalised_and_told_to_the_step() -> None:
    state = ReviewState()
    with in_step(Step()) as step:
        state.count = True
        state.share = 3
        state.count += 1
    assert (type(state.count), state.count, type(state.share)) == (int, 2, float)
    assert step.writes == [("count", 1), ("share", 3.0), ("count", 2)]


def test_a_step_that_is_over_cannot_write() -> None:
    state = ReviewState()
    with in_step(Step(revoked=True)), pytest.raises(FinishedError) as caught:
        state.count = 1
    assert str(caught.value).startswith(
        "TF819: step 'draft' of flow 'review' is over: write to 'count' of state can have no effect"
    )
    with in_step(Step(revoked=True)), pytest.raises(FinishedError):
        state.append("drafts", "x")
    assert state == ReviewState()


def test_only_reads_of_what_can_change_are_noted() -> None:
    state = fresh(ReviewState, {"request": Request("a")})
    with in_step(Step()) as step:
        assert (state.count, state.fixed, state.node) == (0, Frozen(), None)
        assert step.reads == []
        assert state.request == Request("a")
        assert state.drafts == []
    assert step.reads == ["request", "drafts"]
    assert isinstance(ReviewState.drafts, NotedField)


def test_noted_fields_do_not_show() -> None:
    state = fresh(ReviewState, {"drafts": ["a"]})
    with in_step(Step()) as step:
        assert msgspec.json.decode(msgspec.json.encode(state), type=ReviewState) == state
        assert copy.copy(state) == state
        assert "drafts=['a']" in repr(state)
    assert step.reads == []


def test_a_subclass_notes_what_it_declares_anew() -> None:
    class Narrow(ReviewState):
        drafts: list[Any]
        more: dict[str, int] = {}

    state = fresh(Narrow, {"drafts": [1]})
    with in_step(Step()) as step:
        state.drafts.append(2)
        state.more["a"] = 1
    assert step.reads == ["drafts", "more"]
    assert state.drafts == [1, 2]


def test_deleting_an_attribute_sets_its_default() -> None:
    state = fresh(ReviewState, {"count": 3})
    with in_step(Step()) as step:
        del state.count
    assert state.count == 0
    assert step.writes == [("count", 0)]


def test_what_was_changed_inside_is_checked_again() -> None:
    state = fresh(ReviewState, {"request": Request("a"), "drafts": ["a"]})
    state.drafts.append(1)  # type: ignore[arg-type]  # wrong on purpose
    assert state.request is not None
    state.request.topic = None  # type: ignore[assignment]  # wrong on purpose
    require_fields(state, ["count"])
    with in_step(Step()), pytest.raises(ContractError) as caught:
        require_fields(state, ["drafts", "request", "count"])
    assert [problem.render() for problem in caught.value.problems] == [
        "TF612: step 'draft' of flow 'review': 'drafts[1]' of state was changed in place: it takes str, and now holds "
        "1 (int) (data.state.append(path, value) and .set(path, value) check each value where it is written)",
        "TF612: step 'draft' of flow 'review': 'request.topic' of state was changed in place: it takes str, and now "
        "holds None (data.state.append(path, value) and .set(path, value) check each value where it is written)",
    ]


def test_what_was_changed_inside_is_normalised() -> None:
    class Pairs(State):
        pairs: tuple[list[int], float] = ([], 0.0)

    state = fresh(Pairs)
    state.pairs[0].append(True)
    msgspec.structs.force_setattr(state, "pairs", (state.pairs[0], 1))
    require_fields(state, ["pairs"])
    assert repr(state.pairs) == "([1], 1.0)"


@given(st.one_of(st.integers(), st.text(), st.none(), st.booleans(), st.floats(allow_nan=False), st.lists(st.text())))
def test_a_write_stands_or_changes_nothing(value: Any) -> None:
    state = ReviewState(count=7)
    try:
        state.count = value
    except ContractError:
        assert state == ReviewState(count=7)
    else:
        assert type(state.count) is int
        assert state.count == value


def test_layers_are_keyword_only_and_know_their_fields_in_any_order() -> None:
    class Mixed(State):
        first: int = 0
        second: str

    assert Mixed(second="x") == fresh(Mixed, {"second": "x"})
    with pytest.raises(TypeError):
        Mixed("x")  # type: ignore[call-arg, arg-type]  # wrong on purpose


def test_unknown_fields_are_refused_when_decoding() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `other`"):
        msgspec.json.decode(b'{"other": 1}', type=ReviewState)


def bad_state() -> None:
    class Bad(State, frozen=True, array_like=True, tag=True, forbid_unknown_fields=False):  # type: ignore[misc]  # wrong
        get: int  # type: ignore[assignment]  # wrong on purpose
        __dunder__: int


def bad_flow_state() -> None:
    class Bad(FlowState, tag="x"):
        to_dict: int  # type: ignore[assignment]  # wrong on purpose


def bad_resources() -> None:
    class Bad(Resources):
        set: int


@pytest.mark.parametrize(
    "define, numbers, first",
    [
        (
            bad_state,
            ["TF608", "TF608", "TF609", "TF609", "TF609", "TF609"],
            "TF608: Bad cannot have a field 'get': the name is a method of every layer, or Python's own (rename it, to "
            "'get_value' for instance)",
        ),
        (
            bad_flow_state,
            ["TF608", "TF609"],
            "TF608: Bad cannot have a field 'to_dict': the name is a method of every layer, or Python's own (rename "
            "it, to 'to_dict_value' for instance)",
        ),
        (
            bad_resources,
            ["TF608"],
            "TF608: Bad cannot have a field 'set': the name is a method of every layer, or Python's own (rename it, to "
            "'set_value' for instance)",
        ),
    ],
)
def test_what_a_layer_class_cannot_be(define: Any, numbers: list[str], first: str) -> None:
    with pytest.raises(ContractError) as caught:
        define()
    assert [problem.number for problem in caught.value.problems] == numbers
    assert caught.value.problems[0].render() == first


def test_an_event_may_have_any_name() -> None:
    class Any_(Events):
        get: int
        set: str

    assert Any_.__struct_fields__ == ("get", "set")


def test_a_resource_cannot_be_assigned() -> None:
    class Tools(Resources):
        logger: logging.Logger | None = None

    tools = Tools()
    with pytest.raises(ContractError) as caught:
        tools.logger = None  # type: ignore[misc]  # wrong on purpose
    assert str(caught.value) == (
        "TF106: resource 'logger' cannot be assigned to Tools (data.set_resource('logger', value) replaces it for this "
        "execution)"
    )
    with pytest.raises(ContractError):
        del tools.logger


class Colour(enum.Enum):
    RED = 1


class Loop(msgspec.Struct, frozen=True):
    inner: tuple[Loop, ...] = ()


@pytest.mark.parametrize(
    "tp, expected",
    [
        (int, False),
        (str | None, False),
        (bytearray, True),
        (list[int], True),
        (tuple[int, ...], False),
        (tuple[list[int], int], True),
        (frozenset[str], False),
        (dict[str, int], True),
        (Frozen, False),
        (FrozenWithList, True),
        (Request, True),
        (Request | None, True),
        (Loop, False),
        (Any, True),
        (Colour, False),
        (Literal["a"], False),
        (NewType("N", int), False),
        (NewType("L", list[int]), True),
        (TypeAliasType("A", "list[int]"), True),
    ],
)
def test_is_changeable(tp: Any, expected: bool) -> None:
    assert is_changeable(tp) is expected


def test_a_layer_without_fields() -> None:
    class Empty(State): ...

    assert layer_fields(Empty) == {}
    with pytest.raises(ContractError, match="TF602: Empty has no field 'x' \\(it declares no fields\\)"):
        Empty().x = 1  # type: ignore[attr-defined]  # wrong on purpose


@pytest.mark.parametrize(
    "default, what",
    [
        (["a"], "a list with something in it"),
        ({"a": 1}, "a dict with something in it"),
        ({1}, "a set with something in it"),
        (bytearray(b"x"), "a bytearray with something in it"),
        (msgspec.field(default=[1]), "a list with something in it"),
        (Request(topic="x"), "Request(…), which is not frozen"),
    ],
)
@pytest.mark.parametrize("base", [State, FlowState, Resources])
def test_a_default_that_can_change_is_refused(base: Any, default: object, what: str) -> None:
    namespace = {"__annotations__": {"fine": int, "field": object}, "fine": 1, "field": default}
    with pytest.raises(ContractError) as failure:
        type(base)("Shared", (base,), namespace)
    (problem,) = failure.value.problems
    assert (problem.number, problem.text) == (
        "TF616", f"field 'field' of Shared has as its default {what}, and every Shared would share it"
    )  # fmt: skip


def test_what_is_no_field_may_have_any_value() -> None:
    class Noted(State):
        known: ClassVar[list[str]] = ["a"]
        empty: list[str] = []

    assert (Noted.known, Noted().empty) == (["a"], [])


def test_msgspecs_own_errors_are_passed_on() -> None:
    with pytest.raises(TypeError, match="rename") as failure:

        class Odd(State, rename=3):  # type: ignore[call-overload, unused-ignore]  # wrong on purpose
            name: str

    assert not isinstance(failure.value, ContractError)
