"""Methods of layers and records that return Self, fields of Self, and receivers that are type variables."""

from __future__ import annotations

from typing import Any, Generic, Self, TypeVar, reveal_type

import msgspec
from shop import Shop

from typedflow import Contract, Data, Events, Execution, Flow, FlowState, Resources, State

T = TypeVar("T")


class Node(msgspec.Struct):
    name: str
    parent: Self | None = None
    kids: list[Self] = []

    def renamed(self, name: str) -> Self:
        return msgspec.structs.replace(self, name=name)


class Sub(Node):
    extra: int = 0


class Mine(State):
    count: int = 0
    node: Node | None = None
    #     ^ E: TF603: field 'node' of Mine cannot be saved: msgspec refuses it: Type 'typing.Self' is not supported (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    sub: Sub | None = None
    #    ^ E: TF603: field 'sub' of Mine cannot be saved: msgspec refuses it: Type 'typing.Self' is not supported (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    other: Self | None = None
    #      ^ E: TF603: field 'other' of Mine cannot be saved: msgspec refuses it: Type 'typing.Self' is not supported (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]

    def counted(self) -> Self:
        self.set("count", self.count + 1)
        self.set("cont", 1)
        #        ^ E: TF202: Mine has no field 'cont' (did you mean 'count'?)  [typedflow-path]
        self.set("count", "x")
        #                 ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]
        reveal_type(self.get("count"))
        #           ^ R: int
        reveal_type(self["count"])
        #           ^ R: int
        self["count"] = "x"
        #               ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]
        self["cont"]
        #    ^ E: TF202: Mine has no field 'cont' (did you mean 'count'?)  [typedflow-path]
        return self

    @classmethod
    def make(cls) -> Self:
        made = cls(count=1)
        made.set("count", "x")
        #                 ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]
        made.set("cont", "x")
        #        ^ E: TF202: Mine has no field 'cont' (did you mean 'count'?)  [typedflow-path]
        return made

    @property
    def fresh(self) -> Self:
        return type(self)()

    def of_self(self: T, other: Any) -> T:
        return self

    def copy_of(self) -> Mine:
        return self


class Theirs(Mine):
    late: str = ""


class Gen(State, Generic[T]):
    held: T

    def with_held(self, held: T) -> Self:
        self.set("held", held)
        self.set("hld", held)
        #        ^ E: TF202: Gen[T] has no field 'hld' (did you mean 'held'?)  [typedflow-path]
        return self


class GenOfInt(Gen[int]): ...


class MyContract(Contract):
    input: int
    result: int
    state: Mine


class TheirContract(Contract):
    input: int
    result: int
    state: Theirs


class GenContract(Contract):
    input: int
    result: int
    state: GenOfInt


def step(data: Data[MyContract, int]) -> int:
    data.state.counted().set("cont", 1)
    #                        ^ E: TF202: Mine has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    data.state.counted().set("count", "x")
    #                                 ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]
    data.state.fresh.get("cont")
    #                    ^ E: TF202: Mine has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    data.state.make().get("cont")
    #                     ^ E: TF202: Mine has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    Mine.make().get("cont")
    #               ^ E: TF202: Mine has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    reveal_type(data.state.counted().get("count"))
    #           ^ R: int
    reveal_type(data.state.get("node.parent"))
    #           ^ R: self_types.Node | None
    reveal_type(data.state.get("node.parent.name"))
    #           ^ R: str | None
    reveal_type(data.state.get("sub.parent.extra"))
    #           ^ R: int | None
    reveal_type(data.state.get("sub.kids"))
    #           ^ R: list[self_types.Sub] | None
    reveal_type(data.state.get("other.other.count"))
    #           ^ R: int | None
    data.state.set("node.parent", Node("x"))
    #              ^ E: TF204: 'node.parent' cannot be written through 'node', which may be None (write 'node' as a whole)  [typedflow-path]
    data.state.set("sub.parent", Node("x"))
    #              ^ E: TF204: 'sub.parent' cannot be written through 'sub', which may be None (write 'sub' as a whole)  [typedflow-path]
    data.state.set("sub.parent", Sub("x"))
    #              ^ E: TF204: 'sub.parent' cannot be written through 'sub', which may be None (write 'sub' as a whole)  [typedflow-path]
    data.state.append("sub.kids", Node("x"))
    #                 ^ E: TF204: 'sub.kids' cannot be appended to through 'sub', which may be None (write 'sub' as a whole)  [typedflow-path]
    data.state.of_self(1).get("cont")
    #                         ^ E: TF202: Mine has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    data.state.copy_of().get("cont")
    #                        ^ E: TF202: Mine has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    return 1


