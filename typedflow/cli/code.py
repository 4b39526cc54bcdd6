"""The code of handlers, looked at and never called: which names it uses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType


def function_of(handler: object) -> FunctionType | None:
    """Return the function behind a handler: of a method, a partial or a callable object; None if there is none."""
    while isinstance(handler, partial | MethodType):
        handler = handler.func if isinstance(handler, partial) else handler.__func__
    if isinstance(handler, FunctionType):
        return handler
    call = type(handler).__call__ if callable(handler) and not isinstance(handler, type) else None
    return call if isinstance(call, FunctionType) else None


def names_used(handler: object) -> frozenset[str] | None:
    """Return the names that a handler's code uses, those of keyword arguments too; None if it has no code.

    The functions of its own module that it uses are looked at as well.
    """
    function = function_of(handler)
    if function is None:
        return None
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
