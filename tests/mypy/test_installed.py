"""The plugin as a user installs it: from the wheel, in an environment of its own, cases run by pytest-mypy-plugins."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from typing import Final

import pytest

from tests.mypy.programs import ROOT

CASES: Final = Path(__file__).with_name("installed")
CONFIG: Final = "[mypy]\nstrict = true\nplugins = typedflow_mypy\n"


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command without anything of this tree in its reach."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")}
    clean["PATH"] = os.pathsep.join([str(Path(command[0]).parent), clean.get("PATH", "")])
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


pytestmark = pytest.mark.one_python


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the Python of an environment with the wheel, and with the other packages of this one."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (wheel,) = folder.glob("typedflow-*.whl")
    venv.create(folder / "user", symlinks=True)
    python = folder / "user" / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    mypy = python.with_name("mypy")
    mypy.write_text(f"#!{python}\nfrom mypy.__main__ import console_entry\n\nconsole_entry()\n", encoding="utf-8")
    mypy.chmod(0o755)
    (site / "beside.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    return python


def test_the_wheel_holds_the_plugin_and_its_marks(user: Path) -> None:
    program = "import typedflow, typedflow_mypy; print(typedflow.__file__); print(typedflow_mypy.__file__)"
    places = [Path(line) for line in run(user, "-c", program, cwd=user.parent).splitlines()]
    assert all(place.is_relative_to(user.parents[1]) for place in places)
    assert all((place.parent / "py.typed").exists() for place in places)


def test_the_cases_hold_for_the_installed_plugin(user: Path, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").touch()  # the plugin finds modules beside it
    (tmp_path / "mypy.ini").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "shop.py").write_text((CASES / "shop.py").read_text(encoding="utf-8"), encoding="utf-8")
    count = 0
    for path in CASES.glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        count += text.count("- case: ")
        (tmp_path / f"test_{path.name}").write_text(text, encoding="utf-8")
    out = run(
        user,
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "--mypy-ini-file", "mypy.ini", "."),
        cwd=tmp_path,
    )
    assert f"{count} passed" in out
    assert count >= 20
