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
P = TypeVar("P")


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
    """A contract with this input, for the first steps of its flow, which read it."""

    @property
    def input(self) -> T_co: ...


class TakesInput(Protocol[P]):
    """A contract with exactly this input, for a call that starts its flow."""

    input: P


class GivesResult(Protocol[T_co]):
    """A contract with this result, for who reads it."""

    @property
    def result(self) -> T_co: ...


class TakesIO(Protocol[P, R_co]):
    """A contract with exactly this input, and this result, for a call that starts its flow and returns the result."""

    input: P

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


class TakesInputGivesStream(Protocol[P, R_co]):
    """A contract with exactly this input, and this stream item, for a call that starts it and yields the items."""

    input: P

    @property
    def stream(self) -> R_co: ...
