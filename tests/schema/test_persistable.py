"""Which types a save gives back."""

from __future__ import annotations

import collections.abc as abc
import enum
import logging
import sys
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, Never, NewType, Self, TypedDict
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta
from typing_extensions import ReadOnly, TypeAliasType

from typedflow.rules import saving
from typedflow.schema.parsing import parse
from typedflow.schema.persistable import check_persistable

UserId = NewType("UserId", int)
Loose = TypeAliasType("Loose", "list[Any]")


class Text(enum.StrEnum):
    A = "a"


class Number(enum.Enum):
    ONE = 1


class Mixed(enum.Enum):
    ONE = 1
    TWO = "two"


class Huge(enum.Enum):
    HUGE = 2**70


class Plain(msgspec.Struct):
    x: int


class Plain2(msgspec.Struct):
    x: int


class Frozen(msgspec.Struct, frozen=True):
    x: int


class FrozenList(msgspec.Struct, frozen=True):
    x: list[int]


class A(msgspec.Struct, tag=True):
    x: int


class B(msgspec.Struct, tag=True):
    x: int


class C(msgspec.Struct, tag=1):
    x: int


class Array(msgspec.Struct, array_like=True):
    x: int


class Row(NamedTuple):
    x: int


class Options(TypedDict):
    x: int


class Fixed(TypedDict):
    x: int
    y: ReadOnly[int]


class Unlocked(Fixed):
    y: int


class Holding(msgspec.Struct):
    fixed: list[Fixed]


@dataclass
class Job:
    x: int


@dataclass(frozen=True)
class FrozenJob:
    x: int


class Unset(msgspec.Struct):
    x: int | msgspec.UnsetType = msgspec.UNSET


class Tree(msgspec.Struct):
    children: list[Tree] = []
    logger: logging.Logger | None = None
    pair: tuple[int, Any] = (1, 2)


GOOD: list[Any] = [
    *(None, int, str, bytes, bytearray, datetime, Decimal, UUID, UserId, Text, Number),
    *(Plain, A, Array, Row, Options, Job, Unset),
    *(list[int], set[Frozen], frozenset[FrozenJob], set[tuple[int, ...]], set[tuple[int, str]], set[Row]),
    *(frozenset[frozenset[int]], set[int | str], set[UserId], tuple[()], tuple[int, Plain]),
    *(dict[str, Plain], dict[int, str], dict[float, int], dict[UUID, int], dict[date, int], dict[Text, int]),
    *(dict[Number, int], dict[Literal["a", "b"], int], dict[Literal[1, 2], int], dict[UserId, int]),
    *(dict[int | float, int],),
    *(int | str | None, int | float | bool, A | B | None, Plain | int | list[int], str | Literal["a"]),
    *(Literal["a"] | Literal["b"], Text | Number, Decimal | int, Row | dict[str, int], Array | Plain | None)[:-1],
    *(Literal[1, "a", True, None], Annotated[int, Meta(ge=0)], Annotated[str, Meta(pattern="a", max_length=3)]),
    *(Annotated[datetime, Meta(tz=True)], Annotated[list[int], Meta(max_length=3)], Annotated[int, Meta(ge=0)] | None),
]

BAD: list[tuple[Any, str]] = [
    (Any, "Any comes back as plain builtins: say what it holds"),
    (object, "object comes back as plain builtins: say what it holds"),
    (Never, "no value is valid for Never"),
    (msgspec.Raw, "Raw holds bytes of one format, and cannot be saved in another"),
    (msgspec.UnsetType, "UNSET can only stand for a Struct field"),
    (list[int | msgspec.UnsetType], "UNSET can only stand for a Struct field"),
    (complex, "complex cannot be encoded"),
    (logging.Logger, "Logger cannot be encoded"),
    (Callable[[int], str], "Callable[[int], str] cannot be encoded"),
    (Mixed, "the values of Mixed are neither all str nor all int"),
    (Huge, "the values of Huge are past 64 bits"),
    (Literal[b"a"], "msgspec cannot decode a Literal of b'a'"),
    (Literal[2**70], f"msgspec cannot decode a Literal of {2**70}"),
    (
        abc.Sequence[int],
        "what is declared as Sequence[int] may come back as another class: say list[…] or tuple[…, ...]",
    ),
    (abc.Mapping[str, int], "what is declared as Mapping[str, int] may come back as another class: say dict[…]"),
    (set[list[int]], "list[int] is not hashable, so no set can hold it"),
    (set[dict[str, int]], "dict[str, int] is not hashable, so no set can hold it"),
    (frozenset[Plain], "Plain is not hashable, so no frozenset can hold it"),
    (set[Job], "Job is not hashable, so no set can hold it"),
    (set[FrozenList], "FrozenList is not hashable, so no set can hold it"),
    (set[Options], "Options is not hashable, so no set can hold it"),
    (set[bytearray], "bytearray is not hashable, so no set can hold it"),
    (dict[bool, int], "JSON has no keys of type bool"),
    (dict[tuple[int, int], int], "JSON has no keys of type tuple[int, int]"),
    (dict[int | None, int], "JSON has no keys of type None"),
    (dict[Literal[True], int], "JSON has no keys of type Literal[True]"),
    (dict[int | str, int], "as JSON keys, numbers and text cannot be told apart in int | str"),
    (dict[Literal[1, "1"], int], "as JSON keys, numbers and text cannot be told apart in Literal[1, '1']"),
    (str | bytes, "str and bytes cannot be told apart when read back"),
    (str | date, "str and date cannot be told apart when read back"),
    (str | Text, "str and Text cannot be told apart when read back"),
    (int | Number, "int and Number cannot be told apart when read back"),
    (Text | Literal["b"], "Text and Literal['b'] cannot be told apart when read back"),
    (list[int] | set[int], "list[int] and set[int] cannot be told apart when read back"),
    (Row | list[int], "Row and list[int] cannot be told apart when read back"),
    (Array | list[int], "Array and list[int] cannot be told apart when read back"),
    (Plain | Plain2, "Plain and Plain2 cannot be told apart when read back: give the Structs tags of one kind"),
    (Plain | dict[str, int], "Plain and dict[str, int] cannot be told apart when read back"),
    (A | C, "A and C cannot be told apart when read back: give the Structs tags of one kind"),
    (Array | Plain, "Array and Plain cannot be told apart when read back"),
    (Annotated[int, Meta(ge=0)] | tuple[int, int], "beside a tuple of fixed length"),
    (Annotated[str, Meta(ge=0)], "msgspec cannot hold str to 'ge'"),
    (Annotated[int, Meta(ge=0.5)], "the bound 'ge=0.5' of an int is no int of 64 bits"),
    (Annotated[int, Meta(le=2**65)], f"the bound 'le={2**65}' of an int is no int of 64 bits"),
    (Annotated[tuple[int, int], Meta(min_length=1)], "msgspec refuses it: Can only set `min_length`"),
]
if TypeAliasType is not getattr(typing, "TypeAliasType", None):  # from 3.15 they are one class, which msgspec knows
    BAD.append((Loose, "msgspec cannot decode Loose, an alias of typing_extensions"))


