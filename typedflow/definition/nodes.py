"""The frozen nodes of a flow: made by the builder, read by the checks, compiled by the engine.

A node names the source of its value (`Port`), not its targets; `engine.plan` inverts the edges once. Nothing here runs
or refers to an event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf, isnan
from typing import Any, Final, Literal, Protocol, TypeAlias, assert_never, final

import msgspec

from typedflow.definition.origins import UNKNOWN_ORIGIN, Origin
from typedflow.rules.options import CollectMode, MatchMode, WhenMode, as_float, check_attempts, check_waits
from typedflow.rules.wording import describe
from typedflow.schema.annotations import HandlerTypes
from typedflow.schema.contracts import ContractSpec
from typedflow.schema.types import Kind

TriggerKind: TypeAlias = Literal["event", "state", "flow_state"]
Handler: TypeAlias = Callable[[Any], Any]


@final
@dataclass(frozen=True, slots=True)
class Retry:
    """Retry a failed step: the number of attempts, the delays between them, and the errors that are retried.

    `attempts` counts the first one. `backoff` is the wait before the second attempt, in seconds; each later wait is
    `factor` times the previous one, but at most `max_backoff` seconds. An error that is no instance of `on`
    fails the step at once; the pause signal, cancellation and a `StoreError` are never retried. State that a failed
    attempt wrote stays written.

    >>> patient = Retry(attempts=5, backoff=0.5, max_backoff=10, on=(ConnectionError, TimeoutError))
    >>> patient.attempts
    5
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
        """Return the delay in seconds before an attempt; attempts count from 1, so the first delay is before 2."""
        if not self.backoff:
            return 0.0
        try:
            wait = as_float(self.backoff) * as_float(self.factor) ** (attempt - 2)
        except OverflowError:  # too large for a float
            wait = inf
        if isnan(wait):  # inf times 0, or times a number too small for a float
            wait = inf if self.factor else 0.0
        return min(wait, as_float(self.max_backoff))


class StepOptions(msgspec.Struct, frozen=True):
    """The options of a step; `timeout` is in seconds, for each attempt."""

    retry: Retry | None = None
    timeout: float | None = None
    thread: bool = False


PLAIN = StepOptions()


class Port(msgspec.Struct, frozen=True):
    """One output of a node: the node's index, and the branch of a match or a batch."""

    node: int
    branch: int = 0


class Start(msgspec.Struct, frozen=True):
    """The root of the main chain; its output is the input of the flow."""

    name: str = "start"
    auto: bool = False


class Step(msgspec.Struct, frozen=True):
    """Call a handler with the value; its return value is the output."""

    name: str
    auto: bool
    source: Port
    handler: Handler
    types: HandlerTypes
    options: StepOptions = PLAIN
    block: str = ""
    """The user's word for the innermost enclosing block; empty outside of blocks."""
    formerly: tuple[str, ...] = ()
    """The names that the node had in earlier definitions; on every kind of node."""
    catches: bool = False
    """Its failure leaves it by a second port, which leads to a `Catch`."""


class Sleep(msgspec.Struct, frozen=True):
    """Pass the value on after a time, or at the moment that a function of `Data` returns."""

    name: str
    auto: bool
    source: Port
    until: timedelta | Callable[[Any], datetime]
    types: HandlerTypes | None = None
    """The annotations of a function."""
    formerly: tuple[str, ...] = ()


class Batch(msgspec.Struct, frozen=True):
    """Pass the same value to every branch; the join returns a tuple in the order of `branches`."""

    name: str
    auto: bool
    source: Port
    branches: tuple[str, ...]
    concurrency: int | None
    formerly: tuple[str, ...] = ()
    former_slots: tuple[tuple[str, str], ...] = ()
    """The earlier names of branches, each with the name of today."""


class Each(msgspec.Struct, frozen=True):
    """Run the body for every item of a sequence; the join returns a list in input order."""

    name: str
    auto: bool
    source: Port
    concurrency: int | None
    formerly: tuple[str, ...] = ()
    collects: bool = False
    """The failure of an item becomes the item's result, a `Failed`."""


class Case(msgspec.Struct, frozen=True):
    """One condition of a match: a function of `Data`, a value to compare with `==`, or some classes or values."""

    condition: Any
    is_function: bool
    is_async: bool = False
    types: HandlerTypes | None = None
    """The annotations of a function, resolved where it was attached."""
    name: str = ""
    """The explicit name, else that of the function or value, numbered if two cases of a match share one."""
    kinds: tuple[Kind, ...] = ()
    """Of a case by class or value: the classes, or a Literal for each value; `condition` holds what was passed."""
    origin: Origin = UNKNOWN_ORIGIN


