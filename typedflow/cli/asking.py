"""Ask for a value on the terminal, field by field, as its type says.

Each line is checked at once, by the rules for a whole answer. A wrong one is refused with the reason, and asked again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import msgspec
import typer

from typedflow.cli.exits import Mistake
from typedflow.cli.values import to_plain
from typedflow.rules.names import nearest
from typedflow.rules.wording import describe, quoted
from typedflow.schema.check import Mismatch
from typedflow.schema.parsing import parse
from typedflow.schema.plain import from_outside
from typedflow.schema.records import Field, fields_of
from typedflow.schema.render import render
from typedflow.schema.types import (
    NONE,
    CollectionOf,
    EnumOf,
    Kind,
    Limits,
    LiteralOf,
    MappingOf,
    RecordOf,
    Scalar,
    TupleOf,
    UnionOf,
    see_through,
    union_of,
)

LEFT_OUT: Final = object()
"""The answer of an empty line where a field has a default."""
_WORDS: Final[dict[type, str]] = {
    str: "text",
    bool: "yes/no",
    date: "date, as 2026-01-31",
    datetime: "datetime, as 2026-01-31T18:00:00+01:00",
    time: "time, as 18:00:00",
    timedelta: "duration, as P1DT2H30M",
    bytes: "bytes, in base64",
}
_BOUNDS: Final = ("at least", "more than", "at most", "less than", "a multiple of", "length at least", "length at most")


class Refused(Exception):
    """A line is no answer, for a reason that is printed."""


def is_terminal() -> bool:
    """Return True if stdin is a terminal, so that the user can be asked."""
    return sys.stdin.isatty()


def ask(tp: Any, check: Callable[[Any], Any]) -> Any:
    """Ask for a value of a type until `check` takes it, and return it.

    `check` raises `Refused`. Raises `Mistake` if the input ends, or at Ctrl-C.
    """
    try:
        while True:
            value = _ask(parse(tp), "answer")
            try:
                check(value)
            except Refused as refused:
                say(f"not taken: {refused}")
            else:
                return value
    except typer.Abort:
        say("")
        raise Mistake("nothing was answered", "the question is still pending") from None


def require_consent(what: str) -> None:
    """Ask whether to delete something; raises `Mistake` unless the answer is yes, or if stdin is no terminal."""
    if not is_terminal():
        raise Mistake(f"cannot ask whether to delete {what}: stdin is no terminal", "add --yes")
    try:
        if typer.confirm(f"Delete {what}?", err=True):
            return
    except typer.Abort:
        say("")
    raise Mistake("nothing was deleted")


def say(text: str) -> None:
    """Print a line of the dialogue; stdout is for the result."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _ask(kind: Kind, name: str, *, optional: bool = False) -> Any:
    """Ask for a value; with `optional` an empty line, or a no, is `LEFT_OUT`."""
    if is_leaf(kind):
        return None if see_through(kind) == NONE else _line(kind, name, optional=optional)
    if optional and not _yes(f"{name} ({render(kind)}): add one?"):
        return LEFT_OUT
    seen = see_through(kind)
    match seen:
        case RecordOf():
            return _record(seen, name)
        case CollectionOf():
            return _items(seen, name)
        case TupleOf(items=items):
            return tuple(_ask(item, f"{name}[{index}]") for index, item in enumerate(items))
        case MappingOf():
            return _mapping(seen, name)
        case UnionOf(members=members):
            return _union(members, name)
        case _:
            raise AssertionError(seen)


def is_leaf(kind: Kind) -> bool:
    """Return whether a value of a type is typed on one line: as it is, or as JSON."""
    seen = see_through(kind)
    if not isinstance(seen, UnionOf):
        return not isinstance(seen, RecordOf | CollectionOf | TupleOf | MappingOf)
    others = [each for each in map(see_through, seen.members) if each != NONE]
    return not all(isinstance(each, RecordOf) for each in others) and not (len(others) == 1 and not is_leaf(others[0]))


