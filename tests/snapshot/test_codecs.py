"""Values by their declared type: what comes back, what is refused at save, what is refused at load."""

from __future__ import annotations

import collections.abc as abc
import copy
import enum
import gc
import sys
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import FrameType
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired
from uuid import UUID

import msgspec
import pytest
from msgspec import UNSET, Meta, Raw, UnsetType
from msgspec.structs import force_setattr
from typing_extensions import TypeAliasType, TypedDict

from tests.zones import Local
from typedflow import SnapshotError, State
from typedflow.schema.annotations import NEVER, UNKNOWN
from typedflow.schema.parsing import parse
from typedflow.snapshot.codecs import compile_codec, unsavable
from typedflow.snapshot.documents import FORMATS, Format

BOTH_FORMATS = pytest.mark.parametrize("format", ["json", "msgpack"])


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


class Pair(enum.Enum):
    A = (1, 2)


class Item(msgspec.Struct):
    name: str = ""
    count: int = 0


class Special(Item):
    more: int = 0


class Cat(msgspec.Struct, tag=True):
    lives: int


class Dog(msgspec.Struct, tag=True):
    tricks: list[str]


class Row(msgspec.Struct, array_like=True):
    a: int
    b: str = "b"


class Renamed(msgspec.Struct, rename="camel"):
    first_name: str


class Sparse(msgspec.Struct, omit_defaults=True):
    a: int = 0
    b: str = "b"


class Optional(msgspec.Struct):
    a: int | UnsetType = UNSET


class Loose(msgspec.Struct):
    text: str | bytes
    items: list[Item] = []
    note: str | bytes | UnsetType = UNSET


class Tree(msgspec.Struct):
    label: str | bytes
    children: list[Tree] = []


class Node(msgspec.Struct):
    label: str
    children: list[Node] = []


class NoEquality(msgspec.Struct, eq=False):
    a: int
    parts: list[int] = []


class OwnEquality(msgspec.Struct):
    a: float | None

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]  # it is changeable


class Place(NamedTuple):
    x: int
    y: int = 0


class LoosePlace(NamedTuple):
    x: str | bytes


class Options(TypedDict):
    depth: int
    name: NotRequired[str]


class LooseOptions(TypedDict):
    depth: str | bytes
    name: NotRequired[str | bytes]


@dataclass
class Point:
    x: int
    tags: list[str] = field(default_factory=list)


@dataclass
class LoosePoint:
    x: str | bytes
    total: int = field(init=False, default=3)


@dataclass
class Half:
    a: int
    b: int = field(compare=False)


class Everything(State):
    n: int = 0
    f: float = 0.0
    s: str = ""
    ok: bool = False
    raw: bytes = b""
    when: datetime | None = None
    at: time | None = None
    day: date | None = None
    took: timedelta = timedelta(0)
    id: UUID | None = None
    price: Decimal = Decimal(0)
    colour: Colour = Colour.RED
    level: Level = Level.LOW
    kind: Literal["a", "b", 1] = "a"
    pair: tuple[int, str] = (1, "a")
    row: tuple[int, ...] = ()
    names: set[str] = set()
    fixed: frozenset[int] = frozenset()
    by_id: dict[int, str] = {}
    nested: dict[str, list[Item | None]] = {}
    animal: Cat | Dog | None = None
    number: int | float | bool | None = None
    options: Options | None = None
    place: Place = Place(1)
    point: Point | None = None
    maybe: int | UnsetType = UNSET
    array: Row | None = None


UserId = NewType("UserId", int)

FULL = Everything(
    n=-3,
    f=0.1,
    s="ü\u2028",
    ok=True,
    raw=b"\0\xff",
    when=datetime(2026, 3, 1, 12, tzinfo=UTC),
    at=time(1, 2, 3, 4),
    day=date(2026, 1, 2),
    took=timedelta(days=3, microseconds=7),
    id=UUID(int=5),
    price=Decimal("1.10"),
    colour=Colour.BLUE,
    kind=1,
    pair=(2, "b"),
    row=(1, 2),
    names={"a", "b", "c"},
    fixed=frozenset({1, 2}),
    by_id={3: "x"},
    nested={"k": [Item("a", 1), None]},
    animal=Dog(["sit"]),
    number=2.5,
    options={"depth": 1},
    place=Place(1, 2),
    point=Point(1, ["t"]),
    maybe=4,
    array=Row(1, "z"),
)

