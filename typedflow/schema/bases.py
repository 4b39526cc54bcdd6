"""The bases and members of a State, FlowState, Resources or Events class that Python or msgspec would refuse.

Their TypeError names neither the base nor the member; this module detects the same first, for a clear message.
"""

from __future__ import annotations

import types
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Generic, ParamSpec, TypeVar, TypeVarTuple

import msgspec

from typedflow.rules import schema as rules
from typedflow.rules.problems import Problem
from typedflow.schema.annotations import ALIASES

_NO_VALUES: Final = (types.ModuleType, types.UnionType, *ALIASES, TypeVar, ParamSpec, TypeVarTuple)
_PLAIN: Final[frozenset[Any]] = frozenset({object, Generic, msgspec.Struct})


def check_class(owner: str, bases: tuple[type, ...], namespace: Mapping[str, Any]) -> list[Problem]:
    """Check the bases and the body of a class before it is created (TF617)."""
    problems = [rules.refused_member_problem(owner, name) for name in rules.REFUSED_MEMBERS if name in namespace]
    refused = list(_refused_bases(owner, bases))
    if not refused:
        kinds = {base.__name__: getattr(base, "__typedflow_layer__", "") for base in bases}
        layouts = {base.__name__: _layout_of(base) for base in bases}
        combined = rules.check_bases(owner, kinds, layouts)
        refused = [] if combined is None else [combined]
    return problems + refused


def check_values(owner: str, namespace: Mapping[str, Any], annotated: Collection[str]) -> list[Problem]:
    """Check that each value in a class body belongs to a field or a ClassVar (TF617); methods and classes are none."""
    return [
        rules.value_without_annotation_problem(owner, name, "" if _has_no_type(value) else type(value).__name__)
        for name, value in namespace.items()
        if not (name in annotated or rules.is_private(name) or _is_no_value(value))
    ]


def _is_no_value(value: object) -> bool:
    """Return True for a method, a class, a type alias, a type variable or a module."""
    return callable(value) or hasattr(value, "__get__") or isinstance(value, _NO_VALUES)


def _has_no_type(value: object) -> bool:
    """Return True if the class of a value says nothing of the field: None, or what `msgspec.field` returns."""
    return value is None or type(value).__module__.startswith("msgspec")


def _refused_bases(owner: str, bases: tuple[type, ...]) -> Iterator[Problem]:
    for base in bases:
        if isinstance(base, msgspec.StructMeta) or base in _PLAIN:
            continue
        defines = [name for name in ("__init__", "__new__") if getattr(base, name) is not getattr(object, name)]
        if type(base) is not type:
            yield rules.abstract_base_problem(owner, base.__name__)
        elif defines:
            yield rules.refused_base_problem(owner, base.__name__, defines[0])


def _layout_of(base: type) -> list[str]:
    """Return the classes that add fields or slots, a class before those it builds on."""
    return [f"{cls.__module__}.{cls.__qualname__}" for cls in base.__mro__ if cls not in _PLAIN and _adds_slots(cls)]


def _adds_slots(cls: type) -> bool:
    if isinstance(cls, msgspec.StructMeta):
        inherited = [len(base.__struct_fields__) for base in cls.__bases__ if isinstance(base, msgspec.StructMeta)]
        return len(cls.__struct_fields__) > max(inherited)
    return bool(vars(cls).get("__slots__"))
