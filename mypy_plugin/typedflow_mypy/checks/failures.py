"""Handlers for errors: `on_error` of a step and of a child flow, which gets a `Failed` of the value there."""

from __future__ import annotations

from typing import Final

from mypy.nodes import ARG_POS, Expression, LambdaExpr, NameExpr, TypeInfo
from mypy.types import CallableType, Instance, Type, get_proper_type

from typedflow.rules import flows
from typedflow_mypy.checks.chains import handler_name
from typedflow_mypy.reading.calls import ANY, Call
from typedflow_mypy.reading.constants import shown
from typedflow_mypy.reading.handlers import awaited, handler_type, is_no_function, misfits, takes_handler, takes_one

_DATA: Final = ("typedflow.execution.data", "Data")
_FAILED: Final = ("typedflow.definition.failed", "Failed")


def check_on_error(call: Call, contract: Type | None, value: Type | None) -> Type | None:
    """Check a handler for errors; return what it supplies, None where the call has none that is known."""
    handler = call.argument("on_error")
    wanted = _wanted(call, contract, value)
    if handler is None or wanted is None or _is_none(handler):
        return None
    if isinstance(handler, LambdaExpr):
        if not takes_one(handler):
            call.report(flows.wrong_parameters_problem(handler_name(handler)), handler)
            return ANY
        inferred = get_proper_type(call.infer(handler, wanted)[0])
        return _supplied(call, inferred) if isinstance(inferred, CallableType) else ANY
    given = handler_type(call, handler)
    if given is None:
        if is_no_function(call, handler):
            call.report(flows.not_a_handler_problem(shown(call, handler)), handler)
            return ANY
        return None
    if takes_handler(given, wanted):
        return _supplied(call, given)
    problems = misfits(handler_name(handler), given, wanted, call, kind="step")
    for problem in problems if problems is not None else [flows.not_a_handler_problem(shown(call, handler))]:
        call.report(problem, handler)
    return _supplied(call, given)


def _is_none(handler: Expression) -> bool:
    return isinstance(handler, NameExpr) and handler.fullname == "builtins.None"


def _supplied(call: Call, handler: CallableType) -> Type:
    """Return what a handler returns, awaited if it is awaitable."""
    return ANY if handler.variables else awaited(call, handler.ret_type)


def _wanted(call: Call, contract: Type | None, value: Type | None) -> CallableType | None:
    """Return the type of a handler for errors of this value, whatever it returns."""
    data, failed = _class(call, *_DATA), _class(call, *_FAILED)
    if contract is None or value is None or data is None or failed is None:
        return None
    takes = Instance(data, [contract, Instance(failed, [value])])
    object_type = call.api.named_generic_type("builtins.object", [])
    return CallableType([takes], [ARG_POS], [None], object_type, call.api.named_generic_type("builtins.function", []))


def _class(call: Call, module: str, name: str) -> TypeInfo | None:
    found = call.api.modules.get(module)
    symbol = found.names.get(name) if found is not None else None
    return symbol.node if symbol is not None and isinstance(symbol.node, TypeInfo) else None
