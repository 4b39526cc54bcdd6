"""State types that are saved as another type: paths, pydantic models, and classes with a StoredAs (B60)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import msgspec
import pydantic
import pytest

from typedflow import (
    Contract,
    ContractError,
    Data,
    Flow,
    InterruptError,
    Snapshot,
    SnapshotError,
    State,
    StoredAs,
)
from typedflow.schema.accepts import accepts
from typedflow.stores import MemoryStore


class Money:
    """A class of a user, with no equality of its own."""

    def __init__(self, cents: int) -> None:
        if cents < 0:
            raise ValueError("no debts")
        self.cents = cents


class Coins(Money):
    """A subclass that its base's functions would turn into the base."""


def to_cents(money: Money) -> int:
    return money.cents


MONEY = StoredAs(to_cents, Money, int)
FRACTION = StoredAs(str, Fraction, str)


class Person(pydantic.BaseModel):
    name: str
    age: int = 3
    pay: Decimal = Decimal("1.50")
    full: str = pydantic.Field(default="", alias="fullName")


class Team(pydantic.BaseModel):
    lead: Person
    members: list[Person] = []


class Boss(Person):
    car: str = ""


class Visit(msgspec.Struct):
    where: Path
    who: list[Person]


class Trip(State):
    home: Path = Path("home")
    pure: PurePosixPath | None = None
    seen: set[Path] = set()
    price: Annotated[Money, MONEY] | None = None
    prices: dict[str, Annotated[Money, MONEY]] = {}
    share: Annotated[Fraction, FRACTION] = Fraction(1, 3)
    visit: Visit | None = None
    team: Team | None = None


class Journey(Contract):
    input: Path
    result: Visit
    state: Trip


def travel(data: Data[Journey, Path]) -> Visit:
    state = data.state
    state.home = data.value / "x"
    state.pure = PurePosixPath("/etc")
    state.seen.add(Path("a"))
    state.price = Money(4)
    state.prices["a"] = Money(5)
    state.share += Fraction(1, 7)
    state.visit = Visit(where=Path("v"), who=[Person(name="ann", fullName="Ann A")])
    state.team = Team(lead=Person(name="bob"), members=[Person(name="cy", age=9)])
    return data.pause_for({"ask": "where"})


def arrive(data: Data[Journey, Visit]) -> Visit:
    return data.value


def journey() -> Flow[Journey]:
    flow = Flow(Journey)
    flow.to(travel).to(arrive).end()
    return flow


def shown(state: Trip) -> tuple[object, ...]:
    price = state.price and (type(state.price), state.price.cents)
    prices = {key: (type(money), money.cents) for key, money in state.prices.items()}
    return (state.home, state.pure, state.seen, price, prices, state.share, state.visit, state.team)


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_values_are_equal_after_a_save_and_a_load(form: Literal["json", "msgpack"]) -> None:
    execution = journey().create_execution()
    execution.start(Path("in"))
    before = shown(execution.state)
    assert before[0] == Path("in/x")
    loaded = journey().create_execution().load(execution.save(format=form).to_bytes())
    assert shown(loaded.state) == before
    (interrupt,) = loaded.interrupts.values()
    loaded.continue_with(interrupt, {"where": "there", "who": [{"name": "dee", "fullName": "Dee"}]})
    assert loaded.result == Visit(where=Path("there"), who=[Person(name="dee", fullName="Dee")])


async def test_values_are_stored_in_parts() -> None:
    store = MemoryStore()
    execution = journey().create_execution(store=store, execution_id="one", checkpoint="step")
    await execution.async_start(Path("in" * 20_000))
    opened = await journey().async_open("one", store=store)
    assert shown(opened.state) == shown(execution.state)


@pytest.mark.parametrize(
    "answer, reason",
    [
        ({"where": 4, "who": []}, "'where' in it is Path, not 4"),
        ({"where": "a", "who": [{"name": 3}]}, "'who\\[0\\]' in it is Person, not .* valid string"),
        ({"where": "a", "who": [{"name": "b", "wage": 1}]}, "has no field 'wage'"),
    ],
)
def test_answers_that_do_not_fit_are_refused(answer: Any, reason: str) -> None:
    execution = journey().create_execution()
    execution.start(Path("in"))
    (interrupt,) = execution.interrupts.values()
    with pytest.raises(InterruptError, match=reason):
        execution.continue_with(interrupt, answer)
    assert interrupt.id in execution.interrupts


def test_the_schema_of_an_answer() -> None:
    flow = journey()
    execution = flow.create_execution()
    execution.start(Path("in"))
    schema = flow.answer_schema(next(iter(execution.interrupts.values())))
    assert schema["$defs"]["Visit"]["properties"]["where"] == {"type": "string"}
    (person,) = [schema["$defs"]["Visit"]["properties"]["who"]["items"]]
    assert person["properties"]["fullName"]["type"] == "string"


def refs_in(tree: Any) -> set[str]:
    if isinstance(tree, dict):
        own = {tree["$ref"]} if isinstance(tree.get("$ref"), str) else set()
        return own.union(*map(refs_in, tree.values()))
    return set().union(*map(refs_in, tree)) if isinstance(tree, list) else set()


