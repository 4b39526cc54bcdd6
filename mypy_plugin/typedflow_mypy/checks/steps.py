"""Trace and child flows: handlers that fit their place, both mappings, and the value that goes on.

mypy words a handler that does not fit by the overloads of `to`; here it is said in the flow's own terms, and mypy is
given a signature that it has nothing to say of.
"""

from __future__ import annotations

from collections.abc import Sequence

from mypy.nodes import (
    CallExpr,
    ConditionalExpr,
    Expression,
    LambdaExpr,
    MemberExpr,
    RefExpr,
    StrExpr,
)
from mypy.subtypes import is_subtype
from mypy.typeops import get_all_type_vars
from mypy.types import (
    CallableType,
    FunctionLike,
    Instance,
    Type,
    TypeVarType,
    UninhabitedType,
    UnionType,
    get_proper_type,
)
from mypy.typestate import type_state

from typedflow.rules import flows
from typedflow_mypy.checks.chains import handler_name, report_unanswered, value_of
from typedflow_mypy.checks.failures import check_on_error
from typedflow_mypy.checks.mappings import SubFlow, breaks_write_back, child_contract, flow_name
from typedflow_mypy.checks.options import check_thread, is_remote, with_options
from typedflow_mypy.checks.resources import check_executor
from typedflow_mypy.reading.calls import ANY, Call, taking_anything
from typedflow_mypy.reading.constants import shown
from typedflow_mypy.reading.handlers import (
    awaited,
    handler_type,
    is_async,
    is_coroutine,
    is_data,
    is_no_function,
    misfits,
    overloads,
    takes_handler,
    takes_one,
)
from typedflow_mypy.reading.literals import says_nothing, texts_of_type
from typedflow_mypy.reading.rendering import render
from typedflow_mypy.reading.shape import flat, union_of
from typedflow_mypy.reading.surface import contract_of, contracts

# -- steps


def check_step(call: Call) -> FunctionLike:
    """Check a handler against the contract and the value that it gets, its handler for errors, and the options."""
    check_executor(call, call.argument("handler"))
    signature = with_options(call, _check_handler(call))
    if call.argument("on_error") is None or not call.is_sound:
        return signature
    supplied = check_on_error(call, contract_of(call.receiver), value_of(call))
    return signature if call.is_sound or supplied is None else taking_anything(call.signature, ANY)


def _check_handler(call: Call) -> CallableType:
    handler = call.argument("handler")
    if handler is None or isinstance(handler, StrExpr):
        return call.signature
    if isinstance(handler, LambdaExpr):
        return _plain(call, handler)
    if _takes_child(call) and child_contract(call, handler) is not None:
        return _check_child(call, handler)
    value = value_of(call)
    if value is not None and isinstance(get_proper_type(value), UninhabitedType):
        report_unanswered(call)
    formal = _function(call)
    if formal is None:
        return call.signature
    if not isinstance(handler, RefExpr) and not call.infer(handler, None)[1]:
        return taking_anything(call.signature, ANY)  # mypy reports what is wrong inside of it
    if isinstance(handler, ConditionalExpr):
        return _check_either(call, handler, _wanted(call, formal))
    given = handler_type(call, handler)
    if given is None:
        return _check_other(call, handler, _wanted(call, formal))
    if is_async(given) and check_thread(call, step_name(call, handler)):
        return _returning(call, given)
    if breaks_write_back(call, given):
        return _returning(call, given)
    if _takes_just(given, formal) or _fits(given, _wanted(call, formal)):
        awaiting = _awaiting(call, formal, given.ret_type)
        if awaiting is not None:
            return awaiting
        if _takes_child(call) and isinstance(get_proper_type(given.ret_type), UninhabitedType):
            return taking_anything(call.signature, ANY)
        if call.is_sound and not call.keywords() and _takes_async(call.signature):
            call.answers.fitting = (call.context, call.receiver)
        return call.signature
    return _misfit(call, handler, given, _wanted(call, formal))


def _check_either(call: Call, handler: ConditionalExpr, wanted: CallableType) -> CallableType:
    """Check both handlers of `a if condition else b`, whose types mypy joins before it compares them."""
    values: list[Type] = []
    for one in (handler.if_expr, handler.else_expr):
        given = handler_type(call, one)
        if given is None:
            continue
        if not _fits(given, wanted):
            for problem in misfits(handler_name(one), given, wanted, call, kind="step") or ():
                call.report(problem, one)
        if not get_all_type_vars(given.ret_type):
            values.append(awaited(call, given.ret_type))
    if not call.is_sound:
        return taking_anything(call.signature, ANY)
    return _with_value_of(call.signature, union_of(values)) if len(values) == 2 else call.signature