VALUES: list[tuple[Any, Any]] = [
    (Everything, Everything()),
    (Everything, FULL),
    (int, 2**63),
    (UserId, UserId(3)),
    (Renamed, Renamed("a")),
    (Sparse, Sparse()),
    (Optional, Optional()),
    (Node, Node("a", [Node("b")])),
    (NoEquality | None, None),
    (datetime, datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))),
    (datetime, datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2)))),
    (list[bool], [True, False]),
    (dict[str, Literal["a"] | int], {"k": 1}),
    (tuple[()], ()),
    # what msgspec cannot tell apart
    (str | bytes, "a"),
    (str | bytes, b"a"),
    (str | date | None, date(2026, 1, 1)),
    (Item | Special, Special("a", 1, 2)),
    (list[str | bytes], ["a", b"b"]),
    (set[str | bytes], {"a", b"a"}),
    (tuple[str | bytes, ...], ("a", b"b")),
    (tuple[str | bytes, int], (b"a", 1)),
    (dict[str, str | bytes], {"a": b"a"}),
    (dict[tuple[int, int], str], {(1, 2): "a", (3, 4): "b"}),
    (dict[int, str | bytes], {1: b"a"}),
    (list[int] | list[str], ["a"]),
    (list[int] | list[str], []),
    (dict[str, int] | Item, {"name": 1}),
    (Loose, Loose(b"a", [Item("b")])),
    (Loose, Loose("a", [], b"n")),
    (Tree, Tree("a", [Tree(b"b", [Tree("c")])])),
    (LoosePlace, LoosePlace(b"x")),
    (LooseOptions, {"depth": b"x"}),
    (LooseOptions, {"depth": "x", "name": b"n"}),
    (LoosePoint, LoosePoint(b"x")),
    # abstract classes come back as the builtin
    (abc.Sequence[int], [1, 2]),
    (abc.Set[int], {1, 2}),
    (abc.Mapping[str, int], {"a": 1}),
    (abc.Sequence[str | bytes], [b"a"]),
    # nothing is known
    (Any, {"a": [None, True, 1, 2.5, "x"]}),
    (object, [1]),
    (UNKNOWN, {"a": {}}),
    (NEVER, "x"),
    (list[Any], [1, "a", [None]]),
    (dict[str, object], {"a": 1}),
    (int | Any, ["x"]),
]


@BOTH_FORMATS
@pytest.mark.parametrize("tp, value", VALUES)
@pytest.mark.thin(5)
def test_value_comes_back_equal_and_of_its_class(tp: Any, value: Any, format: Format) -> None:
    codec = compile_codec(tp)
    back = codec.decode(codec.encode(value, "it", format), "it", format)
    assert type(back) is type(value)
    assert back == value
    assert not isinstance(value, datetime) or repr(back) == repr(value)  # with its zone


@BOTH_FORMATS
def test_struct_without_equality_comes_back_part_by_part(format: Format) -> None:
    codec = compile_codec(NoEquality)
    back = codec.decode(codec.encode(NoEquality(3, [1]), "it", format), "it", format)
    assert (back.a, back.parts) == (3, [1])


def test_union_is_written_with_its_member() -> None:
    assert bytes(compile_codec(list[str | bytes]).encode(["a", b"a"], "it")) == b'[[0,"a"],[1,"YQ=="]]'


def test_native_type_is_written_as_msgspec_has_it() -> None:
    assert bytes(compile_codec(Cat | Dog).encode(Cat(9), "it")) == b'{"type":"Cat","lives":9}'


