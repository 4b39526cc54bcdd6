"""Run an execution from the command line: start it, answer it, retry it, cancel it; each call saves it in a store."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, assert_never

from typedflow.api.blueprint import runtime_of
from typedflow.api.execution import Execution, inside_of
from typedflow.api.flow import Flow
from typedflow.cli.exits import FAILED, Mistake
from typedflow.cli.live import View
from typedflow.cli.loading import Found, find_flow, load_function
from typedflow.cli.places import AnyStore, StorePlace, find_stored, history_of
from typedflow.cli.progress import Origin, Progress, failure_of, pending_questions, shown_time
from typedflow.cli.settings import Settings
from typedflow.cli.values import to_plain
from typedflow.engine.status import FINAL, Status
from typedflow.engine.tokens import Interrupt
from typedflow.errors import NoResultError, ResourceError, TypedflowError
from typedflow.rules.names import is_id
from typedflow.rules.options import Checkpoint
from typedflow.rules.wording import describe, listed, quoted, shown_error
from typedflow.schema.layers import Resources


@dataclass(frozen=True, slots=True)
class Start:
    """Start an execution."""

    value: Any
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer an interrupt: the one that was shown, or the pending one that a text names."""

    interrupt: str | Interrupt
    value: Any


@dataclass(frozen=True, slots=True)
class Retry:
    """Run what failed, was cut off or is due."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel an execution."""


Act = Answer | Retry | Cancel


@asynccontextmanager
async def supplied(target: str | None) -> AsyncIterator[Resources | Mapping[str, Any] | None]:
    """Call the function that supplies the resources, and hold what it returned open until the command ends.

    It may be async, and may return a context manager, sync or async, around the resources.
    """
    if target is None:
        yield None
        return
    function = load_function(target, "a function that returns resources")
    async with AsyncExitStack() as stack:
        try:
            made = await _entered(function, stack)
        except Exception as error:
            failure = failure_of(error)
            place = f" ({failure.file}:{failure.line})" if failure.file else ""
            text = f"{quoted(target)}, which supplies the resources, failed{place}: {shown_error(error)}"
            raise Mistake(text, code=FAILED) from None
        if not isinstance(made, Resources | Mapping):
            raise Mistake(f"{quoted(target)} returns resources or a mapping of them, not {describe(made)}")
        yield made


async def _entered(function: Callable[[], Any], stack: AsyncExitStack) -> Any:
    made = function()
    if inspect.isawaitable(made):
        made = await made
    if hasattr(made, "__aenter__"):
        return await stack.enter_async_context(made)
    return stack.enter_context(made) if hasattr(made, "__enter__") else made


def start(
    found: Found,
    value: Any,
    *,
    state: Mapping[str, Any] | None,
    place: StorePlace | None,
    resources: str | None,
    origin: Origin,
    execution_id: str | None,
    timeout: float | None,
    history: bool | int,
    view: View,
) -> Progress:
    """Start an execution and run it until it is over or waits; without a place it is in no store."""

    async def begin(store: AnyStore | None) -> Progress:
        if store is not None and execution_id is not None and is_id(execution_id) and await store.get(execution_id):
            raise Mistake(f"there is an execution {quoted(execution_id)} already", "choose another --id, or none")
        if history is not False and store is not None:
            history_of(store, "--history")
        async with supplied(resources) as given:
            execution = found.flow.create_execution(
                state=state,
                runtime_resources=given,
                execution_id=execution_id,
                store=store,
                history=history,
                checkpoint="pause" if history is False else "step",
                observers=[view.observe],
            )
            return await drive(execution, found.flow, origin, Start(value, timeout), view)

    async def main() -> Progress:
        if place is None:
            return await begin(None)
        async with place.make() as store:
            return await begin(store)

    return asyncio.run(main())


def resume(
    text: str,
    settings: Settings,
    place: StorePlace,
    *,
    target: str | None,
    resources: str | None,
    origin: Origin,
    act: Act,
    view: View,
) -> Progress:
    """Open a stored execution, drive it, and return where it stands; one with a history is saved after every step."""

    async def main() -> Progress:
        async with place.open() as store:
            stored = await find_stored(store, text)
            flow = flow_of(stored.flow, target, settings)
            async with supplied(resources) as given:
                execution = await flow.async_open(
                    stored.execution_id,
                    store=store,
                    runtime_resources=given,
                    checkpoint=checkpoint_of(stored.history),
                    observers=[view.observe],
                )
                for child in inside_of(execution)[0].tree():
                    if child.parent is not None:
                        parent, token = child.parent
                        view.enter(parent.id, parent.plan.nodes[token.node].name, child.id)
                return await drive(execution, flow, origin, act, view)

    return asyncio.run(main())


def checkpoint_of(history: int | None) -> Checkpoint:
    """Return when an execution is saved: with a history after every step, as a history of the pauses says little."""
    return "pause" if history is None else "step"


