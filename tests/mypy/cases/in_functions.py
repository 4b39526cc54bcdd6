"""Classes and flows that stand in a function are checked as those at the top of a module, each mistake once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, reveal_type

import msgspec
from shop import Request, Search, Shop

from typedflow import Contract, Data, Events, Execution, Flow, FlowState, Resources, State, binding

T = TypeVar("T", int, str)


def contracts(which: bool) -> None:
    class Typo(Contract):
        input: int
        result: int
        reslut: int
        # @8 E: TF607: contract 'Typo' has no part 'reslut' (parts: 'state', 'flow_state', 'resources', 'events', 'stream')  [typedflow-state]

    class WrongParts(Contract, version=0):
    #                                  ^ E: TF614: the version of contract 'WrongParts' is a whole number from 1, not 0 (int) (write `class WrongParts(Contract, version=2)`)  [typedflow-state]
        input: int
        result: int
        state: dict[str, int]
        #      ^ E: TF605: 'state' of contract 'WrongParts' has to be a subclass of State, not dict[str, int] (declare `class WrongPartsState(State): …` and name it here)  [typedflow-state]
        flow_state: Request
        #           ^ E: TF605: 'flow_state' of contract 'WrongParts' has to be a subclass of FlowState, not Request (declare `class WrongPartsFlowState(FlowState): …` and name it here)  [typedflow-state]
        resources: int
        #          ^ E: TF605: 'resources' of contract 'WrongParts' has to be a subclass of Resources, not int (declare `class WrongPartsResources(Resources): …` and name it here)  [typedflow-state]
        events: str
        #       ^ E: TF605: 'events' of contract 'WrongParts' has to be a subclass of Events, not str (declare `class WrongPartsEvents(Events): …` and name it here)  [typedflow-state]
        stream: str = ""
        # @8 E: TF613: 'stream' of contract 'WrongParts' has a value: a contract holds annotations only (write `stream: …` with the type, and no `=`)  [typedflow-state]

    class NoResult(Contract):
    # @4 E: TF606: contract 'NoResult' does not say its result (add `result: …` with the type, or `result: None` where there is none)  [typedflow-state]
        input: int

    class Abstract(Contract, abstract=True):
        input: int

    class Whole(Abstract):
        result: int

    Flow(NoResult)
    Flow(Abstract)
    #    ^ E: TF606: contract 'Abstract' does not say its result (add `result: …` with the type, or `result: None` where there is none)  [typedflow-state]
    Flow(Whole)
    Flow(Request)
    #    ^ E: TF605: a contract is a subclass of Contract, not Request (declare `class …(Contract): …`)  [typedflow-state]

    class Outer:
        class Inner(Contract):
        # @8 E: TF606: contract 'Inner' does not say its result (add `result: …` with the type, or `result: None` where there is none)  [typedflow-state]
            input: int
            reslut: int
            # @12 E: TF607: contract 'Inner' has no part 'reslut' (did you mean 'result'?)  [typedflow-state]

    if which:

        class Branched(Contract):
        # @8 E: TF606: contract 'Branched' does not say its result (add `result: …` with the type, or `result: None` where there is none)  [typedflow-state]
            input: int

    else:

        class Branched(Contract):  # type: ignore[no-redef]
        # @8 E: TF606: contract 'Branched' does not say its input (add `input: …` with the type, or `input: None` where there is none)  [typedflow-state]  (Error code "typedflow-state" not covered by "type: ignore[no-redef]" comment)
            result: int

    def nested() -> None:
        class Deep(Contract):
        # @8 E: TF606: contract 'Deep' does not say its result (add `result: …` with the type, or `result: None` where there is none)  [typedflow-state]
            input: int

    async def later() -> None:
        class Late(Contract):
        # @8 E: TF606: contract 'Late' does not say its result (add `result: …` with the type, or `result: None` where there is none)  [typedflow-state]
            input: int

    with sqlite3.connect(""):

        class Managed(Contract):
        # @8 E: TF606: contract 'Managed' does not say its result (add `result: …` with the type, or `result: None` where there is none)  [typedflow-state]
            input: int


class Suite:
    def test_it(self) -> None:
        class Typo(Contract):
            input: int
            result: int
            reslut: int
            # @12 E: TF607: contract 'Typo' has no part 'reslut' (parts: 'state', 'flow_state', 'resources', 'events', 'stream')  [typedflow-state]

    @staticmethod
    def test_static() -> None:
        class NoInput(Contract):
        # @8 E: TF606: contract 'NoInput' does not say its input (add `input: …` with the type, or `input: None` where there is none)  [typedflow-state]
            result: int

    class Within:
        async def test_async(self) -> None:
            class NoInput(Contract):
            # @12 E: TF606: contract 'NoInput' does not say its input (add `input: …` with the type, or `input: None` where there is none)  [typedflow-state]
                result: int


def states() -> None:
    class Bad(State, frozen=True):
    #                       ^ E: TF609: Bad cannot be declared with frozen: a state is there to be written (leave frozen out)  [typedflow-state]
        connection: sqlite3.Connection | None = None
        #           ^ E: TF603: field 'connection' of Bad cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
        drafts: list[str] = ["x"]
        #                   ^ E: TF616: field 'drafts' of Bad has as its default a list with something in it, and every Bad would share it (let a factory make it anew: `msgspec.field(default_factory=lambda: …)`)  [typedflow-state]
        get: int = 0
        # @8 E: TF608: Bad cannot have a field 'get': the name is a method of every layer, or Python's own (rename it, to 'get_value' for instance)  [typedflow-state]

    class Later(State):
        after: After | None = None
        #      ^ E: TF603: field 'after' of Later cannot be saved at 'after.call': Callable[[], None] cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]

    class After(msgspec.Struct):
        call: Callable[[], None]

    class Growing(FlowState):
        last: Payload | None = None
        #     ^ N: TF615: field 'last' of Growing is Payload | None, which can grow: a flow_state is for flags and counters (keep what belongs to one execution in its State)

    class Payload(msgspec.Struct):
        lines: list[str] = []

    class Tools(Resources):
        keys: int
        search: Search

    class Whole(State):
        tools: Tools | None = None
        #      ^ E: TF604: field 'tools' of Whole is Tools, a Resources class: resources are never saved (declare it as the contract's `resources`, read it as data.resources)  [typedflow-state]

    @dataclass
    class Holder:
        call: Callable[[], None]

    class Holding(State):
        holder: Holder | None = None
        #       ^ E: TF603: field 'holder' of Holding cannot be saved at 'holder.call': Callable[[], None] cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]


def migrations(which: bool) -> None:
    class Versioned(Contract, version=3):
        input: int
        result: int

    @Versioned.migrate(1)
    def from_one(saved: dict[str, Any]) -> dict[str, Any]:
        return saved

    @Versioned.migrate(1)
    #                  ^ E: TF918: contract 'Versioned' cannot take a migration from version 1: there is one already (a migration leads from one version to the next: migrate(1) from 1 to 2)  [typedflow-state]
    def from_one_again(saved: dict[str, Any]) -> dict[str, Any]:
        return saved

    @Versioned.migrate(3)
    #                  ^ E: TF918: contract 'Versioned' cannot take a migration from version 3: its own version is 3 (a migration leads from one version to the next: migrate(1) from 1 to 2)  [typedflow-state]
    def from_three(saved: dict[str, Any]) -> dict[str, Any]:
        return saved

    if which:

        @Versioned.migrate(1)
        #                  ^ E: TF918: contract 'Versioned' cannot take a migration from version 1: there is one already (a migration leads from one version to the next: migrate(1) from 1 to 2)  [typedflow-state]
        def from_one_once_more(saved: dict[str, Any]) -> dict[str, Any]:
            return saved

        @Versioned.migrate(2)
        def from_two(saved: dict[str, Any]) -> dict[str, Any]:
            return saved

    else:

        @Versioned.migrate(2)
        def from_two_otherwise(saved: dict[str, Any]) -> dict[str, Any]:
            return saved

    class Other(Contract, version=2):
        input: int
        result: int

    class Migrations:
        @Other.migrate(1)
        @staticmethod
        def lift(saved: dict[str, Any]) -> dict[str, Any]:
            return saved

    @Other.migrate(1)
    #              ^ E: TF918: contract 'Other' cannot take a migration from version 1: there is one already (a migration leads from one version to the next: migrate(1) from 1 to 2)  [typedflow-state]
    def lift_again(saved: dict[str, Any]) -> dict[str, Any]:
        return saved

    class Third(Contract, version=2):
        input: int
        result: int

    def one() -> None:
        Third.migrate(1)(lift_again)
        Third.migrate(1)(lift_again)
        #             ^ E: TF918: contract 'Third' cannot take a migration from version 1: there is one already (a migration leads from one version to the next: migrate(1) from 1 to 2)  [typedflow-state]

    def another() -> None:
        Third.migrate(1)(lift_again)


def flows() -> None:
    class LocalState(State):
        count: int = 0
        request: Request | None = None

    class LocalResources(Resources):
        search: Search

    class LocalEvents(Events):
        ready: int

    class Local(Contract):
        input: Request
        result: str
        state: LocalState
        resources: LocalResources
        events: LocalEvents
        stream: str

    class ChildState(State):
        seen: int

    class Child(Contract):
        input: str
        result: int
        state: ChildState
        stream: int

    def step(data: Data[Local, Request]) -> str:
        reveal_type(data.state.get("request.topic"))
        #           ^ R: str | None
        data.state.get("cont")
        #              ^ E: TF202: LocalState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
        data.state.set("count", "x")
        #                       ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]
        data.require_resource("serch")
        #                     ^ E: TF101: LocalResources declares no resource 'serch' (did you mean 'search'?)  [typedflow-resource]
        data.emit("redy", 1)
        #         ^ E: TF501: contract 'Local' declares no event 'redy' (did you mean 'ready'?)  [typedflow-event]
        data.emit("ready", "x")
        #                  ^ E: TF502: event 'ready' carries int, not str (emit it with a value of int)  [typedflow-event]
        data.flow_state.get("x")
        #    ^ E: TF611: contract 'Local' declares no flow_state, only 'input', 'result', 'state', 'resources', 'events', 'stream' (add `flow_state: …` to Local, a subclass of FlowState)  [typedflow-state]
        data.put("item")
        return ""

    async def other(data: Data[Local, str]) -> int:
        return data.state.get("count")

    flow = Flow(Local)
    flow.to(step).to(other).end()
    #                       ^ E: TF702: end() sets the result of contract 'Local', str, and gets int (add a step before end() that returns str)  [typedflow-flow]
    flow.to(other)
    #       ^ E: TF701: step 'other' takes str, and gets Request (annotate its parameter Data[…, Request], or put a step in between that makes str of it)  [typedflow-flow]
    flow.to(lambda data: data.state.get("cont"))
    #                                   ^ E: TF202: LocalState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    flow.when("redy")
    #         ^ E: TF501: contract 'Local' declares no event 'redy' (did you mean 'ready'?)  [typedflow-event]
    flow.to_sub_flow(Flow(Child))
    #                ^ E: TF306: capture, left out, is {"input": "value"}: 'input' of the child takes str, and 'value' of the parent is Request (take a part of it, "value.field")  [typedflow-capture]
    #                ^ E: TF311: capture: the child requires the state field 'seen' (int), and nothing supplies it (give capture={"input": "value", "state": {"seen": "…"}})  [typedflow-capture]
    #                ^ E: TF725: child flow 'Child' puts int in the stream, and contract 'Local' declares str (widen the parent's stream to take int, or declare none there)  [typedflow-flow]
    flow.to_sub_flow(Flow(Child), capture={"input": "value.topc", "state": {"seen": "state.count"}})
    #                ^ E: TF725: child flow 'Child' puts int in the stream, and contract 'Local' declares str (widen the parent's stream to take int, or declare none there)  [typedflow-flow]
    #                                               ^ E: TF304: capture["input"] = "value.topc": Request has no field 'topc' (did you mean 'topic'?)  [typedflow-capture]
    flow.to_sub_flow(Flow(Child), capture=binding({"input": "value.topic", "state": {"seen": "state.cont"}}))
    #                ^ E: TF725: child flow 'Child' puts int in the stream, and contract 'Local' declares str (widen the parent's stream to take int, or declare none there)  [typedflow-flow]
    #                                                                                        ^ E: TF304: capture["state"]["seen"] = "state.cont": LocalState has no field 'cont' (did you mean 'count'?)  [typedflow-capture]
    flow.create_execution(state={"count": "x"})
    #                                     ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]

    def emitting(execution: Execution[Local]) -> None:
        execution.emit("redy", 1)
        #              ^ E: TF501: contract 'Local' declares no event 'redy' (did you mean 'ready'?)  [typedflow-event]

    class Steps:
        def step(self, data: Data[Local, Request]) -> str:
            data.state.get("cont")
            #              ^ E: TF202: LocalState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
            return ""

        def build(self) -> Flow[Local]:
            flow = Flow(Local)
            flow.to(self.step).end()
            flow.to(self.build)
            #       ^ E: TF717: 'build' cannot be called with one argument, the Data (give it one positional parameter, and defaults to all others)  [typedflow-flow]
            return flow


def twice(given: T) -> T:
    class NoResult(Contract):
    # @4 E: TF606: contract 'NoResult' does not say its result (add `result: …` with the type, or `result: None` where there is none)  [typedflow-state]
        input: int

    class Bad(State):
        connection: sqlite3.Connection | None = None
        #           ^ E: TF603: field 'connection' of Bad cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]

    Flow(NoResult)
    return given


def deferred() -> None:
    class NoResult(Contract):
    # @4 E: TF606: contract 'NoResult' does not say its result (add `result: …` with the type, or `result: None` where there is none)  [typedflow-state]
        input: int
        state: Request
        #      ^ E: TF605: 'state' of contract 'NoResult' has to be a subclass of State, not Request (declare `class NoResultState(State): …` and name it here)  [typedflow-state]

    reveal_type(Deferred().later)
    #           ^ R: int
    Flow(NoResult)


class Deferred:
    def __init__(self) -> None:
        self.later = max(1, 2)


class Box(Generic[T]):
    def build(self, given: T) -> None:
        class Boxed(Contract):
        # @8 E: TF606: contract 'Boxed' does not say its result (add `result: …` with the type, or `result: None` where there is none)  [typedflow-state]
            input: int
            reslut: int
            # @12 E: TF607: contract 'Boxed' has no part 'reslut' (did you mean 'result'?)  [typedflow-state]


def of_shop(data: Data[Shop, Request]) -> Callable[[], None]:
    class NoResult(Contract):
    # @4 E: TF606: contract 'NoResult' does not say its result (add `result: …` with the type, or `result: None` where there is none)  [typedflow-state]
        input: int

    return lambda: data.state.set("cont", 1)
    #                             ^ E: TF202: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
