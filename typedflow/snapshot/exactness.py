"""Whether a value, which equals what a save gave back, is of the declared classes throughout: at the speed of a loop.

A save decodes what it encoded and compares with `==`. That leaves what equals and is of another class: a StrEnum member
where a str is declared, 3 for 3.0, a subclass of list, a datetime with a zone. msgspec encodes these, and gives back
something else. The check here looks at the class of every part; it is source text, compiled once per type, because a
save of a large state spends its time here, and closures take three times as long.

CPython does not track what refers to nothing that has references of its own, and neither does msgspec: a member of an
Enum has some, so in a dict or Struct that the garbage collector does not track, every str and int is exact. Who writes
into a Struct past its own `__setattr__` (`force_setattr`, a member descriptor) is not seen by that. Dicts tell nothing
from CPython 3.13 on: there one that is the `__dict__` of an object is not tracked, whatever is in it.

The text is made of class objects and field names of the flow's own types, never of anything in a document.
"""

from __future__ import annotations

import gc
import keyword
import re
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time
from functools import partial
from typing import Any, Final

import msgspec

from typedflow.schema.generated import GeneratedSource
from typedflow.schema.layer_fields import layer_fields
from typedflow.schema.layers import FlowState, State
from typedflow.schema.records import Field, fields_of
from typedflow.schema.types import (
    CollectionOf,
    EnumOf,
    Kind,
    LiteralOf,
    MappingOf,
    RecordOf,
    Scalar,
    TupleOf,
    UnionOf,
    see_through,
)
from typedflow.schema.undeclared import undeclared_of
from typedflow.snapshot.documents import Format
from typedflow.snapshot.moments import Moment, has_native_zone

Exact = Callable[[Iterable[Any]], bool]


def compile_exact(kind: Kind, format: Format | None = None) -> Exact:
    """Compile the check over several values of a kind that msgspec encodes and decodes.

    It assumes that each value equals its decoded self, and looks only at what that leaves open. With a `format`, also
    for moments of which msgspec's own encoding in that format loses the zone or the fold. It raises
    RecursionError for values nested too deep, AttributeError for records that lack a field.
    """
    source = _Source(format)
    entry = source.function(kind)
    exact: Exact = source.run(entry, f"exactness of {type(kind).__name__}")
    return exact


def hides_from_equality(kind: Kind) -> bool:
    """Return True if a value may equal its decoded self, be of the declared classes, and have lost something.

    A zone and a fold are lost so, and an attribute that its class does not declare.
    """
    source = _Source()
    source.function(kind)
    return source.hides


