"""Annotations of handlers, and of the classes they take and return, which cannot be resolved: TF610 at validate()."""

from __future__ import annotations

import functools
import gc
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypedDict, TypeVar

import attrs
import msgspec
import pytest
from typing_extensions import TypeAliasType

from typedflow import Contract, ContractError, Data, Events, Flow, State

if TYPE_CHECKING:
    from decimal import Decimal

T = TypeVar("T")
NO_DECIMAL = "cannot be resolved: NameError: name 'Decimal' is not defined"


class JobState(State):
    topic: str = ""


class JobEvents(Events):
    asked: int


class Job(Contract):
    input: int
    result: int
    state: JobState
    events: JobEvents


class Whole(Contract):
    input: int
    result: int


@dataclass
class Offer:
    price: Decimal


@attrs.define
class AttrsOffer:
    price: Decimal


class StructOffer(msgspec.Struct):
    price: Decimal


class TupleOffer(NamedTuple):
    price: Decimal


class DictOffer(TypedDict):
    price: Decimal


class Box(msgspec.Struct, Generic[T]):
    content: T


class Deep(msgspec.Struct):
    offers: dict[str, tuple[list[Offer | None], int]]


class SubOffer(StructOffer):
    name: str


Offers = TypeAliasType("Offers", list[Offer])
Gone = TypeAliasType("Gone", "list[Nowhere]")  # type: ignore[name-defined]  # noqa: F821  # wrong on purpose


def step(data: Data[Any, Any]) -> Any:
    raise NotImplementedError


def returning(tp: Any) -> Callable[..., Any]:
    def find(data: Data[Job, int]) -> Any:
        raise NotImplementedError

    find.__annotations__["return"] = tp
    return find


def taking(tp: Any) -> Callable[..., Any]:
    def take(data: Data[Job, Any]) -> int:
        raise NotImplementedError

    take.__annotations__["data"] = Data[Job, tp]
    return take


def problems_of(flow: Flow[Any]) -> list[str]:
    """Return what validate() finds, which creating an execution finds as well."""
    with pytest.raises(ContractError) as caught:
        flow.validate()
    with pytest.raises(ContractError):
        flow.create_execution()
    return [problem.render() for problem in caught.value.problems]


CARRIED = [Offer, AttrsOffer, StructOffer, TupleOffer, DictOffer, SubOffer, Deep, Box[Offer], list[Offer], Offers, Gone]
CARRIED += [Offer | None, tuple[int, Offer], dict[str, Offer]]


@pytest.mark.parametrize("tp", CARRIED, ids=str)
def test_a_class_that_a_step_returns_has_an_annotation_that_cannot_be_resolved(tp: Any) -> None:
    flow = Flow(Job)
    flow.to(returning(tp)).to(step).end()
    [problem] = problems_of(flow)
    assert problem.startswith("TF610: flow 'Job': step 'find' returns ")
    assert "import it at run time" in problem


@pytest.mark.parametrize("tp", CARRIED, ids=str)
def test_a_class_that_a_step_takes_has_an_annotation_that_cannot_be_resolved(tp: Any) -> None:
    flow = Flow(Job)
    flow.to(step).to(taking(tp)).end()
    [problem] = problems_of(flow)
    assert problem.startswith("TF610: flow 'Job': step 'take' takes ")


def test_the_message_names_step_class_field_and_name() -> None:
    flow = Flow(Job, name="jobs")
    flow.to(returning(Deep)).to(step).end()
    assert problems_of(flow) == [
        "TF610: flow 'jobs': step 'find' returns Deep, and 'price' of Offer is annotated 'Decimal', which "
        f"{NO_DECIMAL} (define it before the class, or import it at run time: outside of `if TYPE_CHECKING:`)"
    ]


def test_everything_else_is_checked_beside_it() -> None:
    def wrong(data: Data[Job, str]) -> int:
        raise NotImplementedError

    flow = Flow(Job)
    flow.to(wrong).to(returning(Offer)).to(step)  # type: ignore[arg-type]  # wrong on purpose
    assert [text[:5] for text in problems_of(flow)] == ["TF610", "TF701"]


