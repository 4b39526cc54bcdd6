"""The options and arguments that several commands have, and how an execution that was driven is printed."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer

from typedflow.cli.output import to_json, write
from typedflow.cli.progress import Progress, failure_lines, progress_lines

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Store = Annotated[
    str | None,
    typer.Option("--store", metavar="PATH", help="A SQLite file, or a folder.", show_default=".typedflow/runs.db"),
]
ResourcesFrom = Annotated[
    str | None,
    typer.Option("--resources", metavar="MODULE:FUNCTION", help="The function that returns the resources."),
]
FlowOf = Annotated[
    str | None, typer.Option("--flow", metavar="MODULE:FLOW", help="The flow; needed unless pyproject.toml lists it.")
]
ExecutionId = Annotated[str, typer.Argument(metavar="ID", help="An execution, or the beginning of its id.")]
FlowName = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Only of the flow of this name.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="NUMBER", help="So many at the most.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress to stderr.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def print_progress(progress: Progress, as_json: bool) -> int:
    """Print where an execution stands, and return the exit code."""
    if as_json:
        write(to_json(msgspec.to_builtins(progress)))
        return progress.code
    write("".join(f"{line}\n" for line in progress_lines(progress)))
    if progress.failure is not None:
        sys.stderr.write("".join(f"{line}\n" for line in failure_lines(progress.failure, progress.retry_with)))
    return progress.code
