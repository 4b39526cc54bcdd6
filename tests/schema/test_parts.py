"""Parts of a contract that are type variables, and parts that a contract narrows: through all its bases."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any, Generic, cast

import pytest
from typing_extensions import TypeVar

from typedflow import Data, Flow
from typedflow.errors import ContractError
from typedflow.schema.contracts import Contract, spec_of
from typedflow.schema.layers import Events, FlowState, Resources, State


class Kept(State):
    topic: str = ""


class More(Kept):
    drafts: int = 0


class Most(More):
    pages: int = 0


class Other(State):
    text: str = ""


class Counters(FlowState):
    runs: int = 0


class Finer(Counters):
    hits: int = 0


class Tools(Resources):
    logger: int = 0


class Better(Tools):
    search: int = 0


class Rung(Events):
    rung: int


class Loud(Rung):
    loud: bool


T = TypeVar("T")
W = TypeVar("W", default=str)
S = TypeVar("S", covariant=True, bound=Kept)
D = TypeVar("D", covariant=True, bound=Kept, default=More)
F = TypeVar("F", covariant=True, bound=Counters)
R = TypeVar("R", covariant=True, bound=Tools)
E = TypeVar("E", covariant=True, bound=Rung)
L = TypeVar("L", bound="Later")
Lost = TypeVar("Lost", bound="Nowhere")  # type: ignore[name-defined]  # noqa: F821  # on purpose
Wrong = TypeVar("Wrong", bound=Tools)
Half = TypeVar("Half", Kept, Tools)
Either = TypeVar("Either", Kept, Other)


class Later(State):
    late: bool = False


class One(Contract, Generic[S]):
    input: int
    result: str
    state: S


class Settled(Contract, Generic[D]):
    input: int
    result: str
    state: D


class Whole(Contract, Generic[T, S, F, R, E, W]):
    input: T
    result: W
    state: S
    flow_state: F
    resources: R
    events: E
    stream: list[T]


class Half_(Whole[T, S, Finer, R, Loud, bool], Generic[R, T, S]): ...


class Quarter(Half_[Better, int, S], Generic[S]): ...


class Leaf(Quarter[Most]): ...


class Choice(Contract, Generic[Either]):
    input: int
    result: str
    state: Either


def refused(make: Callable[[], Any]) -> list[str]:
    with pytest.raises(ContractError) as caught:
        make()
    return [problem.render() for problem in caught.value.problems]


def test_arguments_lead_through_several_levels_of_bases() -> None:
    spec = spec_of(Leaf)
    assert (spec.input, spec.result, spec.stream) == (int, bool, list[int])
    assert (spec.state, spec.flow_state, spec.resources) == (Most, Finer, Better)
    assert set(spec.events or {}) == {"rung", "loud"}


@pytest.mark.parametrize(
    "contract, state",
    [
        (One[More], More),
        (One, Kept),
        (Settled, More),
        (Settled[Kept], Kept),
        (Whole[int, More, Counters, Tools, Rung], More),
        (Quarter, Kept),
        (Quarter[More], More),
        (Choice[Other], Other),
    ],
)
def test_a_type_variable_stands_for_its_argument_its_default_or_its_bound(contract: Any, state: Any) -> None:
    assert spec_of(contract).state is state


def test_a_default_counts_where_an_argument_is_left_out() -> None:
    assert spec_of(Whole[int, More, Counters, Tools, Rung]).result is str


def test_a_base_without_arguments_stands_for_its_default_or_bound() -> None:
    class Bare(One): ...  # type: ignore[type-arg]  # on purpose

    class Given(Settled): ...

    assert (spec_of(Bare).state, spec_of(Given).state) == (Kept, More)


def test_a_bound_may_be_a_text() -> None:
    class Forward(Contract, Generic[L]):
        input: int
        result: str
        state: L

    assert spec_of(Forward).state is Later


def test_a_part_is_narrowed_by_a_plain_annotation() -> None:
    class Base(Contract, abstract=True):
        input: int
        state: Kept
        resources: Tools

    class Narrow(Base):
        result: str
        state: More
        resources: Better

    assert (spec_of(Narrow).state, spec_of(Narrow).resources) == (More, Better)


def test_of_several_bases_the_order_of_python_counts() -> None:
    class Base(Contract, abstract=True):
        input: int
        state: Kept

    class First(Base, abstract=True): ...

    class Second(Base, abstract=True):
        result: str
        state: More

    class Both(First, Second): ...

    assert (spec_of(Both).state, Both.__mro__[1:4]) == (More, (First, Second, Base))


def test_a_handler_of_the_base_serves_a_flow_of_the_narrowed_contract() -> None:
    class Narrow(One[More]): ...

    def on_base(data: Data[One[Kept], int]) -> int:
        data.state.topic = "base"
        return data.value

    def on_narrow(data: Data[Narrow, int]) -> str:
        data.state.drafts = 2
        return f"{data.state.topic} {data.state.drafts}"

    flow = Flow(Narrow)
    flow.to(on_base).to(on_narrow).end()
    assert flow.start(1) == "base 2"
    alias = Flow(One[More])
    alias.to(on_base).to(lambda data: str(data.value)).end()
    assert alias.create_execution(state={"drafts": 3}).state.drafts == 3


def test_a_handler_of_another_argument_is_refused() -> None:
    class Narrow(One[More]): ...

    def on_most(data: Data[One[Most], int]) -> str:
        return ""

    flow: Any = Flow(Narrow)
    flow.to(on_most).end()
    assert refused(flow.validate) == [
        "TF716: flow 'Narrow': step 'on_most' takes Data[One[Most], …], and its flow is of contract 'Narrow' (annotate "
        "its parameter Data[Narrow, …], or with a protocol of the parts that it needs)"
    ]


def contract_of(part: str, tp: Any, *generic: Any) -> Callable[[], Any]:
    bases = (Contract, *([cast("Any", Generic)[generic]] if generic else []))
    body = {"__annotations__": {"input": int, "result": str, part: tp}, "__module__": __name__}
    return lambda: types.new_class("Made", bases, {}, lambda found: found.update(body))


REPLACED = "add Generic[{0}] to the bases of {1}, or put a class in its place: `{1}[…]`"


@pytest.mark.parametrize(
    "make, problem",
    [
        (contract_of("state", T, T), "TF605: 'state' of contract 'Made' is the type variable T, and has to be a "
         "subclass of State (bind it: `TypeVar('T', bound=…State)`)"),
        (contract_of("resources", T, T), "TF605: 'resources' of contract 'Made' is the type variable T, and has to be "
         "a subclass of Resources (bind it: `TypeVar('T', bound=…Resources)`)"),
        (contract_of("state", S), "TF605: 'state' of contract 'Made' is the type variable S, which no class replaces "
         f"({REPLACED.format('S', 'Made')})"),
        (contract_of("state", Wrong, Wrong), "TF605: 'state' of contract 'Made' has to be a subclass of State, not "
         "Tools (declare `class MadeState(State): …` and name it here)"),
        (contract_of("state", Half, Half), "TF605: 'state' of contract 'Made' has to be a subclass of State, not "
         "Tools (declare `class MadeState(State): …` and name it here)"),
        (contract_of("state", Lost, Lost), "TF610: 'state' of Made is annotated 'Nowhere', which cannot be resolved: "
         "NameError: name 'Nowhere' is not defined (define it before the class, or import it at run time: outside of "
         "`if TYPE_CHECKING:`)"),
        (lambda: spec_of(Choice), "TF605: 'state' of contract 'Choice' is the type variable Either, which no class "
         f"replaces ({REPLACED.format('Either', 'Choice')})"),
        (lambda: spec_of(One[Other]), "TF605: type variable S of contract 'One' is bound to Kept, and Other is no "  # type: ignore[type-var]
         "subclass (derive Other from Kept)"),
        (lambda: spec_of(One[int]), "TF605: 'state' of contract 'One' has to be a subclass of State, not int (declare "  # type: ignore[type-var]
         "`class OneState(State): …` and name it here)"),
    ],
)  # fmt: skip
def test_type_variables_that_cannot_be_parts(make: Callable[[], Any], problem: str) -> None:
    assert refused(make) == [problem]


def test_an_argument_outside_of_the_bound_is_refused_in_a_base() -> None:
    def make() -> None:
        class Made(One[Other]): ...  # type: ignore[type-var]  # on purpose

    assert refused(make) == [
        "TF605: type variable S of contract 'One' is bound to Kept, and Other is no subclass (derive Other from Kept)"
    ]


class Paged(State, Generic[T]):
    pages: list[T] = []


class Words(Paged[str]): ...


class Held(Resources, Generic[T]):
    tool: T


class Named(Events, Generic[T]):
    named: T


@pytest.mark.parametrize(
    "part, tp, shown, own",
    [
        ("state", Paged, "Paged", "MadeState(Paged[…])"),
        ("state", Paged[int], "Paged[int]", "MadeState(Paged[int])"),
        ("resources", Held, "Held", "MadeResources(Held[…])"),
        ("resources", Held[int], "Held[int]", "MadeResources(Held[int])"),
        ("events", Named[int], "Named[int]", "MadeEvents(Named[int])"),
    ],
)
def test_a_generic_class_is_no_part(part: str, tp: Any, shown: str, own: str) -> None:
    kind = own.removeprefix("Made").partition("(")[0]
    assert refused(contract_of(part, tp)) == [
        f"TF605: '{part}' of contract 'Made' has to be a subclass of {kind} without type parameters, not {shown} "
        f"(declare `class {own}: …` with its arguments and name it here)"
    ]


def test_a_class_that_gives_a_generic_one_its_arguments_is_a_part() -> None:
    class Made(Contract):
        input: int
        result: str
        state: Words

    def write(data: Data[Made, int]) -> str:
        data.state.append("pages", "one")
        return data.state.pages[0]

    flow = Flow(Made)
    flow.to(write).end()
    assert flow.start(1) == "one"
    with pytest.raises(ContractError, match="takes str, not 1"):
        flow.create_execution(state={"pages": [1]})


def test_a_part_of_a_base_that_is_no_contract_is_refused() -> None:
    class Mixin:
        state: Kept
        input: str

    def make() -> None:
        class Made(Mixin, Contract):
            input: int  # type: ignore[assignment]  # on purpose
            result: str

    assert refused(make) == [
        "TF617: 'state' of contract 'Made' comes from Mixin, which is no Contract (declare `class Mixin(Contract, "
        "abstract=True): …`, or repeat 'state' in Made)"
    ]


if sys.version_info >= (3, 12):

    def run(source: str) -> dict[str, Any]:
        names: dict[str, Any] = {**globals()}
        exec(source, names)
        return names

    def test_parameters_of_the_class_statement() -> None:
        names = run(
            "class Base[S: Kept = Kept](Contract):\n    input: int\n    result: str\n    state: S\n"
            "class Middle[T, S: Kept](Base[S]):\n    stream: list[T]\n"
            "class Leaf(Middle[int, More]): ...\n"
            if sys.version_info >= (3, 13)
            else "class Base[S: Kept](Contract):\n    input: int\n    result: str\n    state: S\n"
            "class Middle[T, S: Kept](Base[S]):\n    stream: list[T]\n"
            "class Leaf(Middle[int, More]): ...\n"
        )
        assert spec_of(names["Base"]).state is Kept
        assert (spec_of(names["Leaf"]).state, spec_of(names["Leaf"]).stream) == (More, list[int])

    def test_a_bound_that_is_not_there_yet() -> None:
        source = "class Base[S: Nowhere](Contract):\n    input: int\n    result: str\n    state: S\n"
        assert refused(lambda: run(source)) == [
            "TF610: 'state' of Base is annotated 'Nowhere', which cannot be resolved: NameError: name 'Nowhere' is not "
            "defined (define it before the class, or import it at run time: outside of `if TYPE_CHECKING:`)"
        ]