def test_codec_of_a_kind_is_that_of_its_type() -> None:
    assert compile_codec(parse(list[int])) is compile_codec(list[int])


def with_field(**fields: Any) -> Everything:
    """Return a state with fields that no check has seen."""
    state = Everything()
    for name, value in fields.items():
        force_setattr(state, name, value)
    return state


def without(value: Any, name: str) -> Any:
    """Take a field away, as no code should."""
    delattr(value, name)
    return value


class MyList(list[Any]):
    pass


class MyDict(dict[Any, Any]):
    pass


def holds_itself() -> list[Any]:
    items: list[Any] = []
    items.append(items)
    return items


def deep_node() -> Node:
    node = Node("end")
    for _ in range(100_000):
        node = Node("x", [node])
    return node


REFUSED: list[tuple[Any, Callable[[], Any], str, str]] = [
    (Everything, lambda: with_field(n="5"), "it.n", "expected int, given '5' (str)"),
    (Everything, lambda: with_field(n=True), "it.n", "expected exactly int, given True (bool)"),
    (Everything, lambda: with_field(n=Level.LOW), "it.n", "expected exactly int"),
    (Everything, lambda: with_field(f=3), "it.f", "expected exactly float, given 3 (int)"),
    (Everything, lambda: with_field(f=float("nan")), "it.f", "JSON has no number for it"),
    (Everything, lambda: with_field(number=float("nan")), "it.number", "JSON has no number for it"),
    (Everything, lambda: with_field(s="\ud800"), "it.s", "lone surrogate"),
    (Everything, lambda: with_field(s=Colour.RED), "it.s", "expected exactly str"),
    (Everything, lambda: with_field(s=UUID(int=1)), "it.s", "expected str"),
    (Everything, lambda: with_field(colour="red"), "it.colour", "expected Colour"),
    (Everything, lambda: with_field(kind="c"), "it.kind", "expected Literal"),
    (Everything, lambda: with_field(kind=True), "it.kind", "expected Literal"),
    (Everything, lambda: with_field(raw=bytearray(b"a")), "it.raw", "expected bytes"),
    (Everything, lambda: with_field(row=[1]), "it.row", "expected exactly tuple[int, ...]"),
    (Everything, lambda: with_field(pair=(1,)), "it.pair", "expected tuple[int, str]"),
    (Everything, lambda: with_field(names=frozenset({"a"})), "it.names", "expected exactly set[str]"),
    (Everything, lambda: with_field(names={Colour.RED}), "it.names", "expected exactly str"),
    (Everything, lambda: with_field(nested=MyDict()), "it.nested", "a save would cut it short"),
    (Everything, lambda: with_field(nested={"k": MyList()}), "it.nested.k", "a save would cut it short"),
    (Everything, lambda: with_field(nested={Colour.RED: []}), "it.nested.red", "expected exactly str"),
    (Everything, lambda: with_field(nested={"k": [Special()]}), "it.nested.k[0]", "expected Item | None"),
    (Everything, lambda: with_field(nested={"k": [Item("a", "x")]}), "it.nested.k[0].count", "expected int"),  # type: ignore[arg-type]
    (Everything, lambda: with_field(when=datetime(2026, 1, 1, tzinfo=Local())), "it.when", "its tzinfo is of class"),
    (Everything, lambda: with_field(at=time(1, tzinfo=Local())), "it.at", "its tzinfo is of class"),
    (Everything, lambda: with_field(options={"depth": 1, "extra": 2}), "it.options", "would come back as"),
    (Everything, lambda: with_field(place=(1, 2)), "it.place", "expected exactly Place"),
    (Everything, lambda: with_field(f=float("nan")), "it.f", "NaN is not equal to itself"),
    (Everything, lambda: with_field(price=Decimal("nan")), "it.price", "NaN is not equal to itself"),
    (Everything, lambda: with_field(price=Decimal("snan")), "it.price", "a signaling NaN cannot be compared"),
    (list[Decimal], lambda: [Decimal(1), Decimal("snan")], "it[1]", "a signaling NaN cannot be compared"),
    (dict[str, tuple[Decimal]], lambda: {"k": (Decimal("snan"),)}, "it.k[0]", "a signaling NaN cannot be compared"),
    (dict[str, tuple[Decimal]], lambda: {"k": (Decimal("nan"),)}, "it.k[0]", "NaN is not equal to itself"),
    (dict[Decimal, int], lambda: {Decimal("nan"): 1}, "it[", "NaN is not equal to itself"),
    (dict[float, int], lambda: {float("inf"): 1, float("nan"): 1}, "it['nan (float)']", "NaN is not equal to itself"),
    (set[Decimal], lambda: {Decimal("nan")}, "it", "NaN is not equal to itself"),
    (frozenset[float], lambda: frozenset({float("nan")}), "it", "NaN is not equal to itself"),
    (list[str | Decimal], lambda: ["a", Decimal("snan")], "it[1]", "a signaling NaN cannot be compared"),
    (list[str | Decimal], lambda: ["a", Decimal("nan")], "it[1]", "NaN is not equal to itself"),
    (Annotated[int, Meta(ge=3)], lambda: 2, "it", "expected Annotated[int, Meta(ge=3)]"),
    (OwnEquality, lambda: OwnEquality(float("nan")), "it.a", "JSON has no number for it"),
    (Half, lambda: Half(1, True), "it.b", "expected exactly int"),
    (Node, lambda: without(Node("a"), "label"), "it", "its field 'label' was never set"),
    (abc.Sequence[int], lambda: (1, 2), "it", "expected exactly list[int], given (1, 2) (tuple)"),
    (abc.Sequence[str | bytes], lambda: ("a",), "it", "expected exactly list"),
    (list[str | bytes], lambda: ["a", 5], "it[1]", "expected str | bytes, given 5 (int)"),
    (dict[str, str | bytes], lambda: {"k": 5}, "it.k", "expected str | bytes"),
    (dict[str, str | bytes], lambda: {Colour.RED: "x"}, "it.red", "expected exactly str"),
    (tuple[str | bytes, int], lambda: ("a",), "it", "expected tuple"),
    (tuple[str | bytes, int], lambda: ("a", "b"), "it[1]", "expected int"),
    (Loose, lambda: Loose(3), "it.text", "expected str | bytes"),  # type: ignore[arg-type]
    (Loose, lambda: without(Loose("a"), "text"), "it.text", "it was never set"),
    (LooseOptions, lambda: {"depth": "a", "extra": 1}, "it", "it has keys"),
    (list[int] | list[str], lambda: [None], "it[0]", "expected int"),
    (Callable[[], int], lambda: print, "it", "cannot be encoded"),
    (list[type], lambda: [int], "it[0]", "cannot be encoded"),
    (Any, lambda: float("nan"), "it", "JSON has no number for it"),
    (Any, lambda: {"a": ["\ud800"]}, "it.a[0]", "lone surrogate"),
    (Any, lambda: {"\ud800": 1}, "it", "a key that is no valid text"),
    (Any, holds_itself, "it", "it is nested too deep, or holds itself"),
    (Node, deep_node, "it", "it is nested too deep, or holds itself"),
]