def step2(data: Data[TheirContract, int]) -> int:
    data.state.counted().set("lat", 1)
    #                        ^ E: TF202: Theirs has no field 'lat' (did you mean 'late'?)  [typedflow-path]
    data.state.counted().set("late", 1)
    #                                ^ E: TF601: 'late' of state takes str, not int  [typedflow-state]
    data.state.of_self(1).get("lat")
    #                         ^ E: TF202: Theirs has no field 'lat' (did you mean 'late'?)  [typedflow-path]
    reveal_type(data.state.get("other.late"))
    #           ^ R: str | None
    return 1


def step3(data: Data[GenContract, int]) -> int:
    data.state.with_held(1).set("held", "x")
    #                                   ^ E: TF601: 'held' of state takes int, not str  [typedflow-state]
    data.state.with_held(1).set("hld", "x")
    #                           ^ E: TF202: GenOfInt has no field 'hld' (did you mean 'held'?)  [typedflow-path]
    return 1


flow = Flow(MyContract)
flow.to(step).end()
flow.create_execution(state=Mine().counted())
flow.create_execution(state={"node": {"name": "x", "parent": {"nam": "x"}}})
#                                                             ^ E: TF602: Node has no field 'nam' (did you mean 'name'?)  [typedflow-state]


class Shape(msgspec.Struct):
    def scaled(self, by: float) -> Self:
        return self


class Circle(Shape):
    radius: float = 0.0


class Holder(State):
    circle: Circle | None = None

    def grown(self) -> Self:
        if self.circle is not None:
            self.circle = self.circle.scaled(2.0)
            self.set("circle", self.circle.scaled(2.0))
        return self


class Opened(FlowState):
    open: bool = False

    def opened(self) -> Self:
        self.set("open", True)
        return self


class Tools(Resources):
    me: Node

    def with_me(self) -> Self:
        return self


class Ev(Events):
    a: Node


class All(Contract):
    input: Circle
    result: Circle
    state: Holder
    flow_state: Opened
    resources: Tools
    events: Ev

    def method(self) -> Self:
    # @4 E: TF607: contract 'All' has no part 'method' (parts: 'stream')  [typedflow-state]
        return self


def scale(data: Data[All, Circle]) -> Circle:
    data.state.set("circle", data.value.scaled(2.0))
    data.state.circle = data.value.scaled(1)
    data.flow_state.opened().get("opn")
    #                            ^ E: TF202: Opened has no field 'opn' (did you mean 'open'?)  [typedflow-path]
    data.emit("a", Node("x").renamed("y"))
    return data.value.scaled(2.0)


class Steps:
    def build(self) -> Self:
        Flow(All).to(self.step).end()
        return self

    def step(self, data: Data[All, Circle]) -> Circle:
        return data.value.scaled(3)


class FrozenNode(msgspec.Struct, frozen=True):
    name: str
    parent: Self | None = None


class FrozenSub(FrozenNode, frozen=True):
    extra: int = 0


