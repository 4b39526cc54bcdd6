"""What follows one mistake: nothing, where the rest is right. What goes on is unknown, and fits everywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, NoReturn, Protocol, TypeVar, overload, reveal_type

import msgspec

from typedflow import Contract, Data, Flow, State

V = TypeVar("V")
W = TypeVar("W")
B = TypeVar("B", bound=str)


class Request(msgspec.Struct):
    topic: str


class C(Contract):
    input: Request
    result: str


class Child(Contract):
    input: str
    result: str


class HasNumber(Protocol):
    number: int


class NeedsNumber(Protocol):
    @property
    def state(self) -> HasNumber: ...


# of another contract
def same(data: Data[NeedsNumber, V]) -> V:
    return data.value


async def async_same(data: Data[NeedsNumber, V]) -> V:
    return data.value


def listed(data: Data[NeedsNumber, V]) -> list[V]:
    return [data.value]


# of another value
def first(data: Data[Any, Sequence[V]]) -> V:
    return data.value[0]


def bounded(data: Data[C, list[B]]) -> B:
    return data.value[0]


@overload
def either(data: Data[C, int]) -> int: ...
@overload
def either(data: Data[C, bytes]) -> bytes: ...
def either(data: Any) -> Any:
    return data.value


class Either:
    @overload
    def __call__(self, data: Data[C, int]) -> int: ...
    @overload
    def __call__(self, data: Data[C, bytes]) -> bytes: ...
    def __call__(self, data: Any) -> Any:
        return data.value


class Of(Generic[V]):
    def __call__(self, data: Data[C, V]) -> str:
        return ""

    def method(self, data: Data[NeedsNumber, W]) -> W:
        return data.value


# with another signature
def two(factor: int, data: Data[C, Request]) -> str:
    return ""


async def async_two(factor: int, data: Data[C, Request]) -> str:
    return ""


def nothing() -> str:
    return ""


def stops(data: Data[C, Request]) -> NoReturn:
    raise SystemExit


# right
def takes(data: Data[C, str]) -> str:
    return data.value


def count(data: Data[C, int]) -> int:
    return data.value


def begin(data: Data[C, Request]) -> str:
    return data.value.topic


flow, child = Flow(C), Flow(Child)

# a handler that does not fit
flow.to(same).to_sub_flow(child, capture={"input": "value.topic"}).end()
#       ^ E: TF716: step 'same' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]
flow.to(same).to(takes).end()
#       ^ E: TF716: step 'same' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]
flow.to(async_same).to(takes).end()
#       ^ E: TF716: step 'async_same' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]
flow.to(listed).for_each().to(takes).end_for_each()
#       ^ E: TF716: step 'listed' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]
flow.to(same).to(same).to(same).end()
#       ^ E: TF716: step 'same' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]
flow.to(same).end()
#       ^ E: TF716: step 'same' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]
flow.to(same).to_sub_flow(child).to(takes).end()
#       ^ E: TF716: step 'same' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]
flow.to(same).side_branch(count).to(takes).end()
#       ^ E: TF716: step 'same' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]
flow.to(same).batch().branch(count).branch(takes).end_batch()
#       ^ E: TF716: step 'same' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]
flow.to(same).match().case(count).to(count).case_else().to(takes).end_match()
#       ^ E: TF716: step 'same' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]
flow.to(same).if_condition(count).to(takes).end_condition().to(takes)
#       ^ E: TF716: step 'same' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]
flow.to(first).to(takes).end()
#       ^ E: TF701: step 'first' takes Sequence[V], and gets Request (annotate its parameter Data[…, Request], or put a step in between that makes Sequence[V] of it)  [typedflow-flow]
flow.to(bounded).to(takes).end()
#       ^ E: TF701: step 'bounded' takes list[B], and gets Request (annotate its parameter Data[…, Request], or put a step in between that makes list[B] of it)  [typedflow-flow]
flow.to(Of[int]()).to(takes).end()
#       ^ E: TF701: step 'Of' takes int, and gets Request (annotate its parameter Data[…, Request], or put a step in between that makes int of it)  [typedflow-flow]
flow.to(Of[int]().method).to(takes).end()
#       ^ E: TF716: step 'method' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]
flow.side_branch(same).to(begin).end()
#                ^ E: TF716: step 'same' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]
reveal_type(flow.to(same))
#           ^ R: typedflow.api.process.Process[one_error.C, Any, None]
#                   ^ E: TF716: step 'same' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]
later = flow.to(same)
#               ^ E: TF716: step 'same' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]
later.to(takes).end()
later.to_sub_flow(child, capture={"input": "value.nowhere"})

# none of its overloads
flow.to(either).to(takes).end()
#       ^ E: TF701: step 'either' takes int | bytes, and gets Request (annotate its parameter Data[…, Request], or put a step in between that makes int | bytes of it)  [typedflow-flow]
flow.to(Either()).to(takes).end()
#       ^ E: TF701: step 'Either' takes int | bytes, and gets Request (annotate its parameter Data[…, Request], or put a step in between that makes int | bytes of it)  [typedflow-flow]
flow.side_branch(either).to(begin).end()
#                ^ E: TF701: step 'either' takes int | bytes, and gets Request (annotate its parameter Data[…, Request], or put a step in between that makes int | bytes of it)  [typedflow-flow]

# what mypy finds inside of it
flow.to(partial(two, "x")).to(takes).end()
#                    ^ E: Argument 1 to "two" has incompatible type "str"; expected "int"  [arg-type]
flow.to(partial(async_two, "x")).to(takes).end()
#                          ^ E: Argument 1 to "async_two" has incompatible type "str"; expected "int"  [arg-type]
flow.to(partial(two, factor="x")).for_each().to(count)
#                           ^ E: Argument "factor" to "two" has incompatible type "str"; expected "int"  [arg-type]
flow.to(partial(two, 1, 2, 3)).to(takes).end()
#       ^ E: Too many arguments for "two"  [call-arg]
#                       ^ E: Argument 2 to "two" has incompatible type "int"; expected "Data[C, Request]"  [arg-type]
flow.to(partial(two, 1)).to(takes).end()
flow.side_branch(partial(two, "x")).to(begin).end()
#                             ^ E: Argument 1 to "two" has incompatible type "str"; expected "int"  [arg-type]
flow.to(lambda data: data.value.nowhere).to(takes).end()
#                    ^ E: "Request" has no attribute "nowhere"  [attr-defined]
flow.to(lambda data: same(data)).to(takes).end()
#                         ^ E: Argument 1 to "same" has incompatible type "Data[C, Request]"; expected "Data[NeedsNumber, Request]"  [arg-type]
flow.to(begin()).to(takes).end()
#       ^ E: Missing positional argument "data" in call to "begin"  [call-arg]
flow.to(Of(1)).to(takes).end()
#       ^ E: Too many arguments for "Of"  [call-arg]

# another number of parameters
flow.to(nothing).to(takes).end()
#       ^ E: TF717: 'nothing' cannot be called with one argument, the Data (give it one positional parameter, and defaults to all others)  [typedflow-flow]
flow.to(lambda: 1).to(takes).end()
#       ^ E: TF717: 'lambda' cannot be called with one argument, the Data (give it one positional parameter, and defaults to all others)  [typedflow-flow]
flow.to(lambda first, second: 1).to(takes).end()
#       ^ E: TF717: 'lambda' cannot be called with one argument, the Data (give it one positional parameter, and defaults to all others)  [typedflow-flow]
flow.match().case(lambda: 1).to(begin)
#                 ^ E: TF717: 'lambda' cannot be called with one argument, the Data (give it one positional parameter, and defaults to all others)  [typedflow-flow]
flow.if_condition(lambda: 1).to(begin).elif_condition(lambda first, second: 1).to(begin).end_condition().end()
#                 ^ E: TF717: 'lambda' cannot be called with one argument, the Data (give it one positional parameter, and defaults to all others)  [typedflow-flow]
#                                                                                                        ^ E: TF702: end() sets the result of contract 'C', str, and gets str | Request (add a step before end() that returns str)  [typedflow-flow]

# in a batch, and as a condition
flow.batch().branch(same).branch(partial(two, "x")).branch(either).branch(lambda: 1).branch(begin).end_batch().end()
#                   ^ E: TF716: step 'same' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]
#                                             ^ E: Argument 1 to "two" has incompatible type "str"; expected "int"  [arg-type]
#                                                          ^ E: TF701: step 'either' takes int | bytes, and gets Request (annotate its parameter Data[…, Request], or put a step in between that makes int | bytes of it)  [typedflow-flow]
#                                                                         ^ E: TF717: 'lambda' cannot be called with one argument, the Data (give it one positional parameter, and defaults to all others)  [typedflow-flow]
#                                                                                                              ^ E: TF702: end() sets the result of contract 'C', str, and gets tuple[Any, Any, Any, Any, str] (add a step before end() that returns str)  [typedflow-flow]
flow.match().case(same).to(begin).case(partial(two, "x")).to(begin).case_else().to(begin).end_match().end()
#                 ^ E: TF716: condition 'same' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]
#                                                   ^ E: Argument 1 to "two" has incompatible type "str"; expected "int"  [arg-type]
flow.if_condition(same).to(begin).else_condition().to(begin).end_condition().end()
#                 ^ E: TF716: condition 'same' takes Data[NeedsNumber, …], and its flow is of contract 'C', which has no 'state' (annotate its parameter Data[C, …], or with a protocol of the parts that it needs)  [typedflow-flow]


def chosen(flag: bool, given: Callable[[Data[C, V]], V], value: V) -> None:
    flow.to(begin if flag else count).to(takes).end()
    #                          ^ E: TF701: step 'count' takes int, and gets Request (annotate its parameter Data[…, Request], or put a step in between that makes int of it)  [typedflow-flow]
    flow.to(count if flag else nothing).to(takes).end()
    #       ^ E: TF701: step 'count' takes int, and gets Request (annotate its parameter Data[…, Request], or put a step in between that makes int of it)  [typedflow-flow]
    #                          ^ E: TF717: 'nothing' cannot be called with one argument, the Data (give it one positional parameter, and defaults to all others)  [typedflow-flow]
    flow.to(begin if flag else Of[Request]()).to(takes).end()
    flow.to(given).to(takes).end()
    #       ^ E: TF701: step 'given' takes V, and gets Request (annotate its parameter Data[…, Request], or put a step in between that makes V of it)  [typedflow-flow]


# a block that is not open
flow.to(begin).end_for_each().to(count)
#              ^ E: TF704: end_for_each() belongs to a for_each block, and no block is open here (open one, or take it out)  [typedflow-flow]
flow.to(begin).else_condition().to(takes).end_condition().end()
#              ^ E: TF704: else_condition() belongs to an if block, and no block is open here (open one, or take it out)  [typedflow-flow]
flow.for_each().to(takes).end_for_each().to(lambda data: data.value[0]).end()
#    ^ E: TF709: for_each goes over a sequence (a list, tuple or range), not Request (put a step before it that returns a list)  [typedflow-flow]

# only what pauses is said to pause
flow.to(stops).end()
#       ^ E: TF720: step 'stops' pauses and returns NoReturn: nothing says which type answers it (annotate its return with the type of the answer: `-> Approval`)  [typedflow-flow]
flow.to(partial(stops)).to(takes)
#       ^ E: TF720: step 'stops' pauses and returns NoReturn: nothing says which type answers it (annotate its return with the type of the answer: `-> Approval`)  [typedflow-flow]
flow.to(lambda data: data.pause_for("x")).to(takes)
#       ^ E: TF720: step 'lambda' pauses and returns NoReturn: nothing says which type answers it (annotate its return with the type of the answer: `-> Approval`)  [typedflow-flow]


# a part of the wrong kind, or with a value, is reported where it stands, and not where it is used


class NumberState(State):
    number: int = 0


class OfWrongKinds(Contract):
    input: Request
    result: str
    state: dict[str, int]
    #      ^ E: TF605: 'state' of contract 'OfWrongKinds' has to be a subclass of State, not dict[str, int] (declare `class OfWrongKindsState(State): …` and name it here)  [typedflow-state]
    flow_state: Request
    #           ^ E: TF605: 'flow_state' of contract 'OfWrongKinds' has to be a subclass of FlowState, not Request (declare `class OfWrongKindsFlowState(FlowState): …` and name it here)  [typedflow-state]
    resources: Request
    #          ^ E: TF605: 'resources' of contract 'OfWrongKinds' has to be a subclass of Resources, not Request (declare `class OfWrongKindsResources(Resources): …` and name it here)  [typedflow-state]
    events: dict[str, int]
    #       ^ E: TF605: 'events' of contract 'OfWrongKinds' has to be a subclass of Events, not dict[str, int] (declare `class OfWrongKindsEvents(Events): …` and name it here)  [typedflow-state]


def use_wrong_kinds(data: Data[OfWrongKinds, Request]) -> str:
    data.state.get("a.b")
    data.state["a"] = 1
    data.flow_state.topik = 2
    data.require_resource("tool")
    data.resources.tool
    data.emit("told", 1)
    return data.value.topic


wrong_kinds = Flow(OfWrongKinds)
wrong_kinds.to(use_wrong_kinds).end()
wrong_kinds.when("told")
wrong_kinds.update_runtime_resources(tool=1)
wrong_kinds.create_execution(state={"a": 1}, runtime_resources={"tool": 1})


class WithValues(Contract):
    input = Request
    # @4 E: TF613: 'input' of contract 'WithValues' has a value: a contract holds annotations only (write `input: …` with the type, and no `=`)  [typedflow-state]
    result = str
    # @4 E: TF613: 'result' of contract 'WithValues' has a value: a contract holds annotations only (write `result: …` with the type, and no `=`)  [typedflow-state]
    state = NumberState
    # @4 E: TF613: 'state' of contract 'WithValues' has a value: a contract holds annotations only (write `state: …` with the type, and no `=`)  [typedflow-state]


def use_values(data: Data[WithValues, Request]) -> str:
    data.state.get("topik")
    return data.value.topic


Flow(WithValues).to(use_values).end()


class Stated(Contract):
    input: Request
    result: str
    state: NumberState


class StatedAgain(Stated):
    state: Request
    #      ^ E: TF605: 'state' of contract 'StatedAgain' has to be a subclass of State, not Request (declare `class StatedAgainState(State): …` and name it here)  [typedflow-state]


def use_again(data: Data[StatedAgain, Request]) -> str:
    data.state.get("topik")
    return data.value.topic


Flow(StatedAgain).to(use_again).end()