def _takes_just(given: CallableType, formal: CallableType) -> bool:
    """Return whether a handler takes exactly what it gets, as most do; then no further check is needed."""
    return not given.variables and given.arg_kinds == formal.arg_kinds and given.arg_types == formal.arg_types


def _fits(given: CallableType, wanted: CallableType) -> bool:
    """Return whether mypy takes a handler."""
    for takes in map(get_proper_type, given.arg_types[:1]):
        if is_data(takes) and any(contract.type.is_protocol for contract in contracts(takes.args[0])):
            # mypy forgets in its daemon what fits a protocol that was edited, but not what fits a Data of it
            type_state.reset_subtype_caches_for(takes.type)
    return takes_handler(given, wanted)


def _takes_async(signature: CallableType) -> bool:
    """Return whether an overload is the one of async handlers, which is the first."""
    formal = get_proper_type(signature.arg_types[0])
    return isinstance(formal, CallableType) and is_coroutine(formal.ret_type)


def _takes_child(call: Call) -> bool:
    callee = call.context.callee if isinstance(call.context, CallExpr) else None
    return isinstance(callee, MemberExpr) and callee.name == "branch"


def _check_other(call: Call, handler: Expression, wanted: CallableType) -> CallableType:
    """Report what is no function, but for a text, which names a chunk, and a class that is made of Data."""
    tp = get_proper_type(call.type_of(handler))
    known = overloads(call, handler)
    if known:
        return _check_overloads(call, handler, known, wanted)
    if not is_no_function(call, handler) or texts_of_type(tp) is not None or is_subtype(tp, wanted):
        return call.signature
    text = call.api.named_generic_type("builtins.str", [])
    if is_subtype(tp, text):
        return call.signature
    contract = child_contract(call, handler)
    if contract is not None:
        call.report(flows.flow_as_handler_problem(flow_name(call, handler) or render(contract)), handler)
        return taking_anything(call.signature, ANY)
    call.report(flows.not_a_handler_problem(shown(call, handler)), handler)
    return taking_anything(call.signature, ANY)


def _check_overloads(call: Call, handler: Expression, known: list[CallableType], wanted: CallableType) -> CallableType:
    """Report a function of which no overload fits."""
    if any(_fits(given, wanted) for given in known):
        return call.signature
    taken = [found for given in known if takes_one(given) and is_data(found := get_proper_type(given.arg_types[0]))]
    gets = get_proper_type(wanted.arg_types[0])
    if taken and is_data(gets):
        values = union_of(takes.args[1] for takes in taken)
        problem = flows.wrong_input_problem(step_name(call, handler), render(values), render(gets.args[1]))
    else:
        problem = flows.not_a_handler_problem(shown(call, handler))
    call.report(problem, handler)
    return taking_anything(call.signature, ANY)


def _plain(call: Call, handler: LambdaExpr) -> CallableType:
    """Take a lambda for a plain function, unless it gives a coroutine.

    mypy would try it as both, and say of what is wrong inside of it that it fits neither.
    """
    if not takes_one(handler):
        call.report(flows.wrong_parameters_problem(step_name(call, handler)), handler)
        return taking_anything(call.signature, ANY)
    formal = get_proper_type(call.signature.arg_types[0])
    if not isinstance(formal, CallableType) or not call.signature.variables:
        return call.signature
    wanted = _wanted(call, formal)
    inferred, sound = call.infer(handler, wanted)
    if not sound:  # mypy reports what is wrong inside of it
        return taking_anything(call.signature, ANY).copy_modified(arg_types=[wanted, *call.signature.arg_types[1:]])
    given = get_proper_type(inferred)
    if isinstance(given, CallableType):
        if is_coroutine(given.ret_type):
            return call.signature
        awaiting = _awaiting(call, formal, given.ret_type)
        if awaiting is not None:
            return awaiting.copy_modified(arg_types=[wanted, *awaiting.arg_types[1:]])
    value = get_proper_type(formal.ret_type)
    if isinstance(value, Instance) and _takes_async(call.signature):
        return call.signature.copy_modified(
            arg_types=[formal.copy_modified(ret_type=value.args[2]), *call.signature.arg_types[1:]]
        )
    return call.signature


def _misfit(call: Call, handler: Expression, given: CallableType, wanted: CallableType) -> CallableType:
    """Report a handler that mypy will refuse, and let mypy go on with what it returns."""
    problems = misfits(step_name(call, handler), given, wanted, call, kind="step")
    if problems is None:
        problems = [flows.not_a_handler_problem(shown(call, handler))]
    for problem in problems:
        call.report(problem, handler)
    return _returning(call, given)


def _returning(call: Call, handler: CallableType) -> CallableType:
    """Return the signature that takes anything, and goes on with the handler's value, as far as that is known."""
    value = ANY if get_all_type_vars(handler.ret_type) else awaited(call, handler.ret_type)
    return taking_anything(call.signature, value)