class Frozen(State):
    node: FrozenSub = FrozenSub("x")
    #     ^ E: TF603: field 'node' of Frozen cannot be saved: msgspec refuses it: Type 'typing.Self' is not supported (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]

    @classmethod
    def at(cls, name: str) -> Self:
        made = cls()
        made.set("nod", FrozenSub(name))
        #        ^ E: TF202: Frozen has no field 'nod' (did you mean 'node'?)  [typedflow-path]
        made.set("node", name)
        #                ^ E: TF601: 'node' of state takes FrozenSub, not str  [typedflow-state]
        reveal_type(made.get("node.parent.extra"))
        #           ^ R: int | None
        return made

    def renamed(self) -> Self:
        def inner() -> None:
            self.set("nod", 1)
            #        ^ E: TF202: Frozen has no field 'nod' (did you mean 'node'?)  [typedflow-path]

        inner()
        for each in [self]:
            each.set("nod", 1)
            #        ^ E: TF202: Frozen has no field 'nod' (did you mean 'node'?)  [typedflow-path]
        if "nod" in self:
        #  ^ E: TF202: Frozen has no field 'nod' (did you mean 'node'?)  [typedflow-path]
            return self.renamed()
        return self

    async def later(self) -> Self:
        self.append("nod", 1)
        #           ^ E: TF202: Frozen has no field 'nod' (did you mean 'node'?)  [typedflow-path]
        self.delete("nod")
        #           ^ E: TF202: Frozen has no field 'nod' (did you mean 'node'?)  [typedflow-path]
        return self


S = TypeVar("S", bound=Mine)
Both = TypeVar("Both", bound=Mine | Frozen)
Either = TypeVar("Either", Mine, Frozen)
D = TypeVar("D", bound=Data[Shop, int])
P = TypeVar("P", bound=Data[MyContract, int])
F = TypeVar("F", bound=Flow[Shop])
E = TypeVar("E", bound=Execution[Shop])
Loose = TypeVar("Loose", bound=State)


def of_bound(state: S, key: str) -> S:
    reveal_type(state.get("count"))
    #           ^ R: int
    state.get(key)
    state.get("cont")
    #         ^ E: TF202: Mine has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    state.set(value="x", path="count")
    #               ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]
    state.set("count", 1)
    state["count"] = "x"
    #                ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]
    return state


def of_union(state: Both, other: S | Frozen) -> Both:
    state.get("nod")
    #         ^ E: TF202: Frozen has no field 'nod' (did you mean 'node'?)  [typedflow-path]
    #         ^ E: TF202: Mine has no field 'nod' (did you mean 'node'?)  [typedflow-path]
    state.get("count")
    #         ^ E: TF202: Frozen has no field 'count' (its fields: 'node')  [typedflow-path]
    other.get("count")
    #         ^ E: TF202: Frozen has no field 'count' (its fields: 'node')  [typedflow-path]
    return state


def of_values(state: Either) -> Either:
    state.get("cont")
    #         ^ E: TF202: Frozen has no field 'cont' (its fields: 'node')  [typedflow-path]
    #         ^ E: TF202: Mine has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    return state


def of_loose(state: Loose) -> Loose:
    state.get("anything")
    return state


def of_data(data: D, plain: P) -> D:
    data.require_resource("loger")
    #                     ^ E: TF101: ShopResources declares no resource 'loger' (did you mean 'logger'?)  [typedflow-resource]
    reveal_type(data.get_resource("browser"))
    #           ^ R: shop.Search | None
    data.emit("aproved", 1)
    #         ^ E: TF501: contract 'Shop' declares no event 'aproved' (did you mean 'approved'?)  [typedflow-event]
    data.emit("ticked", "x")
    #                   ^ E: TF502: event 'ticked' carries int, not str (emit it with a value of int)  [typedflow-event]
    data.state.get("cont")
    #              ^ E: TF202: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-path]
    data.set_runtime_data("count", "x")
    #                              ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]
    plain.flow_state.get("x")
    #     ^ E: TF611: contract 'MyContract' declares no flow_state, only 'input', 'result', 'state' (add `flow_state: …` to MyContract, a subclass of FlowState)  [typedflow-state]
    return data


def of_flow(flow: F, execution: E) -> F:
    flow.when("aproved")
    #         ^ E: TF501: contract 'Shop' declares no event 'aproved' (did you mean 'approved'?)  [typedflow-event]
    execution.emit("tickd", 1)
    #              ^ E: TF501: contract 'Shop' declares no event 'tickd' (did you mean 'ticked'?)  [typedflow-event]
    flow.create_execution(state={"cont": 1})
    #                            ^ E: TF602: ShopState has no field 'cont' (did you mean 'count'?)  [typedflow-state]
    return flow
