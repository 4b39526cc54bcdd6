"""What a user's code raised stays the caller's exception: how it is looked at, and noted on, without running its code.

An exception may be a frozen dataclass, refuse attributes, or have a `__class__`, `__eq__` or metaclass that raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

from typing_extensions import TypeIs

from typedflow.errors import StoreError

E = TypeVar("E", bound=BaseException)


def is_a(error: BaseException, cls: type[E]) -> TypeIs[E]:
    """Return True if an exception is of a class, by its type alone: `isinstance` would also ask its `__class__`."""
    return issubclass(type(error), cls)


def is_caught_by(error: BaseException, classes: Iterable[type[BaseException]]) -> bool:
    """Return True if `except` with these classes would take the exception: it asks no metaclass either."""
    return any(base is cls for base in type(error).__mro__ for cls in classes)


def class_name(error: BaseException) -> str:
    """Return the name of an exception's class, as the class statement has it: a metaclass is not asked."""
    name: str = type.__dict__["__name__"].__get__(type(error))
    return name


def add_note(error: BaseException, note: str) -> None:
    """Add a note to an exception; one that takes none stays without."""
    with suppress(Exception):  # frozen, read-only, a `__notes__` that is no list, an `add_note` of its own
        error.add_note(note)


def leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """Yield the exceptions of a group, those of nested groups too; `subgroup` would call the group's `derive`."""
    waiting: list[BaseException] = list(group.exceptions)
    for error in waiting:
        if is_a(error, BaseExceptionGroup):
            waiting.extend(error.exceptions)
        else:
            yield error


def is_of_store(error: BaseException) -> bool:
    """Return True for a failure of a store, also in a group that a handler's tasks have raised."""
    if is_a(error, BaseExceptionGroup):
        return any(is_a(leaf, StoreError) for leaf in leaves(error))
    return is_a(error, StoreError)
