"""Paths into state and flow_state: where they lead, what comes out, what goes in."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeVar, reveal_type

from shop import Approval, Box, Counters, Frozen, LongReport, Plain, Point, Report, Request, Shop, ShopState

from typedflow import Data, FlowState, State

TOPIC: Final = "request.topic"
S = TypeVar("S", bound=ShopState)


def reading(state: ShopState, which: Literal["count", "ratio"]) -> None:
    reveal_type(state.get("request"))
    #           ^ R: shop.Request
    reveal_type(state.get(TOPIC))
    #           ^ R: str
    reveal_type(state.get("maybe"))
    #           ^ R: shop.Request | None
    reveal_type(state.get("maybe.topic"))
    #           ^ R: str | None
    reveal_type(state.get("maybe.topic", ""))
    #           ^ R: str
    reveal_type(state.get("maybe.topic", 0))
    #           ^ R: str | int
    reveal_type(state.get("table.a"))
    #           ^ R: shop.Request | None
    reveal_type(state.get("table.a.topic", ""))
    #           ^ R: str
    reveal_type(state.get("options.depth"))
    #           ^ R: int
    reveal_type(state.get("options.strict"))
    #           ^ R: bool | None
    reveal_type(state.get("point.x"))
    #           ^ R: int
    reveal_type(state.get("page.text"))
    #           ^ R: str
    reveal_type(state.get("stamp.by"))
    #           ^ R: str | None
    reveal_type(state.get("box.item.note", "x"))
    #           ^ R: str
    reveal_type(state.get("tree.parent.parent.name"))
    #           ^ R: str | None
    reveal_type(state.get("either.topic"))
    #           ^ R: Any
    #                     ^ E: TF202: Request | Report has no field 'topic', in 'either.topic' (it declares no fields)  [typedflow-path]
    reveal_type(state.get("started"))
    #           ^ R: bool
    reveal_type(state.get(which))
    #           ^ R: int | float
    reveal_type(state["maybe.topic"])
    #           ^ R: str
    reveal_type(state["table.a"])
    #           ^ R: shop.Request
    reveal_type("table.a" in state)
    #           ^ R: bool
    reveal_type(state.to_dict())
    #           ^ R: dict[str, Any]


def paths_that_lead_nowhere(state: ShopState) -> None:
    state.get("requests")
    #         ^ E: TF202: ShopState has no field 'requests' (did you mean 'request'?)  [typedflow-path]
    state.get("request.topik")
    #         ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
    state.get("request.maxItems")
    #         ^ E: TF202: Request has no field 'maxItems', in 'request.maxItems' (that is its name in the encoding: use the Python name 'max_items')  [typedflow-path]
    state.get("count.real")
    #         ^ E: TF203: 'count.real' leads nowhere: 'count' is int, which has no fields (end the path at 'count')  [typedflow-path]
    state.get("drafts.0")
    #         ^ E: TF201: 'drafts.0' is not a path: '0' is not a name (a path has no indexes: read the list, then index it)  [typedflow-path]
    state.get("drafts.first")
    #         ^ E: TF203: 'drafts.first' leads nowhere: 'drafts' is list[str], which has no fields (end the path at 'drafts')  [typedflow-path]
    state.get("")
    #         ^ E: TF201: a path cannot be empty (a path is field names joined by dots, like 'request.topic')  [typedflow-path]
    state.get("a..b")
    #         ^ E: TF201: 'a..b' is not a path: segment 2 is empty (a path is field names joined by dots, like 'request.topic')  [typedflow-path]
    state.get("options.depht")
    #         ^ E: TF202: Options has no field 'depht', in 'options.depht' (did you mean 'depth'?)  [typedflow-path]
    state.get("point.z")
    #         ^ E: TF202: Point has no field 'z', in 'point.z' (its fields: 'x', 'y')  [typedflow-path]
    state.get("box.item.x")
    #         ^ E: TF202: Approval has no field 'x', in 'box.item.x' (its fields: 'ok', 'note')  [typedflow-path]
    state.get("tree.parent.parent.nam")
    #         ^ E: TF202: Tree has no field 'nam', in 'tree.parent.parent.nam' (did you mean 'name'?)  [typedflow-path]
    state.get("maybe.max")
    #         ^ E: TF202: Request has no field 'max', in 'maybe.max' (its fields: 'topic', 'max_items')  [typedflow-path]
    state["request.topik"]
    #     ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
    "request.topik" in state
    # @4 E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
    state["request.topik"] = 1
    #     ^ E: TF202: Request has no field 'topik', in 'request.topik' (did you mean 'topic'?)  [typedflow-path]
    del state.count


def writing(state: ShopState, report: LongReport, names: list[int]) -> None:
    state.set("count", 1)
    state.set("count", True)
    state.set("ratio", 1)
    state.set("drafts", [])
    state.set("drafts", ["a"])
    state.set("note", None)
    state.set("table.a", Request(topic="x"))
    state.set("point", Point(1))
    state["count"] = 2
    state.set("count", "x")
    #                  ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]
    state["count"] = "x"
    #                ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]
    state.set("drafts", [1])
    #                    ^ E: List item 0 has incompatible type "int"; expected "str"  [list-item]
    state.set("drafts", names)
    #                   ^ E: TF601: 'drafts' of state takes list[str], not list[int]  [typedflow-state]
    state.set("request", None)
    #                    ^ E: TF601: 'request' of state takes Request, not None  [typedflow-state]
    state.set("request.topic", 1)
    #                          ^ E: TF601: 'request.topic' of state takes str, not int  [typedflow-state]
    state.set("maybe.topic", "x")
    #         ^ E: TF204: 'maybe.topic' cannot be written through 'maybe', which may be None (write 'maybe' as a whole)  [typedflow-path]
    state.set("frozen.name", "x")
    #         ^ E: TF205: 'frozen.name' cannot be written: Frozen is read-only (write 'frozen' as a whole)  [typedflow-path]
    state.set("point.x", 1)
    #         ^ E: TF205: 'point.x' cannot be written: Point is read-only (write 'point' as a whole)  [typedflow-path]
    state.set("stamp.by", "x")
    #         ^ E: TF204: 'stamp.by' cannot be written through 'stamp', which may be None (write 'stamp' as a whole)  [typedflow-path]
    state.set("either", report)
    #                   ^ E: TF601: 'either' of state takes Request | Report | None, not LongReport  [typedflow-state]
    state.set("either", Report(text=""))
    state.set("count", "x", emit=False)
    #                  ^ E: TF601: 'count' of state takes int, not str  [typedflow-state]


def a_mapping_stands_for_a_struct(state: ShopState, given: dict[str, Any]) -> None:
    state.set("request", {"topic": "x"})
    state.set("maybe", {"topic": "x", "max_items": 3})
    state.set("request", given)
    state.set("request", {"topic": 1, "max": 2})
    #                              ^ E: TF601: 'request.topic' of state takes str, not int  [typedflow-state]
    #                                 ^ E: TF602: Request has no field 'max' (its fields: 'topic', 'max_items')  [typedflow-state]
    state.set("request", {})
    #                    ^ E: TF601: 'request.topic' of state (str) is missing  [typedflow-state]
    state.set("box", {"item": {"ok": 1}})
    #                                ^ E: TF601: 'box.item.ok' of state takes bool, not int  [typedflow-state]
    state.set("box", Box(item=Approval(ok=True)))
    state.set("count", {"a": 1})
    #                  ^ E: TF601: 'count' of state takes int, not dict[str, int]  [typedflow-state]


def growing_and_deleting(state: ShopState) -> None:
    state.append("drafts", "x")
    state.append("drafts", 1)
    #                      ^ E: TF601: 'drafts[...]' of state takes str, not int  [typedflow-state]
    state.append("seen", 1)
    state.append("count", 1)
    #            ^ E: TF206: 'count' cannot be appended to: it is int, no list or set (set replaces a value of any type)  [typedflow-path]
    state.append("maybe", 1)
    #            ^ E: TF206: 'maybe' cannot be appended to: it is Request | None, no list or set (set replaces a value of any type)  [typedflow-path]
    state.append("tree.children", reveal_type(state.tree))
    #                                         ^ R: shop.Tree
    state.delete("count")
    state.delete("table.a")
    state.delete("request")
    #            ^ E: TF207: 'request' cannot be deleted: field 'request' of ShopState has no default (set a value, or give the field a default)  [typedflow-path]
    state.delete("request.topic")
    #            ^ E: TF207: 'request.topic' cannot be deleted: field 'topic' of Request has no default (set a value, or give the field a default)  [typedflow-path]
    state.delete("frozen.name")
    #            ^ E: TF205: 'frozen.name' cannot be written: Frozen is read-only (write 'frozen' as a whole)  [typedflow-path]


def by_data(data: Data[Shop, object], plain: Data[Plain, object]) -> None:
    reveal_type(data.state.get("count"))
    #           ^ R: int
    data.state.get("cuont")
    #              ^ E: TF202: ShopState has no field 'cuont' (did you mean 'count'?)  [typedflow-path]
    data.flow_state.set("reviewed", "x")
    #                               ^ E: TF601: 'reviewed' of flow_state takes int, not str  [typedflow-state]
    reveal_type(data.flow_state.get("limits.a", 0))
    #           ^ R: int
    reveal_type(data.get_runtime_data("count"))
    #           ^ R: int
    data.set_runtime_data("cuont", 1)
    #                     ^ E: TF202: ShopState has no field 'cuont' (did you mean 'count'?)  [typedflow-path]
    data.append_runtime_data("drafts", 1)
    #                                  ^ E: TF601: 'drafts[...]' of state takes str, not int  [typedflow-state]
    data.del_runtime_data("request")
    #                     ^ E: TF207: 'request' cannot be deleted: field 'request' of ShopState has no default (set a value, or give the field a default)  [typedflow-path]
    data.set_flow_data("reviewed", "x")
    #                              ^ E: TF601: 'reviewed' of flow_state takes int, not str  [typedflow-state]
    data.get_flow_data("count")
    #                  ^ E: TF202: Counters has no field 'count' (its fields: 'reviewed', 'limits')  [typedflow-path]
    plain.get_runtime_data("x")
    #                      ^ E: TF611: contract 'Plain' declares no state, only 'input', 'result' (add `state: …` to Plain, a subclass of State)  [typedflow-state]


def receivers(one: ShopState | Counters, any_state: State, any_flow_state: FlowState, bound: S) -> None:
    one.get("count")
    #       ^ E: TF202: Counters has no field 'count' (its fields: 'reviewed', 'limits')  [typedflow-path]
    any_state.get("anything")
    any_flow_state.set("anything", 1)
    bound.get("cuont")
    #         ^ E: TF202: ShopState has no field 'cuont' (did you mean 'count'?)  [typedflow-path]


def local() -> None:
    class Local(State):
        frozen: Frozen = Frozen()

    Local().get("frozen.nam")
    #           ^ E: TF202: Frozen has no field 'nam', in 'frozen.nam' (did you mean 'name'?)  [typedflow-path]
