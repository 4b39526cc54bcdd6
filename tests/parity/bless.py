"""Write the comments of a case file as the runtime finds the problems: `python -m tests.parity.bless paths`.

For a new case, whose comments are then to be *read*; `runtime` marks are kept. See README.md.
"""

from __future__ import annotations

import ast
import sys
import textwrap
from typing import Any, Final

from tests.parity.table import FOLDER, SIDES, entry_node, is_case, module_of, sub_flow_calls, themes, without_step
from typedflow import ContractError
from typedflow.rules.problems import Problem

WIDTH: Final = 120
WORDS: Final = {side: word for word, side in SIDES.items()}


def problems_of(flow: Any) -> tuple[Problem, ...]:
    """Return what `flow.validate()` finds."""
    try:
        flow.validate()
    except ContractError as error:
        return error.problems
    return ()


def comment(problem: Problem, indent: int, runtime_only: bool) -> list[str]:
    """Return the lines of a comment."""
    margin = " " * indent
    opening = f"# P {'runtime ' if runtime_only else ''}{WORDS[problem.side]} {without_step(problem)}"
    return textwrap.wrap(
        opening,
        WIDTH,
        initial_indent=margin,
        subsequent_indent=f"{margin}#   ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def bless(theme: str) -> None:
    """Replace the comments of one file."""
    path = FOLDER / f"{theme}.py"
    old = path.read_text(encoding="utf-8").splitlines()
    runtime_only = {
        line.split(":")[0].split()[-1] + _function_of(old, n) for n, line in enumerate(old) if "# P runtime " in line
    }
    lines = [line for line in old if not line.lstrip().startswith(("# P ", "#   "))]
    text = "\n".join(lines) + "\n"
    module = module_of(theme)
    inserts: list[tuple[int, list[str]]] = []
    for function in ast.parse(text).body:
        if not is_case(function):
            continue
        calls = sub_flow_calls(function)
        for problem in problems_of(getattr(module, function.name)()):
            place = problem.where.partition(", ")[2]
            argument = "" if ", left out," in place else place.partition("[")[0].partition(" ")[0]
            step = problem.where.split("'")[1]
            call = calls[int(step.partition("#")[2] or 1) - 1] if len(calls) > 1 else calls[0]
            node = entry_node(call, argument, problem.entry, problem.side, module)
            assert node is not None, problem.render()
            line = lines[node.lineno - 1]
            indent = len(line) - len(line.lstrip())
            marked = problem.number + function.name in runtime_only
            inserts.append((node.lineno, comment(problem, indent, marked)))
    inserts.sort(key=lambda insert: insert[0])
    for at, block in reversed(inserts):
        lines[at - 1 : at - 1] = block
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _function_of(lines: list[str], number: int) -> str:
    return next(line[4:].partition("(")[0] for line in reversed(lines[:number]) if line.startswith("def "))


if __name__ == "__main__":
    for name in sys.argv[1:] or themes():
        bless(name)
