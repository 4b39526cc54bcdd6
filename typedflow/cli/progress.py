"""What a command prints of an execution that it has driven: its result, its questions, or why it failed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from typedflow.api.execution import Execution, inside_of
from typedflow.cli import exits
from typedflow.cli.loading import place_of, shown_path
from typedflow.cli.values import to_plain
from typedflow.engine.status import Status
from typedflow.engine.tokens import Interrupt
from typedflow.rules.wording import text_of


@dataclass(frozen=True, slots=True)
class Origin:
    """The options by which an execution was started or opened, to be repeated in the next command."""

    target: str
    """`module:flow`; empty if the settings name it."""
    store: str | None = None
    resources: str | None = None
    kept: bool = True
    """It is in a store, so that another command can go on with it."""

    def command(self, *words: str) -> str:
        """Return a command line for a shell, with the options that it needs."""
        options = {"--flow": self.target or None, "--resources": self.resources, "--store": self.store}
        given = [word for name, value in options.items() if value is not None for word in (name, value)]
        return shlex.join(["typedflow", *words, *given])


class Question(msgspec.Struct, frozen=True):
    """A pending interrupt, as it is printed; the fields of `--json`."""

    id: str
    type: str
    step: str
    payload: Any
    resume_event: str | None
    answer_with: str | None
    """The command that answers it, with VALUE for the answer; past the deadline the one that goes on without an answer.

    None for an execution that is in no store.
    """
    deadline: datetime | None = None
    """From then on no answer is taken."""
    since: datetime | None = None
    """When the step paused."""


class Failure(msgspec.Struct, frozen=True):
    """The exception that stopped an execution."""

    type: str
    text: str
    notes: list[str]
    """What its steps and its flow have noted on it."""
    file: str
    line: int


class Progress(msgspec.Struct, kw_only=True):
    """Where an execution stands after a command; the fields of `--json`."""

    execution: str
    flow: str
    status: Status
    result: Any = msgspec.UNSET
    """Of a completed one that has a result."""
    stream: list[Any] | msgspec.UnsetType = msgspec.UNSET
    interrupts: list[Question] = []
    remote: list[str] | msgspec.UnsetType = msgspec.UNSET
    """Of one that waits for remote children: their executions."""
    due: datetime | None = None
    """When the next deadline or sleep ends, of one that waits."""
    failure: Failure | None = None
    retry_with: str | None = None
    """Of one in a store that failed, or that sleeps: the command that runs the steps that failed, or are due."""

    @property
    def code(self) -> int:
        """The exit code."""
        if self.failure is not None:
            return exits.FAILED
        return exits.WAITING if self.status is Status.WAITING else exits.OK


def pending_questions(execution: Execution[Any], origin: Origin) -> list[Question]:
    """Return the pending interrupts, each with the command that answers it: by its key if its id was used before."""
    again = inside_of(execution)[0].answered or {}
    named = [(each, each.key if each.id in again else each.id) for each in execution.interrupts.values()]
    return [
        _question(each, answer_command(name, each.deadline, execution.id, origin) if origin.kept else None)
        for each, name in named
    ]


def _question(interrupt: Interrupt, answer: str | None) -> Question:
    return Question(
        interrupt.id,
        interrupt.type,
        interrupt.step,
        interrupt.payload,
        interrupt.resume_event,
        answer,
        interrupt.deadline,
        interrupt.since,
    )


def answer_command(interrupt_id: str, deadline: datetime | None, execution: str, origin: Origin) -> str:
    """Return the command that answers an interrupt, or that goes on without an answer, as its time is up."""
    if _is_past(deadline):
        return origin.command("runs", "retry", execution)
    return origin.command("answer", execution, interrupt_id, "VALUE")


def _is_past(deadline: datetime | None) -> bool:
    return deadline is not None and deadline <= datetime.now(UTC)


def failure_of(error: BaseException) -> Failure:
    """Return what is printed of an exception: no traceback, but the last line of the user's own code."""
    file, line = place_of(error)
    notes = [str(note) for note in getattr(error, "__notes__", ())]
    return Failure(type(error).__name__, text_of(error), notes, shown_path(file) if file else "", line)


def progress_lines(progress: Progress) -> Iterator[str]:
    """Yield what is printed to stdout: the questions, or the result."""
    if progress.interrupts:
        number = len(progress.interrupts)
        yield f"{progress.execution} waits for {'an answer' if number == 1 else f'{number} answers'}:"
        for question in progress.interrupts:
            yield from question_lines(question)
    elif progress.result is not msgspec.UNSET:
        shown = progress.result
        yield shown if isinstance(shown, str) else _json(shown)
    elif progress.due is not None:
        yield f"{progress.execution} sleeps until {shown_time(progress.due)} UTC{', then:' * bool(progress.retry_with)}"
        if progress.retry_with is not None:
            yield f"    {progress.retry_with}"
    elif isinstance(progress.remote, list):
        yield f"{progress.execution} waits for remote children, which workers run; then one goes on with it:"
        for child in progress.remote:
            yield f"  {child}"
    elif progress.failure is None:
        yield f"{progress.execution} is {progress.status.value}"


def question_lines(question: Question) -> Iterator[str]:
    """Yield a question, and how it is answered."""
    yield f"  {question_line(question)}"
    if question.answer_with is not None:
        yield f"    {question.answer_with}"


def question_line(question: Question | Interrupt) -> str:
    """Return a question on one line."""
    return f"{question_head(question)}: {_line(question.payload)}"


def question_head(question: Question | Interrupt) -> str:
    """Return who asks, and until when."""
    word = "whose time was up at" if _is_past(question.deadline) else "until"
    until = "" if question.deadline is None else f", {word} {shown_time(question.deadline)} UTC"
    return f"{question.id} ({question.type}), asked by step '{question.step}'{until}"


def shown_time(moment: datetime) -> str:
    """Return a moment in UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def failure_lines(failure: Failure, retry_with: str | None) -> Iterator[str]:
    """Yield what is printed to stderr of a failure."""
    place = f" ({failure.file}:{failure.line})" if failure.file else ""
    text = f": {failure.text}" if failure.text else ""
    yield f"error: {failure.type}{text}{place}"
    yield from (f"  {note}" for note in failure.notes)
    if retry_with is not None:
        yield f"run the failed steps again: {retry_with}"


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(to_plain(value)), indent=2).decode()


def _line(value: Any) -> str:
    return msgspec.json.encode(to_plain(value)).decode()
