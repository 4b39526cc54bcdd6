"""Cases by class and by value: `case_type` and `case_value`, what they take, and whether they cover a match."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Any, Final, NewType, TypeVar, Union, get_args, get_origin

from typedflow.definition.nodes import Case, Match
from typedflow.rules import cases
from typedflow.rules.problems import Problem
from typedflow.schema.accepts import accepts, finite
from typedflow.schema.annotations import UNKNOWN
from typedflow.schema.parsing import Unresolved, parse
from typedflow.schema.render import render
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
    union_of,
)

_LITERALS: Final = (str, int, bool, bytes, NoneType)


def check_classes(given: tuple[Any, ...]) -> Problem | None:
    """Check the arguments of `case_type`: one to four classes (TF742)."""
    if not 1 <= len(given) <= cases.MOST_CLASSES:
        return cases.number_of_classes_problem(len(given))
    return next(filter(None, map(_check_class, given)), None)


def _check_class(given: Any) -> Problem | None:
    if given is None:
        return cases.wrong_class_problem(given, "use .case_type(type(None)), or .case_value(None)")
    if isinstance(given, UnionType) or get_origin(given) is Union:
        return cases.union_class_problem([render(member) for member in get_args(given)])
    if isinstance(given, NewType):
        return cases.new_type_problem(given.__name__, render(given.__supertype__))
    if not isinstance(given, type) and not isinstance(get_origin(given), type):
        return cases.wrong_class_problem(given)
    try:
        kind = parse(given)
    except Unresolved:
        return cases.wrong_class_problem(given)
    if isinstance(kind, Anything | Nothing | LiteralOf | FunctionOf | AliasOf) or isinstance(given, TypeVar):
        return cases.wrong_class_problem(given)
    return None


def check_values(given: tuple[Any, ...]) -> Problem | None:
    """Check the arguments of `case_value`: literals, enum members and None (TF742)."""
    if not given:
        return cases.no_values_problem()
    wrong = (value for value in given if type(value) not in _LITERALS and not isinstance(value, enum.Enum))
    return next(map(cases.wrong_value_problem, wrong), None)


def type_case(given: tuple[Any, ...], name: str) -> Case:
    """Return a case that takes the values of some classes, which were checked."""
    kinds = tuple(map(parse, given))
    return Case(given, is_function=False, name=name, kinds=kinds)


def value_case(given: tuple[Any, ...], name: str) -> Case:
    """Return a case that takes some values, which were checked."""
    return Case(given, is_function=False, name=name, kinds=tuple(map(_literal, given)))


def takes_values(case: Case) -> bool:
    """Return whether a case is one by value; a case by class has no class that is None."""
    return not any(isinstance(cls, type) or get_origin(cls) is not None for cls in case.condition)


def _literal(value: Any) -> Kind:
    return Scalar(NoneType) if value is None else LiteralOf(((type(value), value),))


def is_hit(case: Case, value: Any) -> bool:
    """Return whether a value is one of those that a case by class or value takes."""
    return any(_holds(kind, value) for kind in case.kinds)


def _holds(kind: Kind, value: Any) -> bool:
    if isinstance(kind, LiteralOf):
        return any(type(value) is cls and value == member for cls, member in kind.members)
    cls = class_of(kind)
    return isinstance(value, cls) if isinstance(kind, Opaque) else type(value) is cls


def class_of(kind: Kind) -> type:
    """Return the class that the values of a kind have; of an abstract collection or an opaque class a base of it."""
    match kind:
        case LiteralOf(members=members):
            return members[0][0]
        case TupleOf():
            return tuple
        case RecordOf(cls=cls, flavour=flavour):
            return dict if flavour == "typeddict" else cls
        case NewTypeOf(base=base):
            return class_of(base)
        case AliasOf():
            return class_of(kind.target)
        case Scalar(cls=cls) | EnumOf(cls=cls) | CollectionOf(cls=cls) | MappingOf(cls=cls) | Opaque(cls=cls):
            return cls
        case _:
            return object


def members_of(carried: Any) -> list[Kind]:
    """Return the members of a union, nested ones and those of aliases too; a kind that is no union is its only one."""
    if isinstance(carried, AliasOf):
        return members_of(carried.target)
    if isinstance(carried, UnionOf):
        return [inner for member in carried.members for inner in members_of(member)]
    return [carried]


def has_known_cases(match: Match) -> bool:
    """Return whether a case of a match is by class or value, so that all of its values must have a case."""
    return any(case.kinds for case in match.cases)


def narrowed(case: Case, carried: Any) -> Any:
    """Return the type of the values in a case by class; UNKNOWN if that of the match is not known."""
    return UNKNOWN if carried is UNKNOWN else union_of(case.kinds)


def check_cases(match: Match, carried: Any) -> Iterator[Problem]:
    """Check the cases by class and value against the type at the match, and that nothing is repeated or left over."""
    if not has_known_cases(match):
        return
    members = [] if carried is UNKNOWN else members_of(carried)
    leaves = [leaf for member in members for leaf in _leaves(member)]
    taken: set[Kind] = set()
    seen: set[Kind] = set()
    for case in match.cases:
        takes = {kind: [leaf for leaf in leaves if _takes(kind, leaf)] for kind in case.kinds}
        problems = [] if carried is UNKNOWN else list(_check_members(takes, members, carried))
        yield from problems
        repeats = [kind in seen or (found and taken.issuperset(found)) for kind, found in takes.items()]
        if takes and all(repeats) and not problems and match.mode == "hit_first":
            kinds = list(takes)
            yield cases.repeated_case_problem(
                render(_together([leaf for kind in kinds for leaf in _leaves(kind)], kinds))
            )
        seen.update(takes)
        taken.update(*takes.values())
    left = cases.left_over(leaves, taken)
    if left and match.mode == "hit_first" and not match.has_else:
        yield cases.not_covered_problem(render(_together(left, members)))


def _check_members(takes: Mapping[Kind, list[Kind]], members: list[Kind], carried: Any) -> Iterator[Problem]:
    """Check that each class and value of one case is one that can come, and that its values can be told apart."""
    for kind, found in takes.items():
        same = [] if isinstance(kind, LiteralOf) else [member for member in members if _shares_class(kind, member)]
        if len(same) > 1:
            yield cases.same_class_problem(render(kind), render(union_of(same)))
        elif not found and not _is_among(kind, members):
            yield cases.not_a_member_problem(render(kind), render(carried))


def _takes(kind: Kind, leaf: Kind) -> bool:
    """Return whether a case takes every value of a member of the union."""
    if isinstance(kind, LiteralOf) or class_of(kind) is not class_of(leaf):
        return kind == leaf
    return accepts(kind, leaf, subclasses=True)


def _shares_class(kind: Kind, member: Kind) -> bool:
    """Return whether the values of a case and those of a member of the union have the same class."""
    return not isinstance(member, LiteralOf) and class_of(kind) is class_of(member)


def _is_among(kind: Kind, members: list[Kind]) -> bool:
    """Return whether some values of `object`, of a class or of a scalar may be those of a case."""
    return any(
        isinstance(member, Anything)
        or (isinstance(member, Opaque) and issubclass(class_of(kind), member.cls))
        or (isinstance(kind, LiteralOf) and accepts(member, kind))
        for member in members
    )


def _leaves(kind: Kind) -> list[Kind]:
    """Return each value of an enum, bool or Literal as a kind of its own; any other kind as it is."""
    values = finite(kind)
    if not values or kind == Scalar(NoneType):
        return [kind]
    return [LiteralOf((value,)) for value in values]


def _together(left: list[Kind], members: list[Kind]) -> Kind:
    """Return what is left over as one kind: members of which nothing was taken, and one Literal of single values."""
    found: list[Kind] = []
    for member in members:
        inside = _leaves(member)
        if not isinstance(member, LiteralOf) and all(leaf in left for leaf in inside):
            found.append(member)
        else:
            found += [leaf for leaf in inside if leaf in left]
    literal = LiteralOf(tuple(pair for kind in found if isinstance(kind, LiteralOf) for pair in kind.members))
    return union_of(literal if isinstance(kind, LiteralOf) else kind for kind in found)
