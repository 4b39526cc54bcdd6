"""The layers by path: B3 (set replaces), B4 (missing is not None), B5 (nested), B6 (append, delete), B8 (checked)."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

import msgspec
import pytest
from typing_extensions import ReadOnly

from typedflow.errors import ContractError, PathError
from typedflow.schema.layers import FlowState, State
from typedflow.schema.places import _compiled_pattern
from typedflow.schema.starting import fresh
from typedflow.schema.writing import current_step


class Inner(msgspec.Struct):
    c: int = 0
    tags: list[str] = []
    must: str = msgspec.field(default="m", name="mustEncoded")


class Frozen(msgspec.Struct, frozen=True):
    x: int = 0
    names: list[str] = []


class Needs(msgspec.Struct):
    topic: str


class Keys(TypedDict):
    inner: Inner
    extra: NotRequired[dict[str, int]]


@dataclass
class Plain:
    n: int = 0
    names: list[str] = field(default_factory=list)


class Point(NamedTuple):
    x: int
    inner: Inner


class Dog(msgspec.Struct, tag=True):
    name: str = "Rex"
    age: int = 1


class Cat(msgspec.Struct, tag=True):
    name: int = 9
    age: int = 1


class Ice(msgspec.Struct, tag=True, frozen=True):
    age: int = 1
    name: str = ""


@dataclass
class Defaults:
    point: Point
    pair: tuple[list[int], int] = ([], 0)
    extra: int = 0


class Wide(State):
    chain: dict[str, Inner | None] = {}
    defaults: Defaults = msgspec.field(default_factory=lambda: Defaults(Point(1, Inner())))
    a: dict[str, Inner] = {}
    inner: Inner = msgspec.field(default_factory=Inner)
    maybe: Inner | None = None
    needs: Needs | None = None
    frozen: Frozen = Frozen()
    keys: Keys = msgspec.field(default_factory=lambda: Keys(inner=Inner()))
    plain: Plain = msgspec.field(default_factory=Plain)
    point: Point = msgspec.field(default_factory=lambda: Point(1, Inner()))
    meta: dict[str, dict[str, int]] = {}
    limited: dict[Literal["a", "b"], int] = {}
    n: int = 0
    text: str | None = None
    seen: set[int] = set()
    drafts: list[str] = []
    later: list[str] | None = None
    pet: Dog | Cat = msgspec.field(default_factory=Dog)
    iced: Dog | Ice = msgspec.field(default_factory=Ice)


class Counters(FlowState):
    flags: dict[str, bool] = {}


class Name(enum.StrEnum):
    N = "n"


class Recorder:
    name = "step 'draft' of flow 'review'"
    revoked = False

    def __init__(self) -> None:
        self.writes: list[tuple[str, Any]] = []
        self.reads: list[str] = []

    def wrote(self, layer: Any, path: str, value: object, *, emit: bool = True, appended: bool = False) -> None:
        if emit:
            self.writes.append((path, value))

    def read_container(self, layer: Any, field: str) -> None:
        self.reads.append(field)


@pytest.fixture
def state() -> Wide:
    return fresh(Wide, {"a": {"b": Inner(c=1)}})


@pytest.mark.parametrize(
    "path, value",
    [
        ("a.b.c", 1),
        ("inner.c", 0),
        ("maybe", None),
        ("keys.inner.c", 0),
        ("plain.n", 0),
        ("point.x", 1),
        ("point.inner.c", 0),
        ("frozen.x", 0),
        ("text", None),
        (Name.N, 0),
    ],
)
def test_what_can_be_reached(state: Wide, path: str, value: Any) -> None:
    assert state[path] == value
    assert state.get(path, "default") == value
    assert path in state


@pytest.mark.parametrize("path", ["a.x", "a.x.c", "maybe.c", "keys.extra", "keys.extra.k", "meta.x.y"])
def test_what_cannot_be_reached_now(state: Wide, path: str) -> None:
    assert state.get(path) is None
    assert state.get(path, 5) == 5
    assert path not in state
    with pytest.raises(KeyError) as caught:
        state[path]
    assert str(caught.value) == f"TF208: '{path}' is not there now (use get(path, default), or ask with `in`)"


@pytest.mark.parametrize(
    "path, text",
    [
        ("drafs", "TF202: Wide has no field 'drafs' (did you mean 'drafts'?)"),
        ("inner.d", "TF202: Inner has no field 'd', in 'inner.d' (its fields: 'c', 'tags', 'must')"),
        ("n.x", "TF203: 'n.x' leads nowhere: 'n' is int, which has no fields (end the path at 'n')"),
        ("", "TF201: a path cannot be empty (a path is field names joined by dots, like 'request.topic')"),
        (5, "TF201: a path is a str, not 5 (int) (a path is field names joined by dots, like 'request.topic')"),
    ],
)
def test_a_path_that_the_types_do_not_know(state: Wide, path: Any, text: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: state.get(path),
        lambda: path in state,
        lambda: state[path],
        lambda: state.set(path, 1),
        lambda: state.append(path, 1),
        lambda: state.delete(path),
    ]
    for call in calls:
        with pytest.raises(PathError) as caught:
            call()
        assert str(caught.value) == text
        assert isinstance(caught.value, ContractError)
        assert isinstance(caught.value, KeyError)


@pytest.mark.parametrize(
    "path, old, new",
    [
        ("drafts", ["a", "b"], []),
        ("meta", {"x": {"y": 1}}, {"z": {}}),
        ("inner", Inner(c=1), Inner(c=2)),
        ("seen", {1}, {2}),
        ("text", "a", None),
    ],
)
def test_set_replaces(state: Wide, path: str, old: Any, new: Any) -> None:
    state.set(path, old)
    assert state[path] == old
    state[path] = new
    assert state[path] == new


def test_set_replaces_on_a_flow_state() -> None:
    counters = Counters()
    counters.set("flags", {"a": True})
    counters.set("flags.b", False)
    assert counters.to_dict() == {"flags": {"a": True, "b": False}}


@pytest.mark.parametrize(
    "path, value",
    [
        ("a.b.c", 5),
        ("inner.tags", ["x"]),
        ("keys.inner.c", 5),
        ("keys.extra", {"k": 1}),
        ("plain.n", 5),
        ("point.inner.c", 5),
        ("meta.x", {"y": 1}),
        ("meta.x.y", 1),
        ("limited.a", 1),
        ("pet.name", "Bello"),
        ("frozen", Frozen(3)),
    ],
)
def test_set_through_records_and_dicts(state: Wide, path: str, value: Any) -> None:
    state.set(path, value)
    assert state[path] == value


def test_set_takes_a_mapping_for_a_record(state: Wide) -> None:
    state.set("inner", {"c": 3, "must": "x"})
    assert state.inner == Inner(c=3, must="x")
    state.set("maybe", {"tags": ["x"]})
    assert state.maybe == Inner(tags=["x"])
    state.set("a", {"k": {"c": True}})
    assert repr(state.a["k"].c) == "1"


@pytest.mark.parametrize(
    "path, value, text",
    [
        ("n", "x", "TF601: 'n' of state takes int, not 'x' (str)"),
        ("a.b.c", "x", "TF601: 'a.b.c' of state takes int, not 'x' (str)"),
        ("inner", {"c": 1, "d": 2}, "TF602: Inner has no field 'd' (its fields: 'c', 'tags', 'must')"),
        ("inner", {"c": "x"}, "TF601: 'inner.c' of state takes int, not 'x' (str)"),
        ("inner.tags", ["a", 1], "TF601: 'inner.tags[1]' of state takes str, not 1 (int)"),
        ("needs", {}, "TF601: 'needs.topic' of state (str) is missing"),
        (
            "maybe.c",
            1,
            "TF204: 'maybe.c' cannot be written through 'maybe', which may be None (write 'maybe' as a whole)",
        ),
        (
            "maybe.tags",
            [],
            "TF204: 'maybe.tags' cannot be written through 'maybe', which may be None (write 'maybe' as a whole)",
        ),
        ("frozen.x", 1, "TF205: 'frozen.x' cannot be written: Frozen is read-only (write 'frozen' as a whole)"),
        ("point.x", 1, "TF205: 'point.x' cannot be written: Point is read-only (write 'point' as a whole)"),
        ("iced.age", 2, "TF205: 'iced.age' cannot be written: Ice is read-only (write 'iced' as a whole)"),
        (
            "a.x.c",
            1,
            "TF208: 'a.x.c' is not there now: 'a.x' is not there (use get(path, default), or ask with `in`)",
        ),
        ("pet.name", 5, "TF601: 'pet.name' of state takes str, not 5 (int)"),
    ],
)
def test_a_refused_set_changes_nothing(state: Wide, path: str, value: Any, text: str) -> None:
    before = state.to_dict()
    with pytest.raises(ContractError) as caught:
        state.set(path, value)
    assert str(caught.value) == text
    assert state.to_dict() == before


def test_a_value_that_may_be_none_is_written_through_while_it_is_there(state: Wide) -> None:
    state.set("maybe", Inner())
    state.set("maybe.c", 4)
    state.append("maybe.tags", "x")
    assert state.maybe == Inner(c=4, tags=["x"])
    state.delete("maybe.c")
    assert state.maybe == Inner(tags=["x"])


@pytest.mark.parametrize(
    "path, values, expected",
    [
        ("drafts", ["a", "a"], ["a", "a"]),
        ("seen", [1, 1, True], {1}),
        ("inner.tags", ["a"], ["a"]),
        ("frozen.names", ["a"], ["a"]),
        ("plain.names", ["a"], ["a"]),
    ],
)
def test_append(state: Wide, path: str, values: list[Any], expected: Any) -> None:
    for value in values:
        state.append(path, value)
    assert state[path] == expected
    fresh(Wide).frozen.names.clear()


def test_append_looks_at_the_new_value_only(state: Wide) -> None:
    state.drafts.append(1)  # type: ignore[arg-type]  # wrong on purpose
    state.append("drafts", "a")
    assert state.drafts == [1, "a"]


@pytest.mark.parametrize(
    "path, value, text",
    [
        ("drafts", 1, "TF601: 'drafts[...]' of state takes str, not 1 (int)"),
        ("seen", "x", "TF601: 'seen[...]' of state takes int, not 'x' (str)"),
        (
            "n",
            1,
            "TF206: 'n' cannot be appended to: it is int, no list or set (set replaces a value of any type)",
        ),
        (
            "later",
            "x",
            "TF204: 'later' cannot be appended to: it may be None (set 'later' to a list, or declare it as a list with "
            "the default [])",
        ),
        (
            "maybe.tags",
            "x",
            "TF204: 'maybe.tags' cannot be written through 'maybe', which may be None (write 'maybe' as a whole)",
        ),
        (
            "a.x.tags",
            "x",
            "TF208: 'a.x.tags' is not there now: 'a.x' is not there (use get(path, default), or ask with `in`)",
        ),
    ],
)
def test_a_refused_append_changes_nothing(state: Wide, path: str, value: Any, text: str) -> None:
    before = state.to_dict()
    with pytest.raises(ContractError) as caught:
        state.append(path, value)
    assert str(caught.value) == text
    assert state.to_dict() == before


def test_append_to_a_list_that_may_be_none_while_it_is_there(state: Wide) -> None:
    state.later = []
    state.append("later", "x")
    assert state.later == ["x"]


def test_a_none_half_way_is_an_error_of_the_path(state: Wide) -> None:
    class Deep(State):
        top: dict[str, dict[str, Inner] | None] = {}
        first: dict[str, Keys] | None = None

    deep = fresh(Deep, {"top": {"k": None}})
    calls: list[Callable[[], object]] = [
        lambda: deep.set("top.k.x.c", 1),
        lambda: deep.append("top.k.x.tags", "a"),
        lambda: deep.delete("top.k.x.c"),
        lambda: deep.delete("top.k.x"),
    ]
    for call in calls:
        with pytest.raises(ContractError, match=r"TF204: 'top.k.x.*' cannot be written through 'top.k', which may be"):
            call()
    with pytest.raises(ContractError, match="through 'first'"):
        deep.set("first.k.extra.n", 1)


def test_a_default_of_a_dataclass_is_made_anew(state: Wide) -> None:
    state.delete("defaults.pair")
    state.defaults.pair[0].append(1)
    state.delete("defaults.pair")
    assert state.defaults.pair == ([], 0)
    with pytest.raises(ContractError, match=r"TF207: 'defaults.point' cannot be deleted"):
        state.delete("defaults.point")


def test_delete_where_the_union_has_another_member(state: Wide) -> None:
    class Left(msgspec.Struct, tag=True):
        only: int = 0
        both: int = 0

    class Any_(State):
        holder: Any = None

    open_ = Any_(holder=Left())
    open_.set("holder.both", 2)
    open_.delete("holder.both")
    assert open_.holder == Left()
    with pytest.raises(PathError, match=r"TF208: 'holder.neither' is not there now"):
        open_.delete("holder.neither")
    open_.set("holder", 5)
    with pytest.raises(PathError, match=r"TF208: 'holder.x' is not there now"):
        open_.delete("holder.x")


def test_append_to_a_missing_key(state: Wide) -> None:
    class Lists(State):
        by_name: dict[str, list[int]] = {}

    with pytest.raises(PathError, match=r"TF208: 'by_name.x' is not there now"):
        Lists().append("by_name.x", 1)


@pytest.mark.parametrize(
    "path, value, default",
    [
        ("n", 3, 0),
        ("text", "a", None),
        ("drafts", [], []),
        ("drafts", ["a"], []),
        ("inner", Inner(c=3), Inner()),
        ("inner.c", 3, 0),
        ("inner.tags", ["a"], []),
        ("plain.n", 3, 0),
        ("plain.names", ["a"], []),
        ("frozen", Frozen(3), Frozen()),
    ],
)
def test_delete_sets_the_default(state: Wide, path: str, value: Any, default: Any) -> None:
    state.set(path, value)
    state.delete(path)
    assert state[path] == default


def test_the_default_is_made_anew(state: Wide) -> None:
    state.delete("drafts")
    state.drafts.append("a")
    state.delete("drafts")
    assert state.drafts == []


def test_delete_removes_a_key(state: Wide) -> None:
    state.delete("a.b")
    state.delete("a.b")
    assert state.a == {}


@pytest.mark.parametrize(
    "path, text",
    [
        (
            "needs.topic",
            "TF207: 'needs.topic' cannot be deleted: field 'topic' of Needs has no default (set a value, or give the "
            "field a default)",
        ),
        (
            "point.x",
            "TF205: 'point.x' cannot be written: Point is read-only (write 'point' as a whole)",
        ),
        ("frozen.x", "TF205: 'frozen.x' cannot be written: Frozen is read-only (write 'frozen' as a whole)"),
        (
            "maybe.c",
            "TF204: 'maybe.c' cannot be written through 'maybe', which may be None (write 'maybe' as a whole)",
        ),
        (
            "keys.inner",
            "TF207: 'keys.inner' cannot be deleted: field 'inner' of Keys has no default (set a value, or give the "
            "field a default)",
        ),
        (
            "a.x.c",
            "TF208: 'a.x.c' is not there now: 'a.x' is not there (use get(path, default), or ask with `in`)",
        ),
    ],
)
def test_a_refused_delete_changes_nothing(state: Wide, path: str, text: str) -> None:
    state.needs = Needs("t")
    before = state.to_dict()
    with pytest.raises(ContractError) as caught:
        state.delete(path)
    assert str(caught.value) == text
    assert state.to_dict() == before


def test_a_key_that_need_not_be_there_is_removed(state: Wide) -> None:
    state.set("keys.extra", {"k": 1})
    state.delete("keys.extra")
    assert "keys.extra" not in state


class Fixed(TypedDict):
    name: ReadOnly[str]
    size: NotRequired[ReadOnly[int]]
    tags: ReadOnly[list[str]]
    count: int


class Unlocked(Fixed):
    name: str


class OfFixed(State):
    fixed: Fixed = msgspec.field(default_factory=lambda: Fixed(name="x", tags=[], count=0))
    unlocked: Unlocked = msgspec.field(default_factory=lambda: Unlocked(name="x", tags=[], count=0))
    maybe: Fixed | None = None


@pytest.mark.parametrize(
    "path, value",
    [("fixed.name", "y"), ("fixed.size", 1), ("fixed.tags", ["a"]), ("unlocked.size", 1)],
)
def test_a_key_that_is_read_only_is_set_with_the_whole(path: str, value: object) -> None:
    state, (holder, key) = OfFixed(), path.split(".")
    text = (
        f"TF205: '{path}' cannot be written: key '{key}' of {holder.title()} is ReadOnly (write '{holder}' as a whole)"
    )
    before = state.to_dict()
    with pytest.raises(ContractError) as caught:
        state.set(path, value)
    assert str(caught.value) == text
    with pytest.raises(ContractError) as caught:
        state.delete(path)
    assert str(caught.value) == text
    assert state.to_dict() == before
    state.set(holder, {"name": "", "tags": [], "count": 1, key: value})
    assert state[path] == value


def test_what_is_in_a_key_that_is_read_only_can_change() -> None:
    state = OfFixed()
    state.append("fixed.tags", "x")
    state.set("fixed.count", 1)
    state.set("unlocked.name", "y")
    assert state.get("fixed.tags") == ["x"]
    assert (state.get("fixed.count"), state.get("unlocked.name"), state.get("fixed.size")) == (1, "y", None)


def test_a_none_is_said_before_a_key_that_is_read_only() -> None:
    with pytest.raises(ContractError, match="TF204"):
        OfFixed().set("maybe.name", "x")


def test_the_step_learns_of_the_path_that_was_given(state: Wide) -> None:
    step = Recorder()
    token = current_step.set(step)
    try:
        state.set("inner.c", True)
        state.append("drafts", "a")
        state.delete("n")
        state.delete("a.b")
        state.set("n", 1, emit=False)
        state.append("drafts", "b", emit=False)
        state.delete("n", emit=False)
        state["meta.x.y"] = 1
        assert step.reads == []
        assert state.get("inner.tags") == []
        assert state["drafts"] == ["a", "b"]
        assert "drafts" in state
    finally:
        current_step.reset(token)
    assert step.writes == [("inner.c", 1), ("drafts", ["a", "b"]), ("n", 0), ("a.b", None), ("meta.x.y", 1)]
    assert step.reads == ["inner", "drafts"]


def test_to_dict_is_a_deep_copy(state: Wide) -> None:
    state.seen = {1}
    plain = state.to_dict()
    assert plain["a"] == {"b": {"c": 1, "tags": [], "must": "m"}}
    assert plain["plain"] == {"n": 0, "names": []}
    assert plain["point"] == Point(1, {"c": 0, "tags": [], "must": "m"})  # type: ignore[arg-type]  # records become dicts
    plain["a"]["b"]["tags"].append("x")
    plain["seen"].add(2)
    assert state.a["b"].tags == []
    assert state.seen == {1}


def test_access_by_path_into_any_value() -> None:
    class Open(FlowState):
        anything: Any = None

    open_ = Open(anything={"list": [1], "n": {"m": 1}})
    assert open_.get("anything.n.m") == 1
    assert open_.get("anything.list.append") is None
    open_.append("anything.list", "x")
    open_.set("anything.n.m", "y")
    open_.set("anything.new", 3)
    assert open_.anything == {"list": [1, "x"], "n": {"m": "y"}, "new": 3}
    with pytest.raises(PathError, match=r"TF208: 'anything.list.x' is not there now"):
        open_.set("anything.list.x", 1)


@pytest.mark.parametrize("path, value", [("a.b.c", 1), ("inner.c", 0), ("a.x", None), ("maybe", None)])
def test_a_path_read_of_a_scalar_does_not_note_its_container(state: Wide, path: str, value: Any) -> None:
    step = Recorder()
    token = current_step.set(step)
    try:
        assert state.get(path) == value
        if path in state:
            assert state[path] == value
    finally:
        current_step.reset(token)
    assert step.reads == []


@pytest.mark.parametrize("path", ["a", "a.b", "inner"])
def test_a_path_read_of_what_can_change_notes_its_field(state: Wide, path: str) -> None:
    step = Recorder()
    token = current_step.set(step)
    try:
        assert state[path] is state.get(path)
    finally:
        current_step.reset(token)
    assert step.reads == [path.partition(".")[0]] * 2


@pytest.mark.parametrize(
    "sound, wrong, value, named",
    [
        ("a.b.c", "a.gone.c", 1, "a.gone"),
        ("chain.some.c", "chain.none.c", 1, "chain.none"),
        ("meta.x.y", "meta.other.z", "text", "meta.other.z"),
        ("a.b.c", "a.second.nowhere", 1, "a.second.nowhere"),
        ("meta.x.y", "meta.second.third.fourth", 1, "meta.second.third"),
        ("limited.a", "limited.c", 1, "'limited.c'"),
    ],
)
def test_paths_that_differ_in_keys_keep_their_own_names_in_errors(
    state: Wide, sound: str, wrong: str, value: Any, named: str
) -> None:
    state.chain = {"some": Inner(), "none": None}
    state.set(sound, 1)
    with pytest.raises(ContractError) as caught:
        state.set(wrong, value)
    assert named in str(caught.value)
    assert "*" not in str(caught.value)


def test_a_new_key_compiles_nothing(state: Wide) -> None:
    state.set("meta.first.one", 1)
    compiled = _compiled_pattern.cache_info().misses
    for number in range(50):
        state.set(f"meta.k{number}.n{number}", number)
        assert f"meta.k{number}.n{number}" in state
        state.delete(f"meta.k{number}.n{number}")
    assert _compiled_pattern.cache_info().misses == compiled
    assert state.meta["k49"] == {}
