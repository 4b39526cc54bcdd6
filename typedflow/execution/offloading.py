"""`offload`: a plain function as a handler that runs in an executor."""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import Any, Final, TypeVar, cast, final

from typedflow.errors import ContractError, ResourceError
from typedflow.execution.data import Data
from typedflow.rules import executions
from typedflow.rules.resources import wrong_class_problem
from typedflow.schema.callables import deferral_of
from typedflow.schema.render import describe

T = TypeVar("T")
W = TypeVar("W")


def offload(function: Callable[[T], W], *, executor: str) -> Callable[[Data[object, T]], Coroutine[Any, Any, W]]:
    """Return a handler that calls a plain function of the value in an executor.

    ::

        from concurrent.futures import Executor, ProcessPoolExecutor
        from typedflow import Contract, Flow, Resources, offload

        class Pools(Resources):
            pool: Executor

        class Count(Contract):
            input: str
            result: int
            resources: Pools

        def words(text: str) -> int:              # runs in a process of the pool
            return len(text.split())

        flow = Flow(Count)
        flow.to(offload(words, executor="pool")).end()

        if __name__ == "__main__":
            with ProcessPoolExecutor(2) as pool:
                print(flow.start("to be or not", runtime_resources={"pool": pool}))

    `executor` is the key of a resource: a `ProcessPoolExecutor` for work that keeps a processor busy, or any other
    `concurrent.futures.Executor`, such as that of a Dask cluster (`distributed.Client.get_executor()`). The function
    gets the value, not the `Data`: with processes the value, the function and what it returns are pickled, so that it
    has to be one that another process can import. Its annotations are those of the step. `retry`, `timeout` and
    `on_error` work as for any handler; a call that has begun is not stopped by a timeout or a cancellation, only its
    result is dropped.

    >>> handler = offload(len, executor="pool")  # for a chain whose value has a length
    """
    if not callable(function) or deferral_of(function):
        given = deferral_of(function) or describe(function)
        raise ContractError(executions.not_plain_problem("offload", given, "what awaits is a handler of its own"))
    return Offloaded(function, executor)


@final
class Offloaded:
    """The handler that `offload` returns."""

    def __init__(self, function: Callable[[Any], Any], executor: str) -> None:
        self.__typedflow_function__: Final = function
        """Whose annotations are those of the step: of the value, not of the Data."""
        self.__typedflow_executor__: Final = executor
        """The key of the resource, which the contract has to declare."""
        self.__name__ = getattr(_plain(function), "__name__", None) or type(function).__name__

    def __repr__(self) -> str:
        return f"offload({self.__name__}, executor={self.__typedflow_executor__!r})"

    async def __call__(self, data: Data[Any, Any]) -> Any:
        """Call the function in the executor, and wait for it."""
        key, function = self.__typedflow_executor__, self.__typedflow_function__
        executor = data.require_resource(key)
        if not isinstance(executor, Executor):
            raise ResourceError(wrong_class_problem(key, "Executor", type(executor).__name__))
        if isinstance(executor, ProcessPoolExecutor) and (name := _unimportable(function)):
            raise ContractError(executions.not_importable_problem(name, key))
        return await asyncio.wrap_future(executor.submit(function, data.value, **_options_of(executor)))


def _options_of(executor: Executor) -> dict[str, Any]:
    """Return what `submit` of an executor has to be told beside the function and its value.

    Dask's takes a function for pure, unless told otherwise: of two calls with one value it makes one, and a retry gets
    the error of the first attempt (https://distributed.dask.org/en/stable/client.html#pure-functions-by-default).
    """
    dask = sys.modules.get("distributed.cfexecutor")
    return {"pure": False} if dask is not None and isinstance(executor, dask.ClientExecutor) else {}


def _plain(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _unimportable(function: Any) -> str:
    """Return the name of a function that another process cannot import; empty if it can."""
    name = cast("str", getattr(_plain(function), "__qualname__", ""))
    return name if "<" in name else ""