def bad(data: Data[Job, Decimal]) -> int:
    raise NotImplementedError


def bad_return(data: Data[Job, Any]) -> Decimal:
    raise NotImplementedError


async def bad_async(data: Data[Job, Any]) -> list[Decimal]:
    raise NotImplementedError


def bad_pause(data: Data[Job, Any]) -> Decimal:
    return data.pause_for("ask")


class Bad:
    def __call__(self, data: Data[Job, Decimal]) -> int:
        raise NotImplementedError

    def method(self, data: Data[Job, Decimal]) -> int:
        raise NotImplementedError


def bad_with(prefix: str, data: Data[Job, Decimal]) -> int:
    raise NotImplementedError


@functools.wraps(bad)
def wrapped(*args: Any) -> Any:
    raise NotImplementedError


HANDLERS = [bad, bad_return, bad_async, bad_pause, Bad(), Bad().method, functools.partial(bad_with, "x"), wrapped]


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda it: getattr(it, "__name__", type(it).__name__))
def test_an_annotation_of_a_handler_cannot_be_resolved(handler: Any) -> None:
    flow: Flow[Any] = Flow(Job)
    flow.to(handler, name="it").end()
    [problem] = problems_of(flow)
    assert problem.startswith(("TF610: flow 'Job': parameter 'data' of", "TF610: flow 'Job': the return of"))
    assert "import it at run time: outside of `if TYPE_CHECKING:`" in problem


def in_a_batch(flow: Flow[Any]) -> None:
    flow.batch().branch(bad).branch(step).end_batch().to(step).end()


def in_a_for_each(flow: Flow[Any]) -> None:
    flow.to(returning(list[int])).for_each().to(bad).end_for_each().to(step).end()


def as_a_condition(flow: Flow[Any]) -> None:
    flow.if_condition(bad).to(step).else_condition().to(step).end_condition().to(step).end()


def as_a_case(flow: Flow[Any]) -> None:
    flow.match().case(bad).to(step).case_else().to(step).end_match().to(step).end()


def as_a_chunk(flow: Flow[Any]) -> None:
    flow.chunk("named")(bad)
    flow.to("named").end()


def behind_a_when(flow: Flow[Any]) -> None:
    flow.to(step).end()
    flow.when("asked").to(bad)


def as_a_side_branch(flow: Flow[Any]) -> None:
    flow.side_branch(bad)
    flow.to(step).end()


def in_a_child(flow: Flow[Any]) -> None:
    child: Flow[Any] = Flow(Job, name="child")
    child.to(bad).end()
    flow.to_sub_flow(child).to(step).end()


@pytest.mark.parametrize(
    "wire",
    [in_a_batch, in_a_for_each, as_a_condition, as_a_case, as_a_chunk, behind_a_when, as_a_side_branch, in_a_child],
)
def test_a_handler_is_found_wherever_it_stands(wire: Callable[[Flow[Any]], None]) -> None:
    flow: Flow[Any] = Flow(Job)
    wire(flow)
    [problem] = problems_of(flow)
    kind = "condition 'bad'" if wire in (as_a_condition, as_a_case) else "step '"
    assert f"parameter 'data' of {kind}" in problem
    assert NO_DECIMAL in problem


def test_parameters_that_no_flow_gives_are_not_read() -> None:
    def handler(data: Data[Whole, int], other: Decimal | None = None) -> int:
        return data.value + 1

    flow = Flow(Whole)
    flow.to(handler).end()
    assert flow.start(1) == 2


def test_a_handler_without_annotations_is_no_problem() -> None:
    flow = Flow(Whole)
    flow.to(lambda data: data.value + 1).end()
    assert flow.start(1) == 2


def test_classes_of_the_same_function_are_resolved_as_for_a_contract() -> None:
    @dataclass
    class Line:
        text: str

    @dataclass
    class Page:
        lines: list[Line]

    def write(data: Data[Whole, int]) -> Page:
        return Page([Line("a")] * data.value)

    def count(data: Data[Whole, Page]) -> int:
        return len(data.value.lines)

    flow = Flow(Whole)
    flow.to(write).to(count).end()
    assert flow.start(3) == 3


