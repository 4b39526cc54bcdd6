"""docs/errors.md as programs: what each example makes of the program at the top of the page.

The page says how its examples are read: what they declare takes the place of what has the same name, lines with `data`
stand at the start of `write`, a mapping is that of a child flow, and all else follows the program.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
# Who says what has a code, where it is not both the plugin and the runtime.
PLUGIN_ONLY: Final = ", reported by the mypy plugin only"
RUN_TIME_ONLY: Final = ", said at run time only"
TYPE_CHECKERS: Final = ", which type checkers say in their own words"
HANDLER: Final = "write"

_ENTRY: Final = re.compile(r"^## (TF\d+): ([^\n]+)\n\n(.+?)(?=^## |^# (?!wrong|right)|\Z)", re.M | re.S)
_EXAMPLE: Final = re.compile(r"```python\n(.*?)^# wrong\n(.+?)^# right\n(.+?)^```", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Entry:
    """What the page says of one number."""

    number: str
    title: str
    text: str
    wrong: str = ""
    """The one way of the example, below the lines that stand above both; empty where nothing is shown."""
    right: str = ""

    @property
    def said(self) -> str:
        """Return the words that tell who says it; empty where both do, or where there is no code."""
        comma, words = self.text.partition(".* ")[0].partition(",")[1:]
        return comma + words

    def __str__(self) -> str:
        return self.number


def read_entries(page: str) -> dict[str, Entry]:
    """Return the entries by their numbers, in the order of the page."""
    entries = {}
    for number, title, body in _ENTRY.findall(page):
        found = _EXAMPLE.search(body)
        both, wrong, right = found.groups() if found else ("", "", "")
        ways = (both + wrong, both + right) if found else ("", "")
        entries[number] = Entry(number, title, body.strip(), *ways)
    return entries


ENTRIES: Final = read_entries(PAGE)
PROGRAM: Final = PAGE.partition("```python\n")[2].partition("```")[0]
LLMS: Final = (ROOT / "docs" / "llms.txt").read_text(encoding="utf-8")
LLMS_PROGRAM: Final = LLMS.partition("```python\n")[2].partition("```")[0]
"""The program that shows models the whole interface."""


def completed(example: str, number: str) -> str:
    """Return the program with an example in it."""
    program = _statements(PROGRAM)
    places = {name: place for place, (statement, _) in enumerate(program) if (name := _name(statement))}
    heads, inside, behind = list[str](), list[str](), list[str]()
    only_declared = True
    for statement, source in _statements(example):
        place = places.get(_name(statement))
        if isinstance(statement, ast.Import | ast.ImportFrom | ast.If):
            heads.append(source)
        elif place is not None and only_declared:
            program[place] = (statement, "\n".join([*behind, source]))  # with what is declared above it
            behind.clear()
        elif speaks_of_data(statement):
            inside.append(_indented(source))
        else:
            only_declared = only_declared and bool(_name(statement))
            behind.append(_in_a_call(statement, source, number))
    before = [source for statement, source in program if isinstance(statement, ast.Import | ast.ImportFrom)]
    after = [_with_lines(*part, inside) for part in program[len(before) :]]
    return "\n".join([*before, *heads, *after, *_run(behind), ""])


def starts(example: str) -> bool:
    """Return whether the program has to be started to see what an example makes of it."""
    changes = any(speaks_of_data(statement) or _name(statement) for statement in ast.parse(example).body)
    return changes and not re.search(r"start\(|execution", example)


def speaks_of_data(node: ast.AST) -> bool:
    """Return whether lines use the `data` of the handler that they stand in."""
    if isinstance(node, ast.Lambda | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return (isinstance(node, ast.Name) and node.id == "data") or any(map(speaks_of_data, ast.iter_child_nodes(node)))


def _statements(text: str) -> list[tuple[ast.stmt, str]]:
    """Return the statements of a text, each with its lines, decorators included."""
    lines = text.splitlines()
    found = []
    for node in ast.parse(text).body:
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        found.append((node, "\n".join(lines[first - 1 : node.end_lineno])))
    return found


def _name(statement: ast.stmt) -> str:
    """Return the name that a class or a function declares; empty for other statements."""
    return str(getattr(statement, "name", ""))


def _in_a_call(statement: ast.stmt, source: str, number: str) -> str:
    """Return a statement; a mapping in the call that it belongs in."""
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Dict)):
        return source
    return f"flow.to_sub_flow(search, {'capture' if number < 'TF4' else 'write_back'}={source})"


def _with_lines(statement: ast.stmt, source: str, inside: list[str]) -> str:
    """Return a statement of the program, with lines at its start where it is the handler that takes them."""
    if _name(statement) != HANDLER:
        return source
    head, _, body = source.partition("\n")
    return "\n".join([head, *inside, body])


def _run(behind: list[str]) -> list[str]:
    """Return what follows the program, in a coroutine where it awaits."""
    if not any("await" in source and "async def" not in source for source in behind):
        return behind
    return ["async def main() -> None:", *map(_indented, behind), "asyncio.run(main())"]


def _indented(source: str) -> str:
    return "\n".join(f"    {line}" if line else line for line in source.splitlines())
