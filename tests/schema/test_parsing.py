"""How typing forms become kinds."""

from __future__ import annotations

import collections
import collections.abc as abc
import dataclasses
import enum
import sys
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    Protocol,
    Required,
    TypedDict,
    TypeVar,
    Union,
)

import msgspec
import pytest
import typing_extensions
from typing_extensions import TypeAliasType

from typedflow.schema.parsing import Unresolved, alias_of, parse
from typedflow.schema.records import Field, fields_of, is_frozen
from typedflow.schema.types import (
    ANY,
    NONE,
    AliasOf,
    Anything,
    CollectionOf,
    EnumOf,
    FunctionOf,
    Limits,
    LiteralOf,
    MappingOf,
    NewTypeOf,
    Nothing,
    Opaque,
    RecordOf,
    Scalar,
    TupleOf,
    UnionOf,
    constrain,
    see_through,
    union_of,
)

T = TypeVar("T")
U = TypeVar("U")
Bound = TypeVar("Bound", bound=int)
Constrained = TypeVar("Constrained", int, str)
Defaulted = typing_extensions.TypeVar("Defaulted", default=str)
Ts = typing.TypeVarTuple("Ts")
Meta = msgspec.Meta
INT, STR = Scalar(int), Scalar(str)

UserId = NewType("UserId", int)
Json = TypeAliasType("Json", "int | list[Json] | None")
Pairs = TypeAliasType("Pairs", "list[tuple[T, T]]", type_params=(T,))
Deeper = TypeAliasType("Deeper", "T | list[Deeper[list[T]]]", type_params=(T,))  # type: ignore[misc]  # the case
Loop = TypeAliasType("Loop", "Loop | int")  # type: ignore[misc]  # the case
Chain = TypeAliasType("Chain", "Json")
Broken = TypeAliasType("Broken", "list[Nowhere]")  # type: ignore[name-defined]  # noqa: F821  # the case


class Colour(enum.Enum):
    RED = "red"


class Empty(enum.Enum):
    pass


class Box(msgspec.Struct, Generic[T]):
    content: T


class IntBox(Box[int]):
    label: str = ""


class Crate(Box[list[U]], Generic[U]):
    extra: U | None = None


class Node(msgspec.Struct, rename="camel"):
    own_name: str
    next_node: Node | None = None
    shared: ClassVar[int] = 0
    size: Final[int] = 1


class Endless(msgspec.Struct, Generic[T]):
    deeper: Endless[list[T]] | None = None


class Flexible(msgspec.Struct, kw_only=True):
    first: int = 0
    second: str


class Child(Flexible, kw_only=True):
    me: typing.Self | None = None


class Unknown(msgspec.Struct):
    part: Nowhere  # type: ignore[name-defined]  # noqa: F821  # the case


class Nonsense(msgspec.Struct):
    part: "1 +"  # type: ignore[valid-type]  # noqa: F722  # the case


class Options(TypedDict, total=False):
    name: Required[str]
    depth: int


class Locked(typing_extensions.TypedDict):
    name: typing_extensions.ReadOnly[str]
    depth: typing_extensions.ReadOnly[NotRequired[int]]


class MoreOptions(Options):
    tags: NotRequired[list[str]]
    limit: Annotated[NotRequired[int], "a note"]


class Entry(TypedDict, Generic[T]):
    entry: T


class Row(NamedTuple):
    key: str
    amount: int = 0


class WideRow(Row):
    pass


Plain = collections.namedtuple("Plain", "a b")  # without annotations


@dataclass(frozen=True)
class Job:
    title: str
    steps: list[int] = dataclasses.field(default_factory=list)
    hidden: dataclasses.InitVar[int] = 0


class Attr:
    def __init__(self, name: str, default: object) -> None:
        self.name = name
        self.default = default


class Runs(Protocol):
    def run(self) -> int: ...


@typing.runtime_checkable
class RunsToo(Protocol):
    def run(self) -> int: ...


class Thing:
    pass