def _union(members: Sequence[Kind], name: str) -> Any:
    """Ask for a record of one of several classes, or for one that may be None."""
    others = [each for each in members if see_through(each) != NONE]
    if len(others) < len(members) and not _yes(f"{name} ({render(union_of(others))}): is there one?"):
        return None
    if len(others) == 1:
        return _ask(others[0], name)
    records = {_tag(seen): seen for each in others if isinstance(seen := see_through(each), RecordOf)}
    return _record(records[_prompt(f"{name} ({'/'.join(records)})", lambda line: _chosen(line, records))], name)


def _tag(record: RecordOf) -> str:
    config = getattr(record.cls, "__struct_config__", None)
    return render(record) if config is None or config.tag is None else str(config.tag)


def _record(record: RecordOf, name: str) -> Any:
    while True:
        prefix = "" if name == "answer" else f"{name}."
        found = {field.name: _field(record, field, prefix) for field in fields_of(record)}
        given = {key: value for key, value in found.items() if value is not LEFT_OUT}
        try:
            return from_outside(record, given)
        except (Mismatch, TypeError, ValueError) as fault:  # what `__post_init__` raises, too
            say(f"  not taken: {fault}")


def _field(record: RecordOf, field: Field, prefix: str) -> Any:
    name = f"{prefix}{field.name}"
    if field.required or not _has_shown_default(record, field):
        return _ask(field.kind, name, optional=not field.required)
    default = _default(record, field)
    if is_leaf(field.kind):
        return _line(field.kind, name, optional=True, default=default)
    if default is None:
        return _ask(field.kind, name)
    shown = msgspec.json.encode(to_plain(default)).decode()
    return _ask(field.kind, name) if _yes(f"{name} ({render(field.kind)}) is {shown}: change it?") else LEFT_OUT


def _has_shown_default(record: RecordOf, field: Field) -> bool:
    return record.flavour == "struct" and not field.required


def _default(record: RecordOf, field: Field) -> Any:
    found = next(each for each in msgspec.structs.fields(record.cls) if each.name == field.name)
    return found.default if found.default_factory is msgspec.NODEFAULT else found.default_factory()


def _items(kind: CollectionOf, name: str) -> Any:
    if is_leaf(kind.item):
        say(f"{name} ({render(kind)}): one on each line; an empty line ends it")
    while True:
        found: list[Any] = []
        while (value := _ask(kind.item, f"{name}[{len(found)}]", optional=True)) is not LEFT_OUT:
            found.append(value)
        try:
            return from_outside(kind, kind.cls(found) if kind.cls in (set, frozenset, tuple) else found)
        except (Mismatch, TypeError) as fault:  # what is not hashable cannot be in a set
            say(f"  not taken: {fault}")


def _mapping(kind: MappingOf, name: str) -> Any:
    say(f"{name} ({render(kind)}): a key, then its value; an empty key ends it")
    while True:
        found: dict[Any, Any] = {}
        while (key := _line(kind.key, f"{name} key", optional=True)) is not LEFT_OUT:
            found[key] = _ask(kind.value, f"{name}[{key}]")
        try:
            return from_outside(kind, found)
        except Mismatch as fault:
            say(f"  not taken: {fault}")


def _line(kind: Kind, name: str, *, optional: bool, default: Any = LEFT_OUT) -> Any:
    """Ask for a value that is typed on one line."""
    choices = _choices(kind)
    shape = "/".join(choices) if 0 < len(choices) <= 6 else _shape(kind)
    for choice in choices if len(choices) > 6 else ():
        say(f"  {choice}")
    shown = "" if default is LEFT_OUT or default is None else f" [{_shown(default)}]"

    def read(line: str) -> Any:
        if line == "" and optional:
            return LEFT_OUT
        return _read(kind, line, choices)

    return _prompt(f"{name} ({shape}){shown}", read)


