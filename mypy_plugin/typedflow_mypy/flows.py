"""How a flow is put together: handlers that fit their place, blocks that are open, the end with the result.

mypy finds most of this by itself and words it by its overloads and protocols; here it is said in the flow's own terms,
in the place of mypy's message. A wrong `end()` mypy lets pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mypy.expandtype import expand_type
from mypy.nodes import CallExpr, Context, Expression, LambdaExpr, MemberExpr, NameExpr, StrExpr
from mypy.plugin import AttributeContext
from mypy.subtypes import is_subtype
from mypy.typeops import erase_to_bound
from mypy.types import (
    AnyType,
    CallableType,
    FunctionLike,
    Instance,
    ProperType,
    Type,
    UninhabitedType,
    get_proper_type,
)
from typing_extensions import TypeIs

from typedflow.contract import flows
from typedflow.contract.problems import Problem
from typedflow.contract.schema import PARTS, undeclared_layer
from typedflow_mypy.calls import ANY, Call
from typedflow_mypy.dependencies import Steps
from typedflow_mypy.literals import says_nothing
from typedflow_mypy.mappings import SubFlow, child_contract, is_read
from typedflow_mypy.rendering import render
from typedflow_mypy.reporting import method_name_of, reword
from typedflow_mypy.shape import MypyShape, flat
from typedflow_mypy.surface import contract_of, contracts, declared_parts, is_typedflow, member_of, parts

_SELF: Final = ("Invalid self argument",)
_BLOCK_OF: Final = {
    "for_each": "for_each",
    "match": "match",
    "case": "match",
    "case_else": "match",
    "if_condition": "if",
    "elif_condition": "if",
    "else_condition": "if",
    "end_for_each": "for_each",
    "end_match": "match",
    "end_condition": "if",
}
CASES: Final = ("case", "case_else", "elif_condition", "else_condition")
_OPENERS: Final = ("for_each", "match", "if_condition")


# -- steps


def check_step(call: Call) -> FunctionLike:
    """Check a handler against the contract and the value that it gets, and say it in these terms."""
    handler = call.argument("handler")
    if handler is None or isinstance(handler, (LambdaExpr, StrExpr)):
        return call.signature
    if child_contract(call, handler) is not None:
        return _check_child(call, handler)
    value = value_of(call)
    if value is not None and isinstance(get_proper_type(value), UninhabitedType):
        _report_unanswered(call)
    given = _handler_type(call, handler)
    wanted = _wanted(call)
    if given is None or wanted is None or is_subtype(given, wanted):
        return call.signature
    return _misfit(call, handler, given, wanted)


def _misfit(call: Call, handler: Expression, given: CallableType, wanted: CallableType) -> FunctionLike:
    """Report a handler that mypy will refuse, and let mypy go on with what it returns."""
    takes = get_proper_type(given.arg_types[0]) if given.arg_types else None
    gets = get_proper_type(wanted.arg_types[0])
    if not _is_data(takes) or not _is_data(gets):
        return call.signature
    step, found = step_name(call, handler), False
    if not is_subtype(gets.args[1], erase_to_bound(takes.args[1])):
        call.report(flows.wrong_input(step, render(takes.args[1]), render(gets.args[1])), handler)
        found = True
    for problem in _contract_problems(call, step, gets.args[0], erase_to_bound(takes.args[0])):
        call.report(problem, handler)
        found = True
    return _returning(call.signature, given) if found else call.signature


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
    if isinstance(result, Instance) and result.type.fullname == "typing.Coroutine" and len(result.args) == 3:
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


def value_of(call: Call) -> Type | None:
    """Give the type of the value where a step is added."""
    receiver = call.receiver
    if not isinstance(receiver, Instance):
        return None
    if receiver.type.name != "Flow":
        return receiver.args[1] if len(receiver.args) > 1 else None
    found = [part.type for part in parts(contract_of(receiver), "input", call.steps)]
    return found[0] if len(found) == 1 else None


def step_name(call: Call, handler: Expression) -> str:
    """Give the name that a step will have, as far as it can be told from its call."""
    name = next((value.value for key, value in call.keywords() if key == "name" and isinstance(value, StrExpr)), None)
    if name is not None:
        return name
    return handler_name(handler)


def handler_name(handler: Expression) -> str:
    """Give the name of a function as it is written."""
    if isinstance(handler, (NameExpr, MemberExpr)):
        return handler.name
    return handler_name(handler.callee) if isinstance(handler, CallExpr) else "a handler"


def _report_unanswered(call: Call) -> None:
    """Report the step before, which pauses and does not say what answers it, where it stands in the same chain."""
    before = _before(call.context)
    if before is not None and isinstance(before.callee, MemberExpr) and before.callee.name == "to" and before.args:
        call.report(flows.no_answer_type(handler_name(before.args[0])), before.args[0])


def _before(context: Context) -> CallExpr | None:
    callee = context.callee if isinstance(context, CallExpr) else None
    return callee.expr if isinstance(callee, MemberExpr) and isinstance(callee.expr, CallExpr) else None


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


def _is_data(tp: ProperType | None) -> TypeIs[Instance]:
    return isinstance(tp, Instance) and tp.type.name == "Data" and is_typedflow(tp.type, "Data")


# -- the end, and blocks


def check_end(call: Call) -> FunctionLike:
    """Check `end`: outside of all blocks, and behind the contract's result."""
    receiver = call.receiver
    if not isinstance(receiver, Instance) or len(receiver.args) != 3 or not isinstance(call.context, CallExpr):
        return call.signature
    contract, value, blocks = receiver.args
    place = method_name_of(call.context.callee, call.context)
    block = open_block(blocks, call.context)
    if block:
        reword(call.api, flows.end_inside_block(block), place, _SELF)
        return call.signature
    if isinstance(get_proper_type(value), UninhabitedType):
        _report_unanswered(call)
        return call.signature
    for mine in contracts(contract):
        result = member_of(mine, "result", call.steps)
        if result is not None and not says_nothing(result) and not is_subtype(value, result):
            call.report(flows.wrong_result(mine.type.name, render(result), render(value)), place)
    return call.signature


