"""Contracts, with annotations that are texts: `from __future__ import annotations`."""

from __future__ import annotations

import logging
import typing
from typing import Any, ClassVar, Generic, TypedDict, TypeVar

import msgspec
import pytest
from typing_extensions import TypeAliasType

from typedflow.errors import ContractError
from typedflow.schema.contracts import Contract, ContractSpec, spec_of
from typedflow.schema.layers import Events, FlowState, Resources, State
from typedflow.schema.parsing import parse
from typedflow.schema.starting import fresh

T = TypeVar("T")
BELONGS = (
    "save what it is made from, or say how with StoredAs; "
    "what cannot be saved (a connection, a client, a logger) belongs in Resources"
)


class Request(msgspec.Struct):
    topic: str


class Report(msgspec.Struct):
    text: str


class ReviewState(State):
    request: Request | None = None
    kind: ClassVar[str] = "review"


class Counters(FlowState):
    reviewed: int = 0


class ReviewResources(Resources):
    logger: logging.Logger


class ReviewEvents(Events):
    approved: Request


class Review(Contract, version=3):
    """A docstring is no part."""

    input: Request
    result: Report
    state: ReviewState
    flow_state: Counters
    resources: ReviewResources
    events: ReviewEvents
    stream: str


class Small(Contract):
    input: None
    result: None


def problems_of(define: Any) -> list[str]:
    with pytest.raises(ContractError) as caught:
        define()
    return [problem.render() for problem in caught.value.problems]


def test_a_full_contract() -> None:
    assert spec_of(Review) == ContractSpec(
        cls=Review,
        name="Review",
        version=3,
        input=Request,
        result=Report,
        state=ReviewState,
        flow_state=Counters,
        resources=ReviewResources,
        events={"approved": parse(Request)},
        stream=str,
    )
    assert spec_of(Review).declared == ("input", "result", "state", "flow_state", "resources", "events", "stream")


def test_none_is_a_type_and_an_absent_part_is_none() -> None:
    spec = spec_of(Small)
    assert (spec.input, spec.result, spec.stream, spec.state, spec.version) == (type(None), type(None), None, None, 1)


def test_a_spec_is_read_once() -> None:
    assert spec_of(Review) is spec_of(Review)


def test_a_contract_may_extend_and_narrow_another() -> None:
    class Narrow(ReviewState):
        more: int = 0

    class Extended(Review):
        state: Narrow

    spec = spec_of(Extended)
    assert (spec.state, spec.input, spec.version, spec.name) == (Narrow, Request, 1, "Extended")


def test_an_abstract_contract_leaves_parts_to_others() -> None:
    class Base(Contract, abstract=True):
        input: Request

    class Full(Base):
        result: Report

    assert spec_of(Full).input is Request
    assert problems_of(lambda: spec_of(Base)) == [
        "TF606: contract 'Base' does not say its result (add `result: …` with the type, or `result: None` where there "
        "is none)"
    ]


def test_a_generic_contract() -> None:
    class Box(Contract, Generic[T]):
        input: T
        result: list[T]
        stream: str

    class IntBox(Box[int]): ...

    assert spec_of(Box[str]).input is str
    assert spec_of(Box[str]).result == list[str]
    assert spec_of(IntBox).result == list[int]
    assert spec_of(Box).input is T


def test_classes_may_be_nested_in_a_contract() -> None:
    class Nested(Contract):
        class Inner(State):
            n: int = 0

        input: None
        result: None
        state: Inner

    assert spec_of(Nested).state is Nested.Inner


def test_classes_of_a_function_that_speak_of_each_other() -> None:
    class Item(msgspec.Struct):
        name: str
        inner: Item | None = None

    class Keys(TypedDict):
        item: Item

    class Pair(typing.NamedTuple):
        item: Item

    Several = TypeAliasType("Several", list[Item])

    class Local(State):
        items: list[Item] = []
        keys: Keys | None = None
        pair: Pair | None = None
        by_name: dict[str, Item] = {}

    class LocalContract(Contract):
        input: Item
        result: dict[str, Item]
        state: Local
        stream: Several

    state = fresh(Local, {"items": [{"name": "a", "inner": {"name": "b"}}], "keys": {"item": {"name": "c"}}})
    assert state.items == [Item("a", Item("b"))]
    assert msgspec.json.decode(msgspec.json.encode(state), type=Local) == state
    assert spec_of(LocalContract).result == dict[str, Item]


def test_a_struct_that_only_the_contracts_frame_can_explain() -> None:
    def build() -> Any:
        class Outside(msgspec.Struct):
            inner: Later

        return Outside

    Outside = build()

    class Later(msgspec.Struct):
        n: int = 0

    class Whole(Contract):
        input: Outside  # type: ignore[valid-type]  # made by a function
        result: None

    assert msgspec.json.decode(b'{"inner": {"n": 2}}', type=Outside).inner == Later(2)
    assert spec_of(Whole).input is Outside


def unresolvable_aliases() -> None:
    Gone = TypeAliasType("Gone", "list[Nowhere]")  # type: ignore[name-defined]  # noqa: F821  # wrong on purpose

    class Aliased(State):
        gone: Gone | None = None

    class Bad(Contract):
        input: Gone
        result: None
        state: Aliased


def missing_parts() -> None:
    class Bad(Contract):
        inputs: Request


def wrong_kinds() -> None:
    class Bad(Contract):
        input: None
        result: None
        state: Counters
        flow_state: Request
        resources: None
        events: ReviewState
        stream: 5  # type: ignore[valid-type]  # wrong on purpose


