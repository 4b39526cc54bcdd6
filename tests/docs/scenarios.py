"""Pages as scenarios: the files that a page writes, the changes that it makes to them, the commands that it runs.

What stands between a mark and the end of the fenced block below it is done in the order of the page, in one folder:

    <!-- file: NAME -->    the block is written to a file
    <!-- change: NAME -->  each import, class, function and assignment of the block is put into that program, in place
                           of what has its name
    <!-- run -->           each line that starts with `$ ` is run by a shell; what follows it is its output, where `…`
                           stands for any text
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
# Commands that every supported Python may lack: they run on the main one only.
CHECKERS: Final = ("mypy", "pyright", "ty ", "pyrefly")

_BLOCK: Final = re.compile(r"^<!-- (file|change|run)(?:: (\S+))? -->\n```\w+\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a page, and the output that the page quotes."""

    line: str
    output: str

    @property
    def is_checker(self) -> bool:
        """Return True if it runs a type checker."""
        return self.line.startswith(CHECKERS)

    @property
    def is_program(self) -> bool:
        """Return True if it runs a type checker, or a program of the page or its tests."""
        return self.is_checker or self.line.startswith(("python ", "pytest ", "typedflow ", "until ", "kill "))


@dataclass(frozen=True, slots=True)
class File:
    """A file that a page writes; with `change`, a program that is put into what is there."""

    name: str
    text: str
    change: bool


def read_page(text: str) -> Iterator[Command | File]:
    """Yield what a page does, in its order."""
    for kind, name, block in _BLOCK.findall(text):
        if kind == "run":
            yield from read_commands(block)
        else:
            yield File(name, block, change=kind == "change")


def read_commands(block: str) -> Iterator[Command]:
    """Yield the commands of a console; one in quotes may go over several lines."""
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        lines = part.splitlines(keepends=True)
        length = next(n for n in range(1, len(lines) + 1) if "".join(lines[:n]).count('"') % 2 == 0)
        yield Command("".join(lines[:length]).rstrip("\n"), "".join(lines[length:]))


def changed(program: str, change: str) -> str:
    """Return the program with each statement of `change` in place of the one that has its name.

    One that is new stands in front of the next in `change` that is not, else at the end.
    """
    old, new = _statements(program), _statements(change)
    imports = [text for name, text in new if name.startswith("import ") and (name, text) not in old]
    parts = {name: text for name, text in new if not name.startswith("import ")}
    first = next((place for place, (name, _) in enumerate(old) if not name.startswith("import ")), len(old))
    result = [*(text for _, text in old[:first]), *imports]
    known = {name for name, _ in old}
    waiting: list[str] = []
    for name, text in parts.items():
        if name in known:
            parts[name] = "".join([*waiting, text])
            waiting = []
        else:
            waiting.append(text)
    result += [parts.get(name, text) for name, text in old[first:]]
    if old and old[-1][0] == "If":  # `if __name__ == "__main__"` stays the last
        return "".join([*result[:-1], *waiting, result[-1]])
    return "".join([*result, *waiting])


def _statements(program: str) -> list[tuple[str, str]]:
    """Return each statement at the top with its name and its text, the blank lines and decorators above it included."""
    lines, found, start = program.splitlines(keepends=True), [], 0
    for statement in ast.parse(program).body:
        assert statement.end_lineno is not None
        text = "".join(lines[start : statement.end_lineno])
        found.append((_name(statement), text))
        start = statement.end_lineno
    return found


def _name(statement: ast.stmt) -> str:
    match statement:
        case ast.Import() | ast.ImportFrom():
            return "import " + ast.unparse(statement)
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return statement.name
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case ast.Expr(value=ast.Call() as call):
            return "call of " + ast.unparse(call).partition(".")[0].lstrip("(")
        case _:
            return type(statement).__name__


def matches(quoted: str, output: str) -> bool:
    """Return True if the output is what the page quotes, where `…` stands for any text."""
    pattern = ".*".join(map(re.escape, quoted.rstrip("\n").split("…")))
    return re.fullmatch(pattern, output.rstrip("\n"), re.S) is not None


def run(command: Command, folder: Path) -> str:
    """Run a command in the folder, with this Python and its tools first in the path; return all that it printed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "mypy_plugin")]),
        "PYTHONDONTWRITEBYTECODE": "1",
        # A start of pytest with its plugins, of which the pages use one, takes longer than their tests.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "-p no:cacheprovider -p typedflow.pytest_plugin --color=no",
        "NO_COLOR": "1",
        "COLUMNS": "100",
    }
    line = (
        command.line.replace("python ", f"{sys.executable} ", 1) if command.line.startswith("python ") else command.line
    )
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout
