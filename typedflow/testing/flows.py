"""Run a whole flow in a test: through its pauses, with answers given beforehand, and without waiting for any timer.

report = run_flow(flow, Request(topic="msgspec"), answers={"ask": Approval(ok=True)}, resources={"search": fake})
assert report == Report(text="…")
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from typedflow.api.blueprint import runtime_of
from typedflow.api.execution import Execution
from typedflow.api.flow import Flow
from typedflow.engine.status import Status
from typedflow.engine.tokens import Interrupt
from typedflow.errors import ContractError, ExecutionError, ExecutionPaused
from typedflow.execution.members import TakesIO
from typedflow.rules import executions
from typedflow.rules.wording import listed
from typedflow.schema.layers import Resources, State
from typedflow.testing.clock import fake_clock
from typedflow.testing.jumping import JumpingLoop

T = TypeVar("T")
S = TypeVar("S")

Answers: TypeAlias = Mapping[str, Any]
"""By interrupt id, step name or type of pause: an answer, or a function of the `Interrupt` that returns it."""


def run_flow(
    flow: Flow[TakesIO[T, S]],
    value: T,
    *,
    answers: Answers | None = None,
    resources: Resources | Mapping[str, Any] | None = None,
    state: State | Mapping[str, Any] | None = None,
    timeout: float | None = None,
    reload: bool = False,
) -> S:
    """Run a fresh execution of a flow to its result, and answer its pauses; returns the result.

    An answer is found by the id of the interrupt, else by the name of the step, else by the `type` of the pause. It may
    be a function: it is called with the `Interrupt` and returns the answer, another one for each pause of a loop.
    Raises what stops the run; `ExecutionPaused`, with the execution, for a pause without an answer; AssertionError for
    an answer that nothing has asked for; `ContractError` for a flow with a remote child, which needs a worker.

    Time is that of a clock that jumps: retries, timeouts and sleeps take no time, and a question without an answer here
    gets its default at its deadline. `timeout` counts the seconds of that clock between two pauses. With `reload` the
    execution is saved and loaded at each pause, as in another process.

    >>> run_flow(flow, Request("birds"), answers={"choose": "Sibley"}, resources=tools, reload=True)
    'Sibley'
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass  # and outside of the handler, so that it is no context of what the flow raises
    else:
        raise ExecutionError(executions.inside_loop_problem("run_flow", "call it in a test that is not async"))
    for step in runtime_of(flow).remote_steps():
        problem = executions.remote_in_test_problem(step.name, step.child.name)
        raise ContractError(problem.at(f"flow '{flow.name}'"))
    execution = flow.create_execution(state=state, runtime_resources=resources)
    given = _Given(answers or {})

    async def main() -> Execution[TakesIO[T, S]]:
        here = execution
        await here.async_start(value, timeout=timeout)
        while here.status is Status.WAITING:
            interrupt = given.next_of(here.interrupts)
            if interrupt is None and here.next_due is not None:
                await clock.wait_until(here.next_due)
                await here.async_settle(timeout=timeout)
                continue
            if interrupt is None:
                problem = executions.paused_problem(list(here.interrupts))
                raise ExecutionPaused(problem.at(f"flow '{flow.name}'"), execution=here)
            if reload:
                saved = here.save().to_bytes()
                here = flow.create_execution().load(saved, runtime_resources=resources)
            await here.async_continue_with(interrupt, given.answer(interrupt), timeout=timeout)
        return here

    with fake_clock() as clock, asyncio.Runner(loop_factory=JumpingLoop) as runner:
        done = runner.run(main())
    given.require_used()
    return done.result


class _Given:
    """The answers of a test, and which of them were asked for."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._used: set[str] = set()

    def _key(self, interrupt: Interrupt) -> str | None:
        keys = (interrupt.id, interrupt.step, interrupt.type)
        return next((key for key in keys if key in self._answers), None)

    def next_of(self, interrupts: Mapping[str, Interrupt]) -> Interrupt | None:
        """Return the first pending interrupt that has an answer."""
        return next((each for each in interrupts.values() if self._key(each) is not None), None)

    def answer(self, interrupt: Interrupt) -> Any:
        """Return the answer to an interrupt that has one."""
        key = self._key(interrupt)
        assert key is not None
        self._used.add(key)
        found: Any | Callable[[Interrupt], Any] = self._answers[key]
        return found(interrupt) if callable(found) else found

    def require_used(self) -> None:
        """Raise AssertionError if an answer was never asked for."""
        unused = [key for key in self._answers if key not in self._used]
        if unused:
            raise AssertionError(f"nothing has asked for the answers {listed(unused)}")
