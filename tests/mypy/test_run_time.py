"""What the plugin says of calls, in the cases, is what the runtime says when they are made: same numbers, same words.

A value that the runtime shows is a type for the plugin, so that what follows "not" is not compared.
"""

from __future__ import annotations
import __future__

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import pytest

from tests.mypy.programs import CASES, strip
from typedflow import ContractError, Flow
from typedflow.rules.problems import Problem

THEMES: Final = ("no_overload", "option_values", "given_state")
NOT_TYPED: Final = frozenset({"TF707", "TF723"})
"""What takes the whole flow to see."""
OF_THE_MODULE: Final = frozenset({"TF102"})
"""What the plugin says of a start, as nothing in the module supplies a resource, and the runtime in another way."""
OF_TYPES: Final = (
    "takes_text",
    "(Request)",
    "find(3)",
    "a chunk",
    "Request.nowhere",
    "data.vaule",
    ".topic).case",
    "state=request",
)
"""Where only a type checker finds a fault, or where the call is none."""


CLASSES: Final = ("class_bases", "generic_parts")
IN_OTHER_WORDS: Final = frozenset({"WithAbc", "Outside"})
"""Classes of which mypy itself reports the fault."""


class Statement(NamedTuple):
    """One call of a case file, and what the plugin says of it."""

    theme: str
    text: str
    said: frozenset[tuple[str, str]]


def statements() -> Iterator[Statement]:
    """Yield the calls at the top of the case files."""
    for theme in THEMES:
        source = (CASES / f"{theme}.py").read_text(encoding="utf-8")
        lines = source.splitlines()
        tree = ast.parse(source).body
        for node, after in zip(tree, [*(node.lineno for node in tree[1:]), len(lines) + 1], strict=True):
            text = ast.unparse(node)
            if isinstance(node, ast.Expr) and not text.startswith(("reveal_type", "'", "flow.async_start")):
                said = [line.partition(" E: ")[2] for line in lines[node.lineno - 1 : after - 1] if " E: TF" in line]
                said = [found for found in said if found[:5] not in OF_THE_MODULE]
                yield Statement(theme, text, frozenset(heads(found.rpartition("  [")[0] for found in said)))


def heads(texts: Any) -> Iterator[tuple[str, str]]:
    """Yield the numbers, and the texts as far as they show no value."""
    for text in texts:
        number, _, rest = text.partition(": ")
        if number == "TF601":  # the runtime may see a fault deeper inside of a value
            rest = re.split(r"[.\[' ]", rest)[1]
        yield number, rest.partition(", not ")[0].partition(" (")[0]


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, ModuleType]]:
    found: dict[str, ModuleType] = {}
    for name in ("shop", *THEMES):
        found[name] = ModuleType(name)
        sys.modules[name] = found[name]
        exec(compile(definitions(CASES / f"{name}.py", whole=name == "shop"), name, "exec"), vars(found[name]))
    yield found
    for name in found:
        del sys.modules[name]


def definitions(path: Path, *, whole: bool) -> ast.Module:
    """Return a case file without the calls at its top."""
    tree = ast.parse(strip(path.read_text(encoding="utf-8")))
    tree.body = [node for node in tree.body if whole or not isinstance(node, ast.Expr)]
    return tree


def problems(text: str, module: ModuleType) -> tuple[Problem, ...]:
    """Make a call, and give what the runtime says of it, or of the flow that it leaves."""
    shop = sys.modules["shop"]
    flow: Any = Flow(shop.Shop)
    if "create_execution" in text or "start(" in text:
        flow.to(shop.find).to(shop.write).end()
    try:
        exec(text, {**vars(module), "flow": flow})
        flow.validate()
    except ContractError as error:
        return error.problems
    except ValueError as error:
        return (Problem("TF718", str(error)),)
    return ()


@pytest.mark.parametrize("case", list(statements()), ids=lambda case: f"{case.theme}: {case.text}"[:100])
@pytest.mark.thin(5)
def test_the_runtime_says_what_the_plugin_says(modules: dict[str, ModuleType], case: Statement) -> None:
    if any(part in case.text for part in OF_TYPES):
        return
    found = [problem for problem in problems(case.text, modules[case.theme]) if problem.number not in NOT_TYPED]
    told = set(heads(f"{problem.number}: {problem.text}" for problem in found))
    assert told <= case.said
    assert bool(told) == bool(case.said)


def class_statements() -> Iterator[Statement]:
    """Yield the classes at the top of the case files about classes."""
    for theme in CLASSES:
        source = (CASES / f"{theme}.py").read_text(encoding="utf-8")
        lines = source.splitlines()
        tree = ast.parse(source).body
        starts = [min([node.lineno, *(it.lineno for it in getattr(node, "decorator_list", ()))]) for node in tree]
        for node, start, after in zip(tree, starts, [*starts[1:], len(lines) + 1], strict=True):
            if isinstance(node, ast.ClassDef):
                said = [line.partition(" E: ")[2] for line in lines[start - 1 : after - 1] if " E: TF" in line]
                yield Statement(theme, node.name, frozenset(heads(found.rpartition("  [")[0] for found in said)))


@pytest.fixture(scope="module")
def refusals() -> Iterator[dict[tuple[str, str], tuple[Problem, ...]]]:
    """Yield what the runtime reports of each class, by its file and name."""
    found: dict[tuple[str, str], tuple[Problem, ...]] = {}
    for theme in CLASSES:
        module = sys.modules[theme] = ModuleType(theme)
        flags = __future__.annotations.compiler_flag
        for node in ast.parse(strip((CASES / f"{theme}.py").read_text(encoding="utf-8"))).body:
            if not isinstance(node, (ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign)):
                continue
            try:
                exec(compile(ast.Module([node], []), theme, "exec", flags=flags), vars(module))
            except ContractError as error:
                assert isinstance(node, ast.ClassDef)
                found[theme, node.name] = error.problems
    yield found
    for theme in CLASSES:
        del sys.modules[theme]


@pytest.mark.parametrize("case", list(class_statements()), ids=lambda case: f"{case.theme}: {case.text}")
@pytest.mark.thin(5)
def test_a_class_is_refused_as_the_plugin_reports_it(
    refusals: dict[tuple[str, str], tuple[Problem, ...]], case: Statement
) -> None:
    found = refusals.get((case.theme, case.text), ())
    if case.text in IN_OTHER_WORDS:
        assert found
        return
    assert set(heads(f"{problem.number}: {problem.text}" for problem in found)) == case.said
