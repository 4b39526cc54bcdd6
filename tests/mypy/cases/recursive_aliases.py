"""Aliases that refer to themselves: msgspec decodes none but through a record; elsewhere they are types like others."""
# ruff: noqa: UP007, UP037 -- how an alias refers to itself before Python 3.12

from __future__ import annotations

from typing import NamedTuple, TypedDict, TypeVar, Union, reveal_type

import msgspec
from typing_extensions import TypeAliasType

from typedflow import Contract, Data, Events, Flow, FlowState, Resources, State

T = TypeVar("T")
Json = Union[None, int, str, list["Json"], dict[str, "Json"]]
Other = Union[None, int, str, list["Other"], dict[str, "Other"]]
Deep = list["Deep"]
Tree = Union[T, list["Tree[T]"]]
Pairs = Union[int, tuple["Pairs", "Pairs"]]
Hashable = Union[int, tuple["Hashable", ...]]
Ping = Union[int, list["Pong"]]
Pong = Union[str, list["Ping"]]
Statement = TypeAliasType("Statement", "Union[int, list[Statement]]")


class Item(TypedDict):
    items: list["Item"]
    more: Items


Items = Union[int, list["Item"]]


class Row(NamedTuple):
    rows: tuple["Row", ...]


class Node(msgspec.Struct):
    nodes: Nodes
    name: str = ""


Nodes = Union[int, list[Node], dict[str, Node]]


class Memory(State):
    body: Json = None
    #     ^ E: TF603: field 'body' of Memory cannot be saved: msgspec cannot decode Json, an alias that refers to itself: use a Struct (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    deep: Deep = []
    #     ^ E: TF603: field 'deep' of Memory cannot be saved: msgspec cannot decode Deep, an alias that refers to itself: use a Struct (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    tree: Tree[int] = 0
    #     ^ E: TF603: field 'tree' of Memory cannot be saved: msgspec cannot decode Tree[int], an alias that refers to itself: use a Struct (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    pairs: Pairs = 0
    #      ^ E: TF603: field 'pairs' of Memory cannot be saved: msgspec cannot decode Pairs, an alias that refers to itself: use a Struct (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    keys: set[Hashable] = set()
    #     ^ E: TF603: field 'keys' of Memory cannot be saved: msgspec cannot decode Hashable, an alias that refers to itself: use a Struct (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    ping: Ping = 0
    #     ^ E: TF603: field 'ping' of Memory cannot be saved: msgspec cannot decode Ping, an alias that refers to itself: use a Struct (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    statement: Statement = 0
    #          ^ E: TF603: field 'statement' of Memory cannot be saved: msgspec cannot decode Statement, an alias that refers to itself: use a Struct (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    listed: list[Json] = []
    #       ^ E: TF603: field 'listed' of Memory cannot be saved: msgspec cannot decode Json, an alias that refers to itself: use a Struct (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    # through a record
    item: Item | None = None
    row: Row | None = None
    node: Node | None = None
    items: Items = 0
    nodes: Nodes = 0


class Kept(FlowState):
    body: dict[str, Json] = {}
    #     ^ E: TF603: field 'body' of Kept cannot be saved: msgspec cannot decode Json, an alias that refers to itself: use a Struct (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]


class Tools(Resources):
    json: Json


class Happenings(Events):
    got: Json
    tree: Tree[str]


class C(Contract):
    input: Json
    result: str
    state: Memory
    flow_state: Kept
    events: Happenings
    resources: Tools
    stream: Json


class Child(Contract):
    input: Other
    result: Json
    stream: Other


def values(data: Data[C, Json], json: Json, other: Other, deep: Deep) -> None:
    reveal_type(data.state.get("node.nodes"))
    #           ^ R: int | list[recursive_aliases.Node] | dict[str, recursive_aliases.Node] | None
    reveal_type(data.state.get("tree"))
    #           ^ R: int | list[int | list[...]]
    data.state.get("body.a")
    #              ^ E: TF203: 'body.a' leads nowhere: 'body' is int | str | list[Json] | dict[str, Json], which has no fields (end the path at 'body')  [typedflow-path]
    data.state.set("body", {"a": [1]})
    data.state.set("body", json)
    data.state.set("body", other)
    data.state.set("body", {"a": [1.5]})
    #                             ^ E: List item 0 has incompatible type "float"; expected "int | str | list[Json] | dict[str, Json] | None"  [list-item]
    data.state.set("body", 1.5)
    #                      ^ E: TF601: 'body' of state takes None | int | str | list[Json] | dict[str, Json], not float  [typedflow-state]
    data.state.set("deep", deep)
    data.state.set("deep", json)
    #                      ^ E: TF601: 'deep' of state takes Deep, not Json  [typedflow-state]
    data.state.set("node", {"nodes": 1, "name": json})
    #                                           ^ E: TF601: 'node.name' of state takes str, not Json  [typedflow-state]
    data.state.set("node", json)
    #                      ^ E: TF601: 'node' of state takes Node | None, not Json  [typedflow-state]
    data.state.append("listed", other)
    data.state.append("deep", [])
    data.state.append("deep", 1)
    #                         ^ E: TF601: 'deep[...]' of state takes Deep, not int  [typedflow-state]
    data.state.set("item", {"items": [], "more": [{"items": [], "more": 1}]})
    data.state.set("pairs", (1, (2, 3)))
    data.flow_state.set("body.a", other)
    data.emit("got", other)
    data.emit("got", object())
    #                ^ E: TF502: event 'got' carries None | int | str | list[Json] | dict[str, Json], not object (emit it with a value of None | int | str | list[Json] | dict[str, Json])  [typedflow-event]
    data.emit("tree", [["x"]])
    data.put(other)
    data.require_resource("json")
    data.set_resource("json", other)
    data.set_resource("json", object())
    #                         ^ E: TF103: resource 'json' is declared as None | int | str | list[Json] | dict[str, Json], not object (give an instance of None | int | str | list[Json] | dict[str, Json])  [typedflow-resource]


