"""Talk to the agent: `python -m examples.agent --help`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from importlib import import_module
from typing import Final

from examples.agent.flow import Agent, build_flow
from examples.agent.models import Model
from examples.agent.records import Item, Permission, Token
from typedflow import Execution, Interrupt, TypedflowError
from typedflow.stores import SQLiteStore

PROGRAM: Final = "python -m examples.agent"
QUESTION: Final = "When is the next review? Tell bea@example.org."
ANSWERED, BAD_INPUT, WAITING = 0, 2, 3


class PrintingDesk:
    """Two notes, and mail that is printed, each key once."""

    def __init__(self) -> None:
        self.notes = {"plan": "Friday, ten o'clock: review of the plan.", "team": "Review: Ann and Bea."}
        self._sent: set[str] = set()

    def send(self, key: str, to: str, text: str) -> None:
        """Print a mail, unless it was printed before."""
        if key not in self._sent:
            self._sent.add(key)
            print(f"\n  mail to {to}: {text}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Put a question, or answer what the agent asks; returns the exit code, see `--help`."""
    try:
        return asyncio.run(_talk(_parse(arguments)))
    except TypedflowError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT


async def _talk(options: argparse.Namespace) -> int:
    flow = build_flow()
    flow.update_runtime_resources(model=_made(options.model), desk=PrintingDesk())
    async with SQLiteStore(options.store) as store:
        if options.resume is None:
            execution = flow.create_execution(store=store, checkpoint="step")
            await _show(execution.stream(options.question))
        else:
            execution = await flow.async_open(options.resume, store=store, checkpoint="step")
            if execution.status != "waiting":  # it was killed, or its model could not be reached
                await _show(execution.stream_retry())
        for call, permission in options.answer:
            await _show(execution.stream_continue(call, permission))
        while execution.interrupts and sys.stdin.isatty():
            question = next(iter(execution.interrupts.values()))
            await _show(execution.stream_continue(question, _ask(question)))
        return _end(execution, options.store)


async def _show(items: AsyncGenerator[Item]) -> None:
    """Print what is streamed, as it comes."""
    async with aclosing(items):
        async for item in items:
            match item:
                case Token(text=text):
                    print(text, end="", flush=True)
                case used:
                    print(f"\n  [{used.tool}] {used.text}")


def _ask(question: Interrupt) -> Permission:
    print(f"\n  {question.payload['tool']} {question.payload['arguments']}")
    while True:
        try:
            return _permission(input("  allow it? yes, no[:note] or always: "))
        except argparse.ArgumentTypeError as error:
            print(f"  {error}")


def _end(execution: Execution[Agent], store: str) -> int:
    print()
    for question in execution.interrupts.values():
        print(f"  {question.payload['tool']} {question.payload['arguments']}")
        print(f"allow it with: {PROGRAM} --store {store} --resume {execution.id} --answer {question.id}=yes")
    return WAITING if execution.interrupts else ANSWERED


def _made(path: str) -> Model:
    module, _, name = path.partition(":")
    make: Callable[[], Model] = getattr(import_module(module), name)
    return make()


def _answer(text: str) -> tuple[str, Permission]:
    call, _, word = text.partition("=")
    return call, _permission(word)


def _permission(text: str) -> Permission:
    word, _, note = text.partition(":")
    if word not in ("yes", "no", "always"):
        raise argparse.ArgumentTypeError(f"'{word}' is not yes, no or always")
    return Permission(allowed=word != "no", always=word == "always", note=note)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Put a question to an agent that may use tools.",
        epilog="The exit code is 3 if a person has to allow something, 2 if something that was given cannot be used.",
    )
    parser.add_argument("question", nargs="?", default=QUESTION, help="what it is asked (%(default)s)")
    parser.add_argument("--store", default="agent.db", metavar="file", help="the SQLite file (%(default)s)")
    parser.add_argument("--resume", metavar="id", help="go on with a conversation")
    parser.add_argument(
        "--answer",
        action="append",
        default=[],
        type=_answer,
        metavar="call=yes|no[:note]|always",
        help="allow or refuse a call of the conversation that is resumed; may be repeated",
    )
    parser.add_argument(
        "--model",
        default="examples.agent.models:scripted",
        metavar="module:function",
        help="what makes the model; by default a script",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
