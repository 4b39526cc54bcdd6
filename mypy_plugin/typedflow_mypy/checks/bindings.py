"""The type of `binding({…})`: its literals, kept in a type that any module can read and that fits `Capture`."""

from __future__ import annotations

from mypy.nodes import DictExpr, Expression
from mypy.plugin import FunctionContext
from mypy.typeops import make_simplified_union
from mypy.types import ExtraAttrs, Instance, LiteralType, Type, TypedDictType

from typedflow_mypy.reading.calls import entries
from typedflow_mypy.reading.literals import texts_of


def bake(ctx: FunctionContext) -> Type:
    """Return the type of `binding({…})`: a TypedDict of its literals, for any module, that fits `Capture`."""
    args = [expr for formal in ctx.args for expr in formal]
    if len(args) != 1 or not isinstance(args[0], DictExpr):
        return ctx.default_return_type
    items = _baked_items(ctx, args[0])
    if items is None:
        return ctx.default_return_type
    fallback = ctx.api.named_generic_type("typing._TypedDict", [])
    return closed(items, fallback)


def closed(items: dict[str, Type], fallback: Instance) -> TypedDictType:
    """Make a TypedDict that has no other keys, so that it fits one in which others are optional (PEP 728)."""
    return TypedDictType(items, set(items), set(), fallback, fallback.line, fallback.column, is_closed=True)


def _baked_items(ctx: FunctionContext, display: DictExpr) -> dict[str, Type] | None:
    items: dict[str, Type] = {}
    for key, value in entries(display) or ():
        texts = texts_of(key, ctx.api)
        tp = _baked_value(ctx, value)
        if texts is None or len(texts) != 1 or tp is None:
            return None
        items[texts[0]] = tp
    return items if len(items) == len(display.items) else None


def _baked_value(ctx: FunctionContext, value: Expression) -> Type | None:
    if isinstance(value, DictExpr):
        return _baked_mapping(ctx, value)
    texts = texts_of(value, ctx.api)
    if texts is None or len(texts) != 1:
        return None
    return LiteralType(texts[0], ctx.api.named_generic_type("builtins.str", []), value.line, value.column)


def _baked_mapping(ctx: FunctionContext, display: DictExpr) -> Instance | None:
    """Return the type of the fields of a scope: the Mapping that `Capture` declares, with the items kept beside it."""
    items = _baked_items(ctx, display)
    if items is None:
        return None
    text = ctx.api.named_generic_type("builtins.str", [])
    mapping = ctx.api.named_generic_type("typing.Mapping", [text, make_simplified_union(list(items.values()))])
    mapping.extra_attrs = ExtraAttrs(items, set(items))
    return mapping
