"""A contract that takes over a base and narrows a part of it."""

from __future__ import annotations

from typing import Generic, Protocol, reveal_type

from typing_extensions import TypeVar

from typedflow import Contract, Data, Flow, State


class Common(State):
    title: str = ""


class Own(Common):
    pages: int = 0


# A base that leaves the part open: its type is a parameter, covariant, so that what serves the base serves all of them.
CommonT = TypeVar("CommonT", bound=Common, default=Common, covariant=True)


class Base(Contract, Generic[CommonT], abstract=True):
    input: str
    state: CommonT


class Narrowed(Base[Own]):
    result: int


class Further(Narrowed):
    stream: str


class AsDeclared(Base):
    result: int


# A base without the part: what serves them all asks for it in a protocol.
class Shared(Contract, abstract=True):
    input: str


class Added(Shared):
    result: int
    state: Own


class HasCommon(Protocol):
    @property
    def state(self) -> Common: ...


# A base with the part: mypy alone lets it be declared again, since a contract's attributes can be written.
class Fixed(Contract, abstract=True):
    input: str
    state: Common


class Again(Fixed):
    result: int
    state: Own  # E[pyright, ty, pyrefly]


def of_base(data: Data[Base, str]) -> str:
    reveal_type(data.state)  # R: Common
    return data.state.title


def of_protocol(data: Data[HasCommon, str]) -> str:
    reveal_type(data.state)  # R: Common
    return data.state.title


def of_narrowed(data: Data[Narrowed, str]) -> int:
    reveal_type(data.state)  # R: Own
    return data.state.pages


def of_further(data: Data[Further, str]) -> int:
    reveal_type(data.state)  # R: Own
    data.put("x")
    return data.state.pages


def of_declared(data: Data[AsDeclared, str]) -> int:
    reveal_type(data.state)  # R: Common
    data.state.pages  # E
    return 1


def of_added(data: Data[Added, str]) -> int:
    reveal_type(data.state)  # R: Own
    return data.state.pages


def of_again(data: Data[Again, str]) -> int:
    reveal_type(data.state)  # R: Own
    return data.state.pages


Flow(Narrowed).to(of_base).to(of_protocol).to(of_narrowed).end()
Flow(Further).to(of_base).to(of_narrowed)
Flow(Further).to(of_further).end()
Flow(AsDeclared).to(of_base).to(of_declared).end()
Flow(Added).to(of_protocol).to(of_added).end()
Flow(Again).to(of_protocol).to(of_again).end()
Flow(Narrowed).to(of_base).end()  # E[plugin, pyright, ty, pyrefly]
Flow(AsDeclared).to(of_narrowed)  # E
Flow(Narrowed).to(of_added)  # E
reveal_type(Flow(Narrowed).create_execution().state)  # R: Own
reveal_type(Flow(Narrowed).start("a"))  # R: int
Flow(Narrowed).start(3)  # E
