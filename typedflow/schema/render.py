"""Render types and values for messages: types as the user writes them, values shortened."""

from __future__ import annotations

import reprlib
from typing import Any, Final, assert_never

from typedflow.rules.concealment import is_concealed
from typedflow.schema.parsing import Unresolved, parse
from typedflow.schema.types import (
    NO_LIMITS,
    AliasOf,
    Anything,
    CollectionOf,
    EnumOf,
    FunctionOf,
    Kind,
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
)

_SHORT: Final = 80


def render(tp: Any) -> str:
    """Return a type, or a kind, as its user would write it, without module names: `list[Request | None]`.

    A type with an undefined name is rendered by its repr.
    """
    try:
        return _render(parse(tp))
    except Unresolved:
        return tp.__name__ if isinstance(tp, type) else str(tp)


def describe(value: object) -> str:
    """Return a value and its class, shortened for a message: `'x' (str)`. Never raises, even if the repr does.

    For values of the resources in use, only the class is returned.
    """
    if value is None:
        return "None"
    name = type(value).__name__
    if is_concealed(value):
        return f"a value of {name}"
    try:
        text = " ".join(_brief.repr(value).split())
    except Exception:  # a message about a broken object must not break
        return f"an object without a working repr ({name})"
    if len(text) > _SHORT:
        text = f"{text[: _SHORT - 2]} …"
    return f"{text} ({name})"


def class_name(value: object) -> str:
    """Return the class name of a value, for messages that must not show a resource."""
    return "None" if value is None else type(value).__name__


class _Brief(reprlib.Repr):
    def repr_instance(self, x: Any, level: int) -> str:
        return repr(x)[: 2 * _SHORT]

    def repr_int(self, x: int, level: int) -> str:
        try:
            repr(x)
        except ValueError:  # longer than sys.set_int_max_str_digits: from 3.14 reprlib shows it with its address
            return f"an int of {x.bit_length()} bits"
        return super().repr_int(x, level)


_brief: Final = _Brief()
_brief.maxstring = _brief.maxother = 60
_brief.maxlevel = 3


def _render(kind: Kind) -> str:
    match kind:
        case Anything(dynamic=dynamic):
            return "Any" if dynamic else "object"
        case Nothing():
            return "Never"
        case Scalar(cls=cls, limits=limits):
            return _limited("None" if cls is type(None) else cls.__name__, limits)
        case EnumOf(cls=enum_cls):
            return enum_cls.__name__
        case LiteralOf(members=members):
            return f"Literal[{', '.join(_literal(value) for _, value in members)}]"
        case CollectionOf(cls=cls, item=item, limits=limits):
            inner = f"{_render(item)}, ..." if cls is tuple else _render(item)
            return _limited(f"{cls.__name__}[{inner}]", limits)
        case TupleOf(items=items):
            return f"tuple[{', '.join(map(_render, items)) or '()'}]"
        case MappingOf(cls=cls, key=key, value=value, limits=limits):
            return _limited(f"{cls.__name__}[{_render(key)}, {_render(value)}]", limits)
        case UnionOf(members=members):
            return " | ".join(map(_render, members))
        case NewTypeOf(newtype=newtype):
            return str(newtype.__name__)
        case AliasOf(alias=alias, args=args):
            return _applied(alias.__name__, args)
        case RecordOf(cls=cls, args=args) | Opaque(cls=cls, args=args):
            return _applied(cls.__name__, args)
        case FunctionOf(params=params, result=result):
            taken = "..." if params is None else f"[{', '.join(map(_render, params))}]"
            return f"Callable[{taken}, {_render(result)}]"
        case _:
            assert_never(kind)


def _applied(name: str, args: tuple[Kind, ...]) -> str:
    """Return a generic class with its arguments; without them if all are Any: `Box` is `Box[Any]`."""
    if all(arg == Anything() for arg in args):
        return name
    return f"{name}[{', '.join(map(_render, args))}]"


def _literal(value: Any) -> str:
    cls = type(value)
    return f"{cls.__name__}.{value.name}" if hasattr(value, "_value_") and hasattr(value, "name") else repr(value)


def _limited(text: str, limits: Limits) -> str:
    if limits is NO_LIMITS or limits == NO_LIMITS:
        return text
    meta = ", ".join(f"{name}={value!r}" for name, value in limits.given().items())
    return f"Annotated[{text}, Meta({meta})]"
