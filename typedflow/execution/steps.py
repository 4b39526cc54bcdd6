"""How one step is taken: its handler called, its value checked, its run told. Retry, timeout and thread are here."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

from typedflow.definition.cases import is_hit
from typedflow.definition.nodes import Retry
from typedflow.engine.plan import Kind, PlanNode
from typedflow.engine.tokens import UNSET, Token
from typedflow.errors import ContractError
from typedflow.execution.catching import can_be_value, failure_of
from typedflow.execution.data import Data, data_of
from typedflow.execution.deadlines import interrupt_of_sleep
from typedflow.execution.failures import is_a, is_caught_by, is_of_store
from typedflow.execution.pauses import PauseSignal
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.execution.threads import run_in_thread, stopped
from typedflow.execution.transaction import StepTransaction
from typedflow.execution.waiting import note_paused
from typedflow.rules import executions
from typedflow.rules.cases import no_case_problem
from typedflow.rules.options import within_reach
from typedflow.schema.callables import discard, is_awaited
from typedflow.schema.check import Check, Mismatch
from typedflow.schema.concurrent_changes import read_again_if_changed
from typedflow.schema.render import describe
from typedflow.schema.writing import current_step


async def take_step(runtime: ExecutionRuntime, token: Token, node: PlanNode) -> list[Token]:
    """Run the node that a token stands in front of, and return the tokens that this made ready.

    A step is a transaction of control flow: what it emits and the listeners that its writes fire are told to the run
    together with its value, when it has ended; a failed attempt tells nothing.
    """
    value = token.value
    if runtime.expired is not None and token in runtime.expired:
        runtime.expired.discard(token)
        return leave_unanswered(runtime, token, node)
    if node.check_in is not None:
        value = checked(node.check_in, value, "value", node.name, runtime)
    if not node.plain:
        return await _take_with_options(runtime, token, node, value)
    attempts = runtime.run.attempts
    number = 1 if attempts is None else attempts.get(token, 0) + 1
    step = StepTransaction(runtime, token, node, number)
    data: Data[Any, Any] = data_of(step, value, number)
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
        fail_attempt(step, error, for_good=True)
        raise
    finally:
        step.end()
    return finish(step, value)


def leave_unanswered(runtime: ExecutionRuntime, token: Token, node: PlanNode) -> list[Token]:
    """End a step that was not answered in time: with its handler for errors, or as failed."""
    late = TimeoutError(f"step '{node.name}' was not answered in time")
    if node.catches:
        return runtime.run.caught(token, failure_of(token.value, late, 1))
    raise late


def fail_attempt(step: StepTransaction, error: BaseException, *, for_good: bool) -> None:
    """Take what a failed attempt leaves behind, and count it.

    One that was cut off, or failed of a store, is not over: it is taken again under the same number, and its updates of
    the flow_state are not made twice.
    """
    run = step.runtime.run
    try:
        step.failed(error)
    finally:
        if is_a(error, Exception) and not is_of_store(error):
            if run.attempts is None:
                run.attempts = {}
            run.attempts[step.token] = step.attempt
            if for_good:
                step.close_updates()


def let_others_work(runtime: ExecutionRuntime) -> None:
    """Start a worker for what is ready: the driver could not know of this step that it waits."""
    if runtime.driver is not None:
        runtime.driver.push(runtime, ())


def finish(step: StepTransaction, value: Any) -> list[Token]:
    """End a step with its value; returns the tokens that this made ready."""
    take_effects(step)
    if step.runtime.ended is not None:
        step.runtime.note_ended(step.node.name)
    if step.runtime.observers is not None:
        step.runtime.observers.step_ended(step.runtime, step.token)
    return step.runtime.run.finished(step.token, value, step.signals)


def pause_step(step: StepTransaction, pause: PauseSignal) -> list[Token]:
    """End a step that waits for an answer; what it has set, emitted and written stands."""
    if step.containers is not None:
        step.recheck_containers()
    take_effects(step)
    note_paused(step.runtime, pause.interrupt)
    if step.runtime.observers is not None:
        step.runtime.observers.step_paused(step.runtime, step.token, pause.interrupt)
    return step.runtime.run.paused(step.token, pause.interrupt, step.signals, default=pause.default)


def fall_asleep(step: StepTransaction, until: Any) -> list[Token]:
    """End a step that sleeps until a moment; returns the tokens that its signals made ready."""
    asked = interrupt_of_sleep(step, until)
    take_effects(step)
    note_paused(step.runtime, asked)
    return step.runtime.run.paused(step.token, asked, step.signals, asleep=True)


def take_effects(step: StepTransaction) -> None:
    """Take what a step has set aside for its end: a result, writes to a shared flow_state."""
    run = step.runtime.run
    if step.result is not UNSET:
        run.set_result(step.result)
    if run.attempts is not None:
        run.attempts.pop(step.token, None)
    if step.writes is not None:
        step.hand_over_writes()
    if step.calls is not None or run.updates is not None:
        step.close_updates()


def settle_value(step: StepTransaction, value: Any) -> Any:
    """Check what the handler returned, and the containers of the state that it read and may have changed in place."""
    node = step.node
    if step.containers is not None:
        step.recheck_containers()
    if type(value) is not node.exact_out and node.check_out is not None:
        return checked(node.check_out, value, "return value", node.name, step.runtime)
    return value


def checked(check: Check, value: Any, what: str, node: str, runtime: ExecutionRuntime) -> Any:
    """Return the value, normalised; raise the `ContractError` that names the step."""
    try:
        return read_again_if_changed(check, value)
    except Mismatch as mismatch:
        problem = executions.wrong_value_problem(what, str(mismatch))
    raise ContractError(problem.at(runtime.place(node)))


async def _take_with_options(runtime: ExecutionRuntime, token: Token, node: PlanNode, value: Any) -> list[Token]:
    """Take a step with a retry, a timeout, a thread or a handler for errors; each attempt is a transaction."""
    retry = node.options.retry
    before = (runtime.run.attempts or {}).get(token, 0)
    last = before + (retry.attempts if retry is not None else 1)
    number = before + 1
    while True:
        step = StepTransaction(runtime, token, node, number)
        try:
            result = await _attempt(step, data_of(step, value, number))
            if node.sleeps:
                return fall_asleep(step, result)
            break
        except PauseSignal as pause:
            return pause_step(step, pause)
        except asyncio.CancelledError as error:
            fail_attempt(step, error, for_good=False)
            raise
        except Exception as error:
            again = retry is not None and number < last and may_retry(error, retry)
            fail_attempt(step, error, for_good=not again)
            if not again:
                if node.catches and can_be_value(error):
                    (runtime.run.attempts or {}).pop(token, None)
                    if runtime.observers is not None:
                        runtime.observers.step_failed(runtime, token, error, caught=True)
                    return runtime.run.caught(token, failure_of(token.value, error, number))
                raise
            last_error = error
        finally:
            step.end()
        number += 1
        wait = 0 if retry is None else retry.wait_before(number - before)
        if runtime.observers is not None:
            runtime.observers.step_retried(runtime, token, last_error, number, wait)
        del last_error
        if wait:
            await asyncio.sleep(wait)
    return finish(step, result)


def may_retry(error: Exception, retry: Retry) -> bool:
    """Return whether a retry takes a failure: one of the store is none of the step's."""
    return not is_of_store(error) and is_caught_by(error, retry.on)


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
        value = await run_in_thread(partial(step.run_in_thread, node.handler, data), node.name)
    else:
        try:
            value = node.handler(data)
        except StopIteration as stop:
            raise stopped(node.name) from stop
    return await value if is_awaited(value) else value


def unawaited(step: StepTransaction, branch: int, found: Any) -> ContractError:
    """Return the error of a condition that gave something to await, which would always be a hit."""
    problem = executions.unawaited_condition_problem(f"what condition '{step.node.slots[branch]}' returned", found)
    if not isinstance(found, asyncio.Future):  # other code may await it
        discard(found)
    return ContractError(problem.at(step.name))


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
                if isinstance(found, Coroutine | asyncio.Future):
                    raise unawaited(step, branch, found)
        elif case.kinds:
            found = is_hit(case, data.value)
        else:
            found = case.condition == data.value
        if found:
            hits.append(branch)
            if not node.hit_all:
                break
    if step.containers is not None:
        step.recheck_containers()
    if node.is_closed and not hits:
        with step.runtime.concealing():
            raise ContractError(no_case_problem(describe(data.value)).at(step.name))
    return hits
