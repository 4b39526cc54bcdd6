"""docs/cli.md shows what happens: its commands, called in order in one folder, print what the page quotes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

from tests.cli.project import Project

PAGE: Final = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
PARTS: Final[list[tuple[str, str]]] = re.findall(
    r"<!-- (file: \S+|edit: \S+|screen) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL
)


def commands(screen: str) -> list[tuple[str, list[str]]]:
    """Give the commands of a screen, each with the lines that it prints."""
    found: list[tuple[str, list[str]]] = []
    for line in screen.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            found[-1][1].append(line)
    return found


def pattern(lines: list[str]) -> str:
    """Give what the lines stand for: '…' is any text, alone on a line any lines."""
    return "".join("(?:.*\n)*" if line == "…" else re.escape(line).replace("…", ".+") + "\n" for line in lines)


def edited(project: Project, name: str, edits: str) -> str:
    """Give a file with each edit made: a line `before -> after`."""
    text = (project.folder / name).read_text(encoding="utf-8")
    for line in edits.splitlines():
        before, after = (part.strip() for part in line.split(" -> "))
        assert before in text
        text = text.replace(before, after)
    return text


def test_the_commands_print_what_the_page_quotes(tmp_path: Path) -> None:
    project, code, called = Project(tmp_path), 0, 0
    for mark, text in PARTS:
        if mark != "screen":
            kind, _, name = mark.partition(": ")
            project.write(name, text if kind == "file" else edited(project, name, text))
            continue
        for command, lines in commands(text):
            words = shlex.split(command)
            if words == ["echo", "$?"]:
                assert lines == [str(code)]
                continue
            assert words.pop(0) == "typedflow"
            done = project.run(*words)
            code, called = done.code, called + 1
            assert re.fullmatch(pattern(lines), done.stdout + done.stderr), f"{command}\n{done.stdout}{done.stderr}"
    assert called > 5


def test_every_command_of_the_page_is_checked() -> None:
    shown = [line for line in PAGE.splitlines() if line.startswith("$ ")]
    assert shown == [f"$ {command}" for mark, text in PARTS if mark == "screen" for command, _ in commands(text)]
