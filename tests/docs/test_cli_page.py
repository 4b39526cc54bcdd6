"""docs/cli.md and the tour of README.md show what happens: their commands print what the pages quote.

The commands of a page are called in order, in one folder.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from tests.cli.project import Project

HOME: Final = Path(__file__).parents[2]
PAGES: Final = ("docs/cli.md", "README.md")


def page_of(name: str) -> str:
    return (HOME / name).read_text(encoding="utf-8")


def parts_of(page: str) -> list[tuple[str, str]]:
    """Return the files, edits and screens of a page, in order."""
    return re.findall(r"<!-- (file: \S+|edit: \S+|screen) -->\n```\w+\n(.*?)```", page, re.DOTALL)


def commands(screen: str) -> list[tuple[str, list[str]]]:
    """Return the commands of a screen, each with the lines that it prints."""
    found: list[tuple[str, list[str]]] = []
    for line in screen.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            found[-1][1].append(line)
    return found


def pattern(lines: list[str]) -> str:
    """Return what the lines stand for: '…' is any text, alone on a line any lines."""
    return "".join("(?:.*\n)*" if line == "…" else re.escape(line).replace("…", ".+") + "\n" for line in lines)


def edited(project: Project, name: str, edits: str) -> str:
    """Return a file with each edit made: a line `before -> after`."""
    text = (project.folder / name).read_text(encoding="utf-8")
    for line in edits.splitlines():
        before, after = (part.strip() for part in line.split(" -> "))
        assert before in text
        text = text.replace(before, after)
    return text


@pytest.mark.parametrize("name", PAGES)
def test_the_commands_print_what_the_page_quotes(tmp_path: Path, name: str) -> None:
    project, code, called = Project(tmp_path), 0, 0
    for mark, text in parts_of(page_of(name)):
        if mark != "screen":
            kind, _, file = mark.partition(": ")
            project.write(file, text if kind == "file" else edited(project, file, text))
            continue
        for command, lines in commands(text):
            words = shlex.split(command)
            if words == ["echo", "$?"]:
                assert lines == [str(code)]
                continue
            assert words.pop(0) == "typedflow"
            done = project.run(*words, merged=True)
            code, called = done.code, called + 1
            assert re.fullmatch(pattern(lines), done.stderr), f"{command}\n{done.stderr}"
    assert called > 5


def test_every_command_of_the_page_is_checked() -> None:
    page = page_of("docs/cli.md")
    shown = [line for line in page.splitlines() if line.startswith("$ ") and not line.startswith("$ git ")]
    called = [command for mark, text in parts_of(page) if mark == "screen" for command, _ in commands(text)]
    assert shown == [f"$ {command}" for command in called]