class Match(msgspec.Struct, frozen=True):
    """Choose branches by their conditions, in order; with `has_else` the last branch is taken if none matches."""

    name: str
    auto: bool
    source: Port
    mode: MatchMode
    cases: tuple[Case, ...]
    has_else: bool
    formerly: tuple[str, ...] = ()
    former_slots: tuple[tuple[str, str], ...] = ()
    """The earlier names of cases, each with the name of today."""

    @property
    def is_closed(self) -> bool:
        """Whether all values must have a case: one of the cases is by class or value, and there is no else."""
        return self.mode == "hit_first" and not self.has_else and any(case.kinds for case in self.cases)

    @property
    def passes_on(self) -> bool:
        """Whether the value goes on behind the match where no case is hit."""
        return self.mode == "hit_first" and not self.has_else and not self.is_closed


class Narrow(msgspec.Struct, frozen=True):
    """Begin a case by class: the value passes, with the type of the case; `source` is the port of the case."""

    name: str
    auto: bool
    source: Port
    kinds: tuple[Kind, ...]


class Join(msgspec.Struct, frozen=True):
    """Close the block that node `opens` opened; `sources` are the ends of its branches, in order."""

    name: str
    auto: bool
    opens: int
    sources: tuple[Port, ...]


class Trigger(msgspec.Struct, frozen=True):
    """One trigger of a listener: an event, or a write to a path of a layer."""

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
    """Gather the latest value of every branch, and continue with a dict of them; all branches are in one block."""

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
        """The name of the flow."""
        ...

    @property
    def spec(self) -> ContractSpec:
        """The declarations of its contract."""
        ...

    def supplied(self) -> Collection[str]:
        """Return the resource keys for which the flow has defaults."""
        ...


class SubFlow(msgspec.Struct, frozen=True):
    """Run a child flow; the mappings are as the user wrote them, None for the default."""

    name: str
    auto: bool
    source: Port
    child: Child
    capture: Mapping[str, Any] | None
    write_back: Mapping[str, Any] | None
    formerly: tuple[str, ...] = ()
    catches: bool = False
    """As of a step."""
    remote: bool = False
    """The child is an execution of its own, which a worker runs."""


class Catch(msgspec.Struct, frozen=True):
    """Take the failure of a step or child flow as a value, a `Failed`; the handler for errors is behind it."""

    name: str
    auto: bool
    source: Port


class Merge(msgspec.Struct, frozen=True):
    """Continue behind a step or child flow with its value, or with that of its handler for errors."""

    name: str
    auto: bool
    sources: tuple[Port, ...]


Node: TypeAlias = (
    Start | Step | Sleep | Batch | Each | Match | Narrow | Join | When | Collect | SubFlow | Catch | Merge | End
)

FAILURE: Final = 1
"""The port by which the failure of a step or child flow leaves it."""


class Definition(msgspec.Struct, frozen=True):
    """A whole flow: `nodes` by index, and in `order` their indexes, sources first."""

    flow: str
    nodes: tuple[Node, ...]
    order: tuple[int, ...]
    ambiguous: frozenset[str] = frozenset()
    """Names that do not identify a node: nodes of one handler are numbered, in another definition maybe differently."""
    origins: tuple[Origin, ...] = ()
    """Where each node was attached, by index; not part of what a flow means."""

    def origin_of(self, index: int) -> Origin:
        """Return the file and line at which a node was attached."""
        return self.origins[index] if index < len(self.origins) else UNKNOWN_ORIGIN


ELSE: Final = "else"
"""The name of the branch of a match that is taken if no case matches."""


def slots_of(node: Node, definition: Definition) -> tuple[str, ...]:
    """Return the names of a node's branches, cases or triggers, in order; for a join those of its block."""
    match node:
        case Batch() | Collect():
            return node.branches
        case Match():
            return (*(case.name for case in node.cases), *([ELSE] if node.has_else else []))
        case Join():
            return slots_of(definition.nodes[node.opens], definition)
        case When():
            return tuple(f"{trigger.kind} {trigger.name}" for trigger in node.triggers)
        case Start() | Step() | Sleep() | Each() | Narrow() | SubFlow() | Catch() | Merge() | End():
            return ()
        case _:
            assert_never(node)


_ROOTS: Final = (Start, When)
_JOINING: Final = (Join, Collect, Merge)


def sources_of(node: Node) -> tuple[Port, ...]:
    """Return the source ports of a node; empty for roots."""
    if isinstance(node, _ROOTS):
        return ()
    if isinstance(node, _JOINING):
        return node.sources
    return (node.source,)
