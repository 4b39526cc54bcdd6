"""Keys of a TypedDict: ReadOnly ones are read, and written with the whole; in a state msgspec cannot save them."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired, Required, TypedDict, reveal_type

import msgspec
import typing_extensions
from typing_extensions import ReadOnly

from typedflow import Contract, Data, Flow, State


class Fixed(TypedDict):
    name: ReadOnly[str]
    size: NotRequired[ReadOnly[int]]
    tags: ReadOnly[Required[list[str]]]
    noted: Annotated[ReadOnly[int], "noted"]
    count: int


class Partial(Fixed, total=False):
    late: ReadOnly[str]
    sure: Required[int]


class Unlocked(typing_extensions.TypedDict):
    name: ReadOnly[str]
    size: int


class Locked(Unlocked):
    name: str


class Kept(State):
    fixed: Fixed
    #      ^ E: TF603: field 'fixed' of Kept cannot be saved: msgspec cannot decode Fixed, a TypedDict with ReadOnly keys (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    partial: Partial | None = None
    #        ^ E: TF603: field 'partial' of Kept cannot be saved: msgspec cannot decode Partial, a TypedDict with ReadOnly keys (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
    locked: Locked = msgspec.field(default_factory=lambda: Locked(name="", size=0))


class Keeps(Contract):
    input: Fixed
    result: None
    state: Kept


def keys(data: Data[Keeps, Fixed], fixed: Fixed, given: dict[str, Any]) -> None:
    reveal_type(data.state.get("fixed.name"))
    #           ^ R: str
    reveal_type(data.state.get("fixed.size"))
    #           ^ R: int | None
    reveal_type(data.state.get("fixed.tags"))
    #           ^ R: list[str]
    reveal_type(data.state.get("fixed.noted"))
    #           ^ R: int
    reveal_type(data.state.get("partial.sure"))
    #           ^ R: int | None
    data.state.get("fixed.nam")
    #              ^ E: TF202: Fixed has no field 'nam', in 'fixed.nam' (did you mean 'name'?)  [typedflow-path]
    data.state.set("fixed.name", "x")
    #              ^ E: TF205: 'fixed.name' cannot be written: key 'name' of Fixed is ReadOnly (write 'fixed' as a whole)  [typedflow-path]
    data.state.set("fixed.size", 1)
    #              ^ E: TF205: 'fixed.size' cannot be written: key 'size' of Fixed is ReadOnly (write 'fixed' as a whole)  [typedflow-path]
    data.state.set("fixed.noted", 1)
    #              ^ E: TF205: 'fixed.noted' cannot be written: key 'noted' of Fixed is ReadOnly (write 'fixed' as a whole)  [typedflow-path]
    data.state.set("fixed.count", 1)
    data.state["fixed.tags"] = []
    #          ^ E: TF205: 'fixed.tags' cannot be written: key 'tags' of Fixed is ReadOnly (write 'fixed' as a whole)  [typedflow-path]
    data.state.delete("fixed.size")
    #                 ^ E: TF205: 'fixed.size' cannot be written: key 'size' of Fixed is ReadOnly (write 'fixed' as a whole)  [typedflow-path]
    data.state.append("fixed.tags", "x")
    data.state.set("locked.name", "x")
    data.state.set("partial.late", "x")
    #              ^ E: TF204: 'partial.late' cannot be written through 'partial', which may be None (write 'partial' as a whole)  [typedflow-path]
    data.state.set("fixed", fixed)
    data.state.set("fixed", {"name": "x", "tags": [], "noted": 1, "count": 1})
    data.state.fixed["name"] = "x"
    # @4 E: ReadOnly TypedDict key "name" TypedDict is mutated  [typeddict-readonly-mutated]


Flow(Keeps).create_execution(state={"fixed": {"name": "x", "tags": [], "noted": 1, "count": 1}})
