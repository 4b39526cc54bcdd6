"""Collect the parts of a contract along its bases, with type variables replaced by their arguments.

A part may be a type variable that is bound to a class: `class Base(Contract, Generic[S])` with `state: S` is narrowed
by `class Sub(Base[SubState])`. The order of the bases is Python's own (the MRO), as it is for a type checker.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, ForwardRef, TypeVar, get_args, get_origin

import msgspec
import typing_extensions

from typedflow.rules.problems import Problem
from typedflow.rules.schema import outside_bound_problem
from typedflow.schema.render import render
from typedflow.schema.resolving import UnresolvedName, resolve

OWN_PARTS: Final = "__typedflow_own__"
"""The class attribute with the parts that one contract declares itself, by name; it marks a contract."""

_LAYERS: Final = msgspec.StructMeta


def inherited_parts(cls: type) -> tuple[dict[str, Any], list[Problem]]:
    """Return the parts that the bases of a contract declare, in terms of its own type variables, and the problems.

    Raises `UnresolvedName` for a bound or default with an undefined name.
    """
    arguments: dict[type, Mapping[Any, Any]] = {}
    problems = list(_bind_bases(cls, {}, arguments))
    parts: dict[str, Any] = {}
    for base in reversed(cls.__mro__[1:]):
        own = vars(base).get(OWN_PARTS, {})
        parts |= {name: _with_arguments(tp, arguments.get(base, {})) for name, tp in own.items()}
    return parts, problems


def parts_of_alias(contract: Any) -> tuple[dict[str, Any], list[Problem]]:
    """Return the parts of a generic contract with its arguments, `Box[int]`; omitted ones are defaults, else bounds."""
    origin: Any = get_origin(contract) or contract
    arguments = _arguments(origin, get_args(contract))
    parts = {name: _with_arguments(tp, arguments) for name, tp in origin.__typedflow_parts__.items()}
    return parts, list(_check_bounds(origin, arguments))


def candidates(variable: Any) -> list[Any]:
    """Return the classes that a type variable is limited to: its bound or its constraints, and its default."""
    bound, constraints = _written(variable, "__bound__"), _written(variable, "__constraints__")
    limits = [*([] if bound is None else [bound]), *(_resolved(limit, variable) for limit in constraints)]
    default = _default_of(variable)
    return [*limits, default] if limits and default is not None and not isinstance(default, TypeVar) else limits


def _bind_bases(cls: type, own: Mapping[Any, Any], found: dict[type, Mapping[Any, Any]]) -> Iterator[Problem]:
    for base in vars(cls).get("__orig_bases__", cls.__bases__):
        origin: Any = get_origin(base) or base
        if not isinstance(origin, type) or OWN_PARTS not in vars(origin) or origin in found:
            continue
        arguments = _arguments(origin, get_args(base), getattr(cls, "__parameters__", ()))
        found[origin] = {variable: _with_arguments(given, own) for variable, given in arguments.items()}
        yield from _check_bounds(origin, found[origin])
        yield from _bind_bases(origin, found[origin], found)


def _arguments(origin: Any, given: tuple[Any, ...], free: Collection[Any] = ()) -> dict[Any, Any]:
    """Map the type variables of a class to their arguments, the rest to their defaults, else bounds.

    `free` are the variables of the class that derives from it. Any other variable in an argument comes from a default,
    which typing fills in as it is written, and stands for an argument before it.
    """
    arguments: dict[Any, Any] = {}
    for index, variable in enumerate(getattr(origin, "__parameters__", ())):
        is_given = index < len(given)
        before = {known: tp for known, tp in arguments.items() if not is_given or known not in free}
        arguments[variable] = _with_arguments(given[index] if is_given else _left_out(variable), before)
    return arguments


def _left_out(variable: Any) -> Any:
    """Return the default, else the bound, of a type variable without an argument; else the variable itself."""
    default = _default_of(variable)
    if default is not None:
        return default
    bound = _written(variable, "__bound__")
    return variable if bound is None else bound


def _check_bounds(origin: type, arguments: Mapping[Any, Any]) -> Iterator[Problem]:
    """Check the arguments of type variables that are bound to a class of ours; all others are left to type checkers."""
    for variable, given in arguments.items():
        bound = _written(variable, "__bound__")
        if isinstance(bound, _LAYERS) and isinstance(given, _LAYERS) and not issubclass(given, bound):
            yield outside_bound_problem(origin.__name__, variable.__name__, render(bound), render(given))


def _default_of(variable: Any) -> Any:
    """Return the default of a type variable (PEP 696); None where it has none."""
    default = _written(variable, "__default__")
    return None if default is typing_extensions.NoDefault else default


def _written(variable: Any, attribute: str) -> Any:
    """Return a bound or default, which Python evaluates on access; None if there is none."""
    try:
        return _resolved(getattr(variable, attribute, None), variable)
    except NameError as error:  # `class Base[S: Later](Contract)`
        raise UnresolvedName(error.name or variable.__name__, f"NameError: {error}") from error


def _resolved(form: Any, variable: Any) -> Any:
    """Return a bound or default, evaluated with the names of the variable's module if it is a str."""
    if not isinstance(form, (str, ForwardRef)):
        return form
    module = sys.modules.get(getattr(variable, "__module__", ""))
    return resolve(form, vars(module) if module is not None else {}, {})


def _with_arguments(tp: Any, arguments: Mapping[Any, Any]) -> Any:
    if isinstance(tp, TypeVar):
        return arguments.get(tp, tp)
    is_plain = isinstance(tp, type) and not isinstance(tp, types.GenericAlias)
    wanted = () if is_plain else getattr(tp, "__parameters__", ())
    return tp[tuple(arguments.get(variable, variable) for variable in wanted)] if wanted else tp