@BOTH_FORMATS
@pytest.mark.parametrize("tp, make, path, reason", REFUSED)
@pytest.mark.thin(5)
def test_save_refuses_what_would_not_come_back(
    tp: Any, make: Callable[[], Any], path: str, reason: str, format: Format
) -> None:
    with pytest.raises(SnapshotError) as caught:
        compile_codec(tp).encode(make(), "it", format)
    assert caught.value.code == "TF901"
    assert caught.value.path.startswith(path)
    assert reason in str(caught.value)


@BOTH_FORMATS
@pytest.mark.parametrize(
    "value, path",
    [((1,), "it"), ({1: 2}, "it"), ([{"a": {1}}], "it[0].a"), (Colour.RED, "it"), (b"x", "it"), (MyList(), "it")],
)
def test_untyped_edge_carries_exact_json_only(value: Any, path: str, format: Format) -> None:
    with pytest.raises(SnapshotError, match="annotate it") as caught:
        compile_codec(UNKNOWN).encode(value, "it", format)
    assert (caught.value.code, caught.value.path) == ("TF902", path)


def test_messagepack_refuses_integers_past_64_bits() -> None:
    with pytest.raises(SnapshotError, match="64 bits") as caught:
        compile_codec(Item).encode(Item("a", 2**70), "it", "msgpack")
    assert caught.value.path == "it.count"
    assert compile_codec(Item).decode(compile_codec(Item).encode(Item("a", 2**70), "it"), "it").count == 2**70


