"""The commands that run executions: `run`, `answer`, `runs retry` and `runs cancel`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from typedflow.api.blueprint import runtime_of
from typedflow.api.execution import inside_of
from typedflow.api.flow import Flow
from typedflow.cli.asking import Refused, ask, is_terminal, say
from typedflow.cli.driving import Act, Answer, Cancel, Retry, flow_of, pending_id, resume, start
from typedflow.cli.exits import Mistake
from typedflow.cli.live import make_view
from typedflow.cli.loading import find_flow
from typedflow.cli.options import AsJson, ExecutionId, FlowOf, Quiet, ResourcesFrom, Store, print_progress
from typedflow.cli.output import command
from typedflow.cli.places import StorePlace, find_stored, store_place
from typedflow.cli.progress import Origin, question_line
from typedflow.cli.settings import Settings, read_settings
from typedflow.cli.values import read_answer, read_input, read_plain
from typedflow.engine.tokens import Interrupt
from typedflow.execution.answers import WrongAnswer, demands, find_interrupt
from typedflow.execution.answers import read_answer as read_typed
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.rules.wording import describe, quoted


@command
def run(
    target: Annotated[str, typer.Argument(metavar="MODULE:FLOW", help="The flow to run.")],
    given: Annotated[
        str | None, typer.Option("--input", metavar="FILE|JSON|-", help="The input: a JSON file, JSON, or - for stdin.")
    ] = None,
    state: Annotated[
        str | None, typer.Option("--state", metavar="FILE|JSON|-", help="Fields of the state to start with.")
    ] = None,
    resources: ResourcesFrom = None,
    store: Store = None,
    no_store: Annotated[bool, typer.Option("--no-store", help="Save nothing; a pause cannot be answered.")] = False,
    history: Annotated[
        str | None,
        typer.Option("--history", metavar="NUMBER|all", help="Save after every step, and keep so many of the saves."),
    ] = None,
    execution_id: Annotated[str | None, typer.Option("--id", metavar="ID", help="The id of the execution.")] = None,
    timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="Stop it after so long.")] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Run a flow to its result, or until it waits for an answer.

    The result is printed as JSON, a text as it is; the steps and the items of
    the stream go to stderr. An execution that waits is saved, and the command
    that answers it is printed; the exit code is 3 then.
    """
    settings = read_settings(Path.cwd())
    if no_store and store is not None:
        raise Mistake("--store and --no-store exclude each other")
    if no_store and history is not None:
        raise Mistake("--history and --no-store exclude each other")
    kept = read_history(history)
    found = find_flow(target)
    value = read_input(runtime_of(found.flow), given)
    begin_with = None if state is None else read_plain(state, "--state")
    if begin_with is not None and not isinstance(begin_with, dict):
        raise Mistake(f"--state is a JSON object with fields of the state, not {describe(begin_with)}")
    origin = Origin("" if found.target in settings.flows else found.target, store, resources, kept=not no_store)
    progress = start(
        found,
        value,
        state=begin_with,
        place=None if no_store else store_place(settings, store),
        resources=resources or settings.resources,
        origin=origin,
        execution_id=execution_id,
        timeout=timeout,
        history=kept,
        view=make_view(quiet=quiet, as_json=as_json),
    )
    return print_progress(progress, as_json)


def read_history(text: str | None) -> bool | int:
    """Return how many saves are kept, as `history=` takes it."""
    if text is None or text == "all":
        return text == "all"
    if not text.isdecimal() or int(text) == 0:
        raise Mistake(f"--history is a number of saves from 1 on, or 'all', not {quoted(text)}")
    return int(text)


@command
def answer(
    execution_id: ExecutionId,
    interrupt: Annotated[
        str, typer.Argument(metavar="INTERRUPT", help="The interrupt, the beginning of its id, or the step that asks.")
    ],
    value: Annotated[
        str | None,
        typer.Argument(metavar="VALUE", help="JSON, or a text, or - for JSON from stdin; without it you are asked."),
    ] = None,
    flow: FlowOf = None,
    resources: ResourcesFrom = None,
    store: Store = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Answer an execution that waits, and run it on.

    Without VALUE it is asked for on the terminal, field by field. A wrong
    answer changes nothing: the interrupt stays pending.
    """
    settings = read_settings(Path.cwd())
    if value is None:
        act = _asked(execution_id, interrupt, settings, store_place(settings, store), flow)
    else:
        act = Answer(interrupt, read_answer(value))
    return _resume(execution_id, act, flow, resources, store, quiet=quiet, as_json=as_json)


def _asked(text: str, named: str, settings: Settings, place: StorePlace, target: str | None) -> Answer:
    """Ask the user for the answer, while nothing is open; it is refused if the question has changed meanwhile."""

    async def main() -> tuple[Flow[Any], ExecutionRuntime, str, Interrupt | None]:
        async with place.open() as store:
            stored = await find_stored(store, text)
            flow = flow_of(stored.flow, target, settings)
            execution = await flow.async_open(stored.execution_id, store=store)
            id_ = pending_id(execution, named)
            return flow, inside_of(execution)[0], id_, execution.interrupts.get(id_)

    flow, root, id_, interrupt = asyncio.run(main())
    runtime = find_interrupt(root, id_)
    assert interrupt is not None
    assert runtime.run.interrupts is not None
    node = runtime.plan.nodes[runtime.run.interrupts[id_].token.node]
    asked = demands(runtime.plan, interrupt.resume_event, node)
    if not is_terminal():
        text = f"interrupt {quoted(id_)} needs a VALUE: it cannot be asked for, as stdin is no terminal"
        hint = "give it as JSON; its JSON Schema is below"
        raise Mistake(text, hint, schema=flow.answer_schema(interrupt))

    def check(value: Any) -> None:
        try:
            read_typed(runtime, interrupt, node, value)
        except WrongAnswer as wrong:
            raise Refused(str(wrong.fault)) from None

    say(question_line(interrupt))
    return Answer(interrupt, ask(asked[0].declared if asked else Any, check))


@command
def retry_run(
    execution_id: ExecutionId,
    flow: FlowOf = None,
    resources: ResourcesFrom = None,
    store: Store = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Run the steps that failed, or that are due, again.

    It also goes on with an execution whose process is gone.
    """
    return _resume(execution_id, Retry(), flow, resources, store, quiet=quiet, as_json=as_json)


@command
def cancel_run(
    execution_id: ExecutionId,
    flow: FlowOf = None,
    store: Store = None,
    as_json: AsJson = False,
) -> int:
    """Cancel an execution that waits or has failed; it cannot go on after that."""
    return _resume(execution_id, Cancel(), flow, None, store, quiet=True, as_json=as_json)


def _resume(
    execution_id: str,
    act: Act,
    flow: str | None,
    resources: str | None,
    store: str | None,
    *,
    quiet: bool,
    as_json: bool,
) -> int:
    settings = read_settings(Path.cwd())
    progress = resume(
        execution_id,
        settings,
        store_place(settings, store),
        target=flow,
        resources=None if isinstance(act, Cancel) else resources or settings.resources,
        origin=Origin(flow or "", store, resources),
        act=act,
        view=make_view(quiet=quiet, as_json=as_json),
    )
    return print_progress(progress, as_json)