def test_a_name_that_is_bound_below_the_wiring_is_found_when_the_flow_is_checked() -> None:
    def write(data: Data[Whole, int]) -> Late:
        return Late(data.value)

    def is_late(data: Data[Whole, Late]) -> bool:
        return data.value.count > 0

    def count(data: Data[Whole, Late]) -> int:
        return data.value.count

    flow = Flow(Whole)
    flow.to(write).if_condition(is_late).to(count).else_condition().to(count).end_condition().end()
    with pytest.raises(ContractError, match="TF610"):
        flow.validate()

    class Late(msgspec.Struct):
        count: int

    flow.validate()
    assert flow.start(3) == 3
    assert flow.create_execution()._runtime.plan.nodes[1].check_out is not None


def built_before_its_classes() -> tuple[Flow[Whole], type[Any]]:
    def write(data: Data[Whole, int]) -> Page:
        return Page(Line(data.value))

    flow = Flow(Whole)
    flow.to(write).to(lambda data: data.value.line.count).end()

    class Page(msgspec.Struct):
        line: Line

    class Line(msgspec.Struct):
        count: int

    return flow, Page


def test_the_function_that_wired_the_flow_may_have_returned() -> None:
    flow, _ = built_before_its_classes()
    assert flow.start(3) == 3


def test_an_edge_whose_types_were_resolved_late_is_checked() -> None:
    def write(data: Data[Whole, int]) -> Late:
        raise NotImplementedError

    def take(data: Data[Whole, str]) -> int:
        raise NotImplementedError

    flow: Flow[Any] = Flow(Whole)
    flow.to(write).to(take).end()  # type: ignore[arg-type]  # wrong on purpose

    class Late(msgspec.Struct):
        count: int

    with pytest.raises(ContractError, match="TF701: flow 'Whole': step 'take' takes str, and gets Late"):
        flow.validate()


def test_the_frame_that_wired_a_flow_is_released_when_its_names_are_found() -> None:
    class Held:
        pass

    def build() -> tuple[Flow[Whole], weakref.ref[Held]]:
        held = Held()

        def write(data: Data[Whole, int]) -> Late:
            raise NotImplementedError

        flow = Flow(Whole)
        flow.to(write).to(lambda data: 1).end()

        class Late(msgspec.Struct):
            count: int

        return flow, weakref.ref(held)

    flow, held = build()
    flow.validate()
    gc.collect()
    assert held() is None


def wired(contract: type[Any], *handlers: Any) -> Flow[Any]:
    flow: Flow[Any] = Flow(contract)
    chain: Any = flow
    for handler in handlers:
        chain = chain.to(handler)
    chain.end()
    return flow


def test_another_function_may_wire_the_flow() -> None:
    @dataclass
    class Line:
        text: str

    @dataclass
    class Page:
        lines: list[Line]

    class Local(Contract):
        input: int
        result: int

    def write(data: Data[Local, int]) -> Page:
        return Page([Line("a")] * data.value)

    def count(data: Data[Local, Page]) -> int:
        return len(data.value.lines)

    def wrong(data: Data[Local, str]) -> int:
        raise NotImplementedError

    assert wired(Local, write, count).start(3) == 3
    with pytest.raises(ContractError, match="TF701: flow 'Local': step 'wrong' takes str, and gets Page"):
        wired(Local, write, wrong).validate()


class Needs(Protocol):
    @property
    def state(self) -> Decimal: ...


def test_of_a_protocol_only_the_names_of_its_parts_are_read() -> None:
    def handler(data: Data[Needs, int]) -> int:
        return data.value

    flow = Flow(Job)
    flow.to(handler).end()  # type: ignore[arg-type]  # a Decimal is no JobState
    flow.validate()


@pytest.mark.parametrize("tp", ["list[Nowhere]", "1 / 0", "int +", "[", "Data.nothing", "(lambda: nowhere)()"])
def test_whatever_a_text_raises_it_is_a_problem(tp: str) -> None:
    flow = Flow(Job)
    flow.to(returning(tp)).to(step).end()
    [problem] = problems_of(flow)
    assert problem.startswith("TF610: flow 'Job': the return of step 'find' is annotated ")
