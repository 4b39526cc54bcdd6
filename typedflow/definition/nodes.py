"""The nodes of a flow, frozen: what the builder makes, the checks read and the engine compiles.

A node says where its value comes from (`Port`), never where it goes: the plan turns that around once. Nothing here
runs, and nothing here refers to an event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from math import inf, isnan
from typing import Any, Final, Literal, Protocol, TypeAlias, final

import msgspec

from typedflow.rules.options import as_float, check_attempts, check_waits
from typedflow.rules.wording import describe
from typedflow.schema.annotations import HandlerTypes
from typedflow.schema.contracts import ContractSpec

MatchMode: TypeAlias = Literal["hit_first", "hit_all"]
WhenMode: TypeAlias = Literal["simple_or", "or", "and"]
CollectMode: TypeAlias = Literal["filled_then_empty", "filled_and_update"]
TriggerKind: TypeAlias = Literal["event", "state", "flow_state"]
Handler: TypeAlias = Callable[[Any], Any]


@final
@dataclass(frozen=True, slots=True)
class Retry:
    """Say how often a step may be tried, and on which errors.

    `attempts` counts the first one. `backoff` is the wait before the second attempt, in seconds; each later wait is
    `factor` times the one before it, and `max_backoff` bounds it. An error that is no instance of `on` fails the step
    at once; the pause signal and cancellation are never retried. State that a failed attempt wrote is seen by the next.
    """

    attempts: int = 3
    backoff: float = 0.0
    on: tuple[type[Exception], ...] = (Exception,)
    factor: float = 2.0
    max_backoff: float = 60.0

    def __post_init__(self) -> None:
        for name in ("attempts", "backoff", "factor", "max_backoff"):
            given = getattr(self, name)
            if type(given) is not int and (name == "attempts" or type(given) is not float):
                expected = "a whole number" if name == "attempts" else "a number"
                raise TypeError(f"Retry({name}=…) is {expected}, not {describe(given)}")
        problem = check_attempts(self.attempts) or check_waits(self.backoff, self.factor, self.max_backoff)
        if problem is not None:
            raise ValueError(problem.text)
        if isinstance(self.on, type):
            object.__setattr__(self, "on", (self.on,))
        if not isinstance(self.on, tuple) or not all(
            isinstance(cls, type) and issubclass(cls, Exception) for cls in self.on
        ):
            raise TypeError(f"Retry(on=…) is a tuple of exception classes, not {describe(self.on)}")

    def wait_before(self, attempt: int) -> float:
        """Give the wait in seconds before this attempt, 2 being the first that waits."""
        if not self.backoff:
            return 0.0
        try:
            wait = as_float(self.backoff) * as_float(self.factor) ** (attempt - 2)
        except OverflowError:  # past every float
            wait = inf
        if isnan(wait):  # inf times 0, or times what is too small for a float
            wait = inf if self.factor else 0.0
        return min(wait, as_float(self.max_backoff))


class StepOptions(msgspec.Struct, frozen=True):
    """Hold what `to(…)` says of a step beside its handler; `timeout` in seconds, for each attempt."""

    retry: Retry | None = None
    timeout: float | None = None
    thread: bool = False


PLAIN = StepOptions()


class Port(msgspec.Struct, frozen=True):
    """Name an output of a node: its index, and of a match or a batch which arm."""

    node: int
    arm: int = 0


class Start(msgspec.Struct, frozen=True):
    """Carry the input."""

    name: str = "start"
    auto: bool = False


class Step(msgspec.Struct, frozen=True):
    """Call a handler with the value; its return is the value from here on."""

    name: str
    auto: bool
    source: Port
    handler: Handler
    types: HandlerTypes
    options: StepOptions = PLAIN
    block: str = ""
    """What the innermost open block is called, where there is one."""
    formerly: tuple[str, ...] = ()
    """The names that the node had in earlier definitions; on every kind of node."""


class Batch(msgspec.Struct, frozen=True):
    """Give the same value to every branch; the join gives a tuple in the order of `branches`."""

    name: str
    auto: bool
    source: Port
    branches: tuple[str, ...]
    concurrency: int | None
    formerly: tuple[str, ...] = ()
    former_slots: tuple[tuple[str, str], ...] = ()
    """The earlier names of branches, each with the name of today."""


class Each(msgspec.Struct, frozen=True):
    """Give every item of a sequence to the body; the join gives a list in input order."""

    name: str
    auto: bool
    source: Port
    concurrency: int | None
    formerly: tuple[str, ...] = ()


class Case(msgspec.Struct, frozen=True):
    """Hold one condition: a function of `Data`, or a value to compare with `==`."""

    condition: Any
    is_function: bool
    is_async: bool = False
    types: HandlerTypes | None = None
    """What a function says of itself, resolved where it was attached."""
    name: str = ""
    """The explicit name, else that of the function or value, numbered where two cases of a match share one."""


class Match(msgspec.Struct, frozen=True):
    """Choose arms by their conditions, in order; the last arm is the else where there is one."""

    name: str
    auto: bool
    source: Port
    mode: MatchMode
    cases: tuple[Case, ...]
    has_else: bool
    formerly: tuple[str, ...] = ()
    former_slots: tuple[tuple[str, str], ...] = ()
    """The earlier names of cases, each with the name of today."""


class Join(msgspec.Struct, frozen=True):
    """Close a block: `sources` are the ends of its arms, in order."""

    name: str
    auto: bool
    opens: int
    sources: tuple[Port, ...]


class Trigger(msgspec.Struct, frozen=True):
    """Name one thing a listener waits for: an event, or a path of a layer."""

    kind: TriggerKind
    name: str


class When(msgspec.Struct, frozen=True):
    """Start a chain when a trigger fires: on any of them, or on all."""

    name: str
    auto: bool
    triggers: tuple[Trigger, ...]
    mode: WhenMode
    formerly: tuple[str, ...] = ()


class Collect(msgspec.Struct, frozen=True):
    """Wait for the last value of every branch, all hanging in one block."""

    name: str
    auto: bool
    branches: tuple[str, ...]
    sources: tuple[Port, ...]
    mode: CollectMode
    formerly: tuple[str, ...] = ()
    former_slots: tuple[tuple[str, str], ...] = ()
    """The earlier names of branches, each with the name of today."""


class End(msgspec.Struct, frozen=True):
    """Set the result, if none is set."""

    name: str
    auto: bool
    source: Port


class Child(Protocol):
    """A flow as its parent's definition sees it."""

    @property
    def name(self) -> str:
        """Give the flow's name."""
        ...

    @property
    def spec(self) -> ContractSpec:
        """Give what its contract declares."""
        ...

    def supplied(self) -> Collection[str]:
        """Give the keys of the resources that it has defaults for."""
        ...


