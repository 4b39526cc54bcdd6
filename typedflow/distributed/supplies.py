"""What a worker has to have for an execution: its resources, made by factories for one run, and the newest flow."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from typing import Any, Final, TypeAlias

from typedflow.api.blueprint import runtime_of
from typedflow.api.execution import Execution, inside_of
from typedflow.api.flow import Flow
from typedflow.errors import ContractError, SnapshotError, TypedflowError
from typedflow.execution.failures import class_name
from typedflow.rules.executions import no_factory_problem
from typedflow.rules.resources import check_factories

Factory: TypeAlias = Callable[[], Any | Awaitable[Any] | AbstractAsyncContextManager[Any] | AbstractContextManager[Any]]
"""Makes one resource: a value, an awaitable of one, or a context manager of one that is left after the run."""


class MissingFactory(Exception):
    """No factory makes what an execution requires."""

    def __init__(self, keys: list[str]) -> None:
        way = "add it to the resources of this worker, or start one that has it"
        super().__init__(f"no factory for the resources: {', '.join(keys)} ({way})")


_ELSEWHERE: Final = frozenset({"TF915", "TF970"})


def is_for_another(error: SnapshotError) -> bool:
    """Return whether another worker may read a snapshot: one of a newer contract, or sealed with a key not here."""
    return any(problem.number in _ELSEWHERE for problem in error.problems)


def require_factories(given: Mapping[str, Factory], flows: Iterable[Flow[Any]]) -> dict[str, Factory]:
    """Return the factories of a worker; raises `ContractError` for a value in place of one, or a misspelt key."""
    of_flows = [runtime_of(flow).resources for flow in flows]
    declared = {key for each in of_flows for key in each.declared}
    lacking = {key for each in of_flows for key in each.required if key not in each.values}
    problems = [no_factory_problem(key, type(made).__name__) for key, made in given.items() if not callable(made)]
    problems += check_factories(given, declared, sorted(lacking))
    if problems:
        raise ContractError(problems)
    return dict(given)


def shown(error: Exception) -> str:
    """Return what a log says of an error: of one that is not typedflow's the class and the place.

    Its text may be that of a resource: the password in a URL that could not be reached.
    """
    if isinstance(error, TypedflowError | MissingFactory):
        return str(error)
    raised = traceback.extract_tb(error.__traceback__)
    at = f" in {raised[-1].name} ({raised[-1].filename}:{raised[-1].lineno})" if raised else ""
    return f"{class_name(error)}{at}"


async def supply(execution: Execution[Any], factories: Mapping[str, Factory], stack: AsyncExitStack) -> None:
    """Make the resources that the contract declares, one call of each factory; raises `MissingFactory`."""
    resources = inside_of(execution)[0].plan.spec.resources
    declared = () if resources is None else resources.__struct_fields__
    execution.update_runtime_resources(
        {key: await _make_resource(factories[key], stack) for key in declared if key in factories}
    )
    missing = execution.missing_resources()
    if missing:
        raise MissingFactory(missing)


async def _make_resource(factory: Factory, stack: AsyncExitStack) -> Any:
    made = factory()
    if isinstance(made, AbstractAsyncContextManager):
        return await stack.enter_async_context(made)
    if isinstance(made, AbstractContextManager):
        return stack.enter_context(made)
    return await made if inspect.isawaitable(made) else made
