"""The checks of `.ci/run` as nox sessions, for one check or one Python at a time: `nox -l` lists them.

Each session has an environment of its own. `tests/test_contributing.py` compares the versions with the classifiers of
pyproject.toml, and the commands with those of `.ci/run`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import nox

PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14", "3.15")
MAIN: Final = "3.11"
"""The lowest supported version, for what is checked on one Python only."""
CHECKED: Final = ("typedflow", "mypy_plugin", "tests", "examples")
RULES_AND_ENGINE: Final = "typedflow/rules/*,typedflow/engine/*"
QUIET: Final = {"PYTHONDONTWRITEBYTECODE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", f"tests-{MAIN}", f"types-{MAIN}"]
nox.options.reuse_existing_virtualenvs = True


def install(session: nox.Session) -> None:
    """Install the tree with all that its tests need."""
    session.env.update(QUIET)
    session.install("-e", ".[test]")


@nox.session(python=MAIN)
def lint(session: nox.Session) -> None:
    """Check the style and the format of all files."""
    install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=PYTHONS)
def types(session: nox.Session) -> None:
    """Run mypy on the library, the plugin, the tests and the examples."""
    install(session)
    session.run("mypy", "--strict", *CHECKED)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests that can differ between Pythons; what follows `--` goes to pytest."""
    install(session)
    session.run("pytest", "-m", "not one_python and not long", "-p", "no:cacheprovider", *session.posargs)


@nox.session(python=MAIN)
def coverage(session: nox.Session) -> None:
    """Run all tests, and check how much of the code they ran."""
    install(session)
    session.run("pytest", "--cov", "--cov-report=")
    session.run("coverage", "report", "--fail-under=95")
    session.run("coverage", "report", f"--include={RULES_AND_ENGINE}", "--fail-under=100")


@nox.session(python=MAIN)
def full(session: nox.Session) -> None:
    """Run the full form of what the test command tries less of."""
    install(session)
    session.run("pytest", "-m", "long or full", "-p", "no:cacheprovider", env={"TYPEDFLOW_BUDGET": "4"})


@nox.session(python=MAIN)
def wheel(session: nox.Session) -> None:
    """Build the wheel, install it with nothing else, and import every public name of it."""
    session.env.update(QUIET)
    folder = Path(session.create_tmp()).resolve()
    for old in folder.glob("*.whl"):
        old.unlink()
    session.run("pip", "wheel", "-q", "--no-deps", "-w", str(folder), ".")
    built = next(folder.glob("typedflow-*.whl"))
    session.install("--force-reinstall", str(built))
    session.chdir(folder)
    session.run("python", "-W", "error", "-c", "from typedflow import *; print(Flow, Contract)")
    session.install(f"{built}[mypy]")
    (folder / "echo.py").write_text("from typedflow import Flow\n\nreveal_type(Flow)\n", encoding="utf-8")
    (folder / "mypy.ini").write_text("[mypy]\nstrict = true\nplugins = typedflow_mypy\n", encoding="utf-8")
    session.run("mypy", "--config-file", "mypy.ini", "echo.py")
