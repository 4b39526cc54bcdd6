"""What all commands have in common: help, --json, exit codes; and those over stored executions, as processes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.asking import ASKING, BIRDS, SETTINGS
from tests.cli.project import COMMAND, Project


def commands(command: Any = COMMAND, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that does something, with its words."""
    inner = getattr(command, "commands", {})
    if not inner:
        yield path, command
    for name, each in inner.items():
        yield from commands(each, (*path, name))


NAMES = [path for path, _ in commands()]


def test_these_are_the_commands() -> None:
    assert sorted(" ".join(path) for path in NAMES) == [
        "answer",
        "check",
        "config",
        "diagram",
        "diff",
        "explain",
        "flow-state delete",
        "flow-state show",
        "import-agently",
        "lock",
        "migrate",
        "pending",
        "run",
        "runs cancel",
        "runs delete",
        "runs fork",
        "runs history",
        "runs list",
        "runs prune",
        "runs retry",
        "runs show",
        "schema",
        "stub",
        "worker",
    ]


def test_every_command_prints_json_on_request() -> None:
    without = [path for path, each in commands() if not any("--json" in option.opts for option in each.params)]
    assert without == []


@pytest.mark.parametrize("path", [(), ("runs",), ("flow-state",), *NAMES], ids=" ".join)
def test_help_fits_on_a_screen_of_80_columns(project: Project, path: tuple[str, ...]) -> None:
    done = project.run(*path, "--help")
    assert (done.code, done.stderr) == (0, "")
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []
    assert "│" not in done.stdout or "…" not in done.stdout.replace("failed, …", "")  # nothing is cut


def test_every_option_has_a_help() -> None:
    bare = [(path, option.name) for path, each in commands() for option in each.params if not option.help]
    assert bare == []


@pytest.fixture
def waiting(project: Project) -> Project:
    project.write("pyproject.toml", SETTINGS)
    project.write("review.py", ASKING)
    for id_ in ("first", "second"):
        assert project.run("run", "review", "--input", BIRDS, "--id", id_, "--history", "all").code == 3
    return project


PROCESSES = [
    ("pending --limit 1", 0, "typedflow answer first approval VALUE"),
    ("runs list", 0, "first   waiting"),
    ("runs show first --at 2", 0, "typedflow runs fork first --at 2"),
    ("runs history first", 0, "2     "),
    ("runs fork first --at 2 --id third", 0, "run its steps: typedflow runs retry third"),
    ("runs retry third", 3, "third waits for an answer:"),
    ("runs cancel third", 0, "third is cancelled"),
    ("runs prune --before 0s --yes", 0, "1 execution deleted"),
    ("runs delete second", 2, ""),
    ("runs delete second --force", 0, "deleted second"),
    ("flow-state show review", 2, ""),
    ("flow-state delete review --yes", 2, ""),
    ("migrate", 0, "0 migrated, 1 up to date, 0 do not open"),
]


# One process for all: most of the time of a command goes into its imports.
ONE_AFTER_ANOTHER = f"""
import sys
from typedflow.cli.main import main
for line in {[line for line, _, _ in PROCESSES]!r}:
    sys.argv = ["typedflow", *line.split()]
    try:
        main()
    except SystemExit as ended:
        for stream in (sys.stdout, sys.stderr):
            print(f"exit {{ended.code}}", file=stream, flush=True)
"""


@pytest.mark.full
def test_the_commands_over_stored_executions_in_a_process_of_their_own(waiting: Project) -> None:
    done = waiting.spawn(python=("-W", "error", "-c", ONE_AFTER_ANOTHER))
    printed, errors = (
        [(int(code), text) for text, code in re.findall(r"(.*?)exit (\d)\n", stream, re.DOTALL)]
        for stream in (done.stdout, done.stderr)
    )
    assert len(printed) == len(PROCESSES), done
    for (line, code, text), (ended, shown), (_, error) in zip(PROCESSES, printed, errors, strict=True):
        assert (ended, text in shown) == (code, True), (line, shown, error)
        assert "Traceback" not in error
        assert bool(error) == (code == 2 or line == "runs retry third"), (line, error)