@pytest.mark.parametrize(
    "form, kind",
    [
        (Any, ANY),
        (object, Anything(dynamic=False)),
        (None, NONE),
        (type(None), NONE),
        (typing.NoReturn, Nothing()),
        (typing.Never, Nothing()),
        (typing.LiteralString, STR),
        (int, INT),
        (msgspec.UnsetType, Scalar(msgspec.UnsetType)),
        (Colour, EnumOf(Colour)),
        (Empty, Opaque(Empty)),
        (Literal[1, True], LiteralOf(((int, 1), (bool, True)))),
        (list, CollectionOf(list, ANY)),
        (typing.List, CollectionOf(list, ANY)),  # noqa: UP006  # the old form is a case of its own
        (list[int], CollectionOf(list, INT)),
        (set[int], CollectionOf(set, INT)),
        (abc.Sequence[int], CollectionOf(abc.Sequence, INT)),
        (typing.Iterable[int], CollectionOf(abc.Iterable, INT)),
        (tuple, CollectionOf(tuple, ANY)),
        (typing.Tuple, CollectionOf(tuple, ANY)),  # noqa: UP006
        (tuple[int, ...], CollectionOf(tuple, INT)),
        (tuple[int, str], TupleOf((INT, STR))),
        (tuple[()], TupleOf(())),
        (tuple[int, *Ts], CollectionOf(tuple, ANY)),  # type: ignore[valid-type]  # the case
        (dict, MappingOf(dict, ANY, ANY)),
        (dict[str, int], MappingOf(dict, STR, INT)),
        (abc.Mapping[str, int], MappingOf(abc.Mapping, STR, INT)),
        (int | None, UnionOf((INT, NONE))),
        (Optional[int], UnionOf((INT, NONE))),  # noqa: UP045
        (Union[None, int], UnionOf((NONE, INT))),  # noqa: UP007
        (Annotated[int, "a note", Meta(ge=0), Meta(le=9)], Scalar(int, Limits(ge=0, le=9))),
        (Annotated[list[int], Meta(max_length=2)], CollectionOf(list, INT, Limits(max_length=2))),
        (Annotated[int | None, Meta(ge=0)], UnionOf((Scalar(int, Limits(ge=0)), NONE))),
        (Annotated[UserId, Meta(ge=0)], NewTypeOf(UserId, Scalar(int, Limits(ge=0)))),
        (Annotated[Json, Meta(ge=0)], constrain(alias_of(Json).target, Limits(ge=0))),
        (Annotated[Thing, Meta(ge=0)], Opaque(Thing)),
        (UserId, NewTypeOf(UserId, INT)),
        (T, ANY),
        (Bound, INT),
        (Constrained, UnionOf((INT, STR))),
        (Defaulted, STR),
        (Final[int], INT),
        (Final, ANY),
        (ClassVar[int], INT),
        (Required[int], INT),
        (typing_extensions.ReadOnly[int], INT),
        (dataclasses.InitVar[int], INT),
        (typing.Self, ANY),
        (Json, alias_of(Json)),
        (Pairs[int], alias_of(Pairs, (INT,))),
        (Pairs, alias_of(Pairs, (ANY,))),
        (Node, RecordOf(Node)),
        (Box, RecordOf(Box, (ANY,))),
        (Box[int], RecordOf(Box, (INT,))),
        (msgspec.Struct, Opaque(msgspec.Struct)),
        (abc.Callable, FunctionOf(None, ANY)),
        (typing.Callable, FunctionOf(None, ANY)),
        (Callable[[int], str], FunctionOf((INT,), STR)),
        (Callable[..., str], FunctionOf(None, STR)),
        (Iterator[int], Opaque(abc.Iterator, (INT,))),
        (type[int], Opaque(type, (INT,))),
        (Thing, Opaque(Thing)),
        (Runs, Opaque(Runs)),
        (5, Opaque(int)),
        (INT, INT),
    ],
    ids=str,
)
@pytest.mark.thin(5)
def test_a_form_becomes_its_kind(form: Any, kind: Any) -> None:
    assert parse(form) == kind


def test_the_order_of_a_union_is_the_users() -> None:
    assert parse(int | None) == UnionOf((INT, NONE))
    assert parse(str | int) == UnionOf((STR, INT))
    assert parse(int | str) == UnionOf((INT, STR))


def test_an_unhashable_form_is_parsed_all_the_same() -> None:
    assert parse(Annotated[int, []]) == INT
    assert parse(list[Annotated[int, []]]) == CollectionOf(list, INT)


def test_unions_are_flattened_through_aliases() -> None:
    assert union_of([alias_of(Json), STR, INT]) == UnionOf((INT, CollectionOf(list, alias_of(Json)), NONE, STR))
    assert union_of([INT, INT]) == INT
    assert union_of([]) == Nothing()


def test_seeing_through_ends_at_what_the_runtime_sees() -> None:
    assert see_through(parse(UserId)) == INT
    assert see_through(parse(Chain)) == alias_of(Json).target


def test_an_alias_takes_arguments() -> None:
    assert alias_of(Pairs, (INT,)).target == CollectionOf(list, TupleOf((INT, INT)))


def test_an_alias_that_is_itself_is_unresolved() -> None:
    with pytest.raises(Unresolved, match="'Loop' is an alias that leads only to itself"):
        _ = alias_of(Loop).target


def test_an_alias_of_an_unknown_name_is_unresolved() -> None:
    with pytest.raises(Unresolved, match="'Nowhere' is not defined where the alias 'Broken' was written"):
        _ = alias_of(Broken).target


