"""Functions of Data: whether a handler, or a condition, fits where it stands, in the flow's own terms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mypy.expandtype import expand_type
from mypy.maptype import map_instance_to_supertype
from mypy.nodes import Expression, FuncDef, LambdaExpr
from mypy.subtypes import find_member, is_subtype
from mypy.typeops import erase_to_bound
from mypy.types import (
    CallableType,
    FunctionLike,
    Instance,
    LiteralType,
    NoneType,
    Overloaded,
    ProperType,
    TupleType,
    Type,
    TypedDictType,
    TypeVarType,
    UninhabitedType,
    get_proper_type,
)
from typing_extensions import TypeIs

from typedflow.rules import flows
from typedflow.rules.problems import Problem
from typedflow.rules.schema import PARTS
from typedflow_mypy.reading.calls import ANY, Call
from typedflow_mypy.reading.dicts import takes_value
from typedflow_mypy.reading.rendering import render
from typedflow_mypy.reading.shape import MypyShape, flat, union_of
from typedflow_mypy.reading.surface import contracts, declared_parts, is_typedflow, member_of

_COROUTINE: Final = "typing.Coroutine"


def handler_type(call: Call, handler: Expression) -> CallableType | None:
    """Return the type of a function, or of an object that can be called; None for a class, and for anything else."""
    found = _called(call, handler, call.type_of(handler))
    return found if isinstance(found, CallableType) else None


def overloads(call: Call, handler: Expression) -> list[CallableType]:
    """Return the overloads of a function, or of an object that can be called; none of any other."""
    found = _called(call, handler, call.type_of(handler))
    return found.items if isinstance(found, Overloaded) else []


def _called(call: Call, handler: Expression, tp: Type) -> ProperType | None:
    """Return the type of what is called; None for a class, and for what cannot be called."""
    proper = get_proper_type(tp)
    if isinstance(proper, Instance):
        if proper.type.get_method("__call__") is None:
            return None
        member: Type = call.api.expr_checker.analyze_external_member_access("__call__", proper, handler)
        return get_proper_type(member)
    return proper if isinstance(proper, FunctionLike) and not proper.is_type_obj() else None


def never_returns(call: Call, handler: Expression) -> bool:
    """Return True if a handler is declared to return nothing, as one that pauses may be."""
    known: Type | None = call.api.lookup_type_or_none(handler)
    found = _called(call, handler, known if known is not None else call.infer(handler, None)[0])
    if not isinstance(found, CallableType):
        return False
    return isinstance(get_proper_type(awaited(call, found.ret_type)), UninhabitedType)


def awaited(call: Call, returned: Type) -> Type:
    """Return the type of a step's value: what a handler returns is awaited if it is awaitable, in a union too."""
    members = flat(returned)
    values = [_awaited(call, get_proper_type(member)) for member in members]
    if all(value is None for value in values):
        return returned
    return union_of(value or member for value, member in zip(values, members, strict=True))


def _awaited(call: Call, returned: ProperType) -> Type | None:
    """Return the type of awaiting a value; None for what is not awaitable."""
    if not isinstance(returned, Instance) or returned.type.module_name == "builtins":
        return None
    call.trace.visit(returned.type, "__await__")
    if returned.type.get("__await__") is None:
        return None
    method = get_proper_type(find_member("__await__", returned, returned))
    made = get_proper_type(method.ret_type) if isinstance(method, CallableType) else None
    generator = call.api.named_generic_type("typing.Generator", [ANY, ANY, ANY])
    if not isinstance(made, Instance) or not made.type.has_base(generator.type.fullname):
        return ANY
    return map_instance_to_supertype(made, generator.type).args[2]


def is_no_function(call: Call, given: Expression) -> bool:
    """Return whether an argument is something that cannot be called, or a class, for all that is known of it."""
    proper = get_proper_type(call.type_of(given))
    if isinstance(proper, Instance):
        return proper.type.get("__call__") is None and not proper.type.fallback_to_any
    return is_class(proper) or isinstance(proper, (NoneType, LiteralType, TupleType, TypedDictType))


def is_class(tp: Type) -> bool:
    """Return whether a value is a class."""
    function = get_proper_type(tp)
    return isinstance(function, CallableType) and function.is_type_obj()


