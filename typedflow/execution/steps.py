"""How one step is taken: its handler called, its value checked, its run told. Retry, timeout and thread are here."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from typedflow.definition.cases import is_hit
from typedflow.engine.plan import Kind, PlanNode
from typedflow.engine.tokens import UNSET, Token
from typedflow.errors import ContractError
from typedflow.execution.catching import can_be_value, failure_of
from typedflow.execution.data import Data
from typedflow.execution.failures import is_caught_by
from typedflow.execution.pauses import PauseSignal
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.execution.threads import run_in_thread, stopped
from typedflow.execution.transaction import StepTransaction
from typedflow.rules import executions
from typedflow.rules.cases import no_case_problem
from typedflow.rules.options import within_reach
from typedflow.schema.callables import is_awaited
from typedflow.schema.check import Check, Mismatch
from typedflow.schema.concurrent_changes import read_again_if_changed
from typedflow.schema.render import describe
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
    step = StepTransaction(runtime, token, node)
    data: Data[Any, Any] = Data(step, value)
    try:
        if node.kind == Kind.MATCH:
            hits = await choose(step, data)
            take_effects(step)
            if runtime.observers is not None:
                runtime.observers.step_ended(runtime, token)
            return runtime.run.chosen(token, hits, step.signals)
        current_step.set(step)
        try:
            value = node.handler(data)
        except StopIteration as stop:  # it would end the coroutine that this is
            raise stopped(node.name) from stop
        if node.is_async:
            value = await value
        elif type(value) is not node.exact_out and is_awaited(value):
            let_others_work(runtime)
            value = await value
        value = settle_value(step, value)
    except PauseSignal as pause:
        return pause_step(step, pause)
    except BaseException as error:
        step.failed(error)
        raise
    finally:
        step.end()
    return finish(step, value)


def let_others_work(runtime: ExecutionRuntime) -> None:
    """Have somebody go on with what is ready: nobody could know of this step that it waits."""
    if runtime.driver is not None:
        runtime.driver.push(runtime, ())


def finish(step: StepTransaction, value: Any) -> list[Token]:
    """End a step with its value; returns the tokens that this made ready."""
    take_effects(step)
    if step.runtime.observers is not None:
        step.runtime.observers.step_ended(step.runtime, step.token)
    return step.runtime.run.finished(step.token, value, step.signals)


def pause_step(step: StepTransaction, pause: PauseSignal) -> list[Token]:
    """End a step that waits for an answer; what it has set, emitted and written stands."""
    if step.touched is not None:
        step.check_touched()
    take_effects(step)
    if step.runtime.observers is not None:
        step.runtime.observers.step_paused(step.runtime, step.token, pause.interrupt)
    return step.runtime.run.paused(step.token, pause.interrupt, step.signals)


def take_effects(step: StepTransaction) -> None:
    """Take what a step has set aside for its end: a result, changes of a shared flow_state."""
    runtime = step.runtime
    if step.result is not UNSET:
        runtime.run.set_result(step.result)
    step.hand_over_operations()


def settle_value(step: StepTransaction, value: Any) -> Any:
    """Check what the handler returned, and the containers of the state that it read and may have changed in place."""
    node = step.node
    if step.touched is not None:
        step.check_touched()
    if type(value) is not node.exact_out and node.check_out is not None:
        return checked(node.check_out, value, "return value", node.name, step.runtime)
    return value


def checked(check: Check, value: Any, what: str, node: str, runtime: ExecutionRuntime) -> Any:
    """Give the value, normalised; raise the `ContractError` that names the step."""
    try:
        return read_again_if_changed(partial(check, value))
    except Mismatch as mismatch:
        problem = executions.wrong_value_problem(what, str(mismatch))
    raise ContractError(problem.at(runtime.place(node)))


async def _take_with_options(runtime: ExecutionRuntime, token: Token, node: PlanNode, value: Any) -> list[Token]:
    """Take a step with a retry, a timeout, a thread or a handler for errors; each attempt is a transaction."""
    retry = node.options.retry
    attempts = retry.attempts if retry is not None else 1
    number = 1
    while True:
        step = StepTransaction(runtime, token, node)
        try:
            result = await _attempt(step, Data(step, value, number))
            break
        except PauseSignal as pause:
            return pause_step(step, pause)
        except asyncio.CancelledError as error:
            step.failed(error)
            raise
        except Exception as error:
            step.failed(error)
            if retry is None or number >= attempts or not is_caught_by(error, retry.on):
                if node.catches and can_be_value(error):
                    if runtime.observers is not None:
                        runtime.observers.step_failed(runtime, token, error, caught=True)
                    return runtime.run.caught(token, failure_of(token.value, error, number))
                if number > 1:
                    runtime.note_attempts(token, number)
                raise
            last = error
        finally:
            step.end()
        number += 1
        wait = retry.wait_before(number)
        if runtime.observers is not None:
            runtime.observers.step_retried(runtime, token, last, number, wait)
        del last
        if wait:
            await asyncio.sleep(wait)
    return finish(step, result)


async def _attempt(step: StepTransaction, data: Data[Any, Any]) -> Any:
    """Call the handler within the step's time, and check what it returned."""
    node = step.node
    seconds, failure, result = node.options.timeout, None, None
    try:
        async with asyncio.timeout(within_reach(seconds)):
            try:
                result = settle_value(step, await _call(step, data))
            except Exception as error:
                failure = error
    except TimeoutError as late:
        raise TimeoutError(f"step '{node.name}' was not over after {seconds} s") from late.__cause__
    if failure is not None:  # not through `timeout`, which sets the context of what it lets through
        raise failure
    return result


async def _call(step: StepTransaction, data: Data[Any, Any]) -> Any:
    node = step.node
    current_step.set(step)
    if node.options.thread:
        value = await run_in_thread(partial(node.handler, data), node.name)
    else:
        try:
            value = node.handler(data)
        except StopIteration as stop:
            raise stopped(node.name) from stop
    return await value if is_awaited(value) else value


async def choose(step: StepTransaction, data: Data[Any, Any]) -> list[int]:
    """Evaluate the conditions of a match in case order; hit_first stops at the first hit."""
    node = step.node
    current_step.set(step)
    hits: list[int] = []
    for branch, case in enumerate(node.cases):
        if case.is_function:
            try:
                found = case.condition(data)
            except StopIteration as stop:
                raise stopped(node.name) from stop
            if case.is_async or is_awaited(found):
                found = await found
        elif case.kinds:
            found = is_hit(case, data.value)
        else:
            found = case.condition == data.value
        if found:
            hits.append(branch)
            if not node.hit_all:
                break
    if step.touched is not None:
        step.check_touched()
    if node.is_closed and not hits:
        with step.runtime.concealing():
            raise ContractError(no_case_problem(describe(data.value)).at(step.name))
    return hits
