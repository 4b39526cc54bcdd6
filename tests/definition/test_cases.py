"""Cases by class and by value: the checks of a definition say what the plugin says of the same lines."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.mypy.programs import CASES, strip
from typedflow import Contract, ContractError, Flow

MARKED = (CASES / "matches.py").read_text(encoding="utf-8")
PROBLEM = re.compile(r"E: (TF74[1-4]: .*?)  \[typedflow-flow\]")


def lines_with_problems() -> Iterator[tuple[str, str, str, list[str]]]:
    """Yield each line with what stands in it: its flow, the type there, and the problems below it."""
    lines = MARKED.splitlines()
    tree = ast.parse(MARKED)
    build = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "build")
    types = {arg.arg: ast.unparse(arg.annotation) for arg in build.args.args if arg.annotation is not None}
    for node in [*tree.body, *build.body]:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and "reveal_type" not in ast.unparse(node):
            below = lines[node.end_lineno or node.lineno :]
            marks = [line for line, _ in zip(below, range(4), strict=False)]
            while marks and not all(line.lstrip().startswith("#") for line in marks):
                marks.pop()
            source = ast.unparse(node)
            name = source.partition(".")[0]
            yield source, name, types.get(name, ""), [found[1] for mark in marks if (found := PROBLEM.search(mark))]


LINES = list(lines_with_problems())


@pytest.fixture(scope="module")
def program() -> Iterator[ModuleType]:
    """Import what the case file declares, without its lines."""
    source = strip(MARKED)
    kept = [node for node in ast.parse(source).body if not isinstance(node, ast.Expr | ast.Assign) or _declares(node)]
    module = ModuleType("tests.matches")
    sys.modules[module.__name__] = module
    exec(compile(ast.Module(kept, []), "matches.py", "exec"), vars(module))
    yield module
    del sys.modules[module.__name__]


def _declares(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("UserId", "T")


@pytest.mark.parametrize("source, name, process, expected", LINES, ids=[line[0][:90] for line in LINES])
def test_a_definition_has_the_problems_that_the_plugin_reports(
    program: ModuleType, source: str, name: str, process: str, expected: list[str]
) -> None:
    names: dict[str, Any] = dict(vars(program))
    if process:
        declared = eval(process.partition(", ")[2].removesuffix("]"), names)
        contract = type("Ticket", (Contract,), {"__annotations__": {"input": declared, "result": str}})
        names[name] = Flow(contract)
    else:
        names[name] = Flow(program.Ticket)
    found = problems_of(source, names, names[name])
    if not source.endswith("end_match()"):  # the plugin says what is left over where the match ends
        found = {text for text in found if not text.startswith("TF743")}
    assert sorted(found) == sorted(expected)


def problems_of(source: str, names: dict[str, Any], flow: Flow[Any]) -> set[str]:
    """Return the problems of one line by class or value, without their place."""
    try:
        eval(source, names)
        flow.validate()
    except ContractError as error:
        found = [f"{problem.number}: {problem.text} ({problem.hint})" for problem in error.problems if problem.hint]
        found += [f"{problem.number}: {problem.text}" for problem in error.problems if not problem.hint]
        return {text for text in found if re.match(r"TF74[1-4]", text)}
    return set()


def test_the_lines_are_there() -> None:
    assert sum(bool(expected) for *_, expected in LINES) > 15