def test_integers_too_long_to_be_read_back_are_refused() -> None:
    with pytest.raises(SnapshotError, match="more digits than are read back"):
        compile_codec(int).encode(2**70_000, "it")


@BOTH_FORMATS
@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))),
    ],
)
def test_a_time_that_utc_does_not_have_comes_back(moment: datetime, format: Format) -> None:
    codec = compile_codec(list[datetime])
    assert repr(codec.decode(codec.encode([moment], "it", format), "it", format)) == repr([moment])


def test_an_infinite_key_is_saved_in_both_encodings() -> None:
    table = {float("inf"): 1, float("-inf"): 2}
    for format in FORMATS:
        raw = compile_codec(dict[float, int]).encode(table, "it", format)
        assert compile_codec(dict[float, int]).decode(raw, "it", format) == table


def test_infinity_is_saved_where_the_encoding_has_it() -> None:
    with pytest.raises(SnapshotError, match="JSON has no number for it") as caught:
        compile_codec(Everything).encode(with_field(f=float("inf")), "it")
    assert caught.value.path == "it.f"
    raw = compile_codec(list[float]).encode([float("inf")], "it", "msgpack")
    assert compile_codec(list[float]).decode(raw, "it", "msgpack") == [float("inf")]


def test_save_does_not_change_the_value() -> None:
    state = with_field(nested={"k": [Item("a", True)]})
    with pytest.raises(SnapshotError):
        compile_codec(Everything).encode(state, "it")
    assert state.nested["k"][0].count is True  # type: ignore[union-attr]  # an Item