def check_close(call: Call) -> FunctionLike:
    """Reword the end of a block, or a case of one, that is not the innermost open one."""
    receiver = call.receiver
    callee = call.context.callee if isinstance(call.context, CallExpr) else None
    if not isinstance(receiver, Instance) or len(receiver.args) != 3 or not isinstance(callee, MemberExpr):
        return call.signature
    mine = _BLOCK_OF[callee.name]
    mark = _mark(receiver.args[2])
    after_else = mark == "Else" and callee.name in CASES
    if says_nothing(receiver.args[2]) or (_belongs(mark, mine) and not after_else):
        return call.signature
    block = open_block(receiver.args[2], call.context) or None
    problem = flows.case_after_else() if after_else else flows.not_open(callee.name, mine, block)
    reword(call.api, problem, method_name_of(callee, call.context), _SELF)
    return call.signature


def check_for_each(call: Call) -> FunctionLike:
    """Reword a for_each over something that is no sequence."""
    value = value_of(call)
    if value is None or says_nothing(value) or not isinstance(call.context, CallExpr):
        return call.signature
    sequence = call.api.named_generic_type("typing.Sequence", [ANY])
    if not is_subtype(value, sequence):
        place = method_name_of(call.context.callee, call.context)
        reword(call.api, flows.not_a_sequence(render(value)), place, _SELF)
    return call.signature


def open_block(blocks: Type, call: Context) -> str:
    """Name the innermost open block; empty outside of all."""
    mark = _mark(blocks)
    if mark == "Each":
        return "for_each"
    if mark not in ("Case", "Else"):
        return ""
    depth, here = 0, _before(call)
    while here is not None and isinstance(here.callee, MemberExpr):
        name = here.callee.name
        depth += name.startswith("end_")
        if name in _OPENERS:
            if depth == 0:
                return _BLOCK_OF[name]
            depth -= 1
        here = _before(here)
    return "match"


def _mark(blocks: Type) -> str:
    proper = get_proper_type(blocks)
    return proper.type.name if isinstance(proper, Instance) else ""


def _belongs(mark: str, block: str) -> bool:
    return mark == "Each" if block == "for_each" else mark in ("Case", "Else")


# -- child flows


def check_sub_flow(call: Call) -> FunctionLike:
    """Check `to_sub_flow`: all of both mappings, and the value that goes on."""
    child = call.argument("child")
    contract, value = contract_of(call.receiver), value_of(call)
    if child is None or contract is None or value is None or child_contract(call, child) is None:
        return call.signature
    given = dict(call.keywords())
    capture, write_back = given.get("capture"), given.get("write_back")
    sub_flow = SubFlow(call, value, contract, child)
    if not sub_flow.is_known:
        return call.signature
    result = sub_flow.check(capture, write_back)
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


# -- layers as attributes


def check_layer(ctx: AttributeContext, name: str, steps: Steps) -> Type:
    """Reword the use of a layer that the contract does not declare."""
    missing = [part for part in parts(contract_of(ctx.type), name, steps) if part.type is None]
    for part in missing:
        problem = undeclared_layer(part.name, name, declared_parts(part.contract))
        place = method_name_of(ctx.context, ctx.context) if isinstance(ctx.context, MemberExpr) else ctx.context
        reword(ctx.api, problem, place, _SELF)
    return AnyType(ANY.type_of_any) if missing else ctx.default_attr_type


def check_put(call: Call) -> FunctionLike:
    """Reword `put` under a contract that declares no stream."""
    for part in parts(contract_of(call.receiver), "stream", call.steps):
        if part.type is None and isinstance(call.context, CallExpr):
            problem = undeclared_layer(part.name, "stream", declared_parts(part.contract))
            reword(call.api, problem, method_name_of(call.context.callee, call.context), _SELF)
            return call.with_types(item=ANY)
    return call.signature
