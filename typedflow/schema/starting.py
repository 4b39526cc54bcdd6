"""Create the initial State or FlowState: from a mapping, or as a copy of an instance, with every value checked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import msgspec

from typedflow.errors import ContractError
from typedflow.rules.executions import missing_state
from typedflow.rules.problems import Problem
from typedflow.rules.writes import undeclared_field_problem, wrong_state_problem, wrong_type_problem
from typedflow.schema.check import Mismatch
from typedflow.schema.construction import construct
from typedflow.schema.copies import Uncopyable
from typedflow.schema.defaults import defaults_of
from typedflow.schema.layer_fields import LayerField, fault_problem, layer_fields
from typedflow.schema.layers import Layer
from typedflow.schema.render import describe, render

LayerT = TypeVar("LayerT", bound=Layer)


def fresh(cls: type[LayerT], given: LayerT | Mapping[str, Any] | None = None, *, own: Collection[str] = ()) -> LayerT:
    """Return a State or FlowState for a new execution or flow.

    A mapping is converted, records in it too; an instance must be exactly of the class. The argument is copied by
    declared type, so that no two executions share it, and is not changed. Raises one `ContractError` with every
    missing field, every undeclared one, and every value that does not fit.

    The values of the fields in `own` are taken as they are: the caller has checked them, and does not share them.
    """
    fields = layer_fields(cls)
    values = _given_values(cls, fields, given)
    makers = defaults_of(cls)
    problems = [undeclared_field_problem(str(name), cls.__name__, fields) for name in values if name not in fields]
    taken: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for name, field in fields.items():
        if name in values:
            value = values[name]
        elif name in makers:
            value = makers[name]()
        else:
            missing[name] = render(field.kind)
            continue
        try:
            is_sound = type(value) is field.exact or name in own
            taken[name] = value if is_sound else _own(field, value)
        except Mismatch as mismatch:
            problems.append(fault_problem(mismatch, name, cls.__typedflow_layer__))
        except Uncopyable as fault:
            problems.append(wrong_type_problem(name, "a value that can be copied", f"one with {fault}"))
    problems += missing_state(missing, cls.__name__)
    if problems:
        raise ContractError(problems)
    return cls(**taken)


def wrong_defaults(cls: type[Layer]) -> list[Problem]:
    """Return a problem for each default of a field that does not fit its type; factories are not called."""
    fields, problems = layer_fields(cls), []
    for declared in msgspec.structs.fields(cls):
        if declared.default is not msgspec.NODEFAULT:
            try:
                fields[declared.name].check(declared.default)
            except Mismatch as mismatch:
                fault = fault_problem(mismatch, declared.name, cls.__typedflow_layer__)
                problems.append(fault.at(f"default of {cls.__name__}"))
    return problems


def _given_values(cls: type[LayerT], fields: Mapping[str, LayerField], given: Any) -> Mapping[str, Any]:
    if given is None:
        return {}
    if type(given) is cls:
        return {name: field.read(given) for name, field in fields.items()}
    if isinstance(given, Mapping):
        return given
    raise ContractError(wrong_state_problem(cls.__typedflow_layer__, cls.__name__, describe(given)))


def _own(field: LayerField, value: Any) -> Any:
    """Convert, check and copy one value."""
    value = field.check(construct(field.kind, value) if field.constructs else value)
    return field.copy(value)
