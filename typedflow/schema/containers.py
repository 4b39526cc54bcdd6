"""The checks of lists, sets, tuples and mappings. The loops are written out for speed."""

from __future__ import annotations

import collections.abc as abc
from collections.abc import Sequence
from typing import Any, Final

from typedflow.schema.mismatch import Mismatch
from typedflow.schema.proofs import LARGE, Proof, proof_of_large
from typedflow.schema.render import render
from typedflow.schema.scalars import Check, limit_check
from typedflow.schema.types import NO_LIMITS, CollectionOf, Limits, MappingOf, TupleOf


def collection_check(kind: CollectionOf, item: Check, exact: type | None, in_place: bool) -> Check:
    """Compile the check of a collection whose items are of one kind; `exact` is the items' `exact_class`."""
    expected = render(kind)
    prove = proof_of_large(kind)
    check = _abstract_check(kind.cls, expected, item, prove, in_place and _is_mutable(kind.cls))
    if kind.cls in _CONCRETE:
        check = _concrete_check(kind.cls, expected, item, exact, prove, in_place)
    return _with_limits(check, kind.limits, expected)


def tuple_check(kind: TupleOf, items: Sequence[Check]) -> Check:
    """Compile the check of a tuple of fixed length."""
    expected = render(kind)
    length = len(items)

    def check(value: Any) -> Any:
        if type(value) is not tuple or len(value) != length:
            raise not_exactly(tuple, expected, value)
        index = 0
        changed: list[Any] | None = None
        try:
            for index, part in enumerate(value):
                normal = items[index](part)
                if normal is not part:
                    changed = list(value) if changed is None else changed
                    changed[index] = normal
        except Mismatch as fault:
            raise fault.under(index) from None
        return value if changed is None else tuple(changed)

    return check


def mapping_check(
    kind: MappingOf, key: Check, exact_key: type | None, value: Check, exact_value: type | None, in_place: bool
) -> Check:
    """Compile the check of a mapping; mappings other than dict are checked, but not changed."""
    cls: Any = kind.cls
    expected = render(kind)
    prove = proof_of_large(kind)
    check_parts = _parts_check(key, exact_key, value, exact_value, prove, in_place and _is_mutable(cls))
    if cls is dict:

        def check(given: Any) -> Any:
            if type(given) is not dict:
                raise not_exactly(dict, expected, given)
            return check_parts(given)

    else:

        def check(given: Any) -> Any:
            if type(given) is dict:
                return check_parts(given)
            if not isinstance(given, cls):
                raise Mismatch((), expected, given)
            check_parts(dict(given))
            return given

    return _with_limits(check, kind.limits, expected)


def _is_mutable(cls: type) -> bool:
    """Return whether the declared class allows changes; a `Sequence[float]` may be a `list[int]` of the caller."""
    return issubclass(cls, (abc.MutableSequence, abc.MutableSet, abc.MutableMapping))


def not_exactly(cls: type, expected: str, value: Any) -> Mismatch:
    """Return the mismatch of a value that is not exactly of a container's class."""
    hint = ""
    if isinstance(value, cls) and type(value) is not cls:
        hint = f"a save would turn it into a plain {cls.__name__}: give {cls.__name__}(…)"
    return Mismatch((), expected, value, hint)


def _with_limits(check: Check, limits: Limits, expected: str) -> Check:
    if limits == NO_LIMITS:
        return check
    within = limit_check(limits, expected)
    return lambda value: within(check(value))


def _concrete_check(
    cls: Any, expected: str, item: Check, exact: type | None, prove: Proof | None, in_place: bool
) -> Check:
    parts = _CONCRETE[cls]

    def check(value: Any) -> Any:
        if type(value) is not cls:
            raise not_exactly(cls, expected, value)
        if prove is not None and len(value) >= LARGE and prove(value):
            return value
        for part in value:
            if type(part) is not exact:
                return parts(value, item, in_place)
        return value

    return check


def _abstract_check(cls: Any, expected: str, item: Check, prove: Proof | None, in_place: bool) -> Check:
    def check(value: Any) -> Any:
        if not isinstance(value, cls):
            raise Mismatch((), expected, value)
        parts = _CONCRETE.get(type(value))
        if parts is not None:
            if prove is not None and len(value) >= LARGE and prove(value):
                return value
            return parts(value, item, in_place)
        if type(value) is str:  # its items are strings, for ever
            item(value[:1])
        elif isinstance(value, (abc.Sequence, abc.Set, abc.Mapping)):
            _list_parts(list(value), item, True)
        return value

    return check


def _list_parts(value: list[Any], item: Check, in_place: bool) -> list[Any]:
    index = 0
    try:
        for index, part in enumerate(value):
            normal = item(part)
            if normal is not part:
                if not in_place:
                    value, in_place = list(value), True
                value[index] = normal
    except Mismatch as fault:
        raise fault.under(index) from None
    return value


def _tuple_parts(value: tuple[Any, ...], item: Check, in_place: bool) -> tuple[Any, ...]:
    normal = _list_parts(list(value), item, True)
    return tuple(normal) if any(a is not b for a, b in zip(normal, value, strict=True)) else value


def _set_parts(value: set[Any], item: Check, in_place: bool) -> set[Any]:
    changes = [(part, normal) for part in value if (normal := item(part)) is not part]
    if not changes:
        return value
    target = value if in_place else set(value)
    for part, normal in changes:
        target.discard(part)
        target.add(normal)
    return target


def _frozenset_parts(value: frozenset[Any], item: Check, in_place: bool) -> frozenset[Any]:
    normal = _set_parts(set(value), item, True)
    return frozenset(normal) if any(a is not b for a, b in zip(normal, value, strict=False)) else value


_CONCRETE: Final[dict[type, Any]] = {
    list: _list_parts,
    tuple: _tuple_parts,
    set: _set_parts,
    frozenset: _frozenset_parts,
}


def _parts_check(
    key: Check,
    exact_key: type | None,
    value: Check,
    exact_value: type | None,
    prove: Proof | None,
    in_place: bool,
) -> Check:
    def check(given: dict[Any, Any]) -> dict[Any, Any]:
        if prove is not None and len(given) >= LARGE and prove(given):
            return given
        for name, part in given.items():
            if type(name) is not exact_key or type(part) is not exact_value:
                return slow(given)
        return given

    def slow(given: dict[Any, Any]) -> dict[Any, Any]:
        target, new_keys, name = given, False, None
        try:
            normal_keys = {}
            for name in given:
                normal_keys[name] = normal = key(name)
                new_keys = new_keys or normal is not name
            for name, part in list(given.items()):
                normal = value(part)
                if normal is not part:
                    if target is given and not in_place:
                        target = dict(given)
                    target[name] = normal
        except Mismatch as fault:
            raise fault.under(name) from None
        if new_keys:  # a key that equals the old one does not replace it
            renewed = [(normal_keys[name], part) for name, part in target.items()]
            if not in_place:
                return dict(renewed)
            target.clear()
            target.update(renewed)
        return target

    return check