@pytest.mark.parametrize("tp", GOOD, ids=str)
@pytest.mark.thin(5)
def test_persistable(tp: Any) -> None:
    assert check_persistable(tp) == []
    msgspec.json.Decoder(tp)
    msgspec.msgpack.Decoder(tp)


@pytest.mark.parametrize("tp, reason", BAD, ids=str)
def test_not_persistable(tp: Any, reason: str) -> None:
    (fault,) = check_persistable(tp)
    assert fault[0] == ()
    assert reason in fault[1]


def test_every_faulty_part_is_named_by_its_path_once() -> None:
    assert check_persistable(Tree) == [
        (("logger",), "Logger cannot be encoded"),
        (("pair", 1), "Any comes back as plain builtins: say what it holds"),
    ]


def test_a_typed_dict_with_keys_that_are_read_only() -> None:
    assert check_persistable(Fixed) == [((), saving.read_only_keys("Fixed"))]
    assert check_persistable(Holding) == [(("fixed",), saving.read_only_keys("Fixed"))]
    assert check_persistable(Unlocked) == []
    with pytest.raises(TypeError, match="ReadOnly"):  # as the rule says
        msgspec.json.Decoder(Fixed)


def test_msgspec_refuses_a_field_of_its_own_class_by_self() -> None:
    space: dict[str, Any] = {"__name__": __name__, "msgspec": msgspec, "Self": Self}
    exec("class Node(msgspec.Struct):\n    above: Self | None = None", space)
    assert check_persistable(space["Node"]) == [((), saving.SELF)]


def test_a_field_may_be_unset() -> None:
    assert check_persistable(int | msgspec.UnsetType, field=True) == []


def test_a_kind_is_judged_by_the_rules_alone() -> None:
    assert check_persistable(parse(Annotated[tuple[int, int], Meta(min_length=1)])) == []


def test_an_alias_statement_may_not_speak_of_itself() -> None:
    if sys.version_info < (3, 12):  # the statement is younger
        return
    space: dict[str, Any] = {"__name__": __name__}
    exec("type Names = list[str]\ntype Json = int | list[Json]", space)
    assert check_persistable(space["Names"]) == []
    names: Any = space["Names"]
    assert check_persistable(msgspec.defstruct("Lists", [("first", names), ("second", names)])) == []
    ((_, reason),) = check_persistable(space["Json"])
    assert reason == "msgspec cannot decode Json, an alias that refers to itself: use a Struct"


def test_an_alias_statement_may_refer_to_itself_through_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.version_info < (3, 12):
        return
    made: Any = types.ModuleType("made")
    monkeypatch.setitem(sys.modules, "made", made)
    source = "import msgspec\ntype Nodes = int | list[Node]\nclass Node(msgspec.Struct):\n    nodes: Nodes"
    exec(source, vars(made))
    assert check_persistable(made.Nodes) == []
    assert msgspec.json.decode(b'[{"nodes": 1}]', type=made.Nodes)[0].nodes == 1


def test_an_alias_that_refers_to_itself_twice_is_reported_once() -> None:
    if sys.version_info < (3, 12):
        return
    space: dict[str, Any] = {"__name__": __name__}
    exec("type Pair = int | tuple[Pair, Pair]", space)
    ((path, _),) = check_persistable(space["Pair"])
    assert path == ()