def values() -> None:
    class Bad(Contract):
        input: Request = Request("x")
        result = Report

        def helper(self) -> None: ...


def unresolvable() -> None:
    class Item(msgspec.Struct):
        inner: Nowhere  # type: ignore[name-defined]  # noqa: F821  # wrong on purpose

    class Bad(Contract):
        input: Missing  # type: ignore[name-defined]  # noqa: F821  # wrong on purpose
        result: Item


def unsavable() -> None:
    class Deep(msgspec.Struct):
        handle: logging.Logger | None = None

    class Bad(State):
        log: logging.Logger
        deep: Deep | None = None
        tools: ReviewResources | None = None
        many: list[ReviewResources] = []

    class BadContract(Contract):
        input: logging.Logger
        result: None
        state: Bad


def bad_versions() -> None:
    class Bad(Contract, version=0):
        input: None
        result: None


def bool_version() -> None:
    class Bad(Contract, version=True):
        input: None
        result: None


RESULT_MISSING = (
    "TF606: contract 'Bad' does not say its result (add `result: …` with the type, or `result: None` where there is "
    "none)"
)
NOT_THERE = "(define it before the class, or import it at run time: outside of `if TYPE_CHECKING:`)"
STREAM = "TF605: 'stream' of contract 'Bad' has to be a type, not 5 (int) (annotate it with a type)"
IN_RESOURCES = "(declare it as the contract's `resources`, read it as data.resources)"


@pytest.mark.parametrize(
    "define, expected",
    [
        (
            missing_parts,
            [
                "TF607: contract 'Bad' has no part 'inputs' (did you mean 'input'?)",
                "TF606: contract 'Bad' does not say its input (add `input: …` with the type, or `input: None` where "
                "there is none)",
                RESULT_MISSING,
            ],
        ),
        (
            wrong_kinds,
            [
                "TF605: 'state' of contract 'Bad' has to be a subclass of State, not Counters (declare `class "
                "BadState(State): …` and name it here)",
                "TF605: 'flow_state' of contract 'Bad' has to be a subclass of FlowState, not Request (declare `class "
                "BadFlowState(FlowState): …` and name it here)",
                "TF605: 'resources' of contract 'Bad' has to be a subclass of Resources, not None (declare `class "
                "BadResources(Resources): …` and name it here)",
                "TF605: 'events' of contract 'Bad' has to be a subclass of Events, not ReviewState (declare `class "
                "BadEvents(Events): …` and name it here)",
                STREAM,
            ],
        ),
        (
            values,
            [
                "TF607: contract 'Bad' has no part 'helper' (parts: 'state', 'flow_state', 'resources', 'events', "
                "'stream')",
                "TF613: 'input' of contract 'Bad' has a value: a contract holds annotations only (write `input: …` "
                "with the type, and no `=`)",
                "TF613: 'result' of contract 'Bad' has a value: a contract holds annotations only (write `result: …` "
                "with the type, and no `=`)",
            ],
        ),
        (
            unresolvable,
            [
                "TF610: 'input' of Bad is annotated 'Missing', which cannot be resolved: NameError: name 'Missing' is "
                f"not defined {NOT_THERE}",
                "TF610: 'inner' of Item is annotated 'Nowhere', which cannot be resolved: NameError: name 'Nowhere' is "
                f"not defined {NOT_THERE}",
            ],
        ),
        (
            unresolvable_aliases,
            [
                "TF610: 'input' of Bad is annotated 'Gone', which cannot be resolved: 'Nowhere' is not defined where "
                f"the alias 'Gone' was written {NOT_THERE}",
                "TF610: 'state' of Bad is annotated 'Aliased', which cannot be resolved: 'Nowhere' is not defined "
                f"where the alias 'Gone' was written {NOT_THERE}",
            ],
        ),
        (
            unsavable,
            [
                f"TF603: field 'log' of Bad cannot be saved: Logger cannot be encoded ({BELONGS})",
                f"TF603: field 'deep' of Bad cannot be saved at 'deep.handle': Logger cannot be encoded ({BELONGS})",
                "TF604: field 'tools' of Bad is ReviewResources, a Resources class: resources are never saved "
                + IN_RESOURCES,
                "TF604: field 'many' of Bad is ReviewResources, a Resources class: resources are never saved "
                + IN_RESOURCES,
            ],
        ),
        (
            bad_versions,
            [
                "TF614: the version of contract 'Bad' is a whole number from 1, not 0 (int) (write `class "
                "Bad(Contract, version=2)`)"
            ],
        ),
        (
            bool_version,
            [
                "TF614: the version of contract 'Bad' is a whole number from 1, not True (write `class Bad(Contract, "
                "version=2)`)"
            ],
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_all_that_is_wrong_with_a_contract_in_one_error(define: Any, expected: list[str]) -> None:
    assert problems_of(define) == expected


def test_a_contract_has_no_instances() -> None:
    assert problems_of(Review) == ["TF605: contract 'Review' has no instances (use the class: `Flow(Review)`)"]


@pytest.mark.parametrize(
    "given, shown", [(5, "5 (int)"), (Request, "Request"), (Contract, "Contract"), (list[int], "list[int]")]
)
def test_what_is_no_contract_has_no_spec(given: Any, shown: str) -> None:
    (text,) = problems_of(lambda: spec_of(given))
    assert text.startswith(f"TF605: a contract is a subclass of Contract, not {shown}")
