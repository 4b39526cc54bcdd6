"""The four base classes: State, FlowState, Resources, Events; and the metaclass that checks their subclasses.

All are msgspec Structs, keyword-only. A State or FlowState checks every write where it is made. `__setattr__` is hidden
from type checkers, and `__getattr__` is never defined: a visible one would let `data.state.topik = 1` pass them all.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

import msgspec
from msgspec.structs import force_setattr
from typing_extensions import dataclass_transform

from typedflow.errors import ContractError
from typedflow.rules.problems import Problem
from typedflow.rules.resources import assigned_problem
from typedflow.rules.schema import (
    REFUSED_OPTIONS,
    changeable_default_problem,
    check_field_name,
    failed_class_problem,
    refused_decorator_problem,
    refused_option_problem,
    unresolved_problem,
)
from typedflow.schema import path_access
from typedflow.schema.annotations import calling_frame
from typedflow.schema.bases import check_class, check_values
from typedflow.schema.check import Mismatch
from typedflow.schema.deferred import Unevaluated, body_annotations
from typedflow.schema.layer_fields import LayerField, field_of, refused_value, require_fields
from typedflow.schema.render import class_name
from typedflow.schema.settling import settle_class
from typedflow.schema.writing import FLAT, current_step, outside, step_is_over

__all__ = ["Events", "FlowState", "Layer", "LayerMeta", "Resources", "State", "require_fields"]


_FIELD: Final = type(msgspec.field())
_OF_DECORATORS: Final = {"__dataclass_params__": "dataclass", "__attrs_attrs__": "attrs class"}
_CHANGEABLE: Final = (list, dict, set, bytearray)


if TYPE_CHECKING:
    _Metaclass = msgspec.StructMeta
else:

    class _Metaclass(msgspec.StructMeta, type(Protocol)):
        """Accept an ABC or a protocol among the bases of a class, so that `check_class` can report it clearly.

        Without this, Python raises a metaclass conflict first. The features of an ABC have no effect.
        """

        __instancecheck__ = type.__instancecheck__
        __subclasscheck__ = type.__subclasscheck__


class LayerMeta(_Metaclass):
    """Metaclass of the four kinds: makes classes keyword-only, checks them, and resolves those defined in a function.

    The base classes set `__typedflow_layer__`, the contract's name for the kind.
    """

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], /, **options: Any) -> LayerMeta:
        """Create one class; raises one `ContractError` with all its problems."""
        layer = _layer_of(bases, namespace)
        is_state = layer in ("state", "flow_state")
        problems = check_class(name, bases, namespace)
        if problems:
            raise ContractError(problems)
        declared = _declared(name, namespace)
        problems = check_values(name, namespace, declared)
        problems += [] if layer in ("", "events") else _check_names(name, declared)
        options["kw_only"] = True
        if is_state:
            options.setdefault("forbid_unknown_fields", True)
        if layer == "resources":
            options["frozen"] = True
        body = dict(namespace)
        try:
            cls = super().__new__(mcls, name, bases, namespace, **options)
        except TypeError as error:
            unsafe = _check_defaults(name, declared, body)
            if unsafe:
                raise ContractError(problems + unsafe) from None
            if len(bases) < 2:  # an option, of which msgspec names the fault
                raise
            raise ContractError(
                [*problems, failed_class_problem(name, [base.__name__ for base in bases], str(error))]
            ) from error
        if is_state:
            problems += [refused_option_problem(name, option) for option in REFUSED_OPTIONS if _has_option(cls, option)]
        if problems:
            raise ContractError(problems)
        if layer == "resources":  # over the refusal that msgspec itself puts into a frozen class while it creates it
            type.__setattr__(cls, "__setattr__", _refuse_change)
            type.__setattr__(cls, "__delattr__", _refuse_change)
        type.__setattr__(cls, "__typedflow_fields__", {})
        settle_class(cls, calling_frame())
        return cls

    def __setattr__(cls, name: str, value: Any) -> None:
        """Set an attribute of the class; raises for those of `@dataclass`, which would change the kind of record."""
        if name in _OF_DECORATORS:
            raise ContractError(refused_decorator_problem(cls.__name__, _OF_DECORATORS[name]))
        super().__setattr__(name, value)


def _layer_of(bases: tuple[type, ...], namespace: dict[str, Any]) -> str:
    inherited = (getattr(base, "__typedflow_layer__", "") for base in bases)
    return str(namespace.get("__typedflow_layer__") or next(filter(None, inherited), ""))


def _declared(owner: str, namespace: dict[str, Any]) -> Collection[str]:
    """Return the annotated names of a class body."""
    try:
        return body_annotations(namespace).keys()
    except Unevaluated as failure:
        raise ContractError(unresolved_problem(owner, "", "", str(failure))) from failure.__cause__


def _check_names(owner: str, declared: Collection[str]) -> list[Problem]:
    checked = (check_field_name(owner, name) for name in declared)
    return [problem for problem in checked if problem is not None]


def _check_defaults(owner: str, declared: Collection[str], namespace: dict[str, Any]) -> list[Problem]:
    """Return a problem for each mutable default, which instances would share and msgspec refuses."""
    problems: list[Problem] = []
    for name in declared:
        given = namespace.get(name)
        default: Any = getattr(given, "default", None) if isinstance(given, _FIELD) else given
        kind: Any = type(default)
        if isinstance(default, msgspec.Struct):
            if not kind.__struct_config__.frozen:
                problems.append(changeable_default_problem(owner, name, kind.__name__, is_struct=True))
        elif kind in _CHANGEABLE and default:
            problems.append(changeable_default_problem(owner, name, kind.__name__))
    return problems


def _has_option(cls: Any, option: str) -> bool:
    value = getattr(cls.__struct_config__, option)
    return not value if option == "forbid_unknown_fields" else value is not None and value is not False


def _refuse_change(self: Any, name: str, value: object = None) -> None:
    """Raise for an assignment to a resource: injected resources belong to the execution, not to this object."""
    if name == "__orig_class__":  # which `Tools[int](…)` sets on what it makes, where it can be set
        raise AttributeError(name)
    raise ContractError(assigned_problem(type(self).__name__, name, type(self).__struct_fields__))


@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class Layer(msgspec.Struct, metaclass=LayerMeta):
    """Base of State and FlowState: checked writes, and access by paths like 'request.topic'.

    A path goes through fields of Structs, dataclasses and NamedTuples, keys of TypedDicts and of `dict[str, V]`. One
    that the declared types do not know raises `PathError`, which is a `ContractError` and a `KeyError`. `emit=False`
    keeps a write from the listeners.
    """

    __typedflow_layer__: ClassVar[str]
    __typedflow_fields__: ClassVar[dict[str, LayerField]] = {}

    if not TYPE_CHECKING:

        def __setattr__(self, name, value):
            """Check and normalise the value, then write it; the old value stays if the check fails."""
            try:
                field = type(self).__typedflow_fields__[name]
            except KeyError:
                field = field_of(self, name)
            step = current_step.get()
            if step is not None and step.revoked:
                raise step_is_over(step, self, name)
            if type(value) is not field.exact:
                try:
                    value = field.check(value)
                except Mismatch as mismatch:
                    raise refused_value(self, name, mismatch) from None
            force_setattr(self, name, value)
            if step is not None:
                step.wrote(self, name, value)
            elif type(value) not in FLAT:
                outside.note_read()

        def __delattr__(self, name):
            """Reset the field to its default, as `delete` does."""
            self.delete(name)

    def get(self, path: str, default: Any = None) -> Any:
        """Return the value at a path, or `default` if the path is absent. A field with the value None returns None.

        >>> notes = Notes(request=Request("birds"))
        >>> notes.get("request.topic"), Notes().get("request.topic", "none")
        ('birds', 'none')
        """
        return path_access.get(self, path, default)

    def set(self, path: str, value: Any, *, emit: bool = True) -> None:
        """Replace the value at a path, all or nothing; never merges. A mapping is converted to the declared Struct.

        A missing `dict[str, …]` on the path is created; any other missing value is an error.

        >>> notes = Notes()
        >>> notes.set("request", {"topic": "birds"})
        >>> notes.request
        Request(topic='birds')
        """
        path_access.set_(self, path, value, emit=emit)

    def append(self, path: str, value: Any, *, emit: bool = True) -> None:
        """Append to a list, or add to a set; only the value is checked, whatever the size.

        >>> notes = Notes()
        >>> notes.append("found", "Sibley")
        >>> notes.found
        ['Sibley']
        """
        path_access.append(self, path, value, emit=emit)

    def delete(self, path: str, *, emit: bool = True) -> None:
        """Reset a field to a new default; remove the key of a dict, if present.

        >>> notes = Notes(found=["Sibley"])
        >>> notes.delete("found")
        >>> notes.found
        []
        """
        path_access.delete(self, path, emit=emit)

    def __contains__(self, path: str) -> bool:
        """Return whether a path is present; a field with the value None is."""
        return path_access.contains(self, path)

    def __getitem__(self, path: str) -> Any:
        """Return the value at a path; raises `PathError`, a KeyError, if it is absent."""
        return path_access.item(self, path)

    def __setitem__(self, path: str, value: Any) -> None:
        """Do what `set` does."""
        path_access.set_(self, path, value, emit=True)

    def to_dict(self) -> dict[str, Any]:
        """Return a deep copy as dicts, by Python field names; other values than records and containers are shared."""
        return path_access.to_dict(self)


class State(Layer):
    """Data of one execution: private to it, saved and restored.

    Every field type must be one that msgspec can encode and decode, at any depth; it is checked when the class is used
    in a Contract. Unknown fields are refused. Defaults are never shared between executions.

    The value of a field stays the same object until the field, or a path in it, is written again. A step that keeps a
    list over an await and appends to it later therefore changes the state, unless another step has replaced the list
    meanwhile: then only the step itself sees the old list. So read a container from the state again after an await,
    and after an assignment, which may have stored a copy (for an int where a float is declared).

    >>> notes = Notes(found=["Sibley"])
    >>> notes.found.append("Svensson")
    >>> notes.to_dict()
    {'request': None, 'found': ['Sibley', 'Svensson']}
    >>> notes.found = "Sibley"
    Traceback (most recent call last):
    typedflow.errors.ContractError: TF601: 'found' of state takes list[str], not 'Sibley' (str)
    """

    __typedflow_layer__ = "state"


class FlowState(Layer):
    """Data that all executions of one flow share: flags, counters and small config; saved like a State.

    If a store shares it between processes, plain writes (`data.flow_state.limit = 3`) are stored field by field with
    the next save, as the fields are when the step ends: the last save of a field wins. Counters need
    `update_flow_state`, which is atomic: its function is called once, at once, on the stored value. An update replaces
    the containers that it changes by new ones, so read them again. What is read is the value that this process has
    seen last.

    >>> def count(counters: Counters) -> int:
    ...     counters.reviews += 1
    ...     return counters.reviews
    >>> flow.update_flow_state(count), flow.update_flow_state(count)
    (1, 2)
    >>> flow.flow_state.reviews
    2
    """

    __typedflow_layer__ = "flow_state"


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(msgspec.field,))
class Resources(msgspec.Struct, metaclass=LayerMeta, frozen=True):
    """Objects that are injected and never saved: connections, clients, loggers. A field with a default is optional.

    Fields may be of any type; values keep their identity. The repr shows their classes only: a resource may be a
    password.

    >>> class Clients(Resources):
    ...     library: dict[str, list[str]]
    ...     limit: int = 10
    >>> Clients(library={}).limit
    10
    """

    __typedflow_layer__ = "resources"

    def __repr__(self) -> str:
        """Return the keys with the classes of their values."""
        shown = (f"{name}=<{class_name(getattr(self, name))}>" for name in self.__struct_fields__)
        return f"{type(self).__name__}({', '.join(shown)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Return the keys with the classes of their values, for pretty printers."""
        return [(name, type(getattr(self, name))) for name in self.__struct_fields__]


@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class Events(msgspec.Struct, metaclass=LayerMeta):
    """Declare the events of a flow, each with the type of its payload: `approved: Approval`. There are no instances.

    >>> def note(data: Data[Review, int]) -> None:
    ...     data.put(f"found {data.value}")
    >>> flow.when_event(Heard.found).to(note)  # doctest: +ELLIPSIS
    <typedflow.api.process.Process object at ...>
    """

    __typedflow_layer__ = "events"
