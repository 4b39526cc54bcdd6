"""Where a chain stands: its value, the blocks that are open, its end, and the layers that its contract declares.

mypy finds most of this by itself and words it by its protocols; here it is said in the flow's own terms, in the place
of mypy's message. A wrong `end()` mypy lets pass.
"""

from __future__ import annotations

from typing import Final

from mypy.nodes import (
    CallExpr,
    Context,
    Expression,
    IndexExpr,
    LambdaExpr,
    MemberExpr,
    NameExpr,
    RefExpr,
    Var,
)
from mypy.plugin import AttributeContext
from mypy.subtypes import is_subtype
from mypy.types import (
    AnyType,
    CallableType,
    FunctionLike,
    Instance,
    LiteralType,
    Type,
    UninhabitedType,
    get_proper_type,
)

from typedflow.rules import flows
from typedflow.rules.schema import undeclared_layer_problem
from typedflow_mypy.checks.options import FOR_EACH, with_options
from typedflow_mypy.reading.calls import ANY, Call, first_given
from typedflow_mypy.reading.dicts import takes_value
from typedflow_mypy.reading.handlers import never_returns
from typedflow_mypy.reading.literals import says_nothing
from typedflow_mypy.reading.rendering import render
from typedflow_mypy.reading.shape import flat
from typedflow_mypy.reading.surface import OFFLOAD, contract_of, declared_parts, parts
from typedflow_mypy.reading.trace import Trace
from typedflow_mypy.reporting import method_name_of, reword, withdraw

_TEXTS: Final = ("builtins.str", "builtins.bytes", "builtins.bytearray")
_SELF: Final = ("Invalid self argument",)
_BLOCK_OF: Final = {
    "for_each": "for_each",
    "match": "match",
    "case": "match",
    "case_else": "match",
    "case_type": "match",
    "case_value": "match",
    "if_condition": "if",
    "elif_condition": "if",
    "else_condition": "if",
    "end_for_each": "for_each",
    "end_match": "match",
    "end_condition": "if",
}
CASES: Final = ("case", "case_type", "case_value", "case_else", "elif_condition", "else_condition")
CLOSING: Final = ("case_else", "else_condition", "end_for_each", "end_condition")
_OPENERS: Final = ("for_each", "match", "if_condition", "batch")
_HANDING_ON: Final = frozenset({*_OPENERS, *CASES, "branch"})


def value_of(call: Call) -> Type | None:
    """Return the type of the value where a step is added."""
    return value_at(call, call.receiver)


def value_at(call: Call, given: Type | None) -> Type | None:
    """Return the type of the value where a Flow, Process or Batch stands."""
    receiver = get_proper_type(given)
    if not isinstance(receiver, Instance):
        return None
    if receiver.type.name != "Flow":
        return receiver.args[1] if len(receiver.args) > 1 else None
    found = [part.type for part in call.parts(contract_of(receiver), "input")]
    return found[0] if len(found) == 1 else None


_OF_FUNCTIONS: Final = frozenset({"functools.partial", OFFLOAD})
"""Calls that make a handler of the function that they are given first."""


def handler_name(handler: Expression) -> str:
    """Return the name of a function as it is written."""
    if isinstance(handler, (NameExpr, MemberExpr)):
        return handler.name
    if isinstance(handler, CallExpr):
        is_of_function = isinstance(handler.callee, RefExpr) and handler.callee.fullname in _OF_FUNCTIONS
        return handler_name(handler.args[0] if is_of_function and handler.args else handler.callee)
    if isinstance(handler, IndexExpr):
        return handler_name(handler.base)
    return "lambda" if isinstance(handler, LambdaExpr) else "a handler"


def report_unanswered(call: Call) -> None:
    """Report the step before, which pauses and does not say what answers it, where it stands in the same chain."""
    before = call_before(call.context)
    if before is None or not isinstance(before.callee, MemberExpr) or before.callee.name != "to":
        return
    handler = first_given(before, "handler")
    if handler is not None and never_returns(call, handler):
        call.report(flows.no_answer_type_problem(handler_name(handler)), handler)


def call_before(context: Context) -> CallExpr | None:
    """Return the call that a call of a chain hangs on."""
    callee = context.callee if isinstance(context, CallExpr) else None
    return callee.expr if isinstance(callee, MemberExpr) and isinstance(callee.expr, CallExpr) else None


def child_before(call: Call) -> tuple[CallExpr, int] | None:
    """Find the child whose value comes to a call: in the same chain, or under the name that the chain begins with.

    A batch, a match and an if hand it on; of the for_eachs between, which hand on its items, gives how many there are.
    """
    here, loops = call.context, 0
    while isinstance(here, CallExpr) and isinstance(here.callee, MemberExpr):
        opener = _opener(here) if here.callee.name in CASES else here
        before = opener.callee.expr if opener is not None and isinstance(opener.callee, MemberExpr) else None
        if isinstance(before, NameExpr) and isinstance(before.node, Var):
            before = call.assigned(before.node)
        if not isinstance(before, CallExpr) or not isinstance(before.callee, MemberExpr):
            return None
        name = before.callee.name
        if name == "to_sub_flow":
            return None if "on_error" in before.arg_names else (before, loops)  # behind that there are two values
        if name not in _HANDING_ON:
            return None
        loops += name == "for_each"
        here = before
    return None


