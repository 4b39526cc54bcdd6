"""What a contract offers a type checker, member by member.

`Data[Review, V]` carries the whole contract in one parameter; a member recovers its type by asking, of itself, for a
contract that *has* that member (`self: Data[HasState[S], Any]`). Read-only properties, so that a contract's subclass
may narrow them; plain, invariant attributes where a value goes into the contract.
"""

from __future__ import annotations

from typing import Protocol

from typing_extensions import TypeVar

T_co = TypeVar("T_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")


class HasState(Protocol[T_co]):
    """A contract that declares a state."""

    @property
    def state(self) -> T_co: ...


class HasFlowState(Protocol[T_co]):
    """A contract that declares a flow_state."""

    @property
    def flow_state(self) -> T_co: ...


class HasResources(Protocol[T_co]):
    """A contract that declares resources."""

    @property
    def resources(self) -> T_co: ...


class HasInput(Protocol[T_co]):
    """A contract with this input."""

    @property
    def input(self) -> T_co: ...


class GivesResult(Protocol[T_co]):
    """A contract with this result, for who reads it."""

    @property
    def result(self) -> T_co: ...


class HasIO(Protocol[T_co, R_co]):
    """A contract with this input and result."""

    @property
    def input(self) -> T_co: ...
    @property
    def result(self) -> R_co: ...


class TakesResult(Protocol[R]):
    """A contract with exactly this result, for who sets it."""

    result: R


class TakesStream(Protocol[R]):
    """A contract with exactly this stream item, for who puts one."""

    stream: R


class GivesStream(Protocol[T_co]):
    """A contract with this stream item, for who listens."""

    @property
    def stream(self) -> T_co: ...
