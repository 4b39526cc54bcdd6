"""Events by name: declared, with a payload of the declared type."""

from __future__ import annotations

from collections.abc import Iterator

from mypy.nodes import Expression, FuncDef, MemberExpr, RefExpr, TypeInfo
from mypy.typeops import get_all_type_vars
from mypy.types import (
    AnyType,
    CallableType,
    FunctionLike,
    Instance,
    NoneType,
    Type,
    UninhabitedType,
    get_proper_type,
)

from typedflow.rules.events import check_event, wrong_payload_problem
from typedflow.rules.executions import lone_default_problem, wrong_default_problem
from typedflow.rules.flows import foreign_event_problem, wrong_event_problem
from typedflow.rules.problems import Problem
from typedflow_mypy.reading.calls import ANY, Call, Spread
from typedflow_mypy.reading.constants import UNKNOWN, constant_of
from typedflow_mypy.reading.shape import MypyShape
from typedflow_mypy.reading.surface import contract_of, is_typedflow, parts, shape_of
from typedflow_mypy.reading.trace import Trace

DYNAMIC = "TF599"


def check_emit(call: Call) -> FunctionLike:
    """Check `emit`: the event, and its payload, which is None where it is left out."""
    event, payload = call.argument("event"), call.given("payload")
    if event is None:
        return call.signature
    takes: Type = ANY
    count = 0
    for name in call.texts(event, DYNAMIC):
        for declared in payloads(call, name, event):
            count += 1
            if declared is not None:
                fits = _check_payload(call, name, declared, event, payload)
                takes = declared.type if fits else ANY
    call.expected = takes if count == 1 and takes is not ANY else None
    return call.with_types(payload=takes)


def check_when_event(call: Call) -> FunctionLike:
    """Check the event of `when_event`: an attribute of the contract's Events class, or of a base of it."""
    event = call.argument("event")
    if event is None:
        return call.signature
    given = constant_of(event, call.module)
    if given is not UNKNOWN:
        call.report(wrong_event_problem(given), event)
        return call.with_types(event=ANY)
    owner = event.expr.node if isinstance(event, MemberExpr) and isinstance(event.expr, RefExpr) else None
    if not isinstance(event, MemberExpr) or not isinstance(owner, TypeInfo) or not is_typedflow(owner, "Events"):
        return call.signature
    for part in call.parts(contract_of(call.receiver), "events"):
        declared = get_proper_type(part.type) if part.type is not None else None
        if isinstance(declared, Instance) and owner in declared.type.mro:
            continue
        before = call.is_sound
        for payload in payloads(call, event.name, event):
            if payload is not None and payload.type != call.type_of(event):
                call.report(foreign_event_problem(event.name, owner.name, part.name), event)
        if before and not call.is_sound:
            return call.with_types(event=ANY)
    return call.signature


def check_resume_event(call: Call) -> FunctionLike:
    """Check the event by which a pause is to be answered, and that its default answer fits and has a deadline."""
    event, default = call.argument("resume_event"), call.argument("default")
    if default is not None and _is_left_out(call, "deadline"):
        call.report(lone_default_problem(), default)
    if event is None or _is_left_out(call, "resume_event"):
        if default is not None:
            _check_default(call, default)
        return call.signature
    for name in call.texts(event, DYNAMIC):
        for declared in payloads(call, name, event):
            if declared is None or default is None:
                continue
            fits, given = call.fits(default, declared.type)
            if not fits:
                call.report(wrong_default_problem(declared.render(), MypyShape(given, call.trace).render()), default)
    return call.signature


def _is_left_out(call: Call, name: str) -> bool:
    """Return whether an argument is not given, or is None in any case."""
    given = call.given(name)
    return given is None or (
        not isinstance(given, Spread) and isinstance(get_proper_type(call.type_of(given)), NoneType)
    )


def _check_default(call: Call, default: Expression) -> None:
    """Check a default answer that becomes what the step returns, where the handler itself pauses."""
    function = call.api.scope.current_function()
    declared = function.type if isinstance(function, FuncDef) else None
    if not isinstance(function, FuncDef) or not isinstance(declared, CallableType) or not declared.arg_types:
        return
    if get_proper_type(declared.arg_types[0]) != call.receiver:
        return  # a function that a handler calls
    returned = get_proper_type(declared.ret_type)
    if function.is_coroutine and isinstance(returned, Instance):
        returned = get_proper_type(returned.args[-1]) if len(returned.args) == 3 else returned
    if isinstance(returned, (AnyType, UninhabitedType)) or get_all_type_vars(returned):
        return
    fits, given = call.fits(default, returned)
    if not fits:
        shown = MypyShape(returned, call.trace).render(), MypyShape(given, call.trace).render()
        call.report(wrong_default_problem(*shown), default)


def payloads(call: Call, name: str, where: Expression) -> Iterator[MypyShape | None]:
    """Return the declared payload of an event, in every contract; reports it where a contract does not declare it."""
    return call.declared("event", name, where, _find)


def _find(contract: Type | None, name: str, trace: Trace) -> list[MypyShape | Problem | None]:
    found: list[MypyShape | Problem | None] = []
    for part in parts(contract, "events", trace):
        if part.type is not None and isinstance(get_proper_type(part.type), AnyType):
            continue
        shape = shape_of(part, trace)
        problem = check_event(name, shape.fields() if shape is not None else None, contract=part.name)
        found.append(problem or (shape.child(name) if shape is not None else None))
    return found


def _check_payload(
    call: Call, name: str, declared: MypyShape, event: Expression, payload: Expression | Spread | None
) -> bool:
    if isinstance(payload, Spread):
        return True
    if payload is None:
        if not declared.accepts(MypyShape(NoneType(), call.trace)):
            call.report(wrong_payload_problem(name, declared.render(), "None"), event)
        return True
    fits, given = call.fits(payload, declared.type)
    if not fits:
        call.report(wrong_payload_problem(name, declared.render(), MypyShape(given, call.trace).render()), payload)
    return fits