BAD: list[tuple[Any, bytes, str, str]] = [
    (Item, b'{"name":"a","count":1,"zz":2}', "TF912", "Item has no field 'zz'"),
    (list[Item], b'[{"name":"a","count":1,"zz":2}]', "TF912", "Item has no field 'zz'"),
    (dict[str, Item], b'{"k":{"name":"a","count":1,"zz":2}}', "TF912", "Item has no field 'zz'"),
    (tuple[Item, int], b'[{"name":"a","count":1,"zz":2},1]', "TF912", "Item has no field 'zz'"),
    (Cat | Dog, b'{"type":"Dog","tricks":[],"zz":1}', "TF912", "Dog has no field 'zz'"),
    (Item | None, b'{"name":"a","count":1,"zz":2}', "TF912", "Item has no field 'zz'"),
    (Point, b'{"x":1,"tags":[],"zz":1}', "TF912", "Point has no field 'zz'"),
    (Row, b'[1,"b",3]', "TF912", "it has more than the 2 fields of Row"),
    (Item, b'{"name":"a"}', "TF912", "it lacks the field 'count' of Item"),
    (Place, b"[1]", "TF912", "it lacks the field 'y' of Place"),
    (Item, b'{"name":"a","name":"b","count":1}', "TF911", "the key 'name' twice"),
    (Item, b'{"name":5,"count":1}', "TF912", "Expected `str`, got `int`"),
    (Item, b'{"name":"a","count":1}x', "TF905", "trailing"),
    (Item, b'{"name":"a","co', "TF905", "truncated"),
    (Item, b'{"name":"\xff","count":1}', "TF905", "utf-8"),
    (Everything, b'{"nn":1}', "TF910", "unknown field 'nn'"),
    (dict[float, int], b'{"1":1,"1.0":2}', "TF912", "two of its entries are one and the same"),
    (set[int], b"[1,1]", "TF912", "two of its entries are one and the same"),
    (set[str | bytes], b'[[0,"a"],[0,"a"]]', "TF912", "two of its items are one and the same"),
    (dict[float, str | bytes], b'{"1":[0,"a"],"1.0":[0,"a"]}', "TF912", "two of its keys are one and the same"),
    (dict[tuple[int], str], b'[[[1],"a"],[[1],"b"]]', "TF912", "it has one key twice"),
    (str | bytes, b'[5,"a"]', "TF912", "str | bytes has no member 5"),
    (str | bytes, b"[0,1]", "TF912", "Expected `str`"),
    (str | bytes, b'"a"', "TF912", "Expected `array`"),
    (list[str | bytes], b"[[0,1]]", "TF912", "Expected `str`"),
    (tuple[str | bytes, int], b'[[0,"a"]]', "TF912", "expected 2 items, given 1"),
    (Loose, b'{"text":[0,"a"],"items":[],"zz":1}', "TF912", "Loose has no field 'zz'"),
    (Loose, b'{"items":[]}', "TF912", "it lacks the field 'text' of Loose"),
    (Loose, b'{"text":[0,"a"],"items":[],"items":[]}', "TF911", "the key 'items' twice"),
    (Annotated[list[str | bytes], Meta(max_length=1)], b'[[0,"a"],[0,"b"]]', "TF912", "expected Annotated"),
    (Any, b'{"a":1,"a":2}', "TF911", "the key 'a' twice"),
    (Any, b"[" * 100_000, "TF909", "nested too deep"),
    (Node, b'{"label":"x","children":[' * 100_000, "TF909", "nested too deep"),
    (int, b"1" * 5000, "TF912", "out of range"),
    (type, b"1", "TF912", "cannot be encoded"),
]


@pytest.mark.parametrize("tp, raw, code, reason", BAD)
def test_load_is_strict_at_every_depth(tp: Any, raw: bytes, code: str, reason: str) -> None:
    with pytest.raises(SnapshotError) as caught:
        compile_codec(tp).decode(Raw(raw), "it")
    assert caught.value.code == code
    assert reason.lower() in str(caught.value).lower()  # the words are those of msgspec
    assert caught.value.path.startswith("it")


def test_messagepack_with_doubled_keys_is_refused() -> None:
    doubled = b"\x83\xa4name\xa1a\xa4name\xa1b\xa5count\x01"
    with pytest.raises(SnapshotError) as caught:
        compile_codec(Item).decode(Raw(doubled), "it", "msgpack")
    assert caught.value.code == "TF911"


def test_messagepack_that_holds_more_than_json_is_refused_where_nothing_is_declared() -> None:
    with pytest.raises(SnapshotError, match="more than JSON"):
        compile_codec(Any).decode(Raw(msgspec.msgpack.encode([b"x"])), "it", "msgpack")


def test_fields_that_were_added_with_a_default_may_be_missing() -> None:
    codec = compile_codec(list[Item])
    assert codec.decode(Raw(b'[{"name":"a"}]'), "it", added=frozenset({"Item.count"})) == [Item("a")]
    assert codec.decode(Raw(b"[{}]"), "it", added=None) == [Item()]
    with pytest.raises(SnapshotError, match="lacks the field 'name'"):
        codec.decode(Raw(b"[{}]"), "it", added=frozenset({"Item.count"}))


