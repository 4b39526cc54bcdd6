"""The oldest mypy that the plugin works with says what this one says; an older one is refused, in one line.

The newest that is published is 2.4.1, which every other test runs; 2.4.0 is the only other one within `>=2.4,<3`.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tests.mypy.programs import ROOT, case_sources, parse_findings, remark, strip, write_project
from tests.mypy.wheels import make_user, run
from typedflow_mypy.supported import OLDEST, require_supported

pytestmark = pytest.mark.one_python

OLDEST_RELEASE: Final = "2.4.0"
TOO_OLD: Final = "2.3.1"


def user_with(version: str, folder: Path, wheel: Path) -> Path:
    """Return the Python of a user who has one release of mypy."""
    packages = folder / "packages"
    pip = (sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-warn-conflicts")
    run(*pip, "--target", packages, f"mypy=={version}", cwd=folder)
    return make_user(folder / "user", wheel, packages)


@pytest.mark.full
def test_the_oldest_says_what_the_newest_says(tmp_path: Path, wheel: Path) -> None:
    python = user_with(OLDEST_RELEASE, tmp_path, wheel)
    mypy = python.with_name("mypy")
    assert run(mypy, "--version", cwd=tmp_path).startswith(f"mypy {OLDEST_RELEASE} ")
    sources = case_sources()
    project = write_project(tmp_path / "project", {name: strip(source) for name, source in sources.items()})
    out = run(mypy, "--output", "json", "--cache-dir", tmp_path / "cache", ".", cwd=project, code=1)
    assert remark(sources, parse_findings(out)) == sources


@pytest.mark.full
def test_an_older_one_is_refused_in_one_line(tmp_path: Path, wheel: Path) -> None:
    python = user_with(TOO_OLD, tmp_path, wheel)
    project = write_project(tmp_path / "project", {"program.py": "x = 1\n"})
    out = run(python.with_name("mypy"), "program.py", cwd=project, code=2, both=True)
    refused = f"the typedflow plugin works with mypy 2.4 or newer, and this is mypy {TOO_OLD} "
    refused += "(pip install 'mypy>=2.4,<3')"
    assert out.splitlines() == [
        "Found 1 error in 1 file (errors prevented further checking)",
        f'mypy.ini:3: error: Error importing plugin "typedflow_mypy": {refused}  [misc]',
    ]


@pytest.mark.parametrize("version", ["2.3.1", "1.19.1", "0.991"])
def test_an_older_version_is_refused(version: str) -> None:
    with pytest.raises(ImportError, match=f"mypy 2.4 or newer, and this is mypy {version} "):
        require_supported(version)


@pytest.mark.parametrize("version", ["2.4.0", "2.4.0+dev.5b8a", "2.10.3", "3.0.0", "unknown"])
def test_other_versions_are_taken(version: str) -> None:
    require_supported(version)


def test_the_oldest_is_the_one_that_the_package_asks_for() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert extras["mypy"] == ["mypy>=2.4,<3"]
    assert OLDEST == (2, 4)
    assert OLDEST_RELEASE.startswith("2.4")
