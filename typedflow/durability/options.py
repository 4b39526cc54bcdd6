"""What the options of an execution that is saved may be, and which flows can be saved at all."""

from __future__ import annotations

from typedflow.engine.plan import Plan
from typedflow.errors import ContractError
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.rules import executions, snapshots
from typedflow.rules.options import HISTORY, check_checkpoint, check_option
from typedflow.rules.problems import Problem
from typedflow.schema.annotations import UNKNOWN
from typedflow.schema.mismatch import render_path
from typedflow.schema.render import render
from typedflow.snapshot.codecs import unsavable
from typedflow.stores.leased import LeasedStore


def require_options(store: object, checkpoint: object, history: object = False) -> None:
    """Refuse a store that is none, a checkpoint or history that is none, and one that the store cannot do."""
    problems: list[Problem] = []
    if store is not None and not _is_store(store):
        problems.append(executions.no_store_problem(store))
    wrong = check_checkpoint(checkpoint)
    if wrong is not None:
        problems.append(wrong)
    elif checkpoint != "pause" and store is None:
        problems.append(executions.needless_checkpoint_problem(str(checkpoint)))
    wrong = check_option(HISTORY, history)
    if wrong is not None:
        problems.append(wrong)
    elif history and store is None:
        problems.append(executions.needless_history_problem())
    elif history and not problems:
        problems.extend(check_history(store, f"history={history!r}"))
    if problems:
        raise ContractError(problems)


def require_remote(flow: FlowRuntime, store: object) -> None:
    """Refuse a store that hands out no executions to workers, where a child of the flow is run by one."""
    steps = flow.remote_steps()
    if steps and not _is_work_store(store):
        raise ContractError(executions.remote_without_store_problem(steps[0].name, store).at(f"flow '{flow.name}'"))


def _is_work_store(store: object) -> bool:
    calls = ("submit", "post", "mail", "take", "release", "renew_here")
    held = isinstance(store, LeasedStore)  # of a WorkStore, for one lease
    return held or (_is_store(store) and all(callable(getattr(store, call, None)) for call in calls))


def require_work_store(store: object) -> None:
    """Refuse a store that is none, or that hands out no executions to workers."""
    if not _is_work_store(store) or isinstance(store, LeasedStore):
        raise ContractError(executions.no_work_store_problem(store))


def check_history(store: object, option: str) -> list[Problem]:
    """Check that a store keeps revisions, for an option that needs them."""
    keeps = all(callable(getattr(store, call, None)) for call in ("history", "pending", "prune"))
    return [] if keeps else [executions.no_history_problem(type(store).__name__, option)]


def _is_store(given: object) -> bool:
    return (
        not isinstance(given, type)
        and all(callable(getattr(given, call, None)) for call in ("get", "put", "get_flow_state"))
        and hasattr(given, "shares_flow_state")
    )


def require_savable(plan: Plan) -> None:
    """Refuse a store for a flow with values on its edges that can never be saved, all of them at once."""
    problems: dict[Problem, None] = {}
    for node in plan.nodes:
        if node.carries is UNKNOWN or not any(node.ports):
            continue
        for path, reason in unsavable(node.carries):
            edge = f"the value behind step '{node.name}'"
            problem = snapshots.never_savable_problem(edge, render(node.carries), reason, render_path(path))
            problems[problem.at(f"flow '{plan.flow}'")] = None
    if problems:
        raise ContractError(list(problems))
