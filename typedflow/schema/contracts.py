"""`Contract`, the class that declares the input, result, layers, events and resources of a flow; and `spec_of`.

A contract has annotations only. It is checked when the class is created, with all problems in one error that points to
the class statement.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self, TypeAlias, TypeVar, cast, get_origin

import msgspec

from typedflow.errors import ContractError
from typedflow.rules.problems import Problem
from typedflow.rules.schema import (
    PARTS,
    check_parts,
    contract_instance_problem,
    foreign_part_problem,
    generic_part_problem,
    not_a_contract_problem,
    not_persistable_problem,
    part_with_value_problem,
    resource_in_state_problem,
    unbound_part_problem,
    unresolved_problem,
    unsettled_part_problem,
    wrong_part_problem,
    wrong_version_problem,
)
from typedflow.rules.snapshots import check_migration, missing_migration_problem, stray_migration_problem
from typedflow.rules.wording import describe
from typedflow.schema.annotations import calling_frame, class_hints
from typedflow.schema.callables import deferral_of
from typedflow.schema.check import compile_check, render_path
from typedflow.schema.layer_fields import layer_fields
from typedflow.schema.layers import Events, FlowState, Layer, Resources, State
from typedflow.schema.parsing import Unresolved
from typedflow.schema.parts import candidates, inherited_parts, parts_of_alias
from typedflow.schema.persistable import check_persistable
from typedflow.schema.records import fields_of
from typedflow.schema.render import render
from typedflow.schema.resolving import RecursiveAlias, UnresolvedName
from typedflow.schema.resources import resources_within
from typedflow.schema.settling import settle
from typedflow.schema.types import RecordOf

_BASES: Final[Mapping[str, type]] = types.MappingProxyType(
    {"state": State, "flow_state": FlowState, "resources": Resources, "events": Events}
)
Document: TypeAlias = dict[str, Any]
"""What a migration gets and returns, as builtins: `state`, `flow_state`, and `values` by the names of nodes."""
Migration: TypeAlias = Callable[[Document], Document]
"""Converts what one version has saved to the next."""
MigrationT = TypeVar("MigrationT", bound=Migration)
_TYPING_MODULES: Final = frozenset({"typing", "typing_extensions", "types"})


@dataclass(frozen=True, slots=True)
class ContractSpec:
    """The declarations of a contract class; a part is None if it is absent, NoneType if it is declared as `None`."""

    cls: type[Contract]
    name: str
    version: int
    input: Any
    result: Any
    state: type[State] | None
    flow_state: type[FlowState] | None
    resources: type[Resources] | None
    events: Mapping[str, Any] | None
    """Event name -> payload type."""
    stream: Any | None

    @property
    def declared(self) -> tuple[str, ...]:
        """The names of the declared parts, in the order of `PARTS`."""
        return tuple(part for part in PARTS if getattr(self, part) is not None)


class Contract:
    """Declare the input, result, state, resources and events of a flow.

        class Review(Contract, version=2):
            input: Request
            result: Report
            state: ReviewState

    The parts are those of `typedflow.rules.schema.PARTS`; `input` and `result` are required. A contract may extend
    another with more parts, or with narrower ones; a base that leaves a required part to others says so:
    `class Base(Contract, abstract=True)`. A base whose part others narrow, in every type checker, is generic in it:

        class Base(Contract, Generic[StateT], abstract=True):    # a covariant type variable with a bound
            state: StateT

        class Book(Base[BookState]): ...

    There are no instances.

    >>> class Greet(Contract):
    ...     input: str
    ...     result: str
    >>> def greet(data: Data[Greet, str]) -> str:
    ...     return f"hello {data.value}"
    >>> hello = Flow(Greet)
    >>> hello.to(greet).end()
    >>> hello.start("Ann")
    'hello Ann'
    """

    __typedflow_own__: ClassVar[Mapping[str, Any]] = types.MappingProxyType({})
    __typedflow_parts__: ClassVar[Mapping[str, Any]] = types.MappingProxyType({})
    __typedflow_version__: ClassVar[int] = 1
    __typedflow_migrations__: ClassVar[dict[int, Migration]] = {}

    def __init_subclass__(cls, *, version: int = 1, abstract: bool = False, **options: Any) -> None:
        """Check the class; raises one `ContractError` with all its problems."""
        super().__init_subclass__(**options)
        frame = calling_frame()
        own, failures = class_hints(cls, frame)
        inherited, problems = _inherited(cls)
        parts = {name: tp for name, tp in (inherited | own).items() if name in PARTS}
        problems += _check_body(cls.__name__, vars(cls), [*parts, *own, *failures], abstract=abstract)
        problems += [
            unresolved_problem(cls.__name__, name, failure.text, failure.reason) for name, failure in failures.items()
        ]
        problems += _check_bases(cls, {*parts, *failures})
        if type(version) is not int or version < 1:
            problems.append(wrong_version_problem(cls.__name__, describe(version)))
        for name, tp in parts.items():
            problems += _check_part(cls, name, tp, frame)
        if problems:
            raise ContractError(problems)
        cls.__typedflow_own__ = types.MappingProxyType({name: tp for name, tp in own.items() if name in PARTS})
        cls.__typedflow_parts__ = types.MappingProxyType(parts)
        cls.__typedflow_version__ = version
        cls.__typedflow_migrations__ = {}

    @classmethod
    def migrate(cls, version: int) -> Callable[[MigrationT], MigrationT]:
        """Register a function that converts layers saved by version `version` to the next version.

            @Review.migrate(1)
            def name_the_subject(document: Document) -> Document: ...

        It takes and returns `{"state": …, "flow_state": …}` in builtins, as JSON has them (a date is text), and has to
        be pure: it is run whenever an old snapshot is loaded. A contract does not inherit the migrations of its bases.

        >>> class Greet(Contract, version=2):
        ...     input: str
        ...     result: str
        >>> @Greet.migrate(1)
        ... def rename(document: Document) -> Document:
        ...     document["state"]["who"] = document["state"].pop("name")
        ...     return document
        """

        def register(function: MigrationT) -> MigrationT:
            known = cls.__typedflow_migrations__
            problem = check_migration(cls.__name__, version, cls.__typedflow_version__, known)
            if problem is None and not callable(function):
                problem = stray_migration_problem(cls.__name__, repr(version), f"{describe(function)} is no function")
            deferral = deferral_of(function)
            if problem is None and deferral:
                problem = stray_migration_problem(
                    cls.__name__, repr(version), f"it is {deferral}, and has to be a plain one"
                )
            if problem is not None:
                raise ContractError(problem)
            known[version] = function
            return function

        return register

    def __new__(cls) -> Self:
        """Raise ContractError: a contract has no instances."""
        raise ContractError(contract_instance_problem(cls.__name__))


def check_migrations(contract: type[Contract]) -> list[Problem]:
    """Check that the chain from the oldest version with a migration to the contract's own has no gap (TF917)."""
    known, version = contract.__typedflow_migrations__, contract.__typedflow_version__
    gaps = [older for older in range(min(known, default=version), version) if older not in known]
    return [missing_migration_problem(contract.__name__, older, version) for older in gaps]