@pytest.mark.parametrize("form", [Endless[int], Deeper[int]])
def test_endless_type_arguments_become_any(form: Any) -> None:
    seen: set[Any] = set()
    kind: Any = parse(form)
    while kind not in seen:
        seen.add(kind)
        if isinstance(kind, RecordOf):
            deeper: Any = fields_of(kind)[0].kind
            kind = next(m for m in deeper.members if m != NONE)
        else:
            kind = kind.target.members[-1].item
    assert len(seen) < 40


@pytest.mark.parametrize(
    "form, fields",
    [
        (IntBox, [("content", INT, True), ("label", STR, False)]),
        (Crate[str], [("content", CollectionOf(list, STR), True), ("extra", UnionOf((STR, NONE)), False)]),
        (Flexible, [("first", INT, False), ("second", STR, True)]),
        (Options, [("name", STR, True), ("depth", INT, False)]),
        (
            MoreOptions,
            [
                ("name", STR, True),
                ("depth", INT, False),
                ("tags", CollectionOf(list, STR), False),
                ("limit", INT, False),
            ],
        ),
        (Locked, [("name", STR, True), ("depth", INT, False)]),
        (Entry[int], [("entry", INT, True)]),
        (Row, [("key", STR, True), ("amount", INT, False)]),
        (WideRow, [("key", STR, True), ("amount", INT, False)]),
        (Plain, [("a", ANY, True), ("b", ANY, True)]),
        (Job, [("title", STR, True), ("steps", CollectionOf(list, INT), False)]),
    ],
    ids=str,
)
def test_the_fields_of_a_record(form: Any, fields: list[Any]) -> None:
    kind = parse(form)
    assert isinstance(kind, RecordOf)
    assert [(f.name, f.kind, f.required) for f in fields_of(kind)] == fields


def test_a_renamed_field_keeps_both_names() -> None:
    kind = parse(Node)
    assert isinstance(kind, RecordOf)
    assert fields_of(kind)[:2] == (
        Field("own_name", STR, True, "ownName"),
        Field("next_node", UnionOf((kind, NONE)), False, "nextNode"),
    )


def test_self_is_the_record() -> None:
    kind = parse(Child)
    assert isinstance(kind, RecordOf)
    assert {f.name: f.kind for f in fields_of(kind)}["me"] == UnionOf((kind, NONE))


def test_an_attrs_class_is_a_record() -> None:
    cls = type(
        "Point",
        (),
        {
            "__attrs_attrs__": (Attr("x", type("_Nothing", (), {})()), Attr("y", 0)),
            "__annotations__": {"x": int, "y": "int"},
            "__module__": __name__,
        },
    )
    kind = parse(cls)
    assert isinstance(kind, RecordOf)
    assert [(f.name, f.kind, f.required) for f in fields_of(kind)] == [("x", INT, True), ("y", INT, False)]
    assert not is_frozen(kind)


@pytest.mark.parametrize("form, frozen", [(Node, False), (Job, True), (Row, True), (Options, False)])
def test_which_records_are_frozen(form: Any, frozen: bool) -> None:
    kind = parse(form)
    assert isinstance(kind, RecordOf)
    assert is_frozen(kind) is frozen


@pytest.mark.parametrize(
    "cls, name, reason", [(Unknown, "Nowhere", "is not defined"), (Nonsense, "1 +", "raises SyntaxError (")]
)
def test_a_name_that_means_nothing_is_unresolved(cls: type, name: str, reason: str) -> None:
    kind = parse(cls)
    assert isinstance(kind, RecordOf)
    with pytest.raises(Unresolved) as caught:
        fields_of(kind)
    assert caught.value.name == name
    assert str(caught.value).startswith(f"'{name}' {reason}")
    assert str(caught.value).endswith(f" where class '{cls.__name__}' was written")


def test_text_outside_of_a_class_is_unresolved() -> None:
    with pytest.raises(Unresolved, match=r"^'Node' is not defined$"):
        parse("Node")
    with pytest.raises(Unresolved):
        parse(typing.ForwardRef("Node"))


def test_protocols_say_whether_isinstance_can_answer() -> None:
    assert [Opaque(cls).is_protocol for cls in (Runs, RunsToo, Thing)] == [True, True, False]
    assert [Opaque(cls).is_checkable for cls in (Runs, RunsToo, Thing)] == [False, True, True]


@pytest.mark.parametrize("source", ["type A = B | int\ntype B = list[A]\n", "type A = Missing\n"])
def test_alias_statements_resolve_lazily(source: str) -> None:
    space: dict[str, Any] = {"__name__": __name__}
    if sys.version_info < (3, 12):
        with pytest.raises(SyntaxError):
            exec(source, space)
        return
    exec(source, space)
    alias = parse(space["A"])
    assert isinstance(alias, AliasOf)
    if "Missing" in source:
        with pytest.raises(Unresolved, match="'Missing' is not defined where the alias 'A' was written"):
            _ = alias.target
    else:
        assert alias.target == UnionOf((alias_of(space["B"]), INT))
        assert alias_of(space["B"]).target == CollectionOf(list, alias)