class SubFlow(msgspec.Struct, frozen=True):
    """Run a child flow; the mappings are as written, None for the default."""

    name: str
    auto: bool
    source: Port
    child: Child
    capture: Mapping[str, Any] | None
    write_back: Mapping[str, Any] | None
    formerly: tuple[str, ...] = ()


Node: TypeAlias = Start | Step | Batch | Each | Match | Join | When | Collect | SubFlow | End


class Definition(msgspec.Struct, frozen=True):
    """Hold a flow's nodes; a node's index is its place in `nodes`, and `order` lists them sources first."""

    flow: str
    nodes: tuple[Node, ...]
    order: tuple[int, ...]
    ambiguous: frozenset[str] = frozenset()
    """The names that stand for several nodes of one handler, or could: another definition may number them otherwise."""


ELSE: Final = "else"
"""The name of the branch of a match for no hit."""


def slots_of(node: Node, definition: Definition) -> tuple[str, ...]:
    """Return the names of a node's branches, cases or triggers, in order; of a join those of the block it closes."""
    match node:
        case Batch() | Collect():
            return node.branches
        case Match():
            return (*(case.name for case in node.cases), *([ELSE] if node.has_else else []))
        case Join():
            return slots_of(definition.nodes[node.opens], definition)
        case When():
            return tuple(f"{trigger.kind} {trigger.name}" for trigger in node.triggers)
        case _:
            return ()


_ROOTS: Final = (Start, When)
_JOINING: Final = (Join, Collect)


def sources_of(node: Node) -> tuple[Port, ...]:
    """Give the ports that a node takes values from; none for the roots."""
    if isinstance(node, _ROOTS):
        return ()
    if isinstance(node, _JOINING):
        return node.sources
    return (node.source,)