def spec_of(contract: Any) -> ContractSpec:
    """Return the declarations of a contract class, or of a generic one with its arguments: `Box[int]`.

    Cached per class. Raises `ContractError` if the argument is no contract, or an abstract one that lacks parts.
    """
    origin = get_origin(contract) or contract
    if not isinstance(origin, type) or not issubclass(origin, Contract) or origin is Contract:
        raise ContractError(
            not_a_contract_problem(render(contract) if isinstance(contract, type) else describe(contract))
        )
    if origin is not contract:
        return _read_spec(origin, contract)
    spec: ContractSpec | None = vars(origin).get("__typedflow_spec__")
    if spec is None:
        spec = _read_spec(origin, contract)
        type.__setattr__(origin, "__typedflow_spec__", spec)
    return spec


def has_layers(spec: ContractSpec, contract: Any) -> bool:
    """Return whether the layers of a contract are those of a generic one with these arguments, or subclasses."""
    parts, _ = parts_of_alias(contract)
    declared = ((getattr(spec, name), parts.get(name)) for name in _BASES if name != "events")
    return all(issubclass(own, tp) for own, tp in declared if isinstance(own, type) and isinstance(tp, type))


def _read_spec(cls: type[Contract], contract: Any) -> ContractSpec:
    parts, problems = parts_of_alias(contract)
    problems += check_parts(cls.__name__, parts)
    for name in _BASES:
        if name in parts and (isinstance(parts[name], TypeVar) or contract is not cls):
            problems += _check_part(cls, name, parts[name], None, settled=True)
    if problems:
        raise ContractError(problems)
    taken = {name: parts.get(name) for name in PARTS}
    events = taken.pop("events")
    payloads = None if events is None else {field.name: field.kind for field in fields_of(RecordOf(events))}
    return ContractSpec(
        cls=cls, name=cls.__name__, version=cls.__typedflow_version__, events=payloads, **cast("dict[str, Any]", taken)
    )


def _inherited(cls: type[Contract]) -> tuple[dict[str, Any], list[Problem]]:
    try:
        return inherited_parts(cls)
    except UnresolvedName as failure:
        return {}, [unresolved_problem(cls.__name__, "the bases", failure.text, failure.reason)]


