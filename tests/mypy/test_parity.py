"""The parity cases through the plugin: what `flow.validate()` says of a child in its parent, mypy says at its entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mypy.programs import Finding, run_mypy, write_project
from tests.parity.table import FOLDER, Case, read_cases

CASES = read_cases()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Finding]]:
    # in a package: one of them is called `types`
    sources = {f"cases/{path.name}": path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.py"))}
    project: Path = write_project(tmp_path_factory.mktemp("parity"), {"cases/__init__.py": "", **sources})
    findings: dict[str, list[Finding]] = {}
    for finding in run_mypy(project):
        findings.setdefault(Path(finding.file).stem, []).append(finding)
    return findings


def ends_at(case: Case) -> int:
    later = [other.line for other in CASES if other.theme == case.theme and other.line > case.line]
    return min(later, default=10**9)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_plugin_says_what_the_runtime_says(found: dict[str, list[Finding]], case: Case) -> None:
    mine = [f for f in found.get(case.theme, ()) if f.kind == "E" and case.line <= f.line < ends_at(case)]
    given = sorted((f.line, f.column, f.text.rpartition("  [")[0]) for f in mine)
    expected = sorted((e.line, e.column, e.rendered) for e in case.expected if not e.runtime_only)
    assert given == expected
