"""Calls that make or start an execution: the state and the resources that it is given, and its options."""

from __future__ import annotations

from mypy.nodes import DictExpr, Expression
from mypy.types import AnyType, FunctionLike, Instance, Type, get_proper_type

from typedflow.contract.schema import undeclared_layer
from typedflow.contract.writes import wrong_state
from typedflow_mypy import resources
from typedflow_mypy.calls import Call
from typedflow_mypy.construction import check_fields
from typedflow_mypy.options import EXECUTION, with_options
from typedflow_mypy.rendering import render
from typedflow_mypy.shape import MypyShape
from typedflow_mypy.surface import contract_of, declared_parts, is_typedflow


def check_start(call: Call) -> FunctionLike:
    """Check what a call gives to the execution that it makes."""
    resources.check_given(call)
    state = call.argument("state")
    if state is not None:
        _check_state(call, state)
    return with_options(call, call.signature, EXECUTION)


def _check_state(call: Call, given: Expression) -> None:
    """Check a state: a display entry by entry, an instance by its class; a field that is left out may follow."""
    if isinstance(given, DictExpr):
        for part in call.parts(contract_of(call.receiver), "state"):
            if part.type is None:
                call.report(undeclared_layer(part.name, "state", declared_parts(part.contract)), given)
            elif not isinstance(get_proper_type(part.type), AnyType):
                check_fields(call, given, MypyShape(part.type, call.steps), "", "state")
        return
    tp = get_proper_type(call.type_of(given))
    if not isinstance(tp, Instance) or not is_typedflow(tp.type, "State") or tp.type.fullname.startswith("typedflow."):
        return
    for part in call.parts(contract_of(call.receiver), "state"):
        if part.type is None:
            call.report(undeclared_layer(part.name, "state", declared_parts(part.contract)), given)
        elif _is_other(tp, part.type):
            call.report(wrong_state("state", render(part.type), render(tp)), given)


def _is_other(given: Instance, declared: Type) -> bool:
    """Say whether an instance is of another class: of the very class that is declared it has to be."""
    proper = get_proper_type(declared)
    return isinstance(proper, Instance) and is_typedflow(proper.type, "State") and proper.type is not given.type