def flow_of(name: str, target: str | None, settings: Settings) -> Flow[Any]:
    """Return the flow that runs a stored execution: the one that was named, else that of its name in the settings."""
    if target is not None:
        return find_flow(target).flow
    for each in settings.flows:
        found = find_flow(each)
        if found.flow.name == name:
            return found.flow
    known = f" (it lists {listed(settings.flows)})" if settings.flows else ""
    text = f"the execution is of flow {quoted(name)}; which one that is, is not known{known}"
    raise Mistake(text, "add --flow MODULE:FLOW, or list it in [tool.typedflow] flows of pyproject.toml")


async def drive(execution: Execution[Any], flow: Flow[Any], origin: Origin, act: Start | Act, view: View) -> Progress:
    """Drive an execution, and return where it stands; what is refused before anything ran is raised."""
    before = execution.status
    progress = Progress(execution=execution.id, flow=flow.name, status=before)
    try:
        with view:
            if runtime_of(flow).spec.stream is None or isinstance(act, Cancel):
                await _done(execution, act, origin)
            else:
                progress.stream = []
                async with aclosing(_streamed(execution, act, origin)) as stream:
                    async for item in stream:
                        progress.stream.append(to_plain(item))
                        view.item(progress.stream[-1])
    except Mistake:
        raise
    except ResourceError as error:
        if execution.status is before:
            hint = "--resources MODULE:FUNCTION supplies them, or 'resources' in [tool.typedflow]"
            problems = [replace(problem, hint="").render() for problem in error.problems]
            raise Mistake("; ".join(problems), hint) from None
        progress.failure = failure_of(error)
    except Exception as error:
        if execution.status is before and isinstance(error, TypedflowError):
            raise
        progress.failure = failure_of(error)
    _take_status(execution, origin, progress)
    return progress


async def _done(execution: Execution[Any], act: Start | Act, origin: Origin) -> None:
    match act:
        case Start(value, timeout):
            await execution.async_start(value, timeout=timeout)
        case Answer(interrupt, value):
            _require_asking(execution, origin)
            await execution.async_continue_with(_pending(execution, interrupt), value)
        case Retry():
            _require_due(execution)
            await execution.async_retry()
        case Cancel():
            await execution.async_cancel()
        case _:
            assert_never(act)


def _streamed(execution: Execution[Any], act: Start | Answer | Retry, origin: Origin) -> AsyncGenerator[Any, None]:
    match act:
        case Start(value, timeout):
            return execution.stream(value, timeout=timeout)
        case Answer(interrupt, value):
            _require_asking(execution, origin)
            return execution.stream_continue(_pending(execution, interrupt), value)
        case Retry():
            _require_due(execution)
            return execution.stream_retry()
        case _:
            assert_never(act)


def _require_asking(execution: Execution[Any], origin: Origin) -> None:
    """Refuse to answer an execution that waits for nothing, as it has failed or is over."""
    if execution.status is Status.FAILED or execution.status in FINAL:
        word = "has failed" if execution.status is Status.FAILED else f"is {execution.status.value}"
        retry = f"run the failed steps again: {origin.command('runs', 'retry', execution.id)}"
        hint = retry if execution.status is Status.FAILED else ""
        raise Mistake(f"execution {quoted(execution.id)} {word}: it asks nothing", hint)


def _require_due(execution: Execution[Any]) -> None:
    """Refuse to go on with an execution that only sleeps, before the time has come."""
    due = execution.next_due
    if execution.status is Status.WAITING and not execution.interrupts and due is not None and due > datetime.now(UTC):
        raise Mistake(f"execution {quoted(execution.id)} sleeps until {shown_time(due)} UTC", "it goes on then")


def _take_status(execution: Execution[Any], origin: Origin, progress: Progress) -> None:
    progress.status = execution.status
    progress.interrupts = pending_questions(execution, origin)
    if progress.failure is not None:
        progress.interrupts = []
        if origin.kept and execution.status is Status.FAILED:
            progress.retry_with = origin.command("runs", "retry", execution.id)
    elif execution.status is Status.WAITING:
        progress.due = execution.next_due
        remotes = inside_of(execution)[0].remotes
        open_ = set() if remotes is None else remotes.open()
        if open_:
            progress.remote = sorted(open_)
        elif origin.kept and not progress.interrupts:
            progress.retry_with = origin.command("runs", "retry", execution.id)
    elif execution.status is Status.COMPLETED:
        _take_result(execution, progress)


def _take_result(execution: Execution[Any], progress: Progress) -> None:
    try:
        progress.result = to_plain(execution.result)
    except NoResultError as error:
        progress.failure = failure_of(error)


def _pending(execution: Execution[Any], named: str | Interrupt) -> str | Interrupt:
    return pending_id(execution, named) if isinstance(named, str) else named


def pending_id(execution: Execution[Any], text: str) -> str:
    """Return the id of the interrupt that a text names: its id, the beginning of it, or the step that asks."""
    pending = execution.interrupts
    if text in pending:
        return text
    found = [id_ for id_, interrupt in pending.items() if text and (interrupt.step == text or id_.startswith(text))]
    if len(found) > 1:
        raise Mistake(f"{len(found)} interrupts are named by {quoted(text)}", f"they are {listed(found)}")
    return found[0] if found else text
