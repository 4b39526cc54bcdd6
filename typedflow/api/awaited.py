"""`Later`: the awaitables, besides coroutines, whose result type checkers take for the value of a step.

A step awaits whatever is awaitable (`typedflow.schema.callables`), so each method that takes a handler has an overload
for `Coroutine`, one for `Later` and one for plain values. `Later` is `Awaitable` for all checkers but mypy. If an
argument contains Any, as a `Callable[..., Coroutine[Any, Any, dict[str, Any]]]` does, mypy compares all overloads that
match, and returns `Process[Any, Any, Any]` if their formals differ: with `Awaitable` no async handler of such a type
would be checked. So mypy alone resolves coroutines and Futures, and mypy with the plugin all awaitables.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Awaitable
from typing import Final, TypeAlias, TypeVar

W = TypeVar("W")

MYPY: Final = False  # by this name always True for mypy
if MYPY:
    Later: TypeAlias = Future[W]
else:
    Later: TypeAlias = Awaitable[W]
