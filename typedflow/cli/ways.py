"""The next step on the command line after a problem whose own hint is a call in Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from typedflow.cli.exits import WRONG_USE, Mistake
from typedflow.cli.loading import shown_path
from typedflow.errors import TypedflowError
from typedflow.rules.problems import Problem

_WAYS: Final[Mapping[str, str]] = {
    "TF803": "`typedflow runs show {id}` shows where it stands, and the command that goes on from there",
    "TF811": "supply it with --state '{{\"NAME\": VALUE}}', or give the field a default",
    "TF843": "`typedflow runs retry {id}` lets it go on without the answer",
    "TF914": "name the flow that saved it with --flow MODULE:FLOW",
}
"""By number; `{id}` is the execution that the command names."""


def mistake_of(error: TypedflowError, execution_id: object = None) -> Mistake:
    """Return what is printed of an error of the library: its problems, each with its line and a way on from here."""
    lines = list(_lines(error, str(execution_id or "ID")))
    text = lines[0] if len(lines) == 1 else "\n  ".join([f"{len(lines)} problems", *lines])
    return Mistake(text, code=WRONG_USE)


def _lines(error: TypedflowError, execution_id: str) -> Iterator[str]:
    for problem in error.problems:
        place = f"{shown_path(problem.file)}:{problem.line}: " if problem.file else ""
        yield place + _with_way(problem, execution_id).render().removeprefix(": ")


def _with_way(problem: Problem, execution_id: str) -> Problem:
    way = _WAYS.get(problem.number)
    return problem if way is None else replace(problem, hint=way.format(id=execution_id))