def _check_bases(cls: type[Contract], parts: Collection[str]) -> list[Problem]:
    """Check that no base of another kind annotates a part: a type checker would treat it as a part of the contract."""
    others = [base for base in cls.__mro__[1:] if not issubclass(base, Contract)]
    found = [(name, base.__name__) for base in others for hints in class_hints(base) for name in hints]
    return [
        foreign_part_problem(cls.__name__, name, base) for name, base in found if name in PARTS and name not in parts
    ]


def _check_body(contract: str, body: Mapping[str, Any], declared: list[str], *, abstract: bool) -> list[Problem]:
    """Check the names of the parts, and that the body has annotations and nested classes only."""
    own = {name: value for name, value in body.items() if not _is_own(name)}
    values = [name for name, value in own.items() if name in PARTS or not isinstance(value, type)]
    with_value = [name for name in values if name in PARTS or name in declared]
    others = [name for name in values if name not in with_value]
    named = [*declared, *(name for name in with_value if name in PARTS), *others]
    problems = check_parts(contract, list(dict.fromkeys(named)))
    if abstract:
        problems = [problem for problem in problems if problem.number != "TF606"]
    return problems + [part_with_value_problem(contract, name) for name in with_value]


def _is_own(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _check_part(
    cls: type[Contract], name: str, tp: Any, frame: types.FrameType | None, *, settled: bool = False
) -> list[Problem]:
    """Check one part: its kind, that all annotations in it can be resolved, and that a state can be saved.

    With `settled` the part must not be a type variable of the contract itself.
    """
    contract = cls.__name__
    base = _BASES.get(name)
    if base is not None and isinstance(tp, TypeVar):
        return _check_variable(cls, name, tp, frame, settled=settled)
    if base is not None and _is_generic(tp, base):
        return [generic_part_problem(contract, name, tp.__name__ if isinstance(tp, type) else render(tp))]
    if base is not None and not (isinstance(tp, type) and issubclass(tp, base)):
        return [wrong_part_problem(contract, name, _shown(tp))]
    if base is None and not _is_type_form(tp):
        return [wrong_part_problem(contract, name, describe(tp))]
    unsettled = settle(tp, frame, cls)
    if unsettled:
        return [unresolved_problem(it.owner.__name__, it.field, it.failure.text, it.failure.reason) for it in unsettled]
    try:
        if name in ("state", "flow_state"):
            return _check_state(tp)
        if name != "resources":
            compile_check(tp)
    except Unresolved as failure:  # in an alias, whose value cannot be replaced
        return [unresolved_problem(contract, name, render(tp), str(failure))]
    return []


def _check_variable(
    cls: type[Contract], name: str, variable: TypeVar, frame: types.FrameType | None, *, settled: bool
) -> list[Problem]:
    """Check a part that is a type variable: the contract is generic in it, and it is limited to classes of the kind."""
    if settled or variable not in getattr(cls, "__parameters__", ()):
        return [unsettled_part_problem(cls.__name__, name, variable.__name__)]
    try:
        limits = candidates(variable)
    except UnresolvedName as failure:
        return [unresolved_problem(cls.__name__, name, failure.text, failure.reason)]
    if not limits:
        return [unbound_part_problem(cls.__name__, name, variable.__name__)]
    return [problem for limit in dict.fromkeys(limits) for problem in _check_part(cls, name, limit, frame)]


def _is_generic(tp: Any, base: type) -> bool:
    """Return whether a type is a generic class of a kind, with or without arguments."""
    origin = get_origin(tp)
    if origin is not None:
        return isinstance(origin, type) and issubclass(origin, base)
    return isinstance(tp, type) and issubclass(tp, base) and bool(getattr(tp, "__parameters__", ()))


def _check_state(cls: type[Layer]) -> list[Problem]:
    """Check that every value of each field of a State or FlowState can be saved and loaded."""
    problems: list[Problem] = []
    fields = layer_fields(cls)
    forms = {info.name: info.type for info in msgspec.structs.fields(cls)}  # for msgspec, which is asked as well
    for field in fields.values():
        within = resources_within(field.kind)
        if within is not None:
            problems.append(resource_in_state_problem(cls.__name__, field.name, render(within)))
            continue
        for path, reason in check_persistable(field.kind, field=True, form=forms[field.name]):
            inner = render_path((field.name, *path))
            problems.append(not_persistable_problem(cls.__name__, field.name, reason, path=inner))
    return problems


def _is_type_form(tp: Any) -> bool:
    is_named = isinstance(tp, type | RecursiveAlias)
    return is_named or get_origin(tp) is not None or type(tp).__module__ in _TYPING_MODULES


def _shown(tp: Any) -> str:
    return render(tp) if _is_type_form(tp) else describe(tp)
