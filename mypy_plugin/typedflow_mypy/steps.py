"""Steps and child flows: handlers that fit their place, both mappings, and the value that goes on.

mypy words a handler that does not fit by the overloads of `to`; here it is said in the flow's own terms, and mypy is
given a signature that it has nothing to say of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mypy.expandtype import expand_type
from mypy.nodes import (
    AssignmentStmt,
    CallExpr,
    Expression,
    FuncDef,
    LambdaExpr,
    MemberExpr,
    NameExpr,
    StrExpr,
    Var,
)
from mypy.subtypes import is_subtype
from mypy.typeops import erase_to_bound
from mypy.types import (
    CallableType,
    FunctionLike,
    Instance,
    ProperType,
    Type,
    TypedDictType,
    TypeVarType,
    UninhabitedType,
    get_proper_type,
)
from typing_extensions import TypeIs

from typedflow.contract import flows
from typedflow.contract.problems import Problem
from typedflow.contract.schema import PARTS
from typedflow_mypy.calls import ANY, Call
from typedflow_mypy.chains import handler_name, report_unanswered, value_at, value_of
from typedflow_mypy.literals import says_nothing
from typedflow_mypy.mappings import SubFlow, child_contract, is_read
from typedflow_mypy.rendering import render
from typedflow_mypy.shape import MypyShape, flat
from typedflow_mypy.surface import contract_of, contracts, declared_parts, is_typedflow, member_of

_COROUTINE: Final = "typing.Coroutine"

# -- steps


def check_step(call: Call) -> FunctionLike:
    """Check a handler against the contract and the value that it gets, and say it in these terms."""
    handler = call.argument("handler")
    if handler is None or isinstance(handler, StrExpr):
        return call.signature
    if isinstance(handler, LambdaExpr):
        return _plain(call, handler)
    is_first = _gives_coroutine(call.signature)
    if not is_first and call.memo.fitting == (call.context, call.receiver):
        return call.signature
    call.memo.fitting = None
    if child_contract(call, handler) is not None:
        return _check_child(call, handler)
    value = value_of(call)
    if value is not None and isinstance(get_proper_type(value), UninhabitedType):
        report_unanswered(call)
    given = _handler_type(call, handler)
    wanted = _wanted(call)
    if given is not None and _breaks_write_back(call, given):
        return _returning(call.signature, given)
    if given is None or wanted is None:
        return call.signature
    if is_subtype(given, wanted):
        if is_first and call.is_sound:
            call.memo.fitting = (call.context, call.receiver)
        return call.signature
    return _misfit(call, handler, given, wanted)


def _gives_coroutine(signature: CallableType) -> bool:
    """Say whether an overload is the one of async handlers, which is the first."""
    formal = get_proper_type(signature.arg_types[0])
    result = get_proper_type(formal.ret_type) if isinstance(formal, CallableType) else None
    return isinstance(result, Instance) and result.type.fullname == _COROUTINE


def _plain(call: Call, handler: LambdaExpr) -> FunctionLike:
    """Take a lambda for a plain function, unless it gives a coroutine.

    mypy would try it as both, and say of what is wrong inside of it that it fits neither.
    """
    wanted, formal = _wanted(call), get_proper_type(call.signature.arg_types[0])
    if wanted is None or not isinstance(formal, CallableType) or not call.signature.variables:
        return call.signature
    given = get_proper_type(call.infer(handler, wanted)[0])
    result = get_proper_type(given.ret_type) if isinstance(given, CallableType) else None
    if isinstance(result, Instance) and result.type.fullname == _COROUTINE:
        return call.signature
    value = get_proper_type(formal.ret_type)
    if isinstance(value, Instance) and _gives_coroutine(call.signature):
        return call.signature.copy_modified(
            arg_types=[formal.copy_modified(ret_type=value.args[2]), *call.signature.arg_types[1:]]
        )
    return call.signature


def _breaks_write_back(call: Call, handler: CallableType) -> bool:
    """Report a step behind a child whose write_back leaves a value that the step does not take."""
    takes = get_proper_type(handler.arg_types[0]) if handler.arg_types else None
    before = _child_before(call)
    if before is None or not isinstance(before.callee, MemberExpr) or not before.args or not _is_data(takes):
        return False
    receiver = call.api.lookup_type_or_none(before.callee.expr)
    contract, value = contract_of(receiver) if receiver is not None else None, value_at(call, receiver)
    if contract is None or value is None or not _is_settled(takes.args[1]):
        return False
    sub_flow = SubFlow(call, value, contract, before.args[0])
    given = dict(zip(before.arg_names, before.args, strict=True))
    return sub_flow.is_known and sub_flow.check_next(given.get("write_back"), takes.args[1])


def _child_before(call: Call) -> CallExpr | None:
    """Find the child that a step stands behind: in the same chain, or under the name that the chain begins with."""
    callee = call.context.callee if isinstance(call.context, CallExpr) else None
    here = callee.expr if isinstance(callee, MemberExpr) else None
    if isinstance(here, NameExpr) and isinstance(here.node, Var):
        here = _assigned(call, here.node)
    is_child = isinstance(here, CallExpr) and isinstance(here.callee, MemberExpr) and here.callee.name == "to_sub_flow"
    return here if is_child and isinstance(here, CallExpr) else None


def _assigned(call: Call, name: Var) -> Expression | None:
    """Find what a name is assigned, in the function at hand or at the top of the module."""
    function = call.api.scope.current_function()
    body = function.body.body if isinstance(function, FuncDef) else call.api.tree.defs
    for statement in body:
        if isinstance(statement, AssignmentStmt) and len(statement.lvalues) == 1:
            lvalue = statement.lvalues[0]
            if isinstance(lvalue, NameExpr) and lvalue.node is name:
                return statement.rvalue
    return None


def _misfit(call: Call, handler: Expression, given: CallableType, wanted: CallableType) -> FunctionLike:
    """Report a handler that mypy will refuse, and let mypy go on with what it returns."""
    takes = get_proper_type(given.arg_types[0]) if given.arg_types else None
    gets = get_proper_type(wanted.arg_types[0])
    if not _is_data(takes) or not _is_data(gets):
        return call.signature
    step, found = step_name(call, handler), False
    if is_dict_for(gets.args[1], takes.args[1]) and is_subtype(gets.args[0], erase_to_bound(takes.args[0])):
        return _returning(call.signature, given)
    if not is_subtype(gets.args[1], erase_to_bound(takes.args[1])):
        call.report(flows.wrong_input(step, render(takes.args[1]), render(gets.args[1])), handler)
        found = True
    for problem in _contract_problems(call, step, gets.args[0], erase_to_bound(takes.args[0])):
        call.report(problem, handler)
        found = True
    return _returning(call.signature, given) if found else call.signature


def is_dict_for(given: Type, takes: Type) -> bool:
    """Say whether what `when` and `collect` give may be taken as a plain dict: it is made for this one step."""
    made, wanted = get_proper_type(given), get_proper_type(takes)
    if not isinstance(made, TypedDictType) or not made.is_anonymous() or not isinstance(wanted, Instance):
        return is_subtype(given, takes)
    if wanted.type.fullname != "builtins.dict":
        return is_subtype(given, takes)
    return all(is_dict_for(item, wanted.args[1]) for item in made.items.values())


def _contract_problems(call: Call, step: str, contract: Type, wanted: Type) -> Iterator[Problem]:
    if is_subtype(contract, wanted):
        return
    for asked in contracts(wanted):
        for mine in contracts(contract):
            call.steps.through(mine.type, *PARTS)
            lacks = list(_lacks(call, asked, mine)) if asked.type.is_protocol else []
            yield flows.other_contract(step, asked.type.name, mine.type.name, lacks)


def _lacks(call: Call, asked: Instance, mine: Instance) -> Iterator[str]:
    """Give the parts that a protocol asks for and a contract does not have, and the members of those that it has."""
    for part in declared_parts(asked):
        wanted, given = member_of(asked, part, call.steps), member_of(mine, part, call.steps)
        if given is None:
            yield part
        elif wanted is not None:
            have = MypyShape(given, call.steps).fields() or {}
            yield from (f"{part}.{name}" for name in MypyShape(wanted, call.steps).fields() or () if name not in have)


def _returning(signature: CallableType, handler: CallableType) -> CallableType:
    """Give the signature that takes anything, and goes on with what the handler returns."""
    result = get_proper_type(handler.ret_type)
    if isinstance(result, Instance) and result.type.fullname == _COROUTINE and len(result.args) == 3:
        result = get_proper_type(result.args[2])
    return _taking_anything(signature, result)


def _taking_anything(signature: CallableType, value: Type) -> CallableType:
    values: dict[object, Type] = {variable.id: value for variable in signature.variables}
    return signature.copy_modified(
        arg_types=[ANY] * len(signature.arg_types),
        ret_type=expand_type(signature.ret_type, values),  # type: ignore[arg-type]  # its keys are ids of variables
        variables=[],
    )


def _check_child(call: Call, child: Expression) -> FunctionLike:
    """Check a child flow that is a branch: it is given the value, and gives its result."""
    value, contract = value_of(call), contract_of(call.receiver)
    if value is not None and contract is not None:
        sub_flow = SubFlow(call, value, contract, child)
        if sub_flow.is_known:
            result = sub_flow.check(None, None)
            return _taking_anything(call.signature, result)
    return call.signature


def step_name(call: Call, handler: Expression) -> str:
    """Give the name that a step will have, as far as it can be told from its call."""
    name = next((value.value for key, value in call.keywords() if key == "name" and isinstance(value, StrExpr)), None)
    if name is not None:
        return name
    return handler_name(handler)


def _handler_type(call: Call, handler: Expression) -> CallableType | None:
    proper = get_proper_type(call.type_of(handler))
    if isinstance(proper, Instance):
        method = proper.type.get_method("__call__")
        member: Type = call.api.expr_checker.analyze_external_member_access("__call__", proper, handler)
        found = get_proper_type(member)
        return found if method is not None and isinstance(found, CallableType) else None
    return proper if isinstance(proper, CallableType) and not proper.is_type_obj() else None


def _wanted(call: Call) -> CallableType | None:
    """Give what mypy asks of a handler here: a function of Data, whatever it returns."""
    formals = [get_proper_type(item) for item in flat(call.signature.arg_types[0])]
    formal = next((item for item in formals if isinstance(item, CallableType)), None)
    if formal is None:
        return None
    return formal.copy_modified(ret_type=call.api.named_generic_type("builtins.object", []))


def _is_settled(tp: Type) -> bool:
    """Say whether a type is free of type variables, and says something."""
    return not says_nothing(tp) and not isinstance(get_proper_type(tp), TypeVarType)


def _is_data(tp: ProperType | None) -> TypeIs[Instance]:
    return isinstance(tp, Instance) and tp.type.name == "Data" and is_typedflow(tp.type, "Data")


# -- child flows


def check_sub_flow(call: Call) -> FunctionLike:
    """Check `to_sub_flow`: all of both mappings, and the value that goes on."""
    child = call.argument("child")
    contract, value = contract_of(call.receiver), value_of(call)
    if child is None or contract is None or value is None or child_contract(call, child) is None:
        return call.signature
    given = dict(call.keywords())
    capture, write_back = given.get("capture"), given.get("write_back")
    known = call.memo.overloads
    if known is not None and known[:2] == (call.context, call.receiver) and "write_back" in call.signature.arg_names:
        result: Type = known[2]
    else:
        sub_flow = SubFlow(call, value, contract, child)
        if not sub_flow.is_known:
            return call.signature
        result = sub_flow.check(capture, write_back)
        call.memo.overloads = (call.context, call.receiver, result)
    formals: dict[str, Type] = {"child": ANY}
    if is_read(call, capture):
        formals["capture"] = ANY
    if is_read(call, write_back):
        formals["write_back"] = ANY
    signature = call.with_types(_with_value(call.signature.ret_type, result), **formals)
    return signature.copy_modified(variables=[])


def _with_value(process: Type, value: Type) -> Type:
    proper = get_proper_type(process)
    if not isinstance(proper, Instance) or len(proper.args) < 2:
        return process
    return proper.copy_modified(args=[proper.args[0], value, *proper.args[2:]])
