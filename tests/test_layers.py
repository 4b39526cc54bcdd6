"""The import table of docs/architecture.md, enforced on the source: nothing is imported, so nothing can hide.

Imports under `if TYPE_CHECKING:` and inside functions are read like all others.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TREES = (ROOT / "typedflow", ROOT / "mypy_plugin" / "typedflow_mypy")

# Lowest first. A room imports itself and the rows above its own in this table, never its own row's other rooms.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("typedflow.rules",),
    ("typedflow.errors",),
    ("typedflow.schema",),
    ("typedflow.definition",),
    ("typedflow.config", "typedflow.engine"),
    ("typedflow.snapshot",),
    ("typedflow.stores",),
    ("typedflow.execution",),
    ("typedflow.durability",),
    ("typedflow.api",),
    ("typedflow.distributed", "typedflow.testing"),
    ("typedflow.pytest_plugin",),
    ("typedflow.cli",),
)
# The plugin stands beside the levels: it sees the rules and no more.
PLUGIN = "typedflow_mypy"
PLUGIN_SEES = ("typedflow.rules",)
# Its own modules and rooms, lowest first, by the same rule: a check sees no cache.
PLUGIN_LEVELS: tuple[tuple[str, ...], ...] = (
    ("codes", "reporting", "settings", "supported"),
    ("reading",),
    ("cache", "checks"),
    ("hooks",),
    ("plugin",),
    ("",),
)
# The package itself only names what the rooms hold: no room imports it, but the top one, for the version.
ROOT_PACKAGE = "typedflow"
TOP = "typedflow.cli"

# What a room may import from outside of the project, beside the standard library.
THIRD_PARTY: dict[str, frozenset[str]] = {
    "typedflow.rules": frozenset({"typing_extensions"}),
    "typedflow.errors": frozenset({"typing_extensions"}),
    "typedflow.stores": frozenset({"msgspec", "typing_extensions", "cryptography"}),  # extra: sealed
    "typedflow.cli": frozenset({"msgspec", "typing_extensions", "typer", "rich"}),
    PLUGIN: frozenset({"typing_extensions", "mypy"}),
    "typedflow.pytest_plugin": frozenset({"pytest"}),
}
# What some modules of a room may import besides, as they are loaded by name: optional extras, one line each.
EXTRAS: dict[str, frozenset[str]] = {
    "typedflow.distributed.jobs": frozenset({"procrastinate", "psycopg"}),  # distributed
    "typedflow.stores.postgres": frozenset({"psycopg"}),  # postgres: and all modules that this name begins
}
STANDARD = sys.stdlib_module_names | {"annotationlib"}  # which is new in 3.14
RUNTIME_DEPENDENCIES = frozenset({"msgspec", "typing_extensions"})

# Modules of the standard library that would break what a room promises: no event loop, no clock, no threads.
CLOCKS_AND_LOOPS = frozenset({"asyncio", "concurrent", "sched", "select", "selectors", "socket", "threading", "time"})
FORBIDDEN: dict[str, frozenset[str]] = {
    "typedflow.rules": CLOCKS_AND_LOOPS,
    "typedflow.engine": CLOCKS_AND_LOOPS,
}

# (module, what it imports inside a function): optional extras only, one line each with its extra.
FUNCTION_IMPORTS: frozenset[tuple[str, str]] = frozenset(
    {
        ("typedflow.cli.main", "typedflow.cli.app"),  # cli: typer, rich
        ("typedflow.stores.keys", "cryptography.hazmat.primitives.ciphers.aead"),  # sealed: cryptography
        # pytest loads the plugin at its start, also where no test uses it
        ("typedflow.pytest_plugin", "typedflow.testing.golden"),
    }
)
# May load a module by its name: the lazy packages, and the command line, which gets the name from its user.
BY_NAME = ("import_module", "__import__")
IMPORT_BY_NAME = frozenset({ROOT_PACKAGE, "typedflow.distributed", "typedflow.stores", "typedflow.cli.loading"})


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, and where it is imported."""

    target: str
    line: int
    in_function: bool


def imports_of(tree: ast.AST, is_module: frozenset[str], in_function: bool = False) -> Iterator[Import]:
    """Yield every import of a syntax tree; `from a import b` imports `a.b` where that is a module."""
    for node in ast.iter_child_nodes(tree):
        inside = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, inside)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            for target in sorted({f"{base}.{a.name}" if f"{base}.{a.name}" in is_module else base for a in node.names}):
                yield Import(target, node.lineno, inside)
        else:
            yield from imports_of(node, is_module, inside)


@functools.cache  # all tests read all modules
def imports_in(source: str, is_module: frozenset[str]) -> tuple[Import, ...]:
    """Return every import of a source."""
    return tuple(imports_of(ast.parse(source), is_module))


def room_of(module: str) -> str:
    """Return the room of a module: `typedflow.schema` of `typedflow.schema.check`; all of the plugin is one room."""
    parts = module.split(".")
    return parts[0] if parts[0] == PLUGIN else ".".join(parts[:2])


