"""The screen of the audit in its README.md: its commands, run in a shell, print what it quotes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SCREEN: Final = re.compile(r"<!-- screen: license_audit -->\n```console\n(.*?)```", re.DOTALL)
AUDIT: Final = "9f3c…"
"""How the page shortens the audit's id."""


def commands(page: str) -> list[tuple[str, list[str]]]:
    """Return the commands of the screen, each with the lines that it prints."""
    (screen,) = SCREEN.findall(page)
    found: list[tuple[str, list[str]]] = []
    for line in screen.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            found[-1][1].append(line)
    return found


def pattern(lines: list[str]) -> str:
    """Return what the lines stand for: '…' is any text with the blanks behind it, alone on a line any lines."""
    return "".join("(?:.*\n)*" if line == "…" else re.sub(r"…(\\ )*", ".+", re.escape(line)) + "\n" for line in lines)


def test_the_screen_shows_what_happens(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
    audit = AUDIT
    for command, lines in commands((ROOT / "examples" / "license_audit" / "README.md").read_text(encoding="utf-8")):
        done = subprocess.run(
            ["sh", "-c", command.replace(AUDIT, audit)],
            cwd=tmp_path,
            env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if audit == AUDIT and (waiting := re.match(r"audit (\w+) waits", done.stdout)):
            audit = waiting[1]
        expected = pattern([line.replace(AUDIT, audit) for line in lines])
        assert re.fullmatch(expected, done.stdout), f"{command}\n{done.stdout}"
    assert audit != AUDIT