class _Source(GeneratedSource):
    """The source of one check."""

    def __init__(self, format: Format | None = None) -> None:
        super().__init__()
        self._format = format
        self.hides = False
        """Whether the text looks for what equality does not tell."""

    def function(self, kind: Kind) -> str:
        """Return the name of the function that checks an iterable of the kind."""
        kind = see_through(kind)
        name = self.function_of.get(kind)
        if name is None:
            name = self.function_of[kind] = f"check_{len(self.function_of)}"
            body = self._record(kind, "x") if isinstance(kind, RecordOf) else self._lines(kind, "x")
            loop = ["    for x in items:", *(f"        {line}" for line in body)] if body else []
            near = sorted({"type", *re.findall(r"\bg\d+\b", " ".join(loop))})  # locals are found faster than globals
            taken = ", ".join(["items", *(f"{name}={name}" for name in near)])
            self.functions[name] = [f"def {name}({taken}):", *loop, "    return True"]
        return name

    def _lines(self, kind: Kind, var: str) -> list[str]:
        """Return the lines that return False where the value in `var` is not exact."""
        kind = see_through(kind)
        match kind:
            case Scalar(cls=cls):
                return self._scalar(cls, var)
            case EnumOf(cls=enum_cls):
                return [f"if type({var}) is not {self.name(enum_cls)}: return False"]
            case LiteralOf():
                return self._classes([kind], var)
            case CollectionOf(cls=cls, item=item):
                return [self._class(var, cls), *self._each(var, item)]
            case TupleOf(items=items):
                return [self._class(var, tuple), *self._tuple(items, var)]
            case MappingOf(key=key, value=value):
                return [self._class(var, dict), *self._entries(key, value, var)]
            case UnionOf(members=members):
                return self._union([see_through(member) for member in members], var)
            case RecordOf():
                return [f"if not {self.function(kind)}(({var},)): return False"]
            case _:
                raise TypeError(kind)  # msgspec encodes nothing else

    def _class(self, var: str, cls: type) -> str:
        return f"if type({var}) is not {self.name(cls)}: return False"

    def _scalar(self, cls: type, var: str) -> list[str]:
        if cls in _TOLD_BY_ENCODING:
            return []
        if cls in (datetime, time):
            self.hides = True
            return self._moment(cls, var)
        return [self._class(var, cls)]

    def _moment(self, cls: type[Moment], var: str) -> list[str]:
        """Check the zone and the fold; the read of the fold fails for anything else, and msgspec takes no subclass.

        In a list of 10,000 moments, a look at their classes as well would take 7 % of a save.
        """
        if self._format is None:
            return [self._class(var, cls)]
        kept = self.name(partial(has_native_zone, format=self._format, cls=cls))
        odd = f"(zone := {var}.tzinfo) is not None and zone is not {self.name(UTC)} and not {kept}(zone)"
        return [f"if {var}.fold or {odd}: return False"]

    def _each(self, items: str, item: Kind) -> list[str]:
        """Loop over the items, or hand them all to the function of their record, if that is more than a few lines."""
        item = see_through(item)
        if isinstance(item, RecordOf) and not _is_flat(item):
            return [f"if not {self.function(item)}({items}): return False"]
        var = self.variable()
        lines = self._record(item, var) if isinstance(item, RecordOf) else self._lines(item, var)
        return [f"for {var} in {items}:", *_indented(lines)] if lines else []

    def _entries(self, key: Kind, value: Kind, var: str) -> list[str]:
        """Loop over keys and values at once, where the values are not handed on together."""
        values = self._each(f"{var}.values()", value)
        if _is_light(value):  # of keys, unlike all else, msgspec takes any subclass of str
            return [*self._each(var, key), *(self._if_tracked(var, values) if values and _DICTS_TELL else values)]
        if isinstance(see_through(value), RecordOf):
            return [*self._each(var, key), *values]
        names = self.variable(), self.variable()
        lines = [*self._lines(key, names[0]), *self._lines(value, names[1])]
        return [f"for {names[0]}, {names[1]} in {var}.items():", *_indented(lines)] if lines else []

    def _if_tracked(self, var: str, lines: list[str], otherwise: list[str] | None = None) -> list[str]:
        lines = [f"if {self.name(gc.is_tracked)}({var}):", *_indented(lines)]
        return [*lines, "else:", *_indented(otherwise)] if otherwise else lines

    def _tuple(self, items: tuple[Kind, ...], var: str) -> list[str]:
        names = [self.variable() for _ in items]
        lines = [line for name, item in zip(names, items, strict=True) for line in self._lines(item, name)]
        return [f"{', '.join(names)}, = {var}", *lines] if lines else []

    def _union(self, members: list[Kind], var: str) -> list[str]:
        """Choose the member by the class; which of those that share a class it is, decoding has told."""
        simple = [m for m in members if isinstance(m, LiteralOf) or not self._has_more(m)]
        branches = [m for m in members if m not in simple]
        lines = self._classes(simple, var)
        for member in branches:
            inner = self._lines(member, var)
            inner = inner[1:] if not isinstance(member, RecordOf | Scalar) else inner
            lines = [
                f"if type({var}) is {self.name(_class_of(member))}:",
                *_indented(inner or ["pass"]),
                "else:",
                *_indented(lines),
            ]
        return lines

    def _has_more(self, kind: Kind) -> bool:
        if isinstance(kind, Scalar):
            return kind.cls in (datetime, time)
        return len(self._lines(kind, "x")) > 1 or isinstance(kind, RecordOf)

    def _classes(self, members: list[Kind], var: str) -> list[str]:
        classes = {cls: None for member in members for cls in _simple_classes(member)}
        tests = [f"type({var}) is not {self.name(cls)}" for cls in classes if cls is not type(None)]
        if type(None) in classes:
            tests.append(f"{var} is not None")
        return [f"if {' and '.join(tests)}: return False"] if tests else ["return False"]

    def _record(self, kind: RecordOf, var: str) -> list[str]:
        if kind.flavour == "typeddict":
            return self._typeddict(kind, var)
        lines = [self._class(var, kind.cls)] if kind.flavour == "namedtuple" else []  # the others' own `==` tells
        parts = [(self._field(kind.cls, field, var), _is_light(field.kind)) for field in fields_of(kind)]
        lines += [line for part, _ in parts for line in part]
        undeclared = undeclared_of(kind)
        if (
            undeclared is not None
        ):  # where they are made again, the decoded value has to be at hand: `has_plain_equality`
            self.hides = True
            search = f"if {self.name(undeclared.find)}({var}): return False"
            return lines if undeclared.made_again else [*lines, search]
        if _is_seldom_tracked(kind) and any(part for part, light in parts if light):
            return self._if_tracked(var, lines, [line for part, light in parts for line in part if not light])
        return lines

    def _field(self, cls: type, field: Field, var: str) -> list[str]:
        read, name = self._read(cls, field.name, var), self.variable()
        inner = self._lines(field.kind, name)
        if len(inner) == 1 and inner[0].count(name) == 1:
            return [inner[0].replace(name, read)]
        return [f"{name} = {read}", *inner] if inner else []

    def _read(self, cls: type, field: str, var: str) -> str:
        """Read a field; of a layer past the descriptor, which tells the step in progress of every read."""
        if issubclass(cls, State | FlowState):
            return f"{self.name(layer_fields(cls)[field].read)}({var})"
        if field.isidentifier() and not keyword.iskeyword(field):
            return f"{var}.{field}"
        return f"{self.name(getattr)}({var}, {field!r})"

    def _typeddict(self, kind: RecordOf, var: str) -> list[str]:
        lines = [self._class(var, dict)]
        for field in fields_of(kind):
            name = self.variable()
            inner = self._lines(field.kind, name)
            if inner:
                lines += [f"if {field.name!r} in {var}:", f"    {name} = {var}[{field.name!r}]"]
                lines += _indented(inner)
        return lines


