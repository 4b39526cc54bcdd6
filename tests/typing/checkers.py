"""Runs the real type checkers, each once over a folder of samples, as a user's project would have them run.

The checker sees this tree's typedflow, and no configuration but what is written here. What each of them prints is
turned into `Finding`s; a warning counts as an error.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.mypy.programs import copy_library_cache
from tests.typing.markers import Checker, Finding

ROOT: Final = Path(__file__).parents[2]

# `Found 27 diagnostics`, `All checks passed!`
TY_CLOSING: Final = re.compile(r"Found \d+ diagnostics?|All checks passed!")
TY_LINE: Final = re.compile(r"(?P<file>[^:]+):(?P<line>\d+):\d+: (?P<severity>\w+)\[(?P<rule>[\w-]+)\] (?P<text>.*)")
# Each checker's words for the answer to `reveal_type`.
REVEALED: Final = re.compile(
    r'Revealed type is "(.*)"|Revealed type: `(.*)`|revealed type: (.*)|Type of ".*" is "(.*)"', re.S
)


def run_checker(checker: Checker, samples: Path, scratch: Path) -> list[Finding]:
    """Run a checker over a copy of the samples in `scratch`, an empty folder, as if that were a user's project."""
    project = shutil.copytree(samples, scratch / "project", ignore=shutil.ignore_patterns("__pycache__"))
    return list(RUNNERS[checker](project, scratch))


def _run(*command: str | Path, cwd: Path, codes: tuple[int, ...] = (0, 1)) -> str:
    """Return what a command prints; an exit code that does not say "checked" is an error with all of its output."""
    search_path = os.pathsep.join([str(ROOT), str(ROOT / "mypy_plugin")])
    environment = {**os.environ, "MYPYPATH": str(ROOT), "PYTHONPATH": search_path, "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in codes, f"{command[0]} stopped with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _finding(path: str, line: int, severity: str, text: str) -> Finding | None:
    revealed = REVEALED.fullmatch(text)
    if revealed is not None:
        return Finding(Path(path).name, line, "reveal", next(group for group in revealed.groups() if group))
    if severity in ("error", "warning", "warn"):
        return Finding(Path(path).name, line, "error", text)
    return None


def _mypy(samples: Path, scratch: Path, plugins: str = "") -> Iterator[Finding]:
    config = scratch / "mypy.ini"
    config.write_text(f"[mypy]\nstrict = true\nplugins = {plugins}\n", encoding="utf-8")
    cache = copy_library_cache(scratch / "cache")
    out = _run("mypy", "--config-file", config, "--cache-dir", cache, "--output", "json", ".", cwd=samples)
    for row in map(json.loads, out.splitlines()):
        if finding := _finding(row["file"], row["line"], row["severity"], row["message"]):
            yield finding


def _mypy_with_plugin(samples: Path, scratch: Path) -> Iterator[Finding]:
    return _mypy(samples, scratch, plugins="typedflow_mypy")


def _pyright(samples: Path, scratch: Path) -> Iterator[Finding]:
    config = scratch / "pyrightconfig.json"
    config.write_text(json.dumps({"include": [str(samples)], "extraPaths": [str(ROOT)]}), encoding="utf-8")
    out = _run("pyright", "-p", config, "--pythonpath", sys.executable, "--outputjson", cwd=samples)
    rows: list[dict[str, Any]] = json.loads(out)["generalDiagnostics"]
    for row in rows:
        if finding := _finding(row["file"], row["range"]["start"]["line"] + 1, row["severity"], row["message"]):
            yield finding


def _ty(samples: Path, scratch: Path) -> Iterator[Finding]:
    config = scratch / "ty.toml"
    config.touch()
    command = ("check", "--config-file", config, "--python", sys.prefix, "--extra-search-path", ROOT)
    for line in _run("ty", *command, "--output-format", "concise", ".", cwd=samples).splitlines():
        if TY_CLOSING.fullmatch(line):
            continue
        row = TY_LINE.fullmatch(line)
        assert row is not None, f"ty printed a line that is not read: {line}"
        if finding := _finding(row["file"], int(row["line"]), row["severity"], row["text"]):
            yield finding


def _pyrefly(samples: Path, scratch: Path) -> Iterator[Finding]:
    config = scratch / "pyrefly.toml"
    config.write_text('preset = "default"\n', encoding="utf-8")
    command = (
        "check",
        "--config",
        config,
        "--search-path",
        samples,
        "--search-path",
        ROOT,
        "--python-interpreter-path",
        sys.executable,
    )
    files = sorted(samples.glob("*.py"))
    out = _run("pyrefly", *command, "--min-severity", "info", "--output-format", "json", *files, cwd=samples)
    rows: list[dict[str, Any]] = json.loads(out)["errors"]
    for row in rows:
        if finding := _finding(row["path"], row["line"], row["severity"], row["description"]):
            yield finding


RUNNERS: Final[dict[Checker, Callable[[Path, Path], Iterator[Finding]]]] = {
    "mypy": _mypy,
    "plugin": _mypy_with_plugin,
    "pyright": _pyright,
    "ty": _ty,
    "pyrefly": _pyrefly,
}
