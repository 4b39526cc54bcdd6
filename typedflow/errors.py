"""The exceptions that typedflow raises.

::

    TypedflowError
      ContractError (TypeError)       a definition, a write, a value or an event that breaks a contract; .problems
        PathError (KeyError)          a path that does not exist in the declared types or in the data
      ResourceError (KeyError)        missing, unknown or of the wrong class; .missing
      ExecutionError
        ChildFailedError              a remote child has failed; .execution_id, .error, .text
        NoResultError                 the run is over and nothing set a result
        ExecutionPaused               a direct start met a pause; .execution
        InterruptError                unknown, answered, or answered with a wrong value
        FinishedError                 a call on an execution or a step that is over
      SnapshotError (ValueError)      cannot be written, read or trusted; .path
      StoreError                      a store failed
        ConflictError                 another writer saved first
          LeaseLostError              another process runs the execution; .holder, .until

An exception has its data as attributes, and `str()` renders it. Where a caller would expect a builtin exception, the
class inherits from it too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from typedflow.rules.concealment import redacted
from typedflow.rules.problems import Problem


class TypedflowError(Exception):
    """Base class of all exceptions that typedflow raises.

    `problems` are all problems that were found; a str becomes a problem without a number. Text of the resources in use
    is replaced by '…'. The file and line of a definition problem are a note on the exception, which a traceback shows.

    >>> try:
    ...     flow.create_execution().continue_with("choose", "Sibley")
    ... except TypedflowError as error:
    ...     print(error.code, len(error.problems))
    TF807 1
    """

    problems: tuple[Problem, ...]

    def __init__(self, problems: str | Problem | Iterable[Problem]) -> None:
        if isinstance(problems, str):
            problems = (Problem("", problems),)
        elif isinstance(problems, Problem):
            problems = (problems,)
        self.problems = tuple(map(_without_secrets, problems))
        super().__init__(self.problems)
        for note in dict.fromkeys(_source_of(problem) for problem in self.problems if problem.file):
            self.add_note(note)

    @property
    def code(self) -> str:
        """The number of the first problem, `TF…`; empty if it has none."""
        return self.problems[0].number if self.problems else ""

    def __str__(self) -> str:
        lines = [problem.render().removeprefix(": ") for problem in self.problems]
        if len(lines) == 1:
            return lines[0]
        return "\n  ".join([f"{len(lines)} problems", *lines])


def _source_of(problem: Problem) -> str:
    """Return the note on a definition problem: the file and line of its node, relative to the working directory."""
    return f"{problem.number}: {problem.file.removeprefix(f'{os.getcwd()}{os.sep}')}:{problem.line}"


def _without_secrets(problem: Problem) -> Problem:
    text, hint = redacted(problem.text), redacted(problem.hint)
    return problem if (text, hint) == (problem.text, problem.hint) else replace(problem, text=text, hint=hint)


class ContractError(TypedflowError, TypeError):
    """A definition, a write, a value or an event violates a contract.

    >>> flow.create_execution().state.found = "Sibley"
    Traceback (most recent call last):
    typedflow.errors.ContractError: TF601: 'found' of state takes list[str], not 'Sibley' (str)
    """


class PathError(ContractError, KeyError):
    """A path does not exist in the declared types or in the data.

    >>> flow.create_execution().state.get("request.topc")
    Traceback (most recent call last):
    typedflow.errors.PathError: TF202: Request has no field 'topc', in 'request.topc' (did you mean 'topic'?)
    """


class ResourceError(TypedflowError, KeyError):
    """A resource is missing, unknown or of the wrong class; `missing` lists the absent keys, sorted.

    >>> flow.del_runtime_resource("library")
    >>> try:
    ...     flow.start(Request("birds"))
    ... except ResourceError as error:
    ...     print(error.missing)
    ('library',)
    """

    missing: tuple[str, ...]

    def __init__(self, problems: str | Problem | Iterable[Problem], *, missing: Iterable[str] = ()) -> None:
        super().__init__(problems)
        self.missing = tuple(sorted(missing))


class ExecutionError(TypedflowError):
    """A call on an execution is not possible, or the execution failed to carry it out.

    >>> flow.create_execution().result
    Traceback (most recent call last):
    typedflow.errors.ExecutionError: TF802: ...
    """


class ChildFailedError(ExecutionError):
    """A remote child has failed, or was cancelled: the step of its parent fails with this.

    `execution_id` is the child's, `error` the class of the error that it failed with and `text` its text: those that
    a `Failed` has. `is_fault` says that it is an error that never becomes a value.

    >>> error = ChildFailedError("it failed", execution_id="r-1.0a", error="ValueError", text="no such topic")
    >>> error.error, error.text
    ('ValueError', 'no such topic')
    """

    def __init__(
        self,
        problems: str | Problem | Iterable[Problem],
        *,
        execution_id: str,
        error: str,
        text: str,
        is_fault: bool = False,
    ) -> None:
        super().__init__(problems)
        self.execution_id = execution_id
        self.error = error
        self.text = text
        self.is_fault = is_fault


class NoResultError(ExecutionError):
    """The run is over and nothing set its result.

    >>> silent = Flow(Count)
    >>> silent.for_each().to(length).end_for_each()  # doctest: +ELLIPSIS
    <...>
    >>> execution = silent.create_execution()
    >>> _ = execution.start(["a"])
    >>> execution.result
    Traceback (most recent call last):
    typedflow.errors.NoResultError: TF802: ...
    """


class ExecutionPaused(ExecutionError):
    """A run that was started for its result is waiting; `execution` is the one to resume or save.

    >>> try:
    ...     flow.start(Request("birds"))
    ... except ExecutionPaused as paused:
    ...     print([*paused.execution.interrupts])
    ['choose']
    """

    execution: Any

    def __init__(self, problems: str | Problem | Iterable[Problem], *, execution: Any) -> None:
        super().__init__(problems)
        self.execution = execution


class InterruptError(ExecutionError):
    """An interrupt is unknown, was answered already, or was answered with a value of the wrong type.

    >>> execution = flow.create_execution()
    >>> _ = execution.start(Request("birds"))
    >>> execution.continue_with("choose", 3)
    Traceback (most recent call last):
    typedflow.errors.InterruptError: TF810: ...
    """


class FinishedError(ExecutionError):
    """The execution or step is over, so that the call can have no effect.

    >>> execution = flow.create_execution()
    >>> _ = execution.start(Request("birds")), execution.continue_with("choose", "Sibley")
    >>> execution.continue_with("choose", "Svensson")
    Traceback (most recent call last):
    typedflow.errors.FinishedError: TF803: ...
    """


class SnapshotError(TypedflowError, ValueError):
    """A snapshot cannot be written, read or trusted; `path` is the location in the document.

    >>> saved = flow.create_execution().save().to_bytes()
    >>> flow.create_execution().load(saved[:100])
    Traceback (most recent call last):
    typedflow.errors.SnapshotError: TF905: ...
    """

    path: str

    def __init__(self, problems: str | Problem | Iterable[Problem], *, path: str = "") -> None:
        super().__init__(problems)
        self.path = path


class StoreError(TypedflowError):
    """A snapshot store failed.

    >>> async def main() -> None:
    ...     store = MemoryStore()
    ...     await store.close()
    ...     await store.get("r-1")
    >>> asyncio.run(main())
    Traceback (most recent call last):
    typedflow.errors.StoreError: ...
    """


class ConflictError(StoreError):
    """Another writer has saved since: the stored snapshot is not the one that this save follows.

    `stored` and `expected` are save sequences; None means no snapshot.

    >>> async def main() -> None:
    ...     async with MemoryStore() as store:
    ...         await flow.create_execution(store=store, execution_id="r-1").async_start(Request("birds"))
    ...         first = await flow.async_open("r-1", store=store)
    ...         second = await flow.async_open("r-1", store=store)
    ...         await first.async_continue_with("choose", "Sibley")
    ...         await second.async_continue_with("choose", "Svensson")
    >>> asyncio.run(main())
    Traceback (most recent call last):
    typedflow.errors.ConflictError: TF951: ...
    """

    execution_id: str
    stored: int | None
    expected: int | None

    def __init__(
        self,
        problems: str | Problem | Iterable[Problem],
        *,
        execution_id: str = "",
        stored: int | None = None,
        expected: int | None = None,
    ) -> None:
        super().__init__(problems)
        self.execution_id = execution_id
        self.stored = stored
        self.expected = expected


class LeaseLostError(ConflictError):
    """Another process has the lease on the execution, or had it in the meantime.

    `holder` names the other one, None where none has it now; `until` is the moment, in UTC, up to which it has it at
    least, None where that is not known.

    >>> issubclass(LeaseLostError, ConflictError)
    True
    """

    holder: str | None
    until: datetime | None

    def __init__(
        self,
        problems: str | Problem | Iterable[Problem],
        *,
        execution_id: str = "",
        holder: str | None = None,
        until: datetime | None = None,
    ) -> None:
        super().__init__(problems, execution_id=execution_id)
        self.holder = holder
        self.until = until
