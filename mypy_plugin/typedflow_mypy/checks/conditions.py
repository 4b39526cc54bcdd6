"""Matches and ifs: their modes, and the functions that decide between their cases."""

from __future__ import annotations

from typing import Final

from mypy.nodes import ARG_POS, Expression, IntExpr, LambdaExpr, StrExpr
from mypy.types import CallableType, FunctionLike, Instance, Type, TypeVarType, get_proper_type

from typedflow.rules import flows
from typedflow.rules.cases import class_as_value_problem
from typedflow.rules.problems import Problem
from typedflow.rules.wording import OfType
from typedflow_mypy.checks.cases import class_shown
from typedflow_mypy.checks.chains import check_close, handler_name
from typedflow_mypy.checks.mappings import breaks_write_back
from typedflow_mypy.checks.options import wrong_mode
from typedflow_mypy.reading.calls import ANY, Call
from typedflow_mypy.reading.constants import shown
from typedflow_mypy.reading.handlers import handler_type, is_class, is_no_function, misfits, takes_handler, takes_one
from typedflow_mypy.reading.rendering import render

_DATA: Final = ("typedflow.execution.data", "Data")


def check_match(call: Call) -> FunctionLike:
    """Check the mode of a match, which mypy words by its overloads."""
    if not wrong_mode(call, "match"):
        return call.signature
    return call.with_types(ANY, mode=ANY)


def check_if(call: Call) -> FunctionLike:
    """Check the condition of an if."""
    condition = call.argument("condition")
    wanted = get_proper_type(call.signature.arg_types[0]) if call.signature.arg_types else None
    if condition is None or not isinstance(wanted, CallableType):
        return call.signature
    if isinstance(condition, LambdaExpr):
        return call.signature if _takes_one(call, condition) else call.with_types(condition=ANY)
    if is_no_function(call, condition):
        call.report(flows.not_a_condition_problem(shown(call, condition)), condition)
        return call.with_types(condition=ANY)
    return _check_function(call, condition, wanted, is_value=False)


def check_elif(call: Call) -> FunctionLike:
    """Check a further condition of an if, and that an if is open."""
    signature = check_close(call)
    return check_if(call) if call.is_sound else signature


def check_first_case(call: Call) -> FunctionLike:
    """Check the first case of a match."""
    receiver = call.receiver
    if not isinstance(receiver, Instance) or len(receiver.args) != 4:
        return call.signature
    return _check_case(call, receiver.args[1], receiver.args[2])


def check_case(call: Call) -> FunctionLike:
    """Check a further case of a match, and that a match is open."""
    signature = check_close(call)
    receiver = call.receiver
    if not call.is_sound or not isinstance(receiver, Instance) or len(receiver.args) != 3:
        return signature
    block = get_proper_type(receiver.args[2])
    if not isinstance(block, Instance) or block.type.name != "Case":
        return signature
    return _check_case(call, receiver.args[0], block.args[1])


def _check_case(call: Call, contract: Type, value: Type) -> FunctionLike:
    """Check a case: what can be called is a condition, but for classes; all else is a value to compare with."""
    condition = call.argument("condition")
    if condition is None:
        return call.signature
    if isinstance(condition, LambdaExpr):
        wanted = _wanted(call, contract, value)
        if wanted is None:
            return call.signature
        return call.with_types(condition=wanted if _takes_one(call, condition) else ANY)
    if isinstance(condition, (StrExpr, IntExpr)):
        return call.signature
    if found := class_shown(call, condition):
        call.report(class_as_value_problem(found), condition)
        return call.signature
    if not _can_be_called(call.type_of(condition)):
        return call.signature
    wanted = _wanted(call, contract, value)
    return call.signature if wanted is None else _check_function(call, condition, wanted, is_value=True)


def _takes_one(call: Call, condition: LambdaExpr) -> bool:
    """Report a lambda that cannot be called with the Data."""
    if takes_one(condition):
        return True
    call.report(flows.wrong_parameters_problem(handler_name(condition)), condition)
    return False


def _can_be_called(tp: Type) -> bool:
    proper = get_proper_type(tp)
    if isinstance(proper, Instance):
        return proper.type.get("__call__") is not None
    return isinstance(proper, CallableType) and not is_class(proper)


def _check_function(call: Call, condition: Expression, wanted: CallableType, *, is_value: bool) -> FunctionLike:
    given = handler_type(call, condition)
    if given is None:
        return call.signature
    if takes_one(given) and breaks_write_back(call, given):
        return call.with_types(condition=ANY)
    if takes_handler(given, wanted):
        return call.signature
    name = handler_name(condition)
    problems: list[Problem] | None = misfits(name, given, wanted, call, kind="condition")
    if problems is None:
        problems = [] if is_value else [flows.not_a_condition_problem(OfType(render(given)))]
    for problem in problems:
        call.report(problem, condition)
    return call.with_types(condition=ANY)


def _wanted(call: Call, contract: Type, value: Type) -> CallableType | None:
    """Return the type of a condition of a match; a case may be any object, so that its signature does not hold it."""
    module = call.api.modules.get(_DATA[0])
    data = module.names.get(_DATA[1]) if module is not None else None
    if data is None or isinstance(get_proper_type(value), TypeVarType):
        return None
    object_type = call.api.named_generic_type("builtins.object", [])
    function = call.api.named_generic_type("builtins.function", [])
    return CallableType([Instance(data.node, [contract, value])], [ARG_POS], [None], object_type, function)