def takes_one(function: CallableType | LambdaExpr) -> bool:
    """Return whether a function can be called with one positional argument."""
    kinds = function.arg_kinds
    if not any(kind.is_positional(star=True) for kind in kinds):
        return False
    required = [kind for kind in kinds if kind.is_required()]
    return len(required) <= 1 and all(kind.is_positional() for kind in required)


def is_async(function: CallableType) -> bool:
    """Return whether a function is a coroutine function, for all that is known of it; a def may return a coroutine."""
    is_plain = isinstance(function.definition, FuncDef) and not function.definition.is_coroutine
    return is_coroutine(function.ret_type) and not is_plain


def is_coroutine(returned: Type) -> bool:
    """Return whether a type is what the call of an async function returns."""
    result = get_proper_type(returned)
    return isinstance(result, Instance) and result.type.fullname == _COROUTINE and len(result.args) == 3


def is_data(tp: ProperType | None) -> TypeIs[Instance]:
    """Return whether a type is `Data[C, V]`."""
    return isinstance(tp, Instance) and tp.type.name == "Data" and is_typedflow(tp.type, "Data")


def misfits(name: str, given: CallableType, wanted: CallableType, call: Call, *, kind: str) -> list[Problem] | None:
    """Return what keeps a function from its place; None where it does not take Data.

    The list is empty where nothing does: what `when` and `collect` make may be taken as a plain dict.
    """
    if not takes_one(given):
        return [flows.wrong_parameters_problem(name)]
    takes, gets = get_proper_type(given.arg_types[0]), get_proper_type(wanted.arg_types[0])
    if not is_data(takes) or not is_data(gets):
        return None
    contract, value = (_erased(arg, given) for arg in takes.args[:2])
    takes_it = takes_value(value, gets.args[1])
    if takes_it and is_subtype(gets.args[0], contract):
        return []
    found = list(_contract_problems(call, name, gets.args[0], contract, kind))
    if not takes_it:
        found.insert(0, flows.wrong_input_problem(name, render(takes.args[1]), render(gets.args[1]), kind=kind))
    return found


def _erased(tp: Type, function: CallableType) -> Type:
    """Return a type with the bound of a type variable of the function; deeper inside such a variable takes anything."""
    own: dict[object, Type] = {variable.id: ANY for variable in function.variables}
    proper = get_proper_type(tp)
    if isinstance(proper, TypeVarType):
        return erase_to_bound(proper) if proper.id in own else proper
    return expand_type(tp, own)  # type: ignore[arg-type]  # its keys are ids of variables


def takes_handler(given: CallableType, wanted: CallableType) -> bool:
    """Return whether mypy takes a handler for its place, and the runtime its value."""
    if not is_subtype(given, wanted):
        return False
    pairs = zip(map(get_proper_type, given.arg_types[:1]), map(get_proper_type, wanted.arg_types[:1]), strict=False)
    for takes, gets in pairs:
        if is_data(takes) and is_data(gets) and isinstance(get_proper_type(gets.args[1]), TypedDictType):
            return takes_value(erase_to_bound(takes.args[1]), gets.args[1])
    return True


def _contract_problems(call: Call, name: str, contract: Type, wanted: Type, kind: str) -> Iterator[Problem]:
    if is_subtype(contract, wanted):
        return
    for asked in contracts(wanted):
        for mine in contracts(contract):
            call.trace.visit(mine.type, *PARTS)
            lacks = list(_lacks(call, asked, mine)) if asked.type.is_protocol else []
            yield flows.other_contract_problem(name, asked.type.name, mine.type.name, lacks, kind=kind)


def _lacks(call: Call, asked: Instance, mine: Instance) -> Iterator[str]:
    """Return the parts that a protocol asks for and a contract does not have, and the members of those that it has."""
    for part in declared_parts(asked):
        wanted, given = member_of(asked, part, call.trace), member_of(mine, part, call.trace)
        if given is None:
            yield part
        elif wanted is not None:
            have = MypyShape(given, call.trace).fields() or {}
            yield from (f"{part}.{name}" for name in MypyShape(wanted, call.trace).fields() or () if name not in have)