def handler(data: Data[C, Json]) -> str:
    return ""


def number(data: Data[C, int]) -> str:
    return ""


def gives(data: Data[C, Json]) -> Json:
    return data.value


def takes(data: Data[C, Other]) -> Other:
    return data.value


def grows(data: Data[C, Other]) -> Tree[Json]:
    return 1


def shrinks(data: Data[C, Tree[Other]]) -> str:
    return ""


flow = Flow(C)
child = Flow(Child)
flow.to(handler).end()
flow.to(number).end()
#       ^ E: TF701: step 'number' takes int, and gets None | int | str | list[Json] | dict[str, Json] (annotate its parameter Data[…, None | int | str | list[Json] | dict[str, Json]], or put a step in between that makes int of it)  [typedflow-flow]
flow.to(gives).end()
#              ^ E: TF702: end() sets the result of contract 'C', str, and gets None | int | str | list[Json] | dict[str, Json] (add a step before end() that returns str)  [typedflow-flow]
flow.to(gives).to(takes).to(grows).to(shrinks).end()
flow.to_sub_flow(child).to(takes).to(handler).end()
flow.to_sub_flow(child, write_back={"value": "result", "state": {"body": "result", "deep": "result"}}).to(takes)
#                                                                                          ^ E: TF406: write_back["state"]["deep"] = "result": 'state.deep' of the parent takes Deep, and 'result' of the child is Json (take another source, or declare the two alike)  [typedflow-write-back]
flow.for_each()
#    ^ E: TF703: a for_each block is never closed (call .end_for_each() on the chain inside it)  [typedflow-flow]
#    ^ E: TF709: for_each goes over a sequence (a list, tuple or range), not Json (put a step before it that returns a list)  [typedflow-flow]
flow.match().case(number).to(takes)
#    ^ E: TF703: a match block is never closed (call .end_match() on the chain inside it)  [typedflow-flow]
#                 ^ E: TF701: condition 'number' takes int, and gets None | int | str | list[Json] | dict[str, Json] (annotate its parameter Data[…, None | int | str | list[Json] | dict[str, Json]], or put a step in between that makes int of it)  [typedflow-flow]
reveal_type(flow.when({"state": ["body", "deep"]}, mode="and"))
#           ^ R: typedflow.api.process.Process[recursive_aliases.C, TypedDict({'state': TypedDict({'body': None | int | str | list[None | int | str | list[...] | dict[str, ...]] | dict[str, None | int | str | list[...] | dict[str, ...]], 'deep': list[...]})}), None]
flow.create_execution(state={"body": {"a": 1.5}, "deep": 1, "pairs": (1, (2, 3)), "node": {"nodes": 3}})
#                                    ^ E: TF601: 'body' of state takes None | int | str | list[Json] | dict[str, Json], not dict[str, float]  [typedflow-state]
#                                                        ^ E: TF601: 'deep' of state takes Deep, not int  [typedflow-state]
flow.start({"a": 1}, runtime_resources={"json": object()})
#                                               ^ E: TF103: resource 'json' is declared as None | int | str | list[Json] | dict[str, Json], not object (give an instance of None | int | str | list[Json] | dict[str, Json])  [typedflow-resource]
reveal_type(flow.batch().branch(gives).branch(child).end_batch())
#           ^ R: typedflow.api.process.Process[recursive_aliases.C, tuple[None | int | str | list[None | int | str | list[...] | dict[str, ...]] | dict[str, None | int | str | list[...] | dict[str, ...]], None | int | str | list[...] | dict[str, ...]], None]
flow.if_condition(lambda data: data.value).to(takes).else_condition().to(gives).end_condition().to(number)
#                                                                                                  ^ E: TF701: step 'number' takes int, and gets None | int | str | list[Other] | dict[str, Other] | list[Json] | dict[str, Json] (annotate its parameter Data[…, None | int | str | list[Other] | dict[str, Other] | list[Json] | dict[str, Json]], or put a step in between that makes int of it)  [typedflow-flow]
