"""Dicts as types: which names are keys of them, and what takes a TypedDict, above all one that typedflow has made.

What `when` and `collect` put together has a TypedDict without a name as its type. It is made for the step behind it, as
a display in a call is: it may be any dict, Mapping or TypedDict that its items fit, which mypy refuses for others, as
they could be changed under that type. A TypedDict with a name is taken as mypy has it, unless keys of it are left out:
the runtime finds those too many in the value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from mypy.subtypes import is_subtype
from mypy.types import (
    AnyType,
    Instance,
    LiteralType,
    ProperType,
    TupleType,
    Type,
    TypeAliasType,
    TypedDictType,
    UnionType,
    get_proper_type,
)

MAPPINGS: Final = frozenset({"builtins.dict", "typing.Mapping", "typing.MutableMapping"})
_OF_ITEMS: Final = frozenset(
    {"builtins.list", "builtins.tuple"}
    | {f"typing.{name}" for name in ("Sequence", "MutableSequence", "Collection", "Iterable")}
)

Fits: TypeAlias = Callable[[Type, Type], bool]
"""Says whether a value of the first type is taken where the second is declared."""


def takes_value(wanted: Type, given: Type) -> bool:
    """Return whether a step, or a flow's result, takes a value that is handed on."""
    here, target = get_proper_type(given), get_proper_type(wanted)
    if isinstance(here, TypedDictType) and here.is_anonymous():
        return takes_made(target, here, lambda item, declared: takes_value(declared, item))
    if not _holds_made(here):
        return is_subtype(here, target) and (not isinstance(here, TypedDictType) or _takes_keys(target, here))
    if isinstance(here, UnionType):
        return all(takes_value(target, member) for member in here.items)
    if isinstance(target, UnionType):
        return any(takes_value(member, here) for member in target.items)
    if isinstance(target, TupleType) or (isinstance(target, Instance) and target.type.fullname in _OF_ITEMS):
        return _takes_items(target, here)
    return is_subtype(here, target)


def takes_made(target: Type, made: TypedDictType, fits: Fits) -> bool:
    """Return whether a dict that typedflow has made is taken, where `fits` judges its items."""
    wanted = get_proper_type(target)
    if isinstance(wanted, UnionType):
        return any(takes_made(member, made, fits) for member in wanted.items)
    if isinstance(wanted, TypedDictType):
        is_whole = wanted.required_keys <= made.items.keys() <= wanted.items.keys()
        return is_whole and all(fits(item, wanted.items[name]) for name, item in made.items.items())
    if isinstance(wanted, Instance) and wanted.type.fullname in MAPPINGS:
        key, value = wanted.args
        return all(is_key(key, name) and fits(item, value) for name, item in made.items.items())
    return is_subtype(made, wanted)


def made_dict(tp: Type) -> TypedDictType | None:
    """Return the type of a dict that typedflow has made; None for any other type."""
    proper = get_proper_type(tp)
    return proper if isinstance(proper, TypedDictType) and proper.is_anonymous() else None


def is_key(key: Type, name: str) -> bool:
    """Return whether a text is a key of a mapping that declares keys of this type."""
    proper = get_proper_type(key)
    if isinstance(proper, UnionType):
        return any(is_key(member, name) for member in proper.items)
    if isinstance(proper, Instance) and proper.type.is_newtype:
        return any(is_key(base, name) for base in proper.type.bases)
    if isinstance(proper, LiteralType):
        return proper.value == name and proper.fallback.type.fullname == "builtins.str"
    return takes_str(proper)


def takes_str(key: Type) -> bool:
    """Return whether any text is of a type."""
    proper = get_proper_type(key)
    return isinstance(proper, AnyType) or (isinstance(proper, Instance) and proper.type.fullname == "builtins.str")


def _takes_keys(target: ProperType, given: TypedDictType) -> bool:
    members = target.items if isinstance(target, UnionType) else [target]
    for member in map(get_proper_type, members):
        is_whole = not isinstance(member, TypedDictType) or member.items.keys() == given.items.keys()
        if is_whole and is_subtype(given, member):
            return True
    return False


def _holds_made(tp: Type) -> bool:
    if isinstance(tp, TypeAliasType) and tp.is_recursive:
        return False  # it has a name, so a user wrote it
    proper = get_proper_type(tp)
    if isinstance(proper, (TupleType, UnionType)):
        return any(map(_holds_made, proper.items))
    if isinstance(proper, Instance) and proper.type.fullname in _OF_ITEMS:
        return any(map(_holds_made, proper.args))
    return made_dict(proper) is not None


def _takes_items(target: TupleType | Instance, given: ProperType) -> bool:
    """Return whether a tuple or list is taken by its items: one that holds made dicts is made, too."""
    if isinstance(given, TupleType) and isinstance(target, TupleType):
        pairs = zip(target.items, given.items, strict=False)
        return len(target.items) == len(given.items) and all(takes_value(wanted, item) for wanted, item in pairs)
    if isinstance(target, TupleType):
        return False
    if isinstance(given, TupleType):
        is_list = target.type.fullname in ("builtins.list", "typing.MutableSequence")
        return not is_list and all(takes_value(target.args[0], item) for item in given.items)
    if not isinstance(given, Instance):
        return False
    is_same = target.type.fullname != "builtins.tuple" and any(base is target.type for base in given.type.mro)
    return is_same and takes_value(target.args[0], given.args[0])
