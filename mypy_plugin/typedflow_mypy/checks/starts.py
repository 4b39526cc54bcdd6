"""Calls that make or start an execution, or a Data for a test: what its layers are given, and its options."""

from __future__ import annotations

from typing import Final

from mypy.erasetype import erase_typevars
from mypy.nodes import DictExpr
from mypy.types import AnyType, CallableType, FunctionLike, Instance, Type, TypeType, get_proper_type

from typedflow.rules.schema import undeclared_layer_problem
from typedflow.rules.writes import wrong_state_problem
from typedflow_mypy.checks import resources
from typedflow_mypy.checks.options import EXECUTION, RUN, TEST, with_options
from typedflow_mypy.reading.calls import Call, SignatureCheck
from typedflow_mypy.reading.construction import check_fields
from typedflow_mypy.reading.rendering import render
from typedflow_mypy.reading.shape import MypyShape
from typedflow_mypy.reading.surface import contract_of, declared_parts, is_typedflow

_CLASSES: Final = {"state": "State", "flow_state": "FlowState"}


def check_start(call: Call) -> FunctionLike:
    """Check what a call gives to the execution that it makes."""
    resources.check_given(call)
    _check_state(call, "state")
    return with_options(call, call.signature, EXECUTION)


def check_make_data(call: Call) -> FunctionLike:
    """Check what `make_data` gives a handler under test: the layers by the contract that is named first."""
    given = call.argument("contract")
    data = get_proper_type(call.signature.ret_type)
    contract = _made_by(call.type_of(given)) if given is not None else None
    if contract is None or not isinstance(data, Instance):
        return call.signature
    call.receiver = data.copy_modified(args=[contract, *data.args[1:]])
    resources.check_given(call, "resources")
    for layer in _CLASSES:
        _check_state(call, layer)
    return with_options(call, call.signature, TEST)


def check_run_flow(call: Call) -> FunctionLike:
    """Check what `run_flow` passes to the execution that it makes: the layers by the contract of its flow."""
    if not _is_of_flow(call):
        return call.signature
    resources.check_given(call, "resources")
    _check_state(call, "state")
    return with_options(call, _with_input(call), RUN)


def check_submit(call: Call) -> FunctionLike:
    """Check the input and the state that `submit` gives the execution that it stores, by the contract of its flow."""
    if not _is_of_flow(call):
        return call.signature
    _check_state(call, "state")
    return _with_input(call)


def of_flow(check: SignatureCheck) -> SignatureCheck:
    """Return the check of a function that does what a method of an execution does, for the flow that it is given."""
    return lambda call: check(call) if _is_of_flow(call) else call.signature


def _with_input(call: Call) -> CallableType:
    """Return the signature with the declared input in the place of the type variable.

    Of a value that does not fit a variable, mypy would report only that it cannot infer the variable.
    """
    inputs = [part.type for part in call.parts(contract_of(call.receiver), "input")]
    if len(inputs) != 1 or inputs[0] is None:
        return call.signature
    return call.with_types(value=inputs[0])


def _is_of_flow(call: Call) -> bool:
    """Make the argument `flow` of a function the receiver of the call; return whether it is a flow."""
    flow = call.argument("flow")
    tp = get_proper_type(call.type_of(flow)) if flow is not None else None
    if not isinstance(tp, Instance) or not is_typedflow(tp.type, "Flow"):
        return False
    call.receiver = tp
    return True


def _made_by(tp: Type) -> Type | None:
    """Return the contract that a class object stands for; nothing is known of type variables in it."""
    proper = get_proper_type(tp)
    if isinstance(proper, TypeType):
        made = proper.item
    elif isinstance(proper, CallableType) and proper.is_type_obj():
        made = get_proper_type(proper.ret_type)
    else:
        return None
    return erase_typevars(made) if isinstance(made, Instance) and is_typedflow(made.type, "Contract") else None


def _check_state(call: Call, layer: str) -> None:
    """Check a state: a display entry by entry, an instance by its class; a field that is left out may follow."""
    given = call.argument(layer)
    if isinstance(given, DictExpr):
        for part in call.parts(contract_of(call.receiver), layer):
            if part.type is None:
                call.report(undeclared_layer_problem(part.name, layer, declared_parts(part.contract)), given)
            elif not isinstance(get_proper_type(part.type), AnyType):
                check_fields(call, given, MypyShape(part.type, call.trace), "", layer)
        return
    tp = get_proper_type(call.type_of(given)) if given is not None else None
    base = _CLASSES[layer]
    if not isinstance(tp, Instance) or not is_typedflow(tp.type, base) or tp.type.fullname.startswith("typedflow."):
        return
    for part in call.parts(contract_of(call.receiver), layer):
        if part.type is None:
            call.report(undeclared_layer_problem(part.name, layer, declared_parts(part.contract)), given)
        elif _is_other(tp, part.type, base):
            call.report(wrong_state_problem(layer, render(part.type), render(tp)), given)


def _is_other(given: Instance, declared: Type, base: str) -> bool:
    """Return whether an instance is of another class: of the very class that is declared it has to be."""
    proper = get_proper_type(declared)
    return isinstance(proper, Instance) and is_typedflow(proper.type, base) and proper.type is not given.type
