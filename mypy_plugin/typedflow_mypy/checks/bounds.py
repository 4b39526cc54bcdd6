"""Calls of a method on a receiver that is a type variable: `self` in a method that returns Self, or one with a bound.

mypy asks plugins for the signature of a method by the class of its receiver, and a type variable has none. It does ask
for the type of what such a call returns, by the name that the method has in messages: "get of Layer". There the call is
checked once more, on the variable's bound, as every other call is.
"""

from __future__ import annotations

from typing import Any, Final

from mypy.nodes import ARG_POS, CallExpr, MemberExpr
from mypy.plugin import MethodContext
from mypy.types import Instance, Type, TypeVarType, get_proper_type

from typedflow_mypy.reading.shape import flat
from typedflow_mypy.reading.surface import PACKAGE

_OF: Final = " of "


def method_of(name: str) -> str:
    """Return the name of the method in "get of Layer"; empty for a full name, as all other receivers have."""
    method, found, _ = name.partition(_OF)
    return method if found else ""


def check_on_bound(ctx: MethodContext, method: str) -> Type:
    """Check a call once more, on what its receiver is bound by; returns the type of what it returns."""
    bound = _bound_of(ctx.type)
    if bound is None:
        return ctx.default_return_type
    api: Any = ctx.api
    callee: Type = api.expr_checker.analyze_external_member_access(method, bound, ctx.context)
    call = ctx.context
    if isinstance(call, CallExpr) and isinstance(call.callee, MemberExpr) and call.callee.name == method:
        result: Type = api.expr_checker.check_call_expr_with_callee_type(callee, call, None, bound, method)
        return result
    args = [given[0] for given in ctx.args if given]
    result, _ = api.expr_checker.check_method_call(method, bound, callee, args, [ARG_POS] * len(args), call)
    return result


def _bound_of(receiver: Type) -> Type | None:
    """Return the bound of a type variable, where that is one of typedflow's classes, or a union with one."""
    proper = get_proper_type(receiver)
    if not isinstance(proper, TypeVarType):
        return None
    while isinstance(proper, TypeVarType):
        proper = get_proper_type(proper.upper_bound)
    return proper if any(map(_is_ours, flat(proper))) else None


def _is_ours(tp: Type) -> bool:
    proper = get_proper_type(tp)
    return isinstance(proper, Instance) and any(base.fullname.startswith(PACKAGE) for base in proper.type.mro)
