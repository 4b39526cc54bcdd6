"""The code of handlers, looked at and never called: which names it uses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from inspect import unwrap
from types import CodeType, FunctionType, MethodType


def function_of(handler: object) -> tuple[FunctionType, int] | None:
    """Return the function behind a handler, and which of its parameters is the data; None if there is none.

    A handler is a function, a method, a partial of one, or a callable object; a decorated function is the one that
    `functools.wraps` names.
    """
    given = 0
    while isinstance(handler, partial | MethodType):
        given += len(handler.args) if isinstance(handler, partial) else 1
        handler = handler.func if isinstance(handler, partial) else handler.__func__
    if not isinstance(handler, FunctionType):
        given += 1
        handler = type(handler).__call__ if callable(handler) and not isinstance(handler, type) else None
    handler = unwrap(handler) if isinstance(handler, FunctionType) else None
    return (handler, given) if isinstance(handler, FunctionType) else None


def names_used(handler: object) -> frozenset[str] | None:
    """Return the names that a handler's code uses, those of keyword arguments too; None if it has no code.

    The functions of its own module that it uses are looked at as well.
    """
    behind = function_of(handler)
    if behind is None:
        return None
    function = behind[0]
    found: set[str] = set()
    seen, waiting = {function}, [function]
    for each in waiting:
        names = set(_names_in(each.__code__))
        found |= names
        for name in names:
            used = each.__globals__.get(name)
            if isinstance(used, FunctionType) and used.__module__ == each.__module__ and used not in seen:
                seen.add(used)
                waiting.append(used)
    return frozenset(found)


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
        elif isinstance(constant, tuple):
            yield from (each for each in constant if isinstance(each, str))
