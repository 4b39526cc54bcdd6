"""Programs with mypy's findings written below their lines, and how they are run.

    data.require_resource("loger")
    #                     ^ E: TF101: … declares no resource 'loger' (did you mean 'logger'?)  [typedflow-resource]

A caret stands under the column; `@0` gives the column where there is no room for one. `R:` is what `reveal_type` says.
A case is right when marking what mypy reports of it gives the file as it is, so a difference reads as a diff, and
`python -m tests.mypy.programs` writes the markers of every case anew.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests import run_folder

ROOT: Final = Path(__file__).parents[2]
CASES: Final = Path(__file__).with_name("cases")
MARKER: Final = re.compile(r"\s*#\s*(?:\^|@\d+) [ENR]: ")
REVEALED: Final = re.compile(r'Revealed type is "(.*)"')

CONFIG: Final = "[mypy]\nstrict = true\nplugins = typedflow_mypy\n"
"""What the documents show. Tests that can do with it should: each other one has mypy check the library once more."""
STRICT: Final = CONFIG + "[typedflow-mypy]\nstrict_dynamic_keys = true\n"
LIBRARY: Final = ("msgspec", "typedflow", "typedflow.distributed", "typedflow.stores", "typedflow.testing")


class Finding(NamedTuple):
    """One thing that mypy says; the column counts from 0."""

    file: str
    line: int
    column: int
    kind: str
    text: str


def strip(source: str) -> str:
    """Return a program without its markers."""
    return "".join(line for line in source.splitlines(keepends=True) if not MARKER.match(line))


def mark(source: str, findings: Iterable[Finding]) -> str:
    """Return a program without markers the markers of what was found."""
    below: dict[int, list[Finding]] = {}
    for finding in sorted(set(findings), key=lambda f: (f.line, f.column, f.kind, f.text)):
        below.setdefault(finding.line, []).append(finding)
    lines = []
    for number, line in enumerate(source.splitlines(keepends=True), 1):
        lines.append(line)
        lines += [_marker(line, finding) for finding in below.get(number, ())]
    return "".join(lines)


def _marker(line: str, finding: Finding) -> str:
    indent = len(line) - len(line.lstrip())
    head = " " * indent + "#"
    if finding.column > indent:
        head += " " * (finding.column - indent - 1) + "^"
    else:
        head += f" @{finding.column}"
    return f"{head} {finding.kind}: {finding.text}\n"


def environment() -> dict[str, str]:
    """Return the environment of a user who has typedflow and its plugin installed."""
    search_path = os.pathsep.join([str(ROOT), str(ROOT / "mypy_plugin")])
    return {
        **os.environ,
        "MYPYPATH": str(ROOT),
        "PYTHONPATH": search_path,
        "TYPEDFLOW_MYPY_RAISE": "1",
        "NO_COLOR": "1",
    }


def write_project(folder: Path, sources: Mapping[str, str], config: str = CONFIG) -> Path:
    """Write a project: its modules, and mypy's configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    (folder / "mypy.ini").write_text(config, encoding="utf-8")
    return folder


def case_sources() -> dict[str, str]:
    """Return every case as it stands, with its markers."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(CASES.glob("*.py"))}


def run_mypy(
    project: Path, *flags: str, cache: Path | None = None, files: Iterable[str] = (".",), like: str = CONFIG
) -> list[Finding]:
    """Run mypy over a project in a process of its own.

    Without a cache of its own it gets a copy of `library_cache(like)`, which helps where the options are those of
    `like`: mypy itself leaves what was checked with others.
    """
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--output", "json", "--show-traceback"]
    with tempfile.TemporaryDirectory() as scratch:
        used = cache or copy_library_cache(Path(scratch) / "cache", like)
        command += ["--cache-dir", str(used), *flags, *files]
        done = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), f"mypy stopped with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return parse_findings(done.stdout)


def copy_library_cache(folder: Path, config: str = CONFIG) -> Path:
    """Copy `library_cache` to a new folder, and return that."""
    return shutil.copytree(library_cache(config), folder)


def library_cache(config: str = CONFIG) -> Path:
    """Return a cache in which the library and what it imports are checked with a configuration.

    It is made once for all processes of a run: nearly all of the time of a run of mypy over a small program goes there.
    """
    home = run_folder.get() / "mypy" / sha256(config.encode()).hexdigest()
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "ready").exists():
            imports = "".join(f"import {name}\n" for name in LIBRARY)
            project = write_project(home / "project", {"all.py": imports}, config)
            assert run_mypy(project, cache=home / "cache") == []
            (home / "ready").touch()
    return home / "cache"


def parse_findings(out: str) -> list[Finding]:
    """Read mypy's `--output json`."""
    return [_finding(json.loads(line)) for line in out.splitlines() if line.startswith("{")]


def _finding(row: Mapping[str, Any]) -> Finding:
    revealed = REVEALED.fullmatch(row["message"])
    if revealed is not None:
        return Finding(row["file"], row["line"], row["column"], "R", revealed[1])
    code = f"  [{row['code']}]" if row["code"] and row["severity"] == "error" else ""
    hint = f"  ({' '.join(row['hint'].split())})" if row.get("hint") else ""
    kind = "E" if row["severity"] == "error" else "N"
    return Finding(row["file"], row["line"], row["column"], kind, row["message"] + code + hint)


def remark(sources: Mapping[str, str], findings: Iterable[Finding]) -> dict[str, str]:
    """Return the programs with the markers of these findings in the place of their own."""
    by_file: dict[str, list[Finding]] = {}
    for finding in findings:
        by_file.setdefault(finding.file, []).append(finding)
    return {name: mark(strip(source), by_file.get(name, ())) for name, source in sources.items()}


def main() -> None:
    """Write the markers of every case anew."""
    sources = case_sources()
    with tempfile.TemporaryDirectory() as scratch:
        project = write_project(Path(scratch), {name: strip(source) for name, source in sources.items()})
        findings = run_mypy(project)
    for name, source in remark(sources, findings).items():
        if source != sources[name]:
            (CASES / name).write_text(source, encoding="utf-8")
            print(f"marked {name}")
    shutil.rmtree(CASES / "__pycache__", ignore_errors=True)


if __name__ == "__main__":
    main()
