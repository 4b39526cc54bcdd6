"""Find out whether the call of a user's function returns a value, an awaitable or a generator.

The one rule of steps, conditions and branches: **the return value of a handler or condition is awaited, once, if it is
awaitable**: a coroutine, a Future, a Task, any object whose class has `__await__`. Neither an annotation nor an
option (`retry`, `timeout`, `thread`) changes that; a function that runs in a thread returns what the loop then awaits.
The result of the await is the value of the step; `definition.edges`, the overloads of `Process.to` and the mypy plugin
infer its type by the same rule. Where typedflow accepts plain functions only (`update_flow_state`, a
migration), nothing is awaited: an async function is refused.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable
from contextlib import suppress
from types import AsyncGeneratorType, FunctionType, GeneratorType, MethodType
from typing import Any, Final

_VALUES: Final = frozenset({type(None), bool, int, float, str, bytes, list, dict, tuple, set})
"""Classes whose values are never awaitable; a fast path."""
_LATER: Final = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


def is_awaited(value: Any) -> bool:
    """Return True for what `await` takes; asked of the class alone, as `await` does, never of `__class__`."""
    cls = type(value)
    if cls in _VALUES:
        return False
    if cls is GeneratorType:
        return bool(value.gi_code.co_flags & inspect.CO_ITERABLE_COROUTINE)  # of a `types.coroutine`
    return issubclass(cls, Awaitable)


def is_generator_function(function: Any) -> bool:
    """Return True for a function with a `yield`, async or not, whose body no step would run."""
    flags = _flags_of(function)
    return (
        bool(flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR)) and not flags & inspect.CO_ITERABLE_COROUTINE
    )


def deferral_of(function: Any) -> str:
    """Return what a function is whose body does not run when it is called; "" for a plain one."""
    flags = _flags_of(function)
    if flags & inspect.CO_ASYNC_GENERATOR:
        return "an async generator function"
    if flags & (inspect.CO_COROUTINE | inspect.CO_ITERABLE_COROUTINE) or inspect.iscoroutinefunction(function):
        return "a coroutine function"
    return "a generator function" if flags & inspect.CO_GENERATOR else ""


def is_deferred(returned: Any) -> bool:
    """Return True if a call returned an awaitable or a generator, so that its work is not done yet."""
    return isinstance(returned, GeneratorType | AsyncGeneratorType) or is_awaited(returned)


def discard(deferred: Any) -> None:
    """Close a coroutine or generator, or cancel a Future or Task, that will not be awaited; avoids the warning."""
    for end in ("close", "cancel"):
        call = getattr(deferred, end, None)
        if callable(call):
            with suppress(Exception):
                call()
            return


def _flags_of(function: Any) -> int:
    """Return the flags of the code that a call of `function` would begin with; 0 where that is not Python's."""
    for _ in range(100):  # a chain of wrappers may be a ring
        if type(function) is FunctionType:
            return function.__code__.co_flags & (_LATER | inspect.CO_ITERABLE_COROUTINE)
        if isinstance(function, MethodType | staticmethod | classmethod):
            function = function.__func__
        elif isinstance(function, functools.partial):
            function = function.func
        else:
            call = inspect.getattr_static(type(function), "__call__", None)
            if isinstance(function, type) or not isinstance(call, FunctionType | staticmethod | classmethod):
                break
            function = call
    return 0
