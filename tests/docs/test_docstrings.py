"""Every public name has a docstring with an example that runs, every member of a public class has a docstring.

The examples follow the program of docs/reference/api.md.
"""

from __future__ import annotations

import ast
import asyncio
import doctest
import inspect
import re
import sys
from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal

import pytest

import typedflow
import typedflow.distributed
import typedflow.stores
import typedflow.testing
from tests.docs.scenarios import DOCS, ROOT, File, read_page

MODULES: Final = (typedflow, typedflow.stores, typedflow.testing, typedflow.distributed)
PUBLIC: Final[dict[str, Any]] = {
    f"{module.__name__}.{name}": getattr(module, name) for module in MODULES for name in module.__all__
}
ALIASES: Final = {"typedflow.Document", "typedflow.Handlers", "typedflow.distributed.Factory"}
"""Names of types, which have no docstring at run time."""
ODD: Final = frozenset({
    "bring", "come", "give", "go", "have", "hear", "hold", "know", "lay", "lead", "learn", "leave", "let",
    "look", "ring", "say", "see", "speak", "stand", "tell", "think", "word",
})  # fmt: skip
"""Words that say what something is like. A docstring begins with what is done: return, check, release, set, notify."""
OPTIONS: Final = doctest.ELLIPSIS


def members() -> Iterator[tuple[str, Any]]:
    """Yield each public method and property that a class of ours defines or inherits from one of ours."""
    for home, public in PUBLIC.items():
        if not inspect.isclass(public):
            continue
        for name, _ in inspect.getmembers_static(public):
            owner = next((base for base in public.__mro__ if name in vars(base)), None)
            if name.startswith("_") or owner is None or not owner.__module__.startswith("typedflow."):
                continue
            member = inspect.getattr_static(public, name)
            if isinstance(member, staticmethod | classmethod):
                member = member.__func__
            if inspect.isfunction(member) or isinstance(member, property):
                yield f"{home}.{name}", member


MEMBERS: Final = dict(members())
DOCUMENTED: Final = {name: found for name, found in {**PUBLIC, **MEMBERS}.items() if ">>>" in (found.__doc__ or "")}


def test_every_public_name_has_an_example() -> None:
    assert sorted(set(PUBLIC) - ALIASES - set(DOCUMENTED)) == []


def test_every_member_of_a_public_class_has_a_docstring() -> None:
    assert [name for name, member in MEMBERS.items() if not inspect.getdoc(member)] == []


@pytest.mark.parametrize("folder", ["typedflow", "mypy_plugin", "tests", "examples", "benchmarks"])
def test_a_docstring_begins_with_what_is_done(folder: str) -> None:
    odd = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            line = (ast.get_docstring(node) or "").partition("\n")[0]
            first = re.match(r"\w*", line.lower())
            if first is not None and ODD & {first[0], first[0].removesuffix("s")}:
                odd.append(f"{path.relative_to(ROOT)}:{node.lineno}: {line}")
    assert odd == []


@pytest.fixture(scope="module")
def program() -> str:
    page = (DOCS / "reference" / "api.md").read_text(encoding="utf-8")
    [text] = [step.text for step in read_page(page) if isinstance(step, File)]
    return text


@pytest.fixture
def names(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the names of the program, made anew, and those that an example would import."""
    module = ModuleType("review")
    monkeypatch.setitem(sys.modules, "review", module)
    vars(module).update(
        {name.rpartition(".")[2]: found for name, found in PUBLIC.items()},
        Any=Any, Literal=Literal, UTC=UTC, aclosing=aclosing, asyncio=asyncio, datetime=datetime, timedelta=timedelta,
        folder=tmp_path,
    )  # fmt: skip
    exec(compile(program, "review.py", "exec", dont_inherit=True), vars(module))
    return vars(module)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_an_example_runs_as_it_is_printed(name: str, names: dict[str, Any]) -> None:
    text = inspect.cleandoc(DOCUMENTED[name].__doc__)
    test = doctest.DocTestParser().get_doctest(text, names, name, None, None)
    said: list[str] = []
    doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=said.append, clear_globs=False)
    if said:
        pytest.fail("".join(said), pytrace=False)
