"""What an installed typedflow is: its names, its version, and what importing it costs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from mypy.options import Options
from mypy.plugin import Plugin

import typedflow
import typedflow_mypy
from typedflow import errors

ROOT = Path(__file__).parents[1]

# The public names by the design, with the records that an observer gets.
DESIGNED = {
    *("Contract", "State", "FlowState", "Resources", "Events"),
    *("Flow", "Process", "Data", "Execution", "Status", "Interrupt", "Retry", "Snapshot"),
    *("binding", "Capture", "WriteBack", "Failed", "StoredAs", "offload", "Observer"),
    *("Document", "Handlers"),
    *("ExecutionStarted", "ExecutionEnded", "StepStarted", "StepEnded", "StepFailed", "StepRetried", "StepPaused"),
    *("Answered", "ChildEntered", "ChildLeft", "ItemEnded", "Saved"),
}
ALIASES = {"Document", "Handlers"}
ERRORS = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}


def loaded_by(statement: str, *modules: str) -> list[str]:
    """Return those of the modules that a fresh interpreter has loaded after a statement."""
    program = f"import sys; {statement}; print(*(name for name in {modules!r} if name in sys.modules))"
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_all_is_what_the_design_names() -> None:
    assert set(typedflow.__all__) == DESIGNED | ERRORS


def test_all_is_sorted_and_each_name_is_there_once() -> None:
    assert list(typedflow.__all__) == sorted(set(typedflow.__all__))


@pytest.mark.parametrize("name", typedflow.__all__)
def test_each_public_name_is_loaded_from_its_home(name: str) -> None:
    found = getattr(typedflow, name)
    assert name in ALIASES or found.__name__ == name


@pytest.mark.parametrize("name", typedflow.__all__)
def test_readme_names_each_public_name(name: str) -> None:
    assert re.search(rf"\b{name}\b", (ROOT / "README.md").read_text(encoding="utf-8"))


def test_dir_lists_the_public_names() -> None:
    assert set(typedflow.__all__) <= set(dir(typedflow))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'typedflow' has no attribute 'Flo'$"):
        typedflow.Flo  # type: ignore[attr-defined]  # noqa: B018  # the point of the test


def test_star_import_gives_the_public_names() -> None:
    assert loaded_by("from typedflow import *; Flow, ContractError", "typedflow.api.flow") != []


def test_importing_the_package_loads_no_room() -> None:
    assert loaded_by("import typedflow", "msgspec", "asyncio", "typedflow.errors", "typedflow.schema") == []


@pytest.mark.parametrize("module", ["rules", "rules.problems", "rules.catalogue", "rules.shape", "errors"])
def test_the_rules_load_neither_msgspec_nor_asyncio(module: str) -> None:
    assert loaded_by(f"import typedflow.{module}", "msgspec", "asyncio", "mypy", "typedflow.schema") == []


def test_using_every_name_loads_nothing_optional() -> None:
    optional = ("mypy", "rich", "sqlite3", "http", "unittest", "typedflow.testing", "typedflow.cli", "typedflow_mypy")
    assert loaded_by("from typedflow import *", *optional) == []


def test_the_version_is_written_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    written = [
        path.relative_to(ROOT).as_posix()
        for path in sorted(ROOT.glob("typedflow/**/*.py")) + sorted(ROOT.glob("mypy_plugin/**/*.py"))
        if re.search(r"^__version__\s*=", path.read_text(encoding="utf-8"), re.M)
    ]
    assert written == [project["tool"]["hatch"]["version"]["path"]]
    assert re.fullmatch(r"\d+\.\d+\.\d+", typedflow.__version__)


def test_runtime_dependencies_are_two() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.split(r"[^\w-]", dependency)[0] for dependency in project["dependencies"]]
    assert names == ["msgspec", "typing-extensions"]


@pytest.mark.parametrize("package", ["typedflow", "mypy_plugin/typedflow_mypy"])
def test_packages_are_marked_as_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").read_bytes() == b""


def test_the_plugin_loads() -> None:
    plugin = typedflow_mypy.plugin("2.4.1")(Options())
    assert isinstance(plugin, Plugin)
