"""How one step is taken: its handler called, its value checked, its run told. Retry, timeout and thread are here."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from typedflow.engine.plan import Kind, PlanNode
from typedflow.engine.tokens import UNSET, Token
from typedflow.errors import ContractError
from typedflow.execution.data import Data
from typedflow.execution.failures import is_caught_by
from typedflow.execution.pauses import PauseSignal
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.execution.threads import run_in_thread, stopped
from typedflow.rules import executions
from typedflow.rules.options import within_reach
from typedflow.schema.callables import is_awaited
from typedflow.schema.check import Check, Mismatch
from typedflow.schema.writing import current_step


async def take_step(runtime: ExecutionRuntime, token: Token, node: PlanNode) -> list[Token]:
    """Run the node that a token stands in front of, and give the tokens that this made ready.

    A step is a transaction of control flow: what it emits and the listeners that its writes fire are told to the run
    together with its value, when it has ended; a failed attempt tells nothing.
    """
    value = token.value
    if node.check_in is not None:
        value = checked(node.check_in, value, "value", node.name, runtime)
    if not node.plain:
        return await _take_with_options(runtime, token, node, value)
    data: Data[Any, Any] = Data(runtime, token, node, value)
    try:
        if node.kind == Kind.MATCH:
            hits = await choose(data, node)
            take_effects(data)
            return runtime.run.chosen(token, hits, data._signals)
        current_step.set(data)
        try:
            value = node.handler(data)
        except StopIteration as stop:  # it would end the coroutine that this is
            raise stopped(node.name) from stop
        if node.is_async:
            value = await value
        elif type(value) is not node.exact_out and is_awaited(value):
            let_others_work(runtime)
            value = await value
        value = settle_value(data, node, value)
    except PauseSignal as pause:
        return pause_step(data, pause)
    except BaseException as error:
        data._failed(error)
        raise
    finally:
        data._end()
    return finish(data, value)


def let_others_work(runtime: ExecutionRuntime) -> None:
    """Have somebody go on with what is ready: nobody could know of this step that it waits."""
    if runtime.driver is not None:
        runtime.driver.push(runtime, ())


def finish(data: Data[Any, Any], value: Any) -> list[Token]:
    """Tell the run that a step has ended."""
    take_effects(data)
    return data._runtime.run.finished(data._token, value, data._signals)


def pause_step(data: Data[Any, Any], pause: PauseSignal) -> list[Token]:
    """Tell the run that a step waits for an answer; what it has set, emitted and written stands."""
    if data._touched is not None:
        data._check_touched()
    take_effects(data)
    return data._runtime.run.paused(data._token, pause.interrupt, data._signals)


def take_effects(data: Data[Any, Any]) -> None:
    """Take what a step has set aside for its end: an early result, changes of a shared flow_state."""
    runtime = data._runtime
    if data._early is not UNSET:
        runtime.run.set_result(data._early)
    if data._operations is not None:
        if runtime.operations is None:
            runtime.operations = []
        runtime.operations.extend(data._operations)


def settle_value(data: Data[Any, Any], node: PlanNode, value: Any) -> Any:
    """Check what the handler returned, and the containers of the state that it read and may have changed in place."""
    if data._touched is not None:
        data._check_touched()
    if type(value) is not node.exact_out and node.check_out is not None:
        return checked(node.check_out, value, "return value", node.name, data._runtime)
    return value


def checked(check: Check, value: Any, what: str, node: str, runtime: ExecutionRuntime) -> Any:
    """Give the value, normalised; raise the `ContractError` that names the step."""
    try:
        return check(value)
    except Mismatch as mismatch:
        problem = executions.wrong_value_problem(what, str(mismatch))
    raise ContractError(problem.at(runtime.place(node)))


async def _take_with_options(runtime: ExecutionRuntime, token: Token, node: PlanNode, value: Any) -> list[Token]:
    """Take a step that has a retry, a timeout or a thread; each attempt has its own `Data`."""
    retry = node.options.retry
    attempts = retry.attempts if retry is not None else 1
    number = 1
    while True:
        data: Data[Any, Any] = Data(runtime, token, node, value)
        data.attempt = number
        try:
            result = await _attempt(data, node)
            break
        except PauseSignal as pause:
            return pause_step(data, pause)
        except asyncio.CancelledError as error:
            data._failed(error)
            raise
        except Exception as error:
            data._failed(error)
            if retry is None or number >= attempts or not is_caught_by(error, retry.on):
                raise
        finally:
            data._end()
        number += 1
        wait = retry.wait_before(number)
        if wait:
            await asyncio.sleep(wait)
    return finish(data, result)


async def _attempt(data: Data[Any, Any], node: PlanNode) -> Any:
    """Call the handler within the step's time, and check what it returned."""
    seconds, failure, result = node.options.timeout, None, None
    try:
        async with asyncio.timeout(within_reach(seconds)):
            try:
                result = settle_value(data, node, await _call(data, node))
            except Exception as error:
                failure = error
    except TimeoutError as late:
        raise TimeoutError(f"step '{node.name}' was not over after {seconds} s") from late.__cause__
    if failure is not None:  # not through `timeout`, which sets the context of what it lets through
        raise failure
    return result


async def _call(data: Data[Any, Any], node: PlanNode) -> Any:
    current_step.set(data)
    if node.options.thread:
        value = await run_in_thread(partial(node.handler, data), node.name)
    else:
        try:
            value = node.handler(data)
        except StopIteration as stop:
            raise stopped(node.name) from stop
    return await value if is_awaited(value) else value


async def choose(data: Data[Any, Any], node: PlanNode) -> list[int]:
    """Ask the conditions of a match in case order; hit_first stops at the first hit."""
    current_step.set(data)
    hits: list[int] = []
    for arm, case in enumerate(node.cases):
        if case.is_function:
            try:
                found = case.condition(data)
            except StopIteration as stop:
                raise stopped(node.name) from stop
            if case.is_async or is_awaited(found):
                found = await found
        else:
            found = case.condition == data.value
        if found:
            hits.append(arm)
            if not node.hit_all:
                break
    if data._touched is not None:
        data._check_touched()
    return hits