_DICTS_TELL: Final = sys.version_info < (3, 13)

_TOLD_BY_ENCODING: Final = frozenset({type(None), bool, msgspec.UnsetType})
"""Of these nothing else is equal that is encoded alike."""


_LIGHT: Final = _TOLD_BY_ENCODING | {str, int}
"""Scalars of which only the members of an Enum hide behind `==` and the encoding."""


def _is_light(kind: Kind) -> bool:
    match see_through(kind):
        case Scalar(cls=cls):
            return cls in _LIGHT
        case UnionOf(members=members):
            return all(_is_light(member) for member in members)
        case other:
            return isinstance(other, LiteralOf)


def _is_flat(record: RecordOf) -> bool:
    """Return whether all fields are scalars."""
    kinds = [see_through(field.kind) for field in fields_of(record)]
    parts = [see_through(part) for kind in kinds for part in (kind.members if isinstance(kind, UnionOf) else (kind,))]
    return all(isinstance(part, Scalar | EnumOf | LiteralOf) for part in parts)


def _is_seldom_tracked(record: RecordOf) -> bool:
    """Return whether `gc.is_tracked` is worth a call: not for a Struct of `gc=False`, nor for a layer."""
    if record.flavour != "struct" or issubclass(record.cls, State | FlowState) or not _is_flat(record):
        return False
    return bool(record.cls.__struct_config__.gc)  # type: ignore[attr-defined]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _class_of(kind: Kind) -> type:
    match kind:
        case RecordOf(cls=cls, flavour=flavour):
            return dict if flavour == "typeddict" else cls
        case TupleOf():
            return tuple
        case _:
            return kind.cls  # type: ignore[union-attr]  # all others that have more to check


def _simple_classes(kind: Kind) -> Iterable[type]:
    match kind:
        case LiteralOf(members=members):
            return [cls for cls, _ in members]
        case _:
            return [_class_of(kind)]
