"""Keys as they stand in the source: which texts an expression can be.

A literal, a concatenation of them, a `Final` name of any module, a `Literal[…]`-typed variable, a member of a StrEnum
or of an Enum with str, and unions of these. Everything else is dynamic.
"""

from __future__ import annotations

from typing import Any

from mypy.constant_fold import constant_fold_expr
from mypy.nodes import Expression, StrExpr, Var
from mypy.types import AnyType, Instance, LiteralType, ProperType, Type, UninhabitedType, get_proper_type

from typedflow_mypy.shape import flat


def texts_of(expr: Expression, api: Any) -> tuple[str, ...] | None:
    """Give the texts that an expression can be; None where that cannot be told."""
    if isinstance(expr, StrExpr):
        return (expr.value,)
    folded = constant_fold_expr(expr, api.tree.fullname)
    if folded is not None:
        return (folded,) if isinstance(folded, str) else None
    return texts_of_type(api.get_expression_type(expr))


def texts_of_type(tp: Type) -> tuple[str, ...] | None:
    """Give the texts that a value of a type can be; None where that cannot be told."""
    texts = [_text(get_proper_type(item)) for item in flat(tp)]
    found = tuple(dict.fromkeys(text for text in texts if text is not None))
    return found if texts and None not in texts else None


def says_nothing(tp: Type) -> bool:
    """Say whether a type comes of an error elsewhere, or of code that is never run: not to be reported again."""
    proper = get_proper_type(tp)
    return isinstance(proper, (AnyType, UninhabitedType))


def _text(tp: ProperType) -> str | None:
    if isinstance(tp, Instance):
        return _text(tp.last_known_value) if tp.last_known_value is not None else None
    if not isinstance(tp, LiteralType) or not isinstance(tp.value, str):
        return None
    if tp.fallback.type.fullname == "builtins.str":
        return tp.value
    return _member_text(tp) if tp.fallback.type.is_enum else None


def _member_text(tp: LiteralType) -> str | None:
    """Give the text of an enum's member, where the enum is one of texts."""
    info = tp.fallback.type
    if not any(base.fullname == "builtins.str" for base in info.mro):
        return None
    sym = info.names.get(str(tp.value))
    node = sym.node if sym is not None else None
    declared = get_proper_type(node.type) if isinstance(node, Var) and node.type is not None else None
    if isinstance(declared, Instance) and declared.last_known_value is not None:
        value = declared.last_known_value.value
        return value if isinstance(value, str) else None
    return None
