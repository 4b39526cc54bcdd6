"""How values are copied by their declared type."""

from __future__ import annotations

import collections.abc as abc
import logging
import pathlib
import re
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple, NewType, TypedDict, TypeVar

import msgspec
import pytest
from typing_extensions import TypeAliasType

from typedflow.schema.copies import Uncopyable, compile_copy, is_immutable

T = TypeVar("T")
Tags = NewType("Tags", list[int])
Json = TypeAliasType("Json", "int | list[Json] | None")
Nested = TypeAliasType("Nested", "int | tuple[Nested, ...]")


class Point(msgspec.Struct, frozen=True):
    x: int
    tail: Point | None = None


class Node(msgspec.Struct):
    label: str
    tags: list[str] = []
    next: Node | None = None


class Holder(msgspec.Struct):
    logger: logging.Logger


class Row(NamedTuple):
    key: str
    cells: list[int]


class Options(TypedDict):
    tags: list[int]


@dataclass
class Job:
    title: str
    steps: list[int] = field(default_factory=list)


class Box(msgspec.Struct, Generic[T]):
    content: T


class Unknown(msgspec.Struct):
    part: Nowhere  # type: ignore[name-defined]  # noqa: F821  # the case


@pytest.mark.parametrize(
    "tp, value",
    [
        (int, 3),
        (Point, Point(1, Point(2))),
        (Literal["a"], "a"),
        (tuple[int, str], (1, "a")),
        (frozenset[int], frozenset({1})),
        (Nested, (1, (2,))),
        (pathlib.Path, pathlib.Path("a")),
        (re.Pattern[str], re.compile("a")),
        (type[int], int),
        (Any, "a"),
        (object, len),
        (Callable[..., Any], len),
        (abc.Sequence[int], (1, 2)),
        (abc.Sequence[int], range(3)),
    ],
    ids=str,
)
def test_what_cannot_change_is_shared(tp: Any, value: Any) -> None:
    assert compile_copy(tp)(value) is value


@pytest.mark.parametrize(
    "tp, value",
    [
        (list[int], [1]),
        (list[list[int]], [[1]]),
        (set[int], {1}),
        (dict[str, int], {"a": 1}),
        (dict[str, list[int]], {"a": [1]}),
        (abc.Mapping[str, int], {"a": 1}),
        (tuple[int, list[int]], (1, [2])),
        (tuple[list[int], ...], ([1],)),
        (bytearray, bytearray(b"x")),
        (Tags, [1]),
        (Json, [1, [2]]),
        (Any, {"a": [1, Node("a")]}),
        (Any, (1, [2])),
        (Node, Node("a", ["b"], Node("c"))),
        (Node | None, Node("a")),
        (list[int] | list[str], ["a"]),
        (Row, Row("a", [1])),
        (Options, {"tags": [1]}),
        (Job, Job("a", [1])),
        (Box[list[int]], Box([1])),
        (object, Box([1])),
    ],
    ids=str,
)
def test_what_can_change_is_copied(tp: Any, value: Any) -> None:
    copied = compile_copy(tp)(value)
    assert copied == value
    assert type(copied) is type(value)
    assert copied is not value


def test_the_parts_of_a_copy_are_its_own() -> None:
    node = Node("a", ["b"], Node("c", ["d"]))
    copied = compile_copy(Node)(node)
    assert node.next is not None
    node.tags.append("x")
    node.next.tags.append("x")
    assert copied == Node("a", ["b"], Node("c", ["d"]))


@pytest.mark.parametrize("tp", [list[int] | list[Node], list[Node] | list[int]])
def test_members_of_one_class_are_copied_by_what_is_in_them(tp: Any) -> None:
    nodes, numbers = [Node("a", ["x"])], [1, 2]
    copied = compile_copy(tp)(nodes)
    assert (copied, copied is nodes, copied[0] is nodes[0]) == (nodes, False, False)
    assert compile_copy(tp)(numbers) == numbers


def test_undeclared_keys_and_absent_attributes_are_kept_as_they_are() -> None:
    assert compile_copy(Options)({"more": [1]}) == {"more": [1]}
    job = object.__new__(Job)
    job.title = "a"
    assert vars(compile_copy(Job)(job)) == {"title": "a"}


@pytest.mark.parametrize(
    "tp, text",
    [
        (logging.Logger, "nothing is known of how to copy Logger"),
        (list[logging.Logger], "nothing is known of how to copy Logger"),
        (Holder, "logger: nothing is known of how to copy Logger"),
        (tuple[int, Holder], "[1].logger: nothing is known of how to copy Logger"),
        (Box[Holder], "content.logger: nothing is known of how to copy Logger"),
    ],
    ids=str,
)
def test_a_type_that_cannot_be_copied_is_refused_when_it_is_compiled(tp: Any, text: str) -> None:
    with pytest.raises(Uncopyable) as caught:
        compile_copy(tp)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "tp, value, text",
    [
        (Any, logging.getLogger("x"), "nothing is known of how to copy <Logger x (WARNING)> (Logger)"),
        (list[Any], [1, object()], "[1]: nothing is known of how to copy <object"),
        (tuple[int, Any], (1, iter([])), "[1]: nothing is known of how to copy <list_iterator"),
        (dict[str, Any], {"a": object()}, "a: nothing is known of how to copy"),
        (dict[float, Any], {1.5: object()}, "['1.5 (float)']: nothing is known of how to copy"),
        (Box[Any], Box(object()), "content: nothing is known of how to copy"),
        (abc.Iterable[int], iter([1]), "nothing is known of how to copy <list_iterator"),
        (abc.Mapping[str, int], types.MappingProxyType({}), "nothing is known of how to copy mappingproxy({})"),
        (Callable[..., Any], logging.getLogger("x").info, "nothing is known of how to copy <bound method"),
        (Any, Holder(logging.getLogger("x")), "logger: nothing is known of how to copy Logger"),
        (Any, Unknown(1), "'Nowhere' is not defined"),
    ],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_a_value_that_cannot_be_copied_is_refused_by_its_path(tp: Any, value: Any, text: str) -> None:
    with pytest.raises(Uncopyable) as caught:
        compile_copy(tp)(value)
    assert str(caught.value).startswith(text)


def test_a_value_that_holds_itself_cannot_be_copied() -> None:
    node = Node("a")
    node.next = node
    with pytest.raises(Uncopyable, match="nested too deep, or holds itself"):
        compile_copy(Node)(node)
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(Uncopyable, match="nested too deep, or holds itself"):
        compile_copy(Any)(loop)


@pytest.mark.parametrize(
    "tp, immutable", [(Point, True), (Node, False), (bytearray, False), (Nested, True), (Tags, False), (Any, False)]
)
def test_which_types_are_immutable(tp: Any, immutable: bool) -> None:
    assert is_immutable(tp) is immutable


def test_an_unhashable_literal_is_shared() -> None:
    assert compile_copy(Literal[[]])(3) == 3