def level_of(room: str) -> int | None:
    """Return the number of a room's row, None for a room that the table does not know."""
    return next((number for number, rooms in enumerate(LEVELS) if room in rooms), None)


def may_see(room: str, other: str) -> bool:
    """Return whether one room of the project may import another."""
    if room in (other, ROOT_PACKAGE):
        return True
    if other == ROOT_PACKAGE:
        return room == TOP
    if room == PLUGIN:
        return other in PLUGIN_SEES
    mine, theirs = level_of(room), level_of(other)
    return mine is not None and theirs is not None and theirs < mine


def may_see_in_plugin(module: str, other: str) -> bool:
    """Return whether one module of the plugin may import another."""
    mine, theirs = (f"{name}.".split(".")[1] for name in (module, other))
    if mine == theirs and mine in ("reading", "cache", "checks"):
        return True
    level = {name: number for number, names in enumerate(PLUGIN_LEVELS) for name in names}
    if level[mine] == 0:
        return level[theirs] == 0
    return level[theirs] < level[mine]


def extras_of(module: str) -> frozenset[str]:
    """Return what a module may import of the extras."""
    return next((names for start, names in EXTRAS.items() if module.startswith(start)), frozenset())


def check_import(module: str, found: Import) -> Iterator[str]:
    """Yield what one import of a module breaks."""
    room, target = room_of(module), found.target
    top = target.split(".")[0]
    if target.startswith("."):
        yield f"imports '{target}' relatively"
    elif top in (ROOT_PACKAGE, PLUGIN):
        in_plugin = room == top == PLUGIN
        if not (may_see_in_plugin(module, target) if in_plugin else may_see(room, room_of(target))):
            yield f"imports '{target}', which is not below it"
    elif top in FORBIDDEN.get(room, frozenset()):
        yield f"imports '{target}', which '{room}' must do without"
    elif top not in STANDARD and top not in THIRD_PARTY.get(room, RUNTIME_DEPENDENCIES) | extras_of(module):
        yield f"imports '{target}', which '{room}' may not depend on"
    if found.in_function and (module, target) not in FUNCTION_IMPORTS:
        yield f"imports '{target}' inside a function"


def loads_by_name(tree: ast.AST) -> Iterator[int]:
    """Yield the lines that name `import_module` or `__import__`."""
    for node in ast.walk(tree):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if name in BY_NAME:
            yield node.lineno  # type: ignore[attr-defined]  # both have a line


def check_module(module: str, source: str, is_module: frozenset[str]) -> list[str]:
    """Return what a module breaks, one line each, in the order of the source."""
    problems = []
    if module.rpartition(".")[2] in ("util", "utils", "helpers", "misc"):
        problems.append((0, "has a name that says nothing"))
    if room_of(module) not in (ROOT_PACKAGE, PLUGIN) and level_of(room_of(module)) is None:
        problems.append((0, "is in no row of LEVELS"))
    for found in imports_in(source, is_module):
        problems += [(found.line, text) for text in check_import(module, found)]
    if module not in IMPORT_BY_NAME and any(name in source for name in BY_NAME):
        problems += [(line, "loads a module by its name") for line in loads_by_name(ast.parse(source))]
    return [f"{module}:{line}: {text}" for line, text in sorted(set(problems))]


def find_cycle(sources: dict[str, str]) -> list[str] | None:
    """Return the modules of one import cycle, those under `if TYPE_CHECKING:` included; None where there is none."""
    known = frozenset(sources)
    graph = {
        module: {found.target for found in imports_in(source, known)} & known - {module}
        for module, source in sources.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return None


def read_sources() -> dict[str, str]:
    """Return the source of every module of the project, by its dotted name."""
    sources = {}
    for tree in TREES:
        for path in sorted(tree.rglob("*.py")):
            parts = path.relative_to(tree.parent).with_suffix("").parts
            sources[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return sources


SOURCES = read_sources()
ROOMS = frozenset(room for rooms in LEVELS for room in rooms)


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_module_imports_only_what_its_room_may(module: str) -> None:
    assert check_module(module, SOURCES[module], frozenset(SOURCES)) == []


def test_modules_do_not_import_each_other() -> None:
    rooms = {module: source for module, source in SOURCES.items() if module != ROOT_PACKAGE}
    assert find_cycle(rooms) is None


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(lambda: ROOMS, id="LEVELS"),
        pytest.param(lambda: {*THIRD_PARTY, *FORBIDDEN, *EXTRAS}, id="what a room may import"),
        pytest.param(lambda: {module for module, _ in FUNCTION_IMPORTS} | IMPORT_BY_NAME, id="how a module imports"),
    ],
)
def test_a_table_names_what_there_is(table: Callable[[], Collection[str]]) -> None:
    assert sorted(set(table()) - set(SOURCES)) == []


