"""Every error that typedflow raises, and nothing else.

    TypedflowError
      ContractError (TypeError)       a definition, a write, a value or an event that breaks a contract; .problems
        PathError (KeyError)          a path that leads nowhere: in the declared types, or in the data at hand
      ResourceError (KeyError)        missing, unknown or of the wrong class; .missing
      ExecutionError
        NoResultError                 the run is over and nothing set a result
        ExecutionPaused               a direct start met a pause; .execution
        InterruptError                unknown, answered, or answered with a wrong value
        FinishedError                 a call on an execution or a step that is over
      SnapshotError (ValueError)      cannot be written, read or trusted; .path
      StoreError                      a store failed
        ConflictError                 somebody else saved first
        LeaseLostError                the lease on the execution is gone

An exception carries data, `str()` renders it. Where a caller would expect a builtin, the class inherits it too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from typedflow.rules.concealment import redacted
from typedflow.rules.problems import Problem


class TypedflowError(Exception):
    """Stand at the top of everything that typedflow raises.

    Holds the problems that were found, all at once; a text alone is a problem without a number. No text of the
    resources in use stands in them.
    """

    problems: tuple[Problem, ...]

    def __init__(self, problems: str | Problem | Iterable[Problem]) -> None:
        if isinstance(problems, str):
            problems = (Problem("", problems),)
        elif isinstance(problems, Problem):
            problems = (problems,)
        self.problems = tuple(map(_without_secrets, problems))
        super().__init__(self.problems)

    @property
    def code(self) -> str:
        """Give the number of the first problem, `TF…`; empty where it has none."""
        return self.problems[0].number if self.problems else ""

    def __str__(self) -> str:
        lines = [problem.render().removeprefix(": ") for problem in self.problems]
        if len(lines) == 1:
            return lines[0]
        return "\n  ".join([f"{len(lines)} problems", *lines])


def _without_secrets(problem: Problem) -> Problem:
    text, hint = redacted(problem.text), redacted(problem.hint)
    return problem if (text, hint) == (problem.text, problem.hint) else replace(problem, text=text, hint=hint)


class ContractError(TypedflowError, TypeError):
    """Say that a definition, a write, a value or an event breaks a contract."""


class PathError(ContractError, KeyError):
    """Say that a path leads nowhere: in the declared types, or in the data at hand."""


class ResourceError(TypedflowError, KeyError):
    """Say that a resource is missing, unknown or of the wrong class; `missing` lists the absent keys, sorted."""

    missing: tuple[str, ...]

    def __init__(self, problems: str | Problem | Iterable[Problem], *, missing: Iterable[str] = ()) -> None:
        super().__init__(problems)
        self.missing = tuple(sorted(missing))


class ExecutionError(TypedflowError):
    """Say that an execution cannot do, or did not do, what was asked of it."""


class NoResultError(ExecutionError):
    """Say that a run is over and nothing set its result."""


class ExecutionPaused(ExecutionError):
    """Say that a run which was started for its result is waiting; `execution` is the one to resume or save."""

    execution: Any

    def __init__(self, problems: str | Problem | Iterable[Problem], *, execution: Any) -> None:
        super().__init__(problems)
        self.execution = execution


class InterruptError(ExecutionError):
    """Say that an interrupt is unknown, was answered already, or was given a value that does not fit."""


class FinishedError(ExecutionError):
    """Say that an execution or a step is over, so that the call could have no effect."""


class SnapshotError(TypedflowError, ValueError):
    """Say that a snapshot cannot be written, read or trusted; `path` is the place in the document."""

    path: str

    def __init__(self, problems: str | Problem | Iterable[Problem], *, path: str = "") -> None:
        super().__init__(problems)
        self.path = path


class StoreError(TypedflowError):
    """Say that a snapshot store failed."""


class ConflictError(StoreError):
    """Say that the stored snapshot is not the one that this save follows.

    `stored` and `expected` are save sequences; None stands for no snapshot at all.
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


class LeaseLostError(StoreError):
    """Say that somebody else holds the lease on the execution."""