def _awaiting(call: Call, formal: CallableType, returned: Type) -> CallableType | None:
    """Return the signature that goes on with the result of an await; None where mypy infers that by itself.

    mypy is asked only for the type variables of a generic handler, by the same formal in all overloads.
    """
    value = awaited(call, returned)
    if value is returned or (is_coroutine(returned) and _takes_async(call.signature)):
        return None
    signature, formals = call.signature, call.signature.arg_types[1:]
    if not get_all_type_vars(returned):
        return _with_value_of(signature, value)
    asked = get_all_type_vars(formal.ret_type)
    if isinstance(get_proper_type(returned), UnionType) or len(asked) != 1:
        return None
    awaitable = call.api.named_generic_type("typing.Awaitable", asked)
    return signature.copy_modified(arg_types=[formal.copy_modified(ret_type=awaitable), *formals])


def _with_value_of(signature: CallableType, value: Type) -> CallableType:
    """Return the signature that takes any handler, and goes on with a value."""
    return taking_anything(signature, value).copy_modified(arg_types=[ANY, *signature.arg_types[1:]])


def _check_child(call: Call, child: Expression) -> CallableType:
    """Check a child flow that is a branch: it is given the value, and gives its result."""
    value, contract = value_of(call), contract_of(call.receiver)
    if value is not None and contract is not None:
        sub_flow = SubFlow(call, value, contract, child)
        if sub_flow.is_known:
            result, _ = sub_flow.check(None, None)
            sub_flow.check_stream()
            if call.argument("on_error") is not None:
                supplied = check_on_error(call, contract, value)
                result = union_of([result, ANY if supplied is None else supplied])
            return taking_anything(call.signature, result)
    return call.signature


def step_name(call: Call, handler: Expression) -> str:
    """Return the name that a step will have, as far as it can be told from its call."""
    name = next((value.value for key, value in call.keywords() if key == "name" and isinstance(value, StrExpr)), None)
    if name is not None:
        return name
    return handler_name(handler)


def _function(call: Call) -> CallableType | None:
    """Return the function that an overload takes."""
    formals = [get_proper_type(item) for item in flat(call.signature.arg_types[0])]
    return next((item for item in formals if isinstance(item, CallableType)), None)


def _wanted(call: Call, formal: CallableType) -> CallableType:
    """Return what mypy asks of a handler here: a function of Data, whatever it returns."""
    return formal.copy_modified(ret_type=call.api.named_generic_type("builtins.object", []))


# -- child flows


def check_sub_flow(call: Call) -> FunctionLike:
    """Check `to_sub_flow`: all of both mappings, and the value that goes on; once for all of its overloads."""
    known = call.answers.overloads
    if known is not None and known[:2] == (call.context, call.receiver) and "capture" in call.signature.arg_names:
        return _settled(call, *known[2:])
    child = call.argument("child")
    if child is None:
        return call.signature
    contract, value = contract_of(call.receiver), value_of(call)
    if child_contract(call, child) is None:
        return _no_child(call, child)
    if contract is None or value is None:
        return with_options(call, call.signature)
    remote = is_remote(call)
    sub_flow = SubFlow(call, value, contract, child, is_remote=remote)
    if not sub_flow.is_known:
        return call.signature
    result, read = sub_flow.check(call.given("capture"), call.given("write_back"))
    if not remote:  # the items of a remote one go nowhere
        sub_flow.check_stream()
    if call.argument("on_error") is not None:
        supplied = check_on_error(call, contract, value)
        result, read = union_of([result, ANY if supplied is None else supplied]), [*read, "on_error"]
    call.answers.overloads = (call.context, call.receiver, result, read)
    return _settled(call, result, read)


def _settled(call: Call, result: Type, read: Sequence[str]) -> FunctionLike:
    """Return the signature that goes on with a value, and leaves nothing of the mappings that were read to mypy."""
    formals = dict.fromkeys(("child", *read), ANY)
    signature = call.with_types(_with_value(call.signature.ret_type, result), **formals)
    return with_options(call, signature.copy_modified(variables=[]))


def _no_child(call: Call, child: Expression) -> FunctionLike:
    """Report a child that is no flow, as far as that is known."""
    tp = call.type_of(child)
    if says_nothing(tp) or isinstance(get_proper_type(tp), (UnionType, TypeVarType)):
        return call.signature
    call.report(flows.not_a_flow_problem(shown(call, child)), child)
    return taking_anything(call.signature, ANY)


def _with_value(process: Type, value: Type) -> Type:
    proper = get_proper_type(process)
    if not isinstance(proper, Instance) or len(proper.args) < 2:
        return process
    return proper.copy_modified(args=[proper.args[0], value, *proper.args[2:]])