def test_every_exception_is_needed() -> None:
    known = frozenset(SOURCES)
    found = {
        (module, each.target)
        for module, source in SOURCES.items()
        for each in imports_in(source, known)
        if each.in_function
    }
    assert sorted(FUNCTION_IMPORTS - found) == []


def test_every_tree_is_read() -> None:
    assert {"typedflow", "typedflow.rules.problems", "typedflow.errors", "typedflow_mypy"} <= set(SOURCES)


@pytest.mark.parametrize(
    "module, source, problem",
    [
        (
            "typedflow.schema.check",
            "import typedflow.api.flow",
            "1: imports 'typedflow.api.flow', which is not below it",
        ),
        (
            "typedflow.schema.check",
            "from typedflow import engine",
            "1: imports 'typedflow.engine', which is not below it",
        ),
        (
            "typedflow.rules.paths",
            "from typedflow.errors import ContractError",
            "1: imports 'typedflow.errors', which is not below it",
        ),
        (
            "typedflow.snapshot.envelope",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from typedflow.stores import memory",
            "3: imports 'typedflow.stores', which is not below it",
        ),
        (
            "typedflow.cli.main",
            "import typedflow.web",
            "1: imports 'typedflow.web', which is not below it",
        ),
        (
            "typedflow.api.flow",
            "from typedflow import Flow",
            "1: imports 'typedflow', which is not below it",
        ),
        (
            "typedflow.api.flow",
            "def f():\n    import json",
            "2: imports 'json' inside a function",
        ),
        (
            "typedflow.api.flow",
            "class A:\n    async def f(self):\n        if self:\n            from typedflow.engine import plan",
            "4: imports 'typedflow.engine' inside a function",
        ),
        (
            "typedflow.engine.run",
            "import asyncio.events",
            "1: imports 'asyncio.events', which 'typedflow.engine' must do without",
        ),
        (
            "typedflow.engine.run",
            "from time import monotonic",
            "1: imports 'time', which 'typedflow.engine' must do without",
        ),
        (
            "typedflow.rules.paths",
            "import msgspec",
            "1: imports 'msgspec', which 'typedflow.rules' may not depend on",
        ),
        (
            "typedflow.rules.paths",
            "import asyncio",
            "1: imports 'asyncio', which 'typedflow.rules' must do without",
        ),
        (
            "typedflow.api.flow",
            "import rich",
            "1: imports 'rich', which 'typedflow.api' may not depend on",
        ),
        (
            "typedflow_mypy.checks.paths",
            "from typedflow.schema import types",
            "1: imports 'typedflow.schema', which is not below it",
        ),
        (
            "typedflow_mypy.checks.paths",
            "import msgspec",
            "1: imports 'msgspec', which 'typedflow_mypy' may not depend on",
        ),
        (
            "typedflow_mypy.checks.paths",
            "from typedflow_mypy.cache import memo",
            "1: imports 'typedflow_mypy.cache', which is not below it",
        ),
        (
            "typedflow_mypy.reading.calls",
            "from typedflow_mypy.checks.paths import check_get",
            "1: imports 'typedflow_mypy.checks.paths', which is not below it",
        ),
        (
            "typedflow.schema.check",
            "import typedflow_mypy",
            "1: imports 'typedflow_mypy', which is not below it",
        ),
        (
            "typedflow.schema.check",
            "from . import types",
            "1: imports '.' relatively",
        ),
        (
            "typedflow.schema.check",
            "import importlib\nimportlib.import_module('typedflow.execution')",
            "2: loads a module by its name",
        ),
        ("typedflow.schema.utils", "", "0: has a name that says nothing"),
        ("typedflow.attic.old", "", "0: is in no row of LEVELS"),
    ],
)
def test_planted_violation_is_found(module: str, source: str, problem: str) -> None:
    assert check_module(module, source, ROOMS) == [f"{module}:{problem}"]


@pytest.mark.parametrize(
    "module, source",
    [
        ("typedflow.api.flow", "import asyncio, msgspec\nfrom typedflow.schema import layers"),
        ("typedflow.engine.run", "import msgspec\nfrom typedflow.definition.nodes import Retry"),
        ("typedflow.stores.file", "from typedflow.snapshot import envelope"),
        ("typedflow.cli.main", "import argparse\nfrom typedflow.api import flow"),
        ("typedflow_mypy.checks.paths", "import mypy.nodes\nfrom typedflow.rules import problems"),
    ],
)
def test_allowed_imports_pass(module: str, source: str) -> None:
    assert check_module(module, source, ROOMS) == []


def test_planted_cycle_is_found_behind_type_checking() -> None:
    sources = {
        "typedflow.schema.a": "from typedflow.schema import b",
        "typedflow.schema.b": "if TYPE_CHECKING:\n    from typedflow.schema.a import A",
        "typedflow.schema.c": "from typedflow.schema.a import A",
    }
    cycle = find_cycle(sources)
    assert cycle is not None
    assert set(cycle) == {"typedflow.schema.a", "typedflow.schema.b"}