def _opener(case: CallExpr) -> CallExpr | None:
    """Find the call that opened the block of a case."""
    depth, here = 0, call_before(case)
    while here is not None and isinstance(here.callee, MemberExpr):
        name = here.callee.name
        depth += name.startswith("end_")
        if name in _OPENERS:
            if depth == 0:
                return here
            depth -= 1
        here = call_before(here)
    return None


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
        reword(call.api, flows.end_inside_block_problem(block), place, _SELF)
        return call.signature
    if isinstance(get_proper_type(value), UninhabitedType):
        report_unanswered(call)
        return call.signature
    for part in call.parts(contract, "result"):
        if part.type is None:  # said where the contract is declared
            withdraw(call.api, place, _SELF)
        elif not says_nothing(part.type) and not takes_value(part.type, value):
            call.report(flows.wrong_result_problem(part.name, render(part.type), render(value)), place)
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
    if _belongs(mark, mine) and not after_else:
        return call.signature
    if says_nothing(receiver.args[2]):  # behind a block that was closed, or opened, in the wrong place
        return _going_on(call.signature, [receiver.args[0], ANY, ANY])
    block = open_block(receiver.args[2], call.context) or None
    problem = flows.case_after_else_problem() if after_else else flows.not_open_problem(callee.name, mine, block)
    reword(call.api, problem, method_name_of(callee, call.context), _SELF)
    return _going_on(call.signature, [receiver.args[0], ANY, ANY])


def _going_on(signature: CallableType, args: list[Type]) -> CallableType:
    """Return the signature whose result is of these arguments, where nothing that mypy infers of it would be true."""
    result = get_proper_type(signature.ret_type)
    if not isinstance(result, Instance) or len(result.args) != len(args):
        return signature
    return signature.copy_modified(ret_type=result.copy_modified(args=args))


def check_for_each(call: Call) -> FunctionLike:
    """Reword a for_each over something that is no sequence."""
    signature = with_options(call, call.signature, FOR_EACH)
    value = value_of(call)
    if value is None or says_nothing(value) or not isinstance(call.context, CallExpr):
        return signature
    sequence = call.api.named_generic_type("typing.Sequence", [ANY])
    if not is_subtype(value, sequence) or any(map(_is_text, flat(value))):
        place = method_name_of(call.context.callee, call.context)
        reword(call.api, flows.not_a_sequence_problem(render(value)), place, _SELF)
        result = get_proper_type(signature.ret_type)
        if isinstance(result, Instance) and len(result.args) == 3:
            return _going_on(signature, [result.args[0], ANY, result.args[2]])
    return signature


def _is_text(tp: Type) -> bool:
    """Return whether a type is one of the sequences that a for_each does not go over."""
    proper = get_proper_type(tp)
    if isinstance(proper, LiteralType):
        proper = proper.fallback
    return isinstance(proper, Instance) and any(base.fullname in _TEXTS for base in proper.type.mro)


def open_block(blocks: Type, call: Context) -> str:
    """Name the innermost open block; empty outside of all."""
    mark = _mark(blocks)
    if mark == "Each":
        return "for_each"
    if mark not in ("Case", "Else"):
        return ""
    opener = _opener(call) if isinstance(call, CallExpr) else None
    callee = opener.callee if opener is not None else None
    return _BLOCK_OF.get(callee.name, "match") if isinstance(callee, MemberExpr) else "match"


def _mark(blocks: Type) -> str:
    proper = get_proper_type(blocks)
    return proper.type.name if isinstance(proper, Instance) else ""


def _belongs(mark: str, block: str) -> bool:
    return mark == "Each" if block == "for_each" else mark in ("Case", "Else")


# -- layers as attributes


def check_layer(ctx: AttributeContext, name: str, contract: Type | None) -> tuple[bool, Type]:
    """Reword the use of a layer that the contract does not declare: what mypy finds, and looks for again, itself.

    Says first whether it is declared, by all that the contract stands for.
    """
    missing = [part for part in parts(contract, name, Trace()) if part.type is None]
    for part in missing:
        problem = undeclared_layer_problem(part.name, name, declared_parts(part.contract))
        place = method_name_of(ctx.context, ctx.context) if isinstance(ctx.context, MemberExpr) else ctx.context
        reword(ctx.api, problem, place, _SELF)
    return not missing, AnyType(ANY.type_of_any) if missing else ctx.default_attr_type


def check_put(call: Call) -> FunctionLike:
    """Reword `put` under a contract that declares no stream."""
    for part in call.parts(contract_of(call.receiver), "stream"):
        if part.type is None and isinstance(call.context, CallExpr):
            problem = undeclared_layer_problem(part.name, "stream", declared_parts(part.contract))
            reword(call.api, problem, method_name_of(call.context.callee, call.context), _SELF)
            return call.with_types(item=ANY)
    return call.signature
