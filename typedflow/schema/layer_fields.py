"""The fields of a layer with their types, checks and copies; compiled once per class, when first needed.

The fields of a class are in its own dict, `__typedflow_fields__`, which is empty until then, so that a write costs one
lookup. A field with mutable values gets a descriptor that reports every read to the step in progress:
msgspec encodes, decodes, copies and compares by offset and does not see it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, assert_never

import msgspec
from msgspec.structs import force_setattr

from typedflow.errors import ContractError
from typedflow.rules.problems import Problem
from typedflow.rules.wording import ABSENT
from typedflow.rules.writes import changed_in_place_problem, undeclared_field_problem, wrong_type_problem
from typedflow.schema.check import Check, Mismatch, compile_check, exact_class, render_path
from typedflow.schema.concurrent_changes import read_again_if_changed
from typedflow.schema.construction import UndeclaredKey, may_construct
from typedflow.schema.copies import Uncopyable, compile_copy
from typedflow.schema.mismatch import MISSING
from typedflow.schema.parsing import parse
from typedflow.schema.records import fields_of, is_frozen
from typedflow.schema.render import describe
from typedflow.schema.types import (
    AliasOf,
    Anything,
    CollectionOf,
    EnumOf,
    FunctionOf,
    Kind,
    LiteralOf,
    MappingOf,
    NewTypeOf,
    Nothing,
    Opaque,
    RecordOf,
    Scalar,
    TupleOf,
    UnionOf,
)
from typedflow.schema.writing import current_step, outside


class LayerField(msgspec.Struct, frozen=True):
    """One field, ready to be read and written."""

    name: str
    kind: Kind
    required: bool
    exact: type | None
    """The class whose instances need no check."""
    check: Check
    constructs: bool
    """A mapping can be converted to a record."""
    copy: Callable[[Any], Any]
    changeable: bool
    """The value is mutable: reads are recorded."""
    read: Callable[[Any], Any]
    """Returns the field of an instance without recording the read."""


class NotedField:
    """Descriptor of a field with mutable values: reports every read to the step in progress."""

    __slots__ = ("_get", "_name", "member")

    member: Any
    """The member descriptor of msgspec, which reads and writes the slot."""

    def __init__(self, name: str, member: Any) -> None:
        self._name = name
        self._get = member.__get__
        self.member = member

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        """Return the field of an instance; on the class return the descriptor, as a member descriptor does."""
        if layer is None:
            return self
        step = current_step.get()
        if step is None:
            outside.note_read()
        else:
            step.read_container(layer, self._name)
        return self._get(layer)

    def __set__(self, layer: Any, value: object) -> None:
        """Write the field, which `__setattr__` has checked before."""
        self.member.__set__(layer, value)


def layer_fields(cls: Any) -> Mapping[str, LayerField]:
    """Return the fields of a State or FlowState class, in order; compiles them the first time.

    Raises `parsing.Unresolved` if an annotation has an undefined name.
    """
    fields: dict[str, LayerField] = cls.__typedflow_fields__
    if not fields and cls.__struct_fields__:
        compiled = {}
        for field in fields_of(RecordOf(cls)):
            member = getattr(cls, field.name)
            member = member.member if isinstance(member, NotedField) else member
            compiled[field.name] = made = LayerField(
                name=field.name,
                kind=field.kind,
                required=field.required,
                exact=exact_class(field.kind),
                check=compile_check(field.kind),
                constructs=may_construct(field.kind),
                copy=_copier(field.kind),
                changeable=is_changeable(field.kind),
                read=member.__get__,
            )
            if made.changeable:
                type.__setattr__(cls, field.name, NotedField(field.name, member))
        type.__setattr__(cls, "__typedflow_fields__", compiled)  # at once: other threads may be writing already
        return compiled
    return fields


def _copier(kind: Kind) -> Callable[[Any], Any]:
    """Compile a copy function; for a type that cannot be copied, the function raises."""
    try:
        return compile_copy(kind)
    except Uncopyable as fault:
        refusal = fault

    def refuse(value: Any) -> Any:
        raise refusal

    return refuse


def field_of(layer: Any, name: str) -> LayerField:
    """Return a field for a write; raises ContractError, with the nearest name, if there is none."""
    fields = layer_fields(type(layer))
    field = fields.get(name)
    if name == "__orig_class__":  # which `Box[int](…)` sets on what it makes, where it can be set
        raise AttributeError(name)
    if field is None:
        raise placed(undeclared_field_problem(name, type(layer).__name__, fields))
    return field


def require_fields(layer: Any, names: Any) -> None:
    """Recheck fields whose values may have been changed in place; raises one `ContractError` with all problems.

    Values are normalised in place, as a write would have done.
    """
    fields = layer_fields(type(layer))
    problems = []
    for name in names:
        field = fields[name]
        value = field.read(layer)
        try:
            normal = read_again_if_changed(field.check, value)
        except Mismatch as mismatch:
            path, expected, given = fault_of(mismatch, name)
            kind = layer.__typedflow_layer__
            problems.append(changed_in_place_problem(path, expected, given, layer=kind, hint=mismatch.hint))
        else:
            if normal is not value:
                force_setattr(layer, name, normal)
    if problems:
        raise placed(*problems)


def refused_value(layer: Any, path: str, mismatch: Mismatch) -> ContractError:
    """Return the error of a write with an invalid value."""
    return placed(fault_problem(mismatch, path, layer.__typedflow_layer__))


def fault_problem(mismatch: Mismatch, path: str, layer: str) -> Problem:
    """Return the problem of an invalid value at `path` of a layer."""
    if isinstance(mismatch, UndeclaredKey):
        return mismatch.problem
    place, expected, given = fault_of(mismatch, path)
    return wrong_type_problem(place, expected, given, layer=layer, hint=mismatch.hint)


def fault_of(mismatch: Mismatch, path: str) -> tuple[str, str, str]:
    """Return the path of a mismatch below `path`, the expected type and the actual value, as rendered text."""
    inner = render_path(mismatch.path)
    place = path + (inner if inner.startswith("[") or not inner else f".{inner}")
    return place, mismatch.expected, ABSENT if mismatch.given is MISSING else describe(mismatch.given)


def placed(*problems: Problem, error: type[ContractError] = ContractError) -> ContractError:
    """Return an error that names the step in progress, if there is one."""
    step = current_step.get()
    return error(problems if step is None else [problem.at(step.name) for problem in problems])


def is_changeable(tp: Any) -> bool:
    """Return whether a value of the type, or a part of it, can be changed in place."""
    return _is_changeable(parse(tp), set())


def _is_changeable(kind: Kind, open_: set[Kind]) -> bool:
    match kind:
        case Scalar(cls=cls):
            return cls is bytearray
        case EnumOf() | LiteralOf() | Nothing():
            return False
        case CollectionOf(cls=cls, item=item):
            return cls not in (tuple, frozenset) or _is_changeable(item, open_)
        case TupleOf(items=inner) | UnionOf(members=inner):
            return any(_is_changeable(part, open_) for part in inner)
        case NewTypeOf(base=base):
            return _is_changeable(base, open_)
        case AliasOf() | RecordOf() if kind in open_:
            return False
        case AliasOf():
            return _is_changeable(kind.target, open_ | {kind})
        case RecordOf():
            return not is_frozen(kind) or any(_is_changeable(part.kind, open_ | {kind}) for part in fields_of(kind))
        case Opaque(stored=stored):
            return stored is None or not stored.immutable
        case MappingOf() | Anything() | FunctionOf():
            return True
        case _:
            assert_never(kind)
