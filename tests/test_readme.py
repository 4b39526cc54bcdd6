"""README.md shows what happens: its example runs, its mistakes are refused as it quotes, its names are all there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import typedflow
import typedflow.distributed
import typedflow.stores
import typedflow.testing
from tests.docs.scenarios import read_commands
from tests.mypy.programs import CONFIG, copy_library_cache

HOME = Path(__file__).parent.parent
README = (HOME / "README.md").read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str]] = [
    (mark, text) for mark, text in re.findall(r"<!-- (\w+: .+?) -->\n```\w+\n(.*?)```", README, re.DOTALL)
]
EXAMPLE: str = dict(BLOCKS)["example: refund.py"]
MISTAKES: list[str] = [text for mark, text in BLOCKS if mark == "mistake: refund.py"]
SCREEN: str = dict(BLOCKS)["screen: refund"]
RUN = ("-m", "typedflow.cli", "run", "refund:flow", "--input", '{"number": "A-1", "cents": 2500}')


COMMANDS: dict[str, str] = {
    mark.removeprefix("command: "): text for mark, text in BLOCKS if mark.startswith("command: ")
}


def outputs() -> list[tuple[int, str, str]]:
    """Return what the page quotes: how many mistakes were made before it, the command, the output."""
    made, found = 0, []
    for mark, text in BLOCKS:
        made += mark.startswith("mistake")
        if mark.startswith("output"):
            found.append((made, mark.removeprefix("output: "), text))
    return found


def program(mistakes: int) -> str:
    """Return the example, with the last of so many mistakes in place of the line that assigns to the same name."""
    if not mistakes:
        return EXAMPLE
    mistake = MISTAKES[mistakes - 1]
    [right] = [
        line for line in EXAMPLE.splitlines(keepends=True) if line.startswith(mistake.partition(" = ")[0] + " =")
    ]
    return EXAMPLE.replace(right, mistake)


def environment() -> dict[str, str]:
    paths = os.pathsep.join([str(HOME), str(HOME / "mypy_plugin")])
    return {**os.environ, "PYTHONPATH": paths, "MYPYPATH": str(HOME), "NO_COLOR": "1", "COLUMNS": "200"}


def run(folder: Path, mistakes: int, *command: str) -> subprocess.CompletedProcess[str]:
    (folder / "refund.py").write_text(program(mistakes), encoding="utf-8")
    (folder / "mypy.ini").write_text(CONFIG, encoding="utf-8")
    return subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, env=environment(), check=False
    )


def test_the_example_is_short() -> None:
    assert len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 25


@pytest.mark.parametrize("mistakes, command, expected", [line for line in outputs() if line[1].startswith("run")])
def test_the_program_says_what_the_page_quotes(tmp_path: Path, mistakes: int, command: str, expected: str) -> None:
    done = run(tmp_path, mistakes, *RUN)
    assert (done.returncode, expected.strip() in done.stderr) == (1, True), done.stderr


@pytest.mark.one_python
@pytest.mark.parametrize("mistakes, command, expected", [line for line in outputs() if line[1].startswith("mypy")])
def test_mypy_says_what_the_page_quotes(tmp_path: Path, mistakes: int, command: str, expected: str) -> None:
    copy_library_cache(tmp_path / ".mypy_cache")
    done = run(tmp_path, mistakes, "-m", "mypy", "--config-file", "mypy.ini", "--no-error-summary", "refund.py")
    assert (done.returncode, done.stdout, done.stderr) == (1, expected, "")
    done = run(tmp_path, 0, "-m", "mypy", "--config-file", "mypy.ini", "--no-error-summary", "refund.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_screen_shows_what_happens(tmp_path: Path) -> None:
    (tmp_path / "refund.py").write_text(EXAMPLE, encoding="utf-8")
    for step in read_commands(SCREEN):
        line = step.line.replace("typedflow ", f"{sys.executable} -m typedflow.cli ", 1)
        done = subprocess.run(
            ["sh", "-c", line], cwd=tmp_path, env=environment(), stdout=-1, stderr=-2, text=True, check=False
        )
        assert done.stdout == step.output


def test_the_wiring_that_the_page_calls_wrong_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(EXAMPLE.replace(".to(decide).to(pay)", ".to(pay).to(decide)"), encoding="utf-8")
    done = run(tmp_path, 0, "-m", "typedflow.cli", "check", "wrong")
    assert (done.returncode, "TF701: flow 'Refund': step 'pay' takes bool, and gets Order" in done.stdout) == (1, True)


def test_the_commands_that_others_use_are_there() -> None:
    assert sorted(COMMANDS) == ["audit", "example", "quick", "tests", "worker"]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_one_line_of_a_shell_that_ends_at_the_first_failure(name: str) -> None:
    assert COMMANDS[name].count("\n") == 1
    assert not re.search(r";|\|\||[^&]&[^&]", COMMANDS[name])
    subprocess.run(["sh", "-n", "-c", COMMANDS[name]], check=True)


@pytest.mark.one_python
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_runs_tools_and_tests_that_are_there(name: str) -> None:
    words = shlex.split(COMMANDS[name])
    tools = [word.removeprefix(".venv/bin/") for word in words if word.startswith(".venv/bin/")]
    assert [tool for tool in tools if not Path(sys.executable).with_name(tool).exists()] == []
    assert [word for word in words if word.startswith("tests/") and not (HOME / word).exists()] == []


@pytest.mark.parametrize("module", [typedflow, typedflow.stores, typedflow.testing, typedflow.distributed])
def test_every_public_name_is_listed(module: object) -> None:
    rows = re.findall(r"^\| `([\w.]+)`(?:, [\w ]+)? \| (.+) \|$", README, re.MULTILINE)
    name, names = module.__name__, module.__all__  # type: ignore[attr-defined]  # a module
    listed = [found for home, cell in rows if home == name for found in re.findall(r"`(\w+)`", cell)]
    assert sorted(listed) == sorted(names)


def test_every_file_that_the_page_points_to_is_there() -> None:
    assert [path for path in re.findall(r"\]\((?!http)(.+?)\)", README) if not (HOME / path).exists()] == []


def test_the_flow_that_is_tested_in_ten_lines_passes_its_tests_and_mypy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_library_cache(tmp_path / ".mypy_cache")
    (tmp_path / "test_expense.py").write_text(dict(BLOCKS)["test: test_expense.py"], encoding="utf-8")
    # A start of pytest with all plugins that are installed takes longer than the test.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)  # it may have options of these plugins
    for command in (["pytest", "-q", "-p", "no:cacheprovider", "test_expense.py"], ["mypy", "test_expense.py"]):
        done = run(tmp_path, 0, "-m", *command)
        assert done.returncode == 0, done.stdout + done.stderr
