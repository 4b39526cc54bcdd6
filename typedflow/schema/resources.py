"""The declared resources, the overrides in an argument, and the check at injection.

A resource is checked by its class only and passed on by reference: handlers rely on its identity.
"""

from __future__ import annotations

import collections.abc as abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from typedflow.errors import ResourceError
from typedflow.rules.problems import Problem
from typedflow.rules.resources import check_declared, no_mapping_problem, wrong_class_problem
from typedflow.schema.check import Check, Mismatch, compile_check
from typedflow.schema.layers import Resources
from typedflow.schema.parsing import parse
from typedflow.schema.records import children, fields_of
from typedflow.schema.render import class_name, render
from typedflow.schema.types import (
    AliasOf,
    CollectionOf,
    FunctionOf,
    Kind,
    MappingOf,
    NewTypeOf,
    Opaque,
    RecordOf,
    TupleOf,
    UnionOf,
)

_EMPTY: Final = (list, dict, set, frozenset, tuple)


@dataclass(frozen=True, slots=True)
class ResourceField:
    """One declared resource."""

    name: str
    kind: Kind
    required: bool
    """The resource has no default."""
    _default: Any = field(repr=False)
    _factory: Callable[[], Any] | None

    def default(self) -> Any:
        """Return the default: the object itself, or a new one from its factory; None for a required resource."""
        return self._factory() if self._factory is not None else self._default

    @property
    def is_made(self) -> bool:
        """True if the default comes from a factory."""
        return self._factory is not None

    def is_default(self, value: object) -> bool:
        """Return whether a value is the default: the same object, or an empty container if its factory returns one.

        The value of any other factory cannot be distinguished from a user's, and counts as an override.
        """
        if self._factory is None:
            return not self.required and value is self._default
        return self._factory in _EMPTY and type(value) is self._factory and not value


def declared_resources(cls: type[Resources]) -> Mapping[str, ResourceField]:
    """Return the declared resources by name, in order of definition; read once per class."""
    fields: dict[str, ResourceField] = vars(cls)["__typedflow_fields__"]
    if not fields and cls.__struct_fields__:
        for kind, info in zip(fields_of(RecordOf(cls)), msgspec.structs.fields(cls), strict=True):
            factory = None if info.default_factory is msgspec.NODEFAULT else info.default_factory
            default = None if info.default is msgspec.NODEFAULT else info.default
            fields[kind.name] = ResourceField(kind.name, kind.kind, info.required, default, factory)
    return fields


def overrides_of(given: Resources | Mapping[str, Any]) -> dict[str, Any]:
    """Return the resources to inject: a mapping as it is; of a Resources object, the fields other than defaults."""
    if not isinstance(given, Resources | abc.Mapping):
        raise ResourceError(no_mapping_problem(given))
    if not isinstance(given, Resources):
        return dict(given)
    fields = declared_resources(type(given)).values()
    return {field.name: value for field in fields if not field.is_default(value := getattr(given, field.name))}


def check_resources(cls: type[Resources], given: Mapping[str, Any]) -> list[Problem]:
    """Check keys and values before they are injected: declared, and of the declared class."""
    declared = declared_resources(cls)
    problems: list[Problem] = []
    for key, value in given.items():
        problem = check_declared(key, declared, owner=cls.__name__)
        if problem is None and not is_instance(value, declared[key].kind):
            problem = wrong_class_problem(key, render(declared[key].kind), class_name(value))
        if problem is not None:
            problems.append(problem)
    return problems


def require_resources(cls: type[Resources], given: Resources | Mapping[str, Any]) -> dict[str, Any]:
    """Return the checked resources to inject; raises one `ResourceError` with all problems."""
    overrides = overrides_of(given)
    problems = check_resources(cls, overrides)
    if problems:
        raise ResourceError(problems)
    return overrides


def is_instance(value: object, kind: Kind) -> bool:
    """Return whether a value is an instance of the declared class or a subclass; its parts are not checked.

    A protocol that is not runtime-checkable accepts any value.
    """
    match kind:
        case UnionOf(members=members):
            return any(is_instance(value, member) for member in members)
        case NewTypeOf(base=base):
            return is_instance(value, base)
        case AliasOf():
            return is_instance(value, kind.target)
        case RecordOf(cls=cls, flavour=flavour):
            return isinstance(value, abc.Mapping if flavour == "typeddict" else cls)
        case CollectionOf(cls=cls) | MappingOf(cls=cls):
            return isinstance(value, cls)
        case TupleOf(items=items):
            return isinstance(value, tuple) and len(value) == len(items)
        case Opaque(cls=cls):
            return not kind.is_checkable or isinstance(value, cls)
        case FunctionOf():
            return callable(value)
        case _:
            return _passes(compile_check(kind), value)


def _passes(check: Check, value: object) -> bool:
    try:
        check(value)
    except Mismatch:
        return False
    return True


def resources_within(tp: Any) -> Kind | None:
    """Return the first Resources class in a type, at any depth."""
    waiting, seen = [parse(tp)], set[Kind]()
    while waiting:
        kind = waiting.pop()
        if kind in seen:
            continue
        seen.add(kind)
        if isinstance(kind, RecordOf) and issubclass(kind.cls, Resources):
            return kind
        waiting += children(kind)
    return None
