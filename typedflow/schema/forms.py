"""Convert a kind back to a typing form, from which msgspec builds a decoder."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

import msgspec

from typedflow.schema.types import (
    NO_LIMITS,
    AliasOf,
    CollectionOf,
    EnumOf,
    Kind,
    Limits,
    LiteralOf,
    MappingOf,
    NewTypeOf,
    Opaque,
    RecordOf,
    Scalar,
    TupleOf,
    UnionOf,
)


class Formless(Exception):
    """Raised for a kind that msgspec cannot decode: an alias that refers to itself, a class that is no record."""


def form_of(kind: Kind) -> Any:
    """Return the typing form; raises `Formless` for abstract collections, functions and unknown classes.

    A class that is saved as another type is a custom type to msgspec, which needs hooks for it.
    """
    return _form(kind, frozenset())


def _form(kind: Kind, open_: frozenset[Kind]) -> Any:
    match kind:
        case Scalar(cls=cls, limits=limits):
            return _limited(cls, limits)
        case EnumOf(cls=cls):
            return cls
        case LiteralOf(members=members):
            return Literal[tuple(value for _, value in members)]
        case CollectionOf(cls=cls, item=item, limits=limits) if cls in (list, set, frozenset, tuple):
            inner = _form(item, open_)
            return _limited(tuple[inner, ...] if cls is tuple else cls[inner], limits)  # type: ignore[valid-type]
        case TupleOf(items=items):
            return tuple[tuple(_form(item, open_) for item in items)]  # type: ignore[misc]  # made at run time
        case MappingOf(cls=cls, key=key, value=value, limits=limits) if cls is dict:
            return _limited(dict[_form(key, open_), _form(value, open_)], limits)  # type: ignore[misc]
        case UnionOf(members=members):
            return reduce(or_, [_form(member, open_) for member in members])
        case NewTypeOf(base=base):
            return _form(base, open_)
        case AliasOf() if kind not in open_:
            return _form(kind.target, open_ | {kind})
        case Opaque(cls=cls) if kind.stored is not None:
            return cls
        case RecordOf(cls=cls, args=args):
            return cls[tuple(_form(arg, open_) for arg in args)] if args else cls  # type: ignore[index]  # a generic class
        case _:
            raise Formless(kind)


def _limited(form: Any, limits: Limits) -> Any:
    return form if limits == NO_LIMITS else Annotated[form, msgspec.Meta(**limits.given())]