def test_spaces_and_order_do_not_matter() -> None:
    spaced = b' { "count" : 1 , "name" : "a" } '
    assert compile_codec(Item).decode(Raw(spaced), "it") == Item("a", 1)
    assert compile_codec(Optional).decode(Raw(b"{ }"), "it") == Optional()
    assert compile_codec(Sparse).decode(Raw(b"{ }"), "it") == Sparse()
    assert compile_codec(Options).decode(Raw(b'{ "depth":1}'), "it") == {"depth": 1}
    assert compile_codec(Row).decode(Raw(b'[ 1,"c"]'), "it") == Row(1, "c")
    assert compile_codec(Cat | Dog).decode(Raw(b'{ "type":"Cat","lives":1}'), "it") == Cat(1)
    assert compile_codec(int | None).decode(Raw(b" 1"), "it") == 1


def test_collector_runs_again_after_a_large_payload() -> None:
    raw = Raw(b"[" + b"[]," * 50_000 + b"[]]")
    assert len(compile_codec(Any).decode(raw, "it")) == 50_001
    assert gc.isenabled()
    with pytest.raises(SnapshotError):
        compile_codec(list[int]).decode(raw, "it")
    assert gc.isenabled()


def test_collector_runs_again_after_an_interrupt_as_it_was_paused() -> None:
    def interrupt(frame: FrameType, event: str, arg: object) -> None:
        if event == "c_return" and arg is gc.disable:
            raise KeyboardInterrupt

    before = sys.getprofile()
    sys.setprofile(interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            compile_codec(list[str]).decode(Raw(b'["' + b"a" * 50_000 + b'"]'), "it")
        assert gc.isenabled()
    finally:
        sys.setprofile(before)
        gc.enable()


class Refusing(msgspec.Struct):
    a: int = 0

    def __post_init__(self) -> None:
        if self.a > 5:
            raise KeyError("too much")


def test_what_a_users_class_raises_is_wrapped() -> None:
    with pytest.raises(SnapshotError, match="too much"):
        compile_codec(Refusing).decode(Raw(b'{"a":6}'), "it")
    value = Refusing()
    value.a = 7
    with pytest.raises(SnapshotError, match="too much"):
        compile_codec(Refusing).encode(value, "it")


class Changing(msgspec.Struct):
    text: str | bytes
    count: int = 0

    def __post_init__(self) -> None:
        self.count += 1


def test_record_that_changes_when_it_is_made_is_refused() -> None:
    with pytest.raises(SnapshotError, match="would come back otherwise"):
        compile_codec(Changing).encode(Changing("a"), "it")
    with pytest.raises(SnapshotError, match="would come back otherwise"):
        compile_codec(list[Changing]).encode([Changing("a")], "it")


def deep_tree() -> Tree:
    tree = Tree("end")
    for _ in range(5000):
        tree = Tree("x", [tree])
    return tree


@pytest.mark.parametrize("below", range(30))
def test_value_that_is_coded_by_parts_may_be_too_deep(below: int) -> None:
    """Wherever the stack ends: in a coder of ours, in a comparison, in msgspec."""
    tree = deep_tree()
    with pytest.raises(SnapshotError, match="nested too deep, or holds itself") as caught:
        _call_below(below, lambda: compile_codec(Tree).encode(tree, "it"))
    assert caught.value.path == "it"


def _call_below(frames: int, call: Callable[[], object]) -> object:
    return _call_below(frames - 1, call) if frames else call()


ODD = msgspec.defstruct("ODD", [("class", str), ("plain", int)])
ALIAS = TypeAliasType("ALIAS", list[Item])
RECURSIVE = TypeAliasType("RECURSIVE", "list[RECURSIVE] | int")


@BOTH_FORMATS
def test_fields_of_any_name_are_checked(format: Format) -> None:
    codec = compile_codec(ODD)
    value: Any = ODD(**{"class": "a", "plain": 1})
    assert codec.decode(codec.encode(value, "it", format), "it", format) == value
    setattr(value, "class", Colour.RED)
    with pytest.raises(SnapshotError, match="expected exactly str"):
        codec.encode(value, "it", format)


class Flat(msgspec.Struct):
    word: str
    number: int = 0
    maybe: str | None = None
    share: float = 1.0


class Untracked(msgspec.Struct, gc=False):
    word: str


class Slotted(str):
    __slots__ = ()


class Grade(enum.IntEnum):
    LOW = 1


class Share(float, enum.Enum):
    HALF = 0.5


class Plainly:
    pass


def _attributes(**given: object) -> dict[str, object]:
    """Return the dict of an object, which was there before its attributes."""
    holder = Plainly()
    found = vars(holder)
    for name, value in given.items():
        setattr(holder, name, value)
    return found


def _changed(name: str, value: object) -> Flat:
    flat = Flat("a")
    gc.collect()
    setattr(flat, name, value)
    gc.collect()
    return flat


@BOTH_FORMATS
@pytest.mark.parametrize(
    "tp, make",
    [
        (list[Flat], lambda: [Flat("a"), Flat(Colour.RED)]),
        (list[Flat], lambda: [_changed("word", Colour.RED)]),
        (list[Flat], lambda: [_changed("number", Grade.LOW)]),
        (list[Flat], lambda: [_changed("maybe", Colour.RED)]),
        (list[Flat], lambda: [_changed("share", 1)]),
        (list[Flat], lambda: [_changed("share", Share.HALF)]),
        (Flat, lambda: msgspec.structs.replace(Flat("a"), word=Colour.RED)),
        (dict[str, Flat], lambda: {"a": copy.deepcopy(Flat(Colour.RED))}),
        (dict[str, Flat], lambda: {Slotted("a"): Flat("a")}),
        (list[Untracked], lambda: [Untracked(Colour.RED)]),
        (dict[str, str], lambda: {"a": "a", "b": Colour.RED}),
        (dict[str, int], lambda: {"a": Grade.LOW}),
        (dict[str, str], lambda: _attributes(word=Colour.RED)),
        (dict[str, str], lambda: {Colour.RED: "a"}),
        (dict[str, str], lambda: {Slotted("a"): "a"}),
        (dict[int, str], lambda: {Grade.LOW: "a"}),
        (dict[str, float], lambda: {"a": 1}),
        (dict[str, str | None], lambda: {"a": Colour.RED}),
        (dict[str, Literal["red"]], lambda: {"a": Colour.RED}),
    ],
)
def test_what_only_the_class_tells_is_found_in_flat_parts(tp: Any, make: Callable[[], Any], format: Format) -> None:
    with pytest.raises(SnapshotError, match=r"expected (exactly )?(str|int|float|Literal)"):
        compile_codec(tp).encode(make(), "it", format)


@BOTH_FORMATS
def test_alias_is_seen_through(format: Format) -> None:
    codec = compile_codec(ALIAS)
    assert codec.decode(codec.encode([Item("a")], "it", format), "it", format) == [Item("a")]


@BOTH_FORMATS
def test_alias_that_speaks_of_itself_is_coded_by_parts(format: Format) -> None:
    codec = compile_codec(RECURSIVE)
    assert codec.decode(codec.encode([1, [2, []]], "it", format), "it", format) == [1, [2, []]]
    with pytest.raises(SnapshotError) as caught:
        codec.encode([1, ["x"]], "it", format)
    assert caught.value.path.startswith("it[1]")


class Holder(msgspec.Struct):
    good: int
    call: Callable[[], int]
    inner: Holder | None = None


@pytest.mark.parametrize(
    "tp, faults",
    [
        (list[str | bytes], []),
        (dict[str, object], []),
        (Everything, []),
        (Tree, []),
        (abc.Sequence[int], []),
        (Callable[[], int], [((), "Callable[[], int] Callable[[], int] cannot be encoded")]),
        (tuple[int, type], [((1,), "type type cannot be encoded")]),
        (dict[str, type | None], [((), "type type cannot be encoded")]),
        (Holder, [(("call",), "Callable[[], int] Callable[[], int] cannot be encoded")]),
        (Pair, [((), "Pair the values of Pair are neither all str nor all int")]),
    ],
)
def test_types_that_can_never_be_saved_are_known_before(tp: Any, faults: list[Any]) -> None:
    assert unsavable(tp) == faults
