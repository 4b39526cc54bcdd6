# No `from __future__ import annotations`: the aliases are given to the classes as values.
"""Aliases that refer to themselves, by a text or as `type Json = …`: checked where a value goes, refused in a State."""

import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Union

import msgspec
import pytest

from typedflow import Contract, ContractError, Data, Events, Flow, InterruptError, State

Json: Any = Union[None, int, str, list["Json"], dict[str, "Json"]]  # type: ignore[misc]  # noqa: UP007
Whole: Any = Union[int, "list[Whole]"]  # a text takes no `|`
Rows: Any = list["Row"]
Row: Any = Union[str, "Rows"]
Itself: Any = Union["Itself", int]
Ping: Any = Union["Pong", int]
Pong: Any = "Ping"
NATIVE = """
type Json = None | int | str | list[Json] | dict[str, Json]
type Rows = list[Row]
type Row = str | Rows
type Itself = Itself | int
type Ping = Pong
type Pong = Ping
type Raises = 1 / 0
"""


def native() -> dict[str, Any]:
    """Return the aliases that are statements, where Python has them."""
    module = ModuleType("native")
    if sys.version_info >= (3, 12):
        exec(NATIVE, vars(module))
    return {f"type {name}": value for name, value in vars(module).items() if not name.startswith("_")}


GOOD = {"Json": Json, "Whole": Whole, "Rows": Rows, "Row": Row}
BAD = {"Itself": Itself, "Ping": Ping}
for named, alias in native().items():
    (GOOD if named in ("type Json", "type Rows", "type Row") else BAD)[named] = alias
VALUES = {"Json": [1, ["a", {"b": None}]], "Whole": [1, [2, [3]]], "Rows": ["a", ["b"]], "Row": ["a", ["b", []]]}
RIGHT = [(name, tp, VALUES[name.removeprefix("type ")]) for name, tp in GOOD.items()]


def problems_of(define: Any) -> list[str]:
    with pytest.raises(ContractError) as caught:
        define()
    return [problem.render() for problem in caught.value.problems]


@pytest.mark.parametrize("name, tp, value", RIGHT, ids=GOOD)
async def test_an_alias_is_checked_wherever_a_value_goes_and_saved(name: str, tp: Any, value: Any) -> None:
    @dataclass
    class Holder:
        held: tp

    class Told(Events):
        told: tp

    class Carry(Contract):
        input: tp
        result: tp
        events: Told

    def hold(data: Data[Carry, tp]) -> Holder:
        data.emit("told", data.value)
        with pytest.raises(ContractError, match="TF502"):
            data.emit("told", [object()])
        return Holder(data.value)

    def ask(data: Data[Carry, Holder]) -> tp:
        return data.pause_for("ask")

    flow: Flow[Any] = Flow(Carry)
    flow.to(hold).to(ask).end()
    execution = flow.create_execution()
    with pytest.raises(ContractError):
        await flow.create_execution().async_start([[object()]])
    await execution.async_start(value)
    loaded = flow.create_execution()
    loaded.load(execution.save())
    [interrupt] = loaded.interrupts
    with pytest.raises(InterruptError, match="TF810"):
        await loaded.async_continue_with(interrupt, [object()])
    await loaded.async_continue_with(interrupt, value)
    done = flow.create_execution()
    done.load(loaded.save())
    assert done.result == value


@pytest.mark.parametrize("name, tp", GOOD.items(), ids=GOOD)
def test_a_state_cannot_hold_it(name: str, tp: Any) -> None:
    def define() -> None:
        class Holder(msgspec.Struct):
            held: tp

        class Kept(State):
            body: tp | None = None
            inner: Holder | None = None

        class Keep(Contract):
            input: None
            result: None
            state: Kept

    found = problems_of(define)
    assert [text[:29] for text in found] == ["TF603: field 'body' of Kept c", "TF603: field 'inner' of Kept "]
    assert all("an alias that refers to itself: use a Struct" in text for text in found)


@pytest.mark.parametrize("name, tp", BAD.items(), ids=BAD)
def test_an_alias_that_leads_nowhere_is_a_problem_wherever_it_stands(name: str, tp: Any) -> None:
    class Kept(State):
        body: tp | None = None

    class Told(Events):
        told: tp

    @dataclass
    class Holder:
        held: tp

    class Plain(Contract):
        input: int
        result: int

    def define(part: str, tp: Any) -> None:
        type("Bad", (Contract,), {"__annotations__": {"input": int, "result": int, part: tp}})

    def hold(data: Data[Plain, int]) -> Holder:
        raise NotImplementedError

    flow = Flow(Plain)
    flow.to(hold).to(lambda data: 1).end()
    for made in (
        lambda: define("input", tp),
        lambda: define("state", Kept),
        lambda: define("events", Told),
        lambda: define("stream", list[tp]),
        flow.validate,
        flow.create_execution,
    ):
        [problem] = problems_of(made)
        assert problem.startswith("TF610: ")
        assert "leads only to itself" in problem or "raises ZeroDivisionError (" in problem


@pytest.mark.parametrize("name, tp", BAD.items(), ids=BAD)
def test_an_alias_that_leads_nowhere_is_a_problem_of_a_handler(name: str, tp: Any) -> None:
    class Plain(Contract):
        input: int
        result: int

    def returns(data: Data[Plain, int]) -> tp:
        raise NotImplementedError

    def takes(data: Data[Plain, tp]) -> int:
        raise NotImplementedError

    def is_given(data: tp) -> int:
        raise NotImplementedError

    can_be_data = name in ("type Ping", "type Pong", "type Raises")
    for handler in (returns, takes, is_given) if can_be_data else (returns, takes):
        flow: Flow[Any] = Flow(Plain)
        flow.to(lambda data: 1).to(handler).to(lambda data: 1).end()
        [problem] = problems_of(flow.validate)
        assert problem.startswith("TF610: flow 'Plain': ")
        assert f"step '{handler.__name__}'" in problem
        assert "leads only to itself" in problem or "ZeroDivisionError" in problem
