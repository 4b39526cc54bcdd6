"""Programs made up at random: mypy and `flow.validate()` find the same problems, in the same words.

The quick form takes the first modules of the full one.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.budget import is_full
from tests.mypy.generated import PROGRAMS, Module
from tests.mypy.programs import Finding, run_mypy, write_project
from tests.parity.table import without_step
from typedflow import ContractError
from typedflow.rules.catalogue import CAPTURE, RULES, WRITE_BACK

SEED = int(os.environ.get("TYPEDFLOW_SEED", "1"))
MODULES = 60 if is_full() else 12
NAMES = [f"generated{number}" for number in range(MODULES)]
CHECKED = (CAPTURE, WRITE_BACK)

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = {f"{name}.py": Module(SEED * 1000 + number).source for number, name in enumerate(NAMES)}
    return write_project(tmp_path_factory.mktemp("generated"), sources)


@pytest.fixture(scope="module")
def by_mypy(project: Path) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in run_mypy(project):
        found.setdefault(finding.file.removesuffix(".py"), []).append(finding)
    return found


def load(project: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, project / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def found_by_runtime(build: Any) -> list[str]:
    try:
        build().validate()
    except ContractError as error:
        return sorted(without_step(problem) for problem in error.problems if RULES[problem.number].code in CHECKED)
    return []


@pytest.mark.parametrize("name", NAMES)
def test_both_find_the_same(project: Path, by_mypy: dict[str, list[Finding]], name: str) -> None:
    lines = (project / f"{name}.py").read_text(encoding="utf-8").splitlines()
    starts = [number for number, line in enumerate(lines, 1) if line.startswith("def program")]
    assert len(starts) == PROGRAMS
    module = load(project, name)
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(lines) + 1], strict=True)):
        said = [f.text for f in by_mypy.get(name, ()) if f.kind == "E" and start <= f.line < end]
        expected = found_by_runtime(getattr(module, f"program{number}"))
        program = "\n".join(lines[start - 1 : end - 1]).strip()
        assert sorted(text.rpartition("  [")[0] for text in said) == expected, program


def test_there_are_enough_programs() -> None:
    assert (900 if is_full() else 180) <= MODULES * PROGRAMS
