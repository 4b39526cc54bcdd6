"""The environment of a user: the wheel of this tree, and other packages, but nothing of the tree itself."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

from tests.mypy.programs import ROOT


def run(*command: str | Path, cwd: Path, code: int = 0, both: bool = False) -> str:
    """Run a command without anything of this tree in its reach; gives what it prints, on stderr too if asked for."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")}
    clean["PATH"] = os.pathsep.join([str(Path(command[0]).parent), clean.get("PATH", "")])
    clean["NO_COLOR"] = "1"
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr if both else done.stdout


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this tree."""
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (wheel,) = folder.glob("typedflow-*.whl")
    return wheel


def make_user(folder: Path, wheel: Path, *before: Path) -> Path:
    """Return the Python of a new environment: the wheel, the folders `before`, then the packages of this one."""
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    mypy = python.with_name("mypy")
    mypy.write_text(f"#!{python}\nfrom mypy.__main__ import console_entry\n\nconsole_entry()\n", encoding="utf-8")
    mypy.chmod(0o755)
    beside = [*before, Path(sysconfig.get_path("purelib"))]
    (site / "beside.pth").write_text("".join(f"{path}\n" for path in beside), encoding="utf-8")
    return python