def _shape(kind: Kind) -> str:
    """Return what a line has to be, for people."""
    seen = see_through(kind)
    members = [see_through(each) for each in (seen.members if isinstance(seen, UnionOf) else (seen,))]
    shapes = [_shape_of(each) for each in members if each != NONE]
    empty = ", empty for none" if NONE in members else ""
    return f"{' or '.join(shapes)}{empty}" if all(shapes) else f"{render(kind)}, as JSON"


def _shape_of(kind: Kind) -> str:
    match kind:
        case Scalar(cls=cls, limits=limits):
            bounds = [f"{word} {bound}" for word, bound in zip(_BOUNDS, _bounds_of(limits), strict=True) if bound]
            return ", ".join([_WORDS.get(cls, cls.__name__), *bounds])
        case EnumOf() | LiteralOf():
            return render(kind)
        case _:
            return ""


def _bounds_of(limits: Limits) -> list[str]:
    given = limits.given()
    return [str(given.get(name, "")) for name in ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length")]


def _choices(kind: Kind) -> dict[str, Any]:
    """Return the values to choose from, by what is typed for them; empty for a type that has other values too."""
    found: dict[str, Any] = {}
    seen = see_through(kind)
    for member in seen.members if isinstance(seen, UnionOf) else (seen,):
        match see_through(member):
            case LiteralOf(members=members):
                found |= {_shown(value): value for _, value in members}
            case EnumOf(cls=cls):
                found |= {_shown(each.value): each for each in cls}
            case Scalar(cls=cls) if cls is type(None):
                pass
            case _:
                return {}
    return found


def _shown(value: Any) -> str:
    if value is msgspec.UNSET:
        return "left out"
    plain = to_plain(value)
    if plain == "":
        return '""'
    return plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()


def _read(kind: Kind, line: str, choices: dict[str, Any]) -> Any:
    """Return the value that a line stands for; raises `Refused`."""
    seen = see_through(kind)
    members = tuple(map(see_through, seen.members)) if isinstance(seen, UnionOf) else (seen,)
    if line == "" and (NONE in members or choices.get("null", "") is None):
        return None
    if choices:
        return choices[_chosen(line, choices)]
    if seen == Scalar(bool):
        return _boolean(line)
    if line == "":
        raise Refused('an answer is needed; "" is an empty text')
    fault: Exception | None = None
    for value in _candidates(line, members):
        try:
            return from_outside(kind, value)
        except Mismatch as mismatch:
            fault = fault or mismatch
    assert isinstance(fault, Mismatch)
    raise Refused(str(fault) if fault.path else f"expected {_shape(kind)}, given {describe(fault.given)}")


def _candidates(line: str, members: Sequence[Kind]) -> list[Any]:
    """Return what a line may stand for: a text first, if nothing but a text is asked for; else JSON first."""
    if line == '""':
        return [""]
    if all(isinstance(each, Scalar) and each.cls is str for each in members if each != NONE):
        return [line]
    try:
        return [msgspec.json.decode(line), line]
    except msgspec.DecodeError:
        return [line]


def _boolean(line: str) -> bool:
    for value, words in ((True, ("y", "yes", "true")), (False, ("n", "no", "false"))):
        if line.lower() in words:
            return value
    raise Refused("type yes or no")


def _chosen(line: str, choices: Iterable[str]) -> str:
    """Return the choice that a line names, in any case; raises `Refused`."""
    choices = list(choices)
    found = [each for each in choices if each == line] or [each for each in choices if each.lower() == line.lower()]
    if len(found) == 1:
        return found[0]
    meant = nearest(line, choices)
    hint = f"did you mean {quoted(meant)}?" if meant is not None else f"type one of {', '.join(choices)}"
    raise Refused(f"{quoted(line)} is none of them; {hint}")


def _yes(text: str) -> bool:
    return typer.confirm(text, err=True)


def _prompt(text: str, read: Callable[[str], Any]) -> Any:
    """Ask for lines until one is taken."""
    while True:
        line = typer.prompt(text, default="", show_default=False, err=True)
        try:
            return read(line.strip())
        except Refused as refused:
            say(f"  {refused}")
