"""Typing forms from kinds: the way back, for msgspec, which reads forms."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Union

import msgspec

from typedflow.schema.types import (
    NO_LIMITS,
    AliasOf,
    Anything,
    CollectionOf,
    EnumOf,
    Kind,
    Limits,
    LiteralOf,
    MappingOf,
    NewTypeOf,
    RecordOf,
    Scalar,
    TupleOf,
    UnionOf,
)


def form_of(kind: Kind) -> Any:
    """Give a form that parses to this kind, NewTypes seen through; TypeError for what msgspec does not read."""
    match kind:
        case Anything():
            return Any
        case Scalar(cls=cls, limits=limits):
            return _limited(None if cls is type(None) else cls, limits)
        case EnumOf(cls=cls):
            return cls
        case LiteralOf(members=members):
            return Literal[tuple(value for _, value in members)]
        case CollectionOf(cls=cls, item=item, limits=limits):
            own: Any = cls
            return _limited(tuple[form_of(item), ...] if cls is tuple else own[form_of(item)], limits)
        case TupleOf(items=items):
            return tuple[tuple(form_of(item) for item in items)]  # type: ignore[misc]  # a form, made at run time
        case MappingOf(cls=cls, key=key, value=value, limits=limits):
            mapping: Any = cls
            return _limited(mapping[form_of(key), form_of(value)], limits)
        case UnionOf(members=members):
            return Union[tuple(form_of(member) for member in members)]  # noqa: UP007  # made at run time
        case NewTypeOf(base=base):
            return form_of(base)
        case AliasOf(alias=alias, args=args):
            return alias if not args else form_of(kind.target)
        case RecordOf(cls=cls, args=args):
            record: Any = cls
            return record[tuple(form_of(arg) for arg in args)] if args else record
        case _:
            raise TypeError(f"no data stands for {kind}")


def _limited(form: Any, limits: Limits) -> Any:
    return form if limits == NO_LIMITS else Annotated[form, msgspec.Meta(**limits.given())]