def test_references_of_a_model_are_at_the_root_of_the_schema() -> None:
    class Asked(Contract):
        input: None
        result: Team

    def ask(data: Data[Asked, None]) -> Team:
        return data.pause_for({})

    flow = Flow(Asked)
    flow.to(ask).end()
    execution = flow.create_execution()
    execution.start(None)
    schema = flow.answer_schema(next(iter(execution.interrupts.values())))
    assert refs_in(schema)
    assert {ref.removeprefix("#/$defs/") for ref in refs_in(schema)} <= schema["$defs"].keys()


def test_a_wrong_class_is_refused_where_it_is_written() -> None:
    state = Trip()
    for field, value in {"home": "text", "price": 4, "team": Person(name="a"), "share": 1}.items():
        with pytest.raises(ContractError, match="TF601"):
            setattr(state, field, value)
    with pytest.raises(ContractError, match="a save would cut this subclass of Person short"):
        state.visit = Visit(where=Path(), who=[Boss(name="x")])


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda state: setattr(state, "price", Coins(3)), "price"),
        (lambda state: setattr(state.team.lead, "name", 7), "team"),
    ],
)
def test_what_would_come_back_as_something_else_is_refused_by_the_save(change: Any, reason: str) -> None:
    execution = journey().create_execution()
    execution.start(Path("in"))
    change(execution.state)
    with pytest.raises(SnapshotError, match=reason):
        execution.save()


def test_what_of_refuses_is_an_error_of_the_load() -> None:
    execution = journey().create_execution()
    execution.start(Path("in"))
    execution.state.price = Money(4)
    execution.state.price.cents = -4
    with pytest.raises(SnapshotError, match="raises ValueError: no debts"):
        execution.save()


def test_a_child_gets_a_copy_of_its_own() -> None:
    class Inner(Contract):
        input: Trip
        result: None

    class Outer(Contract):
        input: None
        result: None
        state: Trip

    def begin(data: Data[Outer, None]) -> None:
        data.state.price = Money(4)
        data.state.team = Team(lead=Person(name="a"))

    def change(data: Data[Needs, object]) -> None:
        assert data.state.price is not None
        assert data.state.team is not None
        data.state.price.cents = 9
        data.state.team.lead.name = "z"

    class Needs(Contract):
        input: object
        result: None
        state: Trip

    child = Flow(Needs)
    child.to(change)
    flow = Flow(Outer)
    flow.to(begin).to_sub_flow(
        child, capture={"input": "value", "state": {"price": "state.price", "team": "state.team"}}
    )
    execution = flow.create_execution()
    execution.start(None)
    assert execution.state.price is not None
    assert execution.state.team is not None
    assert (execution.state.price.cents, execution.state.team.lead.name) == (4, "a")


def test_a_class_without_a_stored_form_says_what_to_do() -> None:
    with pytest.raises(ContractError, match=r"TF603: .* StoredAs"):
        of_state(BadState)


class BadState(State):
    money: Money


class OddState(State):
    number: Annotated[int, StoredAs(str, int, str)] = 1


class BesideState(State):
    place: Path | str = ""


class DeepState(State):
    money: Annotated[Money, StoredAs(lambda money: {money}, lambda parts: next(iter(parts)), set[Money])]


@pytest.mark.parametrize(
    "state_class, reason",
    [
        (OddState, "needs no StoredAs"),
        (BesideState, "Path is saved as another type, and cannot be told apart from str"),
        (DeepState, "Money cannot be encoded"),
    ],
)
def test_what_stored_as_does_not_cover(state_class: type[State], reason: str) -> None:
    with pytest.raises(ContractError, match=reason):
        of_state(state_class)


def test_stored_as_takes_functions() -> None:
    with pytest.raises(
        ContractError, match="TF603: StoredAs takes two functions and the stored type, and its 'of' is int"
    ):
        StoredAs(str, 4, str)  # type: ignore[arg-type]


def test_types_fit_by_their_class() -> None:
    assert accepts(Money, Annotated[Money, MONEY])
    assert accepts(Annotated[Money, MONEY], Money)
    assert accepts(PurePosixPath, PurePosixPath)
    assert not accepts(Path, str)


class Before(State):
    where: Path = Path()


class After(State):
    where: str = ""


def of_state(cls: type[State], version: int = 1) -> type[Contract]:
    body = {"__annotations__": {"input": None, "result": int, "state": cls}, "__module__": __name__}
    return type("Dated", (Contract,), body, version=version)


def asking(contract: Any) -> Flow[Any]:
    def ask(data: Data[contract, None]) -> int:
        return data.pause_for({})

    flow: Flow[Any] = Flow(contract, name="dated")
    flow.to(ask).end()
    return flow


def saved(cls: type[State]) -> Snapshot:
    execution = asking(of_state(cls)).create_execution()
    execution.start(None)
    return execution.save()


def test_a_changed_type_needs_a_migration() -> None:
    snapshot = saved(Before)
    with pytest.raises(SnapshotError, match="'where' was Path and is str"):
        asking(of_state(After)).create_execution().load(snapshot)
    newer: Any = of_state(After, version=2)
    newer.migrate(1)(lambda document: {"state": {"where": document["state"]["where"] + "!"}})
    loaded = asking(newer).create_execution().load(snapshot)
    assert loaded.state.where == ".!"


def test_a_migration_makes_a_stored_class_of_plain_data() -> None:
    newer: Any = of_state(Before, version=2)
    newer.migrate(1)(lambda document: {"state": {"where": "there"}})
    assert asking(newer).create_execution().load(saved(After)).state.where == Path("there")
