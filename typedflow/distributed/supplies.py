"""The resources of an execution that a worker runs: made by factories for one run, and closed after it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from typing import Any, TypeAlias

from typedflow.api.execution import Execution, inside_of

Factory: TypeAlias = Callable[[], Any | Awaitable[Any] | AbstractAsyncContextManager[Any] | AbstractContextManager[Any]]
"""Makes one resource: a value, an awaitable of one, or a context manager of one that is left after the run."""


class MissingFactory(Exception):
    """No factory makes what an execution requires."""

    def __init__(self, keys: list[str]) -> None:
        super().__init__(f"no factory for the resources: {', '.join(keys)}")


async def supply(execution: Execution[Any], factories: Mapping[str, Factory], stack: AsyncExitStack) -> None:
    """Make the resources that the contract declares, one call of each factory; raises `MissingFactory`."""
    resources = inside_of(execution)[0].plan.spec.resources
    declared = () if resources is None else resources.__struct_fields__
    execution.update_runtime_resources(
        {key: await _made(factories[key], stack) for key in declared if key in factories}
    )
    missing = execution.missing_resources()
    if missing:
        raise MissingFactory(missing)


async def _made(factory: Factory, stack: AsyncExitStack) -> Any:
    made = factory()
    if isinstance(made, AbstractAsyncContextManager):
        return await stack.enter_async_context(made)
    if isinstance(made, AbstractContextManager):
        return stack.enter_context(made)
    return await made if inspect.isawaitable(made) else made
