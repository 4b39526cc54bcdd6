"""Read the table of cases: the functions in `cases/`, and the problems that the comments in them expect.

The format is described in README.md. Nothing here runs a flow or a type checker: callers that do get, for every case,
what it has to find and where.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeGuard

from typedflow.rules.problems import Problem
from typedflow.rules.wording import describe

FOLDER: Final = Path(__file__).with_name("cases")
SIDES: Final = {"key": "key", "value": "value", "mapping": ""}

_OPENING: Final = re.compile(r"\s*# P (?P<runtime>runtime )?(?P<side>key|value|mapping) (?P<line>TF\d{3}: .+)")
_CONTINUED: Final = re.compile(r"\s*#   (?P<more>\S.*)")
_PLACE: Final = re.compile(
    r'TF\d{3}: (?P<direction>capture|write_back)(?P<left_out>, left out,)?(?P<keys>(?:\["[^"]*"\])*)'
)


@dataclass(frozen=True, slots=True)
class Expected:
    """One problem that a case has, and where in its file the entry at fault stands."""

    rendered: str
    """The line that `Problem.render()` gives, less the step and the flow: number, entry, text, hint."""
    side: str
    entry: tuple[str, ...]
    runtime_only: bool
    """No type checker can tell."""
    line: int
    column: int
    """Of the key or value at fault, counted as mypy does: lines from 1, columns from 0."""

    @property
    def number(self) -> str:
        return self.rendered[:5]


@dataclass(frozen=True, slots=True)
class Case:
    """One function of a case file: it builds a flow with a child in it."""

    theme: str
    name: str
    line: int
    expected: tuple[Expected, ...]

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.theme}.py"

    def build(self) -> Any:
        """Return the flow."""
        return getattr(module_of(self.theme), self.name)()

    def __str__(self) -> str:
        return f"{self.theme}-{self.name}"


def themes() -> list[str]:
    """Name the case files."""
    return sorted(path.stem for path in FOLDER.glob("*.py"))


def module_of(theme: str) -> ModuleType:
    """Import a case file."""
    return importlib.import_module(f"tests.parity.cases.{theme}")


def read_cases() -> list[Case]:
    """Read all cases of all files."""
    return [case for theme in themes() for case in read_theme(theme)]


def read_theme(theme: str) -> list[Case]:
    """Read the cases of one file; a comment that stands above nothing it could mean is an error."""
    text = (FOLDER / f"{theme}.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    cases = []
    for function in ast.parse(text).body:
        if is_case(function):
            calls = sub_flow_calls(function)
            expected = tuple(_expected(found, calls, module_of(theme)) for found in _comments(lines, function))
            cases.append(Case(theme, function.name, function.lineno, expected))
    return cases


def is_case(node: ast.stmt) -> TypeGuard[ast.FunctionDef]:
    """Return whether a statement of a case file is a case: a function without parameters."""
    return isinstance(node, ast.FunctionDef) and not node.args.args


def sub_flow_calls(function: ast.FunctionDef) -> list[ast.Call]:
    """Return the calls of `to_sub_flow` in a case, in order."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    return [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "to_sub_flow"]


@dataclass(frozen=True, slots=True)
class _Comment:
    rendered: str
    side: str
    runtime_only: bool
    above: int
    """The line of code that it stands above."""


def _comments(lines: list[str], function: ast.FunctionDef) -> Iterator[_Comment]:
    number, end = function.lineno, function.end_lineno or function.lineno
    while number <= end:
        found = _OPENING.fullmatch(lines[number - 1])
        number += 1
        if found is None:
            continue
        parts = [found["line"]]
        while (more := _CONTINUED.fullmatch(lines[number - 1])) is not None:
            parts.append(more["more"])
            number += 1
        above = number
        while lines[above - 1].lstrip().startswith("#"):
            above += 1
        yield _Comment(" ".join(parts), SIDES[found["side"]], found["runtime"] is not None, above)


def _expected(comment: _Comment, calls: list[ast.Call], module: ModuleType) -> Expected:
    place = _PLACE.match(comment.rendered)
    keys = tuple(re.findall(r'\["([^"]*)"\]', place["keys"])) if place is not None else ()
    argument = place["direction"] if place is not None and not place["left_out"] else ""
    for call in calls:
        node = entry_node(call, argument, keys, comment.side, module)
        if node is not None and node.lineno == comment.above:
            return Expected(comment.rendered, comment.side, keys, comment.runtime_only, node.lineno, node.col_offset)
    raise ValueError(f"{module.__name__}: line {comment.above} has no entry of '{comment.rendered}'")


def entry_node(call: ast.Call, argument: str, keys: tuple[str, ...], side: str, module: ModuleType) -> ast.expr | None:
    """Find the key or value of an entry; the child's expression where the argument was left out.

    A mapping that is no display in the call itself stands for all of its entries.
    """
    here = next((keyword.value for keyword in call.keywords if keyword.arg == argument), None)
    if here is None:
        return None if keys else call.args[0]
    here = _unwrapped(here)
    for position, key in enumerate(keys):
        if not isinstance(here, ast.Dict):
            break
        found = next((pair for pair in zip(here.keys, here.values, strict=True) if _is(pair[0], key, module)), None)
        if found is None or found[0] is None:
            return None
        if position == len(keys) - 1 and side == "key":
            return found[0]
        here = found[1]
    return here


def _unwrapped(node: ast.expr) -> ast.expr:
    is_binding = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "binding"
    return node.args[0] if is_binding and isinstance(node, ast.Call) else node


def _is(node: ast.expr | None, key: str, module: ModuleType) -> bool:
    if node is None:
        return False
    value = eval(compile(ast.Expression(node), module.__name__, "eval"), dict(vars(module)))
    return (str.__str__(value) if isinstance(value, str) else describe(value)) == key


def without_step(problem: Problem) -> str:
    """Render a problem of a sub_flow node without its first place, the step."""
    place, _, rest = problem.where.partition(", ")
    assert place.startswith("step '"), problem.render()
    return problem.render().replace(problem.where, rest, 1).replace(": : ", ": ", 1)
